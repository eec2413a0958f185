"""`embexp ui`: MLflow's own interface, opened where it shows the learning curves."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tracking_study import STRATEGIES, Served, make_cells, make_folder, make_results, make_study, read_runs

from embexp.config import TrackingConfig
from embexp.errors import UserError
from embexp.tracking import open_tracker, ui
from embexp.tracking.address import check_address
from embexp.tracking.serve import copy_database, study_address, writable_uri
from embexp.tracking.views import view_key

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
PATIENCE = 60_000  # milliseconds


@pytest.fixture(scope="module")
def shown(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Give the server with a study that has more cells than a page of MLflow's interface holds."""
    folder = tmp_path_factory.mktemp("shown")
    config = TrackingConfig(uri=f"sqlite:///{served.database}")
    with open_tracker(config, make_study(folder, "shown"), folder / "outbox") as tracker:
        for cell in make_cells(30, began=time.time() + 1):  # as if they were trained now
            tracker.cell(cell)
        assert tracker.finish(make_results(), make_folder(folder)).undelivered == 0
    return served


def test_the_address_opens_the_view_of_the_study(shown: Served) -> None:
    address = study_address(shown.server, "shown")
    assert address.startswith(f"{shown.url}/#/experiments/")
    assert "workflowType=machine_learning&compareRunsMode=CHART" in address
    assert address.endswith(f"viewStateShareKey={view_key(make_study(Path(), 'shown').fingerprint, 'curves')}")


def test_without_a_name_the_study_that_finished_last_is_opened(shown: Served) -> None:
    assert study_address(shown.server, None) == study_address(shown.server, "shown")


def test_a_study_that_mlflow_does_not_hold_is_told(shown: Served) -> None:
    with pytest.raises(UserError, match=r"holds no study 'other'; it holds .*shown"):
        study_address(shown.server, "other")


def test_somebody_elses_server_is_opened_and_not_stopped(shown: Served) -> None:
    said: list[str] = []
    ui(TrackingConfig(uri=shown.url), "shown", announce=said.append)
    assert said == [f"Learning curves: {study_address(shown.server, 'shown')}"]
    with urllib.request.urlopen(f"{shown.url}/health") as answer:  # noqa: S310
        assert answer.read() == b"OK"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


def expect(found: Any) -> Any:
    """Say what a locator shall come to match; MLflow draws its page bit by bit."""
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE)
    return expect(found)


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(PATIENCE)
    page.strangers = []
    page.on("request", lambda one: "//127.0.0.1:" in one.url or page.strangers.append(one.url))
    yield page
    page.close()


@pytest.mark.browser
def test_the_learning_curves_are_drawn_over_each_other_first_of_all(shown: Served, page: Any) -> None:
    page.goto(study_address(shown.server, "shown"))
    chart = page.locator(".js-plotly-plot").first
    curves = chart.locator(".scatterlayer .trace:has(path.point)")
    expect(curves.locator("path.point")).to_have_count(2 * len(STRATEGIES))
    expect(curves).to_have_count(len(STRATEGIES))
    strokes = [curves.nth(number).locator("path.js-line").get_attribute("style") for number in range(curves.count())]
    assert len({stroke.split("stroke: ")[1].split(";")[0] for stroke in strokes}) == len(STRATEGIES)
    ticks = [text.replace("−", "-") for text in chart.locator(".xtick text").all_text_contents()]
    assert {"100", "1000"} <= set(ticks)  # a logarithmic axis
    rows = page.locator(".ag-row a")
    expect(rows).to_have_count(len(STRATEGIES) + 1)
    assert sorted(rows.all_text_contents()) == sorted([*STRATEGIES, "study shown"])  # the cells stay out of sight
    assert [url for url in page.strangers if not url.startswith(("data:", "blob:"))] == []


@pytest.mark.browser
def test_the_plain_chart_view_draws_them_as_well(shown: Served, page: Any) -> None:
    page.goto(study_address(shown.server, "shown").split("&viewStateShareKey")[0])
    page.locator(".js-plotly-plot .scatterlayer .trace").nth(len(STRATEGIES) - 1).wait_for(state="attached")
    # Although MLflow has loaded 100 of 184 runs.
    expect(page.locator(".ag-row a")).to_have_text(["study shown", *STRATEGIES])


@pytest.mark.browser
def test_cells_can_be_grouped_by_strategy_and_train_size(shown: Served, page: Any) -> None:
    page.goto(study_address(shown.server, "shown").replace("-curves", "-grouped"))
    page.get_by_text("train_size: 1000").first.wait_for()
    page.locator(".js-plotly-plot .scatterlayer .trace").first.wait_for(state="attached")
    expect(page.get_by_text("Group by: strategy")).to_have_count(1)


@pytest.mark.browser
def test_cells_stand_in_parallel_coordinates(shown: Served, page: Any) -> None:
    page.goto(study_address(shown.server, "shown").replace("-curves", "-parallel"))
    page.get_by_text("Parallel Coordinates").first.wait_for()
    axes = page.locator("svg text", has_text="train_size")
    axes.first.wait_for(state="attached")
    for strategy in STRATEGIES:
        page.locator("svg text", has_text=strategy).first.wait_for(state="attached")


def test_a_read_only_database_is_shown_from_a_copy(
    shown: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Path(shutil.copy(shown.database, tmp_path / "read_only.db"))
    database.chmod(0o444)
    tmp_path.chmod(0o555)
    before = database.read_bytes()
    if os.access(database, os.W_OK):  # root may write everywhere
        monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with writable_uri(check_address(f"sqlite:///{database}", "test")) as uri:
        copy = Path(uri.removeprefix("sqlite:///"))
        assert copy != database
        assert len(read_runs(copy)) == len(read_runs(database))
    tmp_path.chmod(0o755)
    assert not copy.exists()
    assert database.read_bytes() == before
    assert list(tmp_path.iterdir()) == [database]


def test_a_copy_is_whole_while_somebody_writes(shown: Served, tmp_path: Path) -> None:
    database = Path(shutil.copy(shown.database, tmp_path / "busy.db"))
    runs = len(read_runs(database))
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("DELETE FROM metrics")
        copy_database(database, tmp_path / "copy.db")
        writer.rollback()
    assert len(read_runs(tmp_path / "copy.db")) == runs
    assert any(run.metrics for run in read_runs(tmp_path / "copy.db"))


def test_no_database_and_a_taken_port_are_told(shown: Served, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no MLflow database"):
        ui(TrackingConfig(uri=f"sqlite:///{tmp_path}/none.db"))
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UserError, match="leave it out for a free one"):
        ui(TrackingConfig(uri=f"sqlite:///{shown.database}"), port=taken.getsockname()[1])


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_text("no database at all")
    with pytest.raises(UserError, match=r"broken.db is no SQLite database"):
        ui(TrackingConfig(uri=f"sqlite:///{tmp_path}/broken.db"))


def test_ctrl_c_stops_the_server_and_ends_well(shown: Served) -> None:
    code = "import sys; from embexp.config import TrackingConfig; from embexp.tracking import ui; "
    code += "ui(TrackingConfig(uri=sys.argv[1]), announce=lambda line: print(line, flush=True))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, f"sqlite:///{shown.database}"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first, second = process.stdout.readline(), process.stdout.readline()
    assert first.startswith("Learning curves: http://127.0.0.1:")
    url = first.split()[2].split("/#")[0]
    assert url in second
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert process.stdout.read() == "stopped\n"
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{url}/health", timeout=5)  # noqa: S310
