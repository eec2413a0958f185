"""Write predictions piece by piece: CSV, JSON lines or Parquet."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from embexp.errors import UserError
from embexp.models.pyfunc import LABEL, probability_columns

if TYPE_CHECKING:
    import polars as pl

# Of a label: what a spreadsheet would run. The apostrophe in front is what spreadsheets themselves write for a text.
FORMULA_START = ("=", "+", "-", "@", "\t", "\r")
SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")

Write = Callable[[NDArray[np.float32]], None]


def check_output(name: str) -> None:
    """Refuse the name of a file that says no known kind.

    Raises:
        UserError: The ending is not known, or the place cannot be written.
    """
    path = Path(name)
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"output: {name!r} does not say what to write; let it end in {', '.join(SUFFIXES)}")
    if path.is_dir() or not path.absolute().parent.is_dir():
        what = "is a folder" if path.is_dir() else f"lies in a folder that does not exist (seen from {Path.cwd()})"
        raise UserError(f"output: {name!r} {what}; give the path of a file")


@contextmanager
def open_output(name: str, classes: Sequence[str]) -> Iterator[Write]:
    """Open a file of predictions; it appears whole under its name, or not at all.

    Args:
        name: The file; its ending says the kind.
        classes: Of the model.

    Yields:
        What writes a row for each text, from its probabilities, float32, shape (texts, classes).

    Raises:
        UserError: If it cannot be written.
    """
    path = Path(name)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with beside.open("wb") as file:
            with open_stream(file, path.suffix.lower(), classes) as write:
                yield write
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise UserError(f"output: {name} cannot be written ({error.strerror or error})") from error
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def open_stream(file: BinaryIO, suffix: str, classes: Sequence[str]) -> Iterator[Write]:
    """Write predictions of one kind into an open file; arguments as for `open_output`."""
    if suffix == ".parquet":
        with _parquet(file, classes) as write:
            yield write
    elif suffix in (".csv", ".tsv"):
        yield _csv(file, classes, "\t" if suffix == ".tsv" else ",")
    else:
        yield _json(file, classes)


def guard(label: str) -> str:
    """Return a label as a cell that no spreadsheet runs as a formula."""
    return "'" + label if label.startswith(FORMULA_START) else label


def _labels(labels: Sequence[str], probabilities: NDArray[np.float32]) -> pl.Series:
    import polars as pl

    return pl.Series(LABEL, labels, dtype=pl.String).gather(probabilities.argmax(axis=1))


def _csv(file: BinaryIO, classes: Sequence[str], separator: str) -> Write:
    import polars as pl

    names, guarded = probability_columns(list(classes)), [guard(name) for name in classes]
    header = pl.DataFrame(schema={LABEL: pl.String, **dict.fromkeys(names, pl.Float32)})
    file.write(header.write_csv(separator=separator).encode())

    def write(probabilities: NDArray[np.float32]) -> None:
        columns = [pl.Series(name, probabilities[:, place]) for place, name in enumerate(names)]
        rows = pl.DataFrame([_labels(guarded, probabilities), *columns])
        file.write(rows.write_csv(separator=separator, include_header=False).encode())

    return write


def _json(file: BinaryIO, classes: Sequence[str]) -> Write:
    import polars as pl

    def write(probabilities: NDArray[np.float32]) -> None:
        columns = [pl.Series(name, probabilities[:, place]) for place, name in enumerate(classes)]
        nested = pl.DataFrame(columns).to_struct("probabilities")
        file.write(pl.DataFrame([_labels(classes, probabilities), nested]).write_ndjson().encode())

    return write


@contextmanager
def _parquet(file: BinaryIO, classes: Sequence[str]) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = probability_columns(list(classes))
    schema = pa.schema([(LABEL, pa.string()), *((name, pa.float32()) for name in names)])

    def write(probabilities: NDArray[np.float32]) -> None:
        places = pa.array(probabilities.argmax(axis=1))
        columns: list[Any] = [pa.array(list(classes)).take(places)]
        columns += [pa.array(np.ascontiguousarray(probabilities[:, place])) for place in range(len(classes))]
        writer.write_table(pa.table(columns, schema=schema))

    with pq.ParquetWriter(file, schema) as writer:
        yield write
