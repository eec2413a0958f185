"""Texts as token ids in their order: what encoders read that a bag of words does not tell everything to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Sequences:
    """Some of the texts of a part, in the order given. Nothing is copied before `read`, so files may be mapped.

    Attributes:
        ids: Token ids of all texts of the part, one after the other, int32; -1 is a token outside the vocabulary.
        offsets: int64: text t of the part owns ids[offsets[t]:offsets[t + 1]].
        vocabulary_size: Ids from here on are skipped, as -1 is.
        max_tokens: Only so many first tokens of a text are looked at, skipped ones included; None: all.
        texts: Which texts, as numbers of the part, int64; None: all of them.
        types: Only these token ids are kept, ascending, and renumbered by their place; None: all.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    vocabulary_size: int
    max_tokens: int | None = None
    texts: NDArray[np.int64] | None = None
    types: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1 if self.texts is None else len(self.texts)

    def select(self, places: NDArray[np.integer[Any]]) -> Sequences:
        """Return some of these texts, in the order given."""
        chosen = np.asarray(places, np.int64)
        return replace(self, texts=chosen if self.texts is None else self.texts[chosen])

    def keep(self, types: NDArray[np.integer[Any]]) -> Sequences:
        """Return the same texts with only some token ids, renumbered by their place in `types` (ascending)."""
        kept = np.asarray(types, np.int64)
        return replace(self, types=kept if self.types is None else self.types[kept])

    def read(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the known token ids of these texts, int32, and where each text starts and ends in them.

        Unknown tokens are left out, so their neighbours become neighbours of each other.
        """
        starts = np.asarray(self.offsets[:-1] if self.texts is None else self.offsets[self.texts])
        lengths = np.asarray(self.offsets[1:] if self.texts is None else self.offsets[self.texts + 1]) - starts
        if self.max_tokens is not None:
            lengths = np.minimum(lengths, self.max_tokens)
        ids = np.asarray(self.ids[ranges(starts, lengths)])
        known = (ids >= 0) & (ids < self.vocabulary_size)
        if self.types is not None:
            number = np.full(self.vocabulary_size + 1, -1, np.int32)  # the last place takes the unknown
            number[self.types] = np.arange(len(self.types), dtype=np.int32)
            ids = number[np.where(known, ids, self.vocabulary_size)]
            known = ids >= 0
        before = np.zeros(len(ids) + 1, np.int64)
        np.cumsum(known, out=before[1:])
        borders = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        return ids[known].astype(np.int32, copy=False), before[borders]


def ranges(starts: NDArray[np.integer[Any]], lengths: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Return start, start + 1, ... of each stretch, all stretches one after the other, int64."""
    ends = np.cumsum(lengths)
    return np.repeat(starts - (ends - lengths), lengths) + np.arange(ends[-1] if len(ends) else 0)
