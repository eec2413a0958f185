"""Prepare the figures of learning curves: the curves themselves, their forecasts, what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from embexp.conclude.report import words
from embexp.conclude.report.charts import Axis, Chart, IntervalRow, Series
from embexp.conclude.report.reading import Row, StudyResults, numbers

MAX_CROSSOVER_ROWS = 6


def size_axis(sizes: Sequence[float], label: str = "labelled texts") -> Axis:
    """Return the logarithmic axis of train sizes, a tick at each size measured."""
    low, high = min(sizes), max(sizes)
    pad = (high / low) ** 0.04 if high > low else 2.0
    ticks = _thinned(sorted(set(sizes)))
    return Axis(label, True, tuple(ticks), tuple(map(words.count, ticks)), (low / pad, high * pad))


def _thinned(sizes: list[float], steps: int = 12) -> list[float]:
    """Drop ticks so close on the log axis that their labels would touch; the ends stay."""
    ratio = (sizes[-1] / sizes[0]) ** (1 / steps)
    kept = sizes[:1]
    for size in sizes[1:-1]:
        if size >= kept[-1] * ratio and sizes[-1] >= size * ratio:
            kept.append(size)
    return kept + sizes[-1:] if len(sizes) > 1 else kept


def extent(series: Sequence[Series], include: Sequence[float] = ()) -> tuple[float, float]:
    """Return the least and the greatest value of all points and intervals."""
    values = [*include]
    for line in series:
        values += numbers((*line.y, *line.low, *line.high))
    return min(values), max(values)


def padded_limits(series: Sequence[Series], include: Sequence[float] = ()) -> tuple[float, float]:
    """Return limits that hold all points and intervals, with a little air."""
    low, high = extent(series, include)
    air = 0.06 * (high - low) or 1.0
    return low - air, high + air


def learning_curves(study: StudyResults) -> Chart | None:
    """Score against train size with the 95 % intervals, crossovers in a strip below."""
    series = tuple(_curve(study, name) for name in study.strategies if study.curves[name])
    if not series:
        return None
    return Chart(
        name="learning_curves",
        title=f"{study.score.capitalize()} against the number of labelled texts",
        alt=_curves_in_words(study),
        x=size_axis([size for line in series for size in line.x]),
        y=Axis(f"{study.score}, %", limits=padded_limits(series)),
        series=series,
        rows=_crossover_rows(study),
        controls=study.controls,
    )


def _curve(study: StudyResults, strategy: str) -> Series:
    points = study.curves[strategy]
    return Series(
        keys=(strategy,),
        style=study.styles[strategy],
        x=tuple(point["train_size"] for point in points),
        y=tuple(100 * point["mean"] for point in points),
        low=scaled(points, "ci_low"),
        high=scaled(points, "ci_high"),
        hover=tuple(_curve_hover(study.label(strategy), point) for point in points),
    )


def scaled(rows: Sequence[Row], key: str) -> tuple[float | None, ...]:
    """Return the numbers under a key in percent or points; what is missing stays None."""
    return tuple(None if row.get(key) is None else 100 * row[key] for row in rows)


def _curve_hover(label: str, point: Row) -> str:
    interval = words.percent_interval(point.get("ci_low"), point.get("ci_high"))
    return f"{label}: {words.percent(point['mean'])} %" + (f" ({interval})" if interval else "")


def _curves_in_words(study: StudyResults) -> str:
    """Describe the figure for a reader who cannot see it: each curve's first and last point."""
    parts = []
    for name in study.strategies:
        if points := study.curves[name]:
            ends = [f"{words.percent(p['mean'])} % at {words.count(p['train_size'])}" for p in points]
            parts.append(f"{study.label(name)}: {' to '.join(dict.fromkeys((ends[0], ends[-1])))} labels")
    return "Learning curves. " + "; ".join(parts) + "."


def _crossover_rows(study: StudyResults) -> tuple[IntervalRow, ...]:
    """Return the crossings that the strip shows: of contenders first, of controls if there are no others."""
    found = [row for row in study.rows("crossovers") if row.get("kind") == "crossing" and row.get("estimate")]
    found.sort(key=lambda row: (*study.pair_rank(row), row["estimate"]))
    among_contenders = [row for row in found if study.pair_rank(row)[0] == 0]
    return tuple(_crossover_row(study, row) for row in (among_contenders or found)[:MAX_CROSSOVER_ROWS])


