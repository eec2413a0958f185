"""Files of labelled texts, read column by column in pieces: Parquet, Arrow, JSON lines, folders of texts.

A table is read from its start as often as wanted. Whatever the type of a column, its values come as strings, missing
ones as nulls; a file of any size takes the memory of a few pieces.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from embexp.errors import UserError
from embexp.text.files import TextFile, open_text
from embexp.text.wording import listed, shorten

if TYPE_CHECKING:
    import datasets
    import pyarrow as pa

ROWS_AT_A_TIME = 4096
LINES_AT_A_TIME = 8192
LOOKED_AT = 1000  # lines of JSON that tell which columns there are


class Table(Protocol):
    """Named columns of equal length.

    Attributes:
        place: the file, as sentences name it.
        first_row: what the first row is called: 2 below a header, else 1.
    """

    @property
    def place(self) -> str: ...  # noqa: D102

    @property
    def first_row(self) -> int: ...  # noqa: D102

    def columns(self) -> list[str]:
        """Return the names of the columns."""

    def names_of(self, column: str) -> tuple[str, ...] | None:
        """Return the class names that a column of numbers stands for, if the file holds them."""

    def read(self, columns: Sequence[str]) -> Iterator[dict[str, pa.Array]]:
        """Yield the columns as arrays of large_string, some rows at a time."""


@contextmanager
def sentences(place: str, kind: str) -> Iterator[None]:
    """Turn what Arrow raises on a damaged file into a sentence."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{place}: it cannot be read as {kind} ({reason[:200]}); was it written or copied to its end?"
        ) from error


def as_strings(column: pa.Array, place: str, name: str, names: Sequence[str] | None = None) -> pa.Array:
    """Spell the values of a column: numbers as they are written, class numbers by their names.

    Raises:
        UserError: the column is nested.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if names is not None and pa.types.is_integer(column.type):
        known = pc.and_(pc.greater_equal(column, 0), pc.less(column, len(names)))  # -1 is datasets' missing label
        return pa.array(list(names), pa.large_string()).take(pc.if_else(known, column, None))
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        raise UserError(
            f"{place}: column {name!r} holds values of type {column.type}, and a text or label is one string or"
            f" number; choose another column, or write one with the part that is meant"
        )
    return column.cast(pa.large_string())


def filled(column: pa.Array) -> pa.Array:
    """Return a column of strings with the empty text where a value is missing."""
    return column.fill_null("") if column.null_count else column  # fill_null would import pandas: half a second


def class_names(schema: pa.Schema, column: str) -> tuple[str, ...] | None:
    """Read the names of a ClassLabel column that `datasets` left in a file's metadata."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        feature = features[column]
        return tuple(map(str, feature["names"])) if feature.get("_type") == "ClassLabel" else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


@dataclass(frozen=True)
class ParquetTable:
    """A Parquet file."""

    file: TextFile
    first_row: int = 1

    @property
    def place(self) -> str:
        """The file and the key that named it."""
        return str(self.file)

    def _schema(self) -> pa.Schema:
        import pyarrow.parquet as pq

        with sentences(self.place, "Parquet"):
            return pq.read_schema(self.file.path)

    def columns(self) -> list[str]:
        """Return the names of the columns."""
        return list(self._schema().names)

    def names_of(self, column: str) -> tuple[str, ...] | None:
        """Return the names of a ClassLabel column."""
        return class_names(self._schema(), column)

    def read(self, columns: Sequence[str]) -> Iterator[dict[str, pa.Array]]:
        """Yield some rows at a time."""
        import pyarrow.parquet as pq

        schema = self._schema()
        names = {column: class_names(schema, column) for column in columns}
        with sentences(self.place, "Parquet"), pq.ParquetFile(self.file.path, pre_buffer=False) as file:
            for batch in file.iter_batches(ROWS_AT_A_TIME, columns=list(columns), use_threads=False):
                yield {name: as_strings(batch[name], self.place, name, names[name]) for name in columns}


@dataclass(frozen=True)
class ArrowTable:
    """An Arrow file (or Feather file), or an Arrow stream, which may be compressed."""

    file: TextFile
    first_row: int = 1

    @property
    def place(self) -> str:
        """The file and the key that named it."""
        return str(self.file)

    @contextmanager
    def _open(self) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
        import pyarrow as pa

        with sentences(self.place, "Arrow"):
            if self.file.starts.startswith(b"ARROW1"):
                with pa.OSFile(str(self.file.path)) as source, pa.ipc.open_file(source) as file:
                    yield file.schema, (file.get_batch(number) for number in range(file.num_record_batches))
            else:
                with open_text(self.file) as stream, pa.ipc.open_stream(pa.PythonFile(stream, mode="r")) as batches:
                    yield batches.schema, iter(batches)

    def columns(self) -> list[str]:
        """Return the names of the columns."""
        with self._open() as (schema, _):
            return list(schema.names)

    def names_of(self, column: str) -> tuple[str, ...] | None:
        """Return the names of a ClassLabel column."""
        with self._open() as (schema, _):
            return class_names(schema, column)

    def read(self, columns: Sequence[str]) -> Iterator[dict[str, pa.Array]]:
        """Yield some rows at a time."""
        with self._open() as (schema, batches):
            names = {column: class_names(schema, column) for column in columns}
            for batch in batches:
                yield {name: as_strings(batch[name], self.place, name, names[name]) for name in columns}


