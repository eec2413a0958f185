"""The encoders there are, and what can be known of one without importing torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from embexp.config import ClassifierConfig


@dataclass(frozen=True)
class Encoder:
    """What stands between the embedding layer and the classes.

    Attributes:
        module: Its file in `embexp.classify.encoders`.
        classifier: The torch module in that file: a `TextClassifier` that takes the embedding matrix, `classes`,
            `seed`, what it reads and what all encoders share.
        reads: Keys of ClassifierConfig that it reads beside those that all read; the others must keep their defaults.
        numbers: Most numbers that it may hold behind the embedding layer, from the settings, the numbers that stand
            for a token and the classes: what a stranger's model folder is held against before it takes the memory.
        in_order: Whether it reads the order of tokens, and texts as bags will not do.
        compiled: Whether the compiled loop has it, where no other setting forbids that.
        version: Raised when its numbers change, as the version of a stage is; 1 is left out of fingerprints.
    """

    module: str
    classifier: str
    reads: tuple[str, ...]
    numbers: Callable[[ClassifierConfig, int, int], int]
    in_order: bool = False
    compiled: bool = False
    version: int = 1


def _mean_pool(classifier: ClassifierConfig, given: int, classes: int) -> int:
    size = classifier.hidden_size
    return 2 * given * size + classifier.layers * size * (size + 1) + classes * size


def _linear(_: ClassifierConfig, given: int, classes: int) -> int:
    return 2 * given * classes


def _cnn(classifier: ClassifierConfig, given: int, classes: int) -> int:
    return classifier.maps * (given * sum(classifier.windows) + len(classifier.windows) * (classes + 1))


def _lstm(classifier: ClassifierConfig, given: int, classes: int) -> int:
    size = classifier.hidden_size
    return 8 * size * (given + size + 2) + 4 * classes * size


ENCODERS = {
    "mean_pool": Encoder(
        "mean_pool", "MeanPoolClassifier", ("hidden_size", "pooling", "layers"), _mean_pool, compiled=True
    ),
    "cnn": Encoder("cnn", "CnnClassifier", ("windows", "maps"), _cnn, in_order=True),
    # Version 2: its states are pooled.
    "lstm": Encoder("lstm", "LstmClassifier", ("hidden_size", "pooling"), _lstm, in_order=True, version=2),
    # Version 2: a compiled loop, the same but for rounding.
    "linear": Encoder("linear", "LinearClassifier", ("pooling",), _linear, compiled=True, version=2),
}
