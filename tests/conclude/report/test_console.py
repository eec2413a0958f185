"""The answer on a terminal and in a pipe."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from report_example import make_results
from rich.console import Console

from embexp.conclude.report import console_verdict


def printed(results: dict, report: Path | None = None, **options: object) -> str:
    file = io.StringIO()
    Console(file=file, **options).print(console_verdict(results, report))
    return file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 100, 240])
def test_lines_are_no_wider_than_the_console_and_than_100(width: int) -> None:
    lines = printed(make_results(), width=width).splitlines()
    assert max(map(len, lines)) <= min(width, 100)


@pytest.mark.parametrize("width", [40, 80, 100])
def test_every_score_is_printed_once(width: int) -> None:
    results = make_results()
    text = printed(results, width=width)
    for point in results["curves"]:
        half = 50 * (point["ci_high"] - point["ci_low"])
        assert f"{100 * point['mean']:.1f} ± {half:.1f}" in text
    assert text.count("±") == len(results["curves"]) + 1  # and once in the legend
    for size in ("100", "300", "1,000", "3,000", "10,000", "20,000"):
        assert size in text


def test_best_of_each_size_has_a_star() -> None:
    results = make_results()
    text = printed(results, width=100)
    for size in {point["train_size"] for point in results["curves"]}:
        best = max((point for point in results["curves"] if point["train_size"] == size), key=lambda row: row["mean"])
        assert f"{100 * best['mean']:.1f} ± {50 * (best['ci_high'] - best['ci_low']):.1f}*" in text
    assert text.count("*") == 6 + 1  # one for each size and one in the legend


def test_names_in_brackets_are_no_markup() -> None:
    results = make_results()
    results["verdict"] = ["[bold]Use[/bold] [link=https://example.org]frozen[/link] \x1b[31mnow"]
    text = printed(results, width=100)
    assert "[bold]Use[/bold] [link=https://example.org]frozen[/link]" in text
    assert "\x1b" not in text


def test_path_is_whole_and_relative_where_it_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    inside = tmp_path / "outputs" / "main" / "2026-11-22_17-19-51-3f9c1a7b" / "report.html"
    assert f"Report: {inside.relative_to(tmp_path)}\n" in printed(make_results(), inside, width=80)
    assert "Report: /elsewhere/report.html\n" in printed(make_results(), Path("/elsewhere/report.html"), width=80)
    long = Path("/" + "x" * 300) / "report.html"
    assert f"Report: {long}" in printed(make_results(), long, width=80).replace("\n", "")


def test_failures_are_counted() -> None:
    results = make_results()
    results["failures"] = [{"title": "a", "reason": "b"}] * 3
    assert "3 tasks failed" in printed(results, width=80)
