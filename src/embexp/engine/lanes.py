"""Local worker processes, each in a lane of its own, so that a death or a time-out costs one task only.

A lane is a thread of the planner that owns one worker process and a pipe to it. When the process dies, its
lane reports the task in flight as lost and starts a new one for the next task; no other lane notices.

Tried before: `concurrent.futures.ProcessPoolExecutor` and loky fail all their futures when one worker dies.
Pebble 5.2 survives most deaths, but a task that ends its process with code 0 is never reported (its future
waits for ever), and a worker killed while idle breaks the whole pool.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from embexp.engine.interrupts import SIGNALS
from embexp.engine.perform import WORKER_VARIABLE
from embexp.engine.processes import PROCESSES, environment, start_context, start_fork_server, thread_variables
from embexp.errors import EmbexpError

T = TypeVar("T")

READY = "ready"  # what a worker says first
LINGER_SECONDS = 10.0  # a worker that is told to end and does not is killed after this


class WorkerLostError(EmbexpError):
    """A worker process died under a task."""


class _NotTakenError(WorkerLostError):
    """A worker was dead already when it was handed a call."""


class TaskTimeoutError(EmbexpError):
    """A task took longer than its time limit, and its worker was stopped."""


class TaskError(EmbexpError):
    """Stands for an exception that cannot travel between processes."""


@dataclass
class _Job:
    call: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
    cores: int | None = None  # None: in the lane's worker; else in a process of its own with so many threads
    future: Future[Any] = field(default_factory=Future)


class LocalExecutor(Executor):
    """A concurrent.futures.Executor over worker processes.

    Workers come from a fork server that has `preload` imported with one thread, and start with their first
    task. `submit_wide` runs a call in a fresh process whose libraries may use several threads.

    Attributes:
        workers: Number of lanes; they are numbered from `first`.
    """

    def __init__(
        self, workers: int, preload: Sequence[str] = (), timeout_seconds: float | None = None, *, first: int = 0
    ) -> None:
        self.workers = workers
        self._first = first
        self._preload = list(preload)
        self._timeout_seconds = timeout_seconds
        self._jobs: deque[_Job] = deque()
        self._change = threading.Condition()
        self._closed = False
        self._lanes: list[_Lane] = []
        self._context = start_context()
        atexit.register(self.kill_workers)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run a call in a worker; see concurrent.futures.Executor."""
        return self._enqueue(_Job((fn, args, kwargs)))

    def submit_wide(self, cores: int, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run a call in a process of its own, whose libraries may use `cores` threads."""
        return self._enqueue(_Job((fn, args, kwargs), cores))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; finish those in flight, and the waiting ones unless they are cancelled."""
        with self._change:
            self._closed = True
            if cancel_futures:
                for job in self._jobs:
                    job.future.cancel()
            self._change.notify_all()
        if wait:
            for lane in self._lanes:
                lane.join()
        atexit.unregister(self.kill_workers)

    def kill_workers(self) -> None:
        """Stop at once: cancel what waits, kill every worker; their calls end in WorkerLostError."""
        self.shutdown(wait=False, cancel_futures=True)
        for lane in self._lanes:
            lane.kill()
        for lane in self._lanes:
            lane.join(timeout=10)

    def _enqueue(self, job: _Job) -> Future[Any]:
        with self._change:
            if self._closed:
                raise RuntimeError("cannot submit after shutdown")
            if not self._lanes:
                self._open_lanes()
            self._jobs.append(job)
            self._change.notify()
        return job.future

    def _open_lanes(self) -> None:
        start_fork_server(self._preload)  # it imports while the first task runs
        self._lanes = [_Lane(self._first + number, self) for number in range(self.workers)]
        for lane in self._lanes:
            lane.start()

    def next_job(self) -> _Job | None:
        """Wait for the next call; None when there will be none. For the lanes."""
        with self._change:
            while not self._jobs:
                if self._closed:
                    return None
                self._change.wait()
            return self._jobs.popleft()

    def start_worker(self, lane: int, cores: int | None) -> _Worker:
        """Start a worker process. For the lanes."""
        context = self._context if cores is None else multiprocessing.get_context("spawn")
        return _Worker(context, lane, cores or 1, self._timeout_seconds)


class _Lane(threading.Thread):
    """Hands calls to one worker, and replaces it when it dies."""

    def __init__(self, number: int, executor: LocalExecutor) -> None:
        super().__init__(name=f"embexp-lane-{number}", daemon=True)
        self._number = number
        self._executor = executor
        self._resident: _Worker | None = None
        self._at_work: _Worker | None = None
        self._killed = False

    def run(self) -> None:
        """Answer calls until there are no more."""
        while (job := self._executor.next_job()) is not None:
            if not job.future.set_running_or_notify_cancel():
                continue
            try:
                result = self._answer(job)
            except BaseException as error:
                job.future.set_exception(error)
            else:
                job.future.set_result(result)
            self._at_work = None
        if self._resident is not None:
            self._resident.close()

    def kill(self) -> None:
        """Kill the worker at work, and any that would start now."""
        self._killed = True
        worker = self._at_work
        if worker is not None:
            worker.kill()

    def _answer(self, job: _Job) -> Any:
        if job.cores is not None:
            worker = self._start(job.cores)
            try:
                return worker.call(job.call)
            finally:
                worker.close()
        if self._resident is not None and self._resident.is_alive():
            self._at_work = self._resident
            with contextlib.suppress(_NotTakenError):
                return self._resident.call(job.call)
        self._resident = self._start(None)
        return self._resident.call(job.call)

    def _start(self, cores: int | None) -> _Worker:
        self._at_work = self._executor.start_worker(self._number, cores)
        if self._killed:
            self._at_work.kill()
        return self._at_work


class _Worker:
    """One worker process and the pipe to it."""

    def __init__(self, context: Any, lane: int, threads: int, timeout_seconds: float | None) -> None:
        variables = {**thread_variables(threads), WORKER_VARIABLE: str(lane)}
        self._timeout_seconds = timeout_seconds
        self._ready = False
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, variables), name=f"embexp-worker-{lane}")
        with PROCESSES, environment(variables):
            self._process.start()
        theirs.close()

    def is_alive(self) -> bool:
        """Whether the process can take a call."""
        with PROCESSES:
            alive: bool = self._process.is_alive()
        return alive

    def call(self, call: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]) -> Any:
        """Run a call in the process and return what it returns, or raise what it raises.

        Raises:
            WorkerLostError: If the process dies meanwhile.
            TaskTimeoutError: If it takes longer than the time limit; the process is then killed.
        """
        self._await_start()
        try:
            self._connection.send(call)
        except ConnectionError as error:
            raise _NotTakenError(self._last_words()) from error
        if not self._wait():
            self.kill()
            self._join()
            raise TaskTimeoutError(
                f"took longer than the time limit of {self._timeout_seconds:g} s "
                "(executor.task_timeout_seconds); its worker was stopped"
            )
        try:
            if not self._connection.poll():  # gone, while something that it started keeps the pipe open
                raise EOFError
            succeeded, result = self._connection.recv()
        except (EOFError, ConnectionError) as error:
            raise WorkerLostError(self._last_words()) from error
        if not succeeded:
            raise result
        return result

    def _await_start(self) -> None:
        """Wait until the process takes calls: what it imports before is no part of a task's time."""
        if self._ready:
            return
        multiprocessing.connection.wait([self._connection, self._process.sentinel])
        try:
            if not self._connection.poll():
                raise EOFError
            self._connection.recv()
        except (EOFError, ConnectionError) as error:
            raise WorkerLostError(self._last_words()) from error
        self._ready = True

    def _wait(self) -> bool:
        """Wait for an answer or the process's end; False when the time limit came first."""
        sources = [self._connection, self._process.sentinel]
        return bool(multiprocessing.connection.wait(sources, self._timeout_seconds))

    def kill(self) -> None:
        """Kill the process if it lives."""
        with contextlib.suppress(OSError, ValueError):
            self._process.kill()

    def close(self) -> None:
        """Let the process end."""
        self._connection.close()
        self._join()

    def _join(self) -> None:
        """Wait for the process's end; one that lingers is killed."""
        if not multiprocessing.connection.wait([self._process.sentinel], LINGER_SECONDS):
            self.kill()
            multiprocessing.connection.wait([self._process.sentinel])
        with PROCESSES:
            self._process.join()

    def _last_words(self) -> str:
        self._join()
        code = self._process.exitcode
        if code is None or code >= 0:
            return f"its worker process ended with exit code {code} in the middle of the task"
        name = signal.Signals(-code).name
        hint = "; the system does that when memory runs out" if name == "SIGKILL" else ""
        return f"its worker process was killed by {name}{hint}"


