"""A tracker in trouble never stops or slows a study, and says how to go on."""

from __future__ import annotations

import http.server
import json
import multiprocessing
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tracking_study import (
    expected_fingerprints,
    fingerprints,
    make_cells,
    make_folder,
    make_results,
    make_study,
    read_runs,
)

from embexp.config import TrackingConfig
from embexp.errors import UserError
from embexp.tracking import CellRecord, Delivery, open_tracker, sync
from embexp.tracking.address import check_address
from embexp.tracking.courier import LifeLine, carry_own
from embexp.tracking.outbox import Label, Progress, Writer, create_box, find_boxes, read_progress
from embexp.tracking.post import quiet_environment
from embexp.tracking.tracker import PATIENCE_WITH_BROKEN_SECONDS

FORK = multiprocessing.get_context("fork")


def track(config: TrackingConfig, tmp_path: Path) -> tuple[Delivery, float]:
    """Track a study; give what became of it, and the seconds for which it waited in vain.

    They count from the moment when the courier said what is wrong: before that it may only be slow to start. If it
    never said anything, from the beginning.
    """
    since = [time.monotonic()]
    over = threading.Event()

    def note_the_first_error() -> None:
        while not over.wait(0.02):
            if any(read_progress(box).error for box in find_boxes(tmp_path / "outbox")):
                since.append(time.monotonic())
                return

    watch = threading.Thread(target=note_the_first_error)
    watch.start()
    with open_tracker(config, make_study(tmp_path), tmp_path / "outbox") as tracker:
        for cell in make_cells():
            tracker.cell(cell)
        delivery = tracker.finish(make_results(), make_folder(tmp_path))
    ended = time.monotonic()
    over.set()
    watch.join()
    return delivery, ended - since[-1]


def carry_here(box: Path, uri: str) -> None:
    os.environ.update(quiet_environment())
    line = LifeLine()
    line.finishing.set()
    carry_own(box, check_address(uri, "test"), line, iter(()))


def carry(uri: str, tmp_path: Path, cells: list[CellRecord]) -> Progress:
    """Carry a finished study as a courier does, in a copy of this process, which has MLflow imported."""
    box, _lock = create_box(tmp_path / "outbox", Label(make_study(tmp_path), "small", uri, 1_700_000_000.0))
    writer = Writer(box)
    for cell in cells:
        writer.append({"kind": "cell", "noted": 1_700_000_009.0, **cell.as_json()})
    finish = {"kind": "finish", "results": make_results(), "folder": str(make_folder(tmp_path)), "ended": 1.7e9}
    writer.append(finish)
    process = FORK.Process(target=carry_here, args=(box, uri))
    process.start()
    process.join(60)
    return read_progress(box)


