"""Train word vectors with gensim: skip-gram, CBOW or subword fastText, in gensim's own parameter names.

The corpus is stored as token ids, so its counts are known and gensim needs no scan of the words; sentences are made
on the way. With `exact` one worker thread trains, to the byte the same for any PYTHONHASHSEED: several update the
same matrix without locks and give other vectors each time. Without it all cores read the corpus from a file, which
is the fastest way gensim has, and nothing is reproducible.

Mikolov et al. 2013, "Distributed Representations of Words and Phrases"; Bojanowski et al. 2017, "Enriching Word
Vectors with Subword Information".
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embexp.config import Word2VecConfig
from embexp.errors import UserError
from embexp.vectors.corpus import Corpus, Sentences, write_lines
from embexp.vectors.subwords import Subwords

TRACE_POINTS = 60

OnProgress = Callable[[float, float, str, str], None]


@dataclass(frozen=True)
class Trained:
    """Vectors fresh from training.

    Attributes:
        rows: Ids of the corpus's words that have a vector, int64, shape (known,), ascending.
        vectors: float32, shape (known, vector_size).
        trace: How training went, at most 60 rows {words, alpha, loss}: raw words over all epochs, the learning
            rate there, and the loss per trained word since the row before (None where gensim has none).
        subwords: The vectors of character n-grams; fastText only.
    """

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    trace: list[dict[str, Any]]
    subwords: Subwords | None = None


class _Trace:
    """Adds up words and loss of gensim's jobs, and passes the progress on."""

    def __init__(self, total: int, on_progress: OnProgress) -> None:
        self.done, self.total, self.on_progress = 0, total, on_progress
        self.started = time.monotonic()
        self.rows: list[dict[str, Any]] = []
        self._loss, self._trained = 0.0, 0

    def job(self, alpha: float, trained: int, raw: int, loss: float) -> None:
        """Note a batch of sentences; one thread calls this."""
        self.done += raw
        self._loss += loss
        self._trained += trained
        if self.done * TRACE_POINTS >= self.total * (len(self.rows) + 1) or self.done == self.total:
            per_word = self._loss / self._trained if self._loss and self._trained else None
            row = {"words": self.done, "alpha": round(float(alpha), 6), "loss": per_word and round(per_word, 5)}
            self.rows.append(row)
            self._loss, self._trained = 0.0, 0
        self.say()

    def say(self) -> None:
        """Tell rate, time left and the latest loss."""
        rate = max(self.done, 1) / max(time.monotonic() - self.started, 1e-9)
        loss = next((f", loss {row['loss']:.3f}" for row in self.rows[-1:] if row["loss"]), "")
        left = (self.total - self.done) / rate
        self.on_progress(self.done, self.total, "words", f"{rate / 1e6:.2f} M words/s, {left:.0f} s left{loss}")


def _listening(base: Any) -> Any:
    """Return gensim's model class with an ear on its batches; what is trained stays the same."""

    class Listening(base):  # type: ignore[misc]
        """The model, noting each batch in `trace`."""

        trace: _Trace
        running_training_loss: float

        def _do_train_job(self, sentences: Any, alpha: float, inits: Any) -> tuple[int, int]:
            trained, raw = super()._do_train_job(sentences, alpha, inits)
            # gensim adds the loss up in 32 bits, where a long training loses it: taken out after each batch
            self.trace.job(alpha, trained, raw, float(self.running_training_loss))
            self.running_training_loss = 0.0
            return trained, raw

        def _log_progress(self, jobs: Any, reports: Any, epoch: int, done: int, of: Any, raw: int, *rest: Any) -> None:
            if jobs is None:  # from a corpus file there are no jobs to listen to
                self.trace.done = epoch * self.trace.total // self.epochs + raw
                self.trace.say()

    return Listening


def train_vectors(corpus: Corpus, config: Word2VecConfig, on_progress: OnProgress, *, cores: int = 1) -> Trained:
    """Train word vectors and return them by id.

    Args:
        corpus: The tokenised texts.
        config: gensim's parameters under gensim's names; `exact` decides on reproducible or fast.
        on_progress: Called with (words done, words in all, unit, note) several times an epoch.
        cores: Worker threads where `exact` is false.

    Raises:
        UserError: If no word occurs `word2vec.min_count` times.
    """
    known = np.flatnonzero(np.asarray(corpus.counts) >= config.min_count)
    if not len(known):
        most = int(corpus.counts.max()) if len(corpus.counts) else 0
        raise UserError(
            f"word2vec.min_count: no word of the corpus occurs {config.min_count} times, the most frequent one "
            f"{most} times; lower word2vec.min_count to {max(most, 1)} or less, or give more text"
        )
    logging.getLogger("gensim").setLevel(logging.WARNING)
    trace = _Trace(corpus.tokens * config.epochs, on_progress)
    model = _make_model(config, 1 if config.exact else cores)
    model.trace = trace
    sentences = Sentences(corpus)
    counts = {word: int(count) for word, count in zip(corpus.words, corpus.counts, strict=True) if count}
    model.build_vocab_from_freq(counts, corpus_count=len(sentences))
    amounts = {"total_examples": len(sentences), "total_words": corpus.tokens, "epochs": config.epochs}
    if config.exact:
        model.train(sentences, compute_loss=config.model == "word2vec", **amounts)
    else:
        _train_from_file(model, corpus, amounts)
    on_progress(trace.total, trace.total, "words", "")
    rows = np.array([model.wv.key_to_index[corpus.words[int(place)]] for place in known])
    subwords = None
    if config.model == "fasttext":
        subwords = Subwords(model.wv.vectors_ngrams, config.min_n, config.max_n)
    return Trained(known.astype(np.int64), model.wv.vectors[rows], trace.rows, subwords)


def _make_model(config: Word2VecConfig, workers: int) -> Any:
    from gensim.models import FastText, Word2Vec

    settings: dict[str, Any] = {
        "sg": config.sg,
        "vector_size": config.vector_size,
        "window": config.window,
        "negative": config.negative,
        "min_count": config.min_count,
        "epochs": config.epochs,
        "sample": config.sample,
        "alpha": config.alpha,
        "min_alpha": config.min_alpha,
        "ns_exponent": config.ns_exponent,
        "cbow_mean": config.cbow_mean,
        "seed": config.seed,
        "workers": workers,
    }
    if config.model == "fasttext":
        return _listening(FastText)(min_n=config.min_n, max_n=config.max_n, bucket=config.bucket, **settings)
    return _listening(Word2Vec)(**settings)


def _train_from_file(model: Any, corpus: Corpus, amounts: dict[str, int]) -> None:
    with tempfile.TemporaryDirectory(prefix="embexp-corpus-") as folder:
        path = Path(folder) / "corpus.txt"
        write_lines(corpus, path)
        model.train(corpus_file=str(path), **amounts)
