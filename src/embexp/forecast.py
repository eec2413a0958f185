"""How far a study is and how long it will take, from the engine's events alone."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from embexp.engine.events import Event
from embexp.engine.plan import Survey
from embexp.engine.task import Progress, Task

FORECAST_WEIGHT = 10.0  # seconds of finished tasks that count as much as the forecast
MEANINGFUL_FRACTION = 0.02  # of a task; before that, its start counts for too much
Clock = Callable[[], float]


@dataclass
class StageCount:
    """Tasks of one stage, by what became of them; `total` leaves out what nobody needs."""

    total: int = 0
    cached: int = 0
    done: int = 0
    failed: int = 0
    blocked: int = 0

    @property
    def settled(self) -> int:
        """Tasks that will not be touched again."""
        return self.cached + self.done + self.failed + self.blocked


@dataclass
class Running:
    """A task in flight."""

    task: Task
    started: float
    progress: Progress | None = None

    @property
    def fraction(self) -> float:
        """Share that is done, 0 while the task has said nothing."""
        if self.progress is None or self.progress.total <= 0:
            return 0.0
        return min(1.0, max(0.0, self.progress.done / self.progress.total))


@dataclass
class Tally:
    """The state of a study as its events tell it. May be read from another thread than the one that hears.

    Time left is the larger of two bounds: the work that is left over the lanes seen so far, and the
    longest chain of needs. Task costs are corrected, stage by stage, by what finished tasks took.
    """

    clock: Clock = time.monotonic
    stages: dict[str, StageCount] = field(default_factory=dict)
    running: dict[str, Running] = field(default_factory=dict)
    started: float = 0.0
    lanes: int = 1
    _open: dict[str, Task] = field(default_factory=dict)
    _spent: Counter[str] = field(default_factory=Counter)  # seconds of finished tasks, by stage
    _foreseen: Counter[str] = field(default_factory=Counter)  # their costs
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def hear(self, event: Event) -> None:
        """Take in one event."""
        with self._lock:
            if event.survey is not None:
                self._begin(event.survey)
            elif event.task is not None:
                self._note(event, event.task)

    def _begin(self, survey: Survey) -> None:
        self.started = self.clock()
        for task in survey.tasks:
            self.stages.setdefault(task.stage.name, StageCount())
        for task in survey.of("hit", "miss", "damaged"):
            self.stages[task.stage.name].total += 1
        self._open = {task.fingerprint: task for task in survey.missing}

    def _note(self, event: Event, task: Task) -> None:
        count = self.stages.setdefault(task.stage.name, StageCount())
        name = task.fingerprint
        if event.kind == "started":
            self.running[name] = Running(task, self.clock())
            self.lanes = max(self.lanes, len(self.running))
        elif event.kind == "progress" and name in self.running:
            self.running[name].progress = event.progress
        elif event.kind in ("elsewhere", "apart"):
            self.running.pop(name, None)
        elif event.kind in ("cached", "done", "failed", "blocked"):
            self.running.pop(name, None)
            self._open.pop(name, None)
            setattr(count, event.kind, getattr(count, event.kind) + 1)
            if event.kind == "done" and event.seconds is not None:
                self._spent[task.stage.name] += event.seconds  # type: ignore[assignment]
                self._foreseen[task.stage.name] += task.cost  # type: ignore[assignment]

    @property
    def total(self) -> StageCount:
        """All stages together."""
        with self._lock:
            counts = list(self.stages.values())
        names = ("total", "cached", "done", "failed", "blocked")
        return StageCount(**{name: sum(getattr(count, name) for count in counts) for name in names})

    @property
    def missing(self) -> int:
        """Tasks that are neither there nor settled."""
        with self._lock:
            return len(self._open)

    def snapshot(self) -> list[Running]:
        """Return the tasks in flight, longest running first."""
        with self._lock:
            return sorted(self.running.values(), key=lambda running: running.started)

    def elapsed_seconds(self) -> float:
        """Return the seconds since the plan was made."""
        return self.clock() - self.started

    def seconds_left(self) -> float:
        """Return the estimated seconds until the last task ends."""
        with self._lock:
            tasks = list(self._open.values())
            return estimate_seconds(tasks, self.lanes, self._seconds_left_of)

    def _seconds_left_of(self, task: Task) -> float:
        running = self.running.get(task.fingerprint)
        expected = task.cost * self._correction(task.stage.name)
        if running is None:
            return expected
        elapsed = self.clock() - running.started
        if running.fraction > MEANINGFUL_FRACTION:
            return elapsed * (1 - running.fraction) / running.fraction
        return max(0.0, expected - elapsed)

    def _correction(self, stage: str) -> float:
        """Return actual over foreseen seconds of a stage.

        The forecast itself weighs as much as some seconds of evidence: the first tasks of a worker
        also compile and import, and would else make the rest look many times too long.
        """
        return (self._spent[stage] + FORECAST_WEIGHT) / (self._foreseen[stage] + FORECAST_WEIGHT)


def estimate_seconds(tasks: Iterable[Task], lanes: int, seconds_of: Callable[[Task], float] | None = None) -> float:
    """Return how long the tasks take on so many lanes: all the work shared out, or the longest chain.

    Args:
        tasks: what has to run; needs outside of it are taken as there.
        lanes: how many run at once.
        seconds_of: seconds a task will take; its cost by default.
    """
    seconds_of = seconds_of or (lambda task: task.cost)
    open_tasks = {task.fingerprint: task for task in tasks}
    seconds = {name: seconds_of(task) for name, task in open_tasks.items()}
    chains: dict[str, float] = {}

    def chain(name: str) -> float:
        """Seconds from now to the end of a task, all it needs included."""
        if name not in chains:
            needs = (need.fingerprint for need in open_tasks[name].needs.values())
            chains[name] = seconds[name] + max((chain(need) for need in needs if need in open_tasks), default=0.0)
        return chains[name]

    longest = max(map(chain, open_tasks), default=0.0)
    return max(sum(seconds.values()) / max(1, lanes), longest)
