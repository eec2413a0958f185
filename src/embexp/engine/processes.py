"""How processes are started: never forked from a planner full of threads, with so many threads, deaf to signals."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import forkserver, resource_tracker
from typing import Any

from embexp.engine.interrupts import SIGNALS

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
)

# Starting and reaping processes is not thread-safe in multiprocessing: two threads may reap the same child.
PROCESSES = threading.Lock()


def thread_variables(threads: int) -> dict[str, str]:
    """Return the environment that keeps numerical libraries to so many threads."""
    return dict.fromkeys(THREAD_VARIABLES, str(threads))


@contextlib.contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while; processes started meanwhile inherit them."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def start_context() -> Any:
    """Return the multiprocessing context: fork server where there is one, never fork."""
    methods = multiprocessing.get_all_start_methods()
    if multiprocessing.get_start_method(allow_none=True) not in (None, *methods):
        # Inside a joblib worker the default is joblib's own, which our workers would not know.
        multiprocessing.set_start_method("spawn", force=True)
    return multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")


def start_fork_server(preload: Sequence[str]) -> None:
    """Start the process that workers are forked from; it imports `preload` in the background, with one thread.

    Nothing happens where there is none, or if it runs already.
    """
    context = start_context()
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload(["__main__", "embexp.engine.lanes", *preload])
        with PROCESSES, environment(thread_variables(1)):
            _start_deaf()


def _start_deaf() -> None:
    """Start the fork server deaf to the signals that a batch system sends to every process of a job.

    It would die of them, and with it the news of how its workers end.
    """
    resource_tracker.ensure_running()  # else the fork server starts it, and it unblocks the signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
