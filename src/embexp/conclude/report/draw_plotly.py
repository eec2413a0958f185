"""Draw a prepared figure as a Plotly specification: plain data and layout for the page's script.

Everything is drawn in the light colours; `dark_colours` says which colour replaces which on a dark page.
Plotly's Python classes are not used: they would cost a second to import and add nothing to plain data.
"""

from __future__ import annotations

from typing import Any

from embexp.conclude.report.charts import Axis, Chart, Figure, IntervalRow, Panels, Segment, Series
from embexp.conclude.report.comparison_plotly import panels
from embexp.conclude.report.escape import plotly_text
from embexp.conclude.report.palette import DARK, LIGHT, Style, stage_style
from embexp.conclude.report.plotly_parts import (
    BAND_OPACITY,
    CHART_HEIGHT,
    HOVER,
    Json,
    base_layout,
    chip,
    chips,
    drawn_axis,
    log_scale,
    rgba,
    series_traces,
)
from embexp.conclude.report.words import count

ROW_HEIGHT = 38
LANE_HEIGHT = 34


def specification(figure: Figure) -> Json:
    """Return what the page's script needs: data, layout, height, chips to toggle, scales of the x axis.

    A trace's `meta.keys` name the chips that must be on for it to be visible. `fit` holds what the y axis
    shows beside the visible series when it is fitted to them, None where it stays as it is.
    """
    if isinstance(figure, Panels):
        return panels(figure)
    if not isinstance(figure, Chart):
        return _timeline(figure)
    height = CHART_HEIGHT + ROW_HEIGHT * len(figure.rows)
    strip = ROW_HEIGHT * len(figure.rows) / height
    traces = [trace for line in figure.series for trace in series_traces(line, _hover(figure, line))]
    traces += [trace for place, row in enumerate(figure.rows) for trace in _row(figure, row, place)]
    layout = base_layout(figure.unified)
    layout["xaxis"] = {**drawn_axis(figure.x), "anchor": "y2" if figure.rows else "y"}
    layout["yaxis"] = {**drawn_axis(figure.y), "domain": [strip + 0.04 if figure.rows else 0, 1]}
    if figure.rows:
        layout["yaxis2"] = {
            "domain": [0, strip],
            "range": [0, len(figure.rows)],
            "visible": False,
            "fixedrange": True,
        }
        layout["xaxis"]["side"] = "bottom"
    layout["shapes"] = _shapes(figure)
    if figure.unified:
        layout["xaxis"] |= {"spikecolor": LIGHT.muted, "spikethickness": 1, "spikedash": "solid"}
        layout["xaxis"]["unifiedhovertitle"] = {"text": f"%{{x:,d}} {plotly_text(figure.x.label)}"}
    return {
        "data": traces,
        "layout": layout,
        "height": height,
        "rows": len(figure.rows),
        "chips": chips(figure.series),
        "scales": {"log": log_scale(figure.x), "linear": _linear_scale(figure.x)} if figure.x.log else {},
        "fit": None if figure.y.log else _fixed_values(figure),
    }


def _fixed_values(figure: Chart) -> list[float]:
    return [*(figure.shade or ()), *(() if figure.reference is None else (figure.reference,))]


def dark_colours(figures: list[Figure]) -> dict[str, str]:
    """Map each light colour that the specifications use to its dark counterpart."""
    colours = {getattr(LIGHT, name): getattr(DARK, name) for name in ("text", "muted", "grid", "paper", "band")}
    for figure in figures:
        if isinstance(figure, Chart | Panels):
            styles = [line.style for line in (figure.lines if isinstance(figure, Panels) else figure.series)]
        else:
            styles = [stage_style(place, stage) for place, stage in enumerate(figure.stages)]
        for style in styles:
            colours[style.light] = style.dark
            colours[rgba(style.light, BAND_OPACITY)] = rgba(style.dark, BAND_OPACITY)
    return colours


def _linear_scale(axis: Axis) -> Json:
    top = 1.03 * max(axis.ticks or axis.limits or (1.0,))
    return {
        "type": "linear",
        "range": [-0.02 * top, top],
        "tickmode": "auto",
        "nticks": 8,
        "tickformat": ",~r" if top < 10 else ",d",
    }


def _hover(figure: Chart, line: Series) -> list[str]:
    """Name the size in each text unless the box that all series share has it as its title."""
    if figure.unified or not figure.by_size:
        return [plotly_text(text) for text in line.hover]
    return [plotly_text(f"{count(x)} labels, {text}") for x, text in zip(line.x, line.hover, strict=True)]


