"""Gather what a study measured into the content of results.json."""

from __future__ import annotations

import contextlib
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from embexp.conclude.measurements import Measurements
from embexp.config import StudyConfig
from embexp.engine.plan import in_order
from embexp.engine.scheduler import Outcome
from embexp.engine.store import Store
from embexp.engine.task import Task
from embexp.study import Cell, Plan
from embexp.text import open_dataset, places_of_classes
from embexp.tracking.address import mask_all
from embexp.tuningcard import describe_tuning, protocol_sentence
from embexp.vectorcard import (
    NOT_REPRODUCIBLE,
    describe_word2vec,
    intervals_sentence,
    is_reproducible,
    vectors_are_held_fixed,
)

SCHEMA_VERSION = 1
DETAILS = ("history", "tuning")  # of a cell's record: too long for a row
PACKAGES = ("embexp", "torch", "gensim", "numpy", "scipy", "scikit-learn", "numba", "polars", "datasets", "mlflow")


class Measured:
    """The finished cells of a study, as the store holds them."""

    def __init__(self, plan: Plan, store: Store, outcome: Outcome) -> None:
        gone = {failure.task for failure in outcome.failed} | {*outcome.blocked, *outcome.left}
        self.plan = plan
        self.store = store
        self.outcome = outcome
        self.cached = set(outcome.cached)
        self.cells = [cell for cell in plan.cells if cell.task not in gone]
        self.datasets = {
            fold.number: open_dataset(store.path(fold.dataset.fingerprint), store.path(fold.counts.fingerprint))
            for fold in plan.folds
        }
        self.dataset = self.datasets[plan.folds[0].number]

    def record(self, cell: Cell) -> dict[str, Any]:
        """Return a cell's record joined with its training time and fingerprint: a row of `cells`."""
        record = self.store.read_record(cell.task.fingerprint)
        timing = self.store.read_timing(cell.task.fingerprint)
        if cell.word2vec_seed is not None:
            record["word2vec_seed"] = cell.word2vec_seed
        if cell.fold is not None:
            record["fold"] = cell.fold
        record["test_balanced_accuracy"] = balanced_accuracy(self.confusion(cell))
        if "tuning_seconds" in timing:
            record["tuning_seconds"] = timing["tuning_seconds"]
        return record | {
            "train_seconds": timing["train_seconds"],
            "cached": cell.task in self.cached,
            "fingerprint": cell.task.fingerprint,
        }

    def predictions(self, cell: Cell) -> Any:
        """Return the predicted class of each test text of a cell's fold, int16."""
        return np.load(self.store.path(cell.task.fingerprint) / "predictions.npy", allow_pickle=False)

    def confusion(self, cell: Cell) -> Any:
        """Return how many test texts of each class (rows) were taken for each (columns)."""
        dataset = self.datasets[cell.fold]
        classes = len(dataset.classes)
        pairs = np.asarray(dataset.test.labels, np.int64) * classes + self.predictions(cell)
        return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)

    def memory(self) -> dict[str, float | None]:
        """Return the peak memory in bytes of the worker that ran each cell, None where the system does not tell it.

        The peak is the worker's since its start, the cells it ran before included.
        """
        peaks = {}
        for cell in self.cells:
            megabytes = self.store.read_timing(cell.task.fingerprint).get("peak_mb")
            peaks[cell.task.fingerprint] = None if megabytes is None else 1e6 * megabytes
        return peaks

    def measurements(self) -> Measurements:
        """Return per-text correctness, bool, shape (strategies, train_sizes, seeds, texts).

        With folds, every text is tested on once, in its fold: their test texts stand one after the other, so that a
        seed's score is the mean over folds before any statistic is made.
        """
        strategies = tuple(dict.fromkeys(cell.strategy for cell in self.plan.cells))
        sizes, seeds = self.plan.train_sizes, self.plan.seeds
        borders = np.cumsum([0, *(len(dataset.test) for dataset in self.datasets.values())]).tolist()
        texts = dict(zip(self.datasets, map(slice, borders[:-1], borders[1:]), strict=True))
        correct = np.zeros((len(strategies), len(sizes), len(seeds), borders[-1]), bool)
        found = np.zeros(correct.shape[:3], int)
        for cell in self.cells:
            if cell.beside:
                continue
            place = strategies.index(cell.strategy), sizes.index(cell.train_size), seeds.index(cell.seed)
            labels = np.asarray(self.datasets[cell.fold].test.labels)
            correct[place][texts[cell.fold]] = self.predictions(cell) == labels
            found[place] += 1
        fixed = vectors_are_held_fixed(self.plan)
        present = found == len(self.datasets)
        return Measurements(strategies, sizes, seeds, correct, present, self.plan.facts.pool_size, fixed)


