"""From a column of labels to classes: any kind of label keeps its name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from embexp.errors import UserError
from embexp.text.tables import filled
from embexp.text.wording import listed, number, shorten

if TYPE_CHECKING:
    from embexp.text.tables import Table

MOST_CLASSES = 150
MOST_DIFFERENT = 100_000  # labels that are read before a column is known to hold none
CONTINUOUS_FROM = 11  # different numbers, some of them fractions: half stars from .5 to 5 are 10 classes
TEXTLIKE = 60  # characters a label has on average when the columns are swapped


@dataclass(frozen=True)
class LabelColumn:
    """The labels of one file.

    Attributes:
        file: the file, as sentences name it.
        name: the column.
        names: its different labels, in the order they first occur; a missing one is the empty text.
        codes: position in `names` for each row.
        first_row: what the first row is called.
        order: names of a ClassLabel column, in the order of their numbers; None for labels that have no order.
    """

    file: str
    name: str
    names: list[str]
    codes: npt.NDArray[np.integer[Any]]
    first_row: int = 2
    order: tuple[str, ...] | None = None

    @classmethod
    def of(cls, table: Table, name: str) -> LabelColumn:
        """Find the different labels of a column, piece by piece."""
        places: dict[str, int] = {}
        codes = [np.zeros(0, np.int32)]
        for piece in table.read([name]):
            encoded = filled(piece[name]).dictionary_encode()
            known = [places.setdefault(label, len(places)) for label in encoded.dictionary.to_pylist()]
            if len(places) > MOST_DIFFERENT:
                break  # an identifier or a text: enough is known to refuse it
            # to_numpy would import pandas: half a second
            codes.append(np.array(known, np.int32)[np.asarray(np.from_dlpack(encoded.indices))])
        return cls(table.place, name, list(places), np.concatenate(codes), table.first_row, table.names_of(name))

    @property
    def unlabelled(self) -> bool:
        """Whether no row has a label: test texts of a competition."""
        return all(not name.strip() for name in self.names)

    @property
    def counts(self) -> dict[str, int]:
        """Rows of each label."""
        return dict(zip(self.names, np.bincount(self.codes).tolist(), strict=True))


def number_labels(
    train: LabelColumn, others: Sequence[LabelColumn] = ()
) -> tuple[tuple[str, ...], list[npt.NDArray[np.int16]]]:
    """Number the classes: as a ClassLabel column does, whole numbers in their order, all else by code point.

    Args:
        train: labels to learn from; they decide which classes there are.
        others: labels to score on.

    Returns:
        The names of the classes, and for each column int16 positions in them.

    Raises:
        UserError: missing labels, one class only, too many classes, or test labels that no text to learn
            from has.
    """
    columns = [train, *others]
    UserError.raise_if(problem for column in columns for problem in missing_labels(column))
    check_classes(train)
    order = {name: place for place, name in enumerate(train.order or ())}
    place = _place(train.names)
    classes = tuple(sorted(train.names, key=lambda name: (order.get(name, len(order)), place(name))))
    position = {name: place for place, name in enumerate(classes)}
    for column in others:
        check_test_labels(column, classes)
    return classes, [np.array([position[name] for name in column.names], np.int16)[column.codes] for column in columns]


def _place(names: list[str]) -> Callable[[str], tuple[int, str]]:
    """Return the sorting key: the value where all names are whole numbers, else the name."""
    if all(name.strip().removeprefix("-").isdecimal() for name in names):
        return lambda name: (int(name), name)
    return lambda name: (0, name)


def missing_labels(column: LabelColumn) -> list[str]:
    """Say which rows have no label, if any."""
    blank = np.array([not name.strip() for name in column.names])
    rows = np.flatnonzero(blank[column.codes]) + column.first_row
    if not len(rows):
        return []
    return [
        f"{column.file}: column {column.name!r} holds no label for {len(rows):,} of"
        f" {number(len(column.codes), 'text')} (row {listed(rows, len(rows))}); label them, or take these rows out"
    ]


def check_classes(column: LabelColumn) -> None:
    """Refuse a column that cannot be classes.

    Raises:
        UserError: one label only, a measurement, or more than MOST_CLASSES labels.
    """
    names = column.names
    start = f"dataset.label: column {column.name!r} of {column.file}"
    if len(names) == 1:
        raise UserError(
            f"{start} holds one label only ({shorten(names[0])}); a classifier needs texts of at least two classes"
        )
    numbers = [value for value in map(_as_number, names) if value is not None]
    fractions = any(not value.is_integer() for value in numbers)
    if len(numbers) == len(names) >= CONTINUOUS_FROM and fractions:
        raise UserError(
            f"{start} looks like a measurement, not classes: {len(names):,} different numbers from"
            f" {min(numbers):g} to {max(numbers):g}; turn them into classes first, for example low, middle and high"
        )
    if len(names) > MOST_CLASSES:
        raise UserError(
            f"{start} holds {len(names):,} different labels in {len(column.codes):,} rows, and {MOST_CLASSES}"
            f" classes are the most that work (first: {listed(map(shorten, names), len(names))});"
            f" {_reason_for_many(column)}"
        )


def _as_number(name: str) -> float | None:
    try:
        value = float(name)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _reason_for_many(column: LabelColumn) -> str:
    """Guess why a column has very many labels."""
    if sum(map(len, column.names)) > TEXTLIKE * len(column.names):
        return "they look like texts: are dataset.text and dataset.label swapped?"
    if len(column.names) >= len(column.codes):
        return "no two rows share a label: is the column an identifier?"
    return "choose another column, or join rare classes"


def check_test_labels(column: LabelColumn, classes: tuple[str, ...]) -> None:
    """Refuse test labels that no text to learn from has.

    Raises:
        UserError: names the labels and their numbers of texts.
    """
    unseen = {name: count for name, count in column.counts.items() if name not in classes}
    if unseen:
        named = (f"{shorten(name)} ({number(count, 'text')})" for name, count in unseen.items())
        known = listed(map(shorten, classes), len(classes))
        raise UserError(
            f"{column.file}: {number(len(unseen), 'label')} of its column {column.name!r} cannot be learned, since no"
            f" text of dataset.train has it: {listed(named, len(unseen))}. dataset.train has {known}; spell"
            f" the labels alike, or take these texts out"
        )
