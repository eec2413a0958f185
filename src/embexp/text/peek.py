"""What a plan must know of a data set before anything is prepared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from embexp.config import DatasetConfig
from embexp.text.samples import SAMPLES, locate
from embexp.text.sources import read
from embexp.text.splits import check_pool, split, split_sizes


@dataclass(frozen=True)
class Facts:
    """What is known of a data set before it is prepared.

    Attributes:
        pool_size: labelled texts in the pool.
        test_size: texts that are tested on.
        classes: names of the classes.
        digests: sha256 of the content of the source, for the fingerprint: a changed file is another data set.
    """

    pool_size: int
    test_size: int
    classes: tuple[str, ...]
    digests: Mapping[str, str]


def peek(dataset: DatasetConfig) -> Facts:
    """Find out sizes, classes and the content's digest, and refuse what cannot be prepared.

    Packaged samples are known by heart; a user's file is read and checked as preparation will do it.

    Raises:
        UserError: the source is missing, or cannot be used as it is.
    """
    if dataset.source in SAMPLES:
        locate(dataset.source)
        sample = SAMPLES[dataset.source]
        pool, test = split_sizes(dataset, sum(sample.class_counts), None)
        return Facts(pool, test, sample.classes, {"train": sample.sha256})
    raw = read(dataset)
    chosen = split(dataset, raw.train.labels, None if raw.test is None else raw.test.labels)
    check_pool(dataset, raw.train.labels[chosen.pool].astype(np.int64), raw.classes)
    return Facts(len(chosen.pool), len(chosen.test), raw.classes, raw.digests)
