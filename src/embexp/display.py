"""Show a study while it runs: a live table on a terminal, plain lines elsewhere; always on stderr.

with open_display() as display:
    carry_out(tasks, store, executor, on_event=display)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from embexp.engine.events import Event
from embexp.forecast import MEANINGFUL_FRACTION, Clock, Running, Tally

PLAIN_SECONDS = 10.0  # a plain line at most this often, but for failures
REFRESH_PER_SECOND = 4
SHOWN_TASKS = 4


class Display(Protocol):
    """What hears the engine's events, and shows sentences beside them."""

    def __call__(self, event: Event) -> None:
        """Take in one event."""

    def say(self, sentence: str) -> None:
        """Show a sentence."""


@contextmanager
def open_display(console: Console | None = None) -> Iterator[Display]:
    """Yield the display that suits stderr: live on a terminal, plain lines in a log or a pipe."""
    console = console or Console(stderr=True, highlight=False, soft_wrap=True)
    if console.is_terminal and not console.is_dumb_terminal:
        live = LiveDisplay(console)
        with live:
            yield live
    else:
        plain = PlainDisplay(console)
        try:
            yield plain
        finally:
            plain.close()


class PlainDisplay:
    """One line now and then: at the plan, every ten seconds, at each failure, at the end."""

    def __init__(self, console: Console, clock: Clock = time.monotonic) -> None:
        self.tally = Tally(clock)
        self._console = console
        self._clock = clock
        self._spoke = clock()

    def __call__(self, event: Event) -> None:
        """Take in one event, and write a line if it is due."""
        self.tally.hear(event)
        if event.kind == "planned":
            self.say(opening(self.tally))
        elif (sentence := incident(event)) is not None:
            self.say(sentence)
        elif event.kind != "cached" and self._clock() - self._spoke >= PLAIN_SECONDS:
            running = [describe(task, self._clock()) for task in self.tally.snapshot() if task.progress is not None]
            self.say("; ".join([standing(self.tally), *running[:1]]))

    def close(self) -> None:
        """Write the last line, if a plan was carried out."""
        if self.tally.stages:
            self.say(closing(self.tally))

    def say(self, sentence: str) -> None:
        """Write a line at once."""
        self._spoke = self._clock()
        self._console.print(sentence, markup=False)


class LiveDisplay:
    """A table of the stages with bars, the tasks in flight, and one line of numbers; redrawn in place."""

    def __init__(self, console: Console, clock: Clock = time.monotonic) -> None:
        self.tally = Tally(clock)
        self._console = console
        self._clock = clock
        self._live: Live | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> LiveDisplay:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._console.print(closing(self.tally), markup=False)

    def __call__(self, event: Event) -> None:
        """Take in one event; the screen is redrawn by a thread of its own."""
        with self._lock:
            self.tally.hear(event)
        if event.kind == "planned":
            self._console.print(opening(self.tally), markup=False)
            if self.tally.missing:
                self._live = Live(
                    get_renderable=self.render,
                    console=self._console,
                    refresh_per_second=REFRESH_PER_SECOND,
                    transient=True,
                )
                self._live.start()
        elif (sentence := incident(event)) is not None:
            self._console.print(f"[red]{escape(sentence)}[/red]")

    def say(self, sentence: str) -> None:
        """Write a line above the table."""
        self._console.print(sentence, markup=False)

    def render(self) -> RenderableType:
        """Draw the present state."""
        with self._lock:
            table = Table.grid(padding=(0, 2))
            running = self.tally.snapshot()
            for name, count in self.tally.stages.items():
                if count.total:
                    begun = sum(task.fraction for task in running if task.task.stage.name == name)
                    table.add_row(
                        _words(name),
                        ProgressBar(count.total, count.settled + begun, width=30),
                        f"{count.settled}/{count.total}",
                        _remarks(count.cached, count.failed, count.blocked),
                    )
            now = self._clock()
            tasks = [Text(f"  {describe(task, now)}", style="dim") for task in running[:SHOWN_TASKS]]
            return Group(table, *tasks, Text(standing(self.tally)))


