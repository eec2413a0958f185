"""The figure of the transfer lab: what each source is worth to each task."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from embexp.conclude.report.charts import Axis, Chart, Series
from embexp.conclude.report.palette import Style
from embexp.labs.parts import Row

OTHERS_TEXT = Style("word2vec on another task's text", "#009E73", "#8FD3A8", marker="diamond")
KINDS: tuple[tuple[Style, Callable[[Row], bool]], ...] = (
    (
        Style("word2vec on the task's own text", "#0072B2", "#56B4E9", marker="square"),
        lambda row: row["kind"] == "vectors" and row["source_of"] == row["target"],
    ),
    (
        OTHERS_TEXT,
        lambda row: row["kind"] == "vectors" and row["source_of"] not in ("", row["target"]),
    ),
    (
        Style("layer that another task learned", "#D55E00", "#F2894A", marker="circle"),
        lambda row: row["kind"] == "matrix",
    ),
    (
        Style("pre-trained", "#858585", "#9A9A9A", marker="cross"),
        lambda row: row["kind"] == "vectors" and not row["source_of"],
    ),
)
WIDTH = 0.5  # of a task's stretch of the axis that its sources take


def draw_gains(rows: Sequence[Row]) -> Chart:
    """Draw what frozen vectors of each source gain over rows learned from nothing, at each task's fewest labels.

    Args:
        rows: Of one kind of words. Of several sizes of a layer the one with most labels is drawn.
    """
    targets = list(dict.fromkeys(row["target"] for row in rows))
    points = [(place, row) for place, target in enumerate(targets) for row in _sources(rows, target)]
    across: dict[int, float] = {}
    for place in range(len(targets)):
        own = [row for at, row in points if at == place]
        for number, row in enumerate(own):
            across[id(row)] = place + WIDTH * ((number + 0.5) / len(own) - 0.5)
    lines = []
    for style, belongs in KINDS:
        own = [row for _, row in points if belongs(row)]
        if own:
            lines.append(_points(style, own, [across[id(row)] for row in own]))
    ends = [100 * row[key] for _, row in points for key in ("gain", "gain_low", "gain_high") if row[key] is not None]
    air = 0.08 * (max(ends) - min(ends)) or 1.0
    labels = [f"{target}, {min(_sizes(rows, target)):,} labels" for target in targets]
    return Chart(
        name="transfer_gains",
        title="What frozen vectors of each source gain over rows learned with the task",
        alt="; ".join(f"{row['target']} from {row['source']} {100 * row['gain']:+.1f} points" for _, row in points),
        x=Axis("task", ticks=tuple(range(len(targets))), tick_labels=tuple(labels), limits=(-0.5, len(targets) - 0.5)),
        y=Axis("points of accuracy over learned from nothing", limits=(min(0.0, *ends) - air, max(0.0, *ends) + air)),
        series=tuple(lines),
        reference=0.0,
        by_size=False,
    )


def _sizes(rows: Sequence[Row], target: str) -> list[int]:
    return [row["train_size"] for row in rows if row["target"] == target]


def _sources(rows: Sequence[Row], target: str) -> list[Row]:
    """Return a task's frozen sources at its fewest labels, by kind, without random rows and smaller layers."""
    fewest = min(_sizes(rows, target))
    own = [
        row
        for row in rows
        if (row["target"], row["train_size"], row["use"]) == (target, fewest, "frozen") and row["gain"] is not None
    ]
    most: dict[str, int] = {}
    for row in own:
        if row["kind"] == "matrix":
            most[row["source_of"]] = max(row["source_size"], most.get(row["source_of"], 0))
    return [
        row
        for _, belongs in KINDS
        for row in own
        if belongs(row) and (row["kind"] != "matrix" or row["source_size"] == most[row["source_of"]])
    ]


def _points(style: Style, rows: Sequence[Row], across: Sequence[float]) -> Series:
    return Series(
        keys=(style.label,),
        style=style,
        x=tuple(across),
        y=tuple(100 * row["gain"] for row in rows),
        low=tuple(None if row["gain_low"] is None else 100 * row["gain_low"] for row in rows),
        high=tuple(None if row["gain_high"] is None else 100 * row["gain_high"] for row in rows),
        hover=tuple(f"{row['target']} from {row['source']}: {row['gain_in_words']} points" for row in rows),
        bars=True,
        labels=tuple(row["source_of"] if row["source_of"] != row["target"] else "" for row in rows),
        sides=("left" if style is OTHERS_TEXT else "right",)
        * len(rows),  # away from the layers, which stand right of it
    )
