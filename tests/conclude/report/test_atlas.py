"""The atlas: one row and one point a data set, and only as many data sets as the p-values carry."""

from __future__ import annotations

import csv
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from report_example import make_results

from embexp.conclude.report import write_comparison
from embexp.conclude.report.atlas import claims, data_sets, places, sentences
from embexp.conclude.report.atlas_page import blocks, panels, place_table
from embexp.conclude.report.comparison import Comparison

Results = dict[str, Any]


def data_set(name: str, digest: str, p: float = 1e-6, difference: float = 0.1, **changes: Any) -> Results:
    """Return a study of its own texts in which frozen leads random at 100 labels, with that p, and random at 1,000."""
    results = deepcopy(make_results(seeds=3, sizes=(100, 1000)))
    results["study"] |= {"name": name, "dataset": name, "fingerprint": digest * 32}
    results["dataset"] |= {"digests": {"train": digest}, "labels": ["a", "b"]} | changes
    lead = {"a": "frozen", "b": "random", "train_size": 100, "difference": difference, "p_new": p, "verdict": "better"}
    end = {"a": "random", "b": "frozen", "train_size": 1000, "difference": 0.02, "p_new": 0.001, "verdict": "better"}
    results["contrasts"] = [lead, end]
    results["crossovers"] = [
        {"a": "random", "b": "frozen", "kind": "crossing", "estimate": 400.0, "ci_low": 250.0, "ci_high": None}
        | {"ahead_before": "frozen", "ahead_after": "random", "possible": True}
    ]
    return results


def compared(*results: Results) -> Comparison:
    return Comparison(results, [f"outputs/{place}" for place in range(len(results))])


def test_a_claim_holds_in_as_many_data_sets_as_are_shown():
    comparison = compared(data_set("one", "11"), data_set("two", "22"), data_set("weak", "33", p=0.6))
    found = {(claim.better, claim.worse, claim.end): claim for claim in claims(comparison)}
    few, most = found["frozen", "random", "fewest"], found["random", "frozen", "most"]
    assert (few.found.at_least, few.found.data_sets, few.titles) == (2, 3, ("one", "two"))
    assert (most.found.at_least, most.titles) == (3, ("one", "two", "weak"))
    told = list(sentences(comparison))
    assert told[0].endswith("with all labels in all 3 data sets (shown one by one in one, two and weak).")
    assert "at least 2 of 3 data sets (shown one by one in one and two)" in told[1]


def test_evidence_against_each_other_is_not_added_up():
    comparison = compared(data_set("one", "11"), data_set("against", "22", difference=-0.1))
    [claim] = [claim for claim in claims(comparison) if claim.end == "fewest"]
    assert claim.found.at_least == claim.found.at_least_independent == 1


def test_a_data_set_counts_once_however_many_studies_it_has():
    comparison = compared(data_set("one", "11"), data_set("again", "11"), data_set("two", "22"))
    assert [study.title for study in data_sets(comparison)] == ["one", "two"]
    assert {claim.found.data_sets for claim in claims(comparison)} == {2}


def test_one_data_set_is_no_atlas(tmp_path):
    assert blocks(compared(data_set("one", "11"), data_set("again", "11"))) == []
    paths = write_comparison([data_set("one", "11")], ["outputs/one"], tmp_path, "f" * 64, "embexp report")
    assert json.loads(paths.json.read_text(encoding="utf-8"))["atlas"] is None


@pytest.mark.parametrize(("ahead", "arrow", "y"), [("frozen", "up", 1000.0), ("random", "down", 100.0)])
def test_a_crossover_out_of_range_is_a_triangle_at_the_end_where_it_may_lie(ahead, arrow, y):
    results = data_set("one", "11")
    none = {"kind": "none", "estimate": None, "ci_low": None, "ci_high": None, "ahead_before": ahead}
    results["crossovers"][0] |= none | {"ahead_after": ahead, "possible": False}
    found = places(compared(results, data_set("two", "22")))
    figure = panels(found)
    assert figure is not None
    series = figure.charts[0].series[0]
    assert (series.arrows, series.y) == ((arrow, ""), (y, 400.0))
    assert (series.low[0], series.high[0]) == (None, None)
    assert series.high[1] == figure.charts[0].y.limits[1]  # an open end reaches the edge
    assert "none in range" in place_table(found).rows[0][4].text


def test_a_fact_that_is_not_known_leaves_its_panel_out():
    unknown = [data_set(name, digest, median_tokens=None) for name, digest in (("one", "11"), ("two", "22"))]
    figure = panels(places(compared(*unknown)))
    assert figure is not None
    assert not any("text length" in chart.title for chart in figure.charts)
    assert {chart.title.split(",")[1] for chart in figure.charts} == {" by classes", " by pool"}


def test_page_table_and_json_hold_the_same_numbers(tmp_path: Path):
    studies = [data_set("one", "11"), data_set("<b>two", "22")]
    paths = write_comparison(studies, ["a", "b"], tmp_path, "f" * 64, "embexp report a b")
    content = json.loads(paths.json.read_text(encoding="utf-8"))["atlas"]
    with (tmp_path / "tables" / "atlas.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["measure"] == "crossover"]
    assert [float(row["value"]) for row in rows] == [each["crossovers"][0]["estimate"] for each in content["data_sets"]]
    page = paths.html.read_text(encoding="utf-8")
    assert "Over how many data sets a finding holds" in page
    assert "<b>two" not in page
    assert (tmp_path / "figures" / "atlas.pdf").is_file()
