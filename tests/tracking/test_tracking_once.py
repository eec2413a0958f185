"""Each cell stands in MLflow exactly once, whoever dies and whoever writes at the same time."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tracking_study import (
    MEANS,
    SIZES,
    expected_fingerprints,
    fingerprints,
    make_cells,
    make_folder,
    make_results,
    make_study,
    read_runs,
)

from embexp.config import TrackingConfig
from embexp.tracking import Delivery, open_tracker, sync
from embexp.tracking.address import check_address
from embexp.tracking.delivery import Desk
from embexp.tracking.outbox import Label, Reader, create_box, find_boxes, read_progress

FORK = multiprocessing.get_context("fork")  # copies an interpreter that has MLflow imported


def track(config: TrackingConfig, tmp_path: Path, name: str = "small") -> Delivery:
    """Track the whole study as a planner does."""
    with open_tracker(config, make_study(tmp_path, name), tmp_path / "outbox") as tracker:
        for cell in make_cells():
            tracker.cell(cell)
        return tracker.finish(make_results(), make_folder(tmp_path))


def deliver_here(database: Path, folder: Path, name: str, shift: float, dies_at: int | None) -> None:
    """Deliver the whole study in this process, which dies when it is about to send one SQL statement."""
    import sqlalchemy

    counter = itertools.count()

    @sqlalchemy.event.listens_for(sqlalchemy.Engine, "before_cursor_execute")
    def _die(*_: object) -> None:
        if next(counter) == dies_at:
            os._exit(9)

    study = make_study(folder, name)
    desk = Desk(check_address(f"sqlite:///{database}", "test"), Label(study, name, "", 1_700_000_000.0))
    cells = [{"kind": "cell", "noted": 1_700_000_009.0, **cell.as_json()} for cell in make_cells()]
    finish = {"kind": "finish", "results": make_results(shift=shift), "folder": str(folder), "ended": 1_700_000_010.0}
    for batch in ([{"kind": "study"}], cells[:6], cells[6:], [finish]):
        desk.deliver(batch)
    os._exit(0)


def deliver(
    database: Path, folder: Path, name: str = "small", shift: float = 0.0, dies_at: int | None = None
) -> int | None:
    """Deliver the whole study in a process of its own; give its exit code."""
    process = FORK.Process(target=deliver_here, args=(database, folder, name, shift, dies_at))
    process.start()
    process.join(60)
    return process.exitcode


@pytest.mark.parametrize("first", range(3))
def test_death_at_any_statement_leaves_nothing_half_and_nothing_double(
    empty_database: Path, tmp_path: Path, first: int
) -> None:
    cells = make_cells()
    died = 0
    for dies_at in range(12 + 74 * first, 12 + 74 * first + 3 * 222, 222):
        database = Path(shutil.copy(empty_database, tmp_path / f"{dies_at}.db"))
        died += deliver(database, tmp_path, dies_at=dies_at) == 9
        after = [run for run in read_runs(database) if run.tags.get("embexp.role") == "cell"]
        assert len(after) in (0, 6, 12)
        assert all(run.status == "FINISHED" and run.metrics["train_loss"] for run in after)
        assert deliver(database, tmp_path) == 0
        runs = read_runs(database)
        assert fingerprints(runs) == expected_fingerprints(cells)
        assert len(runs) == len(cells) + 4
        (frozen,) = [run for run in runs if run.name == "frozen"]
        assert frozen.metrics["test_accuracy"] == list(zip(SIZES, MEANS["frozen"], strict=True))
    assert died >= 2


def test_the_same_study_again_adds_no_run(database: Path, tmp_path: Path) -> None:
    assert deliver(database, tmp_path) == 0
    before = read_runs(database)
    assert deliver(database, tmp_path) == 0
    assert {run.run_id: run.metrics for run in read_runs(database)} == {run.run_id: run.metrics for run in before}


def test_a_curve_that_changed_replaces_the_old_one_and_keeps_its_cells(database: Path, tmp_path: Path) -> None:
    assert [deliver(database, tmp_path), deliver(database, tmp_path, shift=0.02)] == [0, 0]
    runs = read_runs(database)
    assert fingerprints(runs) == expected_fingerprints(make_cells())
    (frozen,) = [run for run in runs if run.name == "frozen"]
    assert frozen.metrics["test_accuracy"] == [(s, mean + 0.02) for s, mean in zip(SIZES, MEANS["frozen"], strict=True)]
    assert sum(run.parent == frozen.run_id for run in runs) == len(SIZES) * 2


def test_two_studies_with_the_same_cells_have_their_own_runs(database: Path, tmp_path: Path) -> None:
    assert [deliver(database, tmp_path, "one"), deliver(database, tmp_path, "two")] == [0, 0]
    runs = read_runs(database)
    assert fingerprints(runs) == sorted(expected_fingerprints(make_cells()) * 2)
    assert len({run.tags["embexp.study"] for run in runs}) == 2


KILLED_STUDY = """
import os, signal, sys, time
from pathlib import Path
from embexp.config import TrackingConfig
from embexp.tracking import open_tracker
from embexp.tracking.outbox import read_progress
from tracking_study import make_cells, make_study

folder, uri, courier_too = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "courier"
tracker = open_tracker(TrackingConfig(uri=uri), make_study(folder), folder / "outbox")
cells = make_cells(20)
for cell in cells[:30]:
    tracker.cell(cell)
