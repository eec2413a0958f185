"""Carry out a plan: run what the store lacks, as soon as its needs are there, on any executor.

The order of work is `agenda`'s: a long task on which much depends starts first, and what does not wait for it
fills the other cores. At most `slots` tasks are in flight, so that a task that becomes ready late is not kept
waiting behind others that matter less.

Tasks of one group, where their stage can take several at once, are given to a worker together; when that fails,
each runs by itself.

A failure stays where it happens: what needs the failed task is blocked, everything else goes on. The first
SIGINT or SIGTERM lets the tasks in flight finish, the second drops them; the store is whole either way.

When what every task needs is lost (the store, the disk's last byte, the cluster), the plan stops with one
sentence rather than failing task by task; what is left is left for the next run.
"""

from __future__ import annotations

import contextlib
import functools
import queue
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path

from embexp.engine.agenda import Agenda
from embexp.engine.events import Audience, Event, Listener
from embexp.engine.interrupts import Interrupts
from embexp.engine.perform import LISTENERS, Order, Report, perform_all, read_progress
from embexp.engine.plan import Survey, survey
from embexp.engine.store import Store
from embexp.engine.task import Progress, Task
from embexp.engine.trouble import CannotGoOnError

MOST_TOGETHER = 32  # tasks of a group given to a worker at once: an interruption waits for them
POLL_SECONDS = 0.25  # how often to look for progress, and for entries that are being built elsewhere

Slots = int | Callable[[], int]


@dataclass(frozen=True)
class Failure:
    """A task that did not come to its end.

    Attributes:
        task: The task.
        error: Name of the exception's type.
        message: Its text.
        log: File with the traceback; None when the worker died.
        seconds: How long it ran.
    """

    task: Task
    error: str
    message: str
    log: Path | None = None
    seconds: float | None = None

    @property
    def reason(self) -> str:
        """Type and message in one line."""
        return f"{self.error}: {self.message}" if self.message else self.error


@dataclass
class Outcome:
    """What became of a plan.

    Attributes:
        done: Tasks that ran, in the order in which they ended.
        cached: Tasks whose entries were there, or were made by another study meanwhile.
        failed: Tasks that failed, with the reason.
        blocked: Tasks that a failed need kept from running.
        blocked_by: For each blocked task, by fingerprint, the failed task that is in its way.
        left: Tasks that an interruption kept from running, or dropped.
        interrupted: Whether a signal ended the study early.
        stopped: Why the study ended early by itself, in one sentence; empty if it did not.
    """

    done: list[Task] = field(default_factory=list)
    cached: list[Task] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    blocked: list[Task] = field(default_factory=list)
    blocked_by: dict[str, Task] = field(default_factory=dict)
    left: list[Task] = field(default_factory=list)
    interrupted: bool = False
    stopped: str = ""

    @property
    def complete(self) -> bool:
        """Whether everything that was asked for is in the store."""
        return not (self.failed or self.blocked or self.left)


def carry_out(
    tasks: Iterable[Task],
    store: Store,
    executor: Executor,
    slots: Slots | None = None,
    on_event: Listener | Iterable[Listener] | None = None,
) -> Outcome:
    """Bring the entries of all tasks into the store.

    Args:
        tasks: The targets; what they need is found through them, and made only when one of them lacks it.
        store: Where entries are looked for and put.
        executor: Any concurrent.futures.Executor whose workers see the store's folder.
        slots: How many tasks may be in flight, or a function that says so at any time; default: the
            executor's `workers`, asked again and again, so that workers may come and go.
        on_event: Who is told what happens. Events come one at a time, in a thread of their own, so that a
            slow listener keeps no worker waiting; all have been heard when this function returns.

    Raises:
        UserError: If the store cannot be written, or the executor's workers cannot use it.
    """
    store.prepare()
    admit = getattr(executor, "admit_workers", None)
    if admit is not None:
        admit(store)
    store.sweep()
    found = survey(tasks, store, thorough=True)
    with Audience(on_event) as audience:
        run = _Run(found, store, executor, slots or (lambda: int(getattr(executor, "workers", 1))), audience)
        with Interrupts(run.wake) as interrupts:
            run.go(interrupts)
    return run.outcome


