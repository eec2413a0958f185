"""Labelled texts as they come out of a source, before any split."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with their classes.

    Attributes:
        labels: int16, shape (texts,), positions in `Raw.classes`.
        read: yields the texts from the first to the last, as Arrow arrays of large_string without nulls, each time
            it is called; a file of any size is never in memory as a whole.
    """

    labels: npt.NDArray[np.int16]
    read: Callable[[], Iterator[pa.Array]]

    def to_list(self) -> list[str]:
        """Return all texts."""
        return [text for array in self.read() for text in array.to_pylist()]

    @classmethod
    def held(cls, texts: pa.ChunkedArray, labels: npt.NDArray[np.int16]) -> LabelledTexts:
        """Wrap texts that are in memory already."""
        return cls(labels, lambda: iter(texts.chunks))


@dataclass(frozen=True)
class Raw:
    """What a source holds.

    Attributes:
        train: the texts the pool comes from.
        test: the source's own test texts, if it has them.
        classes: names of the classes.
        digests: sha256 of the content of each part.
        origin: where the texts come from, without paths: it is written into the entry.
        validation: the source's own validation texts, if it has them.
        text: column of the texts, None where there are no columns.
        label: column of the labels.
        notes: sentences on what is odd in the source.
        guesses: sentences on settings that nobody gave; they are for the user, not for the entry.
        check_unchanged: refuses a source that was written to since it was inspected.
    """

    train: LabelledTexts
    test: LabelledTexts | None
    classes: tuple[str, ...]
    digests: Mapping[str, str]
    origin: str
    validation: LabelledTexts | None = None
    text: str | None = None
    label: str | None = None
    notes: tuple[str, ...] = field(default=())
    guesses: tuple[str, ...] = field(default=())
    check_unchanged: Callable[[], None] = lambda: None

    def part(self, name: str) -> LabelledTexts:
        """Return train, validation or test."""
        found: LabelledTexts | None = {"train": self.train, "validation": self.validation, "test": self.test}[name]
        if found is None:
            raise KeyError(f"the source has no {name} texts")
        return found
