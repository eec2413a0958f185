"""CSV files of labelled texts: parsed by Arrow in pieces, every cell as it stands in the file.

"NA" and "null" are texts like any other, numbers stay as they are written. Rows are counted as a spreadsheet
counts them: the header is row 1.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from embexp.errors import UserError
from embexp.text.files import TextFile, open_text
from embexp.text.wording import NAMED, listed, number, shorten

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
LARGEST_HEADER = 1 << 20  # bytes
BLOCK = 1 << 23  # bytes that Arrow parses at a time; one row must fit, and up to 32 blocks are read ahead


@dataclass(frozen=True)
class CsvTable:
    """A CSV file.

    Attributes:
        file: where it lies.
        delimiter: one character, or nothing to find it in the header.
        first_row: what the first row is called.
    """

    file: TextFile
    delimiter: str = ""
    first_row: int = 2

    @property
    def place(self) -> str:
        """The file and the key that named it."""
        return str(self.file)

    @property
    def separator(self) -> str:
        """The delimiter, found in the header where it is not given."""
        return self.delimiter or find_delimiter(self._first_line())

    def _first_line(self) -> str:
        with open_text(self.file) as stream:
            start = stream.read(LARGEST_HEADER).decode("utf-8-sig", errors="ignore")
        return next((line for line in start.splitlines() if line.strip()), "")

    def columns(self) -> list[str]:
        """Read the names of the columns.

        Raises:
            UserError: the first row is no header.
        """
        with open_text(self.file) as stream:
            start = stream.read(LARGEST_HEADER).decode("utf-8-sig", errors="ignore")
        rows = csv.reader(io.StringIO(start, newline=""), delimiter=self.separator)
        try:
            header = next((row for row in rows if row), [])
        except csv.Error as error:
            raise UserError(f"{self.file}: the first row is not a header of column names ({error})") from error
        if not any(cell.strip() for cell in header):
            raise UserError(f"{self.file}: the first row is blank; it must name the columns, such as text and label")
        return header

    def names_of(self, column: str) -> tuple[str, ...] | None:
        """Return None: CSV knows no class labels."""
        return None

    def check(self, wanted: Sequence[str]) -> None:
        """Refuse a header that is one column because the delimiter is another, or that names one twice."""
        header = self.columns()
        likely = find_delimiter(header[0])
        if len(header) == 1 and header[0].count(likely) and not set(wanted) <= set(header):
            used, found = (_called(mark) for mark in (self.separator, likely))
            raise UserError(
                f"{self.file}: with dataset.delimiter={used} its header is a single column {shorten(header[0])}, which"
                f" looks separated by {found}: try dataset.delimiter={found}"
            )
        twice = [name for name in wanted if Counter(header)[name] > 1]
        UserError.raise_if(f"{self.file}: several columns are called {name!r}; rename all but one" for name in twice)

    def read(self, columns: Sequence[str]) -> Iterator[dict[str, pa.Array]]:
        """Yield some rows at a time, as large_string without nulls.

        Raises:
            UserError: rows are not as they should be; those with more or fewer cells are named.
        """
        import pyarrow as pa

        header, ragged, good = self.columns(), _Ragged(), 0
        last = next(cell for cell in PROBES if self.separator not in cell)
        probe = _Probed(self.file, "\n" + self.separator.join([last] * len(header)) + "\n")
        held: pa.RecordBatch | None = None
        try:
            with probe.open() as stream:
                for batch in _open_csv(stream, list(columns), self.separator, ragged):
                    if held is not None and held.num_rows:
                        yield {name: held[name] for name in columns}
                    good += batch.num_rows
                    held = batch if batch.num_rows else held
        except pa.ArrowInvalid as error:
            raise UserError(
                f"{self.file}: it cannot be read as CSV ({' '.join(str(error).split())}); is a quoted field never"
                f" closed?"
            ) from error
        if held is None or any(held[name][-1].as_py() != last for name in columns):
            raise UserError(
                f"{self.file}: a quoted field that opens in row {good + ragged.count + 1} or before is never"
                f' closed, so rows run into each other; add the closing ", or write a " inside a quoted field as ""'
            )
        if ragged.count:
            self._refuse_ragged(header, ragged.count, good - 1)
        if held.num_rows > 1:
            yield {name: held[name].slice(0, held.num_rows - 1) for name in columns}

    def _refuse_ragged(self, header: list[str], ragged: int, good: int) -> None:
        """Say which rows have too many or too few cells; Arrow only knows how many, so read them once more."""
        found = []
        with open_text(self.file) as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
            csv.field_size_limit(BLOCK)
            rows = (row for row in csv.reader(text, delimiter=self.separator) if row)
            for place, row in enumerate(rows, 1):
                if len(row) != len(header):
                    found.append(f"{place} ({number(len(row), 'cell')})")
                if len(found) == NAMED:
                    break
        raise UserError(
            f"{self.file}: the header has {number(len(header), 'column')}, and {ragged:,} of"
            f" {number(good + ragged, 'row')} more or fewer cells: row {listed(found, ragged)}. A text that holds the"
            f' delimiter must stand in double quotes, and a " inside it is written ""'
        )


PROBES = ("added by embexp", "1234567890")  # the delimiter stands in one of them at most


class _Ragged:
    """Counts the rows that Arrow skips because they have another number of cells than the header."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, row: Any) -> str:
        self.count += 1
        return "skip"


class _Probed(io.RawIOBase):
    """A file with one more row at its end: a quoted field that is never closed swallows it."""

    def __init__(self, file: TextFile, row: str) -> None:
        self._file, self._row = file, row.encode()
        self._stream: BinaryIO

    def open(self) -> _Probed:
        """Open the file."""
        self._context = open_text(self._file)
        self._stream = self._context.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._context.__exit__(*error)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block = self._stream.read(size)
        if not block:
            block, self._row = self._row, b""
        return block


def _open_csv(stream: Any, columns: list[str], delimiter: str, ragged: _Ragged) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    yield from arrow_csv.open_csv(
        pa.PythonFile(stream, mode="r"),
        read_options=arrow_csv.ReadOptions(block_size=BLOCK),
        parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=ragged),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.large_string()),
            include_columns=columns,
            strings_can_be_null=False,
            check_utf8=False,  # the file is known to be UTF-8
        ),
    )


def find_delimiter(line: str) -> str:
    """Return the delimiter that occurs most often in a line, a comma where none does."""
    return max(DELIMITERS.values(), key=line.count)


def _called(mark: str) -> str:
    return next((name for name, known in DELIMITERS.items() if known == mark), mark)


def delimiter_of(setting: str) -> str:
    """Return the character that `dataset.delimiter` names, nothing for auto.

    Raises:
        UserError: it is neither one character nor a known name.
    """
    if setting == "auto":
        return ""
    delimiter = DELIMITERS.get(setting, setting).replace("\\t", "\t")
    if len(delimiter.encode()) != 1 or delimiter in '"\r\n':
        raise UserError(
            f"dataset.delimiter: {setting!r} is neither auto, one ASCII character nor one of {', '.join(DELIMITERS)}"
        )
    return delimiter
