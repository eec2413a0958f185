"""Vectors for words that were never seen, from their character n-grams (Bojanowski et al. 2017, section 3.2)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Subwords:
    """The n-gram half of a fastText model.

    Attributes:
        ngrams: One row for each bucket, float32, shape (bucket, vector_size); may be a memory map.
        min_n: Length of the shortest n-gram, in characters.
        max_n: Length of the longest.
    """

    ngrams: NDArray[np.float32]
    min_n: int
    max_n: int

    def buckets_of(self, word: str) -> list[int]:
        """Return the buckets of a word's n-grams, borders marked by < and >; none for a model without n-grams."""
        from gensim.models.fasttext import ft_ngram_hashes

        if not len(self.ngrams):
            return []
        return list(ft_ngram_hashes(word, self.min_n, self.max_n, len(self.ngrams)))

    def compose(self, word: str) -> NDArray[np.float32] | None:
        """Return the mean of a word's n-gram vectors, float32, shape (vector_size,); None if it has no n-gram."""
        buckets = self.buckets_of(word)
        if not buckets:
            return None
        mean: NDArray[np.float32] = np.asarray(self.ngrams[buckets]).mean(axis=0, dtype=np.float32)
        return mean

    def save(self, folder: Path) -> None:
        """Write `ngrams.npy` and `subwords.json`."""
        np.save(folder / "ngrams.npy", self.ngrams)
        lengths = {"min_n": self.min_n, "max_n": self.max_n}
        (folder / "subwords.json").write_text(json.dumps(lengths), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Subwords | None:
        """Map what `save` wrote into memory; None where there is nothing."""
        if not (folder / "subwords.json").exists():
            return None
        lengths = json.loads((folder / "subwords.json").read_text(encoding="utf-8"))
        return cls(np.load(folder / "ngrams.npy", mmap_mode="r", allow_pickle=False), **lengths)

    def write_composed(self, folder: Path, vocabulary: Sequence[str], known: NDArray[np.int64]) -> None:
        """Write vectors for the words of a vocabulary that have none of their own.

        Args:
            folder: The entry; gets `composed_rows.npy` and `composed.npy`.
            vocabulary: The data set's words.
            known: Ids that have a vector of their own.
        """
        missing = np.setdiff1d(np.arange(len(vocabulary)), known)
        made = [(row, self.compose(vocabulary[int(row)])) for row in missing]
        found = [(row, vector) for row, vector in made if vector is not None]
        vectors = np.zeros((len(found), self.ngrams.shape[1]), np.float32)
        for place, (_, vector) in enumerate(found):
            vectors[place] = vector
        np.save(folder / "composed_rows.npy", np.array([row for row, _ in found], np.int64))
        np.save(folder / "composed.npy", vectors)
