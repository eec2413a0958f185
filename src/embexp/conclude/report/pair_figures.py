"""Prepare the figures that hold one strategy against another: differences and label equivalence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from embexp.conclude.report import words
from embexp.conclude.report.charts import Axis, Chart, Series
from embexp.conclude.report.curve_figures import extent, padded_limits, scaled, size_axis
from embexp.conclude.report.palette import SPARE_DASHES, Style
from embexp.conclude.report.reading import Row, StudyResults, pairs_of

MOST_PAIRS = 6
Pair = tuple[str, str]


def differences(study: StudyResults) -> Chart | None:
    """Paired difference of two strategies against train size, with the margin shaded."""
    pairs = _drawn(pairs_of(study.contrasts), study)
    styles = _pair_styles(study, pairs)
    series = tuple(line for line in (_difference(study, pair, styles[pair]) for pair in pairs) if line.x)
    if not series:
        return None
    shade = (-100 * study.margin, 100 * study.margin)
    return Chart(
        name="differences",
        title="Paired difference of two strategies against the number of labelled texts",
        alt=f"Differences in points with intervals for {words.listed([line.style.label for line in series])}.",
        x=size_axis([size for line in series for size in line.x]),
        y=Axis("difference, points", limits=padded_limits(series, include=(0.0, *shade))),
        series=series,
        reference=0.0,
        shade=shade,
    )


def _drawn(pairs: list[Pair], study: StudyResults) -> list[Pair]:
    """Prefer pairs without a control."""
    return ([pair for pair in pairs if not set(pair) & study.controls] or pairs)[:MOST_PAIRS]


def _difference(study: StudyResults, pair: Pair, style: Style) -> Series:
    rows = [row for row in study.contrasts if (row["a"], row["b"]) == pair and row.get("difference") is not None]
    label = f"{study.label(pair[0])} − {study.label(pair[1])}"
    return Series(
        keys=(label,),
        style=replace(style, label=label),
        x=tuple(row["train_size"] for row in rows),
        y=tuple(100 * row["difference"] for row in rows),
        low=scaled(rows, "ci_low"),
        high=scaled(rows, "ci_high"),
        hover=tuple(_difference_hover(label, row) for row in rows),
    )


def _difference_hover(label: str, row: Row) -> str:
    interval = words.points_interval(row.get("ci_low"), row.get("ci_high"))
    verdict = f", {row['verdict']}" if row.get("verdict") else ""
    return f"{label}: {words.points(row['difference'])}" + (f" ({interval})" if interval else "") + verdict


def _pair_styles(study: StudyResults, pairs: Sequence[Pair]) -> dict[Pair, Style]:
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
    series = [line for line in (_equivalence(study, pair, styles[pair]) for pair in pairs) if line.x]
    if not series:
        return None
    low, high = extent(series, include=(1.0,))
    low, high = low / 1.4, high * 1.4
    ticks = tuple(2.0**power for power in range(-10, 15) if low <= 2.0**power <= high)
    return Chart(
        name="label_equivalence",
        title="How many labels of the other strategy one label is worth",
        alt=f"Label equivalence ratios for {words.listed([line.style.label for line in series])}.",
        x=size_axis([size for line in series for size in line.x]),
        y=Axis(
            "label ratio for the same score",
            True,
            ticks,
            tuple(f"{tick:g}×" if tick >= 1 else f"1/{1 / tick:g}×" for tick in ticks),
            (low, high),
        ),
        series=tuple(closed(line, low, high) for line in series),
        reference=1.0,
    )


def _equivalence_pairs(study: StudyResults) -> list[Pair]:
    """Prefer pairs measured in labels of `random`: what word2vec saves against learning from scratch."""
    rows = sorted(study.rows("label_equivalence"), key=study.pair_rank)
    contenders = _drawn(pairs_of(rows), study)
    return [pair for pair in contenders if pair[1] == "random"] or contenders


def _equivalence(study: StudyResults, pair: Pair, style: Style) -> Series:
    rows = [row for row in study.rows("label_equivalence") if (row["a"], row["b"]) == pair and drawn_ratio(row)]
    rows.sort(key=lambda row: row["train_size"])
    label = f"{study.label(pair[0])} against {study.label(pair[1])}"
    return Series(
        keys=(label,),
        style=replace(style, label=label),
        x=tuple(row["train_size"] for row in rows),
        y=tuple(drawn_ratio(row) for row in rows),
        low=tuple(row.get("ratio_low") for row in rows),
        high=tuple(row.get("ratio_high") for row in rows),
        hover=tuple(f"{label}: {ratio_in_words(row)}" for row in rows),
        bars=True,
        arrows=tuple(censored_side(row) for row in rows),
    )


def closed(line: Series, low: float, high: float) -> Series:
    """Draw an open end of an interval to the edge of the figure; a censored point has its arrow instead."""
    closed = [
        (None, None) if side or (a is None and b is None) else (low if a is None else a, high if b is None else b)
        for a, b, side in zip(line.low, line.high, line.arrows, strict=True)
    ]
    return replace(line, low=tuple(pair[0] for pair in closed), high=tuple(pair[1] for pair in closed))


def censored_side(row: Row) -> str:
    """Say on which side of the bound the ratio lies if the other curve does not reach the score."""
    return {"above": "up", "below": "down"}.get(str(row.get("censored")), "")


def drawn_ratio(row: Row) -> float:
    """Return the ratio, or the bound beyond which it lies; 0 where neither is known."""
    bound = {"up": row.get("ratio_low"), "down": row.get("ratio_high"), "": None}[censored_side(row)]
    return row.get("ratio") or bound or 0.0


def ratio_in_words(row: Row) -> str:
    """Write a ratio with its interval, or the bound beyond which it lies."""
    side = censored_side(row)
    if side:
        return f"{'more' if side == 'up' else 'less'} than {words.ratio(drawn_ratio(row))}"
    interval = words.ratio_interval(row.get("ratio_low"), row.get("ratio_high"))
    return words.ratio(row.get("ratio")) + ("" if interval == words.MISSING else f" ({interval})")
