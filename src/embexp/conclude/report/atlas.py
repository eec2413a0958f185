"""Several data sets as an atlas: what each found against what its texts are like, and over how many sets it holds.

    Comparison ──► places       one row for each data set: texts, crossover, label ratio
               ──► claims       over how many data sets a finding holds (statistics/replicability.py)

Nothing is fitted over data sets: they are few, and differ in more than one thing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embexp.conclude.report import words
from embexp.conclude.report.comparison import ComparedStudy, Comparison
from embexp.conclude.report.comparison_differences import classes, median_tokens, same_test_texts
from embexp.conclude.report.reading import Row, turn
from embexp.conclude.statistics.replicability import Replicability, one_sided, replicability
from embexp.conclude.statistics.wording import name

PAIR = ("random", "frozen")  # whose crossover is shown
RATIO = ("finetuned", "random")  # whose label ratio is shown, at the smallest train size
CONTROL = "tfidf"
ENDS = {"fewest": "with the fewest labels", "most": "with all labels"}
ALPHA = 0.025  # of each direction of a claim, so that both together have .05


@dataclass(frozen=True)
class Place:
    """One data set of the atlas.

    Attributes:
        study: Its study.
        tokens: Of the median text of the pool.
        classes: How many there are.
        pool: Labelled texts in the pool.
        crossovers: Rows of results.json at which learning from scratch and frozen word2vec meet, or the one that says
            there is none.
        ratio: The row of results.json on how many labels fine-tuned word2vec is worth, at the smallest train size.
    """

    study: ComparedStudy
    tokens: float | None
    classes: int | None
    pool: float | None
    crossovers: tuple[Row, ...]
    ratio: Row | None


@dataclass(frozen=True)
class Claim:
    """One finding and in how many data sets it holds.

    Attributes:
        better: A strategy.
        worse: Another.
        end: `fewest` or `most` labels of each study.
        found: In how many it holds.
        titles: Studies in which Holm's method shows it.
        tested: Studies that tested it.
    """

    better: str
    worse: str
    end: str
    found: Replicability
    titles: tuple[str, ...]
    tested: tuple[str, ...]


def data_sets(comparison: Comparison) -> list[ComparedStudy]:
    """Return the first study of each data set: others on the same texts would count it twice."""
    return [group[0] for group in same_test_texts(comparison.studies)]


def places(comparison: Comparison) -> list[Place]:
    """Return what each data set is like and found."""
    return [_place(study) for study in data_sets(comparison)]


def _place(study: ComparedStudy) -> Place:
    ratios = [row for row in study.rows("label_equivalence") if (row["a"], row["b"]) == RATIO]
    pool = (study.mapping("dataset").get("sizes") or {}).get("pool")
    return Place(
        study,
        median_tokens(study),
        classes(study),
        None if pool is None else float(pool),
        tuple(study.pair_rows("crossovers", *PAIR)),
        min(ratios, key=lambda row: row["train_size"], default=None),
    )


def claims(comparison: Comparison) -> list[Claim]:
    """Return, for each pair at the fewest and the most labels, the direction that holds in more data sets.

    Each direction is tested at half of .05. A pair that no data set decides is told in the direction that the
    differences of more sets have.
    """
    studies = data_sets(comparison)
    names = [*comparison.strategies, *([CONTROL] if CONTROL in comparison.controls else [])]
    return [
        claim
        for end in ENDS
        for pair in itertools.combinations(names, 2)
        if (claim := _claim(studies, pair, end)) is not None
    ]


def _claim(studies: Sequence[ComparedStudy], pair: tuple[str, str], end: str) -> Claim | None:
    rows = [(study, row) for study in studies if (row := _contrast(study, pair, end)) is not None]
    if len(rows) < 2:
        return None
    directions = []
    for sign in (1, -1):
        p = [one_sided(row["p_new"], sign * row["difference"]) for _, row in rows]
        ahead = sum(sign * row["difference"] > 0 for _, row in rows)
        found = replicability(np.array(p), ALPHA)
        directions.append((found.at_least, found.at_least_independent, ahead, sign, found))
    *_, sign, best = max(directions, key=lambda direction: direction[:4])
    better, worse = pair if sign > 0 else pair[::-1]
    titles = tuple(rows[place][0].title for place in best.named)
    return Claim(better, worse, end, best, titles, tuple(study.title for study, _ in rows))


def _contrast(study: ComparedStudy, pair: tuple[str, str], end: str) -> Row | None:
    """Return a pair's contrast at the fewest or most labels at which it has a p-value for new seeds and texts."""
    both = [row for row in study.rows("contrasts") if {row["a"], row["b"]} == set(pair)]
    known = [row for row in both if row.get("p_new") is not None and row.get("difference") is not None]
    if not known:
        return None
    row = (min if end == "fewest" else max)(known, key=lambda row: row["train_size"])
    sizes = study.measured_sizes
    if row["train_size"] != (sizes[0] if end == "fewest" else sizes[-1]):
        return None
    return row if row["a"] == pair[0] else turn(row)


def sentences(comparison: Comparison) -> Iterator[str]:
    """Say over how many data sets each claim holds, those first that hold in most."""
    for claim in sorted(claims(comparison), key=lambda claim: -claim.found.at_least):
        if claim.found.at_least:
            yield words.sentence(in_words(claim))


def in_words(claim: Claim) -> str:
    """Return a claim as a sentence without its full stop."""
    found, number = claim.found, claim.found.data_sets
    count = f"all {number}" if found.at_least == number else f"at least {found.at_least} of {number}"
    text = f"{name(claim.better)} is ahead of {name(claim.worse)} {ENDS[claim.end]} in {count} data sets"
    return f"{text} (shown one by one in {words.listed(claim.titles)})" if claim.titles else text


def records(comparison: Comparison) -> dict[str, Any]:
    """Return all numbers of the atlas, for comparison.json."""
    return {
        "data_sets": [
            {
                "study": place.study.title,
                "median_tokens": place.tokens,
                "classes": place.classes,
                "pool": place.pool,
                "crossovers": [dict(row) for row in place.crossovers],
                "label_ratio": None if place.ratio is None else dict(place.ratio),
            }
            for place in places(comparison)
        ],
        "claims": [
            {
                "better": claim.better,
                "worse": claim.worse,
                "labels": claim.end,
                "data_sets": claim.found.data_sets,
                "at_least": claim.found.at_least,
                "at_least_if_independent": claim.found.at_least_independent,
                "shown_in": list(claim.titles),
                "tested_in": list(claim.tested),
                "alpha": 2 * ALPHA,
            }
            for claim in claims(comparison)
        ],
    }
