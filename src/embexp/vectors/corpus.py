"""A tokenised corpus as gensim wants to read it: lists of words, again and again, or a file of lines.

gensim 4 takes at most 10,000 words of a sentence and drops the rest without a word; longer texts are split here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LONGEST_SENTENCE = 10_000
TEXTS_AT_A_TIME = 2_000


@dataclass(frozen=True)
class Corpus:
    """Tokenised texts as ids.

    Attributes:
        ids: Token ids of all texts one after the other, int32, shape (tokens,).
        offsets: First token of each text, int64, shape (texts + 1,).
        words: The type of each id.
        counts: Occurrences of each type in the corpus, int64, shape (types,).
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    words: Sequence[str]
    counts: NDArray[np.int64]

    @property
    def tokens(self) -> int:
        """Number of running words."""
        return int(self.offsets[-1])

    def select(self, texts: NDArray[np.int64]) -> Corpus:
        """Return the corpus of some texts, in the order given; ids and words stay, counts are of these texts."""
        lengths = self.offsets[texts + 1] - self.offsets[texts]
        offsets = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        places = np.repeat(self.offsets[texts] - offsets[:-1], lengths) + np.arange(offsets[-1])
        ids = np.asarray(self.ids[places])
        return Corpus(ids, offsets, self.words, np.bincount(ids, minlength=len(self.words)).astype(np.int64))


class Sentences:
    """The texts of a corpus as lists of words; a fresh pass each time it is iterated over."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self._words = np.array(corpus.words, dtype=object)

    def __len__(self) -> int:
        """Return the number of sentences: one for each text, more for texts that are split, none for empty ones."""
        return int((-(np.diff(self.corpus.offsets) // -LONGEST_SENTENCE)).sum())

    def __iter__(self) -> Iterator[list[str]]:
        offsets = self.corpus.offsets
        for first in range(0, len(offsets) - 1, TEXTS_AT_A_TIME):
            borders = np.asarray(offsets[first : first + TEXTS_AT_A_TIME + 1])
            words = self._words[np.asarray(self.corpus.ids[borders[0] : borders[-1]])]
            borders = borders - borders[0]
            for start, end in pairwise(borders):
                for place in range(start, end, LONGEST_SENTENCE):
                    yield words[place : min(end, place + LONGEST_SENTENCE)].tolist()


def write_lines(corpus: Corpus, path: Path) -> None:
    """Write one sentence a line, words parted by a blank: what gensim's `corpus_file` reads.

    A word that holds a blank would become two there; no token does, as long as `text.pattern` matches none.
    """
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for sentence in Sentences(corpus):
            file.write(" ".join(sentence))
            file.write("\n")
