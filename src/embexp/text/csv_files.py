"""Labelled texts from CSV files: parsed by Arrow, every cell as it stands in the file.

"NA" and "null" are texts like any other, numbers stay as they are written. Rows are counted as a spreadsheet
counts them: the header is row 1.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import TYPE_CHECKING

from embexp.config import DatasetConfig
from embexp.errors import UserError
from embexp.text.files import TextFile, inspect, same_file
from embexp.text.labels import number_labels
from embexp.text.raw import LabelledTexts, Raw
from embexp.text.wording import did_you_mean, listed, number, shorten

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
LARGEST_HEADER = 1 << 20  # bytes


def load_csv(dataset: DatasetConfig) -> Raw:
    """Read `dataset.train` and, where it is named, `dataset.test`.

    Raises:
        UserError: a setting, a file or its content cannot be used; the sentences say what and where.
    """
    delimiter = check_settings(dataset)
    named = {"train": dataset.train, "test": dataset.test}
    files = {part: inspect(f"dataset.{part}", name) for part, name in named.items() if name}
    if len(files) == 2 and same_file(files["train"].path, files["test"].path):
        raise UserError(
            f"dataset.test: {files['test'].path} is the same file as dataset.train, and a test on texts that were"
            f" learned from says nothing; leave dataset.test out and a part is held out"
        )
    tables = {part: read_table(file, dataset, delimiter) for part, file in files.items()}
    classes, labels = number_labels(
        {part: (str(files[part]), table[dataset.label]) for part, table in tables.items()}, dataset
    )
    parts = {part: LabelledTexts(table[dataset.text], labels[part]) for part, table in tables.items()}
    return Raw(
        train=parts["train"],
        test=parts.get("test"),
        classes=classes,
        digests={part: file.sha256 for part, file in files.items()},
        origin=f"CSV file, column {dataset.text!r} labelled by {dataset.label!r}",
    )


def check_settings(dataset: DatasetConfig) -> str:
    """Refuse settings that no file can satisfy, all at once, and return the delimiter.

    Raises:
        UserError: no file named, one column for both, or a delimiter of several characters.
    """
    problems = []
    if not dataset.train:
        problems.append(
            "dataset.train: dataset=csv needs the file that holds the labelled texts: dataset.train=FILE"
        )
    if dataset.text == dataset.label:
        problems.append(
            f"dataset.label: {dataset.label!r} is the column of the texts too (dataset.text); name the column that"
            f" holds the labels"
        )
    delimiter = DELIMITERS.get(dataset.delimiter, dataset.delimiter)
    if delimiter == "\\t":
        delimiter = "\t"
    if len(delimiter) != 1 or len(delimiter.encode()) != 1 or delimiter in '"\r\n':
        problems.append(
            f"dataset.delimiter: {dataset.delimiter!r} is neither one ASCII character nor one of"
            f" {', '.join(DELIMITERS)}"
        )
    UserError.raise_if(problems)
    return delimiter


def read_table(file: TextFile, dataset: DatasetConfig, delimiter: str) -> pa.Table:
    """Parse a file into its text and label columns, both large_string without nulls.

    Raises:
        UserError: header or rows are not as they should be.
    """
    check_header(file, read_header(file, delimiter), dataset, delimiter)
    content = memory_of(file)
    table, ragged = parse(content, dataset, delimiter)
    if ragged:
        refuse_ragged(file, ragged, table.num_rows)
    if file.quotes % 2 and quote_is_open(content, dataset, delimiter):
        raise UserError(
            f"{file}: a quoted field that opens in row {table.num_rows + 1} is never closed, so the rest of the file"
            f' became one text; add the closing ", or write a " inside a quoted field as ""'
        )
    if table.num_rows == 0:
        raise UserError(f"{file}: there is a header and no row; each labelled text needs a row of its own")
    return table


def memory_of(file: TextFile) -> pa.Buffer:
    """Map a file into memory."""
    import pyarrow as pa

    with pa.memory_map(str(file.path)) as source:
        return source.read_buffer()


def read_header(file: TextFile, delimiter: str) -> list[str]:
    """Read the names of the columns."""
    with file.path.open("rb") as stream:
        start = stream.read(LARGEST_HEADER).decode("utf-8-sig", errors="ignore")
    rows = csv.reader(io.StringIO(start, newline=""), delimiter=delimiter)
    try:
        return next((row for row in rows if row), [])
    except csv.Error as error:
        raise UserError(f"{file}: the first row is not a header of column names ({error})") from error


def check_header(file: TextFile, header: list[str], dataset: DatasetConfig, delimiter: str) -> None:
    """Refuse a header without the two columns; a wrong delimiter is the commonest reason."""
    wanted = {"text": dataset.text, "label": dataset.label}
    missing = {key: name for key, name in wanted.items() if name not in header}
    if missing and len(header) == 1:
        counts = {name: header[0].count(mark) for name, mark in DELIMITERS.items() if mark != delimiter}
        likely = max(counts, key=lambda name: counts[name])
        if counts[likely]:
            raise UserError(
                f"{file}: read with dataset.delimiter={dataset.delimiter}, the header is one column"
                f" {shorten(header[0])}; it looks separated by {likely}: try dataset.delimiter={likely}"
            )
    columns = listed(map(shorten, header), len(header))
    UserError.raise_if(
        f"dataset.{key}: {file} has no column {name!r}{did_you_mean(name, header)} Its columns: {columns}; the first"
        f" row must name the columns"
        for key, name in missing.items()
    )
    twice = [name for name in wanted.values() if Counter(header)[name] > 1]
    UserError.raise_if(f"{file}: several columns are called {name!r}; rename all but one" for name in twice)


Ragged = tuple[int | None, int, int]  # row, columns expected, columns found


def parse(content: pa.Buffer, dataset: DatasetConfig, delimiter: str) -> tuple[pa.Table, list[Ragged]]:
    """Parse CSV into two string columns and collect rows that have more or fewer cells than the header."""
    table, ragged = _parse(content, dataset, delimiter, threads=True)
    return _parse(content, dataset, delimiter, threads=False) if ragged else (table, ragged)


def _parse(
    content: pa.Buffer, dataset: DatasetConfig, delimiter: str, threads: bool
) -> tuple[pa.Table, list[Ragged]]:
    """Parse with or without threads: Arrow knows the number of a bad row only without."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    ragged: list[Ragged] = []

    def note(row: arrow_csv.InvalidRow) -> str:
        ragged.append((row.number, row.expected_columns, row.actual_columns))
        return "skip"

    columns = (dataset.text, dataset.label)
    table = arrow_csv.read_csv(
        pa.BufferReader(content),
        # a row may not be longer than two blocks
        read_options=arrow_csv.ReadOptions(use_threads=threads, block_size=1 << 24),
        parse_options=arrow_csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.large_string()),
            include_columns=columns,
            strings_can_be_null=False,
            check_utf8=False,
        ),
    )
    return table, ragged


def refuse_ragged(file: TextFile, ragged: list[Ragged], good: int) -> None:
    """Say which rows have too many or too few cells."""
    expected = ragged[0][1]
    rows = listed((f"{row} ({found})" for row, _, found in ragged), len(ragged))
    raise UserError(
        f"{file}: the header has {number(expected, 'column')}, but {number(len(ragged), 'row')} of"
        f" {good + len(ragged):,} have more or fewer cells: row {rows}. A text that holds the delimiter must stand in"
        f' double quotes, and a " inside it is written ""'
    )


def quote_is_open(content: pa.Buffer, dataset: DatasetConfig, delimiter: str) -> bool:
    """Tell whether the file ends inside a quoted field: a row added at its end is then swallowed."""
    import pyarrow as pa

    before, _ = _parse(content, dataset, delimiter, threads=True)
    header = next(csv.reader(io.StringIO(bytes(content[:LARGEST_HEADER]).decode("utf-8-sig", "ignore"))))
    probe = "\n" + delimiter.join("x" for _ in header) + "\n"
    after, ragged = _parse(pa.py_buffer(bytes(content) + probe.encode()), dataset, delimiter, threads=True)
    return len(after) != len(before) + 1 or bool(ragged)
