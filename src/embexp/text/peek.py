"""What a plan must know of a data set before anything is prepared."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from embexp.config import DatasetConfig
from embexp.text.files import stamp_of
from embexp.text.prepare import divide
from embexp.text.samples import SAMPLES, locate
from embexp.text.sources import FILES, PARTS, check_dataset, expand, read
from embexp.text.splits import split_sizes

VERSION = 1  # of what is remembered
SETTLED_SECONDS = 2.0  # a file that was written just now may be written again within the clock's step


@dataclass(frozen=True)
class Facts:
    """What is known of a data set before it is prepared.

    Attributes:
        pool_size: labelled texts in the pool; with folds, in the smallest of their pools.
        test_size: texts that are tested on; with folds, all together.
        classes: names of the classes.
        digests: sha256 of the content of the source, for the fingerprint: a changed file is another data set.
        text: column of the texts, None where there are no columns.
        label: column of the labels.
        guesses: sentences on settings that nobody gave.
    """

    pool_size: int
    test_size: int
    classes: tuple[str, ...]
    digests: Mapping[str, str]
    text: str | None = None
    label: str | None = None
    guesses: tuple[str, ...] = field(default=())


def peek(dataset: DatasetConfig, memory: Path | None = None) -> Facts:
    """Find out sizes, classes and the content's digest, and refuse what cannot be prepared.

    Packaged samples are known by heart; a user's file is read and checked as preparation will do it.

    Args:
        dataset: the source and its split.
        memory: a folder where the facts of files are kept: while size, times and identity of a file are the same, it
            is not read again.

    Raises:
        UserError: the source is missing, or cannot be used as it is.
    """
    check_dataset(dataset)
    if dataset.source in SAMPLES and not dataset.drop_overlap:
        locate(dataset.source)
        sample = SAMPLES[dataset.source]
        texts = sum(sample.class_counts)
        sizes = [split_sizes(dataset, texts, None, None, fold) for fold in folds_of(dataset)]
        return _facts(sizes, dataset, sample.classes, {"train": sample.sha256})
    place = None if memory is None else _place(dataset, memory)
    if place is not None and (known := _recall(place)) is not None:
        return known
    raw = read(dataset)
    divided = [divide(dataset, raw, fold) for fold in folds_of(dataset)]
    facts = _facts([(len(pool.rows), len(test.rows)) for pool, test, _ in divided], dataset, raw.classes, raw.digests)
    facts = replace(facts, text=raw.text, label=raw.label, guesses=raw.guesses)
    if place is not None:
        _remember(place, facts)
    return facts


def folds_of(dataset: DatasetConfig) -> list[int | None]:
    """Return the folds of a data set: None alone stands for one split."""
    return [None] if dataset.folds is None else list(range(dataset.folds))


def _facts(
    sizes: list[tuple[int, int]], dataset: DatasetConfig, classes: tuple[str, ...], digests: Mapping[str, str]
) -> Facts:
    return Facts(min(pool for pool, _ in sizes), sum(test for _, test in sizes), classes, dict(digests))


# ---- what is remembered of files


def _place(dataset: DatasetConfig, memory: Path) -> Path | None:
    """Return where the facts of these files are kept; None for what is no file, or was written just now."""
    if dataset.source not in FILES:
        return None
    paths = {part: expand(f"dataset.{part}", getattr(dataset, part)) for part in PARTS if getattr(dataset, part)}
    stamps = {part: [(str(path.resolve()), stamp_of(path)) for path in found] for part, found in paths.items()}
    newest = max(max(stamp[1:3]) for found in stamps.values() for _, stamp in found)
    if time.time_ns() - newest < SETTLED_SECONDS * 1e9:
        return None
    identity = json.dumps([VERSION, asdict(replace(dataset, name="")), stamps], sort_keys=True)
    return memory / f"{hashlib.sha256(identity.encode()).hexdigest()}.json"


def _recall(place: Path) -> Facts | None:
    try:
        values: dict[str, Any] = json.loads(place.read_bytes())
        return Facts(**values | {"classes": tuple(values["classes"]), "guesses": tuple(values["guesses"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _remember(place: Path, facts: Facts) -> None:
    """Keep facts; a disk that is full or may not be written only costs reading again."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = place.with_suffix(f".{time.time_ns()}")
        beside.write_text(json.dumps(asdict(facts)), encoding="utf-8")
        beside.replace(place)
    except OSError:
        return
