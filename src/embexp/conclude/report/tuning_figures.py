"""Prepare the figures of tuning: which values were chosen where, and what another draw still brings."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

from embexp.conclude.report import words
from embexp.conclude.report.charts import Axis, Chart, Panels, Series
from embexp.conclude.report.curve_figures import padded_limits, size_axis
from embexp.conclude.report.reading import Row, StudyResults

# key of a chosen value: what the panel shows; tfidf's C stands in the table, for nothing else shares its scale
RATES = {"learning_rate": "rate of the head", "embedding_learning_rate": "rate of the rows, where above 0"}
MOST_PANELS = 6


def chosen_rows(study: StudyResults) -> dict[tuple[str, int], list[Row]]:
    """Return what was chosen by strategy and train size, in reading order."""
    found: dict[tuple[str, int], list[Row]] = {}
    rows = study.mapping("tuning").get("chosen") or []
    for strategy in study.strategies:
        for size in study.train_sizes:
            own = [row for row in rows if (row.get("strategy"), row.get("train_size")) == (strategy, size)]
            if own:
                found[strategy, size] = own
    return found


def tuned_values(study: StudyResults) -> Panels | None:
    """Chosen rates against train size: median over seeds, with the range of all of them; and rates of zero."""
    rows = chosen_rows(study)
    charts = [chart for key, title in RATES.items() if (chart := _rates(study, rows, key, title)) is not None]
    zeros = _zeros(study, rows)
    if not charts:
        return None
    return Panels(
        name="tuned_values",
        title="Which values tuning chose at each train size",
        alt="Median of the chosen learning rates over seeds, against the number of labelled texts.",
        charts=(*charts, *zeros),
        shared_y=False,
    )


def _rates(study: StudyResults, rows: dict[tuple[str, int], list[Row]], key: str, title: str) -> Chart | None:
    series = _lines(study, rows, lambda row: math.log10(row[key]) if row.get(key) else None, _rate_hover)
    if not series:
        return None
    limits = padded_limits(series)
    ticks = [power + step for power in range(-6, 5) for step in (0.0, math.log10(3))]
    ticks = [tick for tick in ticks if limits[0] <= tick <= limits[1]]
    axis = Axis("", False, tuple(ticks), tuple(f"{10**tick:.1g}".removeprefix("0") for tick in ticks), limits)
    return Chart(key, title, title, _sizes(series), axis, series, controls=study.controls)


def _rate_hover(label: str, values: Sequence[float]) -> str:
    median, low, high = (f"{10**value:.2g}" for value in (statistics.median(values), min(values), max(values)))
    return f"{label}: median {median}, {low} to {high}"


def _zeros(study: StudyResults, rows: dict[tuple[str, int], list[Row]]) -> list[Chart]:
    """Return the share of seeds that chose a row rate of zero, of strategies for which one did."""
    able = {key[0] for key, own in rows.items() if any(row.get("embedding_learning_rate") == 0 for row in own)}
    kept = {key: own for key, own in rows.items() if key[0] in able}
    lines = _lines(study, kept, lambda row: 100.0 * (row["embedding_learning_rate"] == 0), lambda *_: "")
    if not lines:
        return []
    series = tuple(_as_share(line, kept) for line in lines)
    axis = Axis("", limits=(-5.0, 105.0))
    return [Chart("zeros", "rows left still, % of seeds", "", _sizes(series), axis, series, controls=study.controls)]


def _as_share(line: Series, rows: dict[tuple[str, int], list[Row]]) -> Series:
    own = [rows[line.keys[0], int(size)] for size in line.x]
    counts = [sum(row["embedding_learning_rate"] == 0 for row in each) for each in own]
    shares = tuple(100 * count / len(each) for count, each in zip(counts, own, strict=True))
    hover = tuple(f"{line.style.label}: {count} of {len(each)}" for count, each in zip(counts, own, strict=True))
    nothing = (None,) * len(shares)
    return Series(line.keys, line.style, line.x, shares, nothing, nothing, hover)


def _lines(
    study: StudyResults,
    rows: dict[tuple[str, int], list[Row]],
    value: Callable[[Row], float | None],
    hover: Callable[[str, Sequence[float]], str],
) -> tuple[Series, ...]:
    """Return a line for each strategy: median, least and greatest value over its seeds at each size."""
    series = []
    for strategy in study.strategies:
        points = [
            (float(size), found)
            for (name, size), own in rows.items()
            if name == strategy and (found := [each for row in own if (each := value(row)) is not None])
        ]
        if points:
            values = [found for _, found in points]
            series.append(
                Series(
                    keys=(strategy,),
                    style=study.styles[strategy],
                    x=tuple(size for size, _ in points),
                    y=tuple(map(statistics.median, values)),
                    low=tuple(map(min, values)),
                    high=tuple(map(max, values)),
                    hover=tuple(hover(study.label(strategy), found) for found in values),
                    bars=True,
                )
            )
    return tuple(series)


def _sizes(series: Sequence[Series]) -> Axis:
    return size_axis([size for line in series for size in line.x])


def expected_best(study: StudyResults) -> Panels | None:
    """Expected score of the best draw against the number of draws, a panel for each train size."""
    rows = [row for row in study.mapping("tuning").get("expected_best") or [] if row.get("expected") is not None]
    sizes = sorted({row["train_size"] for row in rows})[:MOST_PANELS]
    budgets = [row["budget"] for row in rows]
    if not rows or max(budgets) < 2:  # one draw is no search
        return None
    ticks = [float(tick) for tick in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512) if tick <= max(budgets)]
    axis = Axis("draws", True, tuple(ticks), tuple(f"{tick:g}" for tick in ticks), (0.93, 1.08 * max(budgets)))
    charts = []
    for size in sizes:
        series = tuple(_budget_line(study, name, own) for name, own in _by_strategy(study, rows, size).items())
        limits = padded_limits(series)
        title = f"{words.count(size)} labels"
        y = Axis("score of the best, %", limits=limits)
        charts.append(Chart(f"best_{size}", title, title, axis, y, series, controls=study.controls, by_size=False))
    return Panels(
        name="expected_best",
        title="Expected score of the best draw, inside the labels",
        alt=f"Expected best score against the number of draws, up to {max(budgets)}.",
        charts=tuple(charts),
        shared_y=False,
    )


def _by_strategy(study: StudyResults, rows: Sequence[Row], size: int) -> dict[str, list[Row]]:
    found = {
        name: [row for row in rows if row["strategy"] == name and row["train_size"] == size]
        for name in study.strategies
    }
    return {name: sorted(own, key=lambda row: row["budget"]) for name, own in found.items() if own}


def _budget_line(study: StudyResults, strategy: str, rows: Sequence[Row]) -> Series:
    label = study.label(strategy)
    return Series(
        keys=(strategy,),
        style=study.styles[strategy],
        x=tuple(float(row["budget"]) for row in rows),
        y=tuple(100 * row["expected"] for row in rows),
        low=(None,) * len(rows),
        high=(None,) * len(rows),
        hover=tuple(
            f"{label}, {words.plural(row['budget'], 'draw')}: {words.percent(row['expected'])} %" for row in rows
        ),
    )
