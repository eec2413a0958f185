"""One pass over the texts of a part: chunks for the tokeniser, and what the data sheet counts on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import datasets
    import polars as pl

CHUNK_BYTES = 1 << 22  # of text; the tokens of a chunk need about six times as much


class Progress(Protocol):
    """How far the work is; the engine's `Work.progress` is one."""

    def __call__(self, done: float, total: float, unit: str = "", note: str = "") -> None:
        """Report that `done` of `total` units are done."""


@dataclass
class Part:
    """Some texts of a data set, in ascending order of row.

    Attributes:
        name: pool or test.
        source: data set with columns text and label.
        rows: int64, the rows of the source that belong to this part, ascending.
        empty: number of texts of nothing but blanks, filled by `chunks`.
    """

    name: str
    source: datasets.Dataset
    rows: npt.NDArray[np.int64]
    empty: int = 0
    _hashes: list[npt.NDArray[np.uint64]] = field(default_factory=list)

    @property
    def hashes(self) -> npt.NDArray[np.uint64]:
        """One number a text, once `chunks` has run: equal texts have equal numbers, empty ones 0."""
        return np.concatenate([np.zeros(0, np.uint64), *self._hashes])

    def labels(self) -> npt.NDArray[np.int16]:
        """Return the class of each text, int16, shape (texts,)."""
        return labels_of(self.source)[self.rows]

    def chunks(self, progress: Progress, done: int, total: int) -> Iterator[pl.Series]:
        """Yield the texts, some megabytes at a time, and note hashes and empty texts.

        Args:
            progress: told after each chunk.
            done: texts of other parts that are done already.
            total: texts of all parts.
        """
        import polars as pl

        size = max(1, int(CHUNK_BYTES * len(self.source) / max(self.source.data.nbytes, 1)))
        first = 0
        for table in self.source.select_columns("text").with_format("arrow").iter(size):
            last = first + len(table)
            start, stop = np.searchsorted(self.rows, (first, last))
            texts = pl.Series(pl.from_arrow(table["text"]))
            if stop - start < len(texts):
                texts = texts.gather(self.rows[start:stop] - first)
            self._note(texts)
            yield texts
            first = last
            progress(done + int(stop), total, "texts", f"tokenising the {self.name}")

    def _note(self, texts: pl.Series) -> None:
        stripped = texts.str.strip_chars()
        empty = (stripped.str.len_bytes() == 0).to_numpy()
        hashes = stripped.hash(seed=0).to_numpy().copy()
        hashes[hashes == 0] = 1
        hashes[empty] = 0
        self.empty += int(empty.sum())
        self._hashes.append(hashes)


def labels_of(source: datasets.Dataset) -> npt.NDArray[np.int16]:
    """Return the label column of a data set as int16, shape (texts,)."""
    column = source.select_columns("label").with_format("arrow")[:]["label"]
    return np.asarray(column.to_numpy(), np.int16)
