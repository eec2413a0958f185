"""From a source to the dataset entry: read, split, tokenise, number."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embexp.config import DatasetConfig, TextConfig
from embexp.errors import UserError
from embexp.text.parts import Part, Progress, labels_of
from embexp.text.sheet import make_sheet, write_sheet
from embexp.text.sources import load
from embexp.text.splits import check_pool, split
from embexp.text.tokens import Vocabulary, check_text, exchange_ids, write_ids
from embexp.text.wording import listed, shorten

if TYPE_CHECKING:
    import datasets


def prepare(
    dataset: DatasetConfig,
    text: TextConfig,
    folder: Path,
    progress: Progress,
    content: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Write the dataset entry into a folder and return its data sheet.

    The files are a function of the configuration and the source's content: same bytes on every machine.

    Args:
        dataset: the source and its split.
        text: how a text becomes tokens; `min_count` and `max_tokens` are not looked at (`counting`).
        folder: an empty folder.
        progress: told how many texts are done.
        content: the digests that `peek` found; what is read now must have them.

    Raises:
        UserError: the source cannot be used as it is; the sentences say why and what to do.
    """
    check_text(text)
    progress(0, 1, "texts", f"reading {dataset.name}")
    source = load(dataset)
    check_content(source.digests, content, dataset)
    pool, test = divide(dataset, source.parts)
    total = len(pool.rows) + len(test.rows)
    vocabulary = Vocabulary()
    offsets = {"pool": write_ids(pool.chunks(progress, 0, total), text, vocabulary.add, folder / "pool_ids.npy")}
    words, counts, final = vocabulary.finish()
    check_vocabulary(words, text, dataset)
    exchange_ids(folder / "pool_ids.npy", final)
    offsets["test"] = write_ids(
        test.chunks(progress, len(pool.rows), total), text, vocabulary.find, folder / "test_ids.npy"
    )
    (folder / "vocabulary.txt").write_bytes("".join(f"{word}\n" for word in words).encode())
    np.save(folder / "counts.npy", counts)
    for part in (pool, test):
        write_part(part, offsets[part.name], folder)
    progress(total, total, "texts", "writing the data sheet")
    sheet = make_sheet(dataset, source, pool, test, folder)
    write_sheet(sheet, folder)
    return sheet


def check_content(found: Mapping[str, str], planned: Mapping[str, str] | None, dataset: DatasetConfig) -> None:
    """Refuse files that changed after the plan was made: the entry would stand under another's fingerprint."""
    files = {"train": dataset.train, "test": dataset.test}
    UserError.raise_if(
        f"dataset.{part}: {files[part]} changed after the study was planned; run again when it is complete"
        for part, digest in (planned or {}).items()
        if found.get(part) != digest
    )


def divide(dataset: DatasetConfig, parts: datasets.DatasetDict) -> tuple[Part, Part]:
    """Split a source into the pool and the texts that are tested on."""
    train = labels_of(parts["train"])
    chosen = split(dataset, train, labels_of(parts["test"]) if "test" in parts else None)
    classes = tuple(parts["train"].features["label"].names)
    check_pool(dataset, train[chosen.pool], classes)
    return Part("pool", parts["train"], chosen.pool), Part("test", parts[chosen.test_part], chosen.test)


def check_vocabulary(words: list[str], text: TextConfig, dataset: DatasetConfig) -> None:
    """Refuse a vocabulary that is empty or that a line of a file cannot hold."""
    if not words:
        raise UserError(
            f"text.pattern: {text.pattern!r} finds no token in the pool of dataset {dataset.source!r}; is"
            f" dataset.text={dataset.text} the column that holds the texts?"
        )
    broken = [word for word in words if "\n" in word]
    if broken:
        raise UserError(
            f"text.pattern: {text.pattern!r} makes tokens that hold a line break"
            f" ({listed(map(shorten, broken), len(broken))}); let it match within a line only"
        )


def write_part(part: Part, offsets: Any, folder: Path) -> None:
    """Write what belongs to one part beside its token ids: rows, labels and offsets."""
    np.save(folder / f"{part.name}_offsets.npy", offsets)
    np.save(folder / f"{part.name}_labels.npy", part.labels())
    np.save(folder / f"{part.name}_rows.npy", part.rows)
