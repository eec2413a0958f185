"""One cell of the transfer lab: task B on word vectors that come from a source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embexp.bags import Bags
from embexp.classify.cell import CellData, run_strategy
from embexp.classify.strategies import WordVectors
from embexp.config import ClassifierConfig, TrainingConfig, build
from embexp.text import nested_order, open_dataset
from embexp.vectors.entries import read_rows, read_words


@dataclass(frozen=True)
class Vectors:
    """The vectors of a source, left on the disk until a task wants some of them.

    Attributes:
        words: That have a vector.
        places: Row of each word in `rows`, int64, shape (words,).
        rows: float32, shape (any, vector_size); may be a memory map.
    """

    words: Sequence[str]
    places: NDArray[np.int64]
    rows: NDArray[np.float32]

    def of(self, places: Sequence[int]) -> NDArray[np.float32]:
        """Return the vectors of some of the words, by their place in `words`."""
        return np.asarray(self.rows[self.places[np.asarray(places, np.int64)]], np.float32)


def read_source(needs: Mapping[str, Path], kind: str) -> Vectors:
    """Return the words that a source knows, with their vectors.

    Args:
        needs: `source` and `source_dataset`.
        kind: matrix (of a task; only rows that its labelled texts trained count), or vectors (word2vec, pre-trained).
    """
    words = read_words(needs["source_dataset"] / "vocabulary.txt")
    if kind == "matrix":
        matrix = np.load(needs["source"] / "matrix.npy", mmap_mode="r", allow_pickle=False)
        trained = np.flatnonzero(np.load(needs["source"] / "seen.npy", allow_pickle=False))
        return Vectors([words[row] for row in trained.tolist()], trained, matrix)
    known = read_rows(needs["source"])
    return Vectors([words[row] for row in known.rows.tolist()], np.arange(len(known.rows)), known.vectors)


def align(source: Vectors, vocabulary: Sequence[str]) -> WordVectors:
    """Return a source's vectors by the token ids of another data set."""
    place_of = {word: place for place, word in enumerate(source.words)}
    rows = [row for row, word in enumerate(vocabulary) if word in place_of]
    return WordVectors(np.array(rows, np.int64), source.of([place_of[vocabulary[row]] for row in rows]))


def coverage(bags: Bags, rows: NDArray[np.int64]) -> dict[str, float]:
    """Return the share of the types and of the tokens of some texts that have a vector."""
    known = np.isin(bags.indices, rows)
    types = np.unique(bags.indices)
    tokens = float(bags.counts.sum()) or 1.0
    return {
        "covered_types": float(np.isin(types, rows).mean()) if len(types) else 0.0,
        "covered_tokens": float(bags.counts[known].sum() / tokens),
    }


def run_transfer_cell(config: Mapping[str, Any], needs: Mapping[str, Path]) -> tuple[NDArray[np.int64], dict[str, Any]]:
    """Train task B on a source's vectors; return the predictions and a record.

    With `shared` in the needs only its words are left in the texts of B, for every source the same.
    """
    dataset = open_dataset(needs["dataset"], needs["counts"])
    labels = np.asarray(dataset.pool.labels, np.int64)
    subset = nested_order(labels, config["seed"])[: config["train_size"]]
    labelled, texts = dataset.pool.bags.select(subset), dataset.test.bags
    vocabulary = dataset.vocabulary[: dataset.vocabulary_size]
    if "shared" in needs:
        shared = np.load(needs["shared"] / "shared.npy", allow_pickle=False)
        labelled, texts = labelled.keep(shared), texts.keep(shared)
        vocabulary = [vocabulary[row] for row in shared]
    vectors = None
    if config["kind"] != "random":
        vectors = align(read_source(needs, config["kind"]), vocabulary)
    known = np.arange(0) if vectors is None else vectors.rows
    data = CellData(
        labelled=labelled,
        labels=labels[subset],
        texts=texts,
        text_labels=np.asarray(dataset.test.labels, np.int64),
        classes=len(dataset.classes),
        vocabulary_size=len(vocabulary),
        word_vectors=vectors,
    )
    result = run_strategy(
        config["strategy"],
        data,
        vector_size=config["vector_size"],
        classifier=build(ClassifierConfig, config["classifier"]),
        training=build(TrainingConfig, config["training"]),
        seed=config["seed"],
    )
    return result.predictions, {"vocabulary": len(vocabulary), "vectors": len(known)} | coverage(texts, known)


def find_shared(config: Mapping[str, Any], needs: Mapping[str, Path]) -> NDArray[np.int64]:
    """Return the token ids of task B that every source knows, ascending.

    Args:
        config: `kinds`, the kind of each source by its name.
        needs: `dataset`, `counts`, and for each source its entry and that of its data set: `<name>:source`,
            `<name>:source_dataset`.
    """
    dataset = open_dataset(needs["dataset"], needs["counts"])
    vocabulary = dataset.vocabulary[: dataset.vocabulary_size]
    kept = set(vocabulary)
    for name, kind in config["kinds"].items():
        own = {end: needs[f"{name}:{end}"] for end in ("source", "source_dataset")}
        kept &= set(read_source(own, kind).words)
    return np.array([row for row, word in enumerate(vocabulary) if word in kept], np.int64)
