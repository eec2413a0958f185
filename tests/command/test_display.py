"""What a user sees while a study runs: plain lines in a log, a table on a terminal, honest time left."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from embexp.display import PLAIN_SECONDS, LiveDisplay, PlainDisplay, open_display, spell_count, spell_seconds
from embexp.engine.events import Event
from embexp.engine.executors import SerialExecutor
from embexp.engine.plan import Survey
from embexp.engine.scheduler import carry_out
from embexp.engine.store import Store
from embexp.engine.task import Progress, Stage, Task, Work
from embexp.forecast import Tally, estimate_seconds


def write_number(work: Work) -> None:
    """Write a number, or fail where the configuration says so."""
    if work.config.get("fails"):
        raise ValueError("no number")
    (work.folder / "number.txt").write_text(str(work.config["number"]))


VECTORS = Stage("train_vectors", 1, write_number)
CELL = Stage("run_cell", 1, write_number)


def cell(number: int, *, cost: float = 1.0, needs: Task | None = None, fails: bool = False) -> Task:
    config = {"number": number} | ({"fails": True} if fails else {})
    return Task(CELL, config, {"vectors": needs} if needs else {}, title=f"cell {number}", cost=cost)


class Clock:
    """A clock that goes when it is told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def planned(*tasks: Task, hits: tuple[Task, ...] = ()) -> Event:
    states = {task.fingerprint: "hit" if task in hits else "miss" for task in tasks}
    return Event("planned", survey=Survey(tasks, states))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


def plain(screen: io.StringIO, clock: Clock) -> PlainDisplay:
    return PlainDisplay(Console(file=screen, width=200, soft_wrap=True), clock)


def test_a_log_gets_a_line_now_and_then_and_each_failure(screen: io.StringIO, clock: Clock) -> None:
    display = plain(screen, clock)
    tasks = [cell(number) for number in range(40)]
    display(planned(*tasks))
    for number, task in enumerate(tasks):
        clock.now += 1
        display(Event("started", task))
        display(
            Event("failed", task, 1.0, reason="ValueError: odd [label]") if number == 3 else Event("done", task, 1.0)
        )
    display.close()
    lines = screen.getvalue().splitlines()
    assert lines[0] == "40 tasks (40 run cell): 40 to run, about 40 s"
    assert lines[1] == "failed: cell 3: ValueError: odd [label]"
    assert lines[-1] == "39 tasks done, 0 cached, 1 failed, in 40 s"
    assert len(lines) == 3 + (40 - 4) // PLAIN_SECONDS
    assert lines[2].startswith("13 of 40 tasks (32 %) · 1 failed · 14 s so far · about 27 s left")


def test_nothing_to_do_is_said(screen: io.StringIO, clock: Clock) -> None:
    display = plain(screen, clock)
    tasks = (cell(1), cell(2))
    display(planned(*tasks, hits=tasks))
    for task in tasks:
        display(Event("cached", task))
    display.close()
    assert screen.getvalue().splitlines() == [
        "2 tasks (2 run cell): all in the store",
        "nothing to run: 2 tasks, all in the store",
    ]


def test_a_running_task_shows_rate_and_time_left(screen: io.StringIO, clock: Clock) -> None:
    display = plain(screen, clock)
    vectors = Task(VECTORS, {"number": 1}, title="word2vec", cost=5)
    display(planned(vectors))
    display(Event("started", vectors))
    clock.now += 10
    display(Event("progress", vectors, progress=Progress(2_500_000, 10_000_000, "words")))
    assert "word2vec: 25 %, 250 k words/s, 30 s left" in screen.getvalue()
    assert "about 30 s left" in screen.getvalue()


