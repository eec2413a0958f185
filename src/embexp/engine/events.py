"""What the engine says while it works, and who hears it."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, TypeAlias

from embexp.engine.interrupts import leave_signals_to_the_main_thread
from embexp.engine.plan import Survey
from embexp.engine.task import Progress, Task

logger = logging.getLogger(__name__)

Kind = Literal[
    "planned",
    "cached",
    "damaged",
    "started",
    "progress",
    "done",
    "failed",
    "blocked",
    "elsewhere",
    "apart",
    "interrupted",
    "stopped",
]


@dataclass(frozen=True)
class Event:
    """Something that happened in a study.

    Attributes:
        kind: `planned` comes once, first, with the survey. Then for tasks: `cached` (the entry was there),
            `damaged` (it was there and did not hold; `reason` says where it lies now), `started`, `progress`,
            `done`, `failed`, `blocked` (a need failed), `elsewhere` (another study is building it; a later
            `cached` or `started` follows), `apart` (the group that it was part of failed, and it is started again by
            itself; `reason` stands with the first of the group). `interrupted` comes at a signal; `reason` says what
            happens now.
            `stopped`: what every task needs is lost, and the study ends early; `reason` says what.
        task: The task it is about.
        seconds: done, failed: of the stage function.
        worker: done, failed: number of the worker.
        progress: progress: how far the task is.
        reason: failed, blocked, damaged, apart, interrupted, stopped: a sentence.
        survey: planned: all tasks and what the store has of them.
    """

    kind: Kind
    task: Task | None = None
    seconds: float | None = None
    worker: int | None = None
    progress: Progress | None = None
    reason: str = ""
    survey: Survey | None = None


Listener: TypeAlias = Callable[[Event], None]


class Audience:
    """Tells every listener every event, in a thread of its own; one that fails is reported once.

    A context manager: leaving it waits until everything has been heard.
    """

    def __init__(self, listeners: Listener | Iterable[Listener] | None) -> None:
        if listeners is None:
            self._listeners: list[Listener] = []
        elif callable(listeners):
            self._listeners = [listeners]
        else:
            self._listeners = list(listeners)
        self._complained: set[int] = set()
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._speak, name="embexp-events", daemon=True)

    def tell(self, event: Event) -> None:
        """Pass an event on, without waiting for anybody to hear it."""
        if self._listeners:
            self._events.put(event)

    def __enter__(self) -> Audience:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._events.put(None)
        self._thread.join()

    def _speak(self) -> None:
        leave_signals_to_the_main_thread()
        while (event := self._events.get()) is not None:
            for number, listener in enumerate(self._listeners):
                try:
                    listener(event)
                except Exception:
                    if number not in self._complained:
                        self._complained.add(number)
                        logger.exception("a listener failed at %r; the study goes on", event.kind)
