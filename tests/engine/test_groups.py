"""Tasks of one group go to a worker together; what goes wrong there is found out one by one."""

import itertools
import json
import os
import signal
from pathlib import Path

import engine_stages as stages
import pytest

from embexp.config import ExecutorConfig
from embexp.engine.executors import open_executor
from embexp.engine.perform import Order, perform_all
from embexp.engine.scheduler import MOST_TOGETHER, carry_out
from embexp.engine.task import Stage, Task


def alone(work):
    stages.note(work, f"{work.config['name']}:alone")
    if work.config.get("fault") == "both":
        raise ValueError("cannot be done")
    leave(work)


def leave(work):
    (work.folder / "record.json").write_text(json.dumps({"name": work.config["name"]}))


def together(works):
    """Fill two at a time; a work may be at fault in a group, and then in any case or only there."""
    for first in range(0, len(works), 2):
        pair = works[first : first + 2]
        for work in pair:
            stages.note(work, f"{work.config['name']}:group{len(works)}")
            fault = work.config.get("fault")
            if fault == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            elif fault == "store":
                stages.lose_the_store(work)
            elif fault:
                raise MemoryError("too much")
            leave(work)
        yield pair


GROUPED = Stage("grouped", 1, alone, together=together)


def grouped(ledger, number, group="g", **config):
    name = f"task{number:03d}"
    return Task(GROUPED, {"name": name, "ledger": str(ledger), **config}, title=name, group=group)


def said(ledger):
    return Path(ledger).read_text().split()


def test_a_group_is_one_call_and_an_entry_for_each_task(store, executor, ledger):
    tasks = [*(grouped(ledger, number) for number in range(5)), *(grouped(ledger, n, "h") for n in range(5, 8))]
    lonely = grouped(ledger, 8, group="")
    outcome = carry_out([*tasks, lonely], store, executor)
    assert set(outcome.done) == {*tasks, lonely}
    ways = ["group5"] * 5 + ["group3"] * 3
    expected = [f"{task.title}:{way}" for task, way in zip(tasks, ways, strict=True)]
    assert sorted(said(ledger)) == sorted([*expected, "task008:alone"])
    for task in tasks:
        assert store.verify(task.fingerprint) == "complete"
        assert store.read_record(task.fingerprint) == {"name": task.title}
    assert not list((store.root / "building").iterdir())


def test_the_time_of_a_group_is_divided_among_its_tasks(store, serial, ledger):
    tasks = [grouped(ledger, number) for number in range(6)]
    carry_out(tasks, store, serial)
    timings = [store.read_timing(task.fingerprint) for task in tasks]
    for before, after in itertools.pairwise(timings):
        assert after["started"] >= before["ended"] - 1e-6  # a timeline without overlaps


def test_the_group_is_no_part_of_the_identity(store, serial, ledger):
    tasks = [grouped(ledger, number) for number in range(3)]
    carry_out(tasks, store, serial)
    assert carry_out([grouped(ledger, number, group="") for number in range(3)], store, serial).cached == tasks


def test_a_resumed_group_holds_what_is_left(store, serial, ledger):
    tasks = [grouped(ledger, number) for number in range(5)]
    carry_out(tasks[:2], store, serial)
    Path(ledger).unlink()
    outcome = carry_out(tasks, store, serial)
    assert (outcome.cached, outcome.done) == (tasks[:2], tasks[2:])
    assert said(ledger) == [f"{task.title}:group3" for task in tasks[2:]]


def order(task, store):
    return Order(task.fingerprint, task.stage, task.config, {}, str(store.root), task.title)


def test_what_another_study_has_made_or_is_making_of_a_group_is_left_to_it(store, serial, ledger):
    tasks = [grouped(ledger, number) for number in range(4)]
    carry_out(tasks[1:2], store, serial)
    with store.lock(tasks[2].fingerprint):
        reports = perform_all([order(task, store) for task in tasks])
    assert [report.status for report in reports] == ["done", "found", "busy", "done"]
    assert said(ledger)[1:] == ["task000:group2", "task003:group2"]
    assert not list((store.root / "building").iterdir())


def test_a_store_that_can_no_longer_be_written_stops_a_group(store, serial, ledger):
    tasks = [grouped(ledger, number, fault="store", root=str(store.root)) for number in range(4)]
    outcome = carry_out(tasks, store, serial)
    assert outcome.stopped.startswith("store: the folder")
    assert (outcome.failed, len(outcome.left)) == ([], 4)


def test_groups_are_not_larger_than_is_good_for_an_interruption(store, serial, ledger):
    tasks = [grouped(ledger, number) for number in range(MOST_TOGETHER + 3)]
    assert carry_out(tasks, store, serial).complete
    sizes = [line.partition(":")[2] for line in said(ledger)]
    assert sizes == [f"group{MOST_TOGETHER}"] * MOST_TOGETHER + ["group3"] * 3


@pytest.mark.parametrize("fault", ["here", "both"])
def test_a_group_that_fails_is_tried_one_by_one_and_the_culprit_is_named(store, executor, ledger, fault):
    tasks = [grouped(ledger, number, **({"fault": fault} if number == 3 else {})) for number in range(6)]
    events = []
    outcome = carry_out(tasks, store, executor, on_event=events.append)
    failed = [failure.reason for failure in outcome.failed]
    assert failed == ([] if fault == "here" else ["ValueError: cannot be done"])
    assert [failure.task for failure in outcome.failed] == ([] if fault == "here" else [tasks[3]])
    assert set(outcome.done) == set(tasks) - {failure.task for failure in outcome.failed}
    # What the group had finished by then is kept; the rest was done once more, each by itself.
    again = [line for line in said(ledger) if line.endswith("alone")]
    assert sorted(again) == [f"{task.title}:alone" for task in tasks[2:]]
    told = [event.reason for event in events if event.kind == "apart"]
    assert told == ["4 tasks failed together (MemoryError: too much); they run one by one", "", "", ""]
    assert not list((store.root / "building").iterdir())


def test_a_group_whose_worker_dies_is_tried_one_by_one(store, local, ledger):
    tasks = [grouped(ledger, number, **({"fault": "killed"} if number == 1 else {})) for number in range(4)]
    outcome = carry_out(tasks, store, local)
    assert outcome.complete
    assert sorted(line for line in said(ledger) if line.endswith("alone")) == [f"{task.title}:alone" for task in tasks]
    assert not list((store.root / "building").iterdir())


def test_entries_that_another_study_is_at_are_left_to_it(store, ledger):
    tasks = [grouped(ledger, number) for number in range(3)]
    store.prepare()
    lock = store.lock(tasks[1].fingerprint)
    events = []

    def release(event):
        events.append((event.kind, event.task))
        if event.kind == "elsewhere":
            lock.release()

    with open_executor(ExecutorConfig(kind="local", workers=1)) as executor:
        assert carry_out(tasks, store, executor, on_event=release).complete
    assert ("elsewhere", tasks[1]) in events
    assert sorted(said(ledger)) == ["task000:group2", "task001:alone", "task002:group2"]
