"""Texts without labels, read in their order and in pieces: what a trained classifier is asked about.

The kind of a file shows in its name (.csv, .tsv, .jsonl, .parquet, .arrow; anything else holds one text a line), and
- is standard input, one text a line. Every row gives one text: a missing value and an empty line are empty texts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from embexp.errors import UserError
from embexp.text.columns import choose_text
from embexp.text.csv_files import CsvTable, delimiter_of
from embexp.text.files import TextFile, inspect, open_text
from embexp.text.parts import pieces_of
from embexp.text.tables import ArrowTable, JsonTable, ParquetTable, Table, filled

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

STANDARD_INPUT = "-"
BLOCK = 1 << 20  # bytes of lines that are read at a time
LONGEST_LINE = 1 << 28  # bytes: what is longer is hardly a text, and has to fit into memory
PACKED = (".gz", ".zst")
JSON_NAMES, ARROW_NAMES = (".jsonl", ".ndjson", ".json"), (".arrow", ".feather", ".ipc")


@dataclass(frozen=True)
class Unlabelled:
    """A source of texts.

    Attributes:
        place: What sentences call it.
        column: The column of the texts; None where lines are texts.
        read: Starts from the beginning; yields some thousand texts at a time, without nulls.
    """

    place: str
    column: str | None
    read: Callable[[], Iterator[pl.Series]]


def open_unlabelled(
    name: str, column: str | None = None, delimiter: str = "auto", key: str = "FILE", column_key: str = "text"
) -> Unlabelled:
    """Look at a file of texts; nothing but its beginning is kept.

    Args:
        name: The file, or - for standard input.
        column: Its column of texts; None guesses.
        delimiter: Of a CSV file, as `dataset.delimiter`.
        key: What sentences call the setting that names the file.
        column_key: What they call the setting that names the column.

    Raises:
        UserError: There is no such file, it is of another kind than its name says, or has no such column.
    """
    if name == STANDARD_INPUT:
        return Unlabelled("standard input", None, lambda: _lines(sys.stdin.buffer, "standard input"))
    kind = kind_of(name)
    file = inspect(key, name, binary=kind in ("parquet", "arrow"))
    if kind == "lines":
        if column is not None:
            raise UserError(
                f"text: {column!r} names a column, and {name} is read line by line, a text each; leave it out"
            )

        def read_lines() -> Iterator[pl.Series]:
            with open_text(file) as stream:
                yield from _lines(stream, str(file))

        return Unlabelled(str(file), None, read_lines)
    if kind == "parquet" and (file.packed or not file.starts.startswith(b"PAR1")):
        raise UserError(f"{file}: it is no Parquet file, which begins with PAR1; name it by what it is")
    table: Table
    if kind == "csv":
        table = CsvTable(file, delimiter_of("tab" if _bare(name).suffix == ".tsv" else delimiter))
        if column is not None:
            table.check([column])
    else:
        kinds: dict[str, Callable[[TextFile], Table]] = {
            "json": JsonTable,
            "parquet": ParquetTable,
            "arrow": ArrowTable,
        }
        table = kinds[kind](file)
    chosen = choose_text(column, table, column_key)
    return Unlabelled(str(file), chosen, lambda: pieces_of(_column(table, chosen)))


def _bare(name: str) -> Path:
    path = Path(name)
    return path.with_suffix("") if path.suffix.lower() in PACKED else path


def kind_of(name: str) -> str:
    """Return how a file is read, by its name: csv, json, parquet, arrow or lines."""
    suffix = _bare(name).suffix.lower()
    if suffix in (".csv", ".tsv"):
        return "csv"
    return (
        "json"
        if suffix in JSON_NAMES
        else "parquet"
        if suffix == ".parquet"
        else "arrow"
        if suffix in ARROW_NAMES
        else "lines"
    )


def _column(table: Table, name: str) -> Iterator[pa.Array]:
    for piece in table.read([name]):
        yield filled(piece[name])


def _lines(stream: BinaryIO | Any, place: str) -> Iterator[pl.Series]:
    """Yield the lines of a stream; only a line feed, or one after a carriage return, ends a line."""
    import polars as pl

    rest, first = b"", 1
    while True:
        block = stream.read1(BLOCK) if hasattr(stream, "read1") else stream.read(BLOCK)
        data = rest + block
        end = len(data) if not block else data.rfind(b"\n") + 1
        rest = data[end:]
        if len(rest) > LONGEST_LINE:
            raise UserError(f"{place}: line {first:,} has more than {LONGEST_LINE:,} bytes; each line must be one text")
        if end:
            with _decoding(place, data[:end], first):
                lines = data[:end].decode("utf-8-sig" if first == 1 else "utf-8").split("\n")
            if lines[-1] == "":
                lines.pop()
            first += len(lines)
            yield pl.Series([line.removesuffix("\r") for line in lines], dtype=pl.String)
        if not block:
            return


@contextmanager
def _decoding(place: str, data: bytes, first: int) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        line = first + data[: error.start].count(b"\n")
        raise UserError(
            f"{place}: line {line:,} is not UTF-8 (byte 0x{data[error.start]:02x}); convert it with iconv -f "
            "WINDOWS-1252 -t UTF-8"
        ) from None
