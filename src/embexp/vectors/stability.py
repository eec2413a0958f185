"""How much two trainings agree: the overlap of neighbourhoods (Antoniak and Mimno 2018, Wendlandt et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from embexp.vectors.space import Space

WORDS, CANDIDATES, NEIGHBOURS = 1_000, 20_000, 10
MOST_SETS = 10


def judge_stability(spaces: Sequence[Space]) -> dict[str, Any] | None:
    """Return which share of a word's ten nearest neighbours two trainings have in common.

    The 1,000 most frequent words that all trainings have are asked, among the 20,000 most frequent ones.

    Returns:
        {trainings, overlap: mean over words and pairs of trainings, lowest, highest: of a pair, words}; None for
        fewer than two trainings, or too few words.
    """
    spaces = spaces[:MOST_SETS]
    if len(spaces) < 2:
        return None
    common = set(spaces[0].words).intersection(*(space.words for space in spaces[1:]))
    words = [word for word in spaces[0].words if word in common][:CANDIDATES]
    if len(words) <= NEIGHBOURS:
        return None
    found = []
    for space in spaces:
        place_of = {word: place for place, word in enumerate(space.words)}
        shared = Space(words, space.vectors[[place_of[word] for word in words]])
        found.append(shared.neighbours(range(min(WORDS, len(words))), NEIGHBOURS))
    overlaps = [
        float(np.mean([len(np.intersect1d(a, b)) / NEIGHBOURS for a, b in zip(one, two, strict=True)]))
        for one, two in combinations(found, 2)
    ]
    return {
        "trainings": len(spaces),
        "overlap": round(float(np.mean(overlaps)), 4),
        "lowest": round(min(overlaps), 4),
        "highest": round(max(overlaps), 4),
        "words": len(found[0]),
    }
