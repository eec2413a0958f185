"""What a lab consists of: parts, each an expectation, then a measurement, then whether it was so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from embexp.conclude.report.charts import Figure
from embexp.conclude.report.tables import Cell, Table

Row = dict[str, Any]

SHARE_OF_A_MILLION = 1e-6


@dataclass(frozen=True)
class Expectation:
    """What a part expects, written before anything is measured.

    Attributes:
        name: Name of the part, an anchor on the page and a key of results.json.
        title: The question.
        sentence: The expectation.
    """

    name: str
    title: str
    sentence: str


@dataclass(frozen=True)
class Shown:
    """A figure or table with the words that stand below or above it.

    Attributes:
        what: The figure or table.
        caption: Of a figure; a table has its own.
        folded: Title under which a table is folded away; empty if it is not.
    """

    what: Figure | Table
    caption: str = ""
    folded: str = ""


@dataclass(frozen=True)
class Part:
    """A finished part of a lab.

    Attributes:
        expectation: What was expected.
        met: Whether it was so; None where the data cannot say.
        found: The result in sentences, computed from `rows`.
        rows: The measurements, plain JSON.
        shown: Figures and tables in reading order.
        notes: What to know before believing it.
        numbers: Headline numbers by name, for MLflow.
    """

    expectation: Expectation
    met: bool | None
    found: tuple[str, ...]
    rows: tuple[Row, ...]
    shown: tuple[Shown, ...] = ()
    notes: tuple[str, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def judgement(self) -> str:
        """Say whether the expectation was met."""
        return {True: "as expected", False: "not as expected", None: "undecided"}[self.met]


def table(
    name: str,
    caption: str,
    columns: Mapping[str, str],
    rows: tuple[Row, ...] | list[Row],
    texts: int = 1,
    best: str | None = None,
) -> Table:
    """Return a table of some columns of the rows.

    Args:
        name: Of the files it is saved as.
        caption: What it shows.
        columns: Title of each column by its key in the rows.
        rows: The records.
        texts: How many leading columns are words.
        best: Key of a boolean that marks a row's last column as the best.
    """
    body = tuple(
        tuple(
            Cell(spell(row.get(key)), best=best is not None and bool(row.get(best)) and place == len(columns) - 1)
            for place, key in enumerate(columns)
        )
        for row in rows
    )
    return Table(name, caption, tuple(columns.values()), body, tuple(rows), tuple(range(texts)))


def spell(value: Any) -> str:
    """Write a value of a row for a table: short numbers, yes and no, a dash for what is missing."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if value == 0:
            return "0"
        if abs(value) >= 1000:
            return f"{value:,.0f}"
        return f"{value:.3g}" if abs(value) >= SHARE_OF_A_MILLION else f"{value:.1e}"
    if isinstance(value, list | tuple):
        return ", ".join(map(spell, value))
    return str(value)
