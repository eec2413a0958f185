"""The training protocol, fitted to the number of classes and the strategy.

Learning rates and budget were chosen on two classes. With more of them a head above rows that learn takes more passes
at a lower rate; above rows that stay it must find everything by itself, and takes many more passes at a higher one
(docs/protocol.md has the figures).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from embexp.config import BudgetConfig, TrainingConfig

if TYPE_CHECKING:
    from embexp.classify.strategies import Strategy


def fit_to_cell(training: TrainingConfig, classes: int, strategy: Strategy | None = None) -> TrainingConfig:
    """Return the settings of training for a number of classes and a strategy; None for fine-tuning.

    With b = log2(classes), the bits of a label, they are those for two classes times a power of b:

        passes                     b ** training.budget.classes_power
        learning_rate              b ** training.classes_power
        embedding_learning_rate    b ** training.embedding_classes_power

    Rows learned from scratch have `training.random_rate_factor` times the rate. Where no row is trained there are
    `training.budget.frozen_factor` times the passes, and passes and `learning_rate` are multiplied by b to the power of
    `training.budget.frozen_classes_power` and `training.frozen_classes_power` once more. The powers and factors of each
    encoder stand in conf/classifier/ (docs/encoders.md). All of this is used up in what is returned: the powers are 0
    and the factors 1, so fitting again changes nothing.
    """
    bits, budget = math.log2(max(2, classes)), training.budget
    scratch = strategy is not None and strategy.scratch
    still = strategy is not None and not strategy.trained
    passes = _times(budget.passes, bits, budget.classes_power + (budget.frozen_classes_power if still else 0))
    rate = _times(training.embedding_learning_rate, bits, training.embedding_classes_power)
    return replace(
        training,
        budget=BudgetConfig(budget.min_steps, passes * (budget.frozen_factor if still else 1)),
        learning_rate=_times(
            training.learning_rate, bits, training.classes_power + (training.frozen_classes_power if still else 0)
        ),
        embedding_learning_rate=rate * (training.random_rate_factor if scratch else 1),
        classes_power=0.0,
        embedding_classes_power=0.0,
        frozen_classes_power=0.0,
        random_rate_factor=1.0,
    )


def _times(value: float, bits: float, power: float) -> float:
    """Return a value times the bits of a label to a power, to four significant digits; the value itself for one bit.

    The last digit of a power may differ from one machine to another, and these values name cells.
    """
    factor = bits**power
    return value if factor == 1 else float(f"{value * factor:.4g}")
