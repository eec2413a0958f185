"""The page as a reader has it: in Chromium, offline, light and dark, on a phone and on paper."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from report_example import CURVES, Report, make_results

from embexp.conclude.report import write_report
from embexp.conclude.report.palette import FIXED

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

SCRIPT = "<script>hacked = 1</script>"
IMAGE = '"><img src=x onerror="window.hacked = 2">'
CLOSING = "</script><script>window.hacked = 3</script>"
A4_PRINTABLE = {"width": 680, "height": 1001}  # 210 x 297 mm less the margins, at 96 dots an inch


class Watched:
    """A page that remembers what should not happen."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, path: Path) -> Page:
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready=true]")
        return self.page


@pytest.fixture
def watched(browser: Browser) -> Iterator[Callable[..., Watched]]:
    contexts = []

    def open_context(**options: Any) -> Watched:
        contexts.append(browser.new_context(**options))
        return Watched(contexts[-1].new_page())

    yield open_context
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def opened(browser: Browser, report: Report) -> Iterator[Watched]:
    """One open page for the tests that leave it as they found it."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    made = Watched(context.new_page())
    made.open(report.paths.html)
    yield made
    context.close()


def hostile_results() -> dict[str, Any]:
    """A study all of whose free texts want to be more than text."""
    names = {"random": CURVES["random"], SCRIPT: CURVES["frozen"], "$x_1$ %{x} {{7*7}}": CURVES["finetuned"]}
    results = make_results(seeds=2, curves=names)
    results["study"] |= {"name": CLOSING, "dataset": IMAGE}
    results["dataset"] |= {"labels": [SCRIPT, IMAGE], "notes": [CLOSING], "warnings": [IMAGE]}
    results["word2vec"]["coverage"]["missing"] = [SCRIPT]
    results["verdict"] = [f"Use {SCRIPT}", IMAGE]
    results["warnings"] = [CLOSING]
    results["failures"] = [{"title": IMAGE, "reason": SCRIPT}]
    results["config"][SCRIPT] = CLOSING
    results["command"] = f"embexp name='{CLOSING}'"
    for place, row in enumerate(results["timeline"]):
        row |= {"title": SCRIPT, "stage": CLOSING if place % 2 else IMAGE, "worker": f"{IMAGE} {row['worker']}"}
    return results


def test_opens_without_complaint_or_request(report: Report, opened: Watched) -> None:
    page = opened.page
    assert page.locator("figure.is-live .main-svg").count() >= 5
    page.mouse.wheel(0, 20_000)
    page.locator("summary").first.click()
    page.locator("summary").first.click()
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith("data:")] == [report.paths.html.as_uri()]


def test_slider_gives_the_numbers_of_results_json(report: Report, opened: Watched) -> None:
    page = opened.page
    slider, output = page.locator("#labels-slider"), page.locator(".planner output")
    slider.focus()
    slider.press("Home")
    for row in sorted(report.results["recommendations"], key=lambda row: row["n_labels"]):
        assert page.locator("#labels-box").input_value() == str(row["n_labels"])
        assert output.get_attribute("data-labels") == str(row["n_labels"])
        assert json.loads(output.get_attribute("data-raw") or "") == [row["expected"], row["ci_low"], row["ci_high"]]
        shown = output.inner_text()
        assert f"{100 * row['expected']:.1f} % test accuracy expected" in shown
        assert f"95 % interval {100 * row['ci_low']:.1f} to {100 * row['ci_high']:.1f}" in shown
        assert FIXED[row["strategy"]].label in shown
        slider.press("ArrowRight")


@pytest.mark.parametrize(
    ("typed", "answered", "note"),
    [
        ("1000", 1000, ""),
        ("5", 100, "Fewer than the study has tried"),
        ("999999", 20000, "More than the study has tried"),
        ("19999", 20000, "the nearest size computed"),
    ],
)
def test_box_looks_up_the_nearest_size(opened: Watched, typed: str, answered: int, note: str) -> None:
    page = opened.page
    page.locator("#labels-box").fill(typed)
    assert page.locator(".planner output").get_attribute("data-labels") == str(answered)
    said = page.locator("[data-note]").inner_text()
    assert note in said
    assert bool(note) == bool(said)


def test_hostile_texts_are_shown_as_text(output: Path, watched: Callable[..., Watched]) -> None:
    paths = write_report(hostile_results(), output)
    opened = watched(viewport={"width": 1200, "height": 900})
    page = opened.open(paths.html)
    for details in page.locator("summary").all():
        details.click()
    text = page.locator("main").inner_text()
    assert SCRIPT in page.locator("h1").inner_text()
    for hostile in (SCRIPT, IMAGE, CLOSING):
        assert text.count(hostile) >= 3
    assert page.locator("main script, main img[src=x]").count() == 0
    page.locator("figure[data-figure=learning_curves]").scroll_into_view_if_needed()
    box = page.locator("figure[data-figure=learning_curves] .live").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
    page.wait_for_selector("figure[data-figure=learning_curves] .hoverlayer text")
    hovered = page.locator("figure[data-figure=learning_curves] .hoverlayer").text_content() or ""
    assert SCRIPT in hovered
    assert "$x_1$ %{x} {{7*7}}:" in hovered
    assert page.evaluate("window.hacked") is None
    assert opened.complaints == []


def test_without_permission_no_other_script_runs(report: Report, watched: Callable[..., Watched]) -> None:
    """Even a text that slipped through unescaped would not run: the policy names the page's scripts."""
    opened = watched()
    page = opened.open(report.paths.html)
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=\"data:,\" onerror=\"window.hacked = 4\">')")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.hacked = 5'}))")
    page.wait_for_function("document.images[document.images.length - 1].complete")
    assert page.evaluate("window.hacked") is None
    assert any("Content Security Policy" in complaint for complaint in opened.complaints)


