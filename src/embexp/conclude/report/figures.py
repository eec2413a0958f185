"""Prepare the figures of a report: results become charts.

A figure without data is absent. Scores are in percent, differences in points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from embexp.conclude.report import words
from embexp.conclude.report.charts import Axis, Chart, Figure, IntervalRow, Series
from embexp.conclude.report.palette import SPARE_DASHES, Style
from embexp.conclude.report.reading import Row, StudyResults, numbers
from embexp.conclude.report.timeline import timeline

MAX_CROSSOVER_ROWS = 6
MAX_PAIRS_DRAWN = 6


def prepare_figures(study: StudyResults) -> dict[str, Figure]:
    """Return the figures for which there is something to draw, by name."""
    makers: tuple[Callable[[StudyResults], Figure | None], ...] = (
        learning_curves,
        differences,
        label_equivalence,
        costs,
        timeline,
    )
    made = (maker(study) for maker in makers)
    return {figure.name: figure for figure in made if figure is not None}


def size_axis(sizes: Sequence[float], label: str = "labelled texts") -> Axis:
    """Return the logarithmic axis of train sizes, a tick at each size measured."""
    low, high = min(sizes), max(sizes)
    pad = (high / low) ** 0.04 if high > low else 2.0
    ticks = _thinned(sorted(set(sizes)))
    return Axis(label, True, tuple(ticks), tuple(map(words.count, ticks)), (low / pad, high * pad))


def _thinned(sizes: list[float], steps: int = 12) -> list[float]:
    """Drop ticks so close on the log axis that their labels would touch; the ends stay."""
    ratio = (sizes[-1] / sizes[0]) ** (1 / steps)
    kept = sizes[:1]
    for size in sizes[1:-1]:
        if size >= kept[-1] * ratio and sizes[-1] >= size * ratio:
            kept.append(size)
    return kept + sizes[-1:] if len(sizes) > 1 else kept


def _extent(series: Sequence[Series], include: Sequence[float] = ()) -> tuple[float, float]:
    """Return the least and the greatest value of all points and intervals."""
    values = [*include]
    for line in series:
        values += numbers((*line.y, *line.low, *line.high))
    return min(values), max(values)


def _limits(series: Sequence[Series], include: Sequence[float] = ()) -> tuple[float, float]:
    """Return limits that hold all points and intervals, with a little air."""
    low, high = _extent(series, include)
    air = 0.06 * (high - low) or 1.0
    return low - air, high + air


def learning_curves(study: StudyResults) -> Chart | None:
    """Score against train size with the 95 % intervals, crossovers in a strip below."""
    series = tuple(_curve(study, name) for name in study.strategies if study.curves[name])
    if not series:
        return None
    return Chart(
        name="learning_curves",
        title=f"{study.score.capitalize()} against the number of labelled texts",
        alt=_curves_in_words(study),
        x=size_axis([size for line in series for size in line.x]),
        y=Axis(f"{study.score}, %", limits=_limits(series)),
        series=series,
        rows=_crossover_rows(study),
        controls=study.controls,
    )


def _curve(study: StudyResults, strategy: str) -> Series:
    points = study.curves[strategy]
    return Series(
        keys=(strategy,),
        style=study.styles[strategy],
        x=tuple(point["train_size"] for point in points),
        y=tuple(100 * point["mean"] for point in points),
        low=_scaled(points, "ci_low"),
        high=_scaled(points, "ci_high"),
        hover=tuple(_curve_hover(study.label(strategy), point) for point in points),
    )


def _scaled(points: Sequence[Row], key: str, factor: float = 100) -> tuple[float | None, ...]:
    return tuple(None if point.get(key) is None else factor * point[key] for point in points)


def _curve_hover(label: str, point: Row) -> str:
    interval = words.percent_interval(point.get("ci_low"), point.get("ci_high"))
    return f"{label}: {words.percent(point['mean'])} %" + (f" ({interval})" if interval else "")


def _curves_in_words(study: StudyResults) -> str:
    """Describe the figure for a reader who cannot see it: each curve's first and last point."""
    parts = []
    for name in study.strategies:
        if points := study.curves[name]:
            ends = [f"{words.percent(p['mean'])} % at {words.count(p['train_size'])}" for p in points]
            parts.append(f"{study.label(name)}: {' to '.join(dict.fromkeys((ends[0], ends[-1])))} labels")
    return "Learning curves. " + "; ".join(parts) + "."


