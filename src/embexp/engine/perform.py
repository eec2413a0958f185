"""Carry out one task, in whichever process it lands: lock, build, publish, and say how it went.

`perform_all` is what the scheduler submits to an executor. It takes plain orders (one, or those of a group) and
returns plain reports; an error of a task is part of its report, so nothing that it raises has to survive pickling.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import platform
import shutil
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from embexp.engine.entries import Identity
from embexp.engine.locks import EntryLock
from embexp.engine.store import Store
from embexp.engine.task import Progress, Stage, Work
from embexp.engine.trouble import CannotGoOnError

WORKER_VARIABLE = "EMBEXP_WORKER"  # set by the executor: a small number, stable while a lane lives

# Tasks that run in the planner's own process are heard directly, by fingerprint; others through a file.
LISTENERS: dict[str, Callable[[Progress], None]] = {}


@dataclass(frozen=True)
class Order:
    """What a worker must know of a task."""

    fingerprint: str
    stage: Stage
    config: Mapping[str, Any]
    needs: Mapping[str, str]  # fingerprint by name
    store: str
    title: str
    cores: int = 1
    hints: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> Identity:
        """The parts of the fingerprint."""
        return Identity(self.stage.name, self.stage.version, self.config, self.needs)


@dataclass(frozen=True)
class Report:
    """How a task went.

    Attributes:
        status: `done`; `found`: somebody else finished it first; `busy`: somebody else is at it; `failed`; `apart`: it
            was tried together with others and must be performed by itself; `trouble`: the store can no longer be
            written, so every other task would fail as well.
        seconds: Of the stage function.
        worker: Number of the worker.
        error: Name of the exception's type.
        message: The exception's text.
        log: File with the traceback.
    """

    status: Literal["done", "found", "busy", "failed", "apart", "trouble"]
    worker: int = 0
    seconds: float = 0.0
    error: str = ""
    message: str = ""
    log: str | None = None


def perform_all(orders: Sequence[Order]) -> list[Report]:
    """Build what is ordered: one entry, or several of one group at once."""
    return [perform(orders[0])] if len(orders) == 1 else perform_together(orders)


def perform(order: Order) -> Report:
    """Build the ordered entry, unless it is there or somebody alive is building it."""
    store = Store(Path(order.store))
    worker = int(os.environ.get(WORKER_VARIABLE, "0"))
    started = time.time()
    try:
        lock = store.lock(order.fingerprint)
        if lock is None:
            return Report("busy", worker)
        with lock:
            if store.has(order.fingerprint):
                return Report("found", worker)
            seconds = _build(order, store, lock, worker)
    except KeyboardInterrupt:
        raise
    except CannotGoOnError as error:
        return Report("trouble", worker, time.time() - started, message=str(error))
    except BaseException as error:
        if isinstance(error, OSError) and (trouble := store.trouble()):
            return Report("trouble", worker, time.time() - started, message=trouble)
        return _failure(order, store, worker, time.time() - started, error)
    store.log_path(order.fingerprint).unlink(missing_ok=True)
    return Report("done", worker, seconds)


def perform_together(orders: Sequence[Order]) -> list[Report]:
    """Build the entries of several orders of one stage at once, and publish each as soon as its folder is filled.

    When something goes wrong, nobody can say whose fault it was: what is not finished then is reported as `apart`.
    """
    store, worker = Store(Path(orders[0].store)), int(os.environ.get(WORKER_VARIABLE, "0"))
    started, reports = time.time(), dict[str, Report]()
    rest = Report("apart", worker)
    try:
        with contextlib.ExitStack() as held:
            begun: dict[Work, Order] = {}
            for order in orders:
                if (lock := store.lock(order.fingerprint)) is None:
                    reports[order.fingerprint] = Report("busy", worker)
                    continue
                held.enter_context(lock)
                if store.has(order.fingerprint):
                    reports[order.fingerprint] = Report("found", worker)
                else:
                    begun[held.enter_context(_work_on(order, store, lock))] = order
            for work, since, seconds in _fill_together(list(begun), orders[0].stage):
                order = begun[work]
                timing = _timing(work, order.title, worker, since, seconds)
                store.publish(work.folder, order.identity, timing)
                reports[order.fingerprint] = Report("done", worker, seconds)
    except KeyboardInterrupt:
        raise
    except CannotGoOnError as error:
        rest = Report("trouble", worker, time.time() - started, message=str(error))
    except BaseException as error:
        rest = Report("apart", worker, time.time() - started, type(error).__name__, str(error))
    return [reports.get(order.fingerprint, rest) for order in orders]


def _fill_together(works: Sequence[Work], stage: Stage) -> Iterator[tuple[Work, float, float]]:
    """Yield filled works, each with its part of the time that they took: equal parts, one after the other."""
    if stage.together is None or not works:
        return
    since = time.time()
    for filled in stage.together(works):
        seconds = (time.time() - since) / max(1, len(filled))
        for place, work in enumerate(filled):
            yield work, since + place * seconds, seconds
        since = time.time()


def _build(order: Order, store: Store, lock: EntryLock, worker: int) -> float:
    with _work_on(order, store, lock) as work:
        started, clock = time.time(), time.perf_counter()
        order.stage.function(work)
        seconds = time.perf_counter() - clock
        store.publish(work.folder, order.identity, _timing(work, order.title, worker, started, seconds))
    return seconds


@contextlib.contextmanager
def _work_on(order: Order, store: Store, lock: EntryLock) -> Iterator[Work]:
    """Make the folder of an entry, and take away in the end what was not published of it.

    Raises:
        CannotGoOnError: In the place of any other error, if the store is in trouble.
    """
    folder = store.begin(order.fingerprint, lock)
    voice = _Voice(store.progress_path(order.fingerprint))
    try:
        yield Work(
            order.config,
            {name: store.path(need) for name, need in order.needs.items()},
            folder,
            hints=order.hints,
            cores=order.cores,
            hear=LISTENERS.get(order.fingerprint, voice.say),
        )
    except BaseException as error:
        # Before the half-built entry goes, whose going may make room on a full disk.
        trouble = None if isinstance(error, KeyboardInterrupt) else store.trouble()
        if trouble:
            raise CannotGoOnError(trouble) from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        voice.fall_silent()


def _timing(work: Work, title: str, worker: int, started: float, seconds: float) -> dict[str, Any]:
    ours = {
        "started": started,
        "ended": started + seconds,
        "seconds": seconds,
        "worker": worker,
        "cores": work.cores,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "peak_mb": peak_mb(),
        "title": title,
        "versions": _versions(len(sys.modules)),
    }
    taken = sorted(ours.keys() & work.timing.keys())
    if taken:
        raise ValueError(f"work.timing[{taken[0]!r}] is set by the engine; choose another name")
    return {**{name: float(value) for name, value in work.timing.items()}, **ours}


def peak_mb() -> float | None:
    """Return the largest resident memory of this process so far, in megabytes; None where it is not told.

    On Linux from the kernel's own words on this program: `ru_maxrss` outlives `exec`, so that a worker process would
    be said to have had at least what the planner had when it started it. psutil has no peak there.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    try:
        import resource
    except ImportError:  # Windows
        return None
    bytes_per_unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * bytes_per_unit / 1e6


