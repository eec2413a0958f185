"""The training protocol, fitted to the number of classes and the strategy.

Learning rates and budget were chosen on two classes. With more of them the same number of passes leaves the head short
of its best, and the rows of word vectors short of where the task wants them (docs/protocol.md has the figures).
"""

from __future__ import annotations

import math
from dataclasses import replace

from embexp.config import TrainingConfig


def fit_to_cell(training: TrainingConfig, classes: int, scratch: bool = False) -> TrainingConfig:
    """Return the settings of training for a strategy and a number of classes, as they are for word vectors and two.

    Passes and the rate of the rows are multiplied by log2(classes), the bits of a label, to
    `training.budget.classes_power` and `training.embedding_classes_power`; the powers are those of a mean of words, and
    `classifier=cnn` and `classifier=lstm` set their own (docs/encoders.md). Rows learned from `scratch` have
    `training.random_rate_factor` times the rate. All of this is used up in what is returned: both powers are 0
    and the factor is 1, so fitting again changes nothing.
    """
    bits = math.log2(max(2, classes))
    budget = training.budget
    rate = _times(training.embedding_learning_rate, bits, training.embedding_classes_power)
    return replace(
        training,
        budget=replace(budget, passes=_times(budget.passes, bits, budget.classes_power), classes_power=0.0),
        embedding_learning_rate=rate * (training.random_rate_factor if scratch else 1),
        embedding_classes_power=0.0,
        random_rate_factor=1.0,
    )


def _times(value: float, bits: float, power: float) -> float:
    """Return a value times the bits of a label to a power, to four significant digits; the value itself for one bit.

    The last digit of a power may differ from one machine to another, and these values name cells.
    """
    factor = bits**power
    return value if factor == 1 else float(f"{value * factor:.4g}")
