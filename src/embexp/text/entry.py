"""The dataset entry as workers see it: arrays mapped into memory, shared by all processes of a machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embexp.bags import Bags
from embexp.sequences import Sequences
from embexp.text.arrays import map_array
from embexp.text.tokens import read_vocabulary


@dataclass(frozen=True)
class TextsView:
    """The texts of one part.

    Attributes:
        folder: the entry.
        name: pool or test.
        counted: the folder of token counts, if it was opened.
    """

    folder: Path
    name: str
    counted: Path | None = None

    def _array(self, name: str) -> npt.NDArray[Any]:
        return map_array(self.folder / f"{self.name}_{name}.npy")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def ids(self) -> npt.NDArray[np.int32]:
        """Token ids of all texts, one after the other; -1 is a type that the pool does not know."""
        return self._array("ids")

    @cached_property
    def offsets(self) -> npt.NDArray[np.int64]:
        """Shape (texts + 1,): text t owns ids[offsets[t]:offsets[t + 1]]."""
        return self._array("offsets")

    @cached_property
    def labels(self) -> npt.NDArray[np.int16]:
        """Class of each text, shape (texts,)."""
        return self._array("labels")

    @cached_property
    def rows(self) -> npt.NDArray[np.int64]:
        """Row of the source that each text stood in, shape (texts,)."""
        return self._array("rows")

    @cached_property
    def bags(self) -> Bags:
        """Token counts of each text: ids below `vocabulary_size`, the first `text.max_tokens` tokens."""
        if self.counted is None:
            raise ValueError(f"the dataset {self.folder} was opened without its counts")
        return Bags.load(self.counted, f"{self.name}_bag")

    @cached_property
    def sequences(self) -> Sequences:
        """Token ids of each text in their order, cut and known as in `bags`; mapped, not read."""
        if self.counted is None:
            raise ValueError(f"the dataset {self.folder} was opened without its counts")
        sheet = json.loads((self.counted / "sheet.json").read_text(encoding="utf-8"))
        return Sequences(self.ids, self.offsets, int(sheet["vocabulary_size"]), int(sheet["max_tokens"]))


@dataclass(frozen=True)
class Dataset:
    """A prepared data set.

    Attributes:
        folder: the entry.
        sheet: its data sheet; without counts it says nothing of the vocabulary's size.
        pool: labelled texts to learn from.
        test: texts to test on (with `dataset.evaluate=validation` a part of the pool in their place).
        counted: the folder of token counts, if it was opened.
    """

    folder: Path
    sheet: dict[str, Any]
    pool: TextsView
    test: TextsView
    counted: Path | None = None

    @property
    def classes(self) -> list[str]:
        """Names of the classes; a label is a position in this list."""
        return list(self.sheet["labels"])

    @property
    def vocabulary_size(self) -> int:
        """Number of types with at least `text.min_count` tokens in the pool; a prefix of the vocabulary."""
        return int(self.sheet["vocabulary_size"])

    @cached_property
    def vocabulary(self) -> list[str]:
        """All types of the pool, by descending count; a token id is a position in this list."""
        return list(read_vocabulary(self.folder / "vocabulary.txt"))

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """Tokens of each type in the pool, shape (types,), descending."""
        return map_array(self.folder / "counts.npy")


def open_dataset(folder: Path, counts: Path | None = None) -> Dataset:
    """Open a dataset entry; arrays are mapped when they are first used.

    Args:
        folder: what `prepare` wrote.
        counts: what `count_tokens` wrote for it; cells need it, word2vec does not.
    """
    sheet = json.loads(((counts or folder) / "sheet.json").read_text(encoding="utf-8"))
    return Dataset(folder, sheet, TextsView(folder, "pool", counts), TextsView(folder, "test", counts), counts)