def _crossover_rows(study: StudyResults) -> tuple[IntervalRow, ...]:
    """Return the crossings that the strip shows: of contenders first, of controls while there is room."""
    found = [row for row in study.rows("crossovers") if row.get("kind") == "crossing" and row.get("estimate")]
    found.sort(key=lambda row: (*study.pair_rank(row), row["estimate"]))
    among_contenders = [row for row in found if study.pair_rank(row)[0] == 0]
    return tuple(_crossover_row(study, row) for row in (among_contenders or found)[:MAX_CROSSOVER_ROWS])


def _crossover_row(study: StudyResults, row: Row) -> IntervalRow:
    a, b = study.label(row["a"]), study.label(row["b"])
    where = words.size_interval(row.get("ci_low"), row.get("ci_high"))
    return IntervalRow(
        keys=(row["a"], row["b"]),
        label=f"{a} / {b}",
        estimate=row["estimate"],
        low=row.get("ci_low"),
        high=row.get("ci_high"),
        value=f"cross at about {words.rough(row['estimate'])} labels ({where})",
    )


def differences(study: StudyResults) -> Chart | None:
    """Paired difference of two strategies against train size, with the margin shaded."""
    pairs = [pair for pair in study.pairs("contrasts") if not set(pair) & study.controls]
    pairs = (pairs or study.pairs("contrasts"))[:MAX_PAIRS_DRAWN]
    styles = _pair_styles(study, pairs)
    series = tuple(line for line in (_difference(study, pair, styles[pair]) for pair in pairs) if line.x)
    if not series:
        return None
    margin = study.raw.get("margin")
    shade = (-100 * margin, 100 * margin) if margin else (-1.0, 1.0)
    return Chart(
        name="differences",
        title="Paired difference of two strategies against the number of labelled texts",
        alt=f"Differences in points with 95 % intervals for {words.listed([s.style.label for s in series])}.",
        x=size_axis([size for line in series for size in line.x]),
        y=Axis("difference, points", limits=_limits(series, include=(0.0, *shade))),
        series=series,
        reference=0.0,
        shade=shade,
    )


def _difference(study: StudyResults, pair: tuple[str, str], style: Style) -> Series:
    a, b = pair
    rows = [row for row in study.rows("contrasts") if (row["a"], row["b"]) == pair]
    rows = sorted((row for row in rows if row.get("difference") is not None), key=lambda row: row["train_size"])
    label = f"{study.label(a)} − {study.label(b)}"
    return Series(
        keys=(label,),
        style=replace(style, label=label),
        x=tuple(row["train_size"] for row in rows),
        y=tuple(100 * row["difference"] for row in rows),
        low=_scaled(rows, "ci_low"),
        high=_scaled(rows, "ci_high"),
        hover=tuple(_difference_hover(label, row) for row in rows),
    )


def _difference_hover(label: str, row: Row) -> str:
    interval = words.points_interval(row.get("ci_low"), row.get("ci_high"))
    verdict = f", {row['verdict']}" if row.get("verdict") else ""
    return f"{label}: {words.points(row['difference'])}" + (f" ({interval})" if interval else "") + verdict


def _pair_styles(study: StudyResults, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Style]:
    """Give each pair the colour of the member that is not `random`, and lines that keep equals apart."""
    leads = [pair[1] if pair[0] == "random" else pair[0] for pair in pairs]
    styles = {}
    for place, (pair, lead) in enumerate(zip(pairs, leads, strict=True)):
        dash = SPARE_DASHES[leads[:place].count(lead) % len(SPARE_DASHES)]
        styles[pair] = replace(study.styles[lead], dash=dash)
    return styles


def label_equivalence(study: StudyResults) -> Chart | None:
    """How many times as many labels the other strategy needs for the same score."""
    pairs = _equivalence_pairs(study)
    styles = _pair_styles(study, pairs)
    series = tuple(line for line in (_equivalence(study, pair, styles[pair]) for pair in pairs) if line.x)
    if not series:
        return None
    low, high = _extent(series, include=(1.0,))
    ticks = [2.0**power for power in range(-6, 11) if low / 1.5 <= 2.0**power <= high * 1.5]
    return Chart(
        name="label_equivalence",
        title="How many labels of the other strategy one label is worth",
        alt=f"Label equivalence ratios for {words.listed([line.style.label for line in series])}.",
        x=size_axis([size for line in series for size in line.x]),
        y=Axis(
            "label ratio for the same score",
            True,
            tuple(ticks),
            tuple(f"{tick:g}×" if tick >= 1 else f"1/{1 / tick:g}×" for tick in ticks),
            (low / 1.25, high * 1.25),
        ),
        series=series,
        reference=1.0,
    )


