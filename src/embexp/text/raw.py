"""Labelled texts as they come out of a source, before any split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import datasets
    import pyarrow as pa


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with their classes.

    Attributes:
        texts: Arrow column of large_string, without nulls.
        labels: int16, shape (texts,), positions in `Raw.classes`.
    """

    texts: pa.ChunkedArray
    labels: npt.NDArray[np.int16]


@dataclass(frozen=True)
class Raw:
    """What a source holds.

    Attributes:
        train: the texts the pool comes from.
        test: the source's own test texts, if it has them.
        classes: names of the classes.
        digests: sha256 of each file of the source, under the name of its part.
        origin: where the texts come from, without paths: it is written into the entry.
        notes: sentences on what is odd in the source.
    """

    train: LabelledTexts
    test: LabelledTexts | None
    classes: tuple[str, ...]
    digests: Mapping[str, str]
    origin: str
    notes: tuple[str, ...] = field(default=())


def as_datasets(raw: Raw) -> datasets.DatasetDict:
    """Hand the texts over as Hugging Face data sets with columns text and label (a ClassLabel).

    They stay in memory: nothing is written to the cache of `datasets`, and nothing is looked up in a hub.
    """
    import datasets
    import pyarrow as pa

    features = datasets.Features(
        {"text": datasets.Value("large_string"), "label": datasets.ClassLabel(names=list(raw.classes))}
    )

    def dataset(name: str, part: LabelledTexts) -> datasets.Dataset:
        labels = pa.array(part.labels.astype(np.int64))
        table = pa.table({"text": part.texts, "label": labels})
        # the digest stands in for a fingerprint that would read all texts again
        return datasets.Dataset(table, datasets.DatasetInfo(features=features), fingerprint=raw.digests[name][:16])

    parts = {"train": dataset("train", raw.train)}
    if raw.test is not None:
        parts["test"] = dataset("test", raw.test)
    return datasets.DatasetDict(parts)
