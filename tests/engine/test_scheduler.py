"""Carrying out a plan: what runs, how often, and what is said about it."""

import json
import os
import threading
import time
from pathlib import Path

import engine_stages as stages
import psutil
import pytest

from embexp.config import ExecutorConfig
from embexp.engine import task as task_module
from embexp.engine.executors import open_executor
from embexp.engine.scheduler import carry_out
from embexp.engine.store import Store
from embexp.engine.task import Stage, Task


def study(ledger, trap):
    """Dataset, word2vec that may fall into a trap, cells with and without it."""
    dataset = stages.counted("dataset", ledger)
    config = {"name": "word2vec", "ledger": str(ledger), "trap": str(trap)}
    word2vec = Task(stages.TRAPPED, config, {"dataset": dataset}, title="word2vec", cost=9)
    random = [stages.counted(f"random{n}", ledger, [dataset]) for n in range(3)]
    frozen = [stages.counted(f"frozen{n}", ledger, [dataset, word2vec]) for n in range(3)]
    return dataset, word2vec, random, frozen


def test_run_twice_fail_one_mend_it_run_again(store, ledger, executor, tmp_path):
    trap = tmp_path / "trap"
    trap.write_text("")
    dataset, word2vec, random, frozen = study(ledger, trap)
    cells = [*random, *frozen]

    first = carry_out(cells, store, executor)
    assert set(first.done) == {dataset, *random}
    (failure,) = first.failed
    assert (failure.task, failure.reason) == (word2vec, "ValueError: word2vec fell into the trap")
    assert set(first.blocked) == set(frozen)
    assert set(first.blocked_by.values()) == {word2vec}
    assert not first.complete
    log = failure.log.read_text()
    assert log.startswith("word2vec\n")
    assert "engine_stages.py" in log
    assert log.endswith("ValueError: word2vec fell into the trap\n")

    second = carry_out(cells, store, executor)
    assert second.done == []
    assert set(second.cached) == {dataset, *random}
    assert stages.executions(ledger)["word2vec"] == 2

    trap.unlink()
    third = carry_out(cells, store, executor)
    assert third.complete
    assert set(third.done) == {word2vec, *frozen}
    assert not failure.log.exists()

    fourth = carry_out(cells, store, executor)
    assert fourth.cached == cells
    names = [cell.title for cell in cells]
    assert stages.executions(ledger) == {"dataset": 1, "word2vec": 3, **dict.fromkeys(names, 1)}
    assert not list((store.root / "building").iterdir())


def entries(store):
    """Return every byte of every entry, except what says when and where it was made."""
    return {
        str(path.relative_to(store.root)): path.read_bytes()
        for path in (store.root / "entries").rglob("*")
        if path.is_file() and path.name != "timing.json"
    }


def test_every_executor_gives_the_same_bytes(tmp_path, ledger, serial, local):
    *_, random, frozen = study(ledger, tmp_path / "no trap")
    stores = [Store(tmp_path / name) for name in ("serial", "local")]
    for store, executor in zip(stores, (serial, local), strict=True):
        assert carry_out([*random, *frozen], store, executor).complete
    assert entries(stores[0]) == entries(stores[1])
    files = [Path(name).name for name in entries(stores[0])]
    assert {name: files.count(name) for name in files} == {"entry.json": 8, "record.json": 8, "small.bin": 7}


@pytest.mark.parametrize("kind", ["kill", "exit 0", "exit 3", "system exit", "memory error"])
def test_a_misfortune_leaves_the_rest_running_and_nothing_half_built(store, ledger, local, kind):
    bad = Task(stages.UNFORTUNATE, {"kind": kind}, title=kind, cost=5)
    others = [stages.counted(f"other{n}", ledger) for n in range(6)]
    dependant = stages.counted("dependant", ledger, [bad])
    outcome = carry_out([bad, *others, dependant], store, local)
    assert set(outcome.done) == set(others)
    assert [failure.task for failure in outcome.failed] == [bad]
    assert outcome.blocked == [dependant]
    assert not list((store.root / "building").iterdir())


