"""The data sheet: what is in the data, and a warning where it can move a result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embexp.config import DatasetConfig
from embexp.text.arrays import map_array
from embexp.text.parts import Part
from embexp.text.raw import Raw


def make_sheet(dataset: DatasetConfig, raw: Raw, pool: Part, test: Part, folder: Path) -> dict[str, Any]:
    """Count what is in a data set whose arrays are written; `counting.complete_sheet` adds what is known of tokens.

    Returns:
        Plain values for sheet.json. Nothing in it depends on where the files lie or when they were read.
    """
    classes = raw.classes
    sheet: dict[str, Any] = {
        "name": dataset.source,  # the user's name for the data set moves no byte, so it is not known here
        "origin": raw.origin,
        "evaluate": dataset.evaluate,
        "digests": dict(raw.digests),
        "labels": list(classes),
        "sizes": {part.name: len(part.rows) for part in (pool, test)},
        "class_counts": {
            part.name: np.bincount(part.labels(), minlength=len(classes)).tolist() for part in (pool, test)
        },
        "empty_texts": {part.name: part.empty for part in (pool, test)},
        "duplicates": duplicates(pool.hashes),
        "texts_with_two_labels": texts_with_two_labels(pool.hashes, pool.labels()),
        "overlap": int((np.isin(test.hashes, pool.hashes) & (test.hashes > 0)).sum()),
        "types": int(np.count_nonzero(map_array(folder / "counts.npy"))),  # of the pool
    }
    for part in (pool, test):
        for name, value in token_counts(part, folder).items():
            sheet.setdefault(name, {})[part.name] = value
    return sheet | {"notes": list(raw.notes)}


def write_sheet(sheet: dict[str, Any], folder: Path) -> None:
    """Write the data sheet as JSON, keys in their order."""
    page = json.dumps(sheet, ensure_ascii=False, indent=1, allow_nan=False)
    (folder / "sheet.json").write_text(page + "\n", encoding="utf-8", newline="\n")


def duplicates(hashes: npt.NDArray[np.uint64]) -> int:
    """Count texts that repeat an earlier one; empty texts (hash 0) are counted elsewhere."""
    full = hashes[hashes > 0]
    return len(full) - len(np.unique(full))


def texts_with_two_labels(hashes: npt.NDArray[np.uint64], labels: npt.NDArray[np.int16]) -> int:
    """Count different texts that stand in the pool under more than one class."""
    full = hashes > 0
    pairs = np.unique(np.stack([hashes[full], labels[full].astype(np.uint64)], axis=1), axis=0)
    _, labels_of_text = np.unique(pairs[:, 0], return_counts=True)
    return int((labels_of_text > 1).sum())


def token_counts(part: Part, folder: Path) -> dict[str, Any]:
    """Count the tokens of a part."""
    lengths = np.diff(map_array(folder / f"{part.name}_offsets.npy"))
    return {
        "tokens": int(lengths.sum()),
        "median_tokens": float(np.median(lengths)),
        "longest_tokens": int(lengths.max()),
        "texts_without_token": int((lengths == 0).sum()),
    }
