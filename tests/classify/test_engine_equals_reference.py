"""The compiled engine is the plain PyTorch reference, only faster."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from embexp.bags import Bags
from embexp.classify.batches import batch_order
from embexp.classify.device import resolve_device
from embexp.classify.model import MeanClassifier, build_model, predict_classes
from embexp.classify.reference import train_reference
from embexp.classify.training import train
from embexp.config import ClassifierConfig, TrainingConfig
from embexp.errors import UserError
from embexp.text import counts_of

VOCABULARY, VECTOR_SIZE, HIDDEN, CLASSES = 60, 12, 8, 3
UNTOUCHED = 7  # token ids that no text holds: the last ones


def texts_with_oddities(rng: np.random.Generator, number: int = 40) -> list[np.ndarray]:
    """Texts of many lengths: empty ones, ones of a single token, ones that repeat a token."""
    texts = [rng.integers(0, VOCABULARY - UNTOUCHED, rng.integers(2, 30)) for _ in range(number - 4)]
    return [np.array([], int), np.array([3]), np.array([5, 5, 5, 5]), np.array([], int), *texts]


def as_bags(texts: list[np.ndarray]) -> Bags:
    ids = np.concatenate(texts).astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts])])
    return counts_of(ids, offsets, VOCABULARY, 10_000)


@pytest.fixture
def problem():
    rng = np.random.default_rng(3)
    texts = texts_with_oddities(rng)
    labels = rng.integers(0, CLASSES, len(texts))
    matrix = rng.normal(0, 0.3, (VOCABULARY, VECTOR_SIZE)).astype(np.float32)
    matrix[[3, 5]] = 0  # texts 1 and 2 begin as zeros, which have a gradient too
    return texts, labels, matrix


def models(matrix: np.ndarray, encoder: str = "mean_pool") -> tuple[MeanClassifier, MeanClassifier]:
    classifier = ClassifierConfig(encoder=encoder, hidden_size=HIDDEN)
    return tuple(build_model(classifier, matrix.copy(), CLASSES, seed=5) for _ in range(2))


@pytest.fixture(params=["mean_pool", "linear"])
def encoder(request):
    return request.param


@pytest.mark.parametrize("train_rows", [True, False], ids=["trained rows", "frozen rows"])
@pytest.mark.parametrize(("schedule", "weight_decay"), [("linear", 0.0), ("linear", 0.5), ("constant", 0.0)])
@pytest.mark.parametrize("batch_size", [1, 7, 32])
def test_engine_equals_the_reference_after_many_steps(problem, encoder, train_rows, schedule, weight_decay, batch_size):
    texts, labels, matrix = problem
    config = TrainingConfig(
        learning_rate=0.01, embedding_learning_rate=0.05, schedule=schedule, weight_decay=weight_decay
    )
    batches = batch_order(len(texts), batch_size, 60, seed=1)
    fast, plain = models(matrix, encoder)
    losses = train(fast, as_bags(texts), labels, batches, config, train_rows)
    expected = train_reference(plain, texts, labels, batches, config, train_rows)
    np.testing.assert_allclose(losses, expected, rtol=2e-4, atol=2e-5)
    for name, parameter in plain.state_dict().items():
        np.testing.assert_allclose(fast.state_dict()[name].numpy(), parameter.numpy(), rtol=2e-3, atol=2e-4)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_without_a_device_is_a_sentence():
    with pytest.raises(UserError, match=r"training\.device: cuda is asked for.*training\.device=auto"):
        resolve_device("cuda")


def test_prediction_equals_the_module_on_padded_texts(problem, encoder):
    texts, labels, matrix = problem
    model, _ = models(matrix, encoder)
    train(model, as_bags(texts), labels, batch_order(len(texts), 8, 30, 0), TrainingConfig(), True)
    lengths = torch.tensor([len(text) for text in texts])
    padded = torch.full((len(texts), int(lengths.max()) + 3), 9)  # padding with a real token must not matter
    for place, text in enumerate(texts):
        padded[place, : len(text)] = torch.from_numpy(text)
    with torch.no_grad():
        expected = model(padded, lengths).argmax(dim=1).numpy()
    np.testing.assert_array_equal(predict_classes(model, as_bags(texts)), expected)


def test_frozen_matrix_stays_bitwise_unchanged(problem, encoder):
    texts, labels, matrix = problem
    model, _ = models(matrix, encoder)
    head = model.output.weight.detach().clone()
    train(model, as_bags(texts), labels, batch_order(len(texts), 8, 50, 0), TrainingConfig(), False)
    assert model.embedding.weight.detach().numpy().tobytes() == matrix.tobytes()
    assert not torch.equal(model.output.weight, head)


def test_rows_of_absent_tokens_stay_bitwise_unchanged_and_others_move(problem, encoder):
    texts, labels, matrix = problem
    model, _ = models(matrix, encoder)
    train(model, as_bags(texts), labels, batch_order(len(texts), 8, 50, 0), TrainingConfig(), True)
    trained = model.embedding.weight.detach().numpy()
    present = np.unique(np.concatenate(texts))
    absent = np.setdiff1d(np.arange(VOCABULARY), present)
    assert len(absent) >= UNTOUCHED
    assert trained[absent].tobytes() == matrix[absent].tobytes()
    assert (trained[present] != matrix[present]).any(axis=1).all()


def test_a_row_rate_of_zero_is_frozen(problem, encoder):
    """Fine-tuning with a row rate of zero is freezing: the head must learn the same."""
    texts, labels, matrix = problem
    config = replace(TrainingConfig(), embedding_learning_rate=0.0)
    batches = batch_order(len(texts), 8, 40, 0)
    tuned, frozen = models(matrix, encoder)
    train(tuned, as_bags(texts), labels, batches, config, True)
    train(frozen, as_bags(texts), labels, batches, config, False)
    for name, value in frozen.state_dict().items():
        assert torch.equal(tuned.state_dict()[name], value)


def test_one_seed_gives_the_same_bytes(problem, encoder):
    texts, labels, matrix = problem
    first, second = models(matrix, encoder)
    for model in (first, second):
        train(model, as_bags(texts), labels, batch_order(len(texts), 8, 50, 2), TrainingConfig(), True)
    for name, value in first.state_dict().items():
        assert value.numpy().tobytes() == second.state_dict()[name].numpy().tobytes()
