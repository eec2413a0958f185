"""Batches, budgets, initial matrices and the TF-IDF control."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from embexp.bags import Bags
from embexp.classify.batches import batch_order, optimiser_steps
from embexp.classify.cell import score, summarise_losses
from embexp.classify.model import MeanPoolClassifier
from embexp.classify.strategies import (
    STRATEGIES,
    WordVectors,
    initial_matrix,
    pool_with,
    pretrained_matrix,
    random_matrix,
)
from embexp.classify.tfidf import INVERSE_REGULARISATION, tfidf_predictions
from embexp.config import BudgetConfig
from embexp.text import counts_of


@given(st.integers(1, 50), st.integers(1, 20), st.integers(1, 30), st.integers(0, 5))
def test_every_text_is_seen_equally_often_give_or_take_one(texts, batch_size, steps, seed):
    batches = batch_order(texts, batch_size, steps, seed)
    assert batches.shape == (steps, batch_size)
    seen = np.bincount(batches.ravel(), minlength=texts)
    assert seen.max() - seen.min() <= 1


def test_batches_depend_on_the_seed_alone():
    assert (batch_order(30, 8, 10, 4) == batch_order(30, 8, 10, 4)).all()
    assert (batch_order(30, 8, 10, 4) != batch_order(30, 8, 10, 5)).any()


@pytest.mark.parametrize(("texts", "steps"), [(100, 200), (3200, 200), (3201, 201), (20_000, 1250)])
def test_budget_is_a_least_number_of_steps_or_passes(texts, steps):
    assert optimiser_steps(BudgetConfig(min_steps=200, passes=2.0), texts, 32) == steps


def random_bags(rng: np.random.Generator, texts: int, vocabulary: int) -> Bags:
    lengths = rng.integers(0, 40, texts)
    ids = rng.integers(0, vocabulary, lengths.sum()).astype(np.int32)
    return counts_of(ids, np.concatenate([[0], np.cumsum(lengths)]), vocabulary, 1000)


def test_head_starts_the_same_for_every_matrix():
    heads = [MeanPoolClassifier(np.zeros((5, 4), np.float32) + fill, 6, 2, seed=9) for fill in (0.0, 1.0)]
    other = MeanPoolClassifier(np.zeros((5, 4), np.float32), 6, 2, seed=10)
    for layer in ("hidden", "output"):
        weights = [getattr(model, layer).weight.detach().numpy() for model in (*heads, other)]
        assert (weights[0] == weights[1]).all()
        assert (weights[0] != weights[2]).any()
        assert np.abs(weights[0]).max() <= 1 / np.sqrt(getattr(other, layer).in_features)


@pytest.mark.parametrize("name", ["frozen", "finetuned", "random_frozen"])
def test_given_matrices_are_standardised_on_the_labelled_texts(name):
    rng = np.random.default_rng(0)
    bags = random_bags(rng, 200, 50)
    vectors = WordVectors(np.arange(30), rng.normal(3, 0.2, (30, 8)).astype(np.float32))
    matrix = initial_matrix(STRATEGIES[name], vectors, bags, vocabulary_size=50, vector_size=8, scale=0.1, seed=1)
    pooled = pool_with(matrix, bags)[bags.tokens() > 0]
    assert (bags.tokens() == 0).any()  # empty texts take no part
    np.testing.assert_allclose(pooled.mean(axis=0), 0, atol=1e-4)
    assert pooled.std(axis=0).mean() == pytest.approx(1, rel=1e-4)


def test_random_starts_within_its_scale_and_from_its_seed():
    matrix = random_matrix(1000, 20, 0.1, seed=3)
    assert np.abs(matrix).max() <= 0.1
    assert abs(matrix.mean()) < 0.001
    assert matrix.std() == pytest.approx(0.1 / np.sqrt(3), rel=0.02)
    assert (matrix == random_matrix(1000, 20, 0.1, seed=3)).all()
    assert (matrix != random_matrix(1000, 20, 0.1, seed=4)).any()


def test_known_words_keep_their_vectors_and_unknown_ones_get_a_typical_length():
    rng = np.random.default_rng(0)
    known = np.array([0, 2, 7, 900])
    vectors = rng.normal(1, 0.5, (4, 50)).astype(np.float32)
    matrix = pretrained_matrix(WordVectors(known, vectors), 400, seed=1)
    assert (matrix[[0, 2, 7]] == vectors[:3]).all()  # 900 lies outside the vocabulary
    unknown = np.delete(matrix, [0, 2, 7], axis=0) - vectors.mean(axis=0)
    spread = np.sqrt(np.square(vectors - vectors.mean(axis=0)).mean())
    assert unknown.std() == pytest.approx(spread, rel=0.03)


def test_frozen_and_finetuned_start_from_the_same_matrix():
    rng = np.random.default_rng(0)
    bags = random_bags(rng, 50, 40)
    vectors = WordVectors(np.arange(20), rng.normal(0, 1, (20, 8)).astype(np.float32))
    frozen, tuned = (
        initial_matrix(STRATEGIES[name], vectors, bags, vocabulary_size=40, vector_size=8, scale=0.1, seed=1)
        for name in ("frozen", "finetuned")
    )
    assert frozen.tobytes() == tuned.tobytes()


def test_a_strategy_without_its_vectors_is_an_error():
    with pytest.raises(ValueError, match="frozen"):
        initial_matrix(
            STRATEGIES["frozen"],
            None,
            random_bags(np.random.default_rng(0), 5, 5),
            vocabulary_size=5,
            vector_size=2,
            scale=0.1,
            seed=0,
        )


def test_tfidf_control_equals_scikit_learn_on_the_raw_texts():
    rng = np.random.default_rng(1)
    words = np.array([f"w{number}" for number in range(80)])
    texts = [rng.choice(80, rng.integers(3, 20)) for _ in range(120)]
    labels = np.array([int((text < 30).sum() * 2 > len(text)) for text in texts])
    raw = [" ".join(words[text]) for text in texts]
    vectoriser = TfidfVectorizer(
        sublinear_tf=True, vocabulary={word: place for place, word in enumerate(words)}, token_pattern=r"\S+"
    )
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=1000)
    expected = model.fit(vectoriser.fit_transform(raw[:80]), labels[:80]).predict(vectoriser.transform(raw[80:]))

    def bags(part):
        offsets = np.concatenate([[0], np.cumsum([len(text) for text in part])])
        return counts_of(np.concatenate(part).astype(np.int32), offsets, 80, 1000)

    predictions, parameters = tfidf_predictions(bags(texts[:80]), labels[:80], bags(texts[80:]), 80)
    np.testing.assert_array_equal(predictions, expected)
    assert parameters == 81


def test_macro_f1_counts_classes_that_the_test_lacks():
    predictions, labels = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    scores = score(predictions, labels, classes=3)
    assert scores["test_accuracy"] == 0.75
    f1 = f1_score(labels, predictions, average=None)
    assert scores["test_macro_f1"] == pytest.approx(f1.sum() / 3)


def test_training_curve_keeps_the_mean_and_the_last_step():
    losses = np.arange(100, dtype=np.float32)
    points = summarise_losses(losses)
    assert len(points) == 40
    assert points[-1]["step"] == 100
    weights = np.diff([0, *(point["step"] for point in points)])
    assert np.average([point["train_loss"] for point in points], weights=weights) == pytest.approx(losses.mean())
    assert summarise_losses(losses[:3])[0] == {"step": 1, "train_loss": 0.0}
