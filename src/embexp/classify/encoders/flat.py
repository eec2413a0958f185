"""Texts laid end to end: a batch without padding, for bags of words and for token ids in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embexp.bags import Bags
from embexp.sequences import Sequences, ranges

Ids = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class FlatTexts:
    """Token ids of several texts, one text after the other.

    Attributes:
        ids: Rows of an embedding matrix, shape (entries,).
        offsets: int64, shape (texts + 1,): text t owns ids[offsets[t]:offsets[t + 1]].
        counts: How often each id stands in its text, float32, shape (entries,), for bags; None: once, in this order.
    """

    ids: Ids
    offsets: NDArray[np.int64]
    counts: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, texts: Bags | Sequences) -> FlatTexts:
        """Lay texts end to end; bags are taken as they are, sequences are read."""
        if isinstance(texts, Bags):
            return cls(texts.indices, texts.offsets, texts.counts)
        return cls(*texts.read())

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Entries of each text, shape (texts,)."""
        return np.diff(self.offsets)

    def select(self, texts: Ids) -> FlatTexts:
        """Return some texts, in the order given, as a copy."""
        starts = self.offsets[texts]
        lengths = self.offsets[texts + 1] - starts
        places = ranges(starts, lengths)
        offsets = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return FlatTexts(self.ids[places], offsets, None if self.counts is None else self.counts[places])

    def drop_words(self, share: float, rng: np.random.Generator) -> FlatTexts:
        """Return the texts without a share of their tokens, each left out by itself (Iyyer 2015, section 3.1)."""
        if self.counts is None:
            counts, kept = None, rng.random(len(self.ids)) >= share
        else:  # of c equal tokens a binomial number stays
            counts = rng.binomial(self.counts.astype(np.int64), 1 - share).astype(np.float32)
            kept = counts > 0
            counts = counts[kept]
        before = np.zeros(len(self.ids) + 1, np.int64)
        np.cumsum(kept, out=before[1:])
        return FlatTexts(self.ids[kept], before[self.offsets], counts)

    def number(self, rows: int) -> tuple[NDArray[np.int64], FlatTexts]:
        """Return the distinct ids, ascending, int64, and the texts with ids that are places among them.

        Args:
            rows: A number above all ids.
        """
        present = np.zeros(rows, np.bool_)
        present[self.ids] = True
        distinct = np.flatnonzero(present)
        place = np.empty(rows, np.int64)
        place[distinct] = np.arange(len(distinct))
        return distinct, FlatTexts(place[self.ids], self.offsets, self.counts)

    def mean_weights(self) -> NDArray[np.float32]:
        """Return the share of each entry in the mean over its text's tokens, float32, shape (entries,)."""
        counts = np.ones(len(self.ids), np.float32) if self.counts is None else self.counts
        sums = np.concatenate([np.zeros(1), np.cumsum(counts, dtype=np.float64)])
        tokens = sums[self.offsets[1:]] - sums[self.offsets[:-1]]
        weights: NDArray[np.float32] = (counts / np.repeat(tokens, self.lengths)).astype(np.float32)
        return weights

    def padded(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return ids, int64, shape (texts, longest), zeros behind each text's end, and lengths, shape (texts,)."""
        lengths = torch.from_numpy(self.lengths)
        ids = torch.zeros(len(self), max(1, int(lengths.max())), dtype=torch.int64)
        ids[torch.arange(ids.shape[1]) < lengths[:, None]] = torch.from_numpy(self.ids.astype(np.int64))
        return ids.to(device), lengths.to(device)
