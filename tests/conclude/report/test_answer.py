"""The headline and the strips: what a reader takes away in five seconds."""

from __future__ import annotations

from typing import Any

import pytest
from report_example import make_results

from embexp.conclude.report.answer import headline, split_lead, strips
from embexp.conclude.report.reading import StudyResults, turn

Rows = list[dict[str, Any]]


def recommended(*rows: tuple[int, str, list[str], str]) -> dict[str, Any]:
    """Return results with recommendations (n_labels, strategy, level_with, embedding_strategy)."""
    keys = ("n_labels", "strategy", "level_with", "embedding_strategy")
    return {"recommendations": [dict(zip(keys, row, strict=True)) for row in rows]}


def spans(results: dict[str, Any]) -> list[list[tuple[str, str]]]:
    return [[(span.strategy, span.range) for span in strip.spans] for strip in strips(StudyResults(results))]


@pytest.mark.parametrize(
    ("sentence", "lead"),
    [
        ("Undecided: a against b: more seeds.", "Undecided"),
        ("With fewer than 9 labels (95 % interval: 4 to 12), do a: +3 over b.", "With fewer than 9 labels (95 % "),
        ("The control wins at 9 labels (95 % interval: 4 to 12).", ""),
        ("The intervals hold for new seeds. At 9 labels: all seeds share them.", ""),
        ("At 10:30 it rained.", ""),
    ],
)
def test_lead_ends_at_the_first_colon_outside_brackets(sentence: str, lead: str) -> None:
    found, rest = split_lead(sentence)
    assert found + rest == sentence
    assert found.startswith(lead)
    assert bool(found) == bool(lead)


def test_headline_is_the_advice_of_the_conclusions() -> None:
    results = make_results()
    assert headline(results["advice"], results["verdict"]) == (
        "With fewer than about 880 labels, start from word2vec and leave it frozen. "
        "With more than about 880 labels, start from word2vec and fine-tune it."
    )


@pytest.mark.parametrize(
    ("sentences", "title"),
    [
        ([], "The study has no verdict: too few cells have finished."),
        (["Between 100 and 300 labels nothing was shown."], "Between 100 and 300 labels nothing was shown."),
        (["Only a was run: it goes from 1 to 2."], "Only a was run"),
    ],
)
def test_headline_of_a_study_without_advice(sentences: list[str], title: str) -> None:
    assert headline([], sentences) == title


def test_border_stands_at_the_crossover() -> None:
    results = recommended(
        (100, "frozen", [], "frozen"),
        (400, "frozen", [], "frozen"),
        (1600, "random", ["frozen"], "random"),
        (6400, "random", [], "random"),
    )
    assert spans(results) == [[("frozen", "100 to about 800"), ("random", "about 800 to 6,400")]]
    results["crossovers"] = [{"a": "random", "b": "frozen", "kind": "crossing", "estimate": 1234.5}]
    assert spans(results) == [[("frozen", "100 to about 1,200"), ("random", "about 1,200 to 6,400")]]


def test_new_leader_counts_only_if_the_old_one_is_shown_to_be_behind() -> None:
    results = recommended(
        (100, "finetuned", [], "finetuned"),
        (1000, "random", ["finetuned"], "random"),
        (2000, "finetuned", ["random"], "finetuned"),
        (9000, "random", ["finetuned"], "random"),
    )
    assert spans(results) == [[("finetuned", "100 to 9,000")]]


def test_control_has_a_strip_only_where_it_is_ahead() -> None:
    level = recommended((100, "frozen", [], "frozen"), (1000, "tfidf", ["frozen"], "frozen"))
    assert spans(level) == [[("frozen", "100 to 1,000")]]
    ahead = recommended((100, "frozen", [], "frozen"), (1000, "tfidf", [], "frozen"))
    assert spans(ahead) == [
        [("frozen", "100 to 1,000")],
        [("frozen", "100 to about 320"), ("tfidf", "about 320 to 1,000")],
    ]


def test_shares_fill_the_axis() -> None:
    for strip in strips(StudyResults(make_results())):
        assert sum(span.share for span in strip.spans) == pytest.approx(100)


def test_single_size_is_one_span() -> None:
    assert spans(recommended((500, "frozen", [], "frozen"))) == [[("frozen", "500")]]


def test_turning_a_contrast_twice_gives_it_back() -> None:
    rows = make_results()["contrasts"]
    assert {row["verdict"] for row in rows} >= {"better", "worse", "slightly worse", "equivalent", "undecided"}
    for row in rows:
        turned = turn(row)
        assert turned["difference"] == -row["difference"]
        assert (turned["ci_low"], turned["ci_high"]) == (-row["ci_high"], -row["ci_low"])
        again = turn(turned)
        assert again.pop("decide") == row.pop("decide")
        assert again == pytest.approx(row)


def test_contrasts_are_held_against_the_baseline() -> None:
    pairs = {(row["a"], row["b"]) for row in StudyResults(make_results()).contrasts}
    assert pairs == {
        ("frozen", "random"),
        ("finetuned", "random"),
        ("finetuned", "frozen"),
        *((own, control) for own in ("random", "frozen", "finetuned") for control in ("tfidf", "random_frozen")),
        ("random_frozen", "tfidf"),
    }
