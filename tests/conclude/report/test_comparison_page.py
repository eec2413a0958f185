"""The comparison as a reader has it, in Chromium; its two drawings of one figure agree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from test_comparison import compared, news, reviews
from test_page_in_browser import Watched

from embexp.conclude.report import write_comparison
from embexp.conclude.report.charts import Panels
from embexp.conclude.report.comparison_panels import comparison_panels
from embexp.conclude.report.draw_matplotlib import draw
from embexp.conclude.report.draw_plotly import specification

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCRIPT = "<script>hacked = 1</script>"


def comes_true(page: Page, expression: str) -> bool:
    """Look once a frame, for a few seconds; the page's policy forbids Playwright's own way, which is eval."""
    look = f"frames => new Promise((done) => {{ const look = () => ({expression}) ? done(true) : frames-- > 0"
    return bool(page.evaluate(look + " ? requestAnimationFrame(look) : done(false); look(); })", 600))


@pytest.fixture(scope="module")
def panels() -> Panels:
    made = comparison_panels(compared(reviews(), news()))
    assert made is not None
    return made


def test_both_drawings_show_the_points_of_each_panel(panels: Panels) -> None:
    traces = specification(panels)["data"]
    axes = draw(panels).axes
    for place, chart in enumerate(panels.charts):
        number = str(place + 1) if place else ""
        own = [trace for trace in traces if trace["xaxis"] == f"x{number}" and trace["yaxis"] == f"y{number}"]
        drawn = {line.get_label(): line for line in axes[place].get_lines()}
        assert axes[place].get_title(loc="left") == chart.title
        for line in chart.series:
            (trace,) = [t for t in own if t["meta"]["keys"] == list(line.keys) and "markers" in t["mode"]]
            assert trace["x"] == list(line.x)
            assert trace["y"] == list(line.y)
            assert list(drawn[line.style.label].get_xdata()) == list(line.x)
            assert list(drawn[line.style.label].get_ydata()) == list(line.y)
        feet = [trace for trace in own if "foot" in trace["meta"]]
        assert [trace["x"][1] for trace in feet] == [row.estimate for row in chart.rows]
    assert sum(len(chart.rows) for chart in panels.charts) >= 2


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    evil = news()
    evil["study"]["name"] = SCRIPT
    evil["config"]["training"]["schedule"] = SCRIPT
    folder = tmp_path_factory.mktemp("comparison")
    paths = write_comparison([reviews(), evil], ["a", SCRIPT], folder, "f" * 64, f"embexp report a '{SCRIPT}'")
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    watched = Watched(context.new_page())
    watched.open(paths.html)
    yield watched
    context.close()


pytestmark = pytest.mark.browser


def test_nothing_is_fetched_run_or_complained_about(page: Watched) -> None:
    assert page.complaints == []
    assert [url for url in page.requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert page.page.evaluate("typeof hacked") == "undefined"
    assert any(SCRIPT in text for text in page.page.locator("thead").all_inner_texts())


@pytest.mark.parametrize(("width", "columns"), [(1280, 2), (420, 1)])
def test_panels_stand_side_by_side_where_there_is_room(page: Watched, width: int, columns: int) -> None:
    page.page.set_viewport_size({"width": width, "height": 900})
    domains = "document.querySelector('.live')._fullLayout.{}axis2.domain[{}]"
    beside = f"Math.abs({domains.format('x', 0)}) > 0.4" if columns == 2 else f"{domains.format('y', 1)} < 0.6"
    assert comes_true(page.page, beside)
    assert page.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_strategy_is_hidden_in_all_panels_and_the_axes_follow(page: Watched) -> None:
    live = "document.querySelector('.live')"
    ranges = f"['yaxis', 'yaxis2'].map((name) => {live}._fullLayout[name].range[0])"
    before = page.page.evaluate(ranges)
    button = page.page.get_by_role("button", name="frozen random")
    button.click()
    assert comes_true(page.page, f"{live}._fullLayout.yaxis.range[0] > {before[0] + 1}")
    after = page.page.evaluate(ranges)
    assert after[0] == after[1]
    own = "trace.meta.keys.includes('random_frozen')"
    hidden = page.page.evaluate(f"{live}.data.filter((trace) => {own}).map((trace) => trace.visible)")
    assert hidden
    assert not any(hidden)
    button.click()


def test_print_shows_the_drawn_figure_whole(page: Watched, tmp_path: Path) -> None:
    page.page.emulate_media(media="print")
    images = page.page.locator("figure img.static").all()
    assert len(images) == 2  # the curves and the atlas
    for image in images:
        assert image.is_visible()
        box = image.bounding_box()
        assert box is not None
        assert box["width"] <= page.page.viewport_size["width"]
    page.page.emulate_media(media="screen")
