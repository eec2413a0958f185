"""What a section consists of.

Each block is written twice: as HTML by a macro of the same name in templates/blocks.html.j2, and as Markdown
by a function of the same name in markdown_page.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from embexp.conclude.report.charts import Figure
from embexp.conclude.report.palette import Style
from embexp.conclude.report.reading import StudyResults
from embexp.conclude.report.tables import Table


@dataclass(frozen=True)
class Block:
    """Base of all blocks; `kind` names its macro and its function."""

    kind: ClassVar[str]


@dataclass(frozen=True)
class Text(Block):
    """A paragraph."""

    kind: ClassVar[str] = "text"
    text: str
    quiet: bool = False  # a remark, smaller


@dataclass(frozen=True)
class Heading(Block):
    """A heading inside a section."""

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Bullets(Block):
    """A list of sentences; `warning` sets it apart."""

    kind: ClassVar[str] = "bullets"
    items: tuple[str, ...]
    warning: bool = False


@dataclass(frozen=True)
class Facts(Block):
    """Terms with their values."""

    kind: ClassVar[str] = "facts"
    pairs: tuple[tuple[str, str], ...]
    folded: str = ""  # a title under which the block is folded away on the page


@dataclass(frozen=True)
class Code(Block):
    """Text to copy as it is."""

    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True)
class TableBlock(Block):
    """A table."""

    kind: ClassVar[str] = "table"
    table: Table
    folded: str = ""


@dataclass(frozen=True)
class FigureBlock(Block):
    """A figure: interactive on the page, a file elsewhere."""

    kind: ClassVar[str] = "figure"
    figure: Figure
    caption: str


@dataclass(frozen=True)
class Span:
    """A range of label counts with one recommendation."""

    strategy: str
    label: str
    style: Style
    range: str  # in words: where its borders lie is known only roughly
    share: float  # of the logarithmic size axis, in percent


@dataclass(frozen=True)
class Strip:
    """The size axis cut by what to use."""

    title: str
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Verdict(Block):
    """The answer: a headline, which strategy wins where, all sentences as (lead, rest)."""

    kind: ClassVar[str] = "verdict"
    headline: str
    sentences: tuple[tuple[str, str], ...]
    undecided: tuple[tuple[str, str], ...]
    strips: tuple[Strip, ...]
    facts: tuple[str, ...]
    alarm: str = ""  # one sentence if something failed


@dataclass(frozen=True)
class Advice:
    """A recommendation in the words of the page, with the numbers of results.json beside them."""

    n_labels: int
    labels: str
    strategy: str
    style: Style
    expected: str
    interval: str
    notes: tuple[str, ...]
    raw: tuple[float | None, float | None, float | None]  # expected, ci_low, ci_high


@dataclass(frozen=True)
class Planner(Block):
    """'What should I do with N labels?': slider and box on the page, a table elsewhere."""

    kind: ClassVar[str] = "planner"
    advice: tuple[Advice, ...]
    score: str
    interval: str
    table: Table


@dataclass(frozen=True)
class MatrixCell:
    """A contrast in the matrix: difference, interval, verdict and the class that colours it."""

    difference: str
    interval: str
    verdict: str
    tone: str
    reason: str = ""  # what would decide an undecided contrast


@dataclass(frozen=True)
class Matrix(Block):
    """Contrasts: a row for each pair, a column for each train size."""

    kind: ClassVar[str] = "matrix"
    caption: str
    sizes: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[MatrixCell | None, ...]], ...]  # a, b, cells


@dataclass(frozen=True)
class Bars(Block):
    """Named counts as bars, the first `shown` of them unfolded."""

    kind: ClassVar[str] = "bars"
    title: str
    bars: tuple[tuple[str, str, float], ...]  # name, count in words, share of the largest
    shown: int = 12


@dataclass(frozen=True)
class Material:
    """What sections are built from: the results and what was prepared from them."""

    study: StudyResults
    figures: dict[str, Figure]
    tables: dict[str, Table]


@dataclass(frozen=True)
class Section:
    """A part of the report; it is left out where `build` returns no blocks."""

    name: str  # the anchor on the page
    title: str
    build: Callable[[Material], list[Block]]
