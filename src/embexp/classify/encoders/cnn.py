"""Convolution over windows of tokens, ReLU, the maximum over time, dropout, one linear layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embexp.classify.encoders.base import TextClassifier, draw_weights, unfilled
from embexp.classify.encoders.flat import FlatTexts
from embexp.classify.generators import generator


class CnnClassifier(TextClassifier):
    """Kim 2014, "Convolutional Neural Networks for Sentence Classification".

    A text of n tokens is padded with zeros for window - 1 tokens on both sides, so that a window of w tokens has
    n + w - 1 places, each with at least one token of the text; what pads a batch beyond that is never a place. A text
    shorter than a window, and an empty one, need no rule of their own.
    """

    in_order = True

    def __init__(
        self,
        embedding_matrix: NDArray[np.float32],
        classes: int,
        seed: int,
        *,
        windows: Sequence[int] = (3, 4, 5),
        maps: int = 100,
        **shared: Any,
    ) -> None:
        """Build the classifier around an embedding matrix.

        Args:
            embedding_matrix: float32, shape (vocabulary, vector_size). Shared, not copied.
            classes: Number of classes.
            seed: Fixes the initial weights behind the embedding layer, the same for every strategy.
            windows: Tokens that a filter sees.
            maps: Filters of each window.
            **shared: Of `TextClassifier`; Kim's dropout is .5, his max_norm 3.
        """
        super().__init__(embedding_matrix, **shared)
        self.windows, self.maps = tuple(windows), maps
        self.filters = nn.ModuleList(unfilled(nn.Conv1d, self.input_size, maps, window) for window in windows)
        self.output = unfilled(nn.Linear, maps * len(self.windows), classes)
        draw_weights([*self.filters, self.output], generator(seed, "head"))

    def encode(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """Return the features of padded texts, shape (texts, windows x maps).

        Args:
            vectors: Shape (texts, longest, input_size); what stands beyond a text's length is ignored.
            lengths: Tokens of each text, int64, shape (texts,).
        """
        tokens = torch.arange(vectors.shape[1], device=lengths.device)
        vectors = (vectors * (tokens < lengths[:, None])[:, :, None]).transpose(1, 2)
        features = []
        for window, filters in zip(self.windows, self.filters, strict=True):
            responses = filters(nn.functional.pad(vectors, (window - 1, window - 1)))  # (texts, maps, places)
            places = torch.arange(responses.shape[2], device=lengths.device)
            beyond = places >= (lengths + window - 1).clamp(min=1)[:, None]
            responses = responses.masked_fill(beyond[:, None, :], -torch.inf)
            features.append(torch.relu(responses).amax(dim=2))
        return torch.cat(features, dim=1)

    def forward(self, token_ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits of padded texts, int64, shape (texts, longest), as (texts, classes)."""
        logits: Tensor = self.output(self.dropout(self.encode(self.embed(token_ids), lengths)))
        return logits

    def classify_flat(self, vectors: Tensor, texts: FlatTexts) -> Tensor:
        """Return the same logits for texts without padding, shape (texts, classes).

        A filter's response is a sum of products, one for each token of its window, and a product depends on the token
        alone: so each distinct token of the batch meets each filter once, and the window sums follow. On a GPU, where
        few large calls beat few operations, the texts are padded to the longest of the batch.
        """
        if vectors.device.type != "cpu":
            ids, lengths = texts.padded(vectors.device)
            features = self.encode(nn.functional.embedding(ids, vectors), lengths)
        else:
            from embexp.classify.encoders.max_over_time import max_over_time

            layers = [layer for layer in self.filters if isinstance(layer, nn.Conv1d)]
            weights = [layer.weight.permute(2, 0, 1).reshape(-1, self.input_size) for layer in layers]
            products = vectors @ torch.cat(weights).T  # (rows, sum of windows x maps)
            highest = max_over_time(products, texts.ids, texts.offsets, self.windows, self.maps)
            biases = [layer.bias for layer in layers if layer.bias is not None]
            features = torch.relu(highest + torch.cat(biases))
        logits: Tensor = self.output(self.dropout(features))
        return logits
