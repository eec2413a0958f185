"""Write word vectors in the formats of others: word2vec text and binary, safetensors with a vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embexp.vectors.entries import write_words
from embexp.vectors.space import Space


def export(space: Space, folder: Path) -> list[Path]:
    """Write a set of vectors for reuse elsewhere.

    Returns:
        vectors.bin (word2vec binary), vectors.safetensors (matrix `vectors`) and vectors.vocabulary.txt, its words.
    """
    binary, matrix, words = (folder / f"vectors.{end}" for end in ("bin", "safetensors", "vocabulary.txt"))
    write_binary(space.words, space.vectors, binary)
    write_safetensors(space.vectors, matrix)
    write_words(words, space.words)
    return [binary, matrix, words]


def write_binary(words: Sequence[str], vectors: NDArray[np.float32], path: Path) -> None:
    """Write word2vec's binary format, which gensim reads with `load_word2vec_format(path, binary=True)`."""
    with path.open("wb") as file:
        file.write(f"{len(words)} {vectors.shape[1]}\n".encode())
        for word, vector in zip(words, vectors, strict=True):
            file.write(word.encode() + b" " + vector.astype("<f4").tobytes() + b"\n")


def write_text(words: Sequence[str], vectors: NDArray[np.float32], path: Path, *, header: bool = True) -> None:
    """Write word2vec's text format, or without a header GloVe's; the numbers read back to the same bits."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        if header:
            file.write(f"{len(words)} {vectors.shape[1]}\n")
        for word, vector in zip(words, vectors, strict=True):
            file.write(f"{word} {' '.join(map(str, vector))}\n")


def write_safetensors(vectors: NDArray[np.float32], path: Path) -> None:
    """Write the matrix under the name `vectors`, float32, shape (words, vector_size)."""
    from safetensors.numpy import save_file

    save_file({"vectors": np.ascontiguousarray(vectors, np.float32)}, path)
