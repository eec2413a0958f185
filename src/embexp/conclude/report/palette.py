"""How a strategy looks and is called, the same in every figure and table.

Colours are those of Okabe and Ito (2008), which stay apart for colour-blind readers; the dark variants are
lightened until they reach a contrast of 4.5 with the dark page. Controls are grey and dashed, so that they
step back behind the strategies. Colour is never the only mark: each strategy has a marker of its own as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """The look of one strategy: its words, its two colours, its line and marker."""

    label: str
    light: str  # colour on white
    dark: str  # colour on the dark page
    dash: str = "solid"  # solid | dash | dot, Plotly's words
    marker: str = "circle"  # Plotly's words, or none; MATPLOTLIB_MARKERS translates


FIXED: dict[str, Style] = {
    "random": Style("learned from scratch", "#D55E00", "#F2894A", marker="circle"),
    "frozen": Style("frozen word2vec", "#0072B2", "#56B4E9", marker="square"),
    "finetuned": Style("fine-tuned word2vec", "#009E73", "#8FD3A8", marker="diamond"),
    "multichannel": Style("multichannel", "#B6609A", "#DE93C1", marker="triangle-up"),
    "tfidf": Style("TF-IDF + LR", "#4D4D4D", "#D0D0D0", dash="dash", marker="x"),
    "random_frozen": Style("frozen random", "#858585", "#9A9A9A", dash="dot", marker="cross"),
}

# For names that are not in FIXED: (light, dark), then the same again with other lines.
SPARE_COLOURS = (
    ("#B07800", "#E69F00"),
    ("#3B8BC0", "#8CCBF0"),
    ("#8A7C00", "#E5D94A"),
    ("#7A5195", "#B996D1"),
    ("#A03C5C", "#E58AA5"),
)
SPARE_MARKERS = ("pentagon", "star", "hexagon", "triangle-down")
LONGEST_LABEL = 31  # two of them fit beside each other above a figure
SPARE_DASHES = ("solid", "dash", "dot")

MATPLOTLIB_MARKERS = {
    "none": "",
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "triangle-up": "^",
    "triangle-down": "v",
    "x": "X",
    "cross": "P",
    "pentagon": "p",
    "star": "*",
    "hexagon": "h",
}
MATPLOTLIB_DASHES: dict[str, str | tuple[int, tuple[float, ...]]] = {
    "solid": "-",
    "dash": (0, (5.0, 2.5)),
    "dot": (0, (1.3, 1.8)),
}


@dataclass(frozen=True)
class Theme:
    """The neutral colours of a page or figure."""

    text: str
    muted: str
    grid: str
    paper: str
    band: str  # neutral shade, for example the margin of equivalence


LIGHT = Theme(text="#1d1d1f", muted="#5f6368", grid="#e4e4e7", paper="#ffffff", band="#f0f0f2")
DARK = Theme(text="#ececee", muted="#a3a7ad", grid="#34363b", paper="#17181b", band="#25272b")

# Colours of the stages in the timeline, in order of appearance: (light, dark).
STAGE_COLOURS = (
    ("#0072B2", "#56B4E9"),
    ("#D55E00", "#F2894A"),
    ("#009E73", "#8FD3A8"),
    ("#B6609A", "#DE93C1"),
    *SPARE_COLOURS,
)


def assign_styles(strategies: Iterable[str]) -> dict[str, Style]:
    """Give each strategy its style; unknown names get the spare ones in alphabetical order.

    A long name loses its middle, unless that would make it the same as another.

    The order in which the names come does not matter, so that one name looks the same in every figure.
    """
    names = set(strategies)
    unknown = sorted(names - FIXED.keys())
    styles = {name: FIXED[name] for name in names & FIXED.keys()}
    short = {name: name if len(name) <= LONGEST_LABEL else f"{name[:15]}…{name[-15:]}" for name in unknown}
    if len(set(short.values())) < len(short):
        short = dict(zip(unknown, unknown, strict=True))
    for position, name in enumerate(unknown):
        light, dark = SPARE_COLOURS[position % len(SPARE_COLOURS)]
        marker = SPARE_MARKERS[position % len(SPARE_MARKERS)]
        dash = SPARE_DASHES[position // len(SPARE_COLOURS) % len(SPARE_DASHES)]
        styles[name] = Style(short[name], light, dark, dash, marker)
    return styles


def stage_style(position: int, name: str) -> Style:
    """Return the style of the stage that is the `position`-th to appear in a timeline."""
    light, dark = STAGE_COLOURS[position % len(STAGE_COLOURS)]
    return Style(name, light, dark)
