"""Raw texts in memory as a classifier is trained on them: numbered, counted, with vectors for their words.

What the stages of a study do between files, for one classifier by itself (`embexp.estimator`).
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embexp.bags import Bags
from embexp.classify.strategies import WordVectors
from embexp.config import TextConfig, Word2VecConfig
from embexp.errors import UserError
from embexp.sequences import Sequences

TEXTS_AT_A_TIME = 8192


@dataclass(frozen=True)
class Numbered:
    """Texts as token ids, the labelled ones first.

    Attributes:
        ids: Of all texts one after the other, int32.
        offsets: First token of each text, int64, shape (texts + 1,).
        words: The type of each id, by descending count.
        counts: How often each stands in the texts, int64.
        labelled: Number of labelled texts.
        vocabulary_size: Ids below it are known to the classifier.
        max_tokens: Where it cuts a text.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    words: list[str]
    counts: NDArray[np.int64]
    labelled: int
    vocabulary_size: int
    max_tokens: int

    @property
    def bags(self) -> Bags:
        """The labelled texts as counts."""
        from embexp.text import counts_of

        return counts_of(self.ids, self.offsets[: self.labelled + 1], self.vocabulary_size, self.max_tokens)

    @property
    def sequences(self) -> Sequences:
        """The labelled texts in their order."""
        return Sequences(self.ids, self.offsets[: self.labelled + 1], self.vocabulary_size, self.max_tokens)


def number_texts(labelled: Many[str], unlabelled: Many[str], text: TextConfig) -> Numbered:
    """Tokenise texts and number their types, the most frequent first, as `embexp.text.prepare` does.

    Raises:
        UserError: If no word is frequent enough to be known.
    """
    import polars as pl

    from embexp.text.tokens import Vocabulary, encode

    vocabulary, texts = Vocabulary(), [*labelled, *unlabelled]
    ids, lengths = [np.zeros(0, np.int32)], [np.zeros(1, np.int64)]
    for first in range(0, len(texts), TEXTS_AT_A_TIME):
        found = encode(pl.Series(texts[first : first + TEXTS_AT_A_TIME], dtype=pl.String), text)
        counts = np.bincount(found.codes, minlength=len(found.types)).astype(np.int64)
        ids.append(vocabulary.add(found.types, counts)[found.codes])
        lengths.append(found.lengths)
    words, counts, final = vocabulary.finish()
    size = int(np.searchsorted(-counts, -text.min_count, side="right"))
    size = size if text.max_size is None else min(size, text.max_size)
    if not size:
        most = int(counts[0]) if len(counts) else 0
        what = f"no word stands {text.min_count} times in the texts, the most frequent one {most} times"
        raise UserError(f"min_count: {what}; give more text, or a lower min_count" if most else f"X: {what}")
    offsets = np.cumsum(np.concatenate(lengths))
    return Numbered(final[np.concatenate(ids)], offsets, words, counts, len(labelled), size, text.max_tokens)


def vectors_for(texts: Numbered, vectors: Any, config: Word2VecConfig) -> WordVectors:
    """Return the vectors of the words of some texts: trained on them, read from a file, or taken from gensim's object.

    Raises:
        UserError: If none of the words has one, or the file is no file of vectors.
    """
    from embexp.vectors.alignment import align, all_spellings

    if vectors is None:
        from embexp.vectors.corpus import Corpus
        from embexp.vectors.training import train_vectors

        corpus = Corpus(texts.ids, texts.offsets, texts.words, texts.counts)
        trained = train_vectors(corpus, config, lambda *_: None)
        return WordVectors(trained.rows, trained.vectors, config.unknown)
    if hasattr(vectors, "index_to_key"):
        words, matrix = list(vectors.index_to_key), np.asarray(vectors.vectors, np.float32)
        where = "the vectors given"
    else:
        from embexp.vectors.loading import load
        from embexp.vectors.sources import find_source

        source = find_source(replace(config, corpus="pretrained", file=str(vectors), vector_size=None))
        loaded = load(source, all_spellings(texts.words), 0, lambda *_: None)
        words, matrix, where = loaded.words, loaded.vectors, str(source)
    alignment = align(texts.words, words)
    if not len(alignment.rows):
        raise UserError(f"{where}: none of its words stands in the texts; are they of another language?")
    return WordVectors(alignment.rows, matrix[alignment.places], config.unknown)
