"""Draw a prepared figure as a Plotly specification: plain data and layout for the page's script.

Everything is drawn in the light colours; `dark_colours` says which colour replaces which on a dark page.
Plotly's Python classes are not used: they would cost a second to import and add nothing to plain data.
"""

from __future__ import annotations

import math
from typing import Any

from embexp.conclude.report.charts import (
    Axis,
    Chart,
    Figure,
    Interval,
    IntervalRow,
    Segment,
    Series,
    interval_runs,
)
from embexp.conclude.report.escape import plotly_text
from embexp.conclude.report.palette import DARK, LIGHT, Style, stage_style
from embexp.conclude.report.words import count

Json = dict[str, Any]
BAND_OPACITY = 0.16
CHART_HEIGHT = 400
ROW_HEIGHT = 38
LANE_HEIGHT = 34
HOVER = "%{customdata}<extra></extra>"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def specification(figure: Figure) -> Json:
    """Return what the page's script needs: data, layout, height, chips to toggle, scales of the x axis.

    A trace's `meta.keys` name the chips that must be on for it to be visible. `fit` holds what the y axis
    shows beside the visible series when it is fitted to them, None where it stays as it is.
    """
    if not isinstance(figure, Chart):
        return _timeline(figure)
    height = CHART_HEIGHT + ROW_HEIGHT * len(figure.rows)
    strip = ROW_HEIGHT * len(figure.rows) / height
    traces = [trace for line in figure.series for trace in _series(line, _hover(figure, line))]
    traces += [trace for place, row in enumerate(figure.rows) for trace in _row(figure, row, place)]
    layout = _layout(figure.unified)
    layout["xaxis"] = {**_axis(figure.x), "anchor": "y2" if figure.rows else "y"}
    layout["yaxis"] = {**_axis(figure.y), "domain": [strip + 0.04 if figure.rows else 0, 1]}
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
        "chips": list({line.keys[0]: _chip(line.keys[0], line.style) for line in reversed(figure.series)}.values())[
            ::-1
        ],
        "scales": {"log": _log_scale(figure.x), "linear": _linear_scale(figure.x)} if figure.x.log else {},
        "fit": None if figure.y.log else _fixed_values(figure),
    }


def _fixed_values(figure: Chart) -> list[float]:
    return [*(figure.shade or ()), *(() if figure.reference is None else (figure.reference,))]


