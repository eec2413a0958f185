"""The figures of the neighbours lab, as the report draws them."""

from __future__ import annotations

from collections.abc import Sequence

from embexp.conclude.report.charts import Axis, Chart, Series
from embexp.conclude.report.curve_figures import size_axis
from embexp.conclude.report.palette import Style
from embexp.labs.axes import log_axis
from embexp.labs.parts import Row

LOOKS = {
    "word2vec": Style("word2vec", "#0072B2", "#56B4E9", marker="square"),
    "finetuned": Style("fine-tuned", "#009E73", "#8FD3A8", marker="diamond"),
    "random": Style("task-trained", "#D55E00", "#F2894A", marker="circle"),
}


def _line(
    name: str,
    x: Sequence[float],
    y: Sequence[float],
    hover: Sequence[str],
    low: Sequence[float] | None = None,
    high: Sequence[float] | None = None,
    labels: Sequence[str] = (),
) -> Series:
    nothing = (None,) * len(x)
    return Series(
        keys=(name,),
        style=LOOKS[name],
        x=tuple(x),
        y=tuple(y),
        low=nothing if low is None else tuple(low),
        high=nothing if high is None else tuple(high),
        hover=tuple(hover),
        labels=tuple(labels),
    )


def draw_own_class(rows: Sequence[Row]) -> Chart:
    """Draw the share of neighbours of the same class against the train size."""
    lines = []
    for name in LOOKS:
        own = [row for row in rows if row["space"] == name and row["own_class"] is not None]
        y = [100 * row["own_class"] for row in own]
        hover = [f"{LOOKS[name].label}: {value:.1f} %" for value in y]
        lines.append(_line(name, [row["train_size"] for row in own], y, hover))
    return Chart(
        name="own_class",
        title="Neighbours of telling words that tell the same class",
        alt="; ".join(f"{line.style.label} {line.y[0]:.0f} to {line.y[-1]:.0f} %" for line in lines if line.y),
        x=size_axis([row["train_size"] for row in rows]),
        y=Axis("neighbours of the same class, %", limits=(0, 102)),
        series=tuple(line for line in lines if line.y),
    )


def draw_movement(bins: Sequence[Row]) -> Chart:
    """Draw how far rows moved against how often their words were seen."""
    lines = []
    for name in ("finetuned", "random"):
        own = [row for row in bins if row["space"] == name]
        hover = [
            f"{LOOKS[name].label}, seen about {row['seen']:,.0f} times: {row['moved']:.2f} ({row['words']:,} words)"
            for row in own
        ]
        ends = ([row[end] for row in own] for end in ("low", "high"))
        lines.append(_line(name, [row["seen"] for row in own], [row["moved"] for row in own], hover, *ends))
    return Chart(
        name="movement",
        title="Movement of rows against frequency",
        alt="; ".join(f"{line.style.label} {line.y[0]:.2f} for rare, {line.y[-1]:.2f} for frequent" for line in lines),
        x=log_axis("occurrences in the labelled texts", [row["seen"] for row in bins]),
        y=log_axis("distance moved, in typical row lengths", [row[end] for row in bins for end in ("low", "high")]),
        series=tuple(lines),
        by_size=False,
    )


def draw_map(rows: Sequence[Row]) -> Chart:
    """Draw the probe words of each space in one plane."""
    lines = []
    for name, look in LOOKS.items():
        own = [row for row in rows if row["space"] == name]
        hover = [f"{row['word']} in {look.label}" + (f", tells {row['tells']}" if row["tells"] else "") for row in own]
        labels = [row["word"] for row in own]
        lines.append(_line(name, [row["x"] for row in own], [row["y"] for row in own], hover, labels=labels))
    limits = []
    for axis in ("x", "y"):
        values = [row[axis] for row in rows]
        air = 0.12 * (max(values) - min(values)) or 1.0
        limits.append((min(values) - air, max(values) + air))
    return Chart(
        name="map",
        title="Probe words in the three spaces",
        alt=f"Map of {len(rows) // len(LOOKS)} words in word2vec, the fine-tuned and the task-trained space.",
        x=Axis("first direction of word2vec's probe words", limits=limits[0]),
        y=Axis("second direction", limits=limits[1]),
        series=tuple(lines),
        by_size=False,
    )
