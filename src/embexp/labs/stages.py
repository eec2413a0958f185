"""Stages of the labs: what they train goes through the engine, so that it is computed once and kept.

keep_matrix      the embedding matrix of a cell of a study, and how far each row moved
run_head         a classifier without an embedding layer, or with one under a head of choice
transfer_cell    a cell whose word vectors come from another task
find_shared      the words of a task that all sources know
judge_matrix     a source's vectors judged by themselves
find_neighbours  what a study's report says of the words beside a word
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embexp.cellwork import read_cell, training_of
from embexp.config import ClassifierConfig, StudyConfig, TrainingConfig, build
from embexp.engine.task import Stage, Task, Work
from embexp.study import CLASSIFIER_KEYS, TRAINING_KEYS, Cell, Plan, training_settings
from embexp.text import nested_order, open_dataset

Scores = dict[str, Any]


def keep_matrix(work: Work) -> None:
    """Train a cell of a study again and keep its embedding matrix.

    Leaves matrix.npy, float32, shape (vocabulary, vector_size); start.npy, the same before training; seen.npy, how
    often each word stands in the labelled texts.
    """
    from embexp.classify.cell import first_matrix, train_strategy

    config = {key: value for key, value in work.config.items() if key != "labelled_min_count"}  # rows by token id
    data, classifier = read_cell(config, work.needs), build(ClassifierConfig, config["classifier"])
    settings: dict[str, Any] = {"vector_size": config["vector_size"], "classifier": classifier, "seed": config["seed"]}
    np.save(work.folder / "start.npy", first_matrix(config["strategy"], data, **settings))
    training = training_of(work.config, work.needs)
    trained = train_strategy(config["strategy"], data, training=training, **settings)
    np.save(work.folder / "matrix.npy", trained.model.embedding.weight.detach().numpy())
    seen = np.bincount(data.labelled.indices, data.labelled.counts, data.vocabulary_size)
    np.save(work.folder / "seen.npy", seen.astype(np.int64))


def run_head(work: Work) -> None:
    """Train and score a classifier with the head and vector size of the configuration (`lookup.heads`)."""
    from embexp.labs.lookup.heads import train_head

    config, dataset = work.config, open_dataset(work.needs["dataset"], work.needs["counts"])
    labels = np.asarray(dataset.pool.labels, np.int64)
    subset = nested_order(labels, config["seed"])[: config["train_size"]]
    result = train_head(
        config["head"],
        config["vector_size"],
        dataset.pool.bags.select(subset),
        labels[subset],
        dataset.test.bags,
        classes=len(dataset.classes),
        vocabulary_size=dataset.vocabulary_size,
        classifier=build(ClassifierConfig, config["classifier"]),
        training=build(TrainingConfig, config["training"]),
        seed=config["seed"],
    )
    _leave(work, result.predictions, dataset.test.labels, {"parameters": result.parameters})
    work.timing["train_seconds"] = result.train_seconds


def transfer_cell(work: Work) -> None:
    """Train and score a cell of task B whose word vectors come from a source, on all words or the shared ones."""
    from embexp.labs.transfer.cell import run_transfer_cell

    dataset = open_dataset(work.needs["dataset"], work.needs["counts"])
    predictions, record = run_transfer_cell(work.config, work.needs)
    _leave(work, predictions, dataset.test.labels, record)


def find_shared(work: Work) -> None:
    """Find the words of a task that every source knows."""
    from embexp.labs.transfer.cell import find_shared as find

    np.save(work.folder / "shared.npy", find(work.config, work.needs))


def judge_matrix(work: Work) -> None:
    """Judge a source's vectors by similarity and analogies."""
    from embexp.labs.transfer.cell import read_source
    from embexp.vectors.benchmarks import judge_analogies, judge_similarity
    from embexp.vectors.space import Space

    source = read_source(work.needs, work.config["kind"])
    space = Space(source.words, source.of(range(len(source.words))))
    card = {
        "words": len(source.words),
        "similarity": list(judge_similarity(space)),
        "analogies": judge_analogies(space),
    }
    (work.folder / "record.json").write_text(json.dumps(card, indent=1), encoding="utf-8")