def test_a_worker_killed_while_its_sibling_works(store, ledger, local, tmp_path):
    victim, sibling = (stages.gate(name, tmp_path, ledger, cost=5) for name in ("victim", "sibling"))
    later = [stages.counted(f"later{n}", ledger) for n in range(4)]

    def strike():
        pid = stages.announced(victim)
        stages.announced(sibling)
        os.kill(pid, 9)
        stages.let_through(sibling)

    attack = threading.Thread(target=strike, daemon=True)
    attack.start()
    outcome = carry_out([victim, sibling, *later], store, local)
    assert set(outcome.done) == {sibling, *later}
    (failure,) = outcome.failed
    assert failure.task == victim
    assert "killed by SIGKILL" in failure.reason
    assert set(stages.executions(ledger).values()) == {1}
    assert not list((store.root / "building").iterdir())


def test_a_hanging_task_costs_itself_only(store, ledger, tmp_path):
    stuck = stages.gate("stuck", tmp_path, ledger, cost=5)
    reader = threading.Thread(target=stages.announced, args=[stuck], daemon=True)
    reader.start()
    others = [stages.counted(f"other{n}", ledger) for n in range(4)]
    with open_executor(ExecutorConfig(workers=2, task_timeout_seconds=1.0)) as executor:
        outcome = carry_out([stuck, *others], store, executor)
    assert set(outcome.done) == set(others)
    assert "time limit of 1 s (executor.task_timeout_seconds)" in outcome.failed[0].reason
    assert not list((store.root / "building").iterdir())


def test_events_tell_the_whole_story(store, ledger, executor, tmp_path):
    trap = tmp_path / "trap"
    trap.write_text("")
    dataset, word2vec, random, frozen = study(ledger, trap)
    carry_out([random[0]], store, executor)
    events = []
    carry_out([*random, *frozen], store, executor, on_event=events.append)

    kinds = [event.kind for event in events]
    assert kinds[0] == "planned"
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "planned": 1,
        "cached": 2,
        "started": 3,
        "done": 2,
        "failed": 1,
        "blocked": 3,
    }
    states = events[0].survey.states
    assert [states[task.fingerprint] for task in (dataset, random[0], word2vec)] == ["hit", "hit", "miss"]
    for event in events:
        if event.kind == "done":
            assert event.seconds > 0
            assert event.worker in (0, 1)
        if event.kind == "blocked":
            assert event.reason == "needs word2vec, which failed"


def test_timing_tells_when_where_and_with_what(store, ledger, executor):
    before = time.time()
    task = stages.counted("task", ledger)
    carry_out([task], store, executor)
    timing = store.read_timing(task.fingerprint)
    assert before <= timing["started"] <= timing["ended"] <= time.time()
    assert timing["seconds"] == pytest.approx(timing["ended"] - timing["started"], abs=1e-4)
    assert timing["worker"] in (0, 1)
    assert timing["value"] == 1
    assert timing["versions"].keys() >= {"python", "embexp"}
    assert timing["title"] == "task"


@pytest.mark.parametrize("kind", ["serial", "local"])
def test_progress_is_heard_while_a_task_runs(store, tmp_path, kind):
    task = Task(Stage("talkative", 1, stages.talkative), {"heard": str(tmp_path / "heard")})
    said = []

    def listen(event):
        if event.kind == "progress":
            said.append(event.progress)
            (tmp_path / "heard").write_text("")

    with open_executor(ExecutorConfig(kind=kind, workers=1)) as executor:
        assert carry_out([task], store, executor, on_event=listen).complete
    assert said[0] == task_module.Progress(3, 10, "steps", "and more")
    assert not list((store.root / "building").iterdir())


def test_a_failing_listener_stops_nothing_and_is_reported_once(store, ledger, serial, caplog):
    heard = []

    def broken(event):
        raise RuntimeError("no display")

    tasks = [stages.counted(f"task{n}", ledger) for n in range(3)]
    assert carry_out(tasks, store, serial, on_event=[broken, heard.append]).complete
    assert len(heard) == 7
    assert [record.message for record in caplog.records] == ["a listener failed at 'planned'; the study goes on"]


