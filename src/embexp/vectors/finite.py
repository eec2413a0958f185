"""Look at every number of a file of vectors, also in the rows that nobody needs: NaN anywhere tells of a bad file.

A look at each row by itself would cost more than reading it; rows are looked at some megabytes at a time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from embexp.vectors.records import Record, parse
from embexp.vectors.sources import VectorSource

AT_A_TIME = 1 << 23  # bytes
PLAIN = b"0123456789.+-eE \t\r"  # what finite numbers are written with; nan, inf and words hold other letters


class RecordCheck:
    """Takes the records whose numbers are not wanted, and refuses the first that holds no finite number."""

    def __init__(self, source: VectorSource) -> None:
        self._source = source
        self._held: list[Record] = []
        self._bytes = 0

    def add(self, record: Record) -> None:
        """Take a record; now and then the ones that were taken are looked at.

        Raises:
            UserError: One of them holds something else than finite numbers.
        """
        self._held.append(record)
        self._bytes += len(record.numbers)
        if self._bytes >= AT_A_TIME:
            self.finish()

    def finish(self) -> None:
        """Look at the records that are left."""
        numbers = b"".join(record.numbers for record in self._held)
        if not self._is_plain(numbers):
            for record in self._held:
                parse(self._source, record)
        self._held, self._bytes = [], 0

    def _is_plain(self, numbers: bytes) -> bool:
        if self._source.format.kind == "word2vec_binary":
            return bool(np.isfinite(np.frombuffer(numbers, "<f4")).all())
        return not numbers.translate(None, PLAIN)


def first_broken_row(open_rows: Callable[[], NDArray[np.floating]]) -> int | None:
    """Return the first row of a matrix with a number that is not finite; None if all are.

    Args:
        open_rows: Maps the matrix into memory. It is called for each piece, so that no more than a piece is mapped.
    """
    rows, columns = open_rows().shape
    step = max(1, AT_A_TIME // (4 * columns))
    for start in range(0, rows, step):
        finite = np.isfinite(open_rows()[start : start + step]).all(axis=1)
        if not finite.all():
            return start + int(np.flatnonzero(~finite)[0])
    return None
