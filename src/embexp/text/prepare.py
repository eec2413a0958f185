"""From a source to the dataset entry: read, split, tokenise, number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from embexp.config import DatasetConfig, TextConfig
from embexp.errors import UserError
from embexp.text.parts import Part, Progress, hashes_of_all
from embexp.text.raw import Raw
from embexp.text.sheet import make_sheet, write_sheet
from embexp.text.sources import PARTS, read
from embexp.text.splits import check_pool, split
from embexp.text.tokens import Vocabulary, check_text, exchange_ids, write_ids
from embexp.text.wording import listed, shorten


def prepare(
    dataset: DatasetConfig,
    text: TextConfig,
    folder: Path,
    progress: Progress,
    content: Mapping[str, str] | None = None,
    fold: int | None = None,
) -> dict[str, Any]:
    """Write the dataset entry into a folder and return its data sheet.

    The files are a function of the configuration and the source's content: same bytes on every machine.

    Args:
        dataset: the source and its split.
        text: how a text becomes tokens; what decides the vocabulary's size and the cut is not looked at (`counting`),
            except that a `min_count` of 0 lets the words of the test texts follow those of the pool.
        folder: an empty folder.
        progress: told how many texts are done.
        content: the digests that `peek` found; what is read now must have them.
        fold: which fold is tested on, with `dataset.folds`.

    Raises:
        UserError: the source cannot be used as it is; the sentences say why and what to do.
    """
    check_text(text)
    progress(0, 1, "texts", f"reading {dataset.name}")
    raw = read(dataset)
    check_content(raw.digests, content, dataset)
    pool, test, dropped = divide(dataset, raw, fold)
    total = len(pool.rows) + len(test.rows)
    vocabulary = Vocabulary()
    offsets = {"pool": write_ids(pool.chunks(progress, 0, total), text, vocabulary.add, folder / "pool_ids.npy")}
    words, _, final = vocabulary.finish()
    check_vocabulary(words, text, replace(dataset, text=raw.text))
    exchange_ids(folder / "pool_ids.npy", final)
    number_types = vocabulary.join if text.min_count == 0 else vocabulary.find
    offsets["test"] = write_ids(
        test.chunks(progress, len(pool.rows), total), text, number_types, folder / "test_ids.npy"
    )
    words = list(vocabulary.ids)
    check_vocabulary(words, text, replace(dataset, text=raw.text))
    raw.check_unchanged()
    (folder / "vocabulary.txt").write_bytes("".join(f"{word}\n" for word in words).encode())
    np.save(folder / "counts.npy", vocabulary.counts)
    for part in (pool, test):
        write_part(part, offsets[part.name], folder)
    progress(total, total, "texts", "writing the data sheet")
    sheet = make_sheet(dataset, raw, pool, test, folder) | {"dropped_overlap": dropped}
    write_sheet(sheet, folder)
    return sheet


def check_content(found: Mapping[str, str], planned: Mapping[str, str] | None, dataset: DatasetConfig) -> None:
    """Refuse texts that changed after the plan was made: the entry would stand under another's fingerprint."""
    UserError.raise_if(
        f"dataset.{part}: {getattr(dataset, part) or dataset.path or dataset.source} changed after the study was"
        f" planned; run again when it is complete"
        for part, digest in (planned or {}).items()
        if part in PARTS and found.get(part) != digest
    )


def divide(dataset: DatasetConfig, raw: Raw, fold: int | None = None) -> tuple[Part, Part, int]:
    """Split a source into the pool and the texts that are tested on.

    Returns:
        Pool, test, and the number of texts that were taken out of the pool because the test holds them too.
    """
    test, validation = (None if part is None else part.labels for part in (raw.test, raw.validation))
    chosen = split(dataset, raw.train.labels, test, validation, fold)
    pool, dropped = chosen.pool, 0
    if dataset.drop_overlap:
        hashes = hashes_of_all(raw.train)
        tested = hashes if chosen.test_part == "train" else hashes_of_all(raw.part(chosen.test_part))
        known = np.isin(hashes[pool], tested[chosen.test]) & (hashes[pool] > 0)
        pool, dropped = pool[~known], int(known.sum())
    check_pool(dataset, raw.train.labels[pool].astype(np.int64), raw.classes)
    return Part("pool", raw.train, pool), Part("test", raw.part(chosen.test_part), chosen.test), dropped


def check_vocabulary(words: list[str], text: TextConfig, dataset: DatasetConfig) -> None:
    """Refuse a vocabulary that is empty or that a line of a file cannot hold."""
    if not words:
        raise UserError(
            f"text.pattern: {text.pattern!r} finds no token in the pool of dataset {dataset.source!r}; is"
            f" dataset.text={dataset.text or 'COLUMN'} the column that holds the texts?"
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