@functools.lru_cache(maxsize=1)
def _versions(loaded: int) -> dict[str, str]:
    """Return the version of Python and of every package in this process; `loaded` is the cache's key."""
    found = {}
    for name, module in list(sys.modules.items()):
        if "." not in name and not name.startswith("_") and name not in sys.stdlib_module_names:
            version = getattr(module, "__dict__", {}).get("__version__")
            if isinstance(version, str):
                found[name] = version
    return {"python": platform.python_version(), **dict(sorted(found.items()))}


def _failure(order: Order, store: Store, worker: int, seconds: float, error: BaseException) -> Report:
    log = store.log_path(order.fingerprint)
    message = str(error) or ("no memory is left for it" if isinstance(error, MemoryError) else "")
    text = "".join(traceback.format_exception(error))
    task = json.dumps({"stage": order.stage.name, "version": order.stage.version, "config": order.config})
    try:
        log.write_text(f"{order.title}\n{task}\n\n{text}", encoding="utf-8", errors="backslashreplace")
    except OSError:  # a full disk takes the log too; the message still travels
        return Report("failed", worker, seconds, type(error).__name__, message)
    return Report("failed", worker, seconds, type(error).__name__, message, str(log))


class _Voice:
    """Tells the planner how far a task is, through a small file beside the folder being built."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._spoke = False

    def say(self, progress: Progress) -> None:
        beside = self._path.with_name(self._path.name + ".new")
        try:
            beside.write_text(json.dumps(asdict(progress)), encoding="utf-8")
            beside.replace(self._path)
        except OSError:  # progress is a courtesy: no task fails for it
            return
        self._spoke = True

    def fall_silent(self) -> None:
        if self._spoke:
            self._path.unlink(missing_ok=True)


def read_progress(store: Store, fingerprint: str) -> Progress | None:
    """Return what a running task said last, or None if it has said nothing."""
    try:
        return Progress(**json.loads(store.progress_path(fingerprint).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
