"""Train a group of cells together on a torch device, and score each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from embexp.classify.cell import CellData, CellResult, Trained, score_trained, untrained
from embexp.classify.device import room_on
from embexp.classify.model import MeanClassifier
from embexp.classify.routes import warm_up
from embexp.classify.strategies import STRATEGIES
from embexp.classify.together import Learner, train_together
from embexp.classify.tuning import Problem, settings_of
from embexp.config import TrainingConfig


@dataclass(frozen=True)
class Begun:
    """A cell before its first step.

    Attributes:
        name: Of its strategy.
        data: What it reads.
        learner: Its classifier and batches.
        training: Its settings.
        seconds: That this took.
    """

    name: str
    data: CellData
    learner: Learner
    training: TrainingConfig
    seconds: float


def run_group(
    cells: Iterable[tuple[Problem, CellData]],
    tell: Callable[[int, int], None] = lambda done, steps: None,
    room: int | None = None,
) -> Iterator[list[CellResult]]:
    """Train cells of one group (`routes.group_of`), as many at a time as fit on the device.

    Args:
        cells: Each is read when it is begun.
        tell: Told how many steps of how many are done.
        room: Bytes that cells may take on the device together; None for a share of what is free.

    Yields:
        The results of those that are finished, in the order given. The training time of a cell is its own start and
        an equal share of what they did together.
    """
    waiting: list[Begun] = []
    for problem, data in cells:
        begun = _begin(problem, data)
        room = room_on(begun.training.device) if room is None else room
        if waiting and sum(one.learner.device_bytes for one in [*waiting, begun]) > room:
            yield _finish(waiting, tell)
            waiting = []
        waiting.append(begun)
    if waiting:
        yield _finish(waiting, tell)


def _begin(problem: Problem, data: CellData) -> Begun:
    classifier, training = settings_of(problem)
    warm_up(True, classifier.encoder, training.device)
    started = time.perf_counter()
    model, batches = untrained(
        problem.strategy,
        data,
        vector_size=problem.vector_size,
        classifier=classifier,
        training=training,
        seed=problem.seed,
    )
    if not isinstance(model, MeanClassifier):
        raise TypeError(f"{type(model).__name__} is no classifier of mean vectors: it trains by itself")
    learner = Learner(model, data.labelled, data.labels, batches, STRATEGIES[problem.strategy].trained)
    return Begun(problem.strategy, data, learner, training, time.perf_counter() - started)


def _finish(cells: list[Begun], tell: Callable[[int, int], None]) -> list[CellResult]:
    training, started = cells[0].training, time.perf_counter()
    losses = train_together([cell.learner for cell in cells], training, training.device, tell)
    share = (time.perf_counter() - started) / len(cells)
    results = []
    for cell, own in zip(cells, losses, strict=True):
        learner = cell.learner
        tokens = int(learner.labelled.tokens()[learner.batches.ravel()].sum())
        trained = Trained(learner.model, own, tokens, cell.seconds + share, cell.data.texts)
        results.append(score_trained(cell.name, cell.data, trained))
    return results
