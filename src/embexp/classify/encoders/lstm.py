"""An LSTM that reads the text in both directions, its states pooled over the text, and one linear layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from embexp.classify.encoders.base import TextClassifier, draw_weights, unfilled
from embexp.classify.encoders.flat import FlatTexts
from embexp.classify.encoders.pooling import pool_flat, pool_padded
from embexp.classify.generators import generator


class LstmClassifier(TextClassifier):
    """Embedding layer, bidirectional LSTM, states of both directions side by side and pooled, linear.

    Hochreiter and Schmidhuber 1997; Graves and Schmidhuber 2005; with the maximum of each number over the states of a
    text Conneau et al. 2017, "Supervised Learning of Universal Sentence Representations from Natural Language Inference
    Data", section 3.2. Texts are packed: the backward direction begins at a text's last token, not in the padding. An
    empty text is pooled to zeros.
    """

    in_order = True

    def __init__(
        self,
        embedding_matrix: NDArray[np.float32],
        hidden_size: int,
        classes: int,
        seed: int,
        *,
        pooling: str = "mean",
        **shared: Any,
    ) -> None:
        """Build the classifier around an embedding matrix.

        Args:
            embedding_matrix: float32, shape (vocabulary, vector_size). Shared, not copied.
            hidden_size: Size of the state of each direction.
            classes: Number of classes.
            seed: Fixes the initial weights behind the embedding layer, the same for every strategy.
            pooling: mean, max or mean_max of the states of a text, or last: the last state of each direction.
            **shared: Of `TextClassifier`.
        """
        super().__init__(embedding_matrix, **shared)
        self.pooling = pooling
        self.lstm = unfilled(nn.LSTM, self.input_size, hidden_size, batch_first=True, bidirectional=True)
        self.output = unfilled(nn.Linear, hidden_size * (4 if pooling == "mean_max" else 2), classes)
        draw_weights([self.lstm, self.output], generator(seed, "head"))

    def encode(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """Return the pooled states of padded texts, shape (texts, 2 x hidden_size), 4 x for mean_max.

        Args:
            vectors: Shape (texts, longest, input_size); what stands beyond a text's length is ignored.
            lengths: Tokens of each text, int64, shape (texts,).
        """
        packed = pack_padded_sequence(vectors, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False)
        states, (last, _) = self.lstm(packed)
        if self.pooling == "last":
            return side_by_side(last) * (lengths > 0)[:, None]
        return pool_padded(pad_packed_sequence(states, batch_first=True)[0], lengths, self.pooling)

    def forward(self, token_ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits of padded texts, int64, shape (texts, longest), as (texts, classes)."""
        logits: Tensor = self.output(self.dropout(self.encode(self.embed(token_ids), lengths)))
        return logits

    def classify_flat(self, vectors: Tensor, texts: FlatTexts) -> Tensor:
        """Return the same logits for texts without padding, none in between, shape (texts, classes)."""
        logits: Tensor = self.output(self.dropout(self._encode_flat(vectors, texts)))
        return logits

    def _encode_flat(self, vectors: Tensor, texts: FlatTexts) -> Tensor:
        lengths = texts.lengths
        order = np.argsort(-lengths, kind="stable")
        order = order[lengths[order] > 0]
        if not len(order):
            return vectors.new_zeros(len(texts), self.output.in_features)
        at_step = np.arange(lengths[order[0]])[:, None] < lengths[order]  # (longest, texts): is there a token
        tokens = (texts.offsets[order] + np.arange(lengths[order[0]])[:, None])[at_step]
        ids = torch.from_numpy(texts.ids[tokens].astype(np.int64)).to(vectors.device)
        packed = PackedSequence(nn.functional.embedding(ids, vectors), torch.from_numpy(at_step.sum(axis=1)))
        states, (last, _) = self.lstm(packed)
        if self.pooling == "last":
            empty = vectors.new_zeros(len(texts), self.output.in_features)
            return empty.index_copy(0, torch.from_numpy(order).to(vectors.device), side_by_side(last))
        places = np.empty(len(tokens), np.int64)  # of each token's state among the packed ones
        places[tokens] = np.arange(len(tokens))
        return pool_flat(states.data, FlatTexts(places, texts.offsets), self.pooling)


def side_by_side(last: Tensor) -> Tensor:
    """Return the last states of both directions, shape (2, texts, hidden_size), as (texts, 2 x hidden_size)."""
    return torch.cat([last[0], last[1]], dim=1)
