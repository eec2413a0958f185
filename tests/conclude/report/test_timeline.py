"""The timeline stays readable and small, however many tasks a study has."""

from __future__ import annotations

from typing import Any

import pytest

from embexp.conclude.report.charts import Timeline
from embexp.conclude.report.reading import StudyResults
from embexp.conclude.report.timeline import timeline


def bars_of(rows: list[dict[str, Any]]) -> Timeline:
    made = timeline(StudyResults({"timeline": rows}))
    assert made is not None
    return made


def task(worker: Any, stage: str, started: float, ended: float) -> dict[str, Any]:
    return {
        "worker": worker,
        "stage": stage,
        "title": f"{stage} {started}",
        "started": 1e9 + started,
        "ended": 1e9 + ended,
    }


def test_lone_tasks_keep_their_titles_and_times() -> None:
    made = bars_of([task("w0", "a", 0, 10), task("w1", "b", 5, 20)])
    assert made.lanes == ("w0", "w1")
    assert [(bar.lane, bar.start, bar.end, bar.hover) for bar in made.stages["a"]] == [(0, 0, 10, "a 0: 10.0 s")]
    assert [(bar.lane, bar.start, bar.end, bar.hover) for bar in made.stages["b"]] == [(1, 5, 20, "b 5: 15.0 s")]


def test_ten_thousand_tasks_become_few_bars_that_cover_the_same_time() -> None:
    rows = [task(place % 4, "cell", place // 4 * 1.0, place // 4 + 0.99) for place in range(10_000)]
    made = bars_of(rows)
    assert made.unit == "minutes"
    assert len(made.stages["cell"]) == 4
    assert {(bar.start * 60, round(bar.end * 60, 2)) for bar in made.stages["cell"]} == {(0.0, 2499.99)}
    assert made.stages["cell"][0].hover == "cell, 2500 tasks: 41 min 40 s"


def test_a_pause_that_can_be_seen_is_shown() -> None:
    made = bars_of([task(0, "cell", 0, 10), task(0, "cell", 10.001, 20), task(0, "cell", 60, 100)])
    assert [(bar.start, round(bar.end, 3)) for bar in made.stages["cell"]] == [(0, 20), (60, 100)]


def test_workers_are_sorted_as_numbers() -> None:
    made = bars_of([task(f"worker-{place}", "a", 0, 1) for place in (10, 9, 2)])
    assert made.lanes == ("worker-2", "worker-9", "worker-10")


@pytest.mark.parametrize(("seconds", "unit"), [(100, "seconds"), (1000, "minutes"), (100_000, "hours")])
def test_unit_fits_the_length(seconds: float, unit: str) -> None:
    made = bars_of([task(0, "a", 0, seconds)])
    assert made.unit == unit
    assert 1 < made.span < 600


def test_many_stages_are_drawn_together() -> None:
    made = bars_of([task(0, f"stage {place}", 10 * place, 10 * place + 9) for place in range(20)])
    assert list(made.stages) == [*(f"stage {place}" for place in range(7)), "other stages"]
    assert len(made.stages["other stages"]) == 13


def test_no_task_no_timeline() -> None:
    assert timeline(StudyResults({"timeline": []})) is None
    assert timeline(StudyResults({})) is None
