"""Train skip-gram word vectors with gensim on the unlabelled pool, to the byte the same each time.

gensim 4 reads any iterable of token lists several times: once for each epoch. The pool is stored as token ids, so
the sentences are made on the way, a few thousand texts at a time, and the vocabulary with its counts is known
before: no scan. One worker thread, because several update the same matrix without locks and give other vectors
each time (Mikolov et al. 2013, "Distributed Representations of Words and Phrases", is the model).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embexp.config import Word2VecConfig
from embexp.errors import UserError

LONGEST_SENTENCE = 10_000  # gensim drops what stands beyond, without a word
TEXTS_AT_A_TIME = 2_000

OnProgress = Callable[[float, float, str, str], None]


@dataclass(frozen=True)
class Corpus:
    """Tokenised texts as ids.

    Attributes:
        ids: Token ids of all texts one after the other, int32; negative ones are skipped.
        offsets: First token of each text, int64, shape (texts + 1,).
        words: The type of each id, most frequent first.
        counts: Occurrences of each type in the corpus, int64, shape (types,).
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    words: Sequence[str]
    counts: NDArray[np.int64]


class _Sentences:
    """The corpus as gensim wants it: lists of words, restartable, counting what it has given out."""

    def __init__(self, corpus: Corpus, on_tokens: Callable[[int], None]) -> None:
        self.corpus = corpus
        self.words = np.array(corpus.words, dtype=object)
        self.on_tokens = on_tokens

    def __len__(self) -> int:
        """Return the number of sentences: one for each text, more for texts that are split, none for empty ones."""
        return int((-(np.diff(self.corpus.offsets) // -LONGEST_SENTENCE)).sum())

    def __iter__(self) -> Iterator[list[str]]:
        offsets = self.corpus.offsets
        for first in range(0, len(offsets) - 1, TEXTS_AT_A_TIME):
            borders = np.asarray(offsets[first : first + TEXTS_AT_A_TIME + 1])
            ids = np.asarray(self.corpus.ids[borders[0] : borders[-1]])
            words = self.words[ids]
            for start, end in zip((borders - borders[0])[:-1], (borders - borders[0])[1:], strict=True):
                for place in range(start, end, LONGEST_SENTENCE):
                    yield words[place : min(end, place + LONGEST_SENTENCE)].tolist()
            self.on_tokens(len(ids))


class _Progress:
    """Words per second, share done and time left, counted in raw words over all epochs."""

    def __init__(self, total: int, on_progress: OnProgress) -> None:
        self.done, self.total, self.on_progress = 0, total, on_progress
        self.started = time.monotonic()

    def __call__(self, tokens: int) -> None:
        self.done += tokens
        rate = self.done / max(time.monotonic() - self.started, 1e-9)
        left = (self.total - self.done) / rate
        self.on_progress(self.done, self.total, "words", f"{rate / 1e6:.2f} M words/s, {left:.0f} s left")


def train_skipgram(
    corpus: Corpus, config: Word2VecConfig, on_progress: OnProgress
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Train word vectors and return them by id.

    Args:
        corpus: The tokenised texts.
        config: gensim's parameters under gensim's names.
        on_progress: Called with (words done, words in all, unit, note) a few times an epoch.

    Returns:
        The ids that have a vector, int64, ascending, shape (known,), and their vectors, float32, shape
        (known, vector_size).

    Raises:
        UserError: If no word occurs `word2vec.min_count` times.
    """
    from gensim.models import Word2Vec

    known = np.flatnonzero(np.asarray(corpus.counts) >= config.min_count)
    if not len(known):
        most = int(corpus.counts[0]) if len(corpus.counts) else 0
        raise UserError(
            f"word2vec.min_count: no word of the corpus occurs {config.min_count} times, the most frequent one "
            f"{most} times; lower word2vec.min_count to {max(most, 1)} or less, or give more text"
        )
    logging.getLogger("gensim").setLevel(logging.WARNING)
    tokens = int(corpus.offsets[-1])
    sentences = _Sentences(corpus, _Progress(tokens * config.epochs, on_progress))
    model = Word2Vec(
        sg=config.sg,
        vector_size=config.vector_size,
        window=config.window,
        negative=config.negative,
        min_count=config.min_count,
        epochs=config.epochs,
        sample=config.sample,
        alpha=config.alpha,
        min_alpha=config.min_alpha,
        ns_exponent=config.ns_exponent,
        seed=config.seed,
        workers=1,
    )
    model.build_vocab_from_freq(dict(zip(corpus.words, map(int, corpus.counts), strict=True)), corpus_count=len(sentences))
    model.train(sentences, total_examples=len(sentences), total_words=tokens, epochs=config.epochs)
    rows = np.array([model.wv.key_to_index[corpus.words[place]] for place in known])
    return known.astype(np.int64), model.wv.vectors[rows]
