"""Unlabelled text from plain files, one text a line, tokenised and numbered as a data set's pool is.

The entry has the files of a dataset entry as far as unlabelled text fills them, so that it is read the same way.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import json
import lzma
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from embexp.config import TextConfig
from embexp.errors import UserError
from embexp.text.parts import Progress
from embexp.text.sources import expand
from embexp.text.tokens import Vocabulary, check_text, exchange_ids, write_ids
from embexp.text.unlabelled import kind_of, open_unlabelled

if TYPE_CHECKING:
    import polars as pl

BLOCK = 1 << 22  # bytes; a longer line is cut at a blank, and its pieces count as texts
OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def expand_files(names: Sequence[str]) -> list[str]:
    """Return the absolute paths of files that are named, one by one or by patterns.

    Raises:
        UserError: A name leads to no file, or a pattern to none.
    """
    return [str(path.absolute()) for path in expand("word2vec.files", list(names))]


def kinds_of(files: Sequence[str]) -> list[str]:
    """Return how each file is read, by its name: lines, csv, json, parquet or arrow."""
    return [kind_of(name) for name in files]


def digest_files(files: Sequence[str]) -> list[str]:
    """Return the sha256 of each file as it lies on disk."""
    digests = []
    for name in files:
        with Path(name).open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return digests


def prepare_files(
    files: Sequence[str],
    content: Sequence[str],
    text: TextConfig,
    folder: Path,
    progress: Progress,
    column: str | None = None,
) -> None:
    """Write token ids, offsets, vocabulary and counts of the texts in some files.

    Args:
        files: UTF-8, plain or compressed (.gz, .bz2, .xz); or tables, as their names say.
        content: The digests that the plan was made with.
        text: How a text becomes tokens.
        folder: An empty folder.
        progress: Told how many bytes are done.
        column: Of tables: the one with the texts; None guesses.

    Raises:
        UserError: A file changed since, is not UTF-8, or holds no token.
    """
    check_text(text)
    UserError.raise_if(
        f"word2vec.files: {name} changed after the study was planned; run again when it is complete"
        for name, planned, found in zip(files, content, digest_files(files), strict=True)
        if planned != found
    )
    write_corpus(_texts(files, column, progress), f"word2vec.files: {', '.join(files)}", text, folder)


def write_corpus(chunks: Iterable[pl.Series], place: str, text: TextConfig, folder: Path) -> None:
    """Write token ids, offsets, vocabulary and counts of some texts.

    Args:
        chunks: The texts, some at a time; they are read once.
        place: The setting and what it names, for the sentence.
        text: How a text becomes tokens.
        folder: An empty folder.

    Raises:
        UserError: There is no token in them.
    """
    check_text(text)
    vocabulary = Vocabulary()
    offsets = write_ids(chunks, text, vocabulary.add, folder / "pool_ids.npy")
    words, counts, final = vocabulary.finish()
    if not words:
        raise UserError(f"{place} holds nothing that text.pattern finds a token in; are these the right texts?")
    exchange_ids(folder / "pool_ids.npy", final)
    np.save(folder / "pool_offsets.npy", offsets)
    np.save(folder / "counts.npy", counts)
    (folder / "vocabulary.txt").write_bytes("".join(f"{word}\n" for word in words).encode())
    sheet = {"texts": len(offsets) - 1, "tokens": int(offsets[-1]), "types": len(words)}
    (folder / "sheet.json").write_text(json.dumps(sheet), encoding="utf-8")


def _texts(files: Sequence[str], column: str | None, progress: Progress) -> Iterator[pl.Series]:
    """Yield the lines, or the cells of a column, of all files, some megabytes at a time."""
    import polars as pl

    total = sum(Path(name).stat().st_size for name in files)
    done = 0
    for name in files:
        path = Path(name)
        if kind_of(name) != "lines":
            for texts in open_unlabelled(name, column, key="word2vec.files", column_key="word2vec.text").read():
                yield texts
                progress(done, total, "bytes", f"tokenising {path.name}")
            done += path.stat().st_size
            continue
        with path.open("rb") as raw:
            stream = cast(BinaryIO, OPENERS[path.suffix](raw)) if path.suffix in OPENERS else raw
            for lines in _blocks(stream, name):
                yield pl.Series(lines, dtype=pl.String)
                progress(done + raw.tell(), total, "bytes", f"tokenising {path.name}")
        done += path.stat().st_size


def _blocks(stream: BinaryIO, name: str) -> Iterator[list[str]]:
    """Yield whole lines, or pieces of a long one that end at a blank."""
    rest, place = b"", 0
    while True:
        try:
            block = stream.read(BLOCK)
        except (OSError, EOFError, lzma.LZMAError) as error:
            raise UserError(f"word2vec.files: {name} cannot be unpacked: {error}; fetch it again") from error
        data = rest + block
        end = len(data) if not block else max(data.rfind(b"\n"), -1) + 1
        if block and not end:
            end = data.rfind(b" ") + 1 or len(data)
        try:
            lines = data[:end].decode().splitlines()
        except UnicodeDecodeError as error:
            raise UserError(
                f"word2vec.files: {name}, byte {place + error.start:,}: {data[error.start : error.end]!r} is not "
                "UTF-8; convert the file, for example with iconv -f LATIN1 -t UTF-8"
            ) from error
        if lines:
            yield lines
        if not block:
            return
        rest = data[end:]
        place += end
