"""The files of an entry that holds word vectors.

words.txt      one word a line, UTF-8; the words of vectors.npy where the entry holds a model or a file
vectors.npy    float32, shape (words, vector_size)
rows.npy       token ids of the data set that have a vector, int64
places.npy     where in vectors.npy each of them stands; absent: one after the other
composed_rows.npy, composed.npy    further ids, with vectors made from subwords
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embexp.vectors.alignment import Alignment


@dataclass(frozen=True)
class WordRows:
    """Vectors by token id.

    Attributes:
        rows: Token ids that have a vector, int64, shape (known,).
        vectors: float32, shape (known, vector_size).
    """

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]


def write_words(path: Path, words: Sequence[str]) -> None:
    """Write one word a line; only a line feed ends a line."""
    path.write_bytes("".join(f"{word}\n" for word in words).encode())


def read_words(path: Path) -> list[str]:
    """Read what `write_words` wrote."""
    text = path.read_bytes().decode()
    return text.removesuffix("\n").split("\n") if text else []


def write_alignment(folder: Path, alignment: Alignment, vectors: NDArray[np.float32] | None) -> None:
    """Write the token ids that have a vector, their vectors or (None) their places in vectors.npy, and the counts."""
    np.save(folder / "rows.npy", alignment.rows)
    if vectors is None:
        np.save(folder / "places.npy", alignment.places)
    else:
        np.save(folder / "vectors.npy", vectors)
    (folder / "alignment.json").write_text(json.dumps({"spelling": alignment.spelling}), encoding="utf-8")


def read_rows(folder: Path, subwords: bool = False) -> WordRows:
    """Map the vectors of a data set's words into memory.

    Args:
        folder: The entry.
        subwords: Also give words without a vector of their own the one made from their n-grams.
    """
    rows = np.load(folder / "rows.npy", allow_pickle=False)
    vectors = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
    if (folder / "places.npy").exists():
        vectors = vectors[np.load(folder / "places.npy", allow_pickle=False)]
    if subwords and (folder / "composed_rows.npy").exists():
        rows = np.concatenate([rows, np.load(folder / "composed_rows.npy", allow_pickle=False)])
        vectors = np.concatenate([vectors, np.load(folder / "composed.npy", allow_pickle=False)])
    return WordRows(rows, vectors)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file; an empty mapping where there is none."""
    if not path.exists():
        return {}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