def _equivalence_pairs(study: StudyResults) -> list[tuple[str, str]]:
    """Prefer pairs measured in labels of `random`: what word2vec saves against learning from scratch."""
    pairs = [pair for pair in study.pairs("label_equivalence") if pair[0] != pair[1]]
    contenders = [pair for pair in pairs if not set(pair) & study.controls] or pairs
    against_random = [pair for pair in contenders if pair[1] == "random"]
    return (against_random or contenders)[:MAX_PAIRS_DRAWN]


def _equivalence(study: StudyResults, pair: tuple[str, str], style: Style) -> Series:
    rows = [row for row in study.rows("label_equivalence") if (row["a"], row["b"]) == pair]
    rows = sorted((row for row in rows if row.get("ratio")), key=lambda row: row["train_size"])
    label = f"{study.label(pair[0])}, in labels of {study.label(pair[1])}"
    return Series(
        keys=(label,),
        style=replace(style, label=label),
        x=tuple(row["train_size"] for row in rows),
        y=tuple(row["ratio"] for row in rows),
        low=tuple(row.get("ratio_low") or None for row in rows),
        high=tuple(row.get("ratio_high") or None for row in rows),
        hover=tuple(_equivalence_hover(label, row) for row in rows),
        bars=True,
        arrows=tuple(censored_side(row) for row in rows),
    )


def censored_side(row: Row) -> str:
    """Say on which side of the ratio the truth lies if the other curve does not reach the score."""
    censored = row.get("censored")
    if not censored:
        return ""
    if isinstance(censored, str):
        return "down" if censored in ("below", "low", "down", "left", "<") else "up"
    return "up" if row["ratio"] >= 1 else "down"


def _equivalence_hover(label: str, row: Row) -> str:
    sign = {"up": "more than ", "down": "less than ", "": ""}[censored_side(row)]
    text = f"{label}: {sign}{words.ratio(row['ratio'])}"
    if row.get("ratio_low") and row.get("ratio_high"):
        text += f" ({words.ratio(row['ratio_low'])} to {words.ratio(row['ratio_high'])})"
    return text


def costs(study: StudyResults) -> Chart | None:
    """Score against the seconds that training a classifier took, one point for each size."""
    series = tuple(line for line in (_cost(study, name) for name in study.strategies) if line.x)
    if not series:
        return None
    seconds = [value for line in series for value in line.x]
    low, high = min(seconds), max(seconds)
    pad = (high / low) ** 0.06 if high > low else 2.0
    ticks = [
        digit * 10.0**power
        for power in range(-4, 6)
        for digit in ((1, 3) if high / low < 1000 else (1,))
        if low / pad <= digit * 10.0**power <= high * pad
    ]
    return Chart(
        name="costs",
        title=f"{study.score.capitalize()} against training time",
        alt="Accuracy against median training seconds, one point for each strategy and train size.",
        x=Axis(
            "training seconds of one classifier",
            True,
            tuple(ticks),
            tuple(f"{tick:g}" for tick in ticks),
            (low / pad, high * pad),
        ),
        y=Axis(f"{study.score}, %", limits=_limits(series)),
        series=series,
        controls=study.controls,
        by_size=False,
    )


def _cost(study: StudyResults, strategy: str) -> Series:
    rows = sorted(
        (row for row in study.rows("costs") if row["strategy"] == strategy and row.get("train_seconds")),
        key=lambda row: row["train_size"],
    )
    met = [(row, point) for row in rows if (point := study.point(strategy, row["train_size"]))]
    label = study.label(strategy)
    return Series(
        keys=(strategy,),
        style=study.styles[strategy],
        x=tuple(row["train_seconds"] for row, _ in met),
        y=tuple(100 * point["mean"] for _, point in met),
        low=(None,) * len(met),
        high=(None,) * len(met),
        hover=tuple(
            f"{label}, {words.count(row['train_size'])} labels: "
            f"{words.percent(point['mean'])} % in {words.duration(row['train_seconds'])}"
            for row, point in met
        ),
    )
