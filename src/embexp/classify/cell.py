"""One cell: a classifier with one strategy, one train size and one seed, trained and scored."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embexp.bags import Bags
from embexp.classify.strategies import STRATEGIES, WordVectors, initial_matrix
from embexp.config import ClassifierConfig, TrainingConfig

HISTORY_POINTS = 40  # of the training curve, each the mean loss of its stretch


@dataclass(frozen=True)
class CellData:
    """What a cell reads.

    Attributes:
        labelled: The labelled texts of this train size and seed, in the order of the subset.
        labels: Their class numbers, int64.
        texts: The texts that score the cell.
        text_labels: Their class numbers, int64.
        classes: Number of classes of the data set.
        vocabulary_size: Number of token ids.
        word_vectors: For strategies that start from word2vec.
    """

    labelled: Bags
    labels: NDArray[np.int64]
    texts: Bags
    text_labels: NDArray[np.int64]
    classes: int
    vocabulary_size: int
    word_vectors: WordVectors | None = None


@dataclass(frozen=True)
class CellResult:
    """What a cell leaves behind: its record (plain JSON), the predictions and the training time."""

    record: dict[str, Any]
    predictions: NDArray[np.int64]
    train_seconds: float


def run_control(data: CellData) -> CellResult:
    """Train and score TF-IDF with logistic regression."""
    from embexp.classify.tfidf import tfidf_predictions

    started = time.perf_counter()
    predictions, parameters = tfidf_predictions(data.labelled, data.labels, data.texts, data.vocabulary_size)
    seconds = time.perf_counter() - started
    record: dict[str, Any] = {
        "train_tokens": int(data.labelled.tokens().sum()),
        "steps": None,
        "parameters": parameters,
        "trained_parameters": parameters,
        "history": [],
    }
    return CellResult(record | score(predictions, data.text_labels, data.classes), predictions, seconds)


def run_strategy(
    name: str,
    data: CellData,
    *,
    vector_size: int,
    classifier: ClassifierConfig,
    training: TrainingConfig,
    seed: int,
) -> CellResult:
    """Train and score a classifier whose embedding layer follows a strategy.

    `train_seconds` runs from mapped data to final weights; importing and compiling come before.
    """
    from embexp.classify import kernels  # noqa: F401  compiles here, outside the training time
    from embexp.classify.batches import batch_order, optimiser_steps
    from embexp.classify.device import train_with_autograd
    from embexp.classify.model import MeanPoolClassifier
    from embexp.classify.training import predict, train

    strategy = STRATEGIES[name]
    started = time.perf_counter()
    matrix = initial_matrix(
        strategy,
        data.word_vectors,
        data.labelled,
        vocabulary_size=data.vocabulary_size,
        vector_size=vector_size,
        scale=classifier.initial_scale,
        seed=seed,
        initial=classifier.initial,
    )
    model = MeanPoolClassifier(matrix, classifier.hidden_size, data.classes, seed)
    steps = optimiser_steps(training.budget, len(data.labelled), training.batch_size)
    batches = batch_order(len(data.labelled), training.batch_size, steps, seed)
    problem = (model, data.labelled, data.labels, batches, training, strategy.trained)
    losses = train(*problem) if training.device == "cpu" else train_with_autograd(*problem, training.device)
    seconds = time.perf_counter() - started

    predictions = predict(model, data.texts)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    record = {
        "train_tokens": int(data.labelled.tokens()[batches.ravel()].sum()),
        "steps": steps,
        "parameters": parameters,
        "trained_parameters": parameters if strategy.trained else parameters - matrix.size,
        "history": summarise_losses(losses),
    }
    return CellResult(record | score(predictions, data.text_labels, data.classes), predictions, seconds)


def score(predictions: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> dict[str, float]:
    """Return test accuracy and macro-averaged F1 over the classes of the data set, each 0 to 1."""
    from sklearn.metrics import accuracy_score, f1_score

    return {
        "test_accuracy": float(accuracy_score(labels, predictions)),
        "test_macro_f1": float(
            f1_score(labels, predictions, labels=range(classes), average="macro", zero_division=0.0)
        ),
    }


def summarise_losses(losses: NDArray[np.float32]) -> list[dict[str, float]]:
    """Return the training curve as at most `HISTORY_POINTS` {step, train_loss}, each the mean of its stretch."""
    stretches = np.array_split(np.arange(len(losses)), min(HISTORY_POINTS, len(losses)))
    return [
        {"step": int(stretch[-1]) + 1, "train_loss": round(float(losses[stretch].mean(dtype=np.float64)), 6)}
        for stretch in stretches
    ]
