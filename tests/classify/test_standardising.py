"""Encoders that read one token at a time get token vectors of standard deviation 1, means of texts likewise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_texts import ENCODERS, VOCABULARY, as_bags, in_order, make_texts

from embexp.classify.cell import CellData, first_matrix
from embexp.classify.routes import standardised_on
from embexp.classify.strategies import WordVectors, pool_with
from embexp.config import ClassifierConfig


def start(classifier: ClassifierConfig) -> tuple[np.ndarray, CellData]:
    texts, rng = make_texts(), np.random.default_rng(0)
    vectors = WordVectors(np.arange(40), rng.normal(3, 0.2, (40, 8)).astype(np.float32))
    labels, bags, sequences = np.arange(len(texts)) % 3, as_bags(texts), in_order(texts)
    data = CellData(bags, labels, bags, labels, 3, VOCABULARY, vectors, sequences, sequences)
    return first_matrix("finetuned", data, vector_size=8, classifier=classifier, seed=1), data


@pytest.mark.parametrize(
    ("name", "on"),
    [
        ("mean", "texts"),
        ("dan", "texts"),
        ("linear", "texts"),
        ("mean_max", "tokens"),
        ("cnn", "tokens"),
        ("lstm", "tokens"),
    ],
)
def test_each_encoder_is_standardised_on_what_it_reads(name, on):
    assert standardised_on(ENCODERS[name]) == on
    matrix, data = start(ENCODERS[name])
    ids = data.labelled_sequences.read()[0]
    read = matrix[ids] if on == "tokens" else pool_with(matrix, data.labelled)[data.labelled.tokens() > 0]
    np.testing.assert_allclose(read.mean(axis=0), 0, atol=1e-4)
    assert read.std(axis=0).mean() == pytest.approx(1, rel=1e-4)


def test_none_leaves_the_vectors_as_they_came():
    matrix, data = start(replace(ENCODERS["cnn"], standardise="none"))
    assert (matrix[:40] == data.word_vectors.vectors).all()
    other, _ = start(replace(ENCODERS["cnn"], standardise="texts"))
    assert (matrix != other).all()
