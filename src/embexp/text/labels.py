"""From a column of labels to classes: any kind of label keeps its name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from embexp.config import DatasetConfig
from embexp.errors import UserError
from embexp.text.wording import listed, number, shorten

if TYPE_CHECKING:
    import pyarrow as pa

MOST_CLASSES = 150
CONTINUOUS_FROM = 11  # different numbers, some of them fractions: half stars from .5 to 5 are 10 classes
TEXTLIKE = 60  # characters a label has on average when the columns are swapped

Column = tuple[str, "pa.ChunkedArray"]  # where it comes from, and its cells


def number_labels(
    columns: Mapping[str, Column], dataset: DatasetConfig
) -> tuple[tuple[str, ...], dict[str, npt.NDArray[np.int16]]]:
    """Number the classes: whole numbers in their order, all else by code point.

    Args:
        columns: for `train` and perhaps `test`, the name of the file and its label column (large_string).
        dataset: for the sentences.

    Returns:
        The names of the classes, and for each part int16 positions in them.

    Raises:
        UserError: missing labels, one class only, too many classes, or test labels that no text to learn
            from has.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    _refuse_missing(columns, dataset)
    where, train = columns["train"]
    counted = pc.value_counts(train)
    names = counted.field("values").to_pylist()
    _check_classes(
        where, dict(zip(names, counted.field("counts").to_pylist(), strict=True)), len(train), dataset
    )
    classes = tuple(sorted(names, key=_order(names)))
    _refuse_unseen(columns, classes)
    positions = pa.array(classes, pa.large_string())
    labels = {part: pc.index_in(column, positions) for part, (_, column) in columns.items()}
    return classes, {part: np.asarray(found.to_numpy(), np.int16) for part, found in labels.items()}


def _order(names: list[str]):  # type: ignore[no-untyped-def]
    """Sort whole numbers by value, everything else by code point."""
    if all(_is_whole(name) for name in names):
        return lambda name: (int(name), name)
    return lambda name: (0, name)


def _is_whole(name: str) -> bool:
    digits = name.strip().removeprefix("-")
    return digits.isascii() and digits.isdigit()


def _as_number(name: str) -> float | None:
    try:
        value = float(name)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _refuse_missing(columns: Mapping[str, Column], dataset: DatasetConfig) -> None:
    import pyarrow.compute as pc

    problems = []
    for where, column in columns.values():
        blank = pc.equal(pc.utf8_trim_whitespace(column), "").to_numpy()
        rows = np.flatnonzero(blank) + 2  # the header is row 1
        if len(rows):
            problems.append(
                f"{where}: {number(len(rows), 'text')} of {len(column):,} have no label in column"
                f" {dataset.label!r} (row {listed(rows, len(rows))}); label them, or take these rows out of the file"
            )
    UserError.raise_if(problems)


def _check_classes(where: str, counts: dict[str, int], texts: int, dataset: DatasetConfig) -> None:
    """Refuse a column that cannot be classes."""
    key = f"dataset.label: column {dataset.label!r} of {where}"
    if len(counts) == 1:
        raise UserError(
            f"{key} holds one label only ({shorten(next(iter(counts)))}); a classifier needs texts of at least two"
        )
    values = [_as_number(name) for name in counts]
    numbers = [value for value in values if value is not None]
    numeric = len(numbers) == len(values)
    if numeric and len(counts) >= CONTINUOUS_FROM and any(value != int(value) for value in numbers):
        raise UserError(
            f"{key} looks like a measurement, not classes: {len(counts):,} different numbers from {min(numbers):g} to"
            f" {max(numbers):g}; turn them into classes first, for example low, middle and high"
        )
    if len(counts) <= MOST_CLASSES:
        return
    hint = "choose another column, or join rare classes"
    if len(counts) == texts:
        hint = "no two texts share a label: is it an identifier?"
    if sum(map(len, counts)) > TEXTLIKE * len(counts):
        hint = "they look like texts: are dataset.text and dataset.label swapped?"
    raise UserError(
        f"{key} holds {len(counts):,} different labels in {texts:,} rows, and {MOST_CLASSES} classes are the most"
        f" that work (first: {listed(map(shorten, counts), len(counts))}); {hint}"
    )


def _refuse_unseen(columns: Mapping[str, Column], classes: tuple[str, ...]) -> None:
    """Refuse test labels that no text to learn from has."""
    if "test" not in columns:
        return
    import pyarrow.compute as pc

    where, column = columns["test"]
    counted = pc.value_counts(column)
    pairs = zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)
    unseen = {name: count for name, count in pairs if name not in classes}
    if unseen:
        named = (f"{shorten(name)} ({number(count, 'text')})" for name, count in unseen.items())
        raise UserError(
            f"{where}: {number(len(unseen), 'label')} never occur in dataset.train: {listed(named, len(unseen))}."
            f" Labels of dataset.train: {listed(map(shorten, classes), len(classes))}; spell them alike, or take these"
            f" texts out"
        )
