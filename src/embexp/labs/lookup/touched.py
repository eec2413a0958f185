"""Which rows of the matrix a real training touches, and how often."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embexp.classify.batches import batch_order, optimiser_steps
from embexp.conclude.report import words
from embexp.conclude.report.charts import Axis, Chart, Series
from embexp.conclude.report.curve_figures import size_axis
from embexp.conclude.report.palette import Style
from embexp.config import StudyConfig, TrainingConfig
from embexp.labs.parts import Expectation, Part, Row, Shown, table
from embexp.protocol import fit_to_cell
from embexp.text import nested_order
from embexp.text.entry import Dataset

EXPECTATION = Expectation(
    "touched",
    "Which rows does a real training touch?",
    "A step touches a small share of the rows; further passes touch the same rows again and no new ones. Few labels "
    "leave most of the vocabulary untouched, and most touched rows are touched a handful of times, a few in almost "
    "every step.",
)
PASSES = (0.25, 0.5, 1.0, 2.0, 4.0)


def count_touches(dataset: Dataset, config: StudyConfig, train_size: int, seed: int) -> list[Row]:
    """Count, after each number of passes, the rows that had a gradient and in how many steps."""
    labels = np.asarray(dataset.pool.labels, np.int64)
    labelled = dataset.pool.bags.select(nested_order(labels, seed)[:train_size])
    training = fit_to_cell(config.training, len(dataset.classes))
    batch_size = training.batch_size
    steps = max(int(np.ceil(max(PASSES) * train_size / batch_size)), 1)
    batches = batch_order(train_size, batch_size, steps, seed)
    touches = np.zeros(dataset.vocabulary_size, np.int64)
    per_step: list[int] = []
    rows = []
    for passes in PASSES:
        until = int(np.ceil(passes * train_size / batch_size))
        for batch in batches[len(per_step) : until]:
            touched = np.unique(labelled.select(batch).indices)
            touches[touched] += 1
            per_step.append(len(touched))
        rows.append(_row(train_size, passes, touches, per_step, training))
    return rows


def _row(
    train_size: int, passes: float, touches: NDArray[np.int64], per_step: list[int], training: TrainingConfig
) -> Row:
    touched = touches[touches > 0]
    return {
        "train_size": train_size,
        "passes": passes,
        "steps": len(per_step),
        "study_steps": optimiser_steps(training.budget, train_size, training.batch_size),
        "vocabulary": len(touches),
        "rows_a_step": float(np.mean(per_step)),
        "share_a_step": float(np.mean(per_step) / len(touches)),
        "rows_touched": len(touched),
        "share_touched": len(touched) / len(touches),
        "median_steps_of_a_touched_row": float(np.median(touched)),
        "share_touched_in_one_step_of_a_hundred": float((touched <= max(1, len(per_step) // 100)).mean()),
        "rows_in_half_of_the_steps": int((touches >= len(per_step) / 2).sum()),
    }


def run_touched(dataset: Dataset, config: StudyConfig, sizes: tuple[int, ...]) -> Part:
    """Count touched rows for each train size on a real data set."""
    rows = [row for size in sizes for row in count_touches(dataset, config, size, 0)]
    once = {row["train_size"]: row for row in rows if row["passes"] == 1}
    more = {row["train_size"]: row for row in rows if row["passes"] == max(PASSES)}
    small, large = once[sizes[0]], once[sizes[-1]]
    new_rows = max(more[size]["rows_touched"] - once[size]["rows_touched"] for size in sizes)
    found = (
        f"{dataset.sheet['name']}: of {small['vocabulary']:,} rows, a step of {config.training.batch_size} texts "
        f"touches "
        f"{large['rows_a_step']:,.0f} ({large['share_a_step']:.1%}); "
        f"one pass over {small['train_size']:,} texts touches "
        f"{small['share_touched']:.0%}, one over {large['train_size']:,} {large['share_touched']:.0%}.",
        f"From the second pass on, {new_rows:,} rows more are touched at any size.",
        f"At {large['train_size']:,} texts the median touched row has a gradient in "
        f"{large['median_steps_of_a_touched_row']:,.0f} of {large['steps']:,} steps; "
        f"{large['rows_in_half_of_the_steps']:,} rows have one in at least half of them.",
    )
    columns = {
        "train_size": "labels",
        "passes": "passes",
        "steps": "steps",
        "rows_a_step": "rows a step",
        "share_a_step": "share of rows",
        "rows_touched": "rows touched so far",
        "share_touched": "share",
        "median_steps_of_a_touched_row": "steps of the median row",
        "rows_in_half_of_the_steps": "rows in half of the steps",
    }
    return Part(
        EXPECTATION,
        met=small["share_touched"] < 0.5
        and large["share_a_step"] < 0.25
        and new_rows <= 0.01 * small["vocabulary"]
        and large["median_steps_of_a_touched_row"] <= 10,
        found=found,
        rows=tuple(rows),
        shown=(
            *((Shown(draw(rows, sizes), "One line for each number of passes; seed 0."),) if len(sizes) > 1 else ()),
            Shown(table("touched", "Rows touched by a training, seed 0.", columns, rows, texts=0)),
        ),
        notes=("Passes are counted in whole steps, rounded up.",),
        numbers={"share_touched_smallest": small["share_touched"], "share_touched_largest": large["share_touched"]},
    )


LOOKS = (
    ("#D55E00", "#F2894A"),
    ("#B07800", "#E69F00"),
    ("#009E73", "#8FD3A8"),
    ("#0072B2", "#56B4E9"),
    ("#B6609A", "#DE93C1"),
)
MARKERS = ("circle", "pentagon", "diamond", "square", "triangle-up")


def draw(rows: list[Row], sizes: tuple[int, ...]) -> Chart:
    """Draw the share of rows touched against the train size, a line for each number of passes."""
    lines = []
    for passes, (light, dark), marker in zip(PASSES, LOOKS, MARKERS, strict=True):
        name = f"{passes:g} pass{'es' if passes != 1 else ''}"
        own = [row for row in rows if row["passes"] == passes]
        y = tuple(100 * row["share_touched"] for row in own)
        lines.append(
            Series(
                keys=(name,),
                style=Style(name, light, dark, marker=marker),
                x=tuple(row["train_size"] for row in own),
                y=y,
                low=(None,) * len(own),
                high=(None,) * len(own),
                hover=tuple(f"{name}: {value:.1f} % of the rows" for value in y),
            )
        )
    return Chart(
        name="touched",
        title="Rows touched against the number of labelled texts",
        alt="; ".join(f"{line.style.label}: {words.listed([f'{y:.0f} %' for y in line.y])}" for line in lines),
        x=size_axis(sizes),
        y=Axis("rows touched, %", limits=(0, 100)),
        series=tuple(lines),
    )
