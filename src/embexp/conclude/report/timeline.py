"""The timeline of a study: which worker did which stage when.

Ten thousand tasks would be ten thousand bars thinner than a pixel, so neighbours of one stage on one worker
are drawn as one bar. The number of bars is bounded by the width of the figure, not by the study.
"""

from __future__ import annotations

from itertools import groupby

from embexp.conclude.report import words
from embexp.conclude.report.charts import Segment, Timeline
from embexp.conclude.report.reading import Row, StudyResults

FINEST = 1 / 600  # of the whole span: gaps shorter than that are closed
MAX_LANES = 64
UNITS = (("hours", 3600), ("minutes", 60), ("seconds", 1))
MAX_STAGES = 8


def timeline(study: StudyResults) -> Timeline | None:
    """Return the bars of each worker, None if no task was carried out."""
    tasks = [row for row in study.rows("timeline") if row.get("started") and row.get("ended")]
    if not tasks:
        return None
    origin = min(row["started"] for row in tasks)
    span = max(row["ended"] for row in tasks) - origin
    workers = sorted({row.get("worker") for row in tasks}, key=_natural)
    lanes = {worker: place for place, worker in enumerate(workers[:MAX_LANES])}
    tasks = [row for row in tasks if row.get("worker") in lanes]
    unit, seconds = next((unit for unit in UNITS if span > 5 * unit[1]), UNITS[-1])
    bars: dict[str, list[Segment]] = {stage: [] for stage in _stages(tasks)}
    tasks.sort(key=lambda row: (lanes[row.get("worker")], row["started"]))
    for worker, own in groupby(tasks, key=lambda row: row.get("worker")):
        for stage, group in _merge(list(own), span * FINEST, bars):
            bars[stage].append(_segment(lanes[worker], group, origin, seconds))
    busy = sum(row["ended"] - row["started"] for row in tasks)
    share = busy / (span * len(lanes)) if span else 1.0
    return Timeline(
        name="timeline",
        title="What each worker did when",
        alt=f"{words.plural(len(tasks), 'task')} on {words.plural(len(lanes), 'worker')} in "
        f"{words.duration(span)}; the workers were busy {100 * min(share, 1):.0f} % of the time.",
        lanes=tuple(f"worker {worker}" if isinstance(worker, int) else str(worker) for worker in lanes),
        stages={stage.replace("_", " "): tuple(segments) for stage, segments in bars.items() if segments},
        span=span / seconds,
        unit=unit,
    )


def _natural(worker: object) -> tuple[int, str]:
    """Sort worker 10 behind worker 9."""
    digits = "".join(letter for letter in str(worker) if letter.isdigit())
    return int(digits or 0), str(worker)


def _stages(tasks: list[Row]) -> list[str]:
    """Name the stages by their first start; from the eighth on they are drawn together."""
    met = list(dict.fromkeys(row["stage"] for row in sorted(tasks, key=lambda row: row["started"])))
    return met if len(met) <= MAX_STAGES else [*met[: MAX_STAGES - 1], "other stages"]


def _merge(tasks: list[Row], gap: float, stages: dict[str, list[Segment]]) -> list[tuple[str, list[Row]]]:
    """Join neighbours of one stage whose gap is too short to be seen."""
    groups: list[tuple[str, list[Row]]] = []
    for row in tasks:
        stage = row["stage"] if row["stage"] in stages else "other stages"
        if groups and groups[-1][0] == stage and row["started"] - groups[-1][1][-1]["ended"] <= gap:
            groups[-1][1].append(row)
        else:
            groups.append((stage, [row]))
    return groups


def _segment(lane: int, group: list[Row], origin: float, unit: int) -> Segment:
    first, last = group[0], group[-1]
    took = words.duration(last["ended"] - first["started"])
    title = str(first.get("title") or first["stage"])
    hover = title if len(group) == 1 else f"{first['stage'].replace('_', ' ')}, {len(group)} tasks"
    start, end = ((moment - origin) / unit for moment in (first["started"], last["ended"]))
    return Segment(lane, start, end, f"{hover}: {took}")
