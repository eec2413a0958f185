"""Labelled texts from CSV files: parsed by Arrow, every cell as it stands in the file.

"NA" and "null" are texts like any other, numbers stay as they are written. Rows are counted as a spreadsheet
counts them: the header is row 1.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from embexp.config import DatasetConfig
from embexp.errors import UserError
from embexp.text.files import TextFile, inspect
from embexp.text.labels import LabelColumn, number_labels
from embexp.text.raw import LabelledTexts, Raw
from embexp.text.wording import did_you_mean, listed, number, shorten

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
LARGEST_HEADER = 1 << 20  # bytes
BLOCK = 1 << 24  # bytes that Arrow parses at a time; one row must fit


def load_csv(dataset: DatasetConfig) -> Raw:
    """Read `dataset.train` and, where it is named, `dataset.test`.

    Raises:
        UserError: a setting, a file or its content cannot be used; the sentences say what and where.
    """
    layout = Layout(dataset.text, dataset.label, check_settings(dataset))
    named = {"train": dataset.train, "test": dataset.test}
    files = {part: inspect(f"dataset.{part}", name) for part, name in named.items() if name}
    check_different(files)
    tables = {part: read_table(file, layout) for part, file in files.items()}
    for file in files.values():
        file.check_unchanged()
    columns = [LabelColumn.of(str(files[part]), layout.label, table[layout.label]) for part, table in tables.items()]
    classes, labels = number_labels(columns[0], columns[1] if len(columns) == 2 else None)
    parts = [LabelledTexts(table[layout.text], part) for table, part in zip(tables.values(), labels, strict=True)]
    return Raw(
        train=parts[0],
        test=parts[1] if len(parts) == 2 else None,
        classes=classes,
        digests={part: file.sha256 for part, file in files.items()},
        origin=f"CSV, column {layout.text!r} labelled by {layout.label!r}",
    )


def check_settings(dataset: DatasetConfig) -> str:
    """Refuse settings that no file can satisfy, all at once, and return the delimiter.

    Raises:
        UserError: no file named, one column for both, or a delimiter of several characters.
    """
    problems = []
    if not dataset.train:
        problems.append("dataset.train: no file is named; dataset=csv reads labelled texts from dataset.train=FILE.csv")
    if dataset.text == dataset.label:
        problems.append(
            f"dataset.label: {dataset.label!r} is the column of the texts too (dataset.text); name the column"
            f" that holds the labels"
        )
    delimiter = DELIMITERS.get(dataset.delimiter, dataset.delimiter).replace("\\t", "\t")
    if len(delimiter.encode()) != 1 or delimiter in '"\r\n':
        problems.append(
            f"dataset.delimiter: {dataset.delimiter!r} is neither one ASCII character nor one of"
            f" {', '.join(DELIMITERS)}"
        )
    UserError.raise_if(problems)
    return delimiter


def check_different(files: dict[str, TextFile]) -> None:
    """Refuse a test file with the bytes of the training file."""
    if len(files) == 2 and files["train"].sha256 == files["test"].sha256:
        raise UserError(
            f"dataset.test: {files['test'].path} has the same content as dataset.train, and a test on texts that"
            f" were learned from says nothing; leave dataset.test out, and a part of the texts is held out"
        )


@dataclass(frozen=True)
class Layout:
    """How labelled texts lie in a CSV file: names of the two columns, and the delimiter."""

    text: str
    label: str
    delimiter: str


def read_table(file: TextFile, layout: Layout) -> pa.Table:
    """Parse a file into its text and label columns, both large_string without nulls.

    Raises:
        UserError: header or rows are not as they should be.
    """
    import pyarrow as pa

    header = read_header(file, layout)
    check_header(file, header, layout)
    with pa.memory_map(str(file.path)) as source:
        content = source.read_buffer()
    try:
        table, ragged = parse(content, layout, threads=True)
        if ragged:  # only without threads does Arrow number the rows
            table, ragged = parse(content, layout, threads=False)
        # an odd number of quotes can be harmless (5" pipe), so see what becomes of a row added at the end
        open_quote = file.quotes % 2 and quote_is_open(content, layout, len(header), table.num_rows)
    except pa.ArrowInvalid as error:
        raise UserError(
            f"{file}: it cannot be read as CSV ({' '.join(str(error).split())}); is a quoted field never closed?"
        ) from error
    if open_quote:
        raise UserError(
            f"{file}: a quoted field that opens in row {table.num_rows + len(ragged) + 1} or before is never"
            f' closed, so rows run into each other; add the closing ", or write a " inside a quoted field as ""'
        )
    if ragged:
        refuse_ragged(file, ragged, table.num_rows)
    if table.num_rows == 0:
        raise UserError(f"{file}: there is a header and no row; each labelled text needs a row of its own")
    return table


def read_header(file: TextFile, layout: Layout) -> list[str]:
    """Read the names of the columns."""
    with file.path.open("rb") as stream:
        start = stream.read(LARGEST_HEADER).decode("utf-8-sig", errors="ignore")
    rows = csv.reader(io.StringIO(start, newline=""), delimiter=layout.delimiter)
    try:
        return next((row for row in rows if row), [])
    except csv.Error as error:
        raise UserError(f"{file}: the first row is not a header of column names ({error})") from error


def check_header(file: TextFile, header: list[str], layout: Layout) -> None:
    """Refuse a header without the two columns; a wrong delimiter is the commonest reason."""
    if not any(cell.strip() for cell in header):
        raise UserError(f"{file}: the first row is blank; it must name the columns, {layout.text} and {layout.label}")
    missing = {key: name for key, name in (("text", layout.text), ("label", layout.label)) if name not in header}
    counts = {name: sum(cell.count(mark) for cell in header) for name, mark in DELIMITERS.items()}
    likely = max(counts, key=lambda name: counts[name])
    if missing and len(header) == 1 and counts[likely]:
        used = next((name for name, mark in DELIMITERS.items() if mark == layout.delimiter), layout.delimiter)
        raise UserError(
            f"{file}: with dataset.delimiter={used} its header is a single column {shorten(header[0])}, which"
            f" looks separated by {likely}: try dataset.delimiter={likely}"
        )
    columns = listed(map(shorten, header), len(header))
    UserError.raise_if(
        f"dataset.{key}: {file} has no column {name!r}{did_you_mean(name, header)} Its columns are {columns}"
        f" (the first row must name them)"
        for key, name in missing.items()
    )
    twice = [name for name in (layout.text, layout.label) if Counter(header)[name] > 1]
    UserError.raise_if(f"{file}: several columns are called {name!r}; rename all but one" for name in twice)


Ragged = tuple[int | None, int, int]  # row, cells expected, cells found


def parse(content: pa.Buffer, layout: Layout, threads: bool) -> tuple[pa.Table, list[Ragged]]:
    """Parse CSV into two string columns, and collect rows with more or fewer cells than the header."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    ragged: list[Ragged] = []

    def note(row: arrow_csv.InvalidRow) -> str:
        ragged.append((row.number, row.expected_columns, row.actual_columns))
        return "skip"

    table = arrow_csv.read_csv(
        pa.BufferReader(content),
        read_options=arrow_csv.ReadOptions(use_threads=threads, block_size=BLOCK),
        parse_options=arrow_csv.ParseOptions(
            delimiter=layout.delimiter, newlines_in_values=True, invalid_row_handler=note
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types={layout.text: pa.large_string(), layout.label: pa.large_string()},
            include_columns=[layout.text, layout.label],
            strings_can_be_null=False,
            check_utf8=False,  # the file is known to be UTF-8
        ),
    )
    return table, ragged


def quote_is_open(content: pa.Buffer, layout: Layout, columns: int, rows: int) -> bool:
    """Tell whether the content ends inside a quoted field: a row added at its end is then swallowed."""
    import pyarrow as pa

    probe = "\n" + layout.delimiter.join("x" * columns) + "\n"
    table, _ = parse(pa.py_buffer(bytes(content) + probe.encode()), layout, threads=True)
    return len(table) != rows + 1


def refuse_ragged(file: TextFile, ragged: list[Ragged], good: int) -> None:
    """Say which rows have too many or too few cells."""
    rows = listed((f"{row} ({number(found, 'cell')})" for row, _, found in ragged), len(ragged))
    raise UserError(
        f"{file}: the header has {number(ragged[0][1], 'column')}, and {len(ragged):,} of"
        f" {number(good + len(ragged), 'row')} more or fewer cells: row {rows}. A text that holds the delimiter must"
        f' stand in double quotes, and a " inside it is written ""'
    )
