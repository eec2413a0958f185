"""What a study lacks is left out of its report: no figure for what is not there, and no crash."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from report_example import CURVES, make_results
from rich.console import Console

from embexp.conclude.report import console_verdict, write_report
from embexp.conclude.report.blocks import Material
from embexp.conclude.report.charts import Chart
from embexp.conclude.report.draw_matplotlib import draw
from embexp.conclude.report.figures import prepare_figures
from embexp.conclude.report.markdown_page import write_markdown
from embexp.conclude.report.page import render_html
from embexp.conclude.report.reading import StudyResults
from embexp.conclude.report.sections import build_sections
from embexp.conclude.report.tables import latex_table
from embexp.conclude.report.tabulation import prepare_tables

Results = dict[str, Any]
BY_SIZE = ("curves", "contrasts", "label_equivalence", "costs", "cells")


def one_strategy() -> Results:
    return make_results(curves={"frozen": CURVES["frozen"]})


def one_size() -> Results:
    return make_results(sizes=(1000,))


def one_seed() -> Results:
    """One seed carries no interval and no p-value."""
    return make_results(seeds=1)


def no_controls() -> Results:
    return make_results(curves={name: CURVES[name] for name in ("random", "frozen", "finetuned")})


def only_controls() -> Results:
    return make_results(curves={name: CURVES[name] for name in ("tfidf", "random_frozen")})


def no_crossovers() -> Results:
    results = make_results()
    for row in results["crossovers"]:
        row |= {"kind": "none", "estimate": None, "ci_low": None, "ci_high": None}
    return results


def missing_cells() -> Results:
    """Two sizes of a strategy failed as a whole, and one cell of another."""
    gone = [("frozen", size, seed) for size in (300, 1000) for seed in range(10)]
    return make_results(missing=(*gone, ("random", 100, 3)))


def null_numbers() -> Results:
    """Every number that the contract allows to be null is null, or not finite."""
    results = make_results()
    for row in results["contrasts"]:
        row |= {"difference": None, "ci_low": None, "ci_high": None, "p": float("nan"), "verdict": None}
    for row in results["label_equivalence"]:
        row |= {key: None for key in row if key.startswith(("ratio", "equivalent", "saved"))}
    for row in results["costs"]:
        row |= {"train_seconds": None, "parameters": None, "trained_parameters": None}
    for row in results["recommendations"]:
        row |= {"expected": float("inf"), "ci_low": None, "ci_high": None}
    for row in results["fits"]:
        row |= {"residual": None, "held_out": [], "forecasts": [], "reason": "too few sizes"}
    return results


def many_classes() -> Results:
    results = make_results()
    results["dataset"]["labels"] = [f"class number {place:03d} with a rather long name" for place in range(150)]
    counts = [max(1, 900 // (place + 1)) for place in range(150)]
    results["dataset"]["class_counts"] = {"pool": counts, "test": counts}
    return results


def long_names() -> Results:
    curves = {f"strategy_with_a_very_long_name_{'x' * 40}_{name}": means for name, means in CURVES.items()}
    results = make_results(curves=curves)
    results["study"]["name"] = results["study"]["dataset"] = "d" * 200
    return results


def many_sizes() -> Results:
    results = make_results()
    for key in BY_SIZE:
        extra = [row | {"train_size": row["train_size"] * 7 // 5} for row in results[key]]
        results[key] = results[key] + extra + [row | {"train_size": row["train_size"] + 3} for row in results[key]]
    return results


def nothing_at_all() -> Results:
    return {}


CASES: list[Callable[[], Results]] = [
    *(one_strategy, one_size, one_seed, no_controls, only_controls, no_crossovers, missing_cells),
    *(null_numbers, many_classes, long_names, many_sizes, nothing_at_all),
]


def prepare(results: Results) -> Material:
    study = StudyResults(results)
    return Material(study, prepare_figures(study), prepare_tables(study))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_every_gap_gives_page_markdown_tables_and_figures(case: Callable[[], Results]) -> None:
    material = prepare(case())
    sections = build_sections(material)
    markdown = write_markdown("title", sections)
    page = render_html("title", material, sections, {})
    for text in (markdown, page.partition("page-data")[0]):
        assert "None" not in text
        assert "nan" not in text.replace("finance", "")
    for figure in material.figures.values():
        draw(figure).draw_without_rendering()
    for table in material.tables.values():
        assert latex_table(table).count(r"\\") == len(table.rows) + 1


@pytest.mark.parametrize(
    ("case", "figures"),
    [
        (one_strategy, {"learning_curves", "forecasts", "costs", "timeline"}),
        (one_size, {"learning_curves", "differences", "costs", "timeline"}),
        (one_seed, {"learning_curves", "differences", "costs", "timeline"}),
        (null_numbers, {"learning_curves", "timeline"}),
        (nothing_at_all, set()),
    ],
)
def test_no_figure_for_what_is_not_there(case: Callable[[], Results], figures: set[str]) -> None:
    assert set(prepare(case()).figures) == figures


def test_empty_results_still_leave_a_readable_report(output: Path) -> None:
    paths = write_report({}, output)
    page = paths.html.read_text(encoding="utf-8")
    assert "The study has no verdict" in page
    assert "plotly-packed" not in page.partition("<script>")[0]  # no figure, so no drawing script
    assert paths.figures == {}
    assert paths.tables == {}
    assert paths.cells.read_text(encoding="utf-8") == "\n"


def test_failures_are_told_with_the_answer() -> None:
    page = write_markdown("title", build_sections(prepare(missing_cells())))
    assert page.index("21 tasks failed") < page.index("## Learning curves")
    assert "frozen, 300 labels, seed 2: killed by signal 9" in page


def test_a_strip_row_needs_a_crossing() -> None:
    assert prepare(no_crossovers()).figures["learning_curves"].rows == ()
    rows = prepare(make_results()).figures["learning_curves"].rows
    assert [row.keys for row in rows] == [("random", "frozen"), ("frozen", "finetuned")]
    assert rows[0].label == "learned from scratch overtakes frozen word2vec"


def test_single_seed_has_points_without_intervals() -> None:
    series = prepare(one_seed()).figures["learning_curves"].series
    assert len(series) == 5
    assert all(set(line.low) == {None} for line in series)
    assert "±" not in write_markdown("title", build_sections(prepare(one_seed()))).replace("mean over seeds ±", "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_console_verdict_survives_every_gap(case: Callable[[], Results]) -> None:
    printed = io.StringIO()
    Console(width=80, file=printed).print(console_verdict(case()))
    assert max(map(len, printed.getvalue().splitlines()), default=0) <= 80


def test_validation_scores_are_never_called_test_scores() -> None:
    results = make_results()
    results["study"]["evaluated_on"] = "validation"
    material = prepare(results)
    text = write_markdown("title", build_sections(material))
    assert "Validation accuracy in percent" in text
    assert "test accuracy" not in text.lower()
    assert "scored on validation texts" in text
    assert all("test accuracy" not in figure.title.lower() for figure in material.figures.values())
    chart = material.figures["learning_curves"]
    assert isinstance(chart, Chart)
    assert chart.y.label == "validation accuracy, %"