def find_neighbours(work: Work) -> None:
    """Find the nearest words of telling words in word2vec, the fine-tuned and the task-trained matrix of a study.

    Leaves {train_size, sentences, rows}, or {} where too few words are known to all three.
    """
    from embexp.labs.neighbours.report import describe_neighbours
    from embexp.labs.neighbours.spaces import FINETUNED, RANDOM, open_spaces

    config, needs = work.config, work.needs
    dataset = open_dataset(needs["dataset"], needs["counts"])
    folders = {name: needs[name] for name in (FINETUNED, RANDOM)}
    spaces = open_spaces(dataset, needs["word2vec"], folders, config["train_size"], config["seed"])
    content = json.dumps(describe_neighbours(spaces), indent=1, ensure_ascii=False)
    (work.folder / "record.json").write_text(content, encoding="utf-8")


def _leave(work: Work, predictions: NDArray[np.int64], labels: Any, record: Mapping[str, Any]) -> None:
    right = predictions == np.asarray(labels)
    np.save(work.folder / "correct.npy", right)
    content = json.dumps({**record, "test_accuracy": float(right.mean())}, indent=1)
    (work.folder / "record.json").write_text(content, encoding="utf-8")


KEEP_MATRIX = Stage("keep_matrix", 1, keep_matrix)
RUN_HEAD = Stage("run_head", 2, run_head)
TRANSFER_CELL = Stage("transfer_cell", 1, transfer_cell)
FIND_SHARED = Stage("find_shared", 1, find_shared)
JUDGE_MATRIX = Stage("judge_matrix", 1, judge_matrix)
FIND_NEIGHBOURS = Stage("find_neighbours", 1, find_neighbours)


def matrix_task(cell: Cell) -> Task:
    """Return the task that keeps the matrix of a cell; its entry is rebuilt whenever the store lacks it."""
    return Task(KEEP_MATRIX, cell.task.config, cell.task.needs, title=f"matrix {cell.task.title}", cost=cell.task.cost)


Key = tuple[str, int, int]  # strategy, train size, seed


def plan_matrices(plan: Plan, sizes: Sequence[int]) -> dict[Key, Task]:
    """Return the tasks that keep the matrices of the first fold; empty unless `finetuned` and `random` are compared.

    They are the first seed's at every size asked for, and at the largest the second's too.
    """
    seeds = dict.fromkeys(sizes, plan.seeds[:1]) | {sizes[-1]: plan.seeds[:2]}
    tasks = {
        (cell.strategy, cell.train_size, cell.seed): matrix_task(cell)
        for cell in plan.cells
        if cell.strategy in ("finetuned", "random")
        and not cell.beside
        and cell.fold == plan.folds[0].number
        and cell.seed in seeds.get(cell.train_size, ())
    }
    return tasks if {key[0] for key in tasks} == {"finetuned", "random"} else {}


def neighbours_task(plan: Plan) -> Task | None:
    """Return the task behind the neighbours in a study's report, at its largest size.

    None where there are no two matrices to compare, or where each cell has a vocabulary of its own.
    """
    size, seed = plan.train_sizes[-1], plan.seeds[0]
    matrices = plan_matrices(plan, [size])
    if not matrices:
        return None
    finetuned, random = matrices["finetuned", size, seed], matrices["random", size, seed]
    if "labelled_min_count" in finetuned.config:
        return None
    needs = {**finetuned.needs, "finetuned": finetuned, "random": random}
    return Task(FIND_NEIGHBOURS, {"train_size": size, "seed": seed}, needs, title=f"neighbours n={size:05d}")


def protocol_of(config: StudyConfig, classes: int, strategy: str = "finetuned") -> dict[str, Any]:
    """Return the settings of the classifier's training as tasks hold them, fitted to the classes and the strategy."""
    from embexp.classify.strategies import STRATEGIES

    classifier, training = asdict(config.classifier), training_settings(config, classes, STRATEGIES[strategy])
    return {  # `settings` refuses others than the usual in all other keys
        "classifier": {key: classifier[key] for key in CLASSIFIER_KEYS},
        "training": {key: training[key] for key in TRAINING_KEYS} | {"device": "cpu"},
    }