def gather_results(
    config: StudyConfig, measured: Measured, conclusions: Mapping[str, Any], wall_seconds: float, command: str
) -> dict[str, Any]:
    """Return the content of results.json.

    Args:
        config: The study.
        measured: Its finished cells.
        conclusions: What `embexp.conclude` makes of them.
        wall_seconds: From the start of the command to its conclusions.
        command: The command line that does it again.
    """
    plan, outcome = measured.plan, measured.outcome
    cells = [measured.record(cell) for cell in measured.cells]
    tasks = {cell.task for cell in plan.cells}
    reproducible = plan.word2vec is None or is_reproducible(config.word2vec)
    lost = [*outcome.failed, *outcome.blocked]
    return {
        "schema_version": SCHEMA_VERSION,
        "study": {
            "name": config.name,
            "dataset": config.dataset.name,
            "fingerprint": plan.fingerprint,
            "wall_seconds": round(wall_seconds, 3),
            "cells_done": sum(task in tasks for task in outcome.done),
            "cells_cached": sum(task in tasks for task in outcome.cached),
            "cells_failed": sum(getattr(item, "task", item) in tasks for item in lost),
            "evaluated_on": config.dataset.evaluate,
        },
        "cells": [{key: value for key, value in cell.items() if key not in DETAILS} for cell in cells],
        **conclusions,
        **describe_tuning(config.tuning, [cell for cell in cells if "tuning" in cell]),
        "dataset": data_sheet(config, measured),
        "confusion": confusion(measured),
        "word2vec": describe_word2vec(config, plan, measured.store, measured.dataset, cells),
        "warnings": [
            *conclusions.get("warnings", []),
            *([] if reproducible else [NOT_REPRODUCIBLE]),
            *rare_classes(measured),
        ],
        "timeline": timeline(measured),
        "costs": costs(cells, measured.memory()),
        "held_fixed": held_fixed(config, plan),
        "failures": [
            *({"title": failure.task.title, "reason": failure.reason} for failure in outcome.failed),
            *(
                {"title": task.title, "reason": f"blocked: {outcome.blocked_by[task.fingerprint].title} failed"}
                for task in outcome.blocked
            ),
        ],
        **neighbours(measured),
        "entries": used_entries(plan),
        "config": mask_all(asdict(config)),
        "environment": environment(),
        "command": command,
    }


def tasks_of(plan: Plan) -> list[Task]:
    """Return what a study carries out: its cells, and what its report says of texts, vectors and neighbours."""
    from embexp.labs.stages import neighbours_task

    beside = neighbours_task(plan)
    return plan.tasks if beside is None else [*plan.tasks, beside]


def used_entries(plan: Plan) -> list[str]:
    """Return the fingerprints of all that the cells and the report were made from, the cells themselves apart.

    With the cells' own they are what `embexp store remove` spares.
    """
    cells = {cell.task.fingerprint for cell in plan.cells}
    return [task.fingerprint for task in in_order(tasks_of(plan)) if task.fingerprint not in cells]


def neighbours(measured: Measured) -> dict[str, Any]:
    """Return {neighbours: what the task changed in the word vectors}; empty where there is nothing to compare."""
    from embexp.labs.stages import neighbours_task

    task = neighbours_task(measured.plan)
    if task is None or not measured.store.has(task.fingerprint):
        return {}
    found = measured.store.read_record(task.fingerprint)
    return {"neighbours": found} if found else {}


