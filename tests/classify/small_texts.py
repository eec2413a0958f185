"""Texts with all oddities, as bags and in their order, for the tests of encoders and loops."""

from __future__ import annotations

import numpy as np
import torch

from embexp.bags import Bags
from embexp.config import ClassifierConfig
from embexp.sequences import Sequences
from embexp.text import counts_of

VOCABULARY, VECTOR_SIZE, CLASSES = 60, 12, 3
UNTOUCHED = 7  # token ids that no text holds: the last ones

ENCODERS = {
    "mean": ClassifierConfig(hidden_size=8),
    "mean_max": ClassifierConfig(hidden_size=8, pooling="mean_max"),
    "dan": ClassifierConfig(hidden_size=8, layers=3),
    "linear": ClassifierConfig(encoder="linear"),
    "linear_max": ClassifierConfig(encoder="linear", pooling="max"),
    "cnn": ClassifierConfig(encoder="cnn", windows=[1, 2, 5], maps=6),
    "lstm": ClassifierConfig(encoder="lstm", hidden_size=5, pooling="max"),
    "lstm_mean": ClassifierConfig(encoder="lstm", hidden_size=5, pooling="mean"),
    "lstm_mean_max": ClassifierConfig(encoder="lstm", hidden_size=5, pooling="mean_max"),
    "lstm_last": ClassifierConfig(encoder="lstm", hidden_size=5, pooling="last"),
}


def make_texts(seed: int = 3, number: int = 36) -> list[np.ndarray]:
    """Texts of many lengths: empty ones, ones of a single token or shorter than a window, ones that repeat a token."""
    rng = np.random.default_rng(seed)
    odd = [np.array([], int), np.array([3]), np.array([5, 5, 5, 5]), np.array([], int), np.array([9, 2])]
    return [*odd, *(rng.integers(0, VOCABULARY - UNTOUCHED, rng.integers(2, 30)) for _ in range(number - len(odd)))]


def in_order(texts: list[np.ndarray]) -> Sequences:
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts])])
    return Sequences(np.concatenate(texts).astype(np.int32), offsets.astype(np.int64), VOCABULARY)


def as_bags(texts: list[np.ndarray]) -> Bags:
    sequences = in_order(texts)
    return counts_of(sequences.ids, sequences.offsets, VOCABULARY, 10_000)


def read_by(encoder: str, texts: list[np.ndarray]) -> Bags | Sequences:
    return in_order(texts) if encoder in ("cnn", "lstm") else as_bags(texts)


def padded(texts: list[np.ndarray], beyond: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids padded with a real token, which must not matter, to more than the longest text."""
    lengths = torch.tensor([len(text) for text in texts])
    ids = torch.full((len(texts), int(lengths.max()) + beyond), 9)
    for place, text in enumerate(texts):
        ids[place, : len(text)] = torch.from_numpy(text)
    return ids, lengths


def make_matrix(seed: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.3, (VOCABULARY, VECTOR_SIZE)).astype(np.float32)
