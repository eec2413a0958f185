"""The classifier as a torch module: embedding layer, mean over tokens, a small head."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embexp.classify.generators import generator


class MeanPoolClassifier(nn.Module):
    """Embedding layer, mean over the tokens of a text, linear, ReLU, linear (a deep averaging network).

    Iyyer et al. 2015, "Deep Unordered Composition Rivals Syntactic Methods for Text Classification".
    """

    def __init__(self, embedding_matrix: NDArray[np.float32], hidden_size: int, classes: int, seed: int) -> None:
        """Build the classifier around an embedding matrix.

        Args:
            embedding_matrix: float32, shape (vocabulary, vector_size). Shared, not copied: training the
                module changes this array.
            hidden_size: Width of the hidden layer.
            classes: Number of classes.
            seed: Fixes the head's initial weights, the same for every strategy.
        """
        super().__init__()
        vocabulary_size, vector_size = embedding_matrix.shape
        matrix = torch.from_numpy(embedding_matrix)
        self.embedding = nn.Embedding(vocabulary_size, vector_size, _weight=matrix)
        self.hidden = nn.Linear(vector_size, hidden_size, device="meta").to_empty(device="cpu")  # filled below
        self.output = nn.Linear(hidden_size, classes, device="meta").to_empty(device="cpu")
        rng = generator(seed, "head")
        for layer in (self.hidden, self.output):
            bound = 1 / math.sqrt(layer.in_features)  # the default of nn.Linear
            for parameter in (layer.weight, layer.bias):
                draw = rng.uniform(-bound, bound, tuple(parameter.shape)).astype(np.float32)
                parameter.data = torch.from_numpy(draw)

    def pool(self, token_ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the mean embedding of each text, shape (texts, vector_size); zeros for an empty text.

        Args:
            token_ids: int64, shape (texts, longest); what stands beyond a text's length is ignored.
            lengths: Tokens of each text, int64, shape (texts,).
        """
        mask = torch.arange(token_ids.shape[1], device=lengths.device) < lengths[:, None]
        vectors = self.embedding(token_ids) * mask[:, :, None]
        means: Tensor = vectors.sum(dim=1) / lengths.clamp(min=1)[:, None]
        return means

    def classify(self, pooled: Tensor) -> Tensor:
        """Return the logits of pooled texts, shape (texts, classes)."""
        logits: Tensor = self.output(torch.relu(self.hidden(pooled)))
        return logits

    def forward(self, token_ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits of padded texts, shape (texts, classes); arguments as for `pool`."""
        return self.classify(self.pool(token_ids, lengths))
