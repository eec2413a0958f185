"""The page and the files show the same figures: Plotly and Matplotlib draw one prepared chart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from report_example import make_results

from embexp.conclude.report.charts import Chart, Timeline
from embexp.conclude.report.draw_matplotlib import draw
from embexp.conclude.report.draw_plotly import dark_colours, specification
from embexp.conclude.report.figures import prepare_figures
from embexp.conclude.report.reading import StudyResults

CHARTS = ("learning_curves", "differences", "label_equivalence", "forecasts", "costs")
FIGURES = prepare_figures(StudyResults(make_results()))


def chart(name: str) -> Chart:
    figure = FIGURES[name]
    assert isinstance(figure, Chart)
    return figure


def plotly_lines(figure: Chart) -> dict[str, dict[str, Any]]:
    """Return the traces that carry points, by label."""
    return {trace["name"]: trace for trace in specification(figure)["data"] if trace.get("customdata")}


@pytest.mark.parametrize("name", CHARTS)
def test_lines_have_the_same_points(name: str) -> None:
    figure = chart(name)
    axes = draw(figure).axes[0]
    drawn = {str(line.get_label()): line for line in axes.get_lines()}
    traces = plotly_lines(figure)
    assert len(traces) == len(figure.series) >= 2
    for series in figure.series:
        line, trace = drawn[series.style.label], traces[series.style.label]
        assert trace["x"] == list(line.get_xdata())
        assert trace["y"] == list(line.get_ydata())
        assert trace["line"]["color"] == line.get_color() == series.style.light


@pytest.mark.parametrize("name", ["learning_curves", "differences"])
def test_bands_have_the_same_corners(name: str) -> None:
    figure = chart(name)
    drawn = [
        {(float(x), float(y)) for x, y in band.get_paths()[0].vertices} for band in draw(figure).axes[0].collections
    ]
    bands = [trace for trace in specification(figure)["data"] if trace["meta"].get("band")]
    meant = [set(zip(trace["x"], trace["y"], strict=True)) for trace in bands]
    assert len(meant) == len(figure.series)
    assert drawn == meant


def test_error_bars_have_the_same_ends() -> None:
    figure = chart("label_equivalence")
    lines = [(list(map(float, line.get_xdata())), list(line.get_ydata())) for line in draw(figure).axes[0].get_lines()]
    drawn = {(x[0], round(y[0], 9), round(y[1], 9)) for x, y in lines if len(x) == 2 and x[0] == x[1]}
    meant = set()
    for trace in plotly_lines(figure).values():
        error = trace["error_y"]
        for x, y, up, down in zip(trace["x"], trace["y"], error["array"], error["arrayminus"], strict=True):
            if up or down:
                meant.add((float(x), round(y - down, 9), round(y + up, 9)))
    censored = sum(side != "" for line in figure.series for side in line.arrows)
    assert len(meant) + censored == 12
    assert censored >= 1
    assert drawn == meant


def test_crossovers_stand_at_the_same_sizes() -> None:
    figure = chart("learning_curves")
    below = draw(figure).axes[1]
    lines = [line for line in below.get_lines() if len(line.get_xdata()) == 2 and line.get_linestyle() == "-"]
    drawn = [tuple(line.get_xdata()) for line in lines]
    bars = [trace for trace in specification(figure)["data"] if trace.get("yaxis") == "y2" and len(trace["x"]) == 3]
    assert drawn == [(trace["x"][0], trace["x"][2]) for trace in bars]
    assert [row.estimate for row in figure.rows] == [trace["x"][1] for trace in bars]
    assert len(bars) == 2


def test_axes_have_the_same_limits_and_ticks() -> None:
    for name in CHARTS:
        figure = chart(name)
        drawing, layout = draw(figure), specification(figure)["layout"]
        axes, lowest = drawing.axes[0], drawing.axes[-1]  # the strip, where there is one, has the tick labels
        for drawn, meant, log in (
            (axes.get_xlim(), layout["xaxis"]["range"], figure.x.log),
            (axes.get_ylim(), layout["yaxis"]["range"], figure.y.log),
        ):
            np.testing.assert_allclose(np.log10(drawn) if log else drawn, meant)
        assert [text.get_text() for text in lowest.get_xticklabels()] == layout["xaxis"]["ticktext"]


def test_timeline_has_the_same_bars() -> None:
    figure = FIGURES["timeline"]
    assert isinstance(figure, Timeline)
    meant = {
        (start, start + length, lane)
        for trace in specification(figure)["data"]
        for start, length, lane in zip(trace["base"], trace["x"], trace["y"], strict=True)
    }
    drawn = set()
    for collection in draw(figure).axes[0].collections:
        for path in collection.get_paths():
            box = path.get_extents()
            drawn.add((box.x0, box.x1, round((box.y0 + box.y1) / 2)))
    assert len(meant) >= 6
    np.testing.assert_allclose(sorted(drawn), sorted(meant))


@pytest.mark.parametrize("name", [*CHARTS, "timeline"])
def test_plotly_knows_every_property(name: str) -> None:
    from plotly.graph_objects import Figure

    drawn = specification(FIGURES[name])
    Figure(data=drawn["data"], layout=drawn["layout"])  # raises for a property that Plotly does not know


def test_every_colour_has_a_dark_counterpart() -> None:
    dark = dark_colours(list(FIGURES.values()))
    for figure in FIGURES.values():
        drawn = specification(figure)
        for trace in drawn["data"]:
            used = [trace.get("fillcolor")]
            used += [trace.get(part, {}).get("color") for part in ("line", "marker", "error_y", "textfont")]
            assert [colour for colour in used if colour and colour not in dark] == []
            assert any(used)