def test_a_terminal_gets_a_table(screen: io.StringIO, clock: Clock) -> None:
    console = Console(file=screen, width=100, force_terminal=True, color_system=None)
    vectors = Task(VECTORS, {"number": 1}, title="word2vec", cost=5)
    cells = [cell(number, needs=vectors) for number in range(4)]
    with LiveDisplay(console, clock) as display:
        display(planned(vectors, *cells, hits=(cells[0],)))
        for event in (
            Event("cached", cells[0]),
            Event("started", vectors),
            Event("done", vectors, 5.0),
            Event("started", cells[1]),
            Event("progress", cells[1], progress=Progress(1, 2, "steps")),
            Event("failed", cells[2], 1.0, reason="ValueError: [bad] input"),
        ):
            display(event)
        drawn = Console(file=io.StringIO(), width=100, record=True)
        drawn.print(display.render())
        table = drawn.export_text()
    assert "train vectors" in table
    assert "1/1" in table
    assert "2/4" in table
    assert "1 cached, 1 failed" in table
    assert "cell 1: 50 %" in table
    assert "3 of 5 tasks (60 %)" in table
    assert "failed: cell 2: ValueError: [bad] input" in screen.getvalue()
    assert "2 not begun" in screen.getvalue()


def test_the_display_follows_a_real_plan(tmp_path: Path, screen: io.StringIO) -> None:
    vectors = Task(VECTORS, {"number": 1}, title="vectors")
    broken = Task(VECTORS, {"number": 2, "fails": True}, title="broken")
    tasks = [cell(1, needs=vectors), cell(2, needs=vectors), cell(3, needs=broken), cell(4, fails=True)]
    store = Store(tmp_path / "store")
    with open_display(Console(file=screen, width=200)) as display:
        carry_out(tasks, store, SerialExecutor(), on_event=display)
    lines = screen.getvalue().splitlines()
    assert lines[0].startswith("6 tasks (2 train vectors, 4 run cell): 6 to run")
    assert "blocked: cell 3: needs broken, which failed" in lines
    assert lines[-1].startswith("3 tasks done, 0 cached, 2 failed, 1 blocked, in ")


def test_costs_are_corrected_by_what_finished_tasks_took(clock: Clock) -> None:
    tally = Tally(clock)
    tasks = [cell(number, cost=1.0) for number in range(200)]
    tally.hear(planned(*tasks))
    assert tally.seconds_left() == pytest.approx(200)
    tally.hear(Event("started", tasks[0]))
    clock.now += 11
    tally.hear(Event("done", tasks[0], 11.0))  # its worker had to compile first
    assert tally.seconds_left() < 2 * 199
    for task in tasks[1:100]:
        tally.hear(Event("started", task))
        clock.now += 3
        tally.hear(Event("done", task, 3.0))
    assert tally.seconds_left() == pytest.approx(300, rel=0.1)


def test_time_left_is_at_least_the_longest_chain(clock: Clock) -> None:
    tally = Tally(clock)
    vectors = Task(VECTORS, {"number": 1}, cost=60)
    last = cell(0, cost=5, needs=vectors)
    others = [cell(number, cost=1) for number in range(1, 11)]
    tally.hear(planned(vectors, last, *others))
    tally.hear(Event("started", vectors))
    tally.hear(Event("started", others[0]))
    assert tally.lanes == 2
    assert tally.seconds_left() == pytest.approx(65)
    clock.now += 20
    assert tally.seconds_left() == pytest.approx(45)


@given(
    costs=st.lists(st.floats(0.1, 100), min_size=1, max_size=12),
    lanes=st.integers(1, 8),
    chained=st.integers(0, 11),
)
def test_an_estimate_lies_between_its_bounds(costs: list[float], lanes: int, chained: int) -> None:
    tasks: list[Task] = []
    for number, cost in enumerate(costs):
        needs = tasks[-1] if tasks and number <= chained else None
        tasks.append(cell(number, cost=cost, needs=needs))
    estimate = estimate_seconds(tasks, lanes)
    assert max(sum(costs) / lanes, *costs, 0) <= estimate * (1 + 1e-9)
    assert estimate <= sum(costs) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7800, "2 h 10 min"), (-1, "0 s")]
)
def test_durations_read_as_people_say_them(seconds: float, words: str) -> None:
    assert spell_seconds(seconds) == words


@pytest.mark.parametrize(("rate", "words"), [(870, "870"), (1234, "1.2 k"), (412_345, "412 k"), (9.1e6, "9.1 M")])
def test_rates_are_short(rate: float, words: str) -> None:
    assert spell_count(rate) == words