def rgba(colour: str, opacity: float) -> str:
    """Write #rrggbb with an opacity."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:g})"


def dark_colours(figures: list[Figure]) -> dict[str, str]:
    """Map each light colour that the specifications use to its dark counterpart."""
    colours = {getattr(LIGHT, name): getattr(DARK, name) for name in ("text", "muted", "grid", "paper", "band")}
    for figure in figures:
        if isinstance(figure, Chart):
            styles = [line.style for line in figure.series]
        else:
            styles = [stage_style(place, stage) for place, stage in enumerate(figure.stages)]
        for style in styles:
            colours[style.light] = style.dark
            colours[rgba(style.light, BAND_OPACITY)] = rgba(style.dark, BAND_OPACITY)
    return colours


def _chip(key: str, style: Style) -> Json:
    """The button that shows and hides a series; its texts are set as text, so they stay unescaped."""
    return {"key": key, "label": style.label, "colour": style.light, "dash": style.dash}


def _layout(unified: bool) -> Json:
    return {
        "autosize": True,
        "showlegend": False,
        "margin": {"l": 56, "r": 14, "t": 10, "b": 48},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 13, "color": LIGHT.text},
        "hovermode": "x unified" if unified else "closest",
        "hoverlabel": {
            "bgcolor": LIGHT.paper,
            "bordercolor": LIGHT.grid,
            "font": {"family": FONT, "size": 12.5, "color": LIGHT.text},
            "align": "left",
            "namelength": -1,
        },
        "hoverdistance": -1 if unified else 20,  # -1: the nearest size, however far the pointer is from it
        "dragmode": False,
    }


def _axis(axis: Axis) -> Json:
    drawn: Json = {
        "title": {
            "text": plotly_text(axis.label),
            "font": {"size": 13, "color": LIGHT.muted},
            "standoff": 10,
        },
        "gridcolor": LIGHT.grid,
        "zeroline": False,
        "showline": False,
        "tickfont": {"color": LIGHT.muted, "size": 12},
        "fixedrange": True,
        "tickangle": 0,
        "ticklen": 4,
        "tickcolor": "rgba(0,0,0,0)",
    }
    return drawn | (_log_scale(axis) if axis.log else _linear_range(axis))


def _log_scale(axis: Axis) -> Json:
    scale: Json = {"type": "log"}
    if axis.limits:
        scale["range"] = [math.log10(axis.limits[0]), math.log10(axis.limits[1])]
    if axis.ticks:
        scale |= {
            "tickmode": "array",
            "tickvals": list(axis.ticks),
            "ticktext": [plotly_text(label) for label in axis.tick_labels],
        }
    return scale


def _linear_scale(axis: Axis) -> Json:
    top = 1.03 * max(axis.ticks or axis.limits or (1.0,))
    return {
        "type": "linear",
        "range": [-0.02 * top, top],
        "tickmode": "auto",
        "nticks": 8,
        "tickformat": ",~r" if top < 10 else ",d",
    }


def _linear_range(axis: Axis) -> Json:
    return {"range": list(axis.limits)} if axis.limits else {}


def _hover(figure: Chart, line: Series) -> list[str]:
    """Name the size in each text unless the box that all series share has it as its title."""
    if figure.unified or not figure.by_size:
        return [plotly_text(text) for text in line.hover]
    return [plotly_text(f"{count(x)} labels, {text}") for x, text in zip(line.x, line.hover, strict=True)]


def _series(line: Series, hover: list[str]) -> list[Json]:
    runs, lone = interval_runs(line)
    traces = [_band(line, runs)] if runs else []
    colour = line.style.light
    drawn: Json = {
        "type": "scatter",
        "mode": "lines" if line.style.marker == "none" else "lines+markers",
        "name": plotly_text(line.style.label),
        "x": list(line.x),
        "y": list(line.y),
        "customdata": hover,
        "hovertemplate": HOVER,
        "line": {"color": colour, "width": 2.25, "dash": line.style.dash},
        "marker": {"color": colour, "size": 7, "symbol": line.style.marker.replace("none", "circle"), "opacity": 1},
        "meta": {"keys": list(line.keys)},
    }
    if any(line.arrows):
        symbols = {"up": "triangle-up-open", "down": "triangle-down-open", "": line.style.marker}
        drawn["marker"]["symbol"] = [symbols[side] for side in line.arrows]
        drawn["marker"]["size"] = [10 if side else 7 for side in line.arrows]
        drawn["marker"]["line"] = {"width": [1.5 if side else 0 for side in line.arrows]}
    if line.labels:
        drawn |= {"mode": "markers+text", "text": list(map(plotly_text, line.labels)), "textposition": "top center"}
        drawn |= {"textfont": {"color": colour, "size": 11.5}, "cliponaxis": False}
    if lone:
        drawn["error_y"] = _error_bars(line, lone)
    return [*traces, drawn]


def _band(line: Series, runs: list[list[Interval]]) -> Json:
    """One polygon for each run: along the upper ends and back along the lower ones."""
    x: list[float | None] = []
    y: list[float | None] = []
    for run in runs:
        x += [interval.x for interval in (*run, *reversed(run))] + [None]
        y += [interval.high for interval in run] + [interval.low for interval in reversed(run)] + [None]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plotly_text(line.style.label),
        "x": x[:-1],
        "y": y[:-1],
        "fill": "toself",
        "fillcolor": rgba(line.style.light, BAND_OPACITY),
        "line": {"width": 0, "color": line.style.light},
        "hoverinfo": "skip",
        "meta": {"keys": list(line.keys), "band": True},
    }


def _error_bars(line: Series, lone: list[Interval]) -> Json:
    up, down = [0.0] * len(line.x), [0.0] * len(line.x)
    for interval in lone:
        y = line.y[interval.place]
        up[interval.place], down[interval.place] = interval.high - y, y - interval.low
    return {
        "type": "data",
        "symmetric": False,
        "array": up,
        "arrayminus": down,
        "color": line.style.light,
        "thickness": 1.25,
        "width": 4,
    }


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
    layout = _layout(unified=False)
    layout |= {"barmode": "overlay", "bargap": 0.3}
    layout["xaxis"] = _axis(Axis(f"{figure.unit} since the first task", limits=(0, figure.span * 1.01 or 1)))
    layout["yaxis"] = _axis(Axis("")) | {
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
        "chips": [_chip(style.label, style) for style in styles],
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
