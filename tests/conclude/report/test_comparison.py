"""Several studies side by side: what is said of them stands in their results, and what cannot be compared is said."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from report_example import CURVES, make_results

from embexp.conclude.report import write_comparison
from embexp.conclude.report.comparison import Comparison, differing_keys, name_studies
from embexp.conclude.report.comparison_differences import same_test_texts, sentences
from embexp.conclude.report.comparison_findings import agreement, headline, stretches
from embexp.conclude.report.comparison_findings import sentences as findings
from embexp.conclude.report.comparison_panels import comparison_panels
from embexp.conclude.report.comparison_table import comparison_table
from embexp.conclude.report.reading import StudyResults

NEWS = {
    "random": (0.80, 0.90, 0.94, 0.96, 0.965, 0.97),
    "frozen": (0.93, 0.94, 0.95, 0.955, 0.96, 0.96),
    "finetuned": (0.90, 0.95, 0.965, 0.97, 0.975, 0.98),
    "tfidf": (0.85, 0.93, 0.955, 0.965, 0.97, 0.972),
}
Results = dict[str, Any]


def study(name: str, fingerprint: str, **arguments: Any) -> Results:
    results = deepcopy(make_results(**arguments))
    results["study"] |= {"name": name, "dataset": name, "fingerprint": fingerprint * 8}
    results["dataset"]["name"] = results["config"]["dataset"]["name"] = name
    return results


def reviews() -> Results:
    return study("reviews", "aaaaaaaa", seeds=5, sizes=(100, 300, 1000))


def news() -> Results:
    results = study("news", "bbbbbbbb", seeds=4, curves=NEWS, sizes=(100, 1000, 3000))
    results["dataset"] |= {
        "digests": {"news.csv": "77" * 32},
        "labels": ["business", "politics", "sports", "tech"],
        "sizes": {"pool": 1780, "test": 445},
        "median_tokens": {"pool": 372.0, "test": 364.0},
    }
    results["config"]["training"]["learning_rate"] = 0.004
    return results


def compared(*results: Results) -> Comparison:
    return Comparison(results, [f"outputs/{place}" for place in range(len(results))])


def recommending(name: str, leaders: Mapping[int, tuple[str, str]], verdict: str) -> Results:
    """Return a study of random and frozen whose leaders (embedding strategy, of all) and contrasts are given."""
    return {
        "study": {"name": name, "fingerprint": name * 8},
        "curves": [{"strategy": s, "train_size": n, "mean": 0.5} for s in ("random", "frozen") for n in leaders],
        "recommendations": [
            {"n_labels": n, "strategy": best, "embedding_strategy": own} for n, (own, best) in leaders.items()
        ],
        "contrasts": [
            {"a": "frozen", "b": "random", "train_size": n, "difference": 0.1 if own == "frozen" else -0.1}
            | {"verdict": verdict if own == "frozen" else verdict.replace("better", "worse")}
            for n, (own, _) in leaders.items()
        ],
    }


# --- where they agree ---------------------------------------------------------------------------------------------


def test_same_leader_everywhere_is_told_as_such() -> None:
    leaders = {100: ("frozen", "frozen"), 300: ("frozen", "tfidf")}
    pair = compared(recommending("a", leaders, "better"), recommending("b", leaders, "slightly better"))
    assert [(s.agreement.kind, s.sizes) for s in stretches(pair)] == [("same", (100, 300))]
    assert headline(pair) == "From 100 to 300 labels frozen word2vec scores highest in both studies."
    assert findings(pair)[0] == (
        "From 100 to 300 labels frozen word2vec scores highest in both studies, "
        "and is shown to be ahead of every other strategy."
    )


@pytest.mark.parametrize(("verdict", "kind"), [("undecided", "level"), ("equivalent", "level"), ("better", "apart")])
def test_other_leaders_are_apart_only_where_the_data_show_it(verdict: str, kind: str) -> None:
    one = recommending("a", {100: ("frozen", "frozen")}, verdict)
    other = recommending("b", {100: ("random", "random")}, verdict)
    found = agreement(compared(one, other), 100)
    assert found is not None
    assert (found.kind, found.leaders) == (kind, ("frozen", "random"))


def test_a_strategy_that_one_study_lacks_is_no_common_ground() -> None:
    one = recommending("a", {100: ("frozen", "frozen")}, "undecided")
    other = recommending("b", {100: ("random", "random")}, "undecided")
    other["curves"] = [row for row in other["curves"] if row["strategy"] == "random"]
    other["contrasts"] = []
    found = agreement(compared(one, other), 100)
    assert found is not None
    assert (found.kind, found.strategy) == ("level", "random")


def test_headline_follows_the_sizes() -> None:
    one = recommending("a", {100: ("frozen", "frozen"), 300: ("frozen", "frozen"), 900: ("frozen", "frozen")}, "better")
    other = recommending(
        "b", {100: ("frozen", "frozen"), 300: ("random", "random"), 900: ("random", "random")}, "better"
    )
    assert headline(compared(one, other)) == (
        "At 100 labels frozen word2vec scores highest in both studies; "
        "from 300 labels on the best strategy depends on the study."
    )


def test_studies_without_a_common_size_are_not_ranked() -> None:
    pair = compared(
        recommending("a", {100: ("frozen", "frozen")}, "better"),
        recommending("b", {200: ("frozen", "frozen")}, "better"),
    )
    assert headline(pair).startswith("The studies have no train size in common")
    assert any(said.startswith("No train size was measured in all studies") for said in sentences(pair))


def test_crossovers_are_those_of_the_studies() -> None:
    pair = compared(reviews(), news())
    said = "\n".join(findings(pair))
    crossing = [row for each in pair.studies for row in each.rows("crossovers") if row["kind"] == "crossing"]
    own = [row for row in crossing if not {row["a"], row["b"]} & set(pair.controls)]
    assert len(own) >= 2
    assert said.count("at about") == len(own)
    assert said.count(" overtakes ") == len({(row["ahead_after"], row["ahead_before"]) for row in own})


@pytest.mark.parametrize(
    ("intervals", "said"),
    [
        (((200, 500), (400, 900)), "These intervals overlap."),
        (((200, 500), (600, 900)), "These intervals do not all overlap."),
        (((200, None), (600, 900)), "These intervals overlap."),
        (((None, 500), (600, 900)), "These intervals do not all overlap."),
    ],
)
def test_overlap_of_crossovers_counts_open_ends(intervals: tuple[tuple[Any, Any], ...], said: str) -> None:
    results = []
    for name, (low, high) in zip("ab", intervals, strict=True):
        one = recommending(name, {100: ("frozen", "frozen")}, "better")
        crossing = {"a": "random", "b": "frozen", "kind": "crossing", "estimate": 550.0, "ci_low": low, "ci_high": high}
        results.append(one | {"crossovers": [crossing | {"ahead_before": "frozen", "ahead_after": "random"}]})
    assert findings(compared(*results))[1].endswith(said)


def test_a_control_that_wins_is_named_with_its_sizes() -> None:
    ahead = make_results(
        seeds=5, curves=CURVES | {"tfidf": (0.85, 0.86, 0.87, 0.88, 0.9, 0.91)}, sizes=(100, 300, 1000)
    )
    ahead["study"]["fingerprint"] = "c" * 64
    ahead["study"]["name"] = "winning"
    pair = compared(ahead, news())
    assert pair.studies[0].control_standings("tfidf") == {"ahead": [100, 300, 1000]}
    (said,) = [each for each in findings(pair) if each.startswith("The control TF-IDF")]
    assert "is ahead of the best strategy in winning (at every size)" in said


# --- what cannot be compared --------------------------------------------------------------------------------------


def test_different_data_is_told_in_plain_sentences() -> None:
    said = "\n".join(sentences(compared(reviews(), news())))
    assert "score on different texts (reviews: 5,000 test texts of reviews; news: 445 test texts of news)" in said
    assert "The numbers of classes differ: 2 (reviews), 4 (news)." in said
    assert "The median texts differ in tokens: 195 (reviews), 372 (news)." in said
    assert "The numbers of seeds differ: 5 (reviews), 4 (news)." in said
    assert "The train sizes differ; common to all studies: 100 and 1,000 labels." in said
    assert "A difference between two studies has none" in said


def test_the_only_key_that_differs_is_named_with_its_values() -> None:
    slow = reviews()
    slow["config"]["training"]["learning_rate"] = 0.002
    slow["study"]["fingerprint"] = "d" * 64
    pair = compared(reviews(), slow)
    assert [study.title for study in pair.studies] == ["reviews, learning_rate=0.001", "reviews, learning_rate=0.002"]
    said = sentences(pair)
    assert said[0].startswith("All studies score on the same test texts")
    assert any("training.learning_rate is 0.001 (reviews, learning_rate=0.001); 0.002 (rev" in each for each in said)
    assert not any("classes" in each or "seeds differ" in each for each in said)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"config": {"dataset": {"split_seed": 1}}}, False),
        ({"config": {"dataset": {"label": "stars"}}}, True),
        ({"dataset": {"digests": {"movie_reviews.csv": "00" * 32}}}, False),
        ({"dataset": {"sizes": {"pool": 20000, "test": 4000}}}, False),
        ({"study": {"evaluated_on": "validation"}}, False),
    ],
)
def test_test_texts_are_the_same_only_with_file_and_split(change: dict[str, Any], same: bool) -> None:
    other = reviews()
    for key, values in change.items():
        target, entries = (other[key], values) if key != "config" else (other[key]["dataset"], values["dataset"])
        target |= entries
    assert (len(same_test_texts(compared(reviews(), other).studies)) == 1) == same


def test_columns_that_are_both_named_must_agree() -> None:
    one, other = reviews(), reviews()
    one["config"]["dataset"]["label"], other["config"]["dataset"]["label"] = "stars", "topic"
    assert len(same_test_texts(compared(one, other).studies)) == 2


def test_keys_that_move_no_number_do_not_count() -> None:
    one = {"name": "a", "store": "x", "executor": {"kind": "serial"}, "training": {"device": "auto"}}
    other = {"name": "b", "store": "y", "executor": {"kind": "dask"}, "training": {"device": "auto", "schedule": None}}
    assert [(each.key, each.values) for each in differing_keys([one, other])] == [
        ("training.schedule", ("not set", None))
    ]


def test_labels_are_never_the_same() -> None:
    same = [StudyResults({"study": {"name": "a", "dataset": "d", "fingerprint": letter * 64}}) for letter in "xyz"]
    assert name_studies(same) == ["a (xxxxxxxx)", "a (yyyyyyyy)", "a (zzzzzzzz)"]
    apart = [StudyResults({"study": {"name": "a", "dataset": name}}) for name in ("d", "e")]
    assert name_studies(apart) == ["a, d", "a, e"]


# --- table and files ----------------------------------------------------------------------------------------------


def test_table_tells_each_study_in_its_column() -> None:
    table = comparison_table(compared(reviews(), news()))
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}
    assert table.header == ("", "reviews", "news")
    assert rows["labelled texts in the pool"] == ["20,000", "1,780"]
    assert rows["classes"] == ["2", "4"]
    assert rows["seeds"] == ["5", "4"]
    assert {"best with 100 labels", "best with 1,000 labels"} == {label for label in rows if label.startswith("best")}
    assert rows["frozen random against the best strategy"][1] == "not measured"
    for record in table.records:
        if record["fact"] == "best with 100 labels" and record["study"] == "news":
            row = next(row for row in news()["recommendations"] if row["n_labels"] == 100)
            assert record["value"] in (row["expected"], row["embedding_expected"])
            assert rows["best with 100 labels"][1].count(f"{100 * record['value']:.1f} %") == 1


def test_panels_look_alike_and_share_the_size_axis() -> None:
    panels = comparison_panels(compared(reviews(), news()))
    assert panels is not None
    first, second = panels.charts
    assert first.x.limits == second.x.limits
    assert (first.x.tick_labels, second.x.tick_labels) == (("100", "300", "1k"), ("100", "1k", "3k"))
    styles = [{line.keys: line.style for line in chart.series} for chart in panels.charts]
    assert {key: styles[0][key] for key in styles[1]} == styles[1]
    assert not any(set(row.keys) & chart.controls for chart in panels.charts for row in chart.rows)


def test_an_unknown_strategy_looks_the_same_beside_others() -> None:
    one, other = reviews(), news()
    for results, old, new in ((one, "finetuned", "zebra"), (other, "finetuned", "zebra"), (other, "frozen", "ant")):
        text = json.dumps(results).replace(f'"{old}"', f'"{new}"')
        results.update(json.loads(text))
    panels = comparison_panels(compared(one, other))
    assert panels is not None
    looks = [next(line.style for line in chart.series if line.keys == ("zebra",)) for chart in panels.charts]
    assert looks[0] == looks[1]


def test_score_axis_is_shared_unless_it_flattens_a_panel() -> None:
    flat = news()
    for row in flat["curves"]:
        row |= {key: 0.97 + row[key] / 1000 for key in ("mean", "ci_low", "ci_high")}
    shared, apart = comparison_panels(compared(reviews(), news())), comparison_panels(compared(reviews(), flat))
    assert shared is not None
    assert apart is not None
    assert len({chart.y.limits for chart in shared.charts}) == 1
    assert len({chart.y.limits for chart in apart.charts}) == 2


def test_files_are_complete_and_come_again_to_the_byte(tmp_path: Path) -> None:
    results, places = [reviews(), news()], ["outputs/reviews/latest", "outputs/news/latest"]
    paths = [
        write_comparison(results, places, tmp_path / each, "f" * 64, "embexp report a b").html.parent for each in "ab"
    ]
    files = sorted(path.relative_to(paths[0]).as_posix() for path in paths[0].rglob("*") if path.is_file())
    assert files == [
        "comparison.json",
        *(f"figures/{name}.{ending}" for name in ("atlas", "comparison") for ending in ("pdf", "png", "svg")),
        *("report.html", "report.md"),
        *(f"tables/{name}.{ending}" for name in ("atlas", "atlas_claims", "comparison") for ending in ("csv", "tex")),
    ]
    for name in files:
        assert (paths[0] / name).read_bytes() == (paths[1] / name).read_bytes(), name
    content = json.loads((paths[0] / "comparison.json").read_text(encoding="utf-8"))
    assert [each["folder"] for each in content["studies"]] == places
    assert content["common_sizes"] == [100, 1000]
    assert [row for row in content["curves"] if row["study"] == "news"] == [
        {"study": "news", **row} for row in results[1]["curves"]
    ]
    markdown = (paths[0] / "report.md").read_text(encoding="utf-8")
    assert all(f"- {said}" in markdown for said in (*content["verdict"][1:], *content["not_comparable"]))
    with (paths[0] / "tables/comparison.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(content["table"])


def test_gaps_leave_out_what_rests_on_them(tmp_path: Path) -> None:
    bare = {"schema_version": 1, "study": {"fingerprint": "e" * 64}}
    paths = write_comparison([bare, reviews()], ["x", "y"], tmp_path, "f" * 64, "embexp report x y")
    assert "no train size in common" in paths.markdown.read_text(encoding="utf-8")
