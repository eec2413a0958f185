"""The mean (or maximum) of a text's token vectors, then a perceptron."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embexp.classify.encoders.base import TextClassifier, draw_weights, unfilled
from embexp.classify.encoders.flat import FlatTexts
from embexp.classify.encoders.pooling import pool_flat, pool_padded
from embexp.classify.generators import generator


class MeanPoolClassifier(TextClassifier):
    """Embedding layer, mean over the tokens of a text, linear, ReLU, ..., linear (a deep averaging network).

    Iyyer et al. 2015, "Deep Unordered Composition Rivals Syntactic Methods for Text Classification".
    """

    def __init__(
        self,
        embedding_matrix: NDArray[np.float32],
        hidden_size: int,
        classes: int,
        seed: int,
        *,
        pooling: str = "mean",
        layers: int = 1,
        **shared: Any,
    ) -> None:
        """Build the classifier around an embedding matrix.

        Args:
            embedding_matrix: float32, shape (vocabulary, vector_size). Shared, not copied: training the
                module changes this array.
            hidden_size: Width of each hidden layer.
            classes: Number of classes.
            seed: Fixes the head's initial weights, the same for every strategy.
            pooling: mean, max or mean_max.
            layers: Number of hidden layers.
            **shared: Of `TextClassifier`.
        """
        super().__init__(embedding_matrix, **shared)
        self.pooling = pooling
        size = self.input_size * (2 if pooling == "mean_max" else 1)
        self.hidden = unfilled(nn.Linear, size, hidden_size)
        self.deeper = nn.ModuleList(unfilled(nn.Linear, hidden_size, hidden_size) for _ in range(layers - 1))
        self.output = unfilled(nn.Linear, hidden_size, classes)
        draw_weights([self.hidden, self.output, *self.deeper], generator(seed, "head"))

    def pool(self, token_ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the pooled vectors of each text, shape (texts, vector_size); zeros for an empty text.

        Args:
            token_ids: int64, shape (texts, longest); what stands beyond a text's length is ignored.
            lengths: Tokens of each text, int64, shape (texts,).
        """
        return pool_padded(self.embed(token_ids), lengths, self.pooling)

    def classify(self, pooled: Tensor) -> Tensor:
        """Return the logits of pooled texts, shape (texts, classes)."""
        hidden = torch.relu(self.hidden(pooled))
        for layer in self.deeper:
            hidden = torch.relu(layer(hidden))
        logits: Tensor = self.output(self.dropout(hidden))
        return logits

    def forward(self, token_ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits of padded texts, shape (texts, classes); arguments as for `pool`."""
        return self.classify(self.pool(token_ids, lengths))

    def classify_flat(self, vectors: Tensor, texts: FlatTexts) -> Tensor:
        """Return the logits of texts without padding, shape (texts, classes)."""
        return self.classify(pool_flat(vectors, texts, self.pooling))
