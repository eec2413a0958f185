"""Fair tuning: every strategy of a cell chooses its settings with the same budget, on the cell's own labels alone.

    draws (from the seed) ──► each judged inside the labelled texts ──► the best one ──► fitted on all labels

The texts that score the cell are not looked at before the last fit. Without enough labels to judge on (one class, or
one text of each) the settings stay as they are given, and the record says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from embexp.classify.cell import CellData, CellResult, run_control, run_strategy, train_strategy
from embexp.classify.draws import Draw, Split, draws_of, splits_of
from embexp.classify.strategies import STRATEGIES
from embexp.classify.tfidf import TfidfSettings, features, fit_and_predict
from embexp.config import ClassifierConfig, TrainingConfig, TuningConfig

NOTHING_TO_JUDGE = "the labels hold no class twice, or one class only, so nothing could judge; the defaults were kept"
Tell = Callable[[float, float, str], None]
Right = Callable[[Draw, Split], int]  # how many judging texts a draw classifies rightly


@dataclass(frozen=True)
class Problem:
    """What is tuned: a strategy (or tfidf) with the settings that a draw changes."""

    strategy: str
    vector_size: int = 0
    classifier: ClassifierConfig | None = None
    training: TrainingConfig | None = None
    seed: int = 0


@dataclass(frozen=True)
class Tuned:
    """What tuning chose.

    Attributes:
        draw: The chosen values; None where nothing could judge.
        record: Plain JSON: the draws with their scores, the place of the chosen one, how it was judged.
        seconds: That judging took.
    """

    draw: Draw | None
    record: dict[str, Any]
    seconds: float


def run_tuned(
    problem: Problem, data: CellData, tuning: TuningConfig, tell: Tell = lambda done, total, unit: None
) -> tuple[CellResult, float]:
    """Choose a cell's settings on its labelled texts, train with them on all of these, and score.

    Args:
        problem: The strategy and what it starts from.
        data: Of the cell.
        tuning: Draws and how they are judged.
        tell: Told how many draws of how many are judged.

    Returns:
        The cell's result, whose record has the key `tuning`, and the seconds that choosing took.
    """
    tuned = choose(problem, data, tuning, tell)
    if problem.strategy == "tfidf":
        result = run_control(data, TfidfSettings(**(tuned.draw or {})))
    else:
        classifier, training = settings_of(problem)
        result = run_strategy(
            problem.strategy,
            data,
            vector_size=problem.vector_size,
            classifier=classifier,
            training=with_draw(training, tuned.draw),
            seed=problem.seed,
        )
    return replace(result, record=result.record | {"tuning": tuned.record}), tuned.seconds


def choose(
    problem: Problem, data: CellData, tuning: TuningConfig, tell: Tell = lambda done, total, unit: None
) -> Tuned:
    """Judge every draw inside the labelled texts and return the best; of equal ones the first drawn.

    The score of a draw is the share of judgements that are right. The vocabulary is that of the labelled texts: no
    other word can matter here.
    """
    started = time.perf_counter()
    splits = splits_of(data.labels, tuning, problem.seed)
    if not splits:
        return Tuned(None, {"fallback": NOTHING_TO_JUDGE, "draws": [], "chosen": None, "judged": 0, "splits": 0}, 0.0)
    draws = draws_of(problem.strategy, tuning, problem.seed)
    judge = _judge(problem, data.keep(data.labelled.types(1)), splits)
    judged = sum(len(judging) for _, judging in splits)
    scores = []
    for place, draw in enumerate(draws):
        tell(place, len(draws), "draws")
        scores.append(sum(judge(draw)) / judged)
    best = int(np.argmax(scores))  # the first of equal ones
    record = {
        "fallback": None,
        "draws": [draw | {"score": score} for draw, score in zip(draws, scores, strict=True)],
        "chosen": best,
        "judged": judged,
        "splits": len(splits),
    }
    return Tuned(draws[best], record, time.perf_counter() - started)


def _judge(problem: Problem, data: CellData, splits: Sequence[Split]) -> Callable[[Draw], list[int]]:
    """Return a function from a draw to the number of texts that it gets right in each split."""
    inner = [data.inside(*split) for split in splits]
    if problem.strategy != "tfidf":
        return lambda draw: [_right(problem, part, draw) for part in inner]
    counted: dict[int, list[tuple[Any, Any]]] = {}

    def judge(draw: Draw) -> list[int]:
        ngrams = draw["ngrams"]
        if ngrams not in counted:
            counted[ngrams] = [tfidf_features(part, ngrams) for part in inner]
        return [
            int((fit_and_predict(*found, part.labels, TfidfSettings(**draw))[0] == part.text_labels).sum())
            for found, part in zip(counted[ngrams], inner, strict=True)
        ]

    return judge


def tfidf_features(data: CellData, ngrams: int) -> tuple[Any, Any]:
    """Return the features of labelled and of judging texts."""
    sequences = data.labelled_sequences, data.text_sequences
    return features(data.labelled, data.texts, data.vocabulary_size, ngrams, sequences)


def _right(problem: Problem, data: CellData, draw: Draw) -> int:
    """Train on a part of the labels and count the judging texts that are classified rightly."""
    from embexp.classify.model import predict_classes

    classifier, training = settings_of(problem)
    trained = train_strategy(
        _as_good_as(problem.strategy, draw),
        data,
        vector_size=problem.vector_size,
        classifier=classifier,
        training=with_draw(training, draw),
        seed=problem.seed,
    )
    return int((predict_classes(trained.model, trained.reads) == data.text_labels).sum())


def _as_good_as(strategy: str, draw: Draw) -> str:
    """Return `frozen` for fine-tuning with a row rate of 0, which is the same and faster."""
    known = STRATEGIES[strategy]
    still = known.trained and known.pretrained and not known.static and draw["embedding_learning_rate"] == 0
    return "frozen" if still else strategy


def with_draw(training: TrainingConfig, draw: Draw | None) -> TrainingConfig:
    """Return the training settings with the values of a draw; those it does not hold stay."""
    if draw is None:
        return training
    factor = draw["budget_factor"]
    budget = replace(
        training.budget,
        min_steps=max(1, round(training.budget.min_steps * factor)),
        passes=training.budget.passes * factor,
    )
    rates = {key: draw[key] for key in ("learning_rate", "embedding_learning_rate") if key in draw}
    return replace(training, budget=budget, **rates)


def settings_of(problem: Problem) -> tuple[ClassifierConfig, TrainingConfig]:
    """Return the settings of a strategy's classifier and of its training."""
    if problem.classifier is None or problem.training is None:
        raise ValueError(f"strategy {problem.strategy!r} needs the settings of its classifier and its training")
    return problem.classifier, problem.training
