"""What runs inside a Dask worker: each task in a process of its own, so that its death costs nothing else.

Dask runs tasks in threads of its workers. A task that grows until the system kills it would take the worker with
it, Dask would give it to the next worker, and so on through four of them. So a worker keeps lanes (see
`embexp.engine.lanes`): one process per thread, with the same thread settings, preloading, time limit and reasons
as on one machine. The worker itself stays answerable while a task computes.
"""

from __future__ import annotations

import importlib.metadata
import multiprocessing
import platform
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from embexp.engine.lanes import LocalExecutor
from embexp.engine.store import Store

# Packages whose version can move numbers; a worker must have the planner's.
COMPARED = ("embexp", "gensim", "numba", "numpy", "polars", "scikit-learn", "scipy", "torch")

Answer = tuple[Literal["done", "failed", "unfit"], Any]
Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class Site:
    """What a study expects of every worker.

    Attributes:
        preload: Modules that the work imports.
        timeout_seconds: Time limit of a task.
        versions: Of Python and of what moves numbers, in the planner.
        store: Folder of the store; empty when there is none to check.
        token: Content of the file `mark` in the store, which tells it from another folder of the same name.
        mark: Name of that file.
    """

    preload: tuple[str, ...]
    timeout_seconds: float | None
    versions: Mapping[str, str]
    store: str = ""
    token: str = ""
    mark: str = ""


_GUARD = threading.Lock()
_LANES: dict[tuple[str, ...], LocalExecutor] = {}  # of this process, by what is preloaded
_FIT: dict[str, str | None] = {}  # what is wrong here, by token


def installed_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that can move numbers."""
    versions = {"python": platform.python_version()}
    for name in COMPARED:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "missing"
    return versions


def find_misfit(site: Site) -> str | None:
    """Say why this process cannot work for a study, or None when it can."""
    ours = installed_versions()
    different = [f"{name} {ours[name]} instead of {want}" for name, want in site.versions.items() if ours[name] != want]
    if different:
        return f"has {', '.join(different)}"
    if not site.store:
        return None
    try:
        token = Path(site.store, "building", site.mark).read_text(encoding="ascii")
    except OSError as error:
        return f"does not see the store {site.store!r} ({error.strerror or error})"
    if token != site.token:
        return f"sees another folder under the name of the store, {site.store!r}"
    trouble = Store(Path(site.store)).trouble()
    return f"cannot write in the store: {trouble}" if trouble else None


def run_in_lane(site: Site, cores: int | None, call: Call) -> Answer:
    """Run a call in a lane of this worker and say how it went; raises nothing of the call's own.

    Args:
        site: What the study expects of this worker; looked at before its first call.
        cores: None for a lane's resident process, else a fresh one with so many threads.
        call: Function, positional and keyword arguments.
    """
    with _GUARD:
        if site.token not in _FIT:
            _FIT[site.token] = find_misfit(site)
        misfit = _FIT[site.token]
        if misfit is not None:
            return "unfit", misfit
        lanes = _open_lanes(site)
    function, args, kwargs = call
    try:
        if cores is None:
            return "done", lanes.submit(function, *args, **kwargs).result()
        return "done", lanes.submit_wide(cores, function, *args, **kwargs).result()
    except BaseException as error:
        return "failed", error


def kill_lanes() -> None:
    """Kill every task that this worker runs. Lanes start anew with the next one."""
    with _GUARD:
        lanes = list(_LANES.values())
        _LANES.clear()
    for executor in lanes:
        executor.kill_workers()


def _open_lanes(site: Site) -> LocalExecutor:
    key = (*site.preload, str(site.timeout_seconds))
    if key not in _LANES:
        # Dask's workers are daemons by multiprocessing's word, and daemons may have no children. The flag guards
        # against orphans; a lane's process ends by itself when the pipe to this one closes.
        multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
        threads, first = _place()
        _LANES[key] = LocalExecutor(threads, site.preload, site.timeout_seconds, first=first)
    return _LANES[key]


def _place() -> tuple[int, int]:
    """Return how many threads this Dask worker has, and the number of its first lane."""
    from distributed import get_worker

    worker = get_worker()
    threads = int(worker.state.nthreads)
    name = str(worker.name)
    number = int(name) if name.isdecimal() else zlib.crc32(worker.address.encode()) % 100_000
    return threads, number * threads
