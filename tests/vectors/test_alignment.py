"""Which word gets which vector, and what stands in the rows of words that get none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embexp.bags import Bags
from embexp.classify.strategies import STRATEGIES, WordVectors, initial_matrix, matched_matrix, pretrained_matrix
from embexp.vectors.alignment import align, all_spellings
from embexp.vectors.coverage import measure_coverage


def test_the_best_spelling_wins_and_each_is_counted():
    alignment = align(["us", "Paris", "london", "NATO", "xyz"], ["London", "us", "US", "paris", "nato"])
    assert alignment.rows.tolist() == [0, 1, 2, 3]
    assert alignment.places.tolist() == [1, 3, 0, 4]
    assert alignment.spelling == {"exact": 1, "lower": 2, "capitalised": 1}


@given(
    st.lists(st.text("aAbBß", min_size=1, max_size=3), unique=True), st.sets(st.text("aAbBß", min_size=1, max_size=3))
)
def test_reading_only_the_wanted_spellings_aligns_as_reading_all(vocabulary, words):
    everything = sorted(words)
    wanted = [word for word in everything if word in all_spellings(vocabulary)]
    whole, part = align(vocabulary, everything), align(vocabulary, wanted)
    assert whole.rows.tolist() == part.rows.tolist()
    assert [everything[place] for place in whole.places] == [wanted[place] for place in part.places]


def known_vectors(unknown: str) -> WordVectors:
    rng = np.random.default_rng(0)
    return WordVectors(np.arange(0, 4000, 2), (rng.standard_normal((2000, 12)) * 3 + 1).astype(np.float32), unknown)


@pytest.mark.parametrize("unknown", ["random", "zero", "mean", "subword"])
def test_words_with_a_vector_keep_it_to_the_bit_whatever_the_others_get(unknown):
    given_vectors = known_vectors(unknown)
    matrix = pretrained_matrix(given_vectors, 4001, 5)
    np.testing.assert_array_equal(matrix[given_vectors.rows], given_vectors.vectors)
    assert matrix.dtype == np.float32


def test_what_unknown_words_start_from():
    rows = {kind: pretrained_matrix(known_vectors(kind), 4000, 5)[1::2] for kind in ("random", "zero", "mean")}
    vectors = known_vectors("random").vectors
    assert not rows["zero"].any()
    np.testing.assert_array_equal(rows["mean"], np.broadcast_to(vectors.mean(axis=0), (2000, 12)))
    norms = [np.sqrt(np.square(matrix).sum(axis=1).mean()) for matrix in (rows["random"], vectors)]
    assert norms[0] == pytest.approx(norms[1], rel=0.02)  # a standard error is .6 %
    assert len(np.unique(rows["random"], axis=0)) == 2000


def test_matched_rows_have_the_norm_of_the_matrix_and_directions_of_their_own():
    start = pretrained_matrix(known_vectors("random"), 4000, 5)
    matched = matched_matrix(start, 5)
    norms = np.linalg.norm(matched, axis=1)
    np.testing.assert_allclose(norms, np.sqrt(np.square(start).sum(axis=1).mean()), rtol=1e-4)
    assert abs(np.corrcoef(matched.ravel(), start.ravel())[0, 1]) < 0.02


def start_of(name: str, initial: str, scale: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(1)
    texts = Bags(rng.integers(0, 50, 60).astype(np.int32), np.ones(60, np.float32), np.arange(0, 61, 6))
    vectors = WordVectors(np.arange(50), rng.standard_normal((50, 8)).astype(np.float32))
    return initial_matrix(
        STRATEGIES[name], vectors, texts, vocabulary_size=50, vector_size=8, scale=scale, seed=3, initial=initial
    )


def test_random_rows_start_as_asked():
    assert np.abs(start_of("random", "uniform", 0.25)).max() <= 0.25
    assert np.abs(start_of("random", "uniform", 0.25)).max() > 0.24
    assert start_of("random", "normal", 0.25).std() == pytest.approx(0.25, rel=0.1)
    frozen = start_of("frozen", "uniform")
    norm = np.sqrt(np.square(frozen).sum(axis=1).mean())
    np.testing.assert_allclose(np.linalg.norm(start_of("random", "matched"), axis=1), norm, rtol=1e-4)


def test_a_vocabulary_of_the_labelled_texts_drops_the_other_words():
    bags = Bags(np.array([0, 3, 5, 3, 7], np.int32), np.array([1, 2, 1, 1, 3], np.float32), np.array([0, 3, 5, 5]))
    types = bags.types(2)
    assert types.tolist() == [3, 7]
    kept = bags.keep(types)
    assert kept.indices.tolist() == [0, 0, 1]
    assert kept.counts.tolist() == [2, 1, 3]
    assert kept.offsets.tolist() == [0, 1, 3, 3]
    vectors = WordVectors(np.array([0, 7]), np.array([[1.0], [2.0]], np.float32)).keep(types)
    assert (vectors.rows.tolist(), vectors.vectors.tolist()) == ([1], [[2.0]])


def test_coverage_counts_types_and_tokens_and_names_the_most_frequent_missing():
    coverage = measure_coverage(["the", "cat", "sat", "hm"], np.array([10, 5, 4, 1]), np.array([0, 2, 99]))
    assert (coverage.types, coverage.tokens, coverage.missing) == (0.5, 14 / 20, ["cat", "hm"])
