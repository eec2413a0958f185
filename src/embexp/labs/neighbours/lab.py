"""Carry out the neighbours lab."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embexp.config import StudyConfig
from embexp.engine.store import Store
from embexp.engine.task import Task
from embexp.errors import UserError
from embexp.labs.carrying import Lab, expect, finish, run_tasks
from embexp.labs.neighbours.spaces import FINETUNED, RANDOM, Spaces, choose_probes, open_spaces
from embexp.labs.parts import Part
from embexp.labs.settings import check_settings
from embexp.labs.stages import Key, plan_matrices
from embexp.study import Plan
from embexp.text.entry import Dataset

QUICK_EPOCHS = 2  # of word2vec in the small form, where no study has trained it yet
TITLE = "What did the task change in the word vectors?"


def run_neighbours(config: StudyConfig, *, full: bool, probes: Sequence[str] = ()) -> None:
    """Compare word2vec, the fine-tuned and the task-trained matrix of a study.

    Args:
        config: The study.
        full: At every train size, in place of the largest only.
        probes: Words to show; empty: the most telling and the most moved.

    Raises:
        UserError: If the study lacks one of the two strategies, or the words given are unknown.
    """
    from embexp.labs.neighbours import measure
    from embexp.running import plan_study
    from embexp.text import open_dataset

    check_settings(config, cells=True)
    expect((measure.NEIGHBOURS, measure.MOVEMENT, measure.AGREEMENT, measure.MAP))
    plan = plan_study(config)
    if not full:
        config, plan = quick_look(config, plan)
    lab = Lab("neighbours", TITLE, "full" if full else "small", config, time.monotonic())
    sizes = plan.train_sizes if full else plan.train_sizes[-1:]
    tasks = plan_matrices(plan, sizes)
    word2vec = plan.word2vec
    if word2vec is None or not tasks:
        raise UserError("grid.strategies: this lab compares 'random' with 'finetuned'; the study must hold both")
    store = run_tasks(config, [word2vec, *tasks.values()])
    folder = store.path(plan.dataset.fingerprint)
    dataset = open_dataset(folder, store.path(plan.counts.fingerprint))
    by_size = [open_size(plan, dataset, store, tasks, size) for size in sizes]
    parts = measure_all(by_size, other_seed(plan, store, tasks, dataset, by_size[-1]), probes)
    said = (config.dataset.name, f"{sizes[-1]:,} labels", f"{len(by_size[-1].words):,} words")
    finish(lab, parts, headline(parts[0]), said, list(tasks.values()))


def quick_look(config: StudyConfig, plan: Plan) -> tuple[StudyConfig, Plan]:
    """Shorten the training of word vectors that the store lacks; those of a study that has run stay as they are."""
    from embexp.running import plan_study

    trained = plan.word2vec is None or Store(Path(config.store)).has(plan.word2vec.fingerprint)
    if trained or config.word2vec.epochs <= QUICK_EPOCHS:
        return config, plan
    print(
        f"The store lacks this study's word vectors: trained here for {QUICK_EPOCHS} epochs, not "
        f"{config.word2vec.epochs}; form=full, or the study itself, trains them as configured"
    )
    shorter = replace(config, word2vec=replace(config.word2vec, epochs=QUICK_EPOCHS))
    return shorter, plan_study(shorter)


def open_size(plan: Plan, dataset: Dataset, store: Store, tasks: dict[Key, Task], size: int) -> Spaces:
    """Open the three spaces of a train size."""
    seed = plan.seeds[0]
    folders = {name: store.path(tasks[name, size, seed].fingerprint) for name in (FINETUNED, RANDOM)}
    word2vec = store.path(tasks[FINETUNED, size, seed].needs["word2vec"].fingerprint)
    return open_spaces(dataset, word2vec, folders, size, seed)


def other_seed(
    plan: Plan, store: Store, tasks: dict[Key, Task], dataset: Dataset, spaces: Spaces
) -> dict[str, NDArray[np.float32]]:
    """Return the vectors of the same words from the second seed; empty if the study has one seed only."""
    if len(plan.seeds) < 2:
        return {}
    places = {word: place for place, word in enumerate(dataset.vocabulary[: dataset.vocabulary_size])}
    rows = [places[word] for word in spaces.words]

    def load(folder: Path) -> NDArray[np.float32]:
        return np.asarray(np.load(folder / "matrix.npy", mmap_mode="r", allow_pickle=False)[rows])

    keys = {name: (name, spaces.train_size, plan.seeds[1]) for name in (FINETUNED, RANDOM)}
    return {name: load(store.path(tasks[key].fingerprint)) for name, key in keys.items()}


def measure_all(
    by_size: Sequence[Spaces], again: dict[str, NDArray[np.float32]], probes: Sequence[str] = ()
) -> list[Part]:
    """Measure all parts at the largest size, the neighbours at every size.

    Raises:
        UserError: If none of the words given is known to all spaces, or too few words are.
    """
    from embexp.labs.neighbours import measure

    largest = by_size[-1]
    if len(largest.words) < 2 * measure.COUNTED_NEIGHBOURS:
        raise UserError(
            f"only {len(largest.words)} words have a vector and stand in the {largest.train_size:,} labelled texts "
            "three times; give more text or lower word2vec.min_count"
        )
    chosen = choose_probes(largest, probes)
    missing = [word for word in probes if word not in set(largest.words)]
    if not chosen:
        raise UserError(
            f"probes={','.join(probes)}: none of these words has a vector and stands in the labelled texts three "
            f"times; known are for example {', '.join(largest.words[:8])}"
        )
    return [
        measure.measure_neighbours(by_size, chosen, missing),
        measure.measure_movement(largest),
        measure.measure_agreement(largest, again),
        measure.measure_map(largest, chosen),
    ]


def headline(part: Part) -> str:
    """Answer the lab's question from what was counted."""
    share = {name: part.numbers.get(f"own_class_{name}") for name in ("word2vec", FINETUNED, RANDOM)}
    if None in share.values():
        return "Too few words tell a class: no answer."
    told = {name: f"{100 * (value or 0):.0f} %" for name, value in share.items()}
    return (
        f"Of a telling word's neighbours {told['word2vec']} tell the same class in word2vec, {told[FINETUNED]} after "
        f"fine-tuning, {told[RANDOM]} in the matrix learned with the task."
    )