def _row(figure: Chart, row: IntervalRow, place: int) -> list[Json]:
    """A crossover: a hairline through the chart, and point and interval in the strip below."""
    height = len(figure.rows) - place - 0.78
    limits = figure.x.limits or (row.estimate, row.estimate)
    low, high = row.low or limits[0], row.high or limits[1]
    meta: Json = {"keys": list(row.keys)}
    common: Json = {"type": "scatter", "hoverinfo": "skip", "meta": meta, "name": plotly_text(row.label)}
    label, value = plotly_text(row.label), plotly_text(row.value)
    bar = {
        **common,
        "mode": "lines+markers",
        "x": [low, row.estimate, high],
        "y": [height] * 3,
        "yaxis": "y2",
        "line": {"color": LIGHT.muted, "width": 2.5},
        "marker": {
            "opacity": 1,
            "color": LIGHT.text,
            "size": [7 if row.low else 9, 9, 7 if row.high else 9],
            "symbol": [
                "line-ns-open" if row.low else "triangle-left",
                "circle",
                "line-ns-open" if row.high else "triangle-right",
            ],
        },
    }
    words = {
        **common,
        "mode": "text",
        "x": [limits[0] * 1.001],  # on the very edge Plotly leaves it out
        "y": [height + 0.28],
        "yaxis": "y2",
        "text": [f"{label}: {value}"],
        "meta": meta | {"narrow": [f"{label}:<br>{value}"]},
        "textposition": "top right",
        "textfont": {"size": 11.5, "color": LIGHT.muted},
        "cliponaxis": False,
    }
    hairline = {
        **common,
        "mode": "lines",
        "x": [row.estimate] * 2,
        "y": list(figure.y.limits or (0, 1)),
        "meta": meta | {"hairline": True},
        "line": {"color": LIGHT.muted, "width": 1, "dash": "dot"},
    }
    further = [
        {
            **common,
            "mode": "lines",
            "x": [start or limits[0], end or limits[1]],
            "y": [height] * 2,
            "yaxis": "y2",
            "line": {"color": LIGHT.muted, "width": 2.5, "dash": "dot"},
        }
        for start, end in row.also
    ]
    return [hairline, *further, bar, words]


def _shapes(figure: Chart) -> list[Json]:
    shapes: list[Json] = []
    across = {"xref": "paper", "x0": 0, "x1": 1, "yref": "y", "layer": "below"}
    if figure.shade:
        low, high = figure.shade
        band = {"type": "rect", "y0": low, "y1": high, "fillcolor": LIGHT.band, "line": {"width": 0}}
        shapes.append(across | band)
    if figure.reference is not None:
        line = {"type": "line", "y0": figure.reference, "y1": figure.reference}
        shapes.append(across | line | {"layer": "between", "line": {"color": LIGHT.muted, "width": 1}})
    return shapes


def _timeline(figure: Any) -> Json:
    layout = base_layout(unified=False)
    layout |= {"barmode": "overlay", "bargap": 0.3}
    layout["xaxis"] = drawn_axis(Axis(f"{figure.unit} since the first task", limits=(0, figure.span * 1.01 or 1)))
    layout["yaxis"] = drawn_axis(Axis("")) | {
        "type": "linear",
        "range": [len(figure.lanes) - 0.5, -0.5],
        "tickvals": list(range(len(figure.lanes))),
        "ticktext": [plotly_text(lane) for lane in figure.lanes],
        "showgrid": False,
        "automargin": True,
    }
    styles = [stage_style(place, stage) for place, stage in enumerate(figure.stages)]
    return {
        "data": [_bars(style, segments) for style, segments in zip(styles, figure.stages.values(), strict=True)],
        "layout": layout,
        "height": 90 + LANE_HEIGHT * len(figure.lanes),
        "rows": 0,
        "chips": [chip(style.label, style) for style in styles],
        "scales": {},
        "fit": None,
    }


def _bars(style: Style, segments: tuple[Segment, ...]) -> Json:
    return {
        "type": "bar",
        "orientation": "h",
        "name": plotly_text(style.label),
        "x": [segment.end - segment.start for segment in segments],
        "base": [segment.start for segment in segments],
        "y": [segment.lane for segment in segments],
        "width": 0.7,
        "customdata": [plotly_text(segment.hover) for segment in segments],
        "hovertemplate": HOVER,
        "marker": {"color": style.light, "line": {"width": 0}},
        "meta": {"keys": [style.label]},
    }
