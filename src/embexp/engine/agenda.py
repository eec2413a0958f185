"""Which task comes next: pure bookkeeping over the tasks that have to run, without processes or clocks."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from embexp.engine.plan import remaining_seconds
from embexp.engine.task import Task


class Agenda:
    """The tasks that have to run, those whose needs are there in front.

    The longest remaining chain comes first (by `cost`), then the more expensive task, then the order given.

    Args:
        missing: Tasks to run, needs before what needs them; needs that are not among them count as there.
    """

    def __init__(self, missing: Sequence[Task]) -> None:
        self._open = {task.fingerprint: task for task in missing}
        self._needed_by: dict[str, list[Task]] = {}
        self._lacking: dict[str, int] = {}  # how many needs are still to come
        chain = remaining_seconds(missing)
        self._rank = {
            task.fingerprint: (-chain[task.fingerprint], -task.cost, number) for number, task in enumerate(missing)
        }
        self._ready: list[tuple[tuple[float, float, int], Task]] = []
        self._alone: set[str] = set()
        for task in missing:
            lacking = {need.fingerprint for need in task.needs.values()} & self._open.keys()
            self._lacking[task.fingerprint] = len(lacking)
            for need in lacking:
                self._needed_by.setdefault(need, []).append(task)
            if not lacking:
                self.put_back(task)

    @property
    def ready(self) -> int:
        """How many tasks could start now."""
        return len(self._ready)

    @property
    def rest(self) -> list[Task]:
        """The tasks that have neither finished nor been given up, those in flight included."""
        return list(self._open.values())

    def take(self) -> Task:
        """Take the task that comes next. Raises IndexError when none is ready."""
        return heapq.heappop(self._ready)[1]

    def take_group(self, most: int) -> list[Task]:
        """Take the task that comes next and, if its stage takes several together, ready ones of its group with it."""
        first = self.take()
        if not self._groups(first):
            return [first]
        alike = heapq.nsmallest(
            most - 1,
            (
                entry
                for entry in self._ready
                if (entry[1].stage, entry[1].group) == (first.stage, first.group) and self._groups(entry[1])
            ),
        )
        taken = {task.fingerprint for _, task in alike}
        self._ready = [entry for entry in self._ready if entry[1].fingerprint not in taken]
        heapq.heapify(self._ready)
        return [first, *(task for _, task in alike)]

    def _groups(self, task: Task) -> bool:
        return bool(task.group) and task.stage.together is not None and task.fingerprint not in self._alone

    def put_back(self, task: Task, *, alone: bool = False) -> None:
        """Make a task that was taken ready again; `alone`: never in a group again."""
        if alone:
            self._alone.add(task.fingerprint)
        heapq.heappush(self._ready, (self._rank[task.fingerprint], task))

    def finish(self, task: Task) -> None:
        """Note that a task's entry is there, which may make others ready."""
        del self._open[task.fingerprint]
        for dependant in self._needed_by.get(task.fingerprint, ()):
            self._lacking[dependant.fingerprint] -= 1
            if self._lacking[dependant.fingerprint] == 0 and dependant.fingerprint in self._open:
                self.put_back(dependant)

    def fail(self, task: Task) -> list[Task]:
        """Give up a task and all that needs it, and return the latter."""
        del self._open[task.fingerprint]
        blocked: dict[str, Task] = {}
        reached = list(self._needed_by.get(task.fingerprint, ()))
        while reached:
            dependant = reached.pop()
            if self._open.pop(dependant.fingerprint, None) is not None:
                blocked[dependant.fingerprint] = dependant
                reached.extend(self._needed_by.get(dependant.fingerprint, ()))
        return sorted(blocked.values(), key=lambda task: self._rank[task.fingerprint][2])
