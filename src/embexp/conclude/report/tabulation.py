"""All tables of a report.

A later part adds its table to MAKERS: a function that turns results into a table, or None where there are no
records.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable

from embexp.conclude.report import words
from embexp.conclude.report.pair_figures import censored_side, drawn_ratio
from embexp.conclude.report.reading import Row, StudyResults
from embexp.conclude.report.tables import Cell, Table
from embexp.conclude.report.tuning_section import tuned_values_table


def scores(study: StudyResults) -> Table | None:
    """Strategy by train size: mean and half the interval, the best of each size marked."""
    if not any(study.curves.values()):
        return None
    sizes = study.train_sizes
    best = {size: _best(study, size) for size in sizes}
    rows = []
    for name in study.strategies:
        met = [study.point(name, size) for size in sizes]
        cells = [
            Cell(words.mean_and_half_width(point), best=point is not None and point["mean"] == best[size])
            for size, point in zip(sizes, met, strict=True)
        ]
        rows.append((Cell(study.label(name)), *cells))
    return Table(
        "scores",
        f"{study.score.capitalize()} in percent: mean over seeds ± half the {study.interval}, the best of each size "
        "bold.",
        ("strategy", *map(words.count, sizes)),
        tuple(rows),
        tuple(study.rows("curves")),
    )


def _best(study: StudyResults, size: int) -> float | None:
    means = [point["mean"] for name in study.strategies if (point := study.point(name, size))]
    return max(means, default=None)


def score_details(study: StudyResults) -> Table | None:
    """Every point of every curve: how the seeds spread, and macro-F1 beside accuracy."""
    macro_f1: dict[tuple[str, int], list[float]] = defaultdict(list)
    for cell in study.rows("cells"):
        if cell.get("test_macro_f1") is not None:
            macro_f1[cell["strategy"], cell["train_size"]].append(cell["test_macro_f1"])
    rows = [
        dict(point) | {"macro_f1": statistics.fmean(f1) if (f1 := macro_f1[name, point["train_size"]]) else None}
        for name in study.strategies
        for point in study.curves[name]
    ]
    if not rows:
        return None
    return Table(
        "score_details",
        f"{study.score.capitalize()} in percent over the seeds, and the mean of macro-F1.",
        ("strategy", "labels", "mean", study.interval, "median", "sd", "lowest", "highest", "macro-F1", "seeds"),
        tuple(
            (
                Cell(study.label(row["strategy"])),
                Cell(words.count(row["train_size"])),
                Cell(words.percent(row["mean"])),
                Cell(words.percent_interval(row.get("ci_low"), row.get("ci_high")) or words.MISSING),
                *(Cell(words.percent(row.get(key), 2)) for key in ("median", "sd")),
                *(Cell(words.percent(row.get(key))) for key in ("lowest", "highest", "macro_f1")),
                Cell(words.count(row.get("n"))),
            )
            for row in rows
        ),
        tuple(rows),
    )


def areas(study: StudyResults) -> Table | None:
    """The area under each curve over log size."""
    rows = [row for row in study.rows("area_under_curve") if row.get("mean") is not None]
    if not rows:
        return None
    return Table(
        "area_under_curve",
        f"Area under the curve: {study.score} in percent, averaged over the logarithm of the size.",
        ("strategy", "area", study.interval),
        tuple(
            (
                Cell(study.label(row["strategy"])),
                Cell(words.percent(row["mean"])),
                Cell(words.percent_interval(row.get("ci_low"), row.get("ci_high")) or words.MISSING),
            )
            for row in rows
        ),
        tuple(rows),
    )


def contrasts(study: StudyResults) -> Table | None:
    """Every pair at every size: difference, interval, verdict, p."""
    if not study.contrasts:
        return None
    return Table(
        "contrasts",
        f"Paired differences (a − b) in points of accuracy with {study.interval}s for new seeds and new texts; "
        "p is the exact sign-flip test over seeds on this test set, adjusted by Holm in the planned family.",
        ("a", "b", "labels", "difference", study.interval, "verdict", "P(a > b)", "p", "p (Holm)"),
        tuple(_contrast_cells(study, row) for row in study.contrasts),
        tuple(study.rows("contrasts")),
        texts=(0, 1, 5),
    )


def _contrast_cells(study: StudyResults, row: Row) -> tuple[Cell, ...]:
    superiority = row.get("p_superiority")
    word = verdict = str(row.get("verdict") or words.MISSING)
    if reason := (row.get("decide") or {}).get("reason"):
        verdict += f": {reason}"
    return (
        Cell(study.label(row["a"])),
        Cell(study.label(row["b"])),
        Cell(words.count(row["train_size"])),
        Cell(words.points(row.get("difference"))),
        Cell(words.points_interval(row.get("ci_low"), row.get("ci_high")) or words.MISSING),
        Cell(verdict, brief=word),
        Cell(words.MISSING if superiority is None else f"{superiority:.2f}"),
        Cell(words.p_value(row.get("p"))),
        Cell(words.p_value(row.get("p_holm"))),
    )


def crossovers(study: StudyResults) -> Table | None:
    """Where two curves cross, with the sizes at which the difference may be zero."""
    rows = sorted(study.rows("crossovers"), key=lambda row: (*study.pair_rank(row), row.get("estimate") or 0))
    if not rows:
        return None
    return Table(
        "crossovers",
        "Crossovers: the train size at which the paired difference changes sign, with the sizes at which a "
        f"crossover cannot be excluded ({study.interval}).",
        ("a", "b", "crossover", "labels", study.interval, "also possible"),
        tuple(_crossover_cells(study, row) for row in rows),
        tuple(rows),
        texts=(0, 1, 2, 5),
    )


def _crossover_cells(study: StudyResults, row: Row) -> tuple[Cell, ...]:
    kinds = {"none": "none in range", "before_range": "none in range; below it, if anywhere"}
    kind = str(row.get("kind"))
    what = kinds.get(kind, kind)
    if kind == "crossing":
        what = f"{study.label(row['ahead_after'])} overtakes" if row.get("ahead_after") else "cross"
    known = kind == "crossing" or row.get("ci_low") is not None or row.get("ci_high") is not None
    also = "; ".join(words.size_interval(low, high) for low, high in row.get("also_possible") or ())
    return (
        Cell(study.label(row["a"])),
        Cell(study.label(row["b"])),
        Cell(what),
        Cell(words.rough(row.get("estimate"))),
        Cell(words.size_interval(row.get("ci_low"), row.get("ci_high")) if known else words.MISSING),
        Cell(also or words.MISSING),
    )


def label_equivalence(study: StudyResults) -> Table | None:
    """For every pair and size: the labels that b needs for the score of a."""
    rows = sorted(study.rows("label_equivalence"), key=lambda row: (*study.pair_rank(row), row["train_size"]))
    if not rows:
        return None
    return Table(
        "label_equivalence",
        "Label equivalence: the number of labels with which b scores what a scores, as a ratio with its "
        f"{study.interval}; > and < stand where the curve of b does not reach the score.",
        ("a", "b", "labels of a", "labels of b", "ratio", study.interval, "saved"),
        tuple(_equivalence_cells(study, row) for row in rows),
        tuple(rows),
        texts=(0, 1),
    )


def _equivalence_cells(study: StudyResults, row: Row) -> tuple[Cell, ...]:
    side = censored_side(row)
    sign, end = {"up": ("> ", "_low"), "down": ("< ", "_high"), "": ("", "")}[side]
    bound = row.get(f"equivalent{end}") if side else row.get("equivalent_size")
    saved = row.get(f"saved{end}") if side else row.get("saved")
    ratio = drawn_ratio(row) or None
    interval = words.MISSING if side else words.ratio_interval(row.get("ratio_low"), row.get("ratio_high"))
    return (
        Cell(study.label(row["a"])),
        Cell(study.label(row["b"])),
        Cell(words.count(row["train_size"])),
        Cell(words.MISSING if bound is None else sign + words.rough(bound)),
        Cell(words.MISSING if ratio is None else sign + words.ratio(ratio)),
        Cell(interval),
        Cell(words.MISSING if saved is None else sign + words.rough(saved).replace("-", "−")),
    )


def horizontal_distances(study: StudyResults) -> Table | None:
    """The average horizontal distance of two curves, as a ratio of labels."""
    rows = [row for row in study.rows("horizontal_distance") if row.get("ratio") is not None]
    if not rows:
        return None
    rows.sort(key=study.pair_rank)
    return Table(
        "horizontal_distance",
        "Average horizontal distance of two curves (Le Scao and Rush 2021): how many labels of b one label of a is "
        "worth, over the scores that both reach.",
        ("a", "b", "ratio", study.interval, "scores, %"),
        tuple(
            (
                Cell(study.label(row["a"])),
                Cell(study.label(row["b"])),
                Cell(words.ratio(row["ratio"])),
                Cell(words.ratio_interval(row.get("ratio_low"), row.get("ratio_high"))),
                Cell(words.percent_interval(row.get("score_low"), row.get("score_high")) or words.MISSING),
            )
            for row in rows
        ),
        tuple(rows),
        texts=(0, 1),
    )


def recommendations(study: StudyResults) -> Table | None:
    """What to use with N labels, at the train sizes measured (the CSV has every N)."""
    records = sorted(study.rows("recommendations"), key=lambda row: row["n_labels"])
    if not records:
        return None
    shown = [row for row in records if row["n_labels"] in set(study.train_sizes)] or records
    level = any(row.get("level_with") for row in shown)
    header = ("labels", "strategy", "expected", study.interval)
    return Table(
        "recommendations",
        f"What to use with N labelled texts, and the {study.score} in percent to expect.",
        (*header, "level with") if level else header,
        tuple(
            (
                Cell(words.count(row["n_labels"])),
                Cell(study.label(row.get("strategy"))),
                Cell(words.percent(row.get("expected"))),
                Cell(words.percent_interval(row.get("ci_low"), row.get("ci_high")) or words.MISSING),
                *([Cell(words.listed(list(map(study.label, row["level_with"]))) or words.MISSING)] if level else ()),
            )
            for row in shown
        ),
        tuple(records),
        texts=(1, 4),
    )


def fits(study: StudyResults) -> Table | None:
    """The fitted curves with their error at sizes they had not seen, and how far they see."""
    rows = [row for row in study.rows("fits") if row.get("forecasts")]
    if not rows:
        return None
    held_out = sorted({point["train_size"] for row in rows for point in row.get("held_out") or ()})
    errors = [{point["train_size"]: point.get("error") for point in row.get("held_out") or ()} for row in rows]
    last = [row["forecasts"][-1] for row in rows]
    return Table(
        "fits",
        "Fits of the error, e(n) = a + b n^−c; the parameters are unstable one by one. Errors in points: what a fit to "
        "the smaller sizes predicts at a larger size, less what was measured there.",
        (
            *("strategy", "a", "b", "c"),
            *(f"error at {words.count(size)}" for size in held_out),
            f"expected at {words.count(last[0]['n_labels'])}",
            study.interval,
        ),
        tuple(
            (
                Cell(study.label(row["strategy"])),
                *(Cell(words.MISSING if row.get(key) is None else f"{row[key]:.3g}") for key in "abc"),
                *(Cell(words.points(error.get(size))) for size in held_out),
                Cell(words.percent(point.get("expected"))),
                Cell(words.percent_interval(point.get("ci_low"), point.get("ci_high")) or words.MISSING),
            )
            for row, error, point in zip(rows, errors, last, strict=True)
        ),
        tuple({"strategy": row["strategy"]} | dict(point) for row in rows for point in row["forecasts"]),
    )


def costs(study: StudyResults) -> Table | None:
    """Training seconds, parameters and, where it was measured, memory, beside the accuracy."""
    places = {name: place for place, name in enumerate(study.strategies)}
    rows = sorted(
        study.rows("costs"),
        key=lambda row: (places.get(row["strategy"], len(places)), row["train_size"]),
    )
    if not rows:
        return None
    memory = any(row.get("memory_bytes") is not None for row in rows)
    header = ("strategy", "labels", "accuracy, %", "training time", "parameters", "of them trained")
    caption = "What a classifier costs: median training time, parameters in all and those that training changes."
    if memory:
        caption += " Memory: the most that the worker had held by then, its earlier cells included; median over seeds."
    return Table(
        "costs",
        caption,
        (*header, "memory") if memory else header,
        tuple(_cost_cells(study, row, memory) for row in rows),
        tuple(rows),
    )


def _cost_cells(study: StudyResults, row: Row, memory: bool) -> tuple[Cell, ...]:
    point = study.point(row["strategy"], row["train_size"])
    cells = (
        Cell(study.label(row["strategy"])),
        Cell(words.count(row["train_size"])),
        Cell(words.mean_and_half_width(point)),
        Cell(words.duration(row.get("train_seconds"))),
        Cell(words.count(row.get("parameters"))),
        Cell(words.count(row.get("trained_parameters"))),
    )
    return (*cells, Cell(words.size_in_bytes(row.get("memory_bytes")))) if memory else cells


MAKERS: tuple[Callable[[StudyResults], Table | None], ...] = (
    *(scores, score_details, areas, contrasts, crossovers, label_equivalence, horizontal_distances),
    *(recommendations, fits, tuned_values_table, costs),
)


def prepare_tables(study: StudyResults) -> dict[str, Table]:
    """Return the tables for which there are records, by name."""
    made = (maker(study) for maker in MAKERS)
    return {table.name: table for table in made if table is not None}
