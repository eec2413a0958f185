"""Open the executor that a configuration names: a concurrent.futures.Executor with a `workers` attribute.

`serial` runs each task at once in the planner's process, on one core: for debugging and for comparison.
`local` runs them in worker processes (`embexp.engine.lanes`), `dask` on many machines (`embexp.engine.clusters`).
All keep numerical libraries to one thread, so that they give the same bytes.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from embexp.config import ExecutorConfig
from embexp.engine.lanes import LocalExecutor
from embexp.engine.processes import environment, thread_variables
from embexp.errors import UserError

if TYPE_CHECKING:
    from embexp.engine.dask_executor import DaskExecutor

T = TypeVar("T")

KINDS = ("serial", "local", "dask")


class SerialExecutor(Executor):
    """Runs each call at once, here.

    Attributes:
        workers: Always 1.
    """

    workers = 1

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run a call and return its finished future; only KeyboardInterrupt passes through."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        try:
            result = fn(*args, **kwargs)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)
        return future


@contextlib.contextmanager
def open_executor(
    config: ExecutorConfig, preload: Sequence[str] = ()
) -> Iterator[SerialExecutor | LocalExecutor | DaskExecutor]:
    """Open an executor for the length of a `with` block.

    Args:
        config: Kind, number of workers, time limit of a task (not enforced by `serial`).
        preload: Modules that the work imports, loaded once and shared by the workers.

    Raises:
        UserError: If the configuration names no executor, or its cluster cannot be reached.
    """
    UserError.raise_if(problems(config))
    if config.kind == "serial":
        with _one_thread(preload):
            yield SerialExecutor()
        return
    if config.kind == "dask":
        from embexp.engine.clusters import open_dask

        with open_dask(config, preload, config.workers or available_cores()) as cluster:
            yield cluster
        return
    executor = LocalExecutor(config.workers or available_cores(), preload, config.task_timeout_seconds)
    try:
        yield executor
    except BaseException:
        executor.kill_workers()
        raise
    executor.shutdown()


def problems(config: ExecutorConfig) -> list[str]:
    """Return a sentence for each thing that is wrong with an executor's configuration."""
    found = []
    if config.kind not in KINDS:
        found.append(f"executor.kind: {config.kind!r} is unknown; choose one of {', '.join(KINDS)}")
    if config.workers is not None and config.workers < 1:
        found.append(f"executor.workers: {config.workers} is below 1; leave it out for one worker per core")
    limit = config.task_timeout_seconds
    if limit is not None and not limit > 0:
        found.append(f"executor.task_timeout_seconds: {limit} is not above 0; leave it out for no time limit")
    if config.kind == "dask":
        from embexp.engine import clusters

        found += clusters.problems(config)
    return found


def available_cores() -> int:
    """Return how many cores this process may use: the machine's, less what affinity and cgroup withhold."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            cores = min(cores, max(1, round(int(quota) / int(period))))
    return cores


@contextlib.contextmanager
def _one_thread(preload: Sequence[str]) -> Iterator[None]:
    """Keep numerical libraries in this process to one thread, loaded already or not."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(environment(thread_variables(1)))
        for name in preload:
            importlib.import_module(name)
        with contextlib.suppress(ImportError):
            from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

            stack.enter_context(threadpool_limits(1))
        torch = sys.modules.get("torch")
        if torch is not None:
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(1)
        yield
