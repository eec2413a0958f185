"""Draw panels as a Plotly specification: charts beside each other in one figure, with one set of buttons."""

from __future__ import annotations

from dataclasses import replace

from embexp.conclude.report.charts import Chart, IntervalRow, Panels, foot_heights, foot_shares
from embexp.conclude.report.escape import plotly_text
from embexp.conclude.report.palette import LIGHT
from embexp.conclude.report.plotly_parts import CHART_HEIGHT, HOVER, Json, base_layout, chips, drawn_axis, series_traces
from embexp.conclude.report.words import count


def panels(figure: Panels) -> Json:
    """Traces and axes of all panels; the page's script places them, for it knows how much room there is."""
    layout = base_layout(unified=False)
    layout["annotations"] = []
    traces: list[Json] = []
    for place, chart in enumerate(figure.charts, start=1):
        number = "" if place == 1 else str(place)
        own = []
        for line in chart.series:
            sizes = [f"{count(x)} labels, " if chart.by_size else "" for x in line.x]
            texts = [size + text for size, text in zip(sizes, line.hover, strict=True)]
            own += series_traces(line, list(map(plotly_text, texts)))
        feet = zip(chart.rows, foot_shares(chart), foot_heights(chart), strict=True)
        own += [trace for row, share, height in feet for trace in _foot(chart, row, share, height)]
        traces += [trace | {"xaxis": f"x{number}", "yaxis": f"y{number}"} for trace in own]
        layout[f"xaxis{number}"] = drawn_axis(replace(chart.x, label="")) | {"anchor": f"y{number}"}
        layout[f"yaxis{number}"] = drawn_axis(replace(chart.y, label="")) | {"anchor": f"x{number}"}
        layout["annotations"].append(
            {
                "text": plotly_text(chart.title),
                **{"xref": f"x{number} domain", "yref": f"y{number} domain", "x": 0, "y": 1},
                **{"xanchor": "left", "yanchor": "bottom", "showarrow": False},
                "font": {"size": 13, "color": LIGHT.text},
            }
        )
    layout["margin"] = {"l": 40, "r": 14, "t": 26, "b": 30}
    return {
        **{
            "data": traces,
            "layout": layout,
            "height": CHART_HEIGHT,
            "rows": 0,
            "chips": chips(figure.lines),
            "scales": {},
        },
        **{"fit": None, "panels": len(figure.charts), "shared": figure.shared_y},
    }


def _foot(chart: Chart, row: IntervalRow, share: float, height: float) -> list[Json]:
    """A crossover at the foot of a panel: a hairline, and its interval in the colour of who is ahead then."""
    limits = chart.x.limits or (row.estimate, row.estimate)
    colour = row.style.light if row.style else LIGHT.text
    common: Json = {"type": "scatter", "name": plotly_text(row.label)}
    meta: Json = {"keys": list(row.keys)}
    hairline = {
        **common,
        "meta": meta | {"hairline": True},
        "mode": "lines",
        "x": [row.estimate] * 2,
        "y": list(chart.y.limits or (0, 1)),
        "hoverinfo": "skip",
        "line": {"color": LIGHT.muted, "width": 1, "dash": "dot"},
    }
    bar = {
        **common,
        "meta": meta | {"foot": share},
        "cliponaxis": False,  # an open end's triangle stands on the edge
        "mode": "lines+markers",
        "x": [row.low or limits[0], row.estimate, row.high or limits[1]],
        "y": [height] * 3,
        "customdata": [plotly_text(f"{row.label} {row.value}")] * 3,
        "hovertemplate": HOVER,
        "line": {"color": colour, "width": 2},
        "marker": {
            "opacity": 1,
            "color": colour,
            "size": [7, 7, 7],
            "symbol": [
                "line-ns-open" if row.low else "triangle-left",
                "circle",
                "line-ns-open" if row.high else "triangle-right",
            ],
        },
    }
    return [hairline, bar]
