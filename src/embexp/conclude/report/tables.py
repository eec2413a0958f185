"""The tables of a report: one prepared table, written as HTML, Markdown, LaTeX (booktabs) and CSV.

The CSV holds the records behind the table at full precision, one value a cell; the other three show the
same records rounded, as a reader wants them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embexp.conclude.report import words
from embexp.conclude.report.escape import Verbatim, csv_cell, latex, markdown
from embexp.conclude.report.figures import censored_side
from embexp.conclude.report.reading import Row, StudyResults

CELL_COLUMNS = (
    *("strategy", "train_size", "seed", "fold", "word2vec_seed", "test_accuracy", "test_macro_f1"),
    *("train_tokens", "train_seconds", "cached", "fingerprint"),
)


@dataclass(frozen=True)
class Cell:
    """A table cell: its text, and whether it stands out as the best of its column."""

    text: str
    best: bool = False


@dataclass(frozen=True)
class Table:
    """A table for readers and the records behind it for programs; the first `texts` columns are words."""

    name: str
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    records: tuple[Mapping[str, Any], ...]
    texts: int = 1


def prepare_tables(study: StudyResults) -> dict[str, Table]:
    """Return the tables for which there are records, by name."""
    makers = (scores, contrasts, crossovers, label_equivalence, recommendations, costs)
    made = (maker(study) for maker in makers)
    return {table.name: table for table in made if table is not None}


def scores(study: StudyResults) -> Table | None:
    """Strategy by train size: mean and half the 95 % interval, the best of each size marked."""
    if not any(study.curves.values()):
        return None
    sizes = study.train_sizes
    best = {size: _best(study, size) for size in sizes}
    rows = []
    for name in study.strategies:
        met = [study.point(name, size) for size in sizes]
        cells = [
            Cell(words.mean_and_half_width(point), best=point is not None and point["mean"] == best[size])
            for size, point in zip(sizes, met, strict=True)
        ]
        rows.append((Cell(study.label(name)), *cells))
    return Table(
        "scores",
        f"{study.score.capitalize()} in percent: mean over seeds ± half the 95 % interval, the best of each size bold.",
        ("strategy", *map(words.count, sizes)),
        tuple(rows),
        tuple(study.rows("curves")),
    )


def _best(study: StudyResults, size: int) -> float | None:
    means = [point["mean"] for name in study.strategies if (point := study.point(name, size))]
    return max(means, default=None)


def contrasts(study: StudyResults) -> Table | None:
    """Every pair at every size: difference, interval, verdict, p."""
    rows = sorted(study.rows("contrasts"), key=lambda row: (*study.pair_rank(row), row["train_size"]))
    if not rows:
        return None
    return Table(
        "contrasts",
        "Paired differences (a − b) in points of accuracy with 95 % intervals for new seeds and new texts; "
        "p is the exact sign-flip test over seeds on this test set, adjusted by Holm in the planned family.",
        ("a", "b", "labels", "difference", "95 % interval", "verdict", "P(a > b)", "p", "p (Holm)"),
        tuple(_contrast_cells(study, row) for row in rows),
        tuple(rows),
        texts=2,
    )


def _contrast_cells(study: StudyResults, row: Row) -> tuple[Cell, ...]:
    superiority = row.get("p_superiority")
    return (
        Cell(study.label(row["a"])),
        Cell(study.label(row["b"])),
        Cell(words.count(row["train_size"])),
        Cell(words.points(row.get("difference"))),
        Cell(words.points_interval(row.get("ci_low"), row.get("ci_high")) or words.MISSING),
        Cell(str(row.get("verdict") or words.MISSING)),
        Cell(words.MISSING if superiority is None else f"{superiority:.2f}"),
        Cell(words.p_value(row.get("p"))),
        Cell(words.p_value(row.get("p_holm"))),
    )


def crossovers(study: StudyResults) -> Table | None:
    """Where two curves cross, with the sizes at which the difference may be zero."""
    rows = sorted(study.rows("crossovers"), key=lambda row: (*study.pair_rank(row), row.get("estimate") or 0))
    if not rows:
        return None
    return Table(
        "crossovers",
        "Crossovers: the train size at which the paired difference changes sign, with its 95 % interval.",
        ("a", "b", "crossover", "labels", "95 % interval"),
        tuple(_crossover_cells(study, row) for row in rows),
        tuple(rows),
        texts=3,
    )


def _crossover_cells(study: StudyResults, row: Row) -> tuple[Cell, ...]:
    kinds = {"crossing": "crosses", "none": "none in range", "before_range": "before the smallest size"}
    kind = str(row.get("kind"))
    interval = kind == "crossing" or row.get("ci_low") is not None or row.get("ci_high") is not None
    return (
        Cell(study.label(row["a"])),
        Cell(study.label(row["b"])),
        Cell(kinds.get(kind, kind)),
        Cell(words.rough(row.get("estimate"))),
        Cell(words.size_interval(row.get("ci_low"), row.get("ci_high")) if interval else words.MISSING),
    )


def label_equivalence(study: StudyResults) -> Table | None:
    """For every pair and size: the labels that b needs for the score of a."""
    rows = sorted(study.rows("label_equivalence"), key=lambda row: (*study.pair_rank(row), row["train_size"]))
    if not rows:
        return None
    return Table(
        "label_equivalence",
        "Label equivalence: the number of labels with which b scores what a scores, as a ratio with its "
        "95 % interval; > and < stand where the curve of b does not reach the score.",
        ("a", "b", "labels of a", "labels of b", "ratio", "95 % interval", "saved"),
        tuple(_equivalence_cells(study, row) for row in rows),
        tuple(rows),
        texts=2,
    )


def _equivalence_cells(study: StudyResults, row: Row) -> tuple[Cell, ...]:
    known = row.get("ratio") is not None
    sign = {"up": "> ", "down": "< ", "": ""}[censored_side(row)] if known else ""
    low, high = row.get("ratio_low"), row.get("ratio_high")
    both = low is not None and high is not None
    equivalent, saved = row.get("equivalent_size"), row.get("saved")
    return (
        Cell(study.label(row["a"])),
        Cell(study.label(row["b"])),
        Cell(words.count(row["train_size"])),
        Cell(words.MISSING if equivalent is None else sign + words.count(equivalent)),
        Cell(words.MISSING if not known else sign + words.ratio(row["ratio"])),
        Cell(f"{words.ratio(low)} to {words.ratio(high)}" if both else words.MISSING),
        Cell(words.MISSING if saved is None else sign + words.count(saved).replace("-", "−")),
    )


def recommendations(study: StudyResults) -> Table | None:
    """What to use with N labels, at the train sizes measured (the CSV has every N)."""
    records = sorted(study.rows("recommendations"), key=lambda row: row["n_labels"])
    if not records:
        return None
    shown = [row for row in records if row["n_labels"] in set(study.train_sizes)] or records
    return Table(
        "recommendations",
        f"What to use with N labelled texts, and the {study.score} in percent to expect.",
        ("labels", "strategy", "expected", "95 % interval"),
        tuple(
            (
                Cell(words.count(row["n_labels"])),
                Cell(study.label(row.get("strategy"))),
                Cell(words.percent(row.get("expected"))),
                Cell(words.percent_interval(row.get("ci_low"), row.get("ci_high")) or words.MISSING),
            )
            for row in shown
        ),
        tuple(records),
        texts=0,
    )


def costs(study: StudyResults) -> Table | None:
    """Training seconds, parameters and, where it was measured, memory, beside the accuracy."""
    places = {name: place for place, name in enumerate(study.strategies)}
    rows = sorted(
        study.rows("costs"),
        key=lambda row: (places.get(row["strategy"], len(places)), row["train_size"]),
    )
    if not rows:
        return None
    memory = any(row.get("memory_bytes") is not None for row in rows)
    header = ("strategy", "labels", "accuracy, %", "training time", "parameters", "of them trained")
    return Table(
        "costs",
        "What a classifier costs: median training time, parameters in all and those that training changes.",
        (*header, "memory") if memory else header,
        tuple(_cost_cells(study, row, memory) for row in rows),
        tuple(rows),
    )


def _cost_cells(study: StudyResults, row: Row, memory: bool) -> tuple[Cell, ...]:
    point = study.point(row["strategy"], row["train_size"])
    cells = (
        Cell(study.label(row["strategy"])),
        Cell(words.count(row["train_size"])),
        Cell(words.mean_and_half_width(point)),
        Cell(words.duration(row.get("train_seconds"))),
        Cell(words.count(row.get("parameters"))),
        Cell(words.count(row.get("trained_parameters"))),
    )
    return (*cells, Cell(words.size_in_bytes(row.get("memory_bytes")))) if memory else cells


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
    alignment = "l" * table.texts + "r" * (len(table.header) - table.texts)
    lines = [
        f"% {latex(table.caption)}",
        "% needs \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{{alignment}}}",
        "\\toprule",
        " & ".join(map(latex, table.header)) + r" \\",
        "\\midrule",
    ]
    for row in table.rows:
        cells = (f"\\textbf{{{latex(cell.text)}}}" if cell.best else latex(cell.text) for cell in row)
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def markdown_table(table: Table) -> Verbatim:
    """Return the table for Markdown; the best of each column is bold."""
    rule = ["---"] * table.texts + ["---:"] * (len(table.header) - table.texts)
    lines = [[markdown(title) for title in table.header], rule]
    for row in table.rows:
        lines.append([f"**{markdown(cell.text)}**" if cell.best else markdown(cell.text) for cell in row])
    return Verbatim("\n".join("| " + " | ".join(line) + " |" for line in lines))
