"""Draw a prepared figure with Matplotlib and save it as SVG, PNG and PDF, the same bytes each time."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embexp.conclude.report.charts import (
    Chart,
    Figure,
    IntervalRow,
    Panels,
    Series,
    Timeline,
    foot_heights,
    interval_runs,
)
from embexp.conclude.report.palette import LIGHT, MATPLOTLIB_DASHES, MATPLOTLIB_MARKERS, stage_style

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis as DrawnAxis
    from matplotlib.figure import Figure as DrawnFigure

WIDTH = 7.2  # inches, the text width of a one-column page
CHART_HEIGHT = 4.0
ROW_HEIGHT = 0.36
PANEL_HEIGHT = 2.3
MOST_COLUMNS = 3  # of panels
LEGEND_LETTERS = 100  # that fit beside each other in WIDTH
SETTINGS: Any = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib, so every machine draws the same
    "font.size": 9,
    "text.parse_math": False,  # a $ in a name is a $
    "axes.edgecolor": LIGHT.grid,
    "axes.labelcolor": LIGHT.muted,
    "text.color": LIGHT.text,
    "xtick.color": LIGHT.muted,
    "ytick.color": LIGHT.muted,
    "svg.hashsalt": "embexp",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "path.simplify": False,
}
# Dates and versions would make two reports of one study differ.
METADATA: dict[str, dict[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def save_figures(figures: Mapping[str, Figure], folder: Path) -> dict[str, dict[str, Path]]:
    """Save each figure as `<name>.svg`, `.png` and `.pdf`; return the paths by name and ending."""
    folder.mkdir(parents=True, exist_ok=True)
    return {name: _save(figure, folder) for name, figure in figures.items()}


def _save(figure: Figure, folder: Path) -> dict[str, Path]:
    from matplotlib import rc_context

    paths = {ending: folder / f"{figure.name}.{ending}" for ending in METADATA}
    with rc_context(SETTINGS), warnings.catch_warnings():
        # Names may hold letters that DejaVu lacks; the page shows them, the file shows boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        drawn = draw(figure)
        for ending, path in paths.items():
            drawn.savefig(path, format=ending, dpi=200, metadata=METADATA[ending])
            drawn.set_layout_engine("none")  # the first has placed everything
    return paths


def draw(figure: Figure) -> DrawnFigure:
    """Return the Matplotlib figure; its first axes hold the chart, the second, if any, the strip."""
    if isinstance(figure, Panels):
        return _draw_panels(figure)
    return _draw_chart(figure) if isinstance(figure, Chart) else _draw_timeline(figure)


def _draw_chart(figure: Chart) -> DrawnFigure:
    from matplotlib.figure import Figure as DrawnFigure

    strip = ROW_HEIGHT * len(figure.rows)
    drawn = DrawnFigure(figsize=(WIDTH, CHART_HEIGHT + strip), layout="constrained", facecolor="white")
    if figure.rows:
        main, below = drawn.subplots(
            2, 1, sharex=True, gridspec_kw={"height_ratios": [CHART_HEIGHT - 0.6, strip], "hspace": 0.02}
        )
        _draw_strip(below, figure)
    else:
        main, below = drawn.subplots(), None
    _dress(main, figure)
    for line in figure.series:
        _draw_series(main, line)
    for row in figure.rows:
        main.axvline(row.estimate, color=LIGHT.muted, linewidth=0.8, linestyle=":", zorder=1)
    (below or main).set_xlabel(figure.x.label)
    if below is not None:
        main.tick_params(axis="x", bottom=False, labelbottom=False)
    first = {line.keys: line.style.label for line in reversed(figure.series)}  # one entry for each key
    handles, labels = main.get_legend_handles_labels()
    _draw_legend(drawn, [each for each, label in zip(handles, labels, strict=True) if label in first.values()])
    return drawn


def _draw_legend(drawn: DrawnFigure, handles: list[Artist]) -> None:
    """Put the legend above the chart, read row by row (Matplotlib fills it column by column)."""
    longest = max(len(str(handle.get_label())) for handle in handles)
    columns = max(1, min(len(handles), int(LEGEND_LETTERS // (longest + 8))))
    in_rows = [handle for column in range(columns) for handle in handles[column::columns]]
    drawn.legend(
        handles=in_rows,
        loc="outside upper left",
        ncols=columns,
        frameon=False,
        handlelength=2.4,
        columnspacing=1.6,
    )


def _dress(axes: Axes, figure: Chart) -> None:
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.grid(True, color=LIGHT.grid, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.set_xscale("log" if figure.x.log else "linear")
    axes.set_yscale("log" if figure.y.log else "linear")
    for axis, prepared in ((axes.xaxis, figure.x), (axes.yaxis, figure.y)):
        if prepared.ticks:
            _set_ticks(axis, prepared.ticks, prepared.tick_labels)
    if figure.x.limits:
        axes.set_xlim(figure.x.limits)
    if figure.y.limits:
        axes.set_ylim(figure.y.limits)
    axes.set_ylabel(figure.y.label)
    if figure.shade:
        axes.axhspan(*figure.shade, color=LIGHT.band, linewidth=0, zorder=0.5)
    if figure.reference is not None:
        axes.axhline(figure.reference, color=LIGHT.muted, linewidth=0.9, zorder=1)


def _set_ticks(axis: DrawnAxis, ticks: tuple[float, ...], labels: tuple[str, ...]) -> None:
    axis.set_ticks(list(ticks), list(labels) if labels else None)
    axis.set_ticks([], minor=True)


def _draw_series(axes: Axes, line: Series) -> None:
    runs, lone = interval_runs(line)
    colour = line.style.light
    for run in runs:
        sizes, low, high = zip(*((each.x, each.low, each.high) for each in run), strict=True)
        axes.fill_between(sizes, low, high, color=colour, alpha=0.16, linewidth=0)
    for each in lone:
        axes.plot([each.x] * 2, [each.low, each.high], color=colour, linewidth=1.1)
    sides = line.arrows or ("",) * len(line.x)
    axes.plot(
        line.x,
        line.y,
        color=colour,
        linewidth=1.7,
        linestyle="none" if line.labels else MATPLOTLIB_DASHES[line.style.dash],
        marker=MATPLOTLIB_MARKERS[line.style.marker],
        markersize=4.5,
        markevery=[not side for side in sides],
        label=line.style.label,
    )
    right = {"xytext": (5, 0), "ha": "left", "va": "center"}  # an interval runs through what stands above
    left = {"xytext": (-5, 0), "ha": "right", "va": "center"}
    above = {"xytext": (0, 4), "ha": "center"}
    ways = line.sides or ("right",) * len(line.x)
    for x, y, word, side in zip(line.x, line.y, line.labels, ways, strict=False):
        place: Any = (left if side == "left" else right) if line.bars else above
        axes.annotate(word, (x, y), textcoords="offset points", color=colour, fontsize=7, **place)
    for mark, side in (("^", "up"), ("v", "down")):
        beyond = [(x, y) for x, y, where in zip(line.x, line.y, sides, strict=True) if where == side]
        if beyond:
            axes.plot(*zip(*beyond, strict=True), mark, color=colour, markersize=7, fillstyle="none")


def _draw_strip(axes: Axes, figure: Chart) -> None:
    axes.set_ylim(0, len(figure.rows))
    axes.set_yticks([])
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)
    axes.grid(True, axis="x", color=LIGHT.grid, linewidth=0.7)
    for place, row in enumerate(figure.rows):
        _draw_row(axes, figure, row, len(figure.rows) - place - 0.75)


def _draw_row(axes: Axes, figure: Chart, row: IntervalRow, height: float) -> None:
    limits = figure.x.limits or (row.estimate, row.estimate)
    low, high = row.low or limits[0], row.high or limits[1]
    axes.plot([low, high], [height] * 2, color=LIGHT.muted, linewidth=2, solid_capstyle="butt")
    for start, end in row.also:
        axes.plot([start or limits[0], end or limits[1]], [height] * 2, color=LIGHT.muted, linewidth=2, linestyle=":")
    axes.plot([row.estimate], [height], "o", color=LIGHT.text, markersize=5)
    for end, value, mark in ((low, row.low, "<"), (high, row.high, ">")):
        axes.plot([end], [height], "|" if value else mark, color=LIGHT.muted, markersize=6, clip_on=False)
    axes.text(limits[0], height + 0.25, f"{row.label}: {row.value}", fontsize=7.5, color=LIGHT.muted, va="bottom")


def _draw_panels(figure: Panels) -> DrawnFigure:
    from matplotlib.figure import Figure as DrawnFigure

    lines = math.ceil(len(figure.charts) / MOST_COLUMNS)
    columns = math.ceil(len(figure.charts) / lines)
    drawn = DrawnFigure(figsize=(WIDTH, 0.8 + PANEL_HEIGHT * lines), layout="constrained", facecolor="white")
    grid = drawn.subplots(lines, columns, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place >= len(figure.charts):
            axes.set_visible(False)
            continue
        chart = figure.charts[place]
        _dress(axes, chart)
        axes.set_title(chart.title, fontsize=9, loc="left", color=LIGHT.text)
        axes.tick_params(labelsize=7.5)
        if place + columns >= len(figure.charts):
            axes.set_xlabel(chart.x.label)
        if place % columns:
            axes.set_ylabel("")
        for line in chart.series:
            _draw_series(axes, line)
        for row, height in zip(chart.rows, foot_heights(chart), strict=True):
            _draw_foot(axes, chart, row, height)
    shown = {line.style.label: line for line in figure.lines}
    handles = {
        label: handle for axes in grid.flat for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    _draw_legend(drawn, [handles[label] for label in shown])
    return drawn


def _draw_foot(axes: Axes, chart: Chart, row: IntervalRow, height: float) -> None:
    limits = chart.x.limits or (row.estimate, row.estimate)
    colour = row.style.light if row.style else LIGHT.text
    axes.axvline(row.estimate, color=LIGHT.muted, linewidth=0.8, linestyle=":", zorder=1)
    axes.plot([row.low or limits[0], row.high or limits[1]], [height] * 2, color=colour, linewidth=1.5)
    for end, value, mark in ((limits[0], row.low, "<"), (limits[1], row.high, ">")):
        if value is None:
            axes.plot([end], [height], mark, color=colour, markersize=4, clip_on=False)
    axes.plot([row.estimate], [height], "o", color=colour, markersize=3.5)


def _draw_timeline(figure: Timeline) -> DrawnFigure:
    from matplotlib.figure import Figure as DrawnFigure

    height = 1.1 + 0.3 * len(figure.lanes)
    drawn = DrawnFigure(figsize=(WIDTH, height), layout="constrained", facecolor="white")
    axes = drawn.subplots()
    for place, (stage, segments) in enumerate(figure.stages.items()):
        colour = stage_style(place, stage).light
        for lane in range(len(figure.lanes)):
            own = [(bar.start, bar.end - bar.start) for bar in segments if bar.lane == lane]
            axes.broken_barh(own, (lane - 0.35, 0.7), facecolors=colour, linewidth=0)
        axes.broken_barh([], (0, 0), facecolors=colour, label=stage)
    axes.set_xlim(0, figure.span * 1.01 or 1)
    axes.set_ylim(len(figure.lanes) - 0.5, -0.5)
    axes.set_yticks(range(len(figure.lanes)), figure.lanes)
    axes.set_xlabel(f"{figure.unit} since the first task")
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.grid(True, axis="x", color=LIGHT.grid, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    _draw_legend(drawn, axes.get_legend_handles_labels()[0])
    return drawn
