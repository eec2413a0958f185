"""Planners that die or are interrupted, and two that work side by side."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import engine_stages as stages
import planner
import pytest

from embexp.engine.scheduler import carry_out
from embexp.engine.store import Store
from embexp.engine.task import Stage, Task


@pytest.fixture
def start(tmp_path):
    """Start planner processes; none outlives the test."""
    started = []

    def start_one(kind="local", which="plan"):
        command = [sys.executable, str(Path(planner.__file__)), str(tmp_path), kind, which]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def read_until(process, line):
    """Read the planner's lines up to this one."""
    for said in process.stdout:
        if said.strip() == line:
            return
    raise AssertionError(f"the planner never said {line!r}")


def summary_of(process):
    last = process.stdout.read().strip().splitlines()[-1]
    assert process.wait(timeout=60) == 0
    return json.loads(last)


def wait_until_empty(folder, seconds=60):
    """Wait for orphaned workers, which let go of a lock after its entry can be seen."""
    deadline = time.monotonic() + seconds
    while left := [path.name for path in folder.iterdir()]:
        assert time.monotonic() < deadline, left


def in_background(function, *args):
    thread = threading.Thread(target=function, args=args, daemon=True)
    thread.start()
    return thread


def test_a_killed_planner_loses_nothing(start, tmp_path, local):
    """Its workers finish what they had begun; the next study waits for them and does the rest."""
    quick, gates, after = planner.plan(tmp_path)
    process = start()
    for gate in gates:
        stages.announced(gate)
    process.kill()
    process.wait()
    store = Store(tmp_path / "store")
    assert all(store.has(task.fingerprint) for task in quick)

    elsewhere = []

    def listen(event):
        if event.kind == "elsewhere":
            elsewhere.append(event.task)
            in_background(stages.let_through, event.task)

    outcome = carry_out([*quick, *gates, *after], store, local, on_event=listen)
    assert outcome.complete
    assert set(elsewhere) == set(gates)
    assert set(stages.executions(tmp_path / "ledger").values()) == {1}
    wait_until_empty(store.root / "building")


def test_a_planner_killed_with_its_workers_repeats_only_what_was_in_flight(start, tmp_path, local):
    quick, gates, after = planner.plan(tmp_path)
    process = start()
    workers = [stages.announced(gate) for gate in gates]
    process.kill()
    process.wait()
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    store = Store(tmp_path / "store")
    assert len(list((store.root / "building").iterdir())) >= 2

    def pass_through(gate):
        stages.announced(gate)
        stages.let_through(gate)

    for gate in gates:
        in_background(pass_through, gate)
    outcome = carry_out([*quick, *gates, *after], store, local)
    assert outcome.complete
    counts = stages.executions(tmp_path / "ledger")
    assert {name for name, count in counts.items() if count != 1} == {"gate0", "gate1"}
    assert not list((store.root / "building").iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kind", ["serial", "local"])
def test_the_first_signal_finishes_what_is_in_flight(start, tmp_path, kind, number):
    _, gates, _ = planner.plan(tmp_path)
    gates = gates if kind == "local" else gates[:1]
    process = start(kind)
    for gate in gates:
        stages.announced(gate)
    os.killpg(process.pid, number)  # as a terminal and a batch system do: to workers and fork server too
    if kind == "local":
        read_until(process, "interrupted -")
    for gate in gates:
        stages.let_through(gate)
    summary = summary_of(process)
    titles = [gate.title for gate in gates]
    assert summary["done"] == sorted([*titles, *(f"quick{n}" for n in range(5))])
    assert summary["interrupted"]
    assert summary["failed"] == 0
    assert set(summary["left"]) >= {"after0", "after1", "after2"}
    assert not list((tmp_path / "store" / "building").iterdir())


@pytest.mark.parametrize("kind", ["serial", "local"])
def test_the_second_signal_drops_what_is_in_flight(start, tmp_path, kind):
    _, gates, _ = planner.plan(tmp_path)
    process = start(kind)
    for gate in gates if kind == "local" else gates[:1]:
        stages.announced(gate)
    process.send_signal(signal.SIGINT)
    if kind == "local":
        read_until(process, "interrupted -")
    process.send_signal(signal.SIGTERM)
    summary = summary_of(process)
    assert summary["done"] == [f"quick{n}" for n in range(5)]
    assert summary["left"] == ["after0", "after1", "after2", "gate0", "gate1"]
    assert summary["failed"] == 0
    assert not list((tmp_path / "store" / "building").iterdir())


def test_two_studies_at_once_compute_each_entry_once(start, tmp_path):
    first, second = start(which="many"), start(which="many")
    summaries = [summary_of(process) for process in (first, second)]
    titles = sorted(["base", *(f"task{n}" for n in range(40))])
    assert sorted(summaries[0]["done"] + summaries[1]["done"]) == titles
    assert stages.executions(tmp_path / "ledger") == dict.fromkeys(titles, 1)
    assert not list((tmp_path / "store" / "building").iterdir())


def test_a_store_that_is_lost_in_the_middle_stops_the_study_with_one_sentence(tmp_path, executor):
    """Root may write anywhere, so the folder is not made read-only but swapped for a file."""
    store = Store(tmp_path / "store")
    loss = Task(Stage("loss", 1, stages.lose_the_store), {"root": str(store.root)}, title="loss", cost=9)
    others = [stages.counted(f"other{n}", tmp_path / "ledger", [loss]) for n in range(2)]
    alone = [stages.counted(f"alone{n}", tmp_path / "ledger") for n in range(40)]
    events = []
    outcome = carry_out([loss, *others, *alone], store, executor, on_event=events.append)
    assert outcome.stopped.startswith(f"store: the folder {str(store.root)!r} is gone while it was used")
    assert [event.reason for event in events if event.kind == "stopped"] == [outcome.stopped]
    assert not outcome.failed
    assert not outcome.blocked
    assert {loss, *others} <= set(outcome.left)
    assert len(outcome.done) + len(outcome.left) == 43


def test_a_lost_store_that_comes_back_is_gone_on_with(tmp_path, serial):
    store = Store(tmp_path / "store")
    loss = Task(Stage("loss", 1, stages.lose_the_store), {"root": str(store.root)}, title="loss", cost=9)
    alone = [stages.counted(f"alone{n}", tmp_path / "ledger") for n in range(4)]
    assert carry_out([alone[0]], store, serial).complete
    assert carry_out([loss, *alone], store, serial).stopped
    (store.root / "building").unlink()
    again = carry_out(alone, store, serial)
    assert (again.cached, set(again.done), again.stopped) == ([alone[0]], set(alone[1:]), "")