def test_strategies_and_scale_are_toggled(opened: Watched) -> None:
    page = opened.page
    figure = page.locator("figure[data-figure=learning_curves]")
    visible = (
        "() => document.querySelector('figure[data-figure=learning_curves] .live').data"
        ".filter((trace) => trace.customdata && trace.visible).map((trace) => trace.meta.keys[0])"
    )
    layout = "() => document.querySelector('figure[data-figure=learning_curves] .live').layout"
    assert page.evaluate(visible) == list(CURVES)
    assert page.evaluate(layout)["yaxis"]["range"][0] < 60
    for name in ("TF-IDF + LR", "frozen random"):
        figure.get_by_role("button", name=name).click()
    assert page.evaluate(visible) == ["random", "frozen", "finetuned"]
    assert page.evaluate(layout)["yaxis"]["range"][0] > 60  # fitted to what is left
    assert page.evaluate(layout)["xaxis"]["type"] == "log"
    figure.get_by_role("button", name="linear").click()
    assert page.evaluate(layout)["xaxis"]["type"] == "linear"
    figure.get_by_role("button", name="TF-IDF + LR").click()
    assert page.evaluate(visible) == ["random", "frozen", "finetuned", "tfidf"]
    for name in ("frozen random", "log"):
        figure.get_by_role("button", name=name).click()
    assert page.evaluate(visible) == list(CURVES)


def test_hover_reads_every_strategy_at_one_size(report: Report, opened: Watched) -> None:
    page = opened.page
    page.locator("figure[data-figure=learning_curves]").scroll_into_view_if_needed()
    box = page.locator("figure[data-figure=learning_curves] .live").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.42 * box["width"], box["y"] + 0.4 * box["height"])
    # Scrolling has moved the page under the mouse, so that another size may be told first.
    shown = "() => document.querySelector('figure[data-figure=learning_curves] .hoverlayer').textContent"
    page.wait_for_function(f"() => ({shown})().startsWith('1,000 labelled texts')", timeout=10_000)
    hovered = page.evaluate(shown)
    for point in report.results["curves"]:
        if point["train_size"] == 1000:
            low, high = 100 * point["ci_low"], 100 * point["ci_high"]
            assert f"{100 * point['mean']:.1f} % ({low:.1f} to {high:.1f})" in hovered


def test_follows_the_wished_colours(report: Report, watched: Callable[..., Watched]) -> None:
    page = watched(color_scheme="dark").open(report.paths.html)
    paper = "() => getComputedStyle(document.body).backgroundColor"
    line = (
        "() => document.querySelector('figure[data-figure=learning_curves] .live').data"
        ".find((trace) => trace.customdata && trace.meta.keys[0] === 'frozen').line.color"
    )
    looks = {"light": ("rgb(255, 255, 255)", "#0072B2"), "dark": ("rgb(23, 24, 27)", "#56B4E9")}

    def wait_for(look: str) -> None:
        """The figures are drawn anew once the page hears of the change, which the browser tells it a frame later."""
        shown = f"([paper, line]) => ({paper})() === paper && ({line})() === line"
        page.wait_for_function(shown, arg=list(looks[look]), timeout=10_000)

    wait_for("dark")
    page.emulate_media(color_scheme="light")
    wait_for("light")
    page.locator("#theme").click()
    wait_for("dark")


def test_nothing_is_wider_than_the_screen(report: Report, watched: Callable[..., Watched]) -> None:
    page = watched(viewport={"width": 390, "height": 800}, is_mobile=True).open(report.paths.html)
    for width in (390, 320, 820, 1600):
        page.set_viewport_size({"width": width, "height": 800})
        # The figures draw themselves anew for the new width, a moment later.
        page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width, timeout=10_000)


def test_print_view_cuts_no_figure_and_no_table(report: Report, watched: Callable[..., Watched]) -> None:
    page = watched(viewport=A4_PRINTABLE, color_scheme="dark").open(report.paths.html)
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    figures = page.locator("figure").all()
    assert len(figures) == 6
    for figure in figures:
        assert not figure.locator(".live").is_visible()
        box = figure.bounding_box()
        image = figure.locator("img.static").bounding_box()
        assert box is not None
        assert image is not None
        assert image["width"] > 300
        assert image["x"] >= 0
        assert image["x"] + image["width"] <= A4_PRINTABLE["width"]
        assert box["height"] <= A4_PRINTABLE["height"]
    tables = page.locator("table").all()
    assert len(tables) >= 6
    for table in tables:
        box = table.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= A4_PRINTABLE["width"]
    assert page.evaluate("document.querySelectorAll('details:not([open], .long)').length") == 0
    assert not page.locator("form.planner").is_visible()


def test_without_scripts_figures_and_advice_are_still_there(report: Report, watched: Callable[..., Watched]) -> None:
    opened = watched(java_script_enabled=False)
    opened.page.goto(report.paths.html.as_uri())
    images = opened.page.locator("figure img.static").all()
    assert len(images) == 6
    assert all(image.is_visible() for image in images)
    assert opened.page.locator(".without-script table").is_visible()
    assert not opened.page.locator("form.planner").is_visible()
