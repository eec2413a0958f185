"""What all encoders share: the embedding layer with its channels, and first weights that a seed fixes."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embexp.classify.encoders.flat import FlatTexts

Module = TypeVar("Module", bound=nn.Module)


class TextClassifier(nn.Module):
    """An embedding layer of one or two channels; encoders add what comes behind it.

    With two channels (Kim 2014, section 3.1) the same matrix stands in `embedding`, which may be trained, and in
    `static`, which is not; what the first layer makes of both is added. That layer is linear, so this is the same as
    giving it one input: the sum of the channels where both meet the same weights (`shared`), and the two side by side
    where each has weights of its own (`own`).

    Attributes:
        embedding: The embedding layer, shape (vocabulary, vector_size).
        static: The channel that keeps its rows, of the same shape; None with one channel.
        input_size: Numbers that stand for a token: vector_size, or twice that for channels of their own.
        output: The last layer, set by the encoder.
        dropout: Before the last layer.
        word_dropout: Share of the tokens that training leaves out in each step.
        max_norm: Largest length of a class's weights in the last layer (Kim 2014, section 2.1); None: no limit.
    """

    in_order = False  # whether the encoder reads the order of tokens
    output: nn.Linear

    def __init__(
        self,
        embedding_matrix: NDArray[np.float32],
        *,
        channels: str | None = None,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
        max_norm: float | None = None,
    ) -> None:
        """Build the embedding layer.

        Args:
            embedding_matrix: float32, shape (vocabulary, vector_size). Shared, not copied: training the
                module changes this array. A second channel has a copy.
            channels: None for one channel; shared or own for two.
            dropout: Share of the features left out before the last layer.
            word_dropout: Share of the tokens that training leaves out in each step.
            max_norm: Largest length of a class's weights in the last layer.
        """
        super().__init__()
        self.embedding = _layer(embedding_matrix)
        self.static = _layer(embedding_matrix.copy()).requires_grad_(False) if channels else None
        self.channels = channels
        self.input_size = embedding_matrix.shape[1] * (2 if channels == "own" else 1)
        self.dropout = nn.Dropout(dropout)
        self.word_dropout = word_dropout
        self.max_norm = max_norm

    def merge(self, rows: Tensor, static_rows: Tensor | None) -> Tensor:
        """Return what the encoder reads, shape (..., input_size), of a token's rows in each channel."""
        if static_rows is None:
            return rows
        return rows + static_rows if self.channels == "shared" else torch.cat([rows, static_rows], dim=-1)

    def embed(self, token_ids: Tensor) -> Tensor:
        """Return the vectors of token ids, shape (*token_ids.shape, input_size)."""
        static_rows = None if self.static is None else self.static(token_ids)
        return self.merge(self.embedding(token_ids), static_rows)

    def forward(self, token_ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits of padded texts, shape (texts, classes).

        Args:
            token_ids: int64, shape (texts, longest); what stands beyond a text's length is ignored.
            lengths: Tokens of each text, int64, shape (texts,).
        """
        raise NotImplementedError

    def classify_flat(self, vectors: Tensor, texts: FlatTexts) -> Tensor:
        """Return the same logits for texts without padding, shape (texts, classes).

        Args:
            vectors: Merged rows, float32, shape (rows, input_size).
            texts: Their ids are places in `vectors`.
        """
        raise NotImplementedError

    def limit_norm(self) -> None:
        """Scale the weights of each class down to `max_norm`, where they are longer."""
        if self.max_norm is not None:
            with torch.no_grad():
                self.output.weight.copy_(torch.renorm(self.output.weight, 2, 0, self.max_norm))


def _layer(matrix: NDArray[np.float32]) -> nn.Embedding:
    vocabulary_size, vector_size = matrix.shape
    return nn.Embedding(vocabulary_size, vector_size, _weight=torch.from_numpy(matrix))


def unfilled(kind: type[Module], *sizes: int, **options: bool) -> Module:
    """Return a layer whose weights are not drawn yet, so that no global random state is touched."""
    layer: Module = kind(*sizes, **options, device="meta").to_empty(device="cpu")
    return layer


def draw_weights(layers: list[nn.Module], rng: np.random.Generator) -> None:
    """Draw weights and biases from uniform(-b, b), b = 1 / sqrt(inputs of a unit): torch's defaults.

    For an LSTM b is 1 / sqrt(hidden_size), as in torch. Drawn layer after layer, each as `parameters()` lists it.
    """
    for layer in layers:
        if isinstance(layer, nn.LSTM):
            inputs = layer.hidden_size
        else:
            inputs = next(weight[0].numel() for weight in layer.parameters() if weight.ndim > 1)
        for parameter in layer.parameters():
            draw = rng.uniform(-1 / math.sqrt(inputs), 1 / math.sqrt(inputs), tuple(parameter.shape))
            parameter.data = torch.from_numpy(draw.astype(np.float32))
