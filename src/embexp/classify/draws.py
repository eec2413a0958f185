"""What tuning tries, and on which of a cell's own labels it judges: draws and splits, fixed by the seed alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embexp.classify.generators import generator
from embexp.classify.strategies import STRATEGIES
from embexp.config import TuningConfig

Draw = dict[str, Any]
Split = tuple[NDArray[np.int64], NDArray[np.int64]]

# Columns of the uniform numbers behind the draws. A parameter has the same numbers in every strategy, so that two
# strategies try the same values of what they share.
COLUMNS = ("learning_rate", "embedding_learning_rate", "zero", "budget_factor", "C", "ngrams", "sublinear")
JUDGED = 100  # labels below which cross-validation is repeated, until so many judgements are made
MOST_REPEATS = 3


def draws_of(strategy: str, tuning: TuningConfig, seed: int) -> list[Draw]:
    """Return the draws of a strategy (or of tfidf): independent of each other, the same at every train size.

    More draws begin with the same ones.
    """
    shares = generator(seed, "tuning").random((tuning.draws, len(COLUMNS)))
    return [_draw(strategy, tuning, dict(zip(COLUMNS, map(float, row), strict=True))) for row in shares]


def _draw(strategy: str, tuning: TuningConfig, share: dict[str, float]) -> Draw:
    if strategy == "tfidf":
        return {
            "inverse_regularisation": log_uniform(tuning.inverse_regularisation, share["C"]),
            "ngrams": tuning.ngrams[int(share["ngrams"] * len(tuning.ngrams))],
            "sublinear": share["sublinear"] < 0.5,
        }
    known = STRATEGIES[strategy]
    draw: Draw = {
        "learning_rate": log_uniform(tuning.learning_rate, share["learning_rate"]),
        "budget_factor": log_uniform(tuning.budget_factor, share["budget_factor"]),
    }
    if known.trained:
        rate = log_uniform(tuning.embedding_learning_rate, share["embedding_learning_rate"])
        frozen = known.pretrained and share["zero"] < tuning.zero_share
        draw["embedding_learning_rate"] = 0.0 if frozen else rate
    return draw


def log_uniform(limits: Sequence[float], share: float) -> float:
    """Return the value that lies at a share (0 to 1) of a range on a log scale, to four significant digits."""
    low, high = limits
    return float(f"{low * (high / low) ** share:.4g}")


def settings_read(strategy: str, tuning: TuningConfig) -> dict[str, Any]:
    """Return the settings of tuning that move a strategy's bytes."""
    keys = ["kind", "draws", "folds", "folds_until", "held_out"]
    if strategy == "tfidf":
        keys += ["inverse_regularisation", "ngrams"]
    else:
        known = STRATEGIES[strategy]
        keys += ["learning_rate", "budget_factor"]
        keys += ["embedding_learning_rate"] if known.trained else []
        keys += ["zero_share"] if known.trained and known.pretrained else []
    return {key: getattr(tuning, key) for key in keys}


def splits_of(labels: NDArray[np.int64], tuning: TuningConfig, seed: int) -> list[Split]:
    """Return how labelled texts are split for judging: (places that are learned from, places that judge).

    Stratified cross-validation, repeated with new folds where there are fewer than `JUDGED` texts; one stratified
    split beyond `tuning.folds_until`. Every class that occurs is learned from in every split: a class's only text
    never judges. Where nothing is left to judge, or there is one class only, the list is empty.
    """
    sizes = np.bincount(labels)
    able = int(sizes[sizes > 1].sum())
    if able == 0 or np.count_nonzero(sizes) < 2:
        return []
    rng = generator(seed, "tuning splits")
    if len(labels) > tuning.folds_until:
        folds = max(2, round(1 / tuning.held_out))
        return splits_by_fold(deal(labels, folds, rng), folds)[:1]
    folds = min(tuning.folds, able)
    repeats = min(MOST_REPEATS, math.ceil(JUDGED / len(labels)))
    return [split for _ in range(repeats) for split in splits_by_fold(deal(labels, folds, rng), folds)]


def deal(labels: NDArray[np.int64], folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Deal texts out to folds, int64, shape (texts,): one class after the other, each in random order.

    Folds differ by one text at most, and so do the numbers of one class in them. The only text of a class gets -1.
    """
    fold = np.full(len(labels), -1, np.int64)
    dealt = 0
    for number in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == number))
        if len(members) > 1:
            fold[members] = (dealt + np.arange(len(members))) % folds
            dealt += len(members)
    return fold


def splits_by_fold(fold: NDArray[np.int64], folds: int) -> list[Split]:
    """Return a split for each fold that holds a text; the texts of no fold are always learned from."""
    numbers = [number for number in range(folds) if (fold == number).any()]
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in numbers]
