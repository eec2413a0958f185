"""What a study's report says of neighbours, at its largest train size."""

from __future__ import annotations

from typing import Any

from embexp.labs.neighbours.measure import COUNTED_NEIGHBOURS, measure_neighbours, neighbour_rows
from embexp.labs.neighbours.spaces import Spaces, choose_probes


def describe_neighbours(spaces: Spaces) -> dict[str, Any]:
    """Return {train_size, sentences, rows}; empty where too few words are known to all three spaces."""
    if len(spaces.words) < 2 * COUNTED_NEIGHBOURS:
        return {}
    probes = choose_probes(spaces, ())
    part = measure_neighbours([spaces], probes, ())
    return {
        "train_size": spaces.train_size,
        "sentences": list(part.found),
        "rows": neighbour_rows(spaces, probes),
    }
