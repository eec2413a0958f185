"""The files of a report: complete, self-contained, the same numbers as results.json, the same bytes again."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from report_example import Report

from embexp.conclude.report import write_report

FIGURES = ("learning_curves", "differences", "label_equivalence", "forecasts", "costs", "timeline")


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def as_csv(value: Any) -> str:
    return "" if value is None else str(value)


def test_comes_again_from_results_json_to_the_byte(report: Report, output: Path) -> None:
    write_report(json.loads(json.dumps(report.results)), output)
    first = report.paths.html.parent
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(output) for path in output.rglob("*") if path.is_file())
    for name in files:
        assert (first / name).read_bytes() == (output / name).read_bytes(), name


def test_paths_name_every_file(report: Report) -> None:
    paths = report.paths
    named = {paths.html, paths.markdown, paths.cells}
    for group in (paths.figures, paths.tables):
        named |= {path for files in group.values() for path in files.values()}
    assert named == {path for path in paths.html.parent.rglob("*") if path.is_file()}
    assert set(paths.figures) == set(FIGURES)
    assert all(set(files) == {"svg", "png", "pdf"} for files in paths.figures.values())


def test_page_is_one_file_below_six_megabytes(report: Report) -> None:
    page = report.paths.html.read_text(encoding="utf-8")
    assert report.paths.html.stat().st_size < 6_000_000
    linked = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert linked
    assert [link for link in linked if not link.startswith(("#", "data:"))] == []


@pytest.mark.parametrize("name", ["contrasts", "crossovers", "label_equivalence", "recommendations", "costs"])
def test_csv_holds_the_records_of_results_json(report: Report, name: str) -> None:
    written = read_csv(report.paths.tables[name]["csv"])
    meant = [{key: as_csv(value) for key, value in row.items()} for row in report.results[name]]
    assert sorted(written, key=json.dumps) == sorted(meant, key=json.dumps)


def test_cells_csv_holds_the_cells(report: Report) -> None:
    written = read_csv(report.paths.cells)
    assert written == [{key: as_csv(value) for key, value in row.items()} for row in report.results["cells"]]


def test_scores_are_the_same_in_html_markdown_and_latex(report: Report) -> None:
    page = report.paths.html.read_text(encoding="utf-8")
    markdown = report.paths.markdown.read_text(encoding="utf-8")
    latex = report.paths.tables["scores"]["tex"].read_text(encoding="utf-8")
    assert len(report.results["curves"]) == 30
    for point in report.results["curves"]:
        mean, half = 100 * point["mean"], 50 * (point["ci_high"] - point["ci_low"])
        assert f"{mean:.1f} ± {half:.1f}" in page
        assert f"{mean:.1f} ± {half:.1f}" in markdown
        assert rf"{mean:.1f} $\pm$ {half:.1f}" in latex
    # The best at 100 labels is frozen word2vec, whatever the language.
    best = next(row for row in report.results["curves"] if (row["strategy"], row["train_size"]) == ("frozen", 100))
    mean, half = 100 * best["mean"], 50 * (best["ci_high"] - best["ci_low"])
    assert f"**{mean:.1f} ± {half:.1f}**" in markdown
    assert rf"\textbf{{{mean:.1f} $\pm$ {half:.1f}}}" in latex


def test_latex_tables_are_booktabs_with_full_rows(report: Report) -> None:
    for files in report.paths.tables.values():
        lines = files["tex"].read_text(encoding="utf-8").splitlines()
        columns = re.search(r"\\begin\{tabular\}\{([lr]+)\}", "\n".join(lines))
        assert columns is not None
        rows = [line for line in lines if line.endswith(r"\\")]
        assert len(rows) >= 2
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(columns[1])}
        assert [line for line in lines if line.endswith("rule")] == [r"\toprule", r"\midrule", r"\bottomrule"]


def test_markdown_links_the_figures(report: Report) -> None:
    links = re.findall(r"\]\(([^)]+)\)", report.paths.markdown.read_text(encoding="utf-8"))
    assert links == [f"figures/{name}.svg" for name in FIGURES]
    assert all((report.paths.markdown.parent / link).is_file() for link in links)


def test_verdict_comes_first_and_whole(report: Report) -> None:
    headline = (
        "With fewer than about 880 labels, start from word2vec and leave it frozen. "
        "With more than about 880 labels, start from word2vec and fine-tune it."
    )
    markdown = report.paths.markdown.read_text(encoding="utf-8")
    assert markdown.split("\n\n")[2] == f"**{headline}**"
    page = report.paths.html.read_text(encoding="utf-8")
    assert f"<h1>{headline}</h1>" in page
    assert len(report.results["verdict"]) > 5
    for sentence in report.results["verdict"]:
        assert f"- {sentence}" in markdown
        assert f"<p>{sentence}</p>" in page.replace("<strong>", "").replace("</strong>", "")
    assert page.index("<h1>") < page.index("<figure") < page.index("<h2>What this holds for")
