"""What a set of tasks asks for: which entries are there, which must be made, and in what order.

Needs are demanded lazily. A target whose entry is there demands nothing; so when every cell is cached, a
word2vec entry that somebody removed is `not needed` and nobody trains it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from embexp.engine.store import Store
from embexp.engine.task import Task

Need = Literal["hit", "damaged", "miss", "not needed"]


@dataclass(frozen=True)
class Survey:
    """The tasks of a plan and their needs, each need before what needs it, and what the store says of them.

    Attributes:
        tasks: All tasks, needs included, once each.
        states: By fingerprint: `hit`, `miss`, `damaged` (there, but not what was written), `not needed`.
    """

    tasks: tuple[Task, ...]
    states: Mapping[str, Need]

    def of(self, *states: Need) -> list[Task]:
        """Return the tasks in any of these states, in order."""
        return [task for task in self.tasks if self.states[task.fingerprint] in states]

    @property
    def missing(self) -> list[Task]:
        """The tasks that have to run."""
        return self.of("miss", "damaged")


def in_order(targets: Iterable[Task]) -> list[Task]:
    """Return the targets and all that they need, once each, needs first, else in the order given."""
    seen: set[str] = set()
    ordered: list[Task] = []
    for target in targets:
        stack = [(target, iter(target.needs.values()))]
        if target.fingerprint in seen:
            continue
        seen.add(target.fingerprint)
        while stack:
            task, needs = stack[-1]
            for need in needs:
                if need.fingerprint not in seen:
                    seen.add(need.fingerprint)
                    stack.append((need, iter(need.needs.values())))
                    break
            else:
                ordered.append(task)
                stack.pop()
    return ordered


def survey(tasks: Iterable[Task], store: Store, *, thorough: bool = False) -> Survey:
    """Look up each task that is asked for, and then what the missing ones need.

    Args:
        tasks: The targets: what the caller wants to read afterwards.
        store: Is only read.
        thorough: Hash all of every entry that a missing task will read, large files included.
    """
    targets = list(tasks)
    ordered = in_order(targets)
    wanted = {task.fingerprint for task in targets}
    read: set[str] = set()  # needs of something that has to run
    states: dict[str, Need] = {}
    for task in reversed(ordered):  # a task comes before its needs
        name = task.fingerprint
        if name not in wanted and name not in read:
            states[name] = "not needed"
            continue
        found = store.verify(name) if thorough and name in read else store.check(name)
        states[name] = "hit" if found == "complete" else "damaged" if found == "damaged" else "miss"
        if states[name] != "hit":
            read.update(need.fingerprint for need in task.needs.values())
    return Survey(tuple(ordered), states)


def remaining_seconds(tasks: Iterable[Task]) -> dict[str, float]:
    """Return, by fingerprint, the cost of the longest chain from each task to the end of the plan.

    Args:
        tasks: Tasks to run, needs before what needs them (as `in_order` gives them).
    """
    tasks = list(tasks)
    after: dict[str, float] = {task.fingerprint: 0.0 for task in tasks}
    chain: dict[str, float] = {}
    for task in reversed(tasks):
        chain[task.fingerprint] = after[task.fingerprint] + task.cost
        for need in task.needs.values():
            if need.fingerprint in after:
                after[need.fingerprint] = max(after[need.fingerprint], chain[task.fingerprint])
    return chain