while read_progress(tracker._box).delivered < 20:
    time.sleep(0.005)
for cell in cells[30:]:
    tracker.cell(cell)
if courier_too:
    os.kill(tracker._courier.pid, signal.SIGKILL)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("victims", ["courier", "planner"])
def test_a_study_killed_in_the_middle_is_delivered_by_sync(
    config: TrackingConfig, database: Path, tmp_path: Path, victims: str
) -> None:
    command = [sys.executable, "-c", KILLED_STUDY, str(tmp_path), str(config.uri), victims]
    killed = subprocess.run(command, cwd=Path(__file__).parent, timeout=60, check=False)
    assert killed.returncode == -9
    cells = make_cells(20)
    while find_boxes(tmp_path / "outbox"):  # an orphaned courier may hold the box for a moment
        assert all(not delivery.undelivered for delivery in sync(config, tmp_path / "outbox"))
    runs = read_runs(database)
    assert fingerprints(runs) == expected_fingerprints(cells)
    assert {run.status for run in runs if run.parent is None} == {"KILLED"}


def test_the_next_run_of_a_killed_study_delivers_all_of_it(
    config: TrackingConfig, database: Path, tmp_path: Path
) -> None:
    tracker = open_tracker(config, make_study(tmp_path), tmp_path / "outbox")
    for cell in make_cells()[:5]:
        tracker.cell(cell)
    tracker.close()
    delivery = track(config, tmp_path)
    assert delivery.undelivered == 0
    runs = read_runs(database)
    assert fingerprints(runs) == expected_fingerprints(make_cells())
    assert {run.status for run in runs} == {"FINISHED"}


def test_an_idle_courier_delivers_what_another_study_has_left(
    config: TrackingConfig, database: Path, tmp_path: Path
) -> None:
    nowhere = TrackingConfig(uri="http://127.0.0.1:9")
    assert track(nowhere, tmp_path, "left").undelivered == 13
    (box,) = find_boxes(tmp_path / "outbox")
    label = (box / "study.json").read_text(encoding="utf-8")
    (box / "study.json").write_text(label.replace("http://127.0.0.1:9", str(config.uri)), encoding="utf-8")
    tracker = open_tracker(config, make_study(tmp_path), tmp_path / "outbox")
    while box.exists():
        assert read_progress(box).refused == 0
    tracker.close()
    assert fingerprints(read_runs(database)) == expected_fingerprints(make_cells())


def track_in_process(uri: str, folder: Path, name: str, outbox: Path) -> None:
    with open_tracker(TrackingConfig(uri=uri), make_study(folder, name), outbox) as tracker:
        for cell in make_cells():
            tracker.cell(cell)
        delivery = tracker.finish(make_results(), folder)
    sys.exit(delivery.undelivered)


def test_processes_that_start_on_no_database_at_all_lose_nothing(tmp_path: Path) -> None:
    """Two studies, each run by two processes at once, one pair from the same outbox and one from two."""
    uri = f"sqlite:///{tmp_path / 'new' / 'mlflow.db'}"
    make_folder(tmp_path)
    outboxes = [("one", "a"), ("one", "a"), ("two", "a"), ("two", "b")]
    processes = [
        FORK.Process(target=track_in_process, args=(uri, tmp_path / "output", name, tmp_path / outbox))
        for name, outbox in outboxes
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    runs = read_runs(tmp_path / "new" / "mlflow.db")
    assert fingerprints(runs) == sorted(expected_fingerprints(make_cells()) * 2)
    assert len(runs) == 2 * (len(make_cells()) + 4)


def test_doubles_that_another_machine_made_are_found_and_nested_again(database: Path, tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    deliver(database, tmp_path)
    client = MlflowClient(f"sqlite:///{database}")
    experiment = client.get_experiment_by_name("small").experiment_id
    runs = client.search_runs([experiment], max_results=1000)
    frozen = next(run for run in runs if run.info.run_name == "frozen")
    cell = next(run for run in runs if run.info.run_name == "frozen n=00100 s=0")
    double = client.create_run(experiment, run_name="frozen", tags=frozen.data.tags)
    client.create_run(
        experiment,
        run_name=cell.info.run_name,
        tags=cell.data.tags | {"mlflow.parentRunId": double.info.run_id},
        start_time=cell.info.start_time + 1,
    )
    client.set_tag(cell.info.run_id, "mlflow.parentRunId", double.info.run_id)
    client._tracking_client.store.engine.dispose()
    deliver(database, tmp_path)
    after = read_runs(database)
    assert fingerprints(after) == expected_fingerprints(make_cells())
    assert {run.parent for run in after if run.name == cell.info.run_name} == {frozen.info.run_id}


def test_half_a_line_is_left_for_later(tmp_path: Path) -> None:
    label = Label(make_study(tmp_path), "small", "", 0.0)
    box, _lock = create_box(tmp_path, label)
    items = box / "items.jsonl"
    items.write_bytes(b'{"kind":"study"}\n{"kind":"ce')
    reader = Reader(box)
    assert list(reader.read_new()) == [{"kind": "study"}]
    assert list(reader.read_new()) == []
    with items.open("ab") as file:
        file.write(b'll"}\n')
    assert list(reader.read_new()) == [{"kind": "cell"}]
