"""Which vector belongs to which word: by the same spelling, else lower-cased, else capitalised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SPELLINGS = ("exact", "lower", "capitalised")


@dataclass(frozen=True)
class Alignment:
    """The words of a vocabulary that have a vector.

    Attributes:
        rows: Their token ids, int64, shape (known,), ascending.
        places: Where in the vectors each of them stands, int64, shape (known,).
        spelling: How many were found as they stand, lower-cased, capitalised.
    """

    rows: NDArray[np.int64]
    places: NDArray[np.int64]
    spelling: Mapping[str, int]


def spellings(word: str) -> tuple[str, str, str]:
    """Return the spellings under which a word is looked up, best first: exact, lower, capitalised."""
    return word, word.lower(), word.capitalize()


def all_spellings(words: Iterable[str]) -> set[str]:
    """Return everything that one of the words may be looked up as."""
    return {spelling for word in words for spelling in spellings(word)}


def align(vocabulary: Sequence[str], words: Sequence[str]) -> Alignment:
    """Look every word of a vocabulary up among the words that have a vector.

    Args:
        vocabulary: The data set's words; token ids are places in it.
        words: The words of the vectors, each once.
    """
    place_of = {word: place for place, word in enumerate(words)}
    rows, places = [], []
    counts = dict.fromkeys(SPELLINGS, 0)
    for row, word in enumerate(vocabulary):
        for name, spelling in zip(SPELLINGS, spellings(word), strict=True):
            place = place_of.get(spelling)
            if place is not None:
                rows.append(row)
                places.append(place)
                counts[name] += 1
                break
    return Alignment(np.array(rows, np.int64), np.array(places, np.int64), counts)
