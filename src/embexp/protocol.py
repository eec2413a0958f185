"""The training protocol, fitted to the number of classes.

Learning rates and budget were chosen on two classes. With more of them the same number of passes leaves the head short
of its best, and the rows of word vectors short of where the task wants them (docs/protocol.md has the figures).
"""

from __future__ import annotations

import math
from dataclasses import replace

from embexp.config import TrainingConfig


def fit_to_classes(training: TrainingConfig, classes: int) -> TrainingConfig:
    """Return the settings of training for a number of classes; with two (or one) they stay as they are.

    Passes and the rate of the rows are multiplied by log2(classes), the bits of a label, to
    `training.budget.classes_power` and `training.embedding_classes_power`. Both powers are 0 in what is returned, so
    fitting again changes nothing. The powers are those of a mean of words; `classifier=cnn` and `classifier=lstm` set
    their own (docs/encoders.md).
    """
    bits = math.log2(max(2, classes))
    budget = training.budget
    rate = training.embedding_learning_rate
    return replace(
        training,
        budget=replace(budget, passes=_times(budget.passes, bits, budget.classes_power), classes_power=0.0),
        embedding_learning_rate=_times(rate, bits, training.embedding_classes_power),
        embedding_classes_power=0.0,
    )


def _times(value: float, bits: float, power: float) -> float:
    """Return a value times the bits of a label to a power, to four significant digits; the value itself for one bit.

    The last digit of a power may differ from one machine to another, and these values name cells.
    """
    factor = bits**power
    return value if factor == 1 else float(f"{value * factor:.4g}")
