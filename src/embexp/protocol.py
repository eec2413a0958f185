"""The training protocol, fitted to the number of classes and the strategy.

Learning rates and budget were chosen on two classes. With more of them the same number of passes leaves the head short
of its best, and the rows of word vectors short of where the task wants them (docs/protocol.md has the figures).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from embexp.config import TrainingConfig

if TYPE_CHECKING:
    from embexp.classify.strategies import Strategy


def fit_to_cell(training: TrainingConfig, classes: int, strategy: Strategy | None = None) -> TrainingConfig:
    """Return the settings of training for a number of classes and a strategy; None for fine-tuning.

    Passes and the rate of the rows are multiplied by log2(classes), the bits of a label, to
    `training.budget.classes_power` and `training.embedding_classes_power`; the powers are those of a mean of words, and
    `classifier=cnn` and `classifier=lstm` set their own (docs/encoders.md). Rows learned from scratch have
    `training.random_rate_factor` times the rate, and where no row is trained there are
    `training.frozen_passes_factor` times the passes. All of this is used up in what is returned: the powers are 0
    and the factors 1, so fitting again changes nothing.
    """
    bits = math.log2(max(2, classes))
    budget = training.budget
    rate = _times(training.embedding_learning_rate, bits, training.embedding_classes_power)
    passes = _times(budget.passes, bits, budget.classes_power)
    scratch = strategy is not None and strategy.scratch
    still = strategy is not None and not strategy.trained
    return replace(
        training,
        budget=replace(
            budget, passes=passes * (training.frozen_passes_factor if still else 1), classes_power=0.0
        ),
        embedding_learning_rate=rate * (training.random_rate_factor if scratch else 1),
        embedding_classes_power=0.0,
        random_rate_factor=1.0,
        frozen_passes_factor=1.0,
    )


def _times(value: float, bits: float, power: float) -> float:
    """Return a value times the bits of a label to a power, to four significant digits; the value itself for one bit.

    The last digit of a power may differ from one machine to another, and these values name cells.
    """
    factor = bits**power
    return value if factor == 1 else float(f"{value * factor:.4g}")
