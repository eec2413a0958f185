"""One pass over the texts of a part: chunks for the tokeniser, and what the data sheet counts on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from embexp.text.raw import LabelledTexts

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

CHUNK_BYTES = 1 << 22  # of text; the tokens of a chunk need about six times as much


class Progress(Protocol):
    """How far the work is; the engine's `Work.progress` is one."""

    def __call__(self, done: float, total: float, unit: str = "", note: str = "") -> None:
        """Report that `done` of `total` units are done."""


@dataclass
class Part:
    """Some texts of a source, in ascending order of row.

    Attributes:
        name: pool or test.
        source: the texts that they are some of.
        rows: int64, the rows of the source that belong to this part, ascending.
        empty: number of texts of nothing but blanks, filled by `chunks`.
    """

    name: str
    source: LabelledTexts
    rows: npt.NDArray[np.int64]
    empty: int = 0
    _hashes: list[npt.NDArray[np.uint64]] = field(default_factory=list)

    @property
    def hashes(self) -> npt.NDArray[np.uint64]:
        """One number a text, once `chunks` has run: equal texts have equal numbers, empty ones 0."""
        if len(self._hashes) != 1:
            self._hashes = [np.concatenate([np.zeros(0, np.uint64), *self._hashes])]
        return self._hashes[0]

    def labels(self) -> npt.NDArray[np.int16]:
        """Return the class of each text, int16, shape (texts,)."""
        return self.source.labels[self.rows]

    def chunks(self, progress: Progress, done: int, total: int) -> Iterator[pl.Series]:
        """Yield the texts, some megabytes at a time, and note hashes and empty texts.

        Args:
            progress: told after each chunk.
            done: texts of other parts that are done already.
            total: texts of all parts.
        """
        first = 0
        for texts in pieces_of(self.source.read()):
            last = first + len(texts)
            start, stop = np.searchsorted(self.rows, (first, last))
            if stop - start < len(texts):
                texts = texts.gather(self.rows[start:stop] - first)
            if len(texts):
                self._note(texts)
                yield texts
            first = last
            progress(done + int(stop), total, "texts", f"tokenising the {self.name}")

    def _note(self, texts: pl.Series) -> None:
        hashes = hashes_of(texts)
        self.empty += int((hashes == 0).sum())
        self._hashes.append(hashes)


def hashes_of(texts: pl.Series) -> npt.NDArray[np.uint64]:
    """Return one number a text, outer blanks aside: equal texts have equal ones, empty texts 0."""
    stripped = texts.str.strip_chars()
    hashes: npt.NDArray[np.uint64] = stripped.hash(seed=0).to_numpy().copy()
    hashes[hashes == 0] = 1
    hashes[(stripped.str.len_bytes() == 0).to_numpy()] = 0
    return hashes


def hashes_of_all(source: LabelledTexts) -> npt.NDArray[np.uint64]:
    """Return one number for each text of a source."""
    return np.concatenate([np.zeros(0, np.uint64), *map(hashes_of, pieces_of(source.read()))])


def pieces_of(arrays: Iterable[pa.Array]) -> Iterator[pl.Series]:
    """Cut or join arrays into pieces of about `CHUNK_BYTES`."""
    import polars as pl

    held: list[pl.Series] = []
    size = 0
    for array in arrays:
        parts = max(1, -(-array.nbytes // CHUNK_BYTES))
        step = max(1, -(-len(array) // parts))
        for start in range(0, len(array), step):
            piece = array.slice(start, step)
            held.append(pl.Series(pl.from_arrow(piece)))
            size += array.nbytes / parts
            if size >= CHUNK_BYTES / 2:
                yield pl.concat(held) if len(held) > 1 else held[0]
                held, size = [], 0
    if held:
        yield pl.concat(held) if len(held) > 1 else held[0]