def test_a_slow_listener_keeps_no_worker_waiting(store, ledger, serial):
    tasks = {str(n): stages.counted(f"task{n}", ledger) for n in range(3)}
    last = Task(Stage("last", 1, note_the_end), {}, tasks)
    waited = []

    def wait_for_the_end(event):
        waited.append(LAST_TASK_RAN.wait(timeout=30))

    assert carry_out([last], store, serial, on_event=wait_for_the_end).complete
    assert waited == [True] * (1 + 2 * 4)


LAST_TASK_RAN = threading.Event()


def note_the_end(work):
    LAST_TASK_RAN.set()


def test_wide_tasks_have_the_threads_of_all_cores_and_a_process_of_their_own(store, local):
    wide = Task(Stage("threads", 1, stages.threads, all_cores=True), {"n": 0}, title="wide")
    narrow = [Task(Stage("threads", 1, stages.threads), {"n": n}, {"wide": wide}) for n in range(1, 3)]
    assert carry_out(narrow, store, local).complete
    record = store.read_record(wide.fingerprint)
    assert (record["variable"], record["cores"]) == ("2", 2)
    for task in narrow:
        found = store.read_record(task.fingerprint)
        assert (found["variable"], found["cores"]) == ("1", 1)
        assert found["pid"] != record["pid"]


def test_a_study_waits_for_what_another_one_is_building(store, ledger, local):
    shared = stages.counted("shared", ledger)
    other = stages.counted("other", ledger)
    store.prepare()
    events = []
    lock = store.lock(shared.fingerprint)

    def listen(event):
        events.append((event.kind, event.task and event.task.title))
        if event.kind == "elsewhere":
            lock.release()

    outcome = carry_out([shared, other], store, local, on_event=listen)
    assert outcome.complete
    assert ("elsewhere", "shared") in events
    assert events.index(("elsewhere", "shared")) < events.index(("done", "shared"))
    assert stages.executions(ledger) == {"shared": 1, "other": 1}


@pytest.mark.parametrize(
    ("function", "words"),
    [(stages.strange_name, "a name that an entry cannot hold"), (stages.linked, "no plain file")],
)
def test_a_stage_cannot_publish_what_an_entry_cannot_hold(store, serial, function, words):
    task = Task(Stage("strange", 1, function), {})
    (failure,) = carry_out([task], store, serial).failed
    assert words in failure.reason
    assert not store.has(task.fingerprint)


def test_records_are_what_the_stage_wrote(store, ledger, executor):
    base = stages.counted("base", ledger, value=2)
    top = stages.counted("top", ledger, [base], value=3)
    carry_out([top], store, executor)
    assert store.read_record(top.fingerprint) == {"name": "top", "value": 5}
    manifest = store.read_manifest(top.fingerprint)
    assert manifest["needs"] == {"need0": base.fingerprint}
    assert json.dumps(manifest["config"], sort_keys=True) == json.dumps(top.config, sort_keys=True)


def cpu_seconds():
    """What this process and all that it has started have used, whatever else the machine does."""
    ours = psutil.Process()
    return sum(sum(process.cpu_times()[:2]) for process in (ours, *ours.children(recursive=True)))


def test_the_engine_costs_less_than_ten_milliseconds_a_task(store, ledger, executor):
    tasks = [Task(stages.COUNT, {"name": f"task{n}"}) for n in range(300)]
    carry_out(tasks[:10], store, executor)
    clock = cpu_seconds()
    assert len(carry_out(tasks, store, executor).done) == 290
    assert (cpu_seconds() - clock) / 290 < 0.010


def test_five_hundred_cached_cells_are_checked_and_read_in_a_second(store, serial):
    tasks = [Task(stages.COUNT, {"name": f"task{n}"}) for n in range(500)]
    carry_out(tasks, store, serial)
    clock = time.process_time()
    assert len(carry_out(tasks, store, serial).cached) == 500
    for task in tasks:
        store.read_record(task.fingerprint)
    assert time.process_time() - clock < 1.0


def test_ledger_and_entries_lie_where_they_should(store, ledger, serial):
    task = stages.counted("task", ledger)
    carry_out([task], store, serial)
    entry = store.root / "entries" / task.fingerprint[:2] / task.fingerprint
    assert store.path(task.fingerprint) == entry
    files = {str(path.relative_to(entry)) for path in Path(entry).rglob("*") if path.is_file()}
    assert files == {"entry.json", "timing.json", "record.json", "parts/small.bin"}
