"""The mean of a text's token vectors and one linear layer: no hidden layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from embexp.classify.encoders.base import TextClassifier, draw_weights, unfilled
from embexp.classify.encoders.flat import FlatTexts
from embexp.classify.encoders.pooling import pool_flat, pool_padded
from embexp.classify.generators import generator


class LinearClassifier(TextClassifier):
    """Embedding layer, mean over the tokens of a text, linear: the form of fastText's classifier.

    Joulin et al. 2017, "Bag of Tricks for Efficient Text Classification".
    """

    def __init__(
        self, embedding_matrix: NDArray[np.float32], classes: int, seed: int, *, pooling: str = "mean", **shared: Any
    ) -> None:
        """Build the classifier around an embedding matrix.

        Args:
            embedding_matrix: float32, shape (vocabulary, vector_size). Shared, not copied.
            classes: Number of classes.
            seed: Fixes the last layer's initial weights, the same for every strategy.
            pooling: mean, max or mean_max.
            **shared: Of `TextClassifier`.
        """
        super().__init__(embedding_matrix, **shared)
        self.pooling = pooling
        self.output = unfilled(nn.Linear, self.input_size * (2 if pooling == "mean_max" else 1), classes)
        draw_weights([self.output], generator(seed, "head"))

    def classify(self, pooled: Tensor) -> Tensor:
        """Return the logits of pooled texts, shape (texts, classes)."""
        logits: Tensor = self.output(self.dropout(pooled))
        return logits

    def forward(self, token_ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits of padded texts, int64, shape (texts, longest), as (texts, classes)."""
        return self.classify(pool_padded(self.embed(token_ids), lengths, self.pooling))

    def classify_flat(self, vectors: Tensor, texts: FlatTexts) -> Tensor:
        """Return the logits of texts without padding, shape (texts, classes)."""
        return self.classify(pool_flat(vectors, texts, self.pooling))
