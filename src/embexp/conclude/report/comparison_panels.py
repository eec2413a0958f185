"""The figure that holds several studies side by side: their learning curves in panels of one look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from embexp.conclude.report import words
from embexp.conclude.report.charts import Axis, Chart, Panels
from embexp.conclude.report.comparison import ComparedStudy, Comparison
from embexp.conclude.report.curve_figures import learning_curves, padded_limits, size_axis

MOST_TICKS = 8  # that find room below a panel
SHARE_OF_PANEL = 1 / 3  # a panel whose curves fill less of a common score axis than this has its own
ROOM_PER_CROSSOVER = 0.05  # of the panel's height, below the curves
LONGEST_TITLE = 40


def comparison_panels(comparison: Comparison) -> Panels | None:
    """Return a panel of learning curves for each study that has some.

    All panels share the size axis. They share the score axis too unless that would flatten the curves of one.
    """
    drawn = [(study, _curves(chart)) for study in comparison.studies if (chart := learning_curves(study)) is not None]
    if not drawn:
        return None
    charts = [chart for _, chart in drawn]
    sizes = [size for chart in charts for line in chart.series for size in line.x]
    limits = size_axis(sizes).limits
    ranges = [padded_limits(chart.series) for chart in charts]
    whole = min(low for low, _ in ranges), max(high for _, high in ranges)
    shared = all(high - low >= SHARE_OF_PANEL * (whole[1] - whole[0]) for low, high in ranges)
    most_rows = max(len(chart.rows) for chart in charts)
    scores = {study.score for study, _ in drawn}
    score = scores.pop() if len(scores) == 1 else "accuracy"
    return Panels(
        name="comparison",
        title=f"{score.capitalize()} against the number of labelled texts, a panel for each study",
        alt=f"Learning curves of {words.listed([study.title for study, _ in drawn])}, with their crossovers.",
        charts=tuple(
            replace(
                chart,
                name=f"panel_{place}",
                title=_short(study.title),
                x=_panel_axis(study, limits or (1.0, 1.0)),
                y=Axis(f"{score}, %", limits=_with_foot(whole if shared else own, most_rows)),
            )
            for place, ((study, chart), own) in enumerate(zip(drawn, ranges, strict=True), start=1)
        ),
        shared_y=shared,
    )


def _curves(chart: Chart) -> Chart:
    """Return the learning curves of a study with the crossovers of strategies; those of controls stay in its report."""
    return replace(chart, rows=tuple(row for row in chart.rows if not set(row.keys) & chart.controls))


def _short(title: str) -> str:
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 16]}…{title[-15:]}"


def _with_foot(limits: tuple[float, float], rows: int) -> tuple[float, float]:
    """Make room below the curves for the intervals of the crossovers."""
    low, high = limits
    return low - rows * ROOM_PER_CROSSOVER * (high - low), high


def _panel_axis(study: ComparedStudy, limits: tuple[float, float]) -> Axis:
    sizes = sorted({point["train_size"] for points in study.curves.values() for point in points})
    ticks = _ticks(sizes, (limits[1] / limits[0]) ** (1 / MOST_TICKS))
    return Axis("labelled texts", True, ticks, tuple(map(_short_count, ticks)), limits)


def _ticks(sizes: Sequence[int], ratio: float) -> tuple[float, ...]:
    """Keep the largest size, and of the others those that leave room for their labels."""
    kept = [sizes[-1]]
    for size in reversed(sizes[:-1]):
        if kept[-1] >= ratio * size:
            kept.append(size)
    return tuple(float(size) for size in reversed(kept))


def _short_count(size: float) -> str:
    return words.count(size) if size < 1000 else f"{size / 1000:,.3g}k"


def caption(panels: Panels, level: str) -> str:
    """Say how the figure is read."""
    text = f"Mean over seeds; shaded: {level}. Controls are grey and dashed. All panels share the size axis"
    text += (
        " and the score axis." if panels.shared_y else "; each has a score axis of its own, for their ranges differ."
    )
    if any(chart.rows for chart in panels.charts):
        text += (
            " At the foot: where two curves cross, with its interval, in the colour of the strategy ahead from there."
        )
    return text