def opening(tally: Tally) -> str:
    """Return the line for a plan: how much of it is to do."""
    total = tally.total
    stages = ", ".join(f"{count.total} {_words(name)}" for name, count in tally.stages.items() if count.total)
    missing = tally.missing
    rest = f"{missing} to run, about {spell_seconds(tally.seconds_left())}" if missing else "all in the store"
    return f"{spell_tasks(total.total)} ({stages}): {rest}"


def standing(tally: Tally) -> str:
    """Return the numbers of the moment in one line."""
    total = tally.total
    share = 100 * total.settled // max(1, total.total)
    parts = [f"{total.settled} of {spell_tasks(total.total)} ({share} %)"]
    parts += [f"{total.cached} cached"] if total.cached else []
    parts += [f"{total.failed} failed"] if total.failed else []
    parts += [f"{total.blocked} blocked"] if total.blocked else []
    parts += [f"{spell_seconds(tally.elapsed_seconds())} so far"]
    parts += [f"about {spell_seconds(tally.seconds_left())} left"]
    return " · ".join(parts)


def closing(tally: Tally) -> str:
    """Return the line for the end of a plan."""
    total = tally.total
    if total.cached == total.total:
        return f"nothing to run: {spell_tasks(total.total)}, all in the store"
    parts = [f"{spell_tasks(total.done)} done", f"{total.cached} cached"]
    parts += [f"{total.failed} failed"] if total.failed else []
    parts += [f"{total.blocked} blocked"] if total.blocked else []
    left = total.total - total.settled
    parts += [f"{left} not begun"] if left else []
    return f"{', '.join(parts)}, in {spell_seconds(tally.elapsed_seconds())}"


def incident(event: Event) -> str | None:
    """Return the sentence for an event that is always told, or None."""
    if event.kind == "interrupted":
        return f"interrupted: {event.reason}"
    if event.kind == "apart" and event.reason:
        return f"together: {event.reason}"
    if event.kind == "stopped":
        return f"stopped: {event.reason}"
    if event.kind in ("failed", "damaged", "blocked") and event.task is not None:
        return f"{event.kind}: {event.task.title}: {event.reason}"
    if event.kind == "elsewhere" and event.task is not None:
        return f"waiting: {event.task.title}: another study is building it"
    return None


def describe(running: Running, now: float) -> str:
    """Return a task in flight in one line: title, share, rate, time left; or the task's own note for the last two."""
    progress = running.progress
    if progress is None or progress.total <= 0:
        return running.task.title
    elapsed = max(now - running.started, 1e-9)
    parts = [f"{100 * running.fraction:.0f} %"]
    if progress.note:
        parts.append(progress.note)
    elif progress.unit:
        parts.append(f"{spell_count(progress.done / elapsed)} {progress.unit}/s")
    if running.fraction > MEANINGFUL_FRACTION and not progress.note:
        parts.append(f"{spell_seconds(elapsed * (1 - running.fraction) / running.fraction)} left")
    return f"{running.task.title}: {', '.join(parts)}"


def spell_seconds(seconds: float) -> str:
    """Return a duration as people say it: 40 s, 3 min 05 s, 2 h 10 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def spell_tasks(count: int) -> str:
    """Return a number of tasks."""
    return "1 task" if count == 1 else f"{count:,} tasks"


def spell_count(number: float) -> str:
    """Return a rate in at most four characters: 870, 12 k, 1.2 M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.{1 if number < 10 * size else 0}f} {letter}"
    return f"{number:.0f}"


def _words(stage: str) -> str:
    return stage.replace("_", " ")


def _remarks(cached: int, failed: int, blocked: int) -> str:
    remarks = [f"{cached} cached"] if cached else []
    remarks += [f"[red]{failed} failed[/red]"] if failed else []
    remarks += [f"[red]{blocked} blocked[/red]"] if blocked else []
    return ", ".join(remarks)