@contextmanager
def silent_server() -> Iterator[str]:
    """Accept connections and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def failing_server() -> Iterator[str]:
    """Answer everything with 500."""

    class Failing(http.server.BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline()
            self.parse_request()
            self.send_error(500)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Failing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_server_that_is_down_costs_little_and_sync_delivers_later(
    config: TrackingConfig, database: Path, tmp_path: Path
) -> None:
    delivery, seconds = track(TrackingConfig(uri="http://user:s3cret@127.0.0.1:9"), tmp_path)
    assert (delivery.delivered, delivery.undelivered) == (0, 13)
    assert seconds < 15
    assert "13 of 13" in delivery.sentence()
    assert "no server answers" in delivery.sentence()
    assert "embexp sync" in delivery.sentence()
    everything = delivery.sentence() + "".join(
        path.read_text(encoding="utf-8") for path in (tmp_path / "outbox").rglob("*") if path.is_file()
    )
    assert "s3cret" not in everything
    (kept,) = sync(TrackingConfig(), tmp_path / "outbox")
    assert "its password is not kept" in str(kept.reason)
    said: list[str] = []
    (delivered,) = sync(config, tmp_path / "outbox", said.append)
    assert (delivered.delivered, delivered.undelivered) == (13, 0)
    assert said == [f"small: {delivered.sentence()}"]
    assert fingerprints(read_runs(database)) == expected_fingerprints(make_cells())
    assert find_boxes(tmp_path / "outbox") == []


def test_a_server_that_hangs_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with silent_server() as uri:
        delivery, seconds = track(TrackingConfig(uri=uri), tmp_path)
    assert delivery.undelivered == 13
    assert "does not answer in time" in str(delivery.reason)
    assert seconds < 10 + PATIENCE_WITH_BROKEN_SECONDS
    assert len(find_boxes(tmp_path / "outbox")) == 1


def test_a_server_that_answers_500_is_told(tmp_path: Path) -> None:
    with failing_server() as uri:
        progress = carry(uri, tmp_path, make_cells())
    assert (progress.delivered, progress.done) == (0, True)
    assert "500" in str(progress.error)


def test_a_locked_database_is_waited_for(config: TrackingConfig, database: Path, tmp_path: Path) -> None:
    with (
        closing(sqlite3.connect(database, check_same_thread=False)) as other,
        open_tracker(config, make_study(tmp_path), tmp_path / "outbox") as tracker,
    ):
        other.execute("BEGIN IMMEDIATE")
        for cell in make_cells():
            tracker.cell(cell)
        threading.Timer(3, other.rollback).start()
        assert tracker.finish(make_results(), make_folder(tmp_path)).undelivered == 0
    assert fingerprints(read_runs(database)) == expected_fingerprints(make_cells())


def test_a_database_in_an_impossible_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    progress = carry(f"sqlite:///{tmp_path}/file/mlflow.db", tmp_path, make_cells())
    assert (progress.delivered, progress.done) == (0, True)
    assert "/file'" in str(progress.error)


def test_an_outbox_that_cannot_be_written_is_told_and_stops_nothing(config: TrackingConfig, tmp_path: Path) -> None:
    (tmp_path / "outbox").touch()
    delivery, seconds = track(config, tmp_path)
    assert (delivery.delivered, delivery.undelivered) == (0, 13)
    assert "the outbox" in delivery.sentence()
    assert seconds < PATIENCE_WITH_BROKEN_SECONDS  # it waited for nobody


def test_a_disk_that_is_full_keeps_lines_whole_and_in_order(tmp_path: Path) -> None:
    box, _lock = create_box(tmp_path, Label(make_study(tmp_path), "small", "", 0.0))
    writer = Writer(box)
    items = box / "items.jsonl"
    real = writer._file
    with Path("/dev/full").open("ab", buffering=0) as full:
        writer._file = full  # the kernel's own full disk
        writer.append({"kind": "cell", "number": 1})
        writer.append({"kind": "cell", "number": 2})
        assert (writer.written, writer.unwritten) == (0, 2)
        assert "No space left" in str(writer.error)
    writer._file = real
    writer.append({"kind": "cell", "number": 3})
    assert (writer.written, writer.unwritten, writer.error) == (3, 0, None)
    assert [json.loads(line)["number"] for line in items.read_text(encoding="utf-8").splitlines()] == [1, 2, 3]


def test_tables_of_another_mlflow_are_told_with_the_way_out(database: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'another'")
        connection.commit()
    progress = carry(f"sqlite:///{database}", tmp_path, make_cells())
    assert progress.delivered == 0
    assert "mlflow db upgrade" in str(progress.error)


def test_a_damaged_box_is_left_alone(config: TrackingConfig, tmp_path: Path) -> None:
    (tmp_path / "outbox" / "box").mkdir(parents=True)
    (tmp_path / "outbox" / "box" / "study.json").write_text('{"half', encoding="utf-8")
    said: list[str] = []
    assert sync(config, tmp_path / "outbox", said.append) == []
    assert "is damaged and was left alone" in said[0]
    assert open_tracker(config, make_study(tmp_path), tmp_path / "outbox").finish({}, tmp_path).undelivered == 0


def test_one_cell_that_mlflow_refuses_leaves_the_others(database: Path, tmp_path: Path) -> None:
    cells = make_cells()
    bad = CellRecord("random", 100, 99, "f" * 64, metrics={"no such * name allowed": 1.0})
    progress = carry(f"sqlite:///{database}", tmp_path, [*cells[:5], bad, *cells[5:]])
    assert (progress.delivered, progress.refused) == (13, 1)
    assert "no such * name" in str(progress.error)
    assert fingerprints(read_runs(database)) == expected_fingerprints(cells)


def test_noting_a_cell_takes_far_less_than_a_millisecond(tmp_path: Path) -> None:
    history = [{"step": step, "train_loss": 0.5} for step in range(100)]
    cells = [
        CellRecord("random", 100, seed, f"{seed:064x}", {}, {"test_accuracy": 0.5}, history) for seed in range(200)
    ]
    with open_tracker(TrackingConfig(uri="http://127.0.0.1:9"), make_study(tmp_path), tmp_path / "outbox") as tracker:
        used = time.process_time()
        for cell in cells:
            tracker.cell(cell)
        used = time.process_time() - used
    assert used / len(cells) < 0.001


PLANNER = """
import logging, logging.config, sys
from pathlib import Path
from embexp.config import TrackingConfig
from embexp.tracking import open_tracker
from tracking_study import make_cells, make_folder, make_results, make_study

folder, uri = Path(sys.argv[1]), sys.argv[2]
handler = logging.FileHandler(folder / "study.log")
logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
logging.getLogger().addHandler(handler)
ours = logging.getLogger("embexp.study")
with open_tracker(TrackingConfig(uri=uri), make_study(folder), folder / "outbox") as tracker:
    for cell in make_cells():
        tracker.cell(cell)
    print(tracker.finish(make_results(), make_folder(folder)).undelivered)
assert logging.getLogger().handlers == [handler] and not ours.disabled
ours.warning("still here")
assert not {"mlflow", "sqlalchemy", "torch"} & sys.modules.keys(), "the planner imported them"
"""


def test_logging_survives_and_a_foreign_run_id_changes_nothing(
    config: TrackingConfig, database: Path, tmp_path: Path
) -> None:
    foreign = {
        "MLFLOW_RUN_ID": "0123456789abcdef0123456789abcdef",
        "MLFLOW_EXPERIMENT_ID": "77",
        "MLFLOW_EXPERIMENT_NAME": "foreign",
    }
    done = subprocess.run(
        [sys.executable, "-c", PLANNER, str(tmp_path), str(config.uri)],
        cwd=Path(__file__).parent,
        env=os.environ | foreign,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")
    assert (tmp_path / "study.log").read_text(encoding="utf-8") == "still here\n"
    runs = read_runs(database)
    assert fingerprints(runs) == expected_fingerprints(make_cells())
    with closing(sqlite3.connect(database)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM experiments")}
    assert names == {"Default", "small"}


def test_no_tracking_is_no_tracking(tmp_path: Path) -> None:
    delivery, _ = track(TrackingConfig(kind="none"), tmp_path)
    assert delivery.sentence() == "MLflow: off (tracking=none)"
    assert not (tmp_path / "outbox").exists()


def test_an_unknown_kind_and_a_wrong_uri_are_told_before_any_work(tmp_path: Path) -> None:
    for config in (TrackingConfig(kind="wandb"), TrackingConfig(uri="foo:/bar")):
        with pytest.raises(UserError):
            open_tracker(config, make_study(tmp_path), tmp_path / "outbox")
    assert not (tmp_path / "outbox").exists()
