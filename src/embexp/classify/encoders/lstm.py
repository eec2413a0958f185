"""The last states of an LSTM that reads the text in both directions, and one linear layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from embexp.classify.encoders.base import TextClassifier, draw_weights, unfilled
from embexp.classify.encoders.flat import FlatTexts
from embexp.classify.generators import generator


class LstmClassifier(TextClassifier):
    """Embedding layer, bidirectional LSTM, the last state of each direction side by side, linear.

    Hochreiter and Schmidhuber 1997; Graves and Schmidhuber 2005. Texts are packed: the backward direction begins at a
    text's last token, not in the padding. The states of an empty text are zeros.
    """

    in_order = True

    def __init__(
        self, embedding_matrix: NDArray[np.float32], hidden_size: int, classes: int, seed: int, **shared: Any
    ) -> None:
        """Build the classifier around an embedding matrix.

        Args:
            embedding_matrix: float32, shape (vocabulary, vector_size). Shared, not copied.
            hidden_size: Size of the state of each direction.
            classes: Number of classes.
            seed: Fixes the initial weights behind the embedding layer, the same for every strategy.
            **shared: Of `TextClassifier`.
        """
        super().__init__(embedding_matrix, **shared)
        self.lstm = unfilled(nn.LSTM, self.input_size, hidden_size, batch_first=True, bidirectional=True)
        self.output = unfilled(nn.Linear, 2 * hidden_size, classes)
        draw_weights([self.lstm, self.output], generator(seed, "head"))

    def encode(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """Return the last states of padded texts, shape (texts, 2 x hidden_size).

        Args:
            vectors: Shape (texts, longest, input_size); what stands beyond a text's length is ignored.
            lengths: Tokens of each text, int64, shape (texts,).
        """
        packed = pack_padded_sequence(vectors, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False)
        return self._last_states(packed) * (lengths > 0)[:, None]

    def _last_states(self, packed: PackedSequence) -> Tensor:
        _, (states, _) = self.lstm(packed)  # (2, texts, hidden_size)
        return torch.cat([states[0], states[1]], dim=1)

    def forward(self, token_ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits of padded texts, int64, shape (texts, longest), as (texts, classes)."""
        logits: Tensor = self.output(self.dropout(self.encode(self.embed(token_ids), lengths)))
        return logits

    def classify_flat(self, vectors: Tensor, texts: FlatTexts) -> Tensor:
        """Return the same logits for texts without padding, packed without a padded form, shape (texts, classes)."""
        lengths = texts.lengths
        order = np.argsort(-lengths, kind="stable")
        order = order[lengths[order] > 0]
        states = vectors.new_zeros(len(texts), 2 * self.lstm.hidden_size)
        if len(order):
            at_step = np.arange(lengths[order[0]])[:, None] < lengths[order]  # (longest, texts): is there a token
            tokens = (texts.offsets[order] + np.arange(lengths[order[0]])[:, None])[at_step]
            ids = torch.from_numpy(texts.ids[tokens].astype(np.int64)).to(vectors.device)
            packed = PackedSequence(nn.functional.embedding(ids, vectors), torch.from_numpy(at_step.sum(axis=1)))
            places = torch.from_numpy(order).to(vectors.device)
            states = states.index_copy(0, places, self._last_states(packed))
        logits: Tensor = self.output(self.dropout(states))
        return logits
