"""Count SIGINT and SIGTERM instead of dying of them, while a plan is carried out."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def leave_signals_to_the_main_thread() -> None:
    """Keep this thread from taking a signal: the main thread would not wake from what it waits for."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


class Interrupts:
    """A context manager that counts signals; outside the main thread it hears none.

    Attributes:
        count: Signals so far.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self.count = 0
        self._wake = wake
        self._in_task = False
        self._before: dict[signal.Signals, Any] = {}

    @contextlib.contextmanager
    def in_task(self) -> Iterator[None]:
        """Let a second signal break into this block: a serial task runs in it and hears nothing else."""
        self._in_task = True
        try:
            yield
        finally:
            self._in_task = False

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        self._wake()
        if self._in_task and self.count > 1:
            raise KeyboardInterrupt
