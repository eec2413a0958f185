"""Run tasks on a Dask cluster: a concurrent.futures.Executor over a client of its scheduler.

Dask itself runs a task again when its worker is lost, up to its own limit (`distributed.scheduler.
allowed-failures`); an error of the task is told once and never tried again. A cluster that is lost, or that holds a
worker which cannot do the work, stops the study: `CannotGoOnError`.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Any, TypeVar

from embexp.engine.lanes import TaskError, WorkerLostError
from embexp.engine.remote import Call, Site, find_misfit, installed_versions, kill_lanes, run_in_lane
from embexp.engine.store import Store
from embexp.engine.trouble import GO_ON, CannotGoOnError
from embexp.errors import UserError

T = TypeVar("T")

LOOK_SECONDS = 1.0  # how often the scheduler is asked for its workers
ANSWER_SECONDS = 60.0  # how long a worker may take to answer a check; its first import of torch is in it
RETRIES = 0  # of a task that raises; lost workers are Dask's affair


class DaskExecutor(Executor):
    """Hands calls to the workers of a Dask cluster.

    Args:
        client: Connected to the scheduler.
        preload: Modules that the work imports, loaded once per worker.
        timeout_seconds: Time limit of a task.
        resources: What each task takes of the resources that workers declare, such as {"GPU": 1}.
        patience_seconds: How long to go on without any worker.
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
        self._pending: dict[Future[Any], Any] = {}
        self._guard = threading.Lock()
        self._closed = False
        self._looked = self._seen = 0.0
        self._places: dict[str, int] = {}  # tasks at a time, by worker
        self._hosts: Counter[str] = Counter()
        self.lost = ""

    # ---- workers

    @property
    def workers(self) -> int:
        """How many tasks can run now. Workers may come and go.

        Raises:
            CannotGoOnError: If the scheduler is lost, or no worker has been there for too long.
        """
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._look()
            self._looked = time.monotonic()
        if self._places or not self._seen:
            self._seen = now
        elif now - self._seen > self._patience_seconds:
            raise CannotGoOnError(
                f"the cluster has had no worker for {self._patience_seconds:g} s (executor.worker_wait_seconds); "
                f"start workers, and {GO_ON}"
            )
        return sum(self._places.values())

    @property
    def widest(self) -> int:
        """How many cores one task may use at most: those of the smallest machine."""
        return min(self._hosts.values(), default=1)

    def admit_workers(self, store: Store) -> None:
        """Wait for a worker, and see that all can do the work: versions, store, resources.

        Raises:
            UserError: With a sentence for each kind of trouble; nothing has been run.
        """
        self._await_workers()
        mark = f"cluster.{self._site.token[:12]}"
        self._site = replace(self._site, store=str(store.root), mark=mark)
        (store.root / "building" / mark).write_text(self._site.token, encoding="ascii")
        self._store = store
        answers = self._client.run(find_misfit, self._site, on_error="return")
        told: dict[str, list[str]] = {}
        for address, answer in answers.items():
            if answer is not None:
                told.setdefault(str(answer), []).append(address)
        UserError.raise_if(_refusal(what, addresses) for what, addresses in told.items())

    def _await_workers(self) -> None:
        deadline = time.monotonic() + self._patience_seconds
        while not (info := self._look()) and time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                self._client.wait_for_workers(1, timeout=min(5.0, self._patience_seconds))
        if not info:
            raise UserError(
                f"executor: the cluster at {self._client.scheduler.address} has had no worker for "
                f"{self._patience_seconds:g} s; start workers (`dask worker ADDRESS`) or raise "
                "executor.worker_wait_seconds"
            )
        for name, amount in self._resources.items():
            declared = max((worker.get("resources", {}).get(name, 0) for worker in info.values()), default=0)
            if declared < amount:
                raise UserError(
                    f"executor.resources.{name}: each task asks for {amount:g}, and no worker declares more than "
                    f"{declared:g}; start workers with `dask worker --resources {name}={amount:g}`, or leave it out"
                )

    def _look(self) -> dict[str, Any]:
        self._watch()
        info: dict[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        self._places = {address: self._room(worker) for address, worker in info.items()}
        self._places = {address: room for address, room in self._places.items() if room}
        self._hosts = Counter()
        for address in self._places:
            self._hosts[info[address]["host"]] += info[address]["nthreads"]
        return info

    def _room(self, worker: Mapping[str, Any]) -> int:
        room = int(worker["nthreads"])
        for name, amount in self._resources.items():
            room = min(room, int(worker.get("resources", {}).get(name, 0) / amount))
        return room

    def _watch(self) -> None:
        if not self.lost and self._client.status != "running":
            self.lost = f"the Dask scheduler is lost; start it again, and {GO_ON}"
        if self.lost:
            with self._guard:
                pending, self._pending = self._pending, {}
            for answer in pending:
                _end(answer, CannotGoOnError(self.lost))
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
        self._watch()
        answer: Future[Any] = Future()
        answer.set_running_or_notify_cancel()
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
        with self._guard:
            self._pending[answer] = asked
        asked.add_done_callback(lambda asked: self._settle(answer, asked))
        return answer

    def _settle(self, answer: Future[Any], asked: Any) -> None:
        with self._guard:
            if self._pending.pop(answer, None) is None:
                return
        try:
            kind, value = asked.result(timeout=ANSWER_SECONDS)
        except BaseException as error:
            _end(answer, self._explain(error))
            return
        if kind == "done":
            answer.set_result(value)
        elif kind == "unfit":
            _end(answer, CannotGoOnError(f"a worker that joined the cluster {value}; stop that worker, and {GO_ON}"))
        else:
            _end(answer, value if isinstance(value, BaseException) else TaskError(str(value)))

    def _explain(self, error: BaseException) -> BaseException:
        """Return what an error of Dask's own means; those of tasks travel inside answers."""
        if type(error).__name__ == "KilledWorker":
            return WorkerLostError("every Dask worker that took it was lost; the log of the last one says why")
        if self._closed:
            return WorkerLostError("dropped")
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        self.lost = self.lost or f"the Dask cluster is lost ({reason[:200]}); start it again, and {GO_ON}"
        return CannotGoOnError(self.lost)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; finish those in flight unless they are cancelled."""
        self._closed = True
        with self._guard:
            waiting = dict(self._pending)
        if cancel_futures and waiting:
            with contextlib.suppress(Exception):
                self._client.cancel(list(waiting.values()), force=True)
        if wait:
            for answer in waiting:
                answer.exception()
        if self._store is not None:
            with contextlib.suppress(OSError):
                (self._store.root / "building" / self._site.mark).unlink(missing_ok=True)

    def kill_workers(self) -> None:
        """Stop at once: the tasks in flight are killed on their workers, the workers stay."""
        self.shutdown(wait=False, cancel_futures=True)
        if not self.lost and self._client.status == "running":
            with contextlib.suppress(Exception):
                self._client.run(kill_lanes, on_error="ignore")
        with self._guard:
            pending, self._pending = self._pending, {}
        for answer in pending:
            _end(answer, WorkerLostError("dropped"))


def _end(answer: Future[Any], error: BaseException) -> None:
    with contextlib.suppress(Exception):  # answered meanwhile
        answer.set_exception(error)


def _refusal(what: str, addresses: list[str]) -> str:
    who = f"worker {addresses[0]}" + (f" and {len(addresses) - 1} more" if len(addresses) > 1 else "")
    remedy = (
        "install the same versions there (the constraints file of the release names them)"
        if " instead of " in what
        else "give store=FOLDER on a file system that all workers share"
    )
    return f"executor: {who} {what}; {remedy}"
