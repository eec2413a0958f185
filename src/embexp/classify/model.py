"""Classifiers as torch modules: built from the settings, asked for probabilities."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from embexp.bags import Bags
from embexp.classify.encoders.base import TextClassifier
from embexp.classify.encoders.flat import FlatTexts
from embexp.classify.encoders.linear import LinearClassifier
from embexp.classify.encoders.mean_pool import MeanPoolClassifier
from embexp.classify.strategies import STRATEGIES, pool_with
from embexp.config import ClassifierConfig
from embexp.encoders import ENCODERS
from embexp.sequences import Sequences

__all__ = [
    "LinearClassifier",
    "MeanClassifier",
    "MeanPoolClassifier",
    "TextClassifier",
    "build_model",
    "head_layers",
    "predict_classes",
    "predict_probabilities",
]

MeanClassifier = (
    MeanPoolClassifier | LinearClassifier
)  # what the compiled loop trains, where no other setting forbids it
TOKENS_AT_ONCE = 20_000  # of the texts that are classified together


def build_model(
    classifier: ClassifierConfig, matrix: NDArray[np.float32], classes: int, seed: int, strategy: str = "finetuned"
) -> TextClassifier:
    """Build an untrained classifier; a state_dict of the same settings fits into it.

    Args:
        classifier: The settings of the encoder.
        matrix: What stands in the embedding layer, float32, shape (vocabulary, vector_size). Shared, not copied. For
            a state_dict that is loaded next, any array of that shape.
        classes: Number of classes.
        seed: Fixes the weights behind the embedding layer, the same for every strategy.
        strategy: Decides on the number of channels, and on whether the embedding layer asks for gradients.
    """
    chosen = STRATEGIES[strategy]
    shared: dict[str, Any] = {
        "channels": classifier.channels if chosen.static else None,
        "dropout": classifier.dropout,
        "word_dropout": classifier.word_dropout,
        "max_norm": classifier.max_norm,
    }
    encoder = ENCODERS[classifier.encoder]
    own = {key: getattr(classifier, key) for key in encoder.reads}
    build = getattr(import_module(f"embexp.classify.encoders.{encoder.module}"), encoder.classifier)
    model: TextClassifier = build(matrix, classes=classes, seed=seed, **own, **shared)
    model.embedding.requires_grad_(chosen.trained)
    return model


def head_layers(model: MeanClassifier) -> list[nn.Linear]:
    """Return the layers behind the mean, the first one first; of several hidden layers only the first."""
    return [model.hidden, model.output] if isinstance(model, MeanPoolClassifier) else [model.output]


def predict_probabilities(model: TextClassifier, texts: Bags | Sequences) -> NDArray[np.float32]:
    """Return the probability of each class for each text, float32, shape (texts, classes).

    Args:
        model: The classifier, on the CPU; left in evaluation mode.
        texts: Bags will do for encoders that do not read the order of tokens; cnn and lstm need sequences.
    """
    if model.in_order and isinstance(texts, Bags):
        raise TypeError(f"{type(model).__name__} reads the order of tokens, and bags do not keep it: give Sequences")
    model.eval()
    flat = FlatTexts.of(texts)
    probabilities = np.zeros((len(flat), model.output.out_features), np.float32)
    with torch.no_grad():
        for part in _parts(flat.offsets):
            rows, numbered = flat.select(part).number(model.embedding.num_embeddings)
            vectors = model.embed(torch.from_numpy(rows))
            probabilities[part] = torch.softmax(model.classify_flat(vectors, numbered), dim=1).numpy()
    return probabilities


def predict_classes(model: TextClassifier, texts: Bags | Sequences) -> NDArray[np.int64]:
    """Return the most probable class of each text, int64, shape (texts,); arguments as above."""
    if (
        isinstance(model, MeanClassifier)
        and isinstance(texts, Bags)
        and model.static is None
        and model.pooling == "mean"
    ):
        pooled = pool_with(model.embedding.weight.detach().numpy(), texts)
        with torch.no_grad():
            return model.classify(torch.from_numpy(pooled)).argmax(dim=1).numpy()
    classes: NDArray[np.int64] = predict_probabilities(model, texts).argmax(axis=1)
    return classes


def _parts(offsets: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return text numbers in parts of about `TOKENS_AT_ONCE` tokens, an empty text counting as one."""
    number_of_part = (offsets[:-1] + np.arange(len(offsets) - 1)) // TOKENS_AT_ONCE
    borders = np.flatnonzero(np.diff(number_of_part)) + 1
    return [part for part in np.split(np.arange(len(offsets) - 1), borders) if len(part)]
