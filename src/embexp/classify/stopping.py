"""Early stopping: labelled texts that nothing is learned from say after which pass a classifier was best.

`training.early_stopping` is the share of each cell's own labels that are spent on this, as Kim (2014) spends a tenth.
The budget is trained to its end; what is kept are the weights after the pass that classified most of these texts
rightly, of equal passes the last.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from embexp.bags import Bags
from embexp.classify.encoders.base import TextClassifier
from embexp.classify.generators import generator
from embexp.classify.model import predict_classes
from embexp.sequences import Sequences


def hold_out(labels: NDArray[np.int64], share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Part labelled texts into those that are learned from and those that are held out, the same for every strategy.

    Stratified: the classes have the same share among both, give or take a text. The only text of a class is learned
    from, and where no class has two, nothing is held out.

    Args:
        labels: Class numbers, int64, shape (texts,).
        share: Of the texts that is held out, at most one half.
        seed: Fixes which.

    Returns:
        Places of both, ascending, int64.
    """
    rng = generator(seed, "early stopping")
    classes = [rng.permutation(np.flatnonzero(labels == number)) for number in np.unique(labels)]
    able = np.concatenate([members for members in classes if len(members) > 1] or [np.zeros(0, np.int64)])
    number = max(1, round(share * len(able))) if len(able) else 0
    held_out = np.sort(able[((np.arange(number) + 0.5) * len(able) / max(1, number)).astype(np.int64)])
    return np.setdiff1d(np.arange(len(labels)), held_out), held_out


class EarlyStopping:
    """Judges a classifier after each pass over the texts it learns from, and remembers the best weights.

    Attributes:
        history: {step, held_out_accuracy} of each pass.
        kept_step: After how many steps the kept weights stood; 0 before the first pass is over.
    """

    def __init__(self, texts: Bags | Sequences, labels: NDArray[np.int64], learned: int, batch_size: int) -> None:
        """Hold what judges.

        Args:
            texts: The held-out texts, in the form that the classifier reads.
            labels: Their class numbers, int64, shape (texts,).
            learned: Number of texts that are learned from.
            batch_size: Texts of a step.
        """
        self._texts, self._labels = texts, labels
        self._steps_a_pass = math.ceil(learned / batch_size)
        self._best, self._weights = -1.0, dict[str, Tensor]()
        self.history: list[dict[str, float]] = []
        self.kept_step = 0

    def is_due(self, step: int, steps: int) -> bool:
        """Return whether a pass is over after so many steps of so many; the last one may be cut short."""
        return step % self._steps_a_pass == 0 or step == steps

    def judge(self, model: TextClassifier, step: int) -> None:
        """Classify the held-out texts, and copy the weights if none before were better."""
        accuracy = float((predict_classes(model, self._texts) == self._labels).mean())
        self.history.append({"step": step, "held_out_accuracy": accuracy})
        if accuracy >= self._best:
            self._best, self.kept_step = accuracy, step
            self._weights = {name: weight.detach().clone() for name, weight in _trained(model)}

    def restore(self, model: TextClassifier) -> None:
        """Put the best weights back into the classifier."""
        for name, weight in _trained(model):
            weight.data.copy_(self._weights[name])


def _trained(model: TextClassifier) -> list[tuple[str, Tensor]]:
    return [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
