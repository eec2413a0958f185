"""One random generator per purpose, derived from the cell's seed; no global state anywhere."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Return the generator of one purpose of one seed.

    Strategies of one seed share the generators of 'head' and 'batches', so that they start from the same
    head and see the same batches; no draw for one purpose shifts the draws for another.

    Args:
        seed: The cell's seed, at least 0.
        purpose: What the numbers are for, such as 'head', 'batches' or 'rows'.
    """
    purpose_number = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:8], "big")
    return np.random.default_rng([seed, purpose_number])
