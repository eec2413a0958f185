"""Skip-gram training: gensim's result, the same bytes each time, nothing cut."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gensim.models import FastText, Word2Vec

from embexp.config import Word2VecConfig
from embexp.errors import UserError
from embexp.vectors.corpus import LONGEST_SENTENCE, Corpus, Sentences
from embexp.vectors.coverage import measure_coverage
from embexp.vectors.training import train_vectors


def make_corpus(texts: int = 60, seed: int = 0) -> Corpus:
    """Texts of two topics over a Zipf-like vocabulary, ids sorted by descending count."""
    rng = np.random.default_rng(seed)
    draws = [rng.zipf(1.5, rng.integers(5, 60)).clip(1, 40) - 1 for _ in range(texts)]
    flat = np.concatenate(draws)
    order = np.argsort(-np.bincount(flat, minlength=40), kind="stable")
    rank = np.empty(40, int)
    rank[order] = np.arange(40)
    ids = rank[flat].astype(np.int32)
    counts = np.bincount(ids, minlength=40)
    types = int((counts > 0).sum())
    offsets = np.concatenate([[0], np.cumsum([len(draw) for draw in draws])])
    return Corpus(ids, offsets, [f"w{number}" for number in range(types)], counts[:types])


SMALL = Word2VecConfig(vector_size=8, epochs=3, min_count=2, sample=1e-2)


def distinct_counts_corpus() -> Corpus:
    """A corpus whose types all occur a different number of times, so that their order has no ties."""
    rng = np.random.default_rng(0)
    counts = np.arange(60, 0, -1)
    ids = rng.permutation(np.repeat(np.arange(60), counts)).astype(np.int32)
    offsets = np.array([0, 300, 300, 301, 900, len(ids)])
    return Corpus(ids, offsets, [f"w{number}" for number in range(60)], counts)


def test_vectors_equal_gensim_called_by_hand():
    corpus = distinct_counts_corpus()
    trained = train_vectors(corpus, SMALL, lambda *progress: None)
    rows, vectors = trained.rows, trained.vectors
    borders = zip(corpus.offsets[:-1], corpus.offsets[1:], strict=True)
    sentences = [[corpus.words[place] for place in corpus.ids[start:end]] for start, end in borders if end > start]
    model = Word2Vec(
        sentences, sg=1, vector_size=8, epochs=3, min_count=2, sample=1e-2, alpha=SMALL.alpha, workers=1, seed=1
    )
    assert [corpus.words[row] for row in rows] == model.wv.index_to_key
    np.testing.assert_array_equal(vectors, model.wv.vectors)


def test_same_bytes_for_any_hash_seed():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from test_training import make_corpus, SMALL, train_vectors;"
        "import hashlib;"
        "trained = train_vectors(make_corpus(), SMALL, lambda *progress: None);"
        "print(hashlib.sha256(trained.vectors.tobytes() + trained.rows.tobytes()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__).parent)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "123")
    }
    assert len(digests) == 1


def test_another_seed_gives_other_vectors():
    corpus = make_corpus()
    one, two = (
        train_vectors(corpus, Word2VecConfig(vector_size=8, epochs=1, min_count=2, seed=seed), lambda *p: None).vectors
        for seed in (1, 2)
    )
    assert (one != two).any()


def test_long_texts_are_split_and_no_token_is_lost():
    length = 2 * LONGEST_SENTENCE + 5
    ids = (np.arange(length) % 3).astype(np.int32)
    corpus = Corpus(ids, np.array([0, length]), ["a", "b", "c"], np.bincount(ids))
    sentences = list(Sentences(corpus))
    assert [len(sentence) for sentence in sentences] == [LONGEST_SENTENCE, LONGEST_SENTENCE, 5]
    assert [word for sentence in sentences for word in sentence] == [corpus.words[place] for place in ids]
    assert len(Sentences(corpus)) == 3


def test_progress_ends_at_all_words_of_all_epochs():
    corpus = make_corpus()
    heard = []
    train_vectors(corpus, SMALL, lambda done, total, unit, note: heard.append((done, total)))
    assert heard[-1] == (3 * len(corpus.ids), 3 * len(corpus.ids))


def test_a_corpus_without_frequent_words_is_a_sentence():
    corpus = Corpus(np.arange(4, dtype=np.int32), np.array([0, 4]), list("abcd"), np.ones(4, np.int64))
    with pytest.raises(UserError, match=r"word2vec\.min_count: no word of the corpus occurs 5 times.*1 times"):
        train_vectors(corpus, Word2VecConfig(), lambda *progress: None)


def test_coverage_counts_types_and_tokens():
    coverage = measure_coverage(["the", "cat", "sat", "hm"], np.array([10, 5, 4, 1]), np.array([0, 2, 99]))
    assert coverage.types == 0.5
    assert coverage.tokens == 14 / 20
    assert coverage.missing == ["cat", "hm"]


@pytest.mark.parametrize("sg", [0, 1])
def test_fasttext_and_cbow_equal_gensim_called_by_hand(sg):
    corpus = distinct_counts_corpus()
    config = replace(SMALL, model="fasttext", sg=sg, bucket=50, min_n=2, max_n=3)
    trained = train_vectors(corpus, config, lambda *progress: None)
    borders = zip(corpus.offsets[:-1], corpus.offsets[1:], strict=True)
    sentences = [[corpus.words[place] for place in corpus.ids[start:end]] for start, end in borders if end > start]
    settings = {"vector_size": 8, "epochs": 3, "min_count": 2, "sample": 1e-2, "alpha": SMALL.alpha, "workers": 1}
    model = FastText(sentences, sg=sg, bucket=50, min_n=2, max_n=3, seed=1, **settings)
    assert [corpus.words[row] for row in trained.rows] == model.wv.index_to_key
    np.testing.assert_array_equal(trained.vectors, model.wv.vectors)
    np.testing.assert_allclose(trained.subwords.compose("wx99"), model.wv["wx99"], atol=1e-7)


def test_the_trace_falls_with_the_rate_and_its_words_end_at_all_words():
    corpus = make_corpus(400)
    trace = train_vectors(corpus, replace(SMALL, epochs=5), lambda *progress: None).trace
    assert trace[-1]["words"] == 5 * len(corpus.ids)
    rates = [row["alpha"] for row in trace]
    assert rates == sorted(rates, reverse=True)
    assert all(row["loss"] > 0 for row in trace)


def test_all_cores_learn_the_same_words_from_the_same_text():
    corpus = make_corpus(400)
    exact, fast = (
        train_vectors(corpus, replace(SMALL, exact=exact), lambda *p: None, cores=2) for exact in (True, False)
    )
    np.testing.assert_array_equal(exact.rows, fast.rows)
    assert np.isfinite(fast.vectors).all()
    assert not np.array_equal(exact.vectors, fast.vectors)


def test_the_corpus_of_some_texts_has_their_counts():
    corpus = make_corpus()
    chosen = corpus.select(np.array([5, 2]))
    borders = [(corpus.offsets[text], corpus.offsets[text + 1]) for text in (5, 2)]
    expected = np.concatenate([corpus.ids[start:end] for start, end in borders])
    np.testing.assert_array_equal(chosen.ids, expected)
    np.testing.assert_array_equal(chosen.counts, np.bincount(expected, minlength=len(corpus.words)))