def _serve(connection: Connection, variables: Mapping[str, str]) -> None:
    """Be a worker: answer calls until the planner hangs up or dies."""
    os.environ.update(variables)
    # The planner decides what an interrupt means; a terminal and a batch system send it to every process. A
    # handler that does nothing, where SIG_IGN would pass to the programs that a task starts.
    for number in SIGNALS:
        signal.signal(number, lambda number, frame: None)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    with contextlib.suppress(OSError):  # if memory runs out, a task is lost rather than the planner
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    connection.send(READY)
    while True:
        try:
            function, args, kwargs = connection.recv()
            answer: tuple[bool, Any] = (True, function(*args, **kwargs))
        except EOFError as error:
            if _hung_up(connection):
                return
            answer = (False, error)
        except BaseException as error:
            answer = (False, error)
        try:
            connection.send(_fit_to_travel(answer))
        except (BrokenPipeError, ConnectionResetError):
            return


def _hung_up(connection: Connection) -> bool:
    try:
        return connection.poll()
    except OSError:
        return True


def _fit_to_travel(answer: tuple[bool, Any]) -> tuple[bool, Any]:
    """Return the answer, or an error in its place if it cannot be pickled and read again."""
    succeeded, result = answer
    if succeeded:
        try:
            pickle.dumps(result)
        except Exception as error:
            return False, TaskError(f"the result cannot be pickled: {type(error).__name__}: {error}")
        return answer
    text = "".join(traceback.format_exception(result))
    return False, TaskError(text) if not _survives(result) else result


def _survives(error: BaseException) -> bool:
    try:
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes, made on this line)
    except Exception:
        return False
    return type(copy) is type(error)
