"""What the task of a cell reads, and what it leaves behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embexp.config import ClassifierConfig, TrainingConfig, TuningConfig, build
from embexp.engine.task import Work

if TYPE_CHECKING:
    from embexp.classify.cell import CellData, CellResult
    from embexp.classify.tuning import Problem


def write_cell(work: Work, result: CellResult) -> None:
    """Leave a cell's predictions, int16, and its record."""
    np.save(work.folder / "predictions.npy", result.predictions.astype(np.int16))
    work.timing["train_seconds"] = result.train_seconds
    cell = {key: work.config[key] for key in ("strategy", "train_size", "seed")}
    record = json.dumps(cell | result.record, indent=1)
    (work.folder / "record.json").write_text(record, encoding="utf-8")


def problem_of(config: Mapping[str, Any]) -> Problem:
    """Return what is tuned in a cell."""
    from embexp.classify.tuning import Problem

    if config["strategy"] == "tfidf":
        return Problem("tfidf", seed=config["seed"])
    classifier, training = build(ClassifierConfig, config["classifier"]), build(TrainingConfig, config["training"])
    return Problem(config["strategy"], config["vector_size"], classifier, training, config["seed"])


def tuning_of(config: Mapping[str, Any]) -> TuningConfig:
    """Return the settings of a cell's tuning."""
    return build(TuningConfig, config["tuning"])


def training_of(config: Mapping[str, Any], needs: Mapping[str, Path]) -> TrainingConfig:
    """Return the settings that a strategy's cell is trained with in the end: chosen anew where they are tuned."""
    training = build(TrainingConfig, config["training"])
    if "tuning" not in config:
        return training
    from embexp.classify.tuning import choose, with_draw

    return with_draw(training, choose(problem_of(config), read_cell(config, needs), tuning_of(config)).draw)


def read_cell(config: Mapping[str, Any], needs: Mapping[str, Path]) -> CellData:
    """Return the texts, labels and word vectors of a cell; the texts of the whole pool stay where they are."""
    from embexp.classify.cell import CellData
    from embexp.classify.strategies import WordVectors
    from embexp.text import nested_order, open_dataset
    from embexp.vectors.entries import read_rows

    dataset = open_dataset(needs["dataset"], needs["counts"])
    labels = np.asarray(dataset.pool.labels, np.int64)
    subset = nested_order(labels, config["seed"])[: config["train_size"]]
    word_vectors = None
    if "word2vec" in needs:
        unknown = config.get("unknown", "random")
        known = read_rows(needs["word2vec"], subwords=unknown == "subword")
        word_vectors = WordVectors(known.rows, known.vectors, unknown)
    data = CellData(
        labelled=dataset.pool.bags.select(subset),
        labels=labels[subset],
        texts=dataset.test.bags,
        text_labels=np.asarray(dataset.test.labels, np.int64),
        classes=len(dataset.classes),
        vocabulary_size=dataset.vocabulary_size,
        word_vectors=word_vectors,
        labelled_sequences=dataset.pool.sequences.select(subset),
        text_sequences=dataset.test.sequences,
    )
    if "labelled_min_count" in config:  # the labelled texts are all there is: the vocabulary comes from them too
        return data.keep(data.labelled.types(config["labelled_min_count"]))
    return data
