"""What runs out or goes away under a study: the disk, the right to write, memory, patience."""

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path

import engine_stages as stages
import pytest

from embexp.config import ExecutorConfig
from embexp.engine.executors import open_executor
from embexp.engine.housekeeping import remove_entry
from embexp.engine.scheduler import carry_out
from embexp.engine.store import Store
from embexp.engine.task import Stage, Task
from embexp.errors import UserError


def may_mount():
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=False, capture_output=True)
        if done.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        return done.returncode == 0


needs_mount = pytest.mark.skipif(os.geteuid() != 0 or not may_mount(), reason="needs the right to mount")


@contextlib.contextmanager
def small_disk(folder, size):
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], check=True)
    try:
        yield Store(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@needs_mount
def test_a_full_disk_stops_the_study_and_room_lets_it_go_on(tmp_path, executor):
    tasks = [stages.counted(f"task{n}", tmp_path / "ledger", large=True) for n in range(12)]
    with small_disk(tmp_path / "disk", "2m") as store:
        outcome = carry_out(tasks, store, executor)
        assert outcome.stopped.startswith(f"store: the disk of {str(store.root)!r} is full (")
        assert "`embexp store remove`" in outcome.stopped
        assert outcome.failed == []
        assert 1 <= len(outcome.done) <= 3
        assert len(outcome.left) == 12 - len(outcome.done)
        assert {store.verify(task.fingerprint) for task in outcome.done} == {"complete"}
        assert len(stages.executions(tmp_path / "ledger")) <= len(outcome.done) + executor.workers
        subprocess.run(["mount", "-o", "remount,size=20m", str(store.root)], check=True)
        again = carry_out(tasks, store, executor)
        assert again.complete
        assert set(again.cached) == set(outcome.done)
        assert {store.verify(task.fingerprint) for task in tasks} == {"complete"}


@needs_mount
def test_a_disk_that_is_full_already_is_a_sentence_before_any_work(tmp_path, serial):
    with small_disk(tmp_path / "disk", "1m") as store:
        with contextlib.suppress(OSError):
            (store.root / "ballast").write_bytes(bytes(2_000_000))
        with pytest.raises(UserError, match=r"cannot write in the folder .* \(No space left on device\)"):
            carry_out([stages.counted("task", tmp_path / "ledger")], store, serial)
    assert not (tmp_path / "ledger").exists()


@needs_mount
def test_a_store_made_read_only_in_the_middle_stops_the_study(tmp_path, executor):
    tasks = [stages.counted(f"task{n}", tmp_path / "ledger") for n in range(20)]
    with small_disk(tmp_path / "disk", "4m") as store:
        switch = Task(Stage("remount", 1, stages.remount), {"root": str(store.root)}, title="switch", cost=9)
        first = carry_out(tasks[:2], store, executor)
        outcome = carry_out([switch, *tasks], store, executor)
        assert "can no longer be written (Read-only file system)" in outcome.stopped
        assert outcome.failed == []
        assert first.complete
        assert switch in outcome.left
        subprocess.run(["umount", str(store.root)], check=True)
        assert carry_out(tasks, store, executor).complete
        assert list((store.root / "building").iterdir()) == []
        assert remove_entry(store, tasks[0].fingerprint)


def test_memory_that_runs_out_costs_the_cell_that_asked_for_it(tmp_path, store, local):
    glutton = Task(Stage("gluttonous", 1, stages.gluttonous), {}, title="glutton", cost=9)
    others = [stages.counted(f"task{n}", tmp_path / "ledger") for n in range(6)]
    outcome = carry_out([glutton, *others], store, local)
    (failure,) = outcome.failed
    assert (failure.task, failure.reason) == (glutton, "MemoryError: no memory is left for it")
    assert set(outcome.done) == set(others)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a program's own peak")
def test_the_peak_memory_of_a_worker_is_its_own_and_not_the_planners(store, local):
    ballast = bytearray(b"x") * 500_000_000
    tasks = [
        Task(Stage("hungry", 1, stages.hungry, all_cores=True), {"bytes": megabytes * 10**6}, title=f"{megabytes}")
        for megabytes in (1, 300)
    ]
    assert carry_out(tasks, store, local).complete
    del ballast
    little, much = (store.read_timing(task.fingerprint)["peak_mb"] for task in tasks)
    assert little < 400
    assert 280 < much - little < 320
    for task in tasks:  # what made this test necessary
        assert store.read_record(task.fingerprint)["ru_maxrss_mb"] > 500


def test_a_task_that_hangs_is_stopped_at_its_time_limit_and_the_others_go_on(tmp_path, store):
    os.mkfifo(tmp_path / "never")
    hung = Task(Stage("hang", 1, stages.hang), {"never": str(tmp_path / "never")}, title="hung", cost=9)
    others = [stages.counted(f"task{n}", tmp_path / "ledger") for n in range(4)]
    with open_executor(ExecutorConfig(kind="local", workers=1, task_timeout_seconds=3.0)) as executor:
        outcome = carry_out([hung, *others], store, executor)
    (failure,) = outcome.failed
    assert failure.task == hung
    assert "took longer than the time limit of 3 s" in failure.reason
    assert set(outcome.done) == set(others)
    assert list((store.root / "building").iterdir()) == []


@pytest.fixture
def folder_of_an_ordinary_user():
    """A folder and the rights of a user to whom the file system's permissions apply; root becomes nobody."""
    was = os.geteuid()
    with tempfile.TemporaryDirectory() as name:
        if was == 0:
            os.chown(name, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            os.seteuid(was)


def test_a_folder_that_may_no_longer_be_written_stops_the_study(folder_of_an_ordinary_user, serial):
    store, ledger = Store(folder_of_an_ordinary_user / "store"), folder_of_an_ordinary_user / "ledger"
    tasks = [stages.counted(f"task{n}", ledger) for n in range(3)]
    carry_out(tasks[:1], store, serial)
    building = Path(store.root, "building")
    building.chmod(0o500)
    try:
        with pytest.raises(UserError, match="Permission denied"):
            carry_out(tasks, store, serial)
    finally:
        building.chmod(0o700)
