"""Unlabelled texts of the Hugging Face Hub, read as a stream: nothing but the token ids is kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embexp.config import DatasetConfig
from embexp.errors import UserError
from embexp.text.columns import choose_text
from embexp.text.hub import explaining
from embexp.text.parts import pieces_of
from embexp.text.tables import ROWS_AT_A_TIME, as_strings, filled
from embexp.text.wording import listed

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

KEYS = {  # what sentences about a data set call a setting, and what it is called here
    "dataset.path": "word2vec.dataset",
    "dataset.configuration": "word2vec.configuration",
    "dataset.revision": "word2vec.revision",
    "the split names dataset.train and dataset.test": "word2vec.split",
}


@dataclass(frozen=True)
class HubStream:
    """One split of a data set of the Hub, or of a local copy of its repository.

    Attributes:
        path: Its name, or the folder of the copy.
        configuration: None where there is one only.
        split: Such as train.
        column: The column of the texts.
        content: The revision's commit, or the sha256 of the copy's files: other texts are another corpus.
    """

    path: str
    configuration: str | None
    split: str
    column: str
    content: str

    def identity(self) -> dict[str, Any]:
        """Return what says which texts these are, wherever they lie."""
        values = asdict(self)
        return values if not Path(self.path).is_dir() else {**values, "path": "a local copy"}

    def hints(self) -> dict[str, Any]:
        """Return all that `from_hints` needs, as plain JSON."""
        return asdict(self)

    @classmethod
    def from_hints(cls, values: Mapping[str, Any]) -> HubStream:
        """Build it from `hints`.

        Raises:
            UserError: A local copy has changed since the plan was made.
        """
        stream = cls(**values)
        if Path(stream.path).is_dir() and _digest_of_copy(Path(stream.path)) != stream.content:
            raise UserError(f"word2vec.dataset: {stream.path} changed after the study was planned; run again")
        return stream

    def read(self) -> Iterator[pl.Series]:
        """Yield the texts from the first to the last, some thousand at a time."""
        with _explaining(self.path):
            revision = None if Path(self.path).is_dir() else self.content
            table = _StreamTable(self.path, _open(self.path, self.configuration, revision, self.split))
            yield from pieces_of(filled(piece[self.column]) for piece in table.read([self.column]))


def find_stream(path: str, configuration: str | None, revision: str | None, split: str, text: str | None) -> HubStream:
    """Look at a data set of the Hub; no more than its first texts is read.

    Args:
        path: Its name, or a folder with a copy of its repository.
        configuration: None where there is one only.
        revision: Branch, tag or commit; None for the newest.
        split: Such as train.
        text: The column of the texts; None guesses.

    Raises:
        UserError: It is not to be had, or has no such configuration, split or column.
    """
    place = Path(path).expanduser()
    path = str(place.absolute()) if place.is_dir() else path
    with _explaining(path):
        content = _digest_of_copy(place) if place.is_dir() else _commit(path, revision)
        opened = _open(path, configuration, None if place.is_dir() else content, split)
        column = choose_text(text, _StreamTable(path, opened), "word2vec.text")
    return HubStream(path, configuration, split, column, content)


def _commit(path: str, revision: str | None) -> str:
    """Return the commit that a revision names at this moment."""
    import huggingface_hub

    return str(huggingface_hub.HfApi().dataset_info(path, revision=revision).sha)


def _digest_of_copy(folder: Path) -> str:
    digest = hashlib.sha256()
    files = sorted(file for file in folder.rglob("*") if file.is_file() and ".cache" not in file.parts)
    for file in files:
        with file.open("rb") as stream:
            inside = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{file.relative_to(folder).as_posix()}\0{inside}\n".encode())
    return digest.hexdigest()


def _open(path: str, configuration: str | None, revision: str | None, split: str) -> Any:
    import datasets

    builder = datasets.load_dataset_builder(path, configuration, revision=revision)
    opened = builder.as_streaming_dataset()
    if split not in opened:
        raise UserError(f"word2vec.split: {path} has no split {split!r}; its splits are {listed(opened, len(opened))}")
    return opened[split]


@dataclass(frozen=True)
class _StreamTable:
    """A stream as a table, for what guesses columns."""

    place: str
    data: Any  # datasets.IterableDataset, whose library is imported late
    first_row: int = 1

    def columns(self) -> list[str]:
        """Return the names of the columns; where nobody wrote them down, those of the first row."""
        return list(self.data.column_names or next(iter(self.data), {}))

    def names_of(self, column: str) -> tuple[str, ...] | None:
        """Return None: classes are not asked for."""
        return None

    def read(self, columns: Sequence[str]) -> Iterator[dict[str, pa.Array]]:
        """Yield some rows at a time."""
        for piece in self.data.select_columns(list(columns)).with_format("arrow").iter(ROWS_AT_A_TIME):
            yield {name: as_strings(piece[name], self.place, name) for name in columns}


@contextmanager
def _explaining(path: str) -> Iterator[None]:
    """Turn what the library raises into a sentence, in the names of this setting."""
    try:
        with explaining(DatasetConfig("corpus", "hub", path=path)):
            yield
    except UserError as error:
        problems = list(error.problems)
        for known, here in KEYS.items():
            problems = [problem.replace(known, here) for problem in problems]
        raise UserError(*problems) from error