def data_sheet(config: StudyConfig, measured: Measured) -> dict[str, Any]:
    """Return the data sheet (of the first fold) under the user's name for the data set, with what was guessed."""
    facts, sheet = measured.plan.facts, measured.dataset.sheet
    notes = [*sheet["notes"], *facts.guesses]
    if config.dataset.folds is not None:
        notes.append(
            f"Each of {facts.test_size:,} texts is tested on once, in one of {config.dataset.folds} folds; this sheet "
            "is that of the first. Scores of a seed are means over folds."
        )
    return sheet | {"name": config.dataset.name, "notes": notes}


def balanced_accuracy(confusion: Any) -> float:
    """Return the mean over classes of the share of their test texts that were classified rightly."""
    texts = confusion.sum(axis=1)
    return float(np.mean(np.diag(confusion)[texts > 0] / texts[texts > 0]))


def confusion(measured: Measured) -> dict[str, Any]:
    """Return, at the largest train size, what texts of each class were taken for, summed over seeds and folds."""
    largest = measured.plan.train_sizes[-1]
    sums: dict[str, Any] = {}
    for cell in measured.cells:
        if cell.train_size == largest and not cell.beside:
            sums[cell.strategy] = sums.get(cell.strategy, 0) + measured.confusion(cell)
    return {
        "train_size": largest,
        "labels": measured.dataset.classes,
        "strategies": {strategy: found.tolist() for strategy, found in sums.items()},
    }


def rare_classes(measured: Measured) -> list[str]:
    """Warn of train sizes that leave a class without a text, with the smallest that holds all."""
    dataset, plan = measured.dataset, measured.plan
    labels = np.asarray(dataset.pool.labels, np.int64)
    needed = np.max([places_of_classes(labels, seed, len(dataset.classes)) for seed in plan.seeds], axis=0)
    warnings = []
    for size in plan.train_sizes:
        missing = [repr(dataset.classes[place]) for place in np.flatnonzero(needed > size)]
        if missing:
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            warnings.append(
                f"At {size:,} labels some seeds hold no text of {', '.join(missing[:5])}{more}; the smallest size that "
                f"holds all classes is {int(needed.max()):,}."
            )
    return warnings


def timeline(measured: Measured) -> list[dict[str, Any]]:
    """Return who did what when in this run: one row for each task that was not cached."""
    rows = []
    for task in measured.outcome.done:
        timing = measured.store.read_timing(task.fingerprint)
        rows.append(
            {
                "worker": timing["worker"],
                "stage": task.stage.name,
                "title": task.title,
                "started": timing["started"],
                "ended": timing["ended"],
            }
        )
    return rows


def costs(cells: Sequence[Mapping[str, Any]], memory: Mapping[str, float | None]) -> list[dict[str, Any]]:
    """Return median training time, parameters and median memory for each strategy and train size.

    Args:
        cells: Rows of `cells`.
        memory: Bytes by the fingerprint of a cell.
    """
    groups: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for cell in cells:
        groups.setdefault((cell["strategy"], cell["train_size"]), []).append(cell)
    rows = []
    for (strategy, train_size), group in groups.items():
        peaks = [peak for cell in group if (peak := memory.get(cell["fingerprint"])) is not None]
        rows.append(
            {
                "strategy": strategy,
                "train_size": train_size,
                "train_seconds": statistics.median(cell["train_seconds"] for cell in group),
                "parameters": group[0]["parameters"],
                "trained_parameters": group[0]["trained_parameters"],
                "memory_bytes": round(statistics.median(peaks)) if peaks else None,
            }
        )
    return rows


def held_fixed(config: StudyConfig, plan: Plan) -> list[str]:
    """Return sentences on what was the same in every cell, so that no interval speaks of it."""
    sentences = [
        f"the split into a pool of {plan.facts.pool_size:,} labelled texts and the texts that score the cells "
        f"(dataset.split_seed={config.dataset.split_seed})",
        protocol_sentence(config.tuning),
    ]
    if plan.word2vec:
        sentences.insert(1, intervals_sentence(config))
    if plan.facts.pool_size in plan.train_sizes:
        sentences.append(f"at {plan.facts.pool_size:,} labels, the whole pool, all seeds share every label")
    return sentences


def environment() -> dict[str, Any]:
    """Return what the numbers may depend on beside the configuration."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "versions": {name: metadata.version(name) for name in PACKAGES},
    }


def processor() -> str:
    """Return the processor's model name; compiled kernels are made for it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
