"""What all Plotly figures of a report consist of: layout, axes, series with their intervals, buttons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from embexp.conclude.report.charts import Axis, Interval, Series, interval_runs
from embexp.conclude.report.escape import plotly_text
from embexp.conclude.report.palette import LIGHT, Style

Json = dict[str, Any]
BAND_OPACITY = 0.16
CHART_HEIGHT = 400
HOVER = "%{customdata}<extra></extra>"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def rgba(colour: str, opacity: float) -> str:
    """Write #rrggbb with an opacity."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:g})"


def chips(lines: Sequence[Series]) -> list[Json]:
    """One button for each key, in the look of the first series that has it."""
    return list({line.keys[0]: chip(line.keys[0], line.style) for line in reversed(lines)}.values())[::-1]


def chip(key: str, style: Style) -> Json:
    """The button that shows and hides a series; its texts are set as text, so they stay unescaped."""
    return {"key": key, "label": style.label, "colour": style.light, "dash": style.dash}


def base_layout(unified: bool) -> Json:
    """Return the layout that all figures share; `unified`: one box of values for all series at a size."""
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


def drawn_axis(axis: Axis) -> Json:
    """Return an axis in the look of the report."""
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
    return drawn | (log_scale(axis) if axis.log else _linear_scale(axis))


def log_scale(axis: Axis) -> Json:
    """Return type, range and ticks of a logarithmic axis."""
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
    scale: Json = {"range": list(axis.limits)} if axis.limits else {}
    if axis.ticks:
        labels = [plotly_text(label) for label in axis.tick_labels]
        scale |= {"tickmode": "array", "tickvals": list(axis.ticks), "ticktext": labels}
    return scale


def series_traces(line: Series, hover: list[str]) -> list[Json]:
    """Return the traces of a line with its intervals; `hover` are its texts, escaped."""
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
        drawn |= {"mode": "markers+text", "text": list(map(plotly_text, line.labels))}
        beside = [f"middle {side}" for side in line.sides] or "middle right"
        drawn["textposition"] = beside if line.bars else "top center"
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