def _crossover_row(study: StudyResults, row: Row) -> IntervalRow:
    after = row.get("ahead_after") or row["b"]
    before = row["a"] if after == row["b"] else row["b"]
    also = tuple((low, high) for low, high in row.get("also_possible") or ())
    where = words.size_interval(row.get("ci_low"), row.get("ci_high"))
    return IntervalRow(
        keys=(row["a"], row["b"]),
        label=f"{study.label(after)} overtakes {study.label(before)}",
        estimate=row["estimate"],
        low=row.get("ci_low"),
        high=row.get("ci_high"),
        value=f"at about {words.rough(row['estimate'])} labels ({where})",
        also=also,
        style=study.styles[after],
    )


def forecasts(study: StudyResults) -> Chart | None:
    """What the fitted curves expect beyond the largest size, behind the points they were fitted to."""
    fits = {fit["strategy"]: fit["forecasts"] for fit in study.rows("fits") if fit.get("forecasts")}
    ahead = [_forecast(study, name, fits[name]) for name in study.strategies if name in fits]
    if not ahead:
        return None
    measured = [replace(_curve(study, name), low=(), high=()) for name in study.strategies if name in fits]
    measured = [replace(line, low=(None,) * len(line.x), high=(None,) * len(line.x)) for line in measured if line.x]
    series = (*measured, *ahead)
    sizes = [size for line in measured for size in line.x]
    farthest = max(size for line in ahead for size in line.x)
    return Chart(
        name="forecasts",
        title=f"{study.score.capitalize()} measured, and expected with more labels",
        alt=f"Forecasts up to {words.count(farthest)} labels for {words.listed([study.label(name) for name in fits])}.",
        x=size_axis([*sizes, farthest]),
        y=Axis(f"{study.score}, %", limits=padded_limits(series)),
        series=series,
        controls=study.controls,
    )


def _forecast(study: StudyResults, strategy: str, points: Sequence[Row]) -> Series:
    points = [point for point in points if point.get("expected") is not None]
    style = study.styles[strategy]
    return Series(
        keys=(strategy,),
        style=replace(style, label=f"{style.label}, forecast", dash="dot", marker="none"),
        x=tuple(point["n_labels"] for point in points),
        y=tuple(100 * point["expected"] for point in points),
        low=scaled(points, "ci_low"),
        high=scaled(points, "ci_high"),
        hover=tuple(
            f"{style.label}, forecast: {words.percent(point['expected'])} % "
            f"({words.percent_interval(point.get('ci_low'), point.get('ci_high'))})"
            for point in points
        ),
    )


def costs(study: StudyResults) -> Chart | None:
    """Score against the seconds that training a classifier took, one point for each size."""
    series = tuple(line for line in (_cost(study, name) for name in study.strategies) if line.x)
    if not series:
        return None
    seconds = [value for line in series for value in line.x]
    low, high = min(seconds), max(seconds)
    pad = (high / low) ** 0.06 if high > low else 2.0
    ticks = [
        digit * 10.0**power
        for power in range(-4, 6)
        for digit in ((1, 3) if high / low < 1000 else (1,))
        if low / pad <= digit * 10.0**power <= high * pad
    ]
    return Chart(
        name="costs",
        title=f"{study.score.capitalize()} against training time",
        alt="Accuracy against median training seconds, one point for each strategy and train size.",
        x=Axis(
            "training seconds of one classifier",
            True,
            tuple(ticks),
            tuple(f"{tick:g}" for tick in ticks),
            (low / pad, high * pad),
        ),
        y=Axis(f"{study.score}, %", limits=padded_limits(series)),
        series=series,
        controls=study.controls,
        by_size=False,
    )


def _cost(study: StudyResults, strategy: str) -> Series:
    rows = sorted(
        (row for row in study.rows("costs") if row["strategy"] == strategy and row.get("train_seconds")),
        key=lambda row: row["train_size"],
    )
    met = [(row, point) for row in rows if (point := study.point(strategy, row["train_size"]))]
    label = study.label(strategy)
    return Series(
        keys=(strategy,),
        style=study.styles[strategy],
        x=tuple(row["train_seconds"] for row, _ in met),
        y=tuple(100 * point["mean"] for _, point in met),
        low=(None,) * len(met),
        high=(None,) * len(met),
        hover=tuple(
            f"{label}, {words.count(row['train_size'])} labels: "
            f"{words.percent(point['mean'])} % in {words.duration(row['train_seconds'])}"
            for row, point in met
        ),
    )
