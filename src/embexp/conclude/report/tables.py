"""A table of a report, written as Markdown, LaTeX (booktabs) and CSV (the page has its macro).

The CSV holds the records behind the table at full precision, one value a cell; the others show the same
records rounded, as a reader wants them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embexp.conclude.report.escape import Verbatim, csv_cell, latex, markdown


@dataclass(frozen=True)
class Cell:
    """A table cell: its text, whether it stands out as the best of its column, and what a narrow page has room for."""

    text: str
    best: bool = False
    brief: str = ""

    @property
    def printed(self) -> str:
        """The text on a page of paper."""
        return self.brief or self.text


@dataclass(frozen=True)
class Table:
    """A table for readers and the records behind it for programs; `texts` are the places of columns of words."""

    name: str
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    records: tuple[Mapping[str, Any], ...]
    texts: tuple[int, ...] = (0,)
    wraps: bool = False  # its cells hold phrases that may break into lines


def save_tables(tables: Mapping[str, Table], folder: Path) -> dict[str, dict[str, Path]]:
    """Save each table as `<name>.csv` and `<name>.tex`; return the paths by name and ending."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = {}
    for name, table in tables.items():
        paths = {ending: folder / f"{name}.{ending}" for ending in ("csv", "tex")}
        write_csv(paths["csv"], table.records)
        paths["tex"].write_text(latex_table(table), encoding="utf-8")
        saved[name] = paths
    return saved


def write_csv(path: Path, records: Iterable[Mapping[str, Any]], first: Sequence[str] = ()) -> None:
    """Write records as CSV; the columns named in `first` lead if they occur, the others follow as met.

    Text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    records = list(records)
    met = dict.fromkeys(key for record in records for key in record)
    columns = [key for key in first if key in met] + [key for key in met if key not in first]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(map(csv_cell, columns))
        for record in records:
            writer.writerow(csv_cell(record.get(key)) for key in columns)


def latex_table(table: Table) -> str:
    """Return the table for LaTeX with booktabs; the best of each column is bold."""
    alignment = "".join("l" if place in table.texts else "r" for place in range(len(table.header)))
    lines = [
        f"% {latex(table.caption)}",
        "% needs \\usepackage{booktabs}",
        "\\begingroup\\footnotesize\\setlength{\\tabcolsep}{4pt}",
        f"\\begin{{tabular}}{{{alignment}}}",
        "\\toprule",
        " & ".join(map(latex, table.header)) + r" \\",
        "\\midrule",
    ]
    for row in table.rows:
        cells = (f"\\textbf{{{latex(cell.printed)}}}" if cell.best else latex(cell.printed) for cell in row)
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}\\endgroup", ""])


def markdown_table(table: Table) -> Verbatim:
    """Return the table for Markdown; the best of each column is bold."""
    rule = ["---" if place in table.texts else "---:" for place in range(len(table.header))]
    lines = [[markdown(title) for title in table.header], rule]
    for row in table.rows:
        lines.append([f"**{markdown(cell.text)}**" if cell.best else markdown(cell.text) for cell in row])
    return Verbatim("\n".join("| " + " | ".join(line) + " |" for line in lines))
