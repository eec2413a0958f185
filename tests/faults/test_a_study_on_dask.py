"""A whole study on a real Dask scheduler with real workers: the bytes of `serial`, whatever dies in the middle."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from dask_harness import Cluster
from tiny_study import tiny_study

from embexp.config import ExecutorConfig, GridConfig, StudyConfig
from embexp.engine.events import Event
from embexp.engine.store import Store
from embexp.running import StudyRun, run_study

# Real clusters that are killed take a minute; tests/engine/test_dask.py does the same to stages of no content.
pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster = Cluster(folder)
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyConfig, dict[str, str]]:
    """A study carried out by `serial`, and the digest of each of its entries."""
    config = tiny_study(tmp_path_factory.mktemp("alone"), grid=GridConfig(train_sizes=[10, 30], seeds=2))
    run_study(config)
    return config, digests(config)


def digests(config: StudyConfig) -> dict[str, str]:
    """Return the sha256 of all bytes of each entry in the store, timing.json apart."""
    store = Store(Path(config.store))
    found = {}
    for name in store.fingerprints():
        digest = hashlib.sha256()
        for path in sorted(store.path(name).rglob("*")):
            if path.is_file() and path.name != "timing.json":
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
        found[name] = digest.hexdigest()
    return found


def started(config: StudyConfig) -> dict[str, float]:
    """Return when the work on each entry began."""
    store = Store(Path(config.store))
    return {name: store.read_timing(name)["started"] for name in store.fingerprints()}


def run_on(cluster: Cluster, config: StudyConfig, listener: Callable[[Event], None]) -> StudyRun:
    executor = ExecutorConfig(kind="dask", scheduler_file=str(cluster.scheduler_file), worker_wait_seconds=30.0)
    return run_study(replace(config, executor=executor), [listener])


def after(count: int, act: Callable[[], object]) -> Callable[[Event], None]:
    """Return a listener that acts once, when so many tasks are done."""
    done = []

    def hear(event: Event) -> None:
        if event.kind == "done":
            done.append(event.task)
            if len(done) == count:
                act()

    return hear


def test_a_worker_dies_and_another_joins_and_no_byte_moves(
    cluster: Cluster, alone: tuple[StudyConfig, dict[str, str]], tmp_path: Path
) -> None:
    usual, whole = alone
    config = replace(usual, store=str(tmp_path / "store"), output=str(tmp_path / "outputs"))
    first = cluster.add_worker(0)
    cluster.add_worker(1)

    def replace_worker() -> None:
        first.kill()
        first.wait()
        cluster.add_worker(2)

    study = run_on(cluster, config, after(8, replace_worker))
    assert study.outcome.complete
    assert digests(config) == whole
    # Each once; what the worker published in the moment of its death is found in the store.
    finished = [task.fingerprint for task in (*study.outcome.done, *study.outcome.cached)]
    assert sorted(finished) == sorted(whole)
    assert Store(Path(config.store)).sweep() == []  # nothing of the dead is left


def test_the_scheduler_dies_and_serial_goes_on_where_it_stopped(
    cluster: Cluster, alone: tuple[StudyConfig, dict[str, str]], tmp_path: Path
) -> None:
    usual, whole = alone
    config = replace(usual, store=str(tmp_path / "store"), output=str(tmp_path / "outputs"))
    cluster.add_worker(0)
    study = run_on(cluster, config, after(8, cluster.scheduler.kill))
    assert "Dask" in study.outcome.stopped
    there = started(config)
    assert 8 <= len(there) < len(whole)
    assert run_study(config).outcome.complete
    assert digests(config) == whole
    assert there.items() <= started(config).items()  # none of them was made again
