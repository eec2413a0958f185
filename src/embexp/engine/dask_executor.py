"""Run tasks on a Dask cluster: a concurrent.futures.Executor over a client of its scheduler.

Dask itself runs a task again when its worker is lost, up to its own limit (`distributed.scheduler.
allowed-failures`); an error of the task is told once and never tried again. A cluster that is lost, or that holds a
worker which cannot do the work, stops the study: `CannotGoOnError`.

Nobody who waits here depends on an answer of the cluster's: one thread watches it, and when it is lost ends every
call that waits, the scheduler's own included. Dask would leave some of them waiting: those handed over while it
tries to connect again, and all of them when the last worker is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Any, TypeVar

from embexp.engine.interrupts import leave_signals_to_the_main_thread
from embexp.engine.lanes import TaskError, WorkerLostError
from embexp.engine.remote import Call, Site, find_misfit, installed_versions, kill_lanes, run_in_lane
from embexp.engine.store import Store
from embexp.engine.trouble import GO_ON, CannotGoOnError
from embexp.errors import UserError

T = TypeVar("T")

WATCH_SECONDS = 0.2  # how often the connection to the scheduler is looked at
LOOK_SECONDS = 1.0  # how often the scheduler is asked for its workers
DROP_SECONDS = 5.0  # how long a second Ctrl-C waits for the workers to kill what they run
RETRIES = 0  # of a task that raises; lost workers are Dask's affair
NO_SCHEDULER = f"the Dask scheduler is lost; start it again, and {GO_ON}"


class DaskExecutor(Executor):
    """Hands calls to the workers of a Dask cluster.

    Args:
        client: Connected to the scheduler.
        preload: Modules that the work imports, loaded once per worker.
        timeout_seconds: Time limit of a task.
        resources: What each task takes of the resources that workers declare, such as {"GPU": 1}.
        patience_seconds: How long to go on without any worker.

    Attributes:
        lost: Why the cluster can no longer be used, in one sentence; empty as long as it can.
    """

    def __init__(
        self,
        client: Any,
        preload: tuple[str, ...] = (),
        timeout_seconds: float | None = None,
        resources: Mapping[str, float] | None = None,
        patience_seconds: float = 300.0,
    ) -> None:
        self._client = client
        self._site = Site(preload, timeout_seconds, installed_versions(), token=uuid.uuid4().hex)
        self._store: Store | None = None
        self._resources = dict(resources or {})
        self._patience_seconds = patience_seconds
        self._pending: dict[Future[Any], Any] = {}  # with Dask's own future, where there is one
        self._change = threading.Condition()  # guards what stands above and below
        self._present: dict[str, Any] = {}  # the scheduler's words on its workers, by address
        self._places: dict[str, int] = {}  # tasks at a time, by worker
        self._hosts: Counter[str] = Counter()
        self._closed = False
        self._over = threading.Event()
        self.lost = ""
        self._watch = threading.Thread(target=self._keep_watch, name="embexp-dask-watch", daemon=True)
        self._watch.start()

    # ---- workers

    @property
    def workers(self) -> int:
        """How many tasks can run now. Workers may come and go.

        Raises:
            CannotGoOnError: If the scheduler is lost, or no worker has been there for too long.
        """
        self._refuse_if_lost()
        return sum(self._places.values())

    @property
    def widest(self) -> int:
        """How many cores one task may use at most: those of the smallest machine."""
        return min(self._hosts.values(), default=1)

    def admit_workers(self, store: Store) -> None:
        """Wait for a worker, and see that all can do the work: versions, store, resources.

        Raises:
            UserError: With a sentence for each kind of trouble; nothing has been run.
            CannotGoOnError: If the scheduler is lost meanwhile.
        """
        self._await_workers()
        mark = f"cluster.{self._site.token[:12]}"
        self._site = replace(self._site, store=str(store.root), mark=mark)
        (store.root / "building" / mark).write_text(self._site.token, encoding="ascii")
        self._store = store
        answers = self._ask(lambda: self._client.run(find_misfit, self._site, on_error="return")).result()
        told: dict[str, list[str]] = {}
        for address, answer in answers.items():
            if isinstance(answer, OSError):
                continue  # gone meanwhile; every worker looks at itself again before its first task
            if isinstance(answer, BaseException):
                answer = f"cannot run embexp ({type(answer).__name__}: {answer})"
            if answer is not None:
                told.setdefault(answer, []).append(address)
        UserError.raise_if(_refusal(what, addresses) for what, addresses in told.items())

    def _await_workers(self) -> None:
        with self._change:
            self._change.wait_for(lambda: self._present or self.lost, self._patience_seconds)
            present = self._present
        self._refuse_if_lost()
        if not present:
            raise UserError(
                f"executor: the cluster at {self._client.scheduler.address} has had no worker for "
                f"{self._patience_seconds:g} s; start workers (`dask worker ADDRESS`) or raise "
                "executor.worker_wait_seconds"
            )
        for name, amount in self._resources.items():
            declared = max((worker.get("resources", {}).get(name, 0) for worker in present.values()), default=0)
            if declared < amount:
                raise UserError(
                    f"executor.resources.{name}: each task asks for {amount:g}, and no worker declares more than "
                    f"{declared:g}; start workers with `dask worker --resources {name}={amount:g}`, or leave it out"
                )

    # ---- watching

    def _keep_watch(self) -> None:
        leave_signals_to_the_main_thread()
        asked: Future[Any] | None = None
        looked, seen = -LOOK_SECONDS, None
        while True:
            now = time.monotonic()
            if self.lost or self._client.status != "running":
                self._lose(NO_SCHEDULER)
            elif asked is not None and asked.done():
                if asked.exception() is None:
                    self._note(asked.result()["workers"])
                asked, looked = None, now
            elif asked is None and now - looked >= LOOK_SECONDS:
                asked = self._ask_for_workers()
            if self._places or (self._present and seen is None):
                seen = now
            elif seen is not None and now - seen > self._patience_seconds:
                self._lose(
                    f"the cluster has had no worker for {self._patience_seconds:g} s (executor.worker_wait_seconds); "
                    f"start workers, and {GO_ON}"
                )
            if self._over.wait(WATCH_SECONDS):
                return

    def _ask_for_workers(self) -> Future[Any] | None:
        with contextlib.suppress(Exception):  # the client is closing; its status says so at the next look
            loop = self._client.loop.asyncio_loop
            return asyncio.run_coroutine_threadsafe(self._client.scheduler.identity(n_workers=-1), loop)
        return None

    def _note(self, present: dict[str, Any]) -> None:
        places = {address: self._room(worker) for address, worker in present.items()}
        hosts: Counter[str] = Counter()
        for address, room in places.items():
            if room:
                hosts[present[address]["host"]] += present[address]["nthreads"]
        with self._change:
            self._present, self._hosts = present, hosts
            self._places = {address: room for address, room in places.items() if room}
            self._change.notify_all()

    def _room(self, worker: Mapping[str, Any]) -> int:
        room = int(worker["nthreads"])
        for name, amount in self._resources.items():
            room = min(room, int(worker.get("resources", {}).get(name, 0) / amount))
        return room

    def _lose(self, reason: str) -> None:
        """Give the cluster up, and end every call that waits for it."""
        with self._change:
            self.lost = self.lost or reason
            pending, self._pending = self._pending, {}
            self._change.notify_all()
        for answer in pending:
            _end(answer, CannotGoOnError(self.lost))

    def _refuse_if_lost(self) -> None:
        if not self.lost and self._client.status != "running":
            self._lose(NO_SCHEDULER)
        if self.lost:
            raise CannotGoOnError(self.lost)

    # ---- calls

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run a call in a worker; see concurrent.futures.Executor."""
        return self._enqueue(None, (fn, args, kwargs))

    def submit_wide(self, cores: int, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run a call in a process of its own on some worker, whose libraries may use `cores` threads."""
        return self._enqueue(cores, (fn, args, kwargs))

    def _enqueue(self, cores: int | None, call: Call) -> Future[Any]:
        if self._closed:
            raise RuntimeError("cannot submit after shutdown")
        self._refuse_if_lost()
        asked = self._client.submit(
            run_in_lane,
            self._site,
            cores,
            call,
            key=f"embexp-{uuid.uuid4().hex}",
            pure=False,
            retries=RETRIES,
            resources=self._resources or None,
        )
        answer = self._expect(asked)
        # Dask has one thread for all such news, and the results of a lost worker may be long in coming.
        asked.add_done_callback(lambda asked: _start_thread(self._settle, answer, asked))
        return answer

    def _ask(self, question: Callable[[], Any]) -> Future[Any]:
        """Ask the cluster something that is no task. Its loss ends the answer, whatever Dask makes of it."""
        answer = self._expect(None)

        def find_out() -> None:
            try:
                found = question()
            except Exception as error:
                self._finish(answer, error=self._explain(error))
            else:
                self._finish(answer, found)

        _start_thread(find_out)
        return answer

    def _expect(self, asked: Any) -> Future[Any]:
        answer: Future[Any] = Future()
        answer.set_running_or_notify_cancel()
        with self._change:
            self._pending[answer] = asked  # the watch ends it, should the cluster be lost already
        return answer

    def _finish(self, answer: Future[Any], value: Any = None, error: BaseException | None = None) -> None:
        with self._change:
            if answer not in self._pending:
                return
            del self._pending[answer]
        if error is None:
            answer.set_result(value)
        else:
            answer.set_exception(error)

    def _settle(self, answer: Future[Any], asked: Any) -> None:
        try:
            kind, value = asked.result()
        except BaseException as error:
            self._finish(answer, error=self._explain(error))
            return
        if kind == "done":
            self._finish(answer, value)
        elif kind == "unfit":
            reason = f"a worker that joined the cluster {value}; stop that worker, and {GO_ON}"
            self._finish(answer, error=CannotGoOnError(reason))
        else:
            self._finish(answer, error=value if isinstance(value, BaseException) else TaskError(str(value)))

    def _explain(self, error: BaseException) -> BaseException:
        """Return what an error of Dask's own means; those of tasks travel inside answers."""
        if type(error).__name__ == "KilledWorker":
            return WorkerLostError("every Dask worker that took it was lost; the log of the last one says why")
        if self._closed:
            return WorkerLostError("dropped")
        if isinstance(error, OSError) or self._client.status != "running":
            self._lose(NO_SCHEDULER)
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        self._lose(f"the Dask cluster is lost ({reason[:200]}); start it again, and {GO_ON}")
        return CannotGoOnError(self.lost)

    # ---- ending

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; finish those in flight unless they are cancelled."""
        self._closed = True
        with self._change:
            waiting = dict(self._pending)
        tasks = [asked for asked in waiting.values() if asked is not None]
        if cancel_futures and tasks and not self.lost:
            with contextlib.suppress(Exception):
                self._client.cancel(tasks, force=True)
        if wait:
            for answer in waiting:
                answer.exception()
        self._over.set()
        self._watch.join(DROP_SECONDS)
        if self._store is not None:
            with contextlib.suppress(OSError):
                (self._store.root / "building" / self._site.mark).unlink(missing_ok=True)

    def kill_workers(self) -> None:
        """Stop at once: the tasks in flight are killed on their workers, the workers stay."""
        self.shutdown(wait=False, cancel_futures=True)
        if not self.lost and self._client.status == "running":
            with contextlib.suppress(Exception):
                self._ask(lambda: self._client.run(kill_lanes, on_error="ignore")).result(DROP_SECONDS)
        with self._change:
            pending, self._pending = self._pending, {}
        for answer in pending:
            _end(answer, WorkerLostError("dropped"))


def _start_thread(work: Callable[..., None], *args: Any) -> None:
    """Run something beside that may never end, and must then keep nobody from leaving."""

    def run() -> None:
        leave_signals_to_the_main_thread()
        work(*args)

    threading.Thread(target=run, name="embexp-dask-answer", daemon=True).start()


def _end(answer: Future[Any], error: BaseException) -> None:
    with contextlib.suppress(Exception):  # answered meanwhile
        answer.set_exception(error)


def _refusal(what: str, addresses: list[str]) -> str:
    who = f"worker {addresses[0]}" + (f" and {len(addresses) - 1} more" if len(addresses) > 1 else "")
    remedy = (
        "install the same versions there (the constraints file of the release names them)"
        if what.startswith(("has ", "cannot run "))
        else "give store=FOLDER on a file system that all workers share"
    )
    return f"executor: {who} {what}; {remedy}"
