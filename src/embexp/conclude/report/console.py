"""The answer at the end of a study, for terminals and plain pipes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embexp.conclude.report.answer import split_lead
from embexp.conclude.report.reading import StudyResults
from embexp.conclude.report.tables import Table
from embexp.conclude.report.tabulation import scores
from embexp.conclude.report.words import plural

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

MAX_WIDTH = 100
GAP = 2  # blanks between columns
LONGEST_NAME = 24


@dataclass(frozen=True)
class ConsoleVerdict:
    """A rich renderable of at most 100 columns: verdict, score table, where the report is."""

    study: StudyResults
    report: Path | None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        from rich.constrain import Constrain
        from rich.text import Text

        width = min(options.max_width, MAX_WIDTH)
        for sentence in self.study.sentences("verdict"):
            lead, rest = split_lead(sentence)
            if "undecided" not in sentence.lower():  # the report says what would decide it
                # Text, not markup: a name in brackets stays a name.
                yield Constrain(Text.assemble((lead, "bold"), rest), width)
        if table := scores(self.study):
            for names, block in score_blocks(table, width):
                yield Text()
                yield from _lines(names, block)
            yield Text(
                f"{self.study.score} in %, mean ± half the {self.study.interval}; * best of its size", style="dim"
            )
        if failed := len(self.study.rows("failures")):
            yield Text(f"\n{plural(failed, 'task')} failed; the report lists them.", style="red")
        if self.report is not None:
            yield Text()
            yield Text(f"Report: {_shortest(self.report)}", overflow="fold")


def console_verdict(results: Mapping[str, Any], report: Path | None = None) -> ConsoleVerdict:
    """Return what a study prints last; `report` is the path of report.html, if it was written."""
    return ConsoleVerdict(StudyResults(results), report)


Grid = list[list[str]]


def score_blocks(table: Table, width: int) -> Iterator[tuple[list[str], Grid]]:
    """Split the score table by columns so that each block fits in `width`.

    Yields the names of the strategies and the columns of the block, the heading of each column first.
    """
    names = ["labels", *(_shortened(row[0].text) for row in table.rows)]
    columns = [
        [title, *(row[place].text + ("*" if row[place].best else " ") for row in table.rows)]
        for place, title in enumerate(table.header[1:], start=1)
    ]
    room = width - max(map(len, names))
    block: Grid = []
    for column in columns:
        if block and sum(_width(each) for each in (*block, column)) > room:
            yield names, block
            block = []
        block.append(column)
    yield names, block


def _width(column: Sequence[str]) -> int:
    return GAP + max(map(len, column))


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _lines(names: Sequence[str], columns: Grid) -> Iterator[RenderableType]:
    from rich.text import Text

    first = max(map(len, names))
    for place, name in enumerate(names):
        line = Text(name.ljust(first), style="dim" if place == 0 else "", no_wrap=True)
        for column in columns:
            cell = column[place] + (" " if place == 0 else "")
            style = "bold" if cell.endswith("*") else ""
            line.append(cell.rjust(_width(column)), style=style)
        yield line


def _shortest(path: Path) -> str:
    """Write the path from the working folder if it lies below it."""
    absolute = path.absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)
