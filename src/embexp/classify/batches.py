"""Which texts each optimiser step sees, and how many steps there are."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from embexp.classify.generators import generator
from embexp.config import BudgetConfig


def optimiser_steps(budget: BudgetConfig, texts: int, batch_size: int) -> int:
    """Return the number of optimiser steps for a train size: the one rule for all sizes."""
    return max(budget.min_steps, math.ceil(budget.passes * texts / batch_size))


def rate_shares(schedule: str, steps: int) -> NDArray[np.float32]:
    """Return the share of both learning rates that holds in each step, float32, shape (steps,).

    Linear: from 1 in the first step towards 0 after the last. Constant: 1.
    """
    if schedule == "linear":
        return (1 - np.arange(steps) / steps).astype(np.float32)
    return np.ones(steps, np.float32)


def batch_order(texts: int, batch_size: int, steps: int, seed: int) -> NDArray[np.int64]:
    """Return the text numbers of every batch, int64, shape (steps, batch_size).

    The texts are shuffled anew for each pass, and a batch may reach from one pass into the next, so that every
    text is seen equally often (give or take one). The same seed gives every strategy the same batches.
    """
    rng = generator(seed, "batches")
    needed = steps * batch_size
    passes = [rng.permutation(texts) for _ in range(math.ceil(needed / texts))]
    return np.concatenate(passes)[:needed].reshape(steps, batch_size).astype(np.int64)
