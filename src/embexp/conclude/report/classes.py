"""The section on classes: at the largest size, what texts of each class were taken for."""

from __future__ import annotations

from collections.abc import Sequence

from embexp.conclude.report import words
from embexp.conclude.report.blocks import Block, Material, TableBlock, Text
from embexp.conclude.report.tables import Cell, Table

MOST_SHOWN = 20  # classes; of more, only those that are confused most are shown
PAIRS_SHOWN = 15


def classes(material: Material) -> list[Block]:
    """Recall of each class by strategy, and the confusion of each strategy, folded away."""
    found = material.study.mapping("confusion")
    strategies = dict(found.get("strategies") or {})
    labels = [str(label) for label in found.get("labels") or ()]
    if not strategies or not labels:
        return []
    size = words.count(found.get("train_size"))
    names = {name: material.study.label(name) for name in strategies}
    blocks: list[Block] = [
        Text(
            f"At {size} labels, over all seeds: the share of each class's test texts that was classified rightly, in "
            "percent. Their mean is the balanced accuracy, which counts small classes as much as large ones."
        ),
        TableBlock(_recalls(labels, strategies, names)),
    ]
    shown = _matrix if len(labels) <= MOST_SHOWN else _pairs
    for name, matrix in strategies.items():
        blocks.append(TableBlock(shown(name, names[name], labels, matrix), folded=f"Confusion of {names[name]}"))
    return blocks


def _recall(matrix: Sequence[Sequence[int]], place: int) -> float | None:
    texts = sum(matrix[place])
    return matrix[place][place] / texts if texts else None


def _recalls(labels: list[str], strategies: dict[str, Sequence[Sequence[int]]], names: dict[str, str]) -> Table:
    columns = {name: [_recall(matrix, place) for place in range(len(labels))] for name, matrix in strategies.items()}
    rows, records = [], []
    for place, label in enumerate(labels):
        values = [column[place] for column in columns.values()]
        best = max((value for value in values if value is not None), default=None)
        cells = (Cell(words.percent(value), value is not None and value == best) for value in values)
        rows.append((Cell(label), *cells))
        records += [{"class": label, "strategy": name, "recall": column[place]} for name, column in columns.items()]
    means = [[value for value in column if value is not None] for column in columns.values()]
    mean = (Cell(words.percent(sum(some) / len(some) if some else None)) for some in means)
    rows.append((Cell("balanced accuracy"), *mean))
    return Table("classes", "Recall of each class.", ("class", *names.values()), tuple(rows), tuple(records))


def _matrix(name: str, title: str, labels: list[str], matrix: Sequence[Sequence[int]]) -> Table:
    rows = tuple(
        (Cell(label), *(Cell(words.count(count), place == column) for column, count in enumerate(matrix[place])))
        for place, label in enumerate(labels)
    )
    caption = f"{title}: test texts of a class (row) that were taken for each class (column), summed over seeds."
    return Table(f"confusion_{name}", caption, ("class", *labels), rows, _records(labels, matrix))


def _pairs(name: str, title: str, labels: list[str], matrix: Sequence[Sequence[int]]) -> Table:
    wrong = [
        (count, labels[row], labels[column])
        for row, counts in enumerate(matrix)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    worst = sorted(wrong, key=lambda pair: -pair[0])[:PAIRS_SHOWN]
    rows = tuple((Cell(true), Cell(taken), Cell(words.count(count))) for count, true, taken in worst)
    caption = f"{title}: the classes that are confused most, test texts summed over seeds."
    header = ("class", "taken for", "texts")
    return Table(f"confusion_{name}", caption, header, rows, _records(labels, matrix), texts=(0, 1))


def _records(labels: list[str], matrix: Sequence[Sequence[int]]) -> tuple[dict[str, object], ...]:
    return tuple(
        {"class": labels[row], "taken_for": labels[column], "texts": count}
        for row, counts in enumerate(matrix)
        for column, count in enumerate(counts)
        if count
    )
