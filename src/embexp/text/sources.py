"""Every source ends here as labelled texts: `train`, perhaps `validation` and `test`, classes and digests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embexp.config import DatasetConfig
from embexp.errors import UserError
from embexp.text.columns import check_columns, choose
from embexp.text.csv_files import CsvTable, delimiter_of
from embexp.text.files import TextFile, check_is_file, inspect
from embexp.text.folders import check_is_folder, digest_folder, part_folders, read_folder
from embexp.text.labels import LabelColumn, number_labels
from embexp.text.raw import LabelledTexts, Raw
from embexp.text.samples import SAMPLES, load_sample
from embexp.text.tables import ArrowTable, Joined, JsonTable, ParquetTable, Table, filled
from embexp.text.wording import did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

FILES = ("csv", "json", "parquet", "arrow")
NAMES = (*SAMPLES, *FILES, "folder", "disk", "hub")
PARTS = ("train", "validation", "test")
ENDS = {"json": "jsonl"}


def read(dataset: DatasetConfig) -> Raw:
    """Read the labels of a source and check what holds the texts, which are read when they are wanted.

    Raises:
        UserError: the source is unknown, or its content cannot be used as it is.
    """
    check_dataset(dataset)
    if dataset.source in SAMPLES:
        return load_sample(dataset.source)
    if dataset.source in FILES:
        return load_files(dataset)
    if dataset.source == "folder":
        return load_folders(dataset)
    from embexp.text.hub import open_disk, open_hub

    opened = open_disk(dataset) if dataset.source == "disk" else open_hub(dataset)
    return label(dataset, opened.tables, {}, opened.origin, notes=opened.notes)


def check_dataset(dataset: DatasetConfig) -> None:
    """Refuse settings that no source can satisfy, all at once; files are looked for, not read.

    Raises:
        UserError: an unknown source, nothing named to read, names that lead to no file, or settings that do not
            go together.
    """
    if dataset.source not in NAMES:
        raise UserError(
            f"dataset.source: {dataset.source!r} is not known{did_you_mean(dataset.source, NAMES)}"
            f" There are {', '.join(NAMES)}"
        )
    problems = [*_check_named(dataset), *_check_folds(dataset)]
    if dataset.text is not None and dataset.text == dataset.label:
        problems.append(
            f"dataset.label: {dataset.label!r} is the column of the texts too (dataset.text); name the column"
            f" that holds the labels"
        )
    checks: list[Callable[[], object]] = [lambda: delimiter_of(dataset.delimiter)]
    if dataset.source in FILES:
        checks += [_looker(part, getattr(dataset, part)) for part in PARTS if getattr(dataset, part)]
    for check in checks:
        try:
            check()
        except UserError as error:
            problems += error.problems
    UserError.raise_if(problems)


def _looker(part: str, names: Any) -> Callable[[], object]:
    return lambda: expand(f"dataset.{part}", names)


def _check_named(dataset: DatasetConfig) -> Iterator[str]:
    if dataset.source in FILES and not dataset.train:
        end = ENDS.get(dataset.source, dataset.source)
        yield (
            f"dataset.train: no file is named; dataset={dataset.source} reads labelled texts from"
            f" dataset.train=FILE.{end}"
        )
    if dataset.source == "folder" and not (dataset.train or dataset.path):
        yield (
            "dataset.path: no folder is named; dataset=folder reads labelled texts from dataset.path=FOLDER with one"
            " sub-folder for each class"
        )
    if dataset.source in ("hub", "disk") and not dataset.path:
        example = "stanfordnlp/imdb" if dataset.source == "hub" else "FOLDER (written by save_to_disk)"
        yield f"dataset.path: nothing is named; dataset={dataset.source} needs dataset.path={example}"


def _check_folds(dataset: DatasetConfig) -> Iterator[str]:
    if dataset.folds is None:
        return
    if dataset.source in FILES and dataset.test:
        yield (
            "dataset.folds: every text is tested on once in its fold, and dataset.test names test texts; leave one"
            " of the two out"
        )


# ---- local files


def load_files(dataset: DatasetConfig) -> Raw:
    """Inspect the files of each part and number their labels."""
    files = {
        part: [
            inspect(f"dataset.{part}", str(path), binary=dataset.source in ("parquet", "arrow"))
            for path in expand(f"dataset.{part}", getattr(dataset, part))
        ]
        for part in PARTS
        if getattr(dataset, part)
    }
    digests = {part: _joint([file.sha256 for file in found]) for part, found in files.items()}
    _check_different(files, digests)
    tables: dict[str, Table] = {}
    for part, found in files.items():
        opened = tuple(_open(dataset, file) for file in found)
        tables[part] = opened[0] if len(opened) == 1 else Joined(opened)

    def check_unchanged() -> None:
        for file in (file for found in files.values() for file in found):
            file.check_unchanged()

    kind = {"csv": "CSV", "json": "JSON lines", "parquet": "Parquet", "arrow": "Arrow"}[dataset.source]
    return label(dataset, tables, digests, kind, check_unchanged=check_unchanged)


def expand(key: str, names: Any) -> list[Path]:
    """Return the files that a setting names: one, several, or a pattern.

    Raises:
        UserError: a name leads to no file, or a pattern to none.
    """
    paths: list[Path] = []
    for name in [names] if isinstance(names, str) else names:
        path = Path(name).expanduser()
        if any(mark in path.name for mark in "*?[") and not path.exists():
            found = sorted(file for file in path.parent.glob(path.name) if file.is_file())
            if not found:
                raise UserError(f"{key}: no file matches {name} (looked in {path.parent.resolve()})")
            paths += found
        else:
            check_is_file(key, path)
            paths.append(path)
    return paths


def _joint(sums: list[str]) -> str:
    return sums[0] if len(sums) == 1 else hashlib.sha256("\n".join(sums).encode()).hexdigest()


def _check_different(files: Mapping[str, list[TextFile]], digests: Mapping[str, str]) -> None:
    """Refuse a test file with the bytes of the training file."""
    for part in digests:
        if part != "train" and digests[part] == digests["train"]:
            raise UserError(
                f"dataset.{part}: {files[part][0].path} has the same content as dataset.train, and a test on texts"
                f" that were learned from says nothing; leave dataset.{part} out, and a part of the texts is held out"
            )


def _open(dataset: DatasetConfig, file: TextFile) -> Table:
    if dataset.source == "csv":
        wanted = [name for name in (dataset.text, dataset.label) if name is not None]
        table = CsvTable(file, delimiter_of(dataset.delimiter))
        table.check(wanted or ["text", "label"])
        return table
    if dataset.source == "json":
        return JsonTable(file)
    if dataset.source == "parquet":
        if file.packed or not file.starts.startswith(b"PAR1"):
            what = f"a Parquet file inside {file.packed}; unpack it" if file.packed else "no Parquet file"
            raise UserError(f"{file}: it is {what}; Parquet compresses its columns itself and begins with PAR1")
        return ParquetTable(file)
    if file.packed and file.starts.startswith(b"ARROW1"):
        raise UserError(f"{file}: an Arrow file inside {file.packed} cannot be mapped; unpack it with {file.packed} -d")
    return ArrowTable(file)


# ---- folders of texts


def load_folders(dataset: DatasetConfig) -> Raw:
    """Read folders with one sub-folder a class and one file a text."""
    named = {part: getattr(dataset, part) for part in PARTS if getattr(dataset, part)}
    folders = {part: check_is_folder(f"dataset.{part}", name) for part, name in named.items()}
    if not named:
        folders = part_folders("dataset.path", check_is_folder("dataset.path", str(dataset.path)))
    tables = {part: read_folder(f"dataset.{part}" if named else "dataset.path", path) for part, path in folders.items()}
    digests = {part: digest_folder(table) for part, table in tables.items()}

    def check_unchanged() -> None:
        for part, table in tables.items():
            if digest_folder(table) != digests[part]:
                raise UserError(f"{table.place}: a file changed while it was being read; run again when it is complete")

    return label(dataset, dict(tables), digests, "folders of text files", check_unchanged=check_unchanged)


# ---- from tables to labelled texts


@dataclass(frozen=True)
class _Texts:
    """The texts of a table, as large_string without nulls."""

    table: Table
    column: str

    def __call__(self) -> Iterator[pa.Array]:
        for piece in self.table.read([self.column]):
            yield filled(piece[self.column])


def label(
    dataset: DatasetConfig,
    tables: Mapping[str, Table],
    digests: Mapping[str, str],
    origin: str,
    *,
    notes: tuple[str, ...] = (),
    check_unchanged: Callable[[], None] = lambda: None,
) -> Raw:
    """Choose the columns of a source's tables and number their labels.

    Args:
        dataset: the settings.
        tables: `train` and perhaps `validation` and `test`.
        digests: sha256 of the content of each part; where there are none, they are made from texts and labels.
        origin: where the texts come from, without paths.
        notes: sentences on what is odd in the source.
        check_unchanged: refuses a source that was written to since.
    """
    text, name, guesses = choose(dataset, tables["train"])
    check_columns(dataset, {part: table for part, table in tables.items() if part != "train"}, text, name)
    for table in tables.values():
        for single in table.tables if isinstance(table, Joined) else (table,):
            if isinstance(single, CsvTable):
                single.check([text, name])
    for table in tables.values():  # values that are no texts are refused before any work
        next(table.read([text]), None)
    columns = {part: LabelColumn.of(table, name) for part, table in tables.items()}
    check_unchanged()
    for table, column in zip(tables.values(), columns.values(), strict=True):
        if not len(column.codes):
            kind = "there is a header and no row" if table.first_row == 2 else "it holds no text"
            raise UserError(f"{table.place}: {kind}; each labelled text needs a row of its own")
    tested = columns.get("test")
    if tested is not None and tested.unlabelled and dataset.source in ("hub", "disk"):
        del columns["test"]
        instead = "its validation texts stand in their place" if "validation" in columns else "a part is held out"
        notes = (*notes, f"The source's test texts have no labels; {instead}.")
        if "validation" in columns:
            columns["test"] = columns.pop("validation")
            tables = {"train": tables["train"], "test": tables["validation"]}
    classes, numbers = number_labels(columns["train"], [columns[part] for part in columns if part != "train"])
    order = ["train", *(part for part in columns if part != "train")]
    parts = {part: LabelledTexts(found, _Texts(tables[part], text)) for part, found in zip(order, numbers, strict=True)}
    return Raw(
        train=parts["train"],
        test=parts.get("test"),
        validation=parts.get("validation"),
        classes=classes,
        digests=digests or {part: _content_digest(tables[part], text, name) for part in order},
        origin=f"{origin}, column {text!r} labelled by {name!r}",
        text=text,
        label=name,
        notes=notes,
        guesses=guesses,
        check_unchanged=check_unchanged,
    )


def _content_digest(table: Table, text: str, name: str) -> str:
    """Return the sha256 of all texts and labels, whatever files they lie in."""
    digest = hashlib.sha256()
    for piece in table.read([text, name]):
        for column in (piece[text], piece[name]):
            values = filled(column)
            lengths = "\0".join(map(str, _lengths(values)))
            digest.update(lengths.encode())
            for chunk in values.to_pylist():
                digest.update(chunk.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _lengths(values: pa.Array) -> list[int]:
    import pyarrow.compute as pc

    found: list[int] = pc.binary_length(values).to_pylist()
    return found
