"""The atlas of several data sets as a table, a figure and a section of the comparison's page."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from embexp.conclude.report import atlas, words
from embexp.conclude.report.atlas import Place
from embexp.conclude.report.blocks import Block, Bullets, FigureBlock, Heading, TableBlock, Text
from embexp.conclude.report.charts import Axis, Chart, Panels, Series
from embexp.conclude.report.comparison import Comparison
from embexp.conclude.report.comparison_table import crossover_in_words
from embexp.conclude.report.pair_figures import censored_side, closed, drawn_ratio, ratio_in_words
from embexp.conclude.report.palette import FIXED, Style
from embexp.conclude.report.tables import Cell, Table

FACTS: tuple[tuple[str, str, Callable[[Place], float | None]], ...] = (
    ("text length", "tokens of the median text", lambda place: place.tokens),
    ("classes", "classes", lambda place: place.classes),
    ("pool", "labelled texts in the pool", lambda place: place.pool),
)
CROSSOVER_STYLE = replace(FIXED["frozen"], label="crossover of scratch and frozen word2vec, labels")
RATIO_STYLE = replace(FIXED["finetuned"], label="label ratio of fine-tuned word2vec to scratch")
LONGEST_LABEL = 16
ROOM = 1.6  # beyond the outermost points, on a logarithmic axis
ROOM_FOR_WORDS = 4.0  # to the right of the last one
Point = tuple[Place, float, float | None, float | None, str, str]  # y, low, high, arrow, words


def blocks(comparison: Comparison) -> list[Block]:
    """Return the atlas: figure, table, claims; nothing for a single data set."""
    found = atlas.places(comparison)
    if len(found) < 2:
        return []
    figure, claims = panels(found), claim_table(comparison)
    built: list[Block] = [] if figure is None else [FigureBlock(figure, CAPTION)]
    built.append(TableBlock(place_table(found)))
    if claims is not None:
        sentences = tuple(atlas.sentences(comparison)) or ("No finding is shown to hold in any of the data sets.",)
        built += [Heading("Over how many data sets a finding holds"), Bullets(sentences), TableBlock(claims)]
        built.append(Text(HOW, quiet=True))
    return built


CAPTION = (
    "A point for each data set, with its interval for new seeds and new texts. A triangle: there is no crossover in "
    "the range, and it lies, if anywhere, beyond; or the ratio does. No line is fitted: data sets differ in more than "
    "one thing."
)
HOW = (
    "At least so many data sets, with probability .95: partial conjunctions by Bonferroni's method, which holds "
    "whatever the data sets have in common; in brackets by Fisher's, which holds for independent ones (Dror et al. "
    "2017). p-values are those for new seeds and new texts; each direction is tested at half of .05."
)


def place_table(found: Sequence[Place]) -> Table:
    """Return a row for each data set."""
    rows, records = [], []
    for place in found:
        ratio = place.ratio
        told = "; ".join(crossover_in_words(place.study, row) for row in place.crossovers) or words.MISSING
        saved = words.MISSING
        if ratio is not None and drawn_ratio(ratio):
            saved = f"{ratio_in_words(ratio)}, with {words.count(ratio['train_size'])} labels"
        facts = [words.count(value(place)) for _, _, value in FACTS]
        rows.append((Cell(place.study.title), *map(Cell, facts), Cell(told), Cell(saved)))
        records += _records(place)
    header = ("data set", *(label for _, label, _ in FACTS), "crossover", "label ratio")
    caption = (
        "The crossover of learning from scratch and frozen word2vec, and how many times as many labels learning from "
        "scratch needs for the score of fine-tuned word2vec, at the smallest train size; in brackets the intervals."
    )
    return Table("atlas", caption, header, tuple(rows), tuple(records), texts=(0, 4, 5), wraps=True)


def _records(place: Place) -> list[dict[str, Any]]:
    facts = {"data_set": place.study.title, "tokens": place.tokens, "classes": place.classes, "pool": place.pool}
    crossovers = [
        facts
        | {"measure": "crossover", "value": row.get("estimate"), "kind": row.get("kind")}
        | {"ci_low": row.get("ci_low"), "ci_high": row.get("ci_high")}
        for row in place.crossovers
    ]
    if place.ratio is None:
        return crossovers
    ratio = place.ratio
    said = {"measure": "label_ratio", "value": ratio.get("ratio"), "kind": ratio.get("censored")}
    return [*crossovers, facts | said | {"ci_low": ratio.get("ratio_low"), "ci_high": ratio.get("ratio_high")}]


def claim_table(comparison: Comparison) -> Table | None:
    """Return a row for each claim, None where no two data sets test one."""
    found = atlas.claims(comparison)
    if not found:
        return None
    label = comparison.studies[0].label
    rows = tuple(
        (
            Cell(f"{label(claim.better)} ahead of {label(claim.worse)}"),
            Cell(atlas.ENDS[claim.end]),
            Cell(f"{claim.found.at_least} ({claim.found.at_least_independent}) of {claim.found.data_sets}"),
            Cell(words.listed(claim.titles) or "none"),
        )
        for claim in found
    )
    return Table(
        "atlas_claims",
        "In how many data sets, at least, each finding holds, and in which it is shown by itself (Holm).",
        ("finding", "where", "data sets", "shown in"),
        rows,
        tuple(atlas.records(comparison)["claims"]),
        texts=(0, 1, 3),
        wraps=True,
    )


# --- the figure ---------------------------------------------------------------------------------------------------


def panels(found: Sequence[Place]) -> Panels | None:
    """Return crossover and label ratio against length, classes and pool; None where neither was measured."""
    measures = (
        (CROSSOVER_STYLE, "crossover", _crossover_points(found)),
        (RATIO_STYLE, "label ratio", _ratio_points(found)),
    )
    charts = [
        chart
        for style, title, points in measures
        for fact in FACTS
        if (chart := _chart(style, title, points, fact)) is not None
    ]
    if not charts:
        return None
    named = words.listed([place.study.title for place in found])
    return Panels(
        name="atlas",
        title="Crossover and label ratio of each data set against what its texts are like",
        alt=f"Crossover and label ratio against text length, classes and pool size for {named}.",
        charts=tuple(replace(chart, name=f"panel_{number}") for number, chart in enumerate(charts, start=1)),
        shared_y=False,
    )


def _crossover_points(found: Sequence[Place]) -> list[Point]:
    points: list[Point] = []
    for place in found:
        sizes = place.study.measured_sizes
        for row in place.crossovers:
            told = crossover_in_words(place.study, row)
            if row.get("estimate"):
                points.append((place, row["estimate"], row.get("ci_low"), row.get("ci_high"), "", told))
            elif row.get("ahead_before") and sizes:
                beyond = row["ahead_before"] == atlas.PAIR[1]  # word2vec ahead throughout: later, if anywhere
                y = float(sizes[-1] if beyond else sizes[0])
                points.append((place, y, None, None, "up" if beyond else "down", told))
    return points


def _ratio_points(found: Sequence[Place]) -> list[Point]:
    return [
        (place, y, row.get("ratio_low"), row.get("ratio_high"), censored_side(row), ratio_in_words(row))
        for place in found
        if (row := place.ratio) is not None and (y := drawn_ratio(row))
    ]


def _chart(
    style: Style, title: str, points: Sequence[Point], fact: tuple[str, str, Callable[[Place], float | None]]
) -> Chart | None:
    """Return one panel: a measure against one fact about the data sets."""
    short, label, value = fact
    drawn = [(x, *point) for point in points if (x := value(point[0]))]
    if not drawn:
        return None
    ys = [end for _, _, y, low, high, _, _ in drawn for end in (y, low, high) if end]
    low, high = min(ys) / ROOM, max(ys) * ROOM
    series = Series(
        keys=(style.label,),
        style=style,
        x=tuple(float(x) for x, *_ in drawn),
        y=tuple(y for _, _, y, *_ in drawn),
        low=tuple(end for *_, end, _, _, _ in drawn),
        high=tuple(end for *_, end, _, _ in drawn),
        hover=tuple(f"{place.study.title}: {told}" for _, place, *_, told in drawn),
        bars=True,
        arrows=tuple(arrow for *_, arrow, _ in drawn),
        labels=tuple(_short(place.study.title) for _, place, *_ in drawn),
    )
    return Chart(
        name=title,
        title=f"{title}, by {short}",
        alt="",
        x=_axis(label, [x for x, *_ in drawn], ROOM_FOR_WORDS),
        y=_axis(title, ys),
        series=(closed(series, low, high),),
        by_size=False,
    )


def _axis(label: str, values: Sequence[float], room: float = ROOM) -> Axis:
    """Return a logarithmic axis with at most four round ticks."""
    low, high = min(values) / ROOM, max(values) * room
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [step * 10.0**power for power in powers for step in (1, 2, 5) if low <= step * 10.0**power <= high]
    while len(ticks) > 4:
        ticks = ticks[::2]
    return Axis(
        label, True, tuple(ticks), tuple(f"{tick:g}" if tick < 1 else words.count(tick) for tick in ticks), (low, high)
    )


def _short(title: str) -> str:
    return title if len(title) <= LONGEST_LABEL else f"{title[: LONGEST_LABEL - 1]}…"
