"""The three spaces of a cell: word2vec as the classifier began with it, fine-tuned, and learned with the task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embexp.text import nested_order
from embexp.text.entry import Dataset
from embexp.vectors.space import Space
from embexp.vectors.telling import Labelled, log_odds

WORD2VEC, FINETUNED, RANDOM = SPACES = ("word2vec", "finetuned", "random")
NAMES = {WORD2VEC: "word2vec", FINETUNED: "fine-tuned", RANDOM: "task-trained"}
MIN_SEEN = 3  # occurrences in the labelled texts: a row that was hardly trained has no neighbours to speak of
MOST_WORDS = 20_000
TELLING = 1.96  # standard deviations of the log odds: a word that tells its class apart


@dataclass(frozen=True)
class Spaces:
    """Words that all three spaces know, with their vectors, and what the labelled texts say of them.

    Attributes:
        train_size: Labelled texts.
        words: Most frequent in the pool first.
        vectors: float32, shape (words, vector_size), by space.
        moved: Distance of each row from where it began, by trained space, over the typical length of a row there.
        seen: Occurrences in the labelled texts, int64, shape (words,).
        classes: Names of the classes.
        odds: Log odds of each word in each class, in standard deviations, shape (classes, words).
        unseen_moved: Rows of words that no labelled text holds and that moved all the same, by trained space.
    """

    train_size: int
    words: Sequence[str]
    vectors: Mapping[str, NDArray[np.float32]]
    moved: Mapping[str, NDArray[np.float64]]
    seen: NDArray[np.int64]
    classes: Sequence[str]
    odds: NDArray[np.float64]
    unseen_moved: Mapping[str, int]

    def space(self, name: str) -> Space:
        """Return one of the three as words with vectors."""
        return Space(self.words, self.vectors[name])

    @property
    def telling(self) -> NDArray[np.int64]:
        """The class that each word tells, int64, shape (words,); -1 where it tells none."""
        best = self.odds.argmax(axis=0)
        return np.where(self.odds.max(axis=0) > TELLING, best, -1)


def open_spaces(dataset: Dataset, word2vec: Path, folders: Mapping[str, Path], train_size: int, seed: int) -> Spaces:
    """Read the three spaces of a train size from what the tasks kept.

    Args:
        dataset: With its counts.
        word2vec: The entry of the word vectors.
        folders: Entries of keep_matrix for `finetuned` and `random`.
        train_size: Of their cells.
        seed: Of their cells.
    """
    from embexp.vectors.entries import read_rows

    matrices = {name: np.load(folder / "matrix.npy", allow_pickle=False) for name, folder in folders.items()}
    starts = {name: np.load(folder / "start.npy", allow_pickle=False) for name, folder in folders.items()}
    seen = np.load(folders[RANDOM] / "seen.npy", allow_pickle=False)
    size = dataset.vocabulary_size
    known = np.zeros(size, bool)
    known[(rows := read_rows(word2vec).rows)[rows < size]] = True
    words = dataset.vocabulary[:size]
    letters = np.array([word.isalpha() for word in words])
    kept = np.flatnonzero(known & letters & (seen >= MIN_SEEN))[:MOST_WORDS]
    moved = {name: _moved(matrices[name], starts[name]) for name in matrices}
    labels = np.asarray(dataset.pool.labels, np.int64)
    subset = nested_order(labels, seed)[:train_size]
    labelled = Labelled(dataset.pool.bags.select(subset), labels[subset], dataset.classes)
    return Spaces(
        train_size=train_size,
        words=[words[place] for place in kept],
        vectors={
            WORD2VEC: starts[FINETUNED][kept],
            FINETUNED: matrices[FINETUNED][kept],
            RANDOM: matrices[RANDOM][kept],
        },
        moved={name: distance[kept] for name, distance in moved.items()},
        seen=seen[kept],
        classes=dataset.classes,
        odds=log_odds(labelled, size)[:, kept],
        unseen_moved={name: int((distance[seen == 0] > 0).sum()) for name, distance in moved.items()},
    )


def _moved(matrix: NDArray[np.float32], start: NDArray[np.float32]) -> NDArray[np.float64]:
    typical = float(np.sqrt(np.square(start, dtype=np.float64).sum(axis=1).mean()))
    return np.asarray(np.linalg.norm((matrix - start).astype(np.float64), axis=1) / typical)


def choose_probes(spaces: Spaces, given: Sequence[str], count: int = 12) -> list[int]:
    """Return the places of the probe words: those given, else the most telling of each class and the most moved.

    Words that were given and that not all spaces know are left out; the caller says which.
    """
    places = {word: place for place, word in enumerate(spaces.words)}
    if given:
        return [places[word] for word in given if word in places]
    per_class = max(1, count // 2 // len(spaces.classes))
    chosen = [int(word) for odds in spaces.odds for word in np.argsort(-odds, kind="stable")[:per_class]]
    for name in (FINETUNED, RANDOM):
        most = [int(word) for word in np.argsort(-spaces.moved[name], kind="stable") if int(word) not in chosen]
        chosen += most[: count // 4]
    return list(dict.fromkeys(chosen))


# ---- agreement of two spaces, each measure between 0 and 1


def procrustes(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the share of one space that rotating and scaling the other explains (Schönemann 1966)."""
    return float(np.linalg.svd(_unit(a).T @ _unit(b), compute_uv=False).sum() ** 2)


def cka(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return linear centred kernel alignment (Kornblith et al. 2019, section 3)."""
    one, other = _unit(a), _unit(b)
    across = np.square(one.T @ other).sum()
    return float(across / np.sqrt(np.square(one.T @ one).sum() * np.square(other.T @ other).sum()))


def overlap(a: NDArray[np.float32], b: NDArray[np.float32], count: int = 10, queries: int = 1000) -> float:
    """Return the mean share of a word's nearest neighbours that two spaces have in common, for the first words."""
    words = [str(place) for place in range(len(a))]
    asked = range(min(queries, len(a)))
    count = min(count, len(a) - 1)
    near = [Space(words, vectors).neighbours(asked, count) for vectors in (a, b)]
    return float(np.mean([len(set(one) & set(other)) / count for one, other in zip(*near, strict=True)]))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    centred = vectors.astype(np.float64) - vectors.mean(axis=0)
    return np.asarray(centred / np.linalg.norm(centred))


MEASURES = {"Procrustes": procrustes, "linear CKA": cka, "ten nearest in common": overlap}


def rotate_onto(vectors: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return centred, scaled vectors, rotated so that they come as near to the target as they can."""
    a, b = _unit(vectors), _unit(target)
    left, _, right = np.linalg.svd(a.T @ b, full_matrices=False)
    return np.asarray(a @ left @ right)
