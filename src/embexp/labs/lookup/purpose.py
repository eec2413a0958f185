"""What is an embedding layer good for if it is never reused? The task without one, beside vector sizes 2 to 300."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embexp.conclude.measurements import Measurements
from embexp.conclude.report import words
from embexp.conclude.report.charts import Axis, Chart, Series
from embexp.conclude.report.curve_figures import size_axis
from embexp.conclude.report.palette import SPARE_MARKERS, Style
from embexp.config import StudyConfig
from embexp.engine.store import Store
from embexp.engine.task import Task
from embexp.labs.lookup.heads import HIDDEN, LINEAR, NONE
from embexp.labs.parts import Expectation, Part, Row, Shown, table
from embexp.labs.stages import RUN_HEAD, protocol_of
from embexp.study import Plan

EXPECTATION = Expectation(
    "purpose",
    "What is its purpose if it is never reused?",
    "A linear layer on an embedding layer can express nothing that one weight for each word and class cannot, so "
    "without a hidden layer the vector size does not matter and no layer is as good. Under a hidden layer a few "
    "dimensions are enough and three hundred are no better. What the low dimension buys is little for a task with "
    "few classes: no layer at all has the fewest parameters and the shortest training.",
)
MARGIN = 0.01  # of accuracy; differences up to a point do not matter, as in a study


@dataclass(frozen=True)
class Arm:
    """One classifier: which head stands on how many dimensions, and by which factor its rows learn faster."""

    head: str
    vector_size: int
    rate: float = 1.0

    @property
    def name(self) -> str:
        """What tables call it."""
        if self.head == NONE:
            return "no embedding layer" + (f", rate x {self.rate:g}" if self.rate != 1 else "")
        return f"{self.vector_size} dimensions, {'hidden layer' if self.head == HIDDEN else 'linear'}"


def arms(full: bool) -> tuple[Arm, ...]:
    """Return the classifiers that are compared, those without a layer first.

    The protocol's rate was chosen for embedding layers. A row of class weights moves the logits by itself, without a
    head that grows along, so a fair comparison gives it faster rates too.
    """
    linear, hidden = ((2, 10, 100, 300), (2, 5, 10, 30, 100, 300)) if full else ((10, 100), (2, 10, 100, 300))
    return (
        *(Arm(NONE, 0, rate) for rate in (1.0, 10.0, 100.0)),
        *(Arm(LINEAR, size) for size in linear),
        *(Arm(HIDDEN, size) for size in hidden),
    )


Key = tuple[Arm, int, int]


def make_tasks(config: StudyConfig, plan: Plan, sizes: Sequence[int], seeds: int, full: bool) -> dict[Key, Task]:
    """Return a task for each classifier, train size and seed."""
    tasks = {}
    needs = {"dataset": plan.dataset, "counts": plan.counts}
    for arm in arms(full):
        for size in sizes:
            for seed in range(seeds):
                settings: dict[str, Any] = {"head": arm.head, "vector_size": arm.vector_size}
                settings |= {"train_size": size, "seed": seed} | protocol_of(config, len(plan.facts.classes))
                settings["training"]["embedding_learning_rate"] *= arm.rate
                cost = (0.3 + size / 1500) * (0.5 + arm.vector_size / 100)
                title = f"{arm.name} n={size:05d} s={seed}"
                tasks[arm, size, seed] = Task(RUN_HEAD, settings, needs, title=title, cost=cost)
    return tasks


def measurements(tasks: Mapping[Key, Task], store: Store, pool_size: int) -> Measurements:
    """Return which test texts each classifier got right."""
    names = tuple(dict.fromkeys(arm.name for arm, _, _ in tasks))
    sizes, seeds = (tuple(sorted(set(values))) for values in list(zip(*tasks, strict=True))[1:])
    texts = len(np.load(store.path(next(iter(tasks.values())).fingerprint) / "correct.npy", allow_pickle=False))
    correct = np.zeros((len(names), len(sizes), len(seeds), texts), bool)
    for (arm, size, seed), task in tasks.items():
        place = names.index(arm.name), sizes.index(size), seeds.index(seed)
        correct[place] = np.load(store.path(task.fingerprint) / "correct.npy", allow_pickle=False)
    return Measurements(names, sizes, seeds, correct, np.ones(correct.shape[:3], bool), pool_size)


def run_purpose(tasks: Mapping[Key, Task], store: Store, pool_size: int) -> Part:
    """Compare the finished classifiers: accuracy with its interval, parameters, memory, time."""
    from embexp.conclude.statistics.contrasts import Rules, contrasts
    from embexp.conclude.statistics.curves import curves
    from embexp.conclude.statistics.moments import Moments

    moments, rules = Moments(measurements(tasks, store, pool_size)), Rules(MARGIN)
    found = {(row["a"], row["b"], row["train_size"]): row for row in contrasts(moments, rules)}
    points = curves(moments, rules)
    by_name = {key[0].name: key[0] for key in tasks}
    rows = []
    for point in points:
        arm, size = by_name[point["strategy"]], point["train_size"]
        own = [task for (other, at, _), task in tasks.items() if (other, at) == (arm, size)]
        without = [row for row in points if row["train_size"] == size and by_name[row["strategy"]].head == NONE]
        best = max(without, key=lambda row: float(row["mean"]))["strategy"]
        rows.append(_row(arm, point, own, store) | {"against": best} | _contrast(found.get((best, arm.name, size))))
    return Part(
        EXPECTATION,
        met=_as_expected(rows),
        found=tuple(_found(rows)),
        rows=tuple(rows),
        shown=tuple(_shown(rows)),
        notes=(
            "Gains are over the best of the classifiers without an embedding layer at that train size, chosen on the "
            "same test texts, which favours no layer a little.",
            "Intervals are for new seeds and new test texts. All are trained by one loop with the study's protocol, so "
            "that their times compare; the compiled loop of a study is several times faster.",
        ),
    )


def _row(arm: Arm, point: Row, tasks: Sequence[Task], store: Store) -> Row:
    record = store.read_record(tasks[0].fingerprint)
    seconds = [store.read_timing(task.fingerprint)["train_seconds"] for task in tasks]
    return {
        "classifier": arm.name,
        "head": arm.head,
        "vector_size": arm.vector_size,
        "train_size": point["train_size"],
        "accuracy": point["mean"],
        "ci_low": point["ci_low"],
        "ci_high": point["ci_high"],
        "accuracy_in_words": words.mean_and_half_width(point),
        "parameters": record["parameters"],
        "matrix_bytes": 4 * record["parameters"],
        "memory": words.size_in_bytes(4 * record["parameters"]),
        "train_seconds": float(np.median(seconds)),
    }


def _contrast(row: Row | None) -> Row:
    """Turn a contrast (no layer - classifier) round: what the embedding layer gains."""
    if row is None or row["difference"] is None:
        return {"gain": None, "gain_low": None, "gain_high": None, "gain_in_words": "–"}
    low, high = (None if row[end] is None else -row[end] for end in ("ci_high", "ci_low"))
    return {
        "gain": -row["difference"],
        "gain_low": low,
        "gain_high": high,
        "gain_in_words": f"{words.points(-row['difference'])} ({words.points_interval(low, high) or 'no interval'})",
    }


def _clear(row: Row) -> bool:
    """Whether a classifier differs from no layer by more than the margin, whatever the seeds and texts."""
    return row["gain_low"] is not None and (row["gain_low"] > MARGIN or row["gain_high"] < -MARGIN)


def _as_expected(rows: list[Row]) -> bool | None:
    others = [row for row in rows if row["head"] != NONE]
    if any(row["gain_low"] is None for row in others):
        return None
    linear = any(_clear(row) for row in others if row["head"] == LINEAR)
    largest = max(row["train_size"] for row in rows)
    hidden = [row for row in others if row["head"] == HIDDEN and row["train_size"] == largest]
    few, many = (min(hidden, key=lambda row: abs(row["vector_size"] - size)) for size in (10, 300))
    quickest = min((row for row in rows if row["train_size"] == largest), key=lambda row: row["train_seconds"])
    return not linear and many["accuracy"] - few["accuracy"] <= MARGIN and quickest["head"] == NONE


def _found(rows: list[Row]) -> list[str]:
    sentences = []
    for size in sorted({row["train_size"] for row in rows}):
        own = [row for row in rows if row["train_size"] == size]
        none = max((row for row in own if row["head"] == NONE), key=lambda row: row["accuracy"])
        best = max(own, key=lambda row: row["accuracy"])
        linear = max((row for row in own if row["head"] == LINEAR), key=lambda row: abs(row["gain"] or 0))
        sentences.append(
            f"{size:,} labels: {none['classifier']} {words.percent(none['accuracy'])} %, best {best['classifier']} "
            f"{words.percent(best['accuracy'])} % "
            + (f"({best['gain_in_words']} points over no layer)" if best is not none else "(the same)")
            + f". Linear head, largest difference from no layer: {linear['gain_in_words']} at "
            f"{linear['vector_size']} dimensions."
        )
    largest = max(row["train_size"] for row in rows)
    own = [row for row in rows if row["train_size"] == largest]
    wide = max(own, key=lambda row: row["parameters"])
    sentences.append(
        f"At {largest:,} labels no layer trains {words.count(own[0]['parameters'])} parameters in "
        f"{words.duration(own[0]['train_seconds'])}, {wide['classifier']} {words.count(wide['parameters'])} in "
        f"{words.duration(wide['train_seconds'])}."
    )
    return sentences


def _shown(rows: list[Row]) -> list[Shown]:
    columns = {
        "classifier": "classifier",
        "train_size": "labels",
        "accuracy_in_words": "test accuracy, %",
        "gain_in_words": "points over no layer",
        "parameters": "parameters",
        "memory": "memory",
        "train_seconds": "training, s",
    }
    shown = [Shown(table("purpose", "The task with and without an embedding layer.", columns, rows), folded="")]
    sizes = sorted({row["train_size"] for row in rows})
    if len(sizes) > 1:
        shown.insert(0, Shown(draw(rows, sizes), "Shaded: 95 % interval for new seeds and new test texts."))
    return shown


COLOURS = (
    ("#4D4D4D", "#D0D0D0"),
    ("#D55E00", "#F2894A"),
    ("#0072B2", "#56B4E9"),
    ("#009E73", "#8FD3A8"),
    ("#B6609A", "#DE93C1"),
    ("#B07800", "#E69F00"),
    ("#7A5195", "#B996D1"),
    ("#A03C5C", "#E58AA5"),
    ("#8A7C00", "#E5D94A"),
    ("#3B8BC0", "#8CCBF0"),
    ("#858585", "#9A9A9A"),
)


def draw(rows: list[Row], sizes: Sequence[int]) -> Chart:
    """Draw the learning curve of each classifier."""
    lines = []
    for place, name in enumerate(dict.fromkeys(row["classifier"] for row in rows)):
        own = [row for row in rows if row["classifier"] == name]
        dash = "dash" if own[0]["head"] == NONE else "dot" if own[0]["head"] == LINEAR else "solid"
        light, dark = COLOURS[place % len(COLOURS)]
        lines.append(
            Series(
                keys=(name,),
                style=Style(name, light, dark, dash, SPARE_MARKERS[place % len(SPARE_MARKERS)]),
                x=tuple(row["train_size"] for row in own),
                y=tuple(100 * row["accuracy"] for row in own),
                low=tuple(None if row["ci_low"] is None else 100 * row["ci_low"] for row in own),
                high=tuple(None if row["ci_high"] is None else 100 * row["ci_high"] for row in own),
                hover=tuple(f"{name}: {row['accuracy_in_words']} %" for row in own),
            )
        )
    return Chart(
        name="purpose",
        title="Test accuracy with and without an embedding layer",
        alt="; ".join(f"{line.style.label}: {line.y[0]:.1f} to {line.y[-1]:.1f} %" for line in lines),
        x=size_axis(sizes),
        y=Axis("test accuracy, %"),
        series=tuple(lines),
    )
