"""What a plan asks for, and in which order it is carried out."""

import queue
import shutil
import threading
import time
from concurrent.futures import Executor, Future

import engine_stages as stages
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embexp.engine.perform import Report
from embexp.engine.plan import in_order, remaining_seconds, survey
from embexp.engine.scheduler import carry_out
from embexp.engine.store import Store
from embexp.engine.task import Stage, Task

WIDE = Stage("wide", 1, stages.count, all_cores=True)


class ManualExecutor(Executor):
    """Hands every call to the test, which says when and how it ends."""

    def __init__(self, workers):
        self.workers = workers
        self.calls = queue.SimpleQueue()

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        (order,) = args[0]
        self.calls.put((order, future))
        return future


class Study:
    """A study carried out in a thread, whose tasks end at the test's word."""

    def __init__(self, tasks, store, workers):
        self.executor = ManualExecutor(workers)
        self.in_flight = {}
        self.by_fingerprint = {task.fingerprint: task for task in in_order(tasks)}
        self._thread = threading.Thread(target=self._run, args=(tasks, store), daemon=True)
        self._thread.start()

    def _run(self, tasks, store):
        self.outcome = carry_out(tasks, store, self.executor)

    def started(self, count):
        """Wait for so many tasks to start, and return their titles."""
        titles = []
        for _ in range(count):
            order, future = self.executor.calls.get(timeout=30)
            task = self.by_fingerprint[order.fingerprint]
            self.in_flight[task.title] = (order, future)
            titles.append(task.title)
        return titles

    def end(self, title, status="done"):
        """Let a task end."""
        _, future = self.in_flight.pop(title)
        future.set_result([Report(status, error="ValueError", message="no")])

    def close(self):
        """Return the outcome; nothing may have started that the test did not see."""
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()
        assert self.executor.calls.empty()
        return self.outcome


def named(name, needs=(), cost=1.0, stage=stages.COUNT):
    return Task(stage, {"name": name}, {need.title: need for need in needs}, title=name, cost=cost)


def test_word2vec_starts_first_and_random_cells_fill_the_other_core(store):
    dataset = named("dataset", cost=4)
    random = [named(f"random{number}", [dataset]) for number in range(3)]
    word2vec = named("word2vec", [dataset], cost=100)
    frozen = [named(f"frozen{number}", [dataset, word2vec]) for number in range(2)]
    study = Study([*random, *frozen], store, workers=2)

    assert study.started(1) == ["dataset"]
    study.end("dataset")
    assert study.started(2) == ["word2vec", "random0"]
    study.end("random0")
    assert study.started(1) == ["random1"]
    study.end("random1")
    assert study.started(1) == ["random2"]
    study.end("word2vec")
    assert study.started(1) == ["frozen0"]
    study.end("random2")
    assert study.started(1) == ["frozen1"]
    study.end("frozen1")
    study.end("frozen0")
    titles = [task.title for task in study.close().done]
    assert titles == ["dataset", "random0", "random1", "word2vec", "random2", "frozen1", "frozen0"]


def test_a_task_for_all_cores_takes_those_that_are_free(store):
    before = named("before", cost=50)
    wide = named("wide", cost=40, stage=WIDE)
    after = named("after")
    study = Study([before, wide, after], store, workers=4)
    assert study.started(2) == ["before", "wide"]
    assert study.in_flight["wide"][0].cores == 3
    study.end("wide")
    assert study.started(1) == ["after"]
    assert study.in_flight["after"][0].cores == 1
    study.end("before")
    study.end("after")
    assert study.close().complete


@st.composite
def plans(draw):
    """Random tasks whose needs are earlier ones, some of which fail."""
    tasks = []
    for number in range(draw(st.integers(1, 12))):
        needs = draw(st.lists(st.sampled_from(tasks), unique=True, max_size=3)) if tasks else []
        tasks.append(named(f"task{number}", needs, cost=draw(st.integers(0, 9))))
    failing = draw(st.sets(st.sampled_from(tasks), max_size=2))
    return tasks, failing, draw(st.integers(1, 4))


