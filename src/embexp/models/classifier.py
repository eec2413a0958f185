"""A trained classifier: from texts to the probabilities of their classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embexp.bags import Bags
from embexp.config import ClassifierConfig, TextConfig
from embexp.sequences import Sequences

if TYPE_CHECKING:
    import polars as pl

    from embexp.classify.encoders.base import TextClassifier

TEXTS_AT_A_TIME = 8192


@dataclass(frozen=True)
class ModelSettings:
    """What a trained classifier is, beside its weights, words and classes.

    Attributes:
        strategy: Where its embedding layer came from.
        vector_size: Length of a word's vector.
        text: How a text becomes tokens.
        classifier: The encoder and its sizes.
    """

    strategy: str
    vector_size: int
    text: TextConfig = field(default_factory=TextConfig)
    classifier: ClassifierConfig = field(default_factory=ClassifierConfig)


class TrainedClassifier:
    """A classifier that reads raw texts exactly as the study did that trained it.

        model = TrainedClassifier.load("outputs/quick/latest/model")
        model.predict(["A lovely film."])          # ['pos']
        model.predict_proba(["A lovely film."])    # shape (1, classes)

    Attributes:
        module: The encoder and head, on the CPU.
        vocabulary: Its words; a token id is a position in this list.
        classes: Names of the classes; a column of the probabilities each.
        settings: What it is.
        about: What it was trained on, as plain JSON; moves no prediction.
    """

    def __init__(
        self,
        module: TextClassifier,
        vocabulary: Sequence[str],
        classes: Sequence[str],
        settings: ModelSettings,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self.module = module.eval()
        self.vocabulary = list(vocabulary)
        self.classes = list(classes)
        self.settings = settings
        self.about = dict(about or {})
        self._ids = {word: place for place, word in enumerate(self.vocabulary)}

    def predict_proba(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Return the probability of each class for each text, float32, shape (texts, classes).

        A text without any known word has the probabilities that the head gives to nothing.

        Raises:
            TypeError: If something among the texts is no string.
        """
        found = [self.read(chunk) for chunk in _chunks(texts)]
        return np.concatenate([np.zeros((0, len(self.classes)), np.float32), *found])

    def predict(self, texts: Iterable[str]) -> list[str]:
        """Return the most probable class of each text."""
        return [self.classes[place] for place in self.predict_proba(texts).argmax(axis=1)]

    def read(self, texts: pl.Series) -> NDArray[np.float32]:
        """Return the probabilities of some thousand texts at once; they are polars strings without nulls."""
        from embexp.classify.threads import one_thread

        with one_thread():
            return _probabilities(self.module, self.encode(texts))

    def encode(self, texts: pl.Series) -> Bags | Sequences:
        """Return texts in the form that the encoder reads: bags of token ids, or token ids in their order."""
        from embexp.text import counts_of
        from embexp.text.tokens import encode

        found = encode(texts, self.settings.text)
        numbers = np.fromiter((self._ids.get(word, -1) for word in found.types), np.int32, len(found.types))
        ids = numbers[found.codes]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(found.lengths)])
        size, longest = len(self.vocabulary), self.settings.text.max_tokens
        if self.module.in_order:
            return Sequences(ids, offsets, size, longest)
        return counts_of(ids, offsets, size, longest)

    def save(self, folder: Path | str) -> Path:
        """Write weights, words and settings into a folder (`embexp.models.folder`) and return it.

        Raises:
            UserError: If the folder cannot be written or holds something else.
        """
        from embexp.models.folder import save_model

        return save_model(self, Path(folder))

    @classmethod
    def load(cls, folder: Path | str) -> TrainedClassifier:
        """Read what `save` wrote; nothing in the folder is taken on trust, and no code in it is run.

        Raises:
            UserError: If there is no such folder, or it is not whole.
        """
        from embexp.models.folder import load_model

        return load_model(Path(folder))


def _chunks(texts: Iterable[str]) -> Iterator[pl.Series]:
    import polars as pl

    if isinstance(texts, str):
        raise TypeError("texts is one string, and several texts are wanted: give [text]")
    values, first = iter(texts), 0
    while chunk := list(islice(values, TEXTS_AT_A_TIME)):
        for place, value in enumerate(chunk, first):
            if not isinstance(value, str):
                raise TypeError(f"texts[{place}] is {value!r} of type {type(value).__name__}; each text must be a str")
        yield pl.Series(list(map(str, chunk)), dtype=pl.String)
        first += len(chunk)


def _probabilities(module: TextClassifier, texts: Bags | Sequences) -> NDArray[np.float32]:
    """Return the probabilities; mean-pooled texts through the compiled kernel, as a cell of a study is scored."""
    import torch

    from embexp.classify.model import MeanPoolClassifier, predict_probabilities
    from embexp.classify.strategies import pool_with

    if not isinstance(module, MeanPoolClassifier) or not isinstance(texts, Bags):
        return predict_probabilities(module, texts)
    if module.pooling != "mean" or module.static is not None:
        return predict_probabilities(module, texts)
    pooled = torch.from_numpy(pool_with(module.embedding.weight.detach().numpy(), texts))
    with torch.no_grad():
        found: NDArray[np.float32] = torch.softmax(module.classify(pooled), dim=1).numpy()
    return found