@dataclass(frozen=True)
class JsonTable:
    """JSON lines: an object a line."""

    file: TextFile
    first_row: int = 1

    @property
    def place(self) -> str:
        """The file and the key that named it."""
        return str(self.file)

    def _rows(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield (line, object)."""
        with open_text(self.file) as stream:
            for line, content in enumerate(stream, 1):
                bare = content.removeprefix(b"\xef\xbb\xbf").strip()
                if not bare:
                    continue
                try:
                    row = json.loads(bare)
                except ValueError as error:
                    raise UserError(
                        f"{self.file}: line {line} is not JSON ({error}); JSON lines hold one object a line, as in"
                        f' {{"text": "…", "label": "…"}}'
                    ) from None
                if not isinstance(row, dict):
                    kind = "an array" if isinstance(row, list) else shorten(str(row))
                    raise UserError(
                        f"{self.file}: line {line} is {kind}, not an object with names; turn a JSON array into"
                        f" JSON lines with jq -c '.[]'"
                    )
                yield line, row

    def columns(self) -> list[str]:
        """Return the names that occur in the first lines."""
        found: dict[str, None] = {}
        for number, (_, row) in enumerate(self._rows()):
            if number == LOOKED_AT:
                break
            found |= dict.fromkeys(row)
        return list(found)

    def names_of(self, column: str) -> tuple[str, ...] | None:
        """Return None: JSON knows no class labels."""
        return None

    def read(self, columns: Sequence[str]) -> Iterator[dict[str, pa.Array]]:
        """Yield some lines at a time."""
        held: dict[str, list[str | None]] = {name: [] for name in columns}
        for line, row in self._rows():
            for name in columns:
                held[name].append(self._spell(row.get(name), name, line))
            if len(held[columns[0]]) == LINES_AT_A_TIME:
                yield _arrays(held)
                held = {name: [] for name in columns}
        if held[columns[0]]:
            yield _arrays(held)

    def _spell(self, value: Any, name: str, line: int) -> str | None:
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, int | float):
            return str(value)
        kind = "an array" if isinstance(value, list) else "an object"
        raise UserError(
            f"{self.file}: {name!r} is {kind} in line {line}, and a text or label is one string or number; choose"
            f" another name, or write one with the part that is meant"
        )


def _arrays(held: Mapping[str, list[str | None]]) -> dict[str, pa.Array]:
    import pyarrow as pa

    return {name: pa.array(values, pa.large_string()) for name, values in held.items()}


@dataclass(frozen=True)
class FolderTable:
    """A folder with one sub-folder a class and one file a text; their names are the labels."""

    key: str
    folder: Path
    files: tuple[tuple[Path, str], ...]  # (file, label), in the order of their paths
    first_row: int = 1

    @property
    def place(self) -> str:
        """The folder and the key that named it."""
        return f"{self.key}={self.folder}"

    def columns(self) -> list[str]:
        """Return the two columns that every folder has."""
        return ["text", "label"]

    def names_of(self, column: str) -> tuple[str, ...] | None:
        """Return None: labels are the folders' names already."""
        return None

    def read(self, columns: Sequence[str]) -> Iterator[dict[str, pa.Array]]:
        """Yield some files at a time."""
        for start in range(0, len(self.files), ROWS_AT_A_TIME // 8):
            some = self.files[start : start + ROWS_AT_A_TIME // 8]
            held: dict[str, list[str | None]] = {}
            for name in columns:
                held[name] = [self._text(file) if name == "text" else label for file, label in some]
            yield _arrays(held)

    def _text(self, file: Path) -> str:
        try:
            return file.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UserError(
                f"{self.key}: {file} is not UTF-8 (byte 0x{error.object[error.start]:02x} at offset {error.start});"
                f" convert it with iconv -f WINDOWS-1252 -t UTF-8, or take it out"
            ) from None
        except OSError as error:
            reason = error.strerror
            raise UserError(f"{self.key}: {file} cannot be read ({reason}); check disk and permissions") from error


@dataclass(frozen=True)
class DatasetTable:
    """A Hugging Face data set, mapped from its Arrow files."""

    place: str
    data: datasets.Dataset
    first_row: int = 1

    def columns(self) -> list[str]:
        """Return the names of the columns."""
        return list(self.data.column_names)

    def names_of(self, column: str) -> tuple[str, ...] | None:
        """Return the names of a ClassLabel column."""
        names = getattr(self.data.features[column], "names", None)
        return tuple(names) if names else None

    def read(self, columns: Sequence[str]) -> Iterator[dict[str, pa.Array]]:
        """Yield some rows at a time."""
        names = {column: self.names_of(column) for column in columns}
        for piece in self.data.select_columns(list(columns)).with_format("arrow").iter(ROWS_AT_A_TIME):
            yield {name: as_strings(piece[name], self.place, name, names[name]) for name in columns}


@dataclass(frozen=True)
class Joined:
    """Several tables with the same columns, one after the other."""

    tables: tuple[Table, ...]

    @property
    def place(self) -> str:
        """The tables' places."""
        return listed((table.place for table in self.tables), len(self.tables))

    @property
    def first_row(self) -> int:
        """The first row of the first table."""
        return self.tables[0].first_row

    def columns(self) -> list[str]:
        """Return the columns that all tables have."""
        others = [table.columns() for table in self.tables[1:]]
        return [name for name in self.tables[0].columns() if all(name in other for other in others)]

    def names_of(self, column: str) -> tuple[str, ...] | None:
        """Return the names that the first table knows."""
        return self.tables[0].names_of(column)

    def read(self, columns: Sequence[str]) -> Iterator[dict[str, pa.Array]]:
        """Yield the pieces of each table."""
        for table in self.tables:
            yield from table.read(columns)
