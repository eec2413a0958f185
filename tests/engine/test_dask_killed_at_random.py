"""A scheduler or a worker killed at random moments, often: the study always ends, soon, and loses nothing."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import engine_stages as stages
import numpy as np
import pytest
from dask_harness import Cluster

from embexp.config import ExecutorConfig
from embexp.engine.events import Event
from embexp.engine.executors import open_executor
from embexp.engine.scheduler import Outcome, carry_out
from embexp.engine.store import Store
from embexp.engine.task import Stage, Task

ROUNDS = 20
TASKS = 25
SOON = 5.0  # seconds from the kill to the end of the study, on a machine with other work
# A real cluster starts in each round.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(ROUNDS * 60)]


@pytest.fixture(params=range(ROUNDS))
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster = Cluster(folder)
    yield cluster
    cluster.close()


def tree(ledger: Path) -> list[Task]:
    base = Task(Stage("wide", 1, stages.count, all_cores=True), {"name": "base", "ledger": str(ledger)}, title="base")
    return [base, *(stages.counted(f"task{n}", ledger, [base], large=True) for n in range(TASKS))]


class Killer:
    """Kills a process some time after so many tasks are done, and remembers when."""

    def __init__(self, victim: subprocess.Popen[bytes]) -> None:
        self._victim = victim
        draw = np.random.default_rng()
        self._wanted = int(draw.integers(TASKS - 5))
        self._delay = float(draw.uniform(0, draw.choice([0.0, 0.05, 0.5])))
        self._done = 0
        self._timer: threading.Timer | None = None
        self.when: float | None = None

    def hear(self, event: Event) -> None:
        self._done += event.kind == "done"
        if self._timer is None and event.kind in ("started", "done") and self._done >= self._wanted:
            self._timer = threading.Timer(self._delay, self._kill)
            self._timer.start()

    def _kill(self) -> None:
        self._victim.kill()
        self._victim.wait()
        self.when = time.monotonic()

    def finish(self) -> None:
        if self._timer is not None:
            self._timer.join()


def run(cluster: Cluster, tasks: list[Task], store: Store, killer: Killer) -> tuple[Outcome, float]:
    config = ExecutorConfig(kind="dask", scheduler_file=str(cluster.scheduler_file), worker_wait_seconds=30.0)
    with open_executor(config) as executor:
        outcome = carry_out(tasks, store, executor, on_event=killer.hear)
    ended = time.monotonic()
    killer.finish()
    assert killer.when is not None
    return outcome, ended - killer.when


def test_a_scheduler_killed_at_any_moment_ends_the_study_soon(cluster: Cluster, tmp_path: Path, serial: object) -> None:
    cluster.add_worker(0)
    ledger, store = tmp_path / "ledger", Store(tmp_path / "store")
    tasks = tree(ledger)
    outcome, seconds = run(cluster, tasks, store, Killer(cluster.scheduler))
    assert seconds < SOON
    assert outcome.complete or "the Dask scheduler is lost" in outcome.stopped
    assert (outcome.failed, outcome.blocked) == ([], [])
    assert {*outcome.done, *outcome.left} == {*tasks}
    again = carry_out(tasks, store, serial)  # what was in flight may still be finished by its orphaned process
    assert again.complete
    assert {*outcome.done} <= {*again.cached}
    repeated = {name for name, count in stages.executions(ledger).items() if count > 1}
    assert repeated <= {task.title for task in outcome.left}
    assert len(repeated) <= 1


def test_a_worker_killed_at_any_moment_loses_nothing(cluster: Cluster, tmp_path: Path) -> None:
    first = cluster.add_worker(0)
    cluster.add_worker(1)
    ledger, store = tmp_path / "ledger", Store(tmp_path / "store")
    tasks = tree(ledger)
    outcome, _ = run(cluster, tasks, store, Killer(first))
    assert outcome.complete
    assert sorted(task.title for task in (*outcome.done, *outcome.cached)) == sorted(task.title for task in tasks)
    assert sum(count > 1 for count in stages.executions(ledger).values()) <= 1  # what was in flight
