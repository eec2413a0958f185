"""Files of word vectors for tests, written by others where there is somebody else who writes the format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gensim.models import KeyedVectors

from embexp.config import Word2VecConfig
from embexp.vectors.loaded import Loaded
from embexp.vectors.loading import load
from embexp.vectors.sources import VectorSource, find_source


def make_vectors(words: int = 50, size: int = 7, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Words, some of them not ASCII, and numbers whose every bit matters."""
    rng = np.random.default_rng(seed)
    names = [f"w{number}" for number in range(words - 3)] + ["naïve", "東京", "don't"]
    vectors = (rng.standard_normal((words, size)) * 10.0 ** rng.integers(-9, 9, (words, size))).astype(np.float32)
    return names, vectors


def keyed_vectors(words: list[str], vectors: np.ndarray) -> KeyedVectors:
    model = KeyedVectors(vectors.shape[1])
    model.add_vectors(words, vectors)
    return model


def source_of(path: Path, **settings) -> VectorSource:
    return find_source(Word2VecConfig(corpus="pretrained", file=str(path), **({"vector_size": None} | settings)))


def load_all(path: Path, **settings) -> Loaded:
    return load(source_of(path, **settings), set(), 10**9, lambda *progress: None)