class _Run:
    """The state of one plan being carried out."""

    def __init__(self, found: Survey, store: Store, executor: Executor, slots: Slots, audience: Audience) -> None:
        self.outcome = Outcome()
        self._store = store
        self._executor = executor
        self._slots = slots if callable(slots) else lambda: slots
        self._audience = audience
        self._inbox: queue.SimpleQueue[tuple[list[Task], Future[list[Report]]] | None] = queue.SimpleQueue()
        self._in_flight: dict[str, tuple[Task, int]] = {}  # with the slots taken, by fingerprint
        self._said: dict[str, Progress] = {}
        self._elsewhere: list[Task] = []
        self._agenda = Agenda(found.missing)
        self._audience.tell(Event("planned", survey=found))
        self._settle_existing(found)

    def wake(self) -> None:
        """Make the loop look round; safe in a signal handler."""
        self._inbox.put(None)

    def go(self, interrupts: Interrupts) -> None:
        """Work until nothing is in flight and nothing can start."""
        heard = 0
        polled = time.monotonic()
        try:
            while True:
                if interrupts.count > heard:
                    heard = interrupts.count
                    self._interrupt(heard)
                with self._stopping_on_trouble():
                    self._start_ready(interrupts)
                ending = interrupts.count or self.outcome.stopped
                if not self._in_flight and (ending or not (self._agenda.ready or self._elsewhere)):
                    break
                with self._stopping_on_trouble():
                    self._take_message()
                if time.monotonic() - polled >= POLL_SECONDS:
                    polled = time.monotonic()
                    with self._stopping_on_trouble():
                        self._poll()
        except KeyboardInterrupt:  # a second signal in the middle of a serial task
            self._interrupt(2)
        finally:
            for name in self._in_flight:
                LISTENERS.pop(name, None)
        self.outcome.left.extend(self._agenda.rest)

    # ---- starting

    def _start_ready(self, interrupts: Interrupts) -> None:
        while self._agenda.ready and not (interrupts.count or self.outcome.stopped):
            free = self._slots() - sum(cores for _, cores in self._in_flight.values())
            if free < 1:
                return
            self._start(self._agenda.take_group(MOST_TOGETHER), free, interrupts)

    def _start(self, tasks: list[Task], free: int, interrupts: Interrupts) -> None:
        cores = min(free, getattr(self._executor, "widest", free)) if tasks[0].stage.all_cores else 1
        orders = [self._order(task, cores) for task in tasks]
        for task in tasks:
            self._in_flight[task.fingerprint] = (task, cores if task is tasks[0] else 0)
            LISTENERS[task.fingerprint] = functools.partial(self._hear, task)
            self._audience.tell(Event("started", task))
        wide = getattr(self._executor, "submit_wide", None) if cores > 1 else None
        future: Future[list[Report]]
        try:
            with interrupts.in_task():
                if wide is not None:
                    future = wide(cores, perform_all, orders)
                else:
                    future = self._executor.submit(perform_all, orders)
        except Exception:  # nothing was taken, so nothing will be answered
            for task in tasks:
                del self._in_flight[task.fingerprint]
                LISTENERS.pop(task.fingerprint, None)
            raise
        future.add_done_callback(lambda finished: self._inbox.put((tasks, finished)))

    def _order(self, task: Task, cores: int) -> Order:
        return Order(
            fingerprint=task.fingerprint,
            stage=task.stage,
            config=task.config,
            needs={name: need.fingerprint for name, need in task.needs.items()},
            store=str(self._store.root),
            title=task.title,
            cores=cores,
            hints=task.hints,
        )

    # ---- hearing

    def _take_message(self) -> None:
        try:
            message = self._inbox.get(timeout=POLL_SECONDS)
        except queue.Empty:
            return
        if message is not None:
            self._settle(*message)

    def _hear(self, task: Task, progress: Progress) -> None:
        self._said[task.fingerprint] = progress
        self._audience.tell(Event("progress", task, progress=progress))

    def _poll(self) -> None:
        for name, (task, _) in self._in_flight.items():
            progress = read_progress(self._store, name)
            if progress is not None and progress != self._said.get(name):
                self._hear(task, progress)
        waiting, self._elsewhere = self._elsewhere, []
        for task in waiting:
            if self._store.check(task.fingerprint) == "complete":
                self._finish(task, Event("cached", task))
            elif self._store.is_being_built(task.fingerprint):
                self._elsewhere.append(task)
            else:  # its builder gave up or died
                self._agenda.put_back(task)

    # ---- ending

    def _settle_existing(self, found: Survey) -> None:
        for task in found.of("hit"):
            self.outcome.cached.append(task)
            self._audience.tell(Event("cached", task))
        for task in found.of("damaged"):
            problem = self._store.problem(task.fingerprint)
            kept = self._store.set_aside(task.fingerprint)
            if kept is not None:
                reason = f"{problem}; moved to {kept}, to be made again"
                self._audience.tell(Event("damaged", task, reason=reason))

    def _settle(self, tasks: list[Task], future: Future[list[Report]]) -> None:
        dropped = [self._in_flight.pop(task.fingerprint, None) is None for task in tasks]
        if any(dropped) or future.cancelled():
            return  # by an interruption: they stay among the rest
        for task in tasks:
            self._said.pop(task.fingerprint, None)
            LISTENERS.pop(task.fingerprint, None)
        error = future.exception()
        if isinstance(error, CannotGoOnError):
            self._stop(str(error))
        elif error is not None:
            for task in tasks:
                self._store.sweep(task.fingerprint)
            if not self.outcome.interrupted:
                self._give_up(tasks, error)
        else:
            reports = future.result()
            for task, report in zip(tasks, reports, strict=True):
                self._take_report(task, report)
            apart = [pair for pair in zip(tasks, reports, strict=True) if pair[1].status == "apart"]
            if apart:
                self._separate([task for task, _ in apart], f"{apart[0][1].error}: {apart[0][1].message}")

    def _give_up(self, tasks: list[Task], error: BaseException) -> None:
        """Note that a call came to no answer: its task has failed; of several, nobody knows which."""
        failure = Failure(tasks[0], type(error).__name__, str(error))
        if len(tasks) > 1:
            self._separate(tasks, failure.reason)
        else:
            self._fail(failure, None)

    def _separate(self, tasks: list[Task], reason: str) -> None:
        """Let tasks that failed together run one by one; the one at fault then fails by its name."""
        said = f"{len(tasks)} tasks failed together ({reason}); they run one by one"
        for task in tasks:
            self._agenda.put_back(task, alone=True)
            self._audience.tell(Event("apart", task, reason=said if task is tasks[0] else ""))

    def _take_report(self, task: Task, report: Report) -> None:
        if report.status == "done":
            self.outcome.done.append(task)
            self._finish(task, Event("done", task, report.seconds, report.worker))
        elif report.status == "found":
            self._finish(task, Event("cached", task))
        elif report.status == "trouble":
            self._stop(report.message)
        elif report.status == "busy":
            self._elsewhere.append(task)
            self._audience.tell(Event("elsewhere", task))
        elif report.status == "failed":
            log = Path(report.log) if report.log else None
            self._fail(Failure(task, report.error, report.message, log, report.seconds), report.worker)

    def _finish(self, task: Task, event: Event) -> None:
        if event.kind == "cached":
            self.outcome.cached.append(task)
        self._audience.tell(event)
        self._agenda.finish(task)

    def _fail(self, failure: Failure, worker: int | None) -> None:
        task = failure.task
        self.outcome.failed.append(failure)
        self._audience.tell(Event("failed", task, failure.seconds, worker, reason=failure.reason))
        for dependant in self._agenda.fail(task):
            self.outcome.blocked.append(dependant)
            self.outcome.blocked_by[dependant.fingerprint] = task
            self._audience.tell(Event("blocked", dependant, reason=f"needs {task.title}, which failed"))

    @contextlib.contextmanager
    def _stopping_on_trouble(self) -> Iterator[None]:
        """Turn an error of the planner's own into a stop where the store or the cluster is to blame."""
        try:
            yield
        except CannotGoOnError as error:
            self._stop(str(error))
        except OSError:
            trouble = self._store.trouble()
            if trouble is None:
                raise
            self._stop(trouble)

    def _stop(self, reason: str) -> None:
        if not self.outcome.stopped:
            self.outcome.stopped = reason
            self._audience.tell(Event("stopped", reason=reason))

    def _interrupt(self, signals: int) -> None:
        self.outcome.interrupted = True
        if signals == 1:
            count = len(self._in_flight)
            tasks = f"{count} task{'' if count == 1 else 's'}"
            reason = f"finishing {tasks} in flight; once more to drop them" if count else "stopping"
            self._audience.tell(Event("interrupted", reason=reason))
            return
        self._audience.tell(Event("interrupted", reason="dropping the tasks in flight"))
        kill = getattr(self._executor, "kill_workers", None)
        if kill is not None:
            kill()
        else:
            self._executor.shutdown(wait=False, cancel_futures=True)
        for name in list(self._in_flight):
            with self._stopping_on_trouble():
                self._store.sweep(name)
            LISTENERS.pop(name, None)
        self._in_flight.clear()