def _blocked(tasks, failing):
    """Return what needs a failing task, directly or not, by an exhaustive look."""
    blocked = set()
    for task in tasks:  # needs come first
        if any(need in blocked or need in failing for need in task.needs.values()):
            blocked.add(task)
    return blocked


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans(), data=st.data())
def test_no_slot_is_idle_while_a_task_could_run(tmp_path_factory, plan, data):
    tasks, failing, slots = plan
    store = Store(tmp_path_factory.mktemp("store"))
    study = Study(tasks, store, slots)
    chain = remaining_seconds(tasks)
    finished, running, ended = set(), set(), []
    while True:
        could = [
            task for task in tasks if task not in running and task not in ended and set(task.needs.values()) <= finished
        ]
        could.sort(key=lambda task: (-chain[task.fingerprint], -task.cost))
        titles = study.started(min(slots - len(running), len(could)))
        rank = {task.title: (-chain[task.fingerprint], -task.cost) for task in could}
        assert [rank[title] for title in titles] == [rank[task.title] for task in could[: len(titles)]]
        running |= {task for task in could if task.title in titles}
        if not running:
            break
        task = data.draw(st.sampled_from(sorted(running, key=lambda task: task.title)))
        running.remove(task)
        ended.append(task)
        if task not in failing:
            finished.add(task)
        study.end(task.title, "failed" if task in failing else "done")

    outcome = study.close()
    assert outcome.done == [task for task in ended if task not in failing]
    assert {failure.task for failure in outcome.failed} == failing - _blocked(tasks, failing)
    assert set(outcome.blocked) == _blocked(tasks, failing)
    assert not outcome.left


def test_the_longest_chain_counts_not_the_single_cost():
    last = named("last", cost=10)
    middle = named("middle", [last], cost=2)
    end = named("end", [middle], cost=3)
    alone = named("alone", cost=14)
    chain = remaining_seconds(in_order([end, alone]))
    assert {task.title: chain[task.fingerprint] for task in (last, middle, end, alone)} == {
        "last": 15,
        "middle": 5,
        "end": 3,
        "alone": 14,
    }


def test_needs_come_first_and_each_task_once():
    base = named("base")
    left, right = named("left", [base]), named("right", [base])
    top = named("top", [left, right])
    assert [task.title for task in in_order([top, left, top])] == ["base", "left", "right", "top"]


def test_a_chain_deeper_than_pythons_stack_is_no_trouble():
    task = named("task0")
    for number in range(1, 3000):
        task = named(f"task{number}", [task])
    ordered = in_order([task])
    assert len(ordered) == 3000
    assert remaining_seconds(ordered)[ordered[0].fingerprint] == 3000


@pytest.fixture
def chain(ledger):
    dataset = stages.counted("dataset", ledger)
    word2vec = stages.counted("word2vec", ledger, [dataset])
    return dataset, word2vec, [stages.counted(f"cell{n}", ledger, [word2vec, dataset]) for n in range(3)]


def states_of(tasks, store):
    found = survey(tasks, store)
    return {task.title: found.states[task.fingerprint] for task in found.tasks}


def test_needs_are_asked_for_only_when_something_lacks_them(store, ledger, serial, chain):
    _, word2vec, cells = chain
    assert set(states_of(cells, store).values()) == {"miss"}
    carry_out(cells, store, serial)

    shutil.rmtree(store.path(word2vec.fingerprint))
    assert states_of(cells, store) == {
        "dataset": "not needed",
        "word2vec": "not needed",
        **{f"cell{n}": "hit" for n in range(3)},
    }
    assert carry_out(cells, store, serial).cached == cells

    shutil.rmtree(store.path(cells[1].fingerprint))
    assert states_of(cells, store) == {
        "dataset": "hit",
        "word2vec": "miss",
        "cell0": "hit",
        "cell1": "miss",
        "cell2": "hit",
    }
    assert carry_out(cells, store, serial).done == [word2vec, cells[1]]
    assert stages.executions(ledger) == {"dataset": 1, "word2vec": 2, "cell0": 1, "cell1": 2, "cell2": 1}


def test_surveying_changes_nothing(store, ledger, serial, chain):
    *_, cells = chain
    survey(cells, store)
    assert not store.root.exists()


def test_twenty_thousand_tasks_are_planned_in_less_than_ten_seconds(store):
    clock = time.process_time()  # what other programs do meanwhile is not the planner's
    dataset = named("dataset", cost=4)
    word2vec = named("word2vec", [dataset], cost=100)
    cells = [
        Task(
            stages.COUNT,
            {"strategy": "frozen", "seed": seed, "training": {"batch_size": 32, "rates": [0.001, 0.05]}},
            {"dataset": dataset, "word2vec": word2vec},
            title=f"frozen, seed {seed}",
        )
        for seed in range(20_000)
    ]
    found = survey(cells, store)
    remaining_seconds(found.missing)
    assert len(found.missing) == 20_002
    assert time.process_time() - clock < 10
