"""The sections behind the answer: scope, data, word vectors, the run, problems, how to reproduce it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from embexp.conclude.report import words
from embexp.conclude.report.blocks import (
    Bars,
    Block,
    Bullets,
    Code,
    Facts,
    FigureBlock,
    Heading,
    Material,
    Text,
)
from embexp.conclude.report.reading import StudyResults

INTERVALS = (
    "Every interval is about new seeds (another labelled subset, initialisation and batch order, the same at "
    "all sizes) and new test texts of the same kind, as two crossed random factors. It says nothing about "
    "another word2vec training, another pool or another data set: those were held fixed."
)
SHARED_POOL = (
    "At the largest size the whole pool is used, so all seeds share every label and differ only in "
    "initialisation and batch order."
)


def scope(material: Material) -> list[Block]:
    """What was held fixed, what the intervals cover, what was not tested."""
    study = material.study
    if not study.train_sizes:
        return []
    blocks: list[Block] = []
    if fixed := study.sentences("held_fixed"):
        blocks += [Heading("Held fixed"), Bullets(tuple(fixed))]
    blocks += [Heading("What the intervals cover"), Text(INTERVALS)]
    if _pool_size(study) == study.train_sizes[-1]:
        blocks.append(Text(SHARED_POOL))
    blocks += [Heading("Not tested"), Bullets(tuple(study.sentences("not_tested") or _not_tested(study)))]
    return blocks


def _pool_size(study: StudyResults) -> int | None:
    size = (study.mapping("dataset").get("sizes") or {}).get("pool")
    return size if isinstance(size, int) else None


def _not_tested(study: StudyResults) -> list[str]:
    sizes, config = study.train_sizes, study.mapping("config")
    encoder = (config.get("classifier") or {}).get("encoder")
    beyond = f"Fewer than {words.count(sizes[0])} or more than {words.count(sizes[-1])} labels."
    return [
        f"Data other than {study.study.get('dataset') or 'this data set'}: one data set, one split.",
        beyond,
        f"Encoders other than {encoder}." if encoder else "Other encoders.",
        "Word vectors other than these, and contextual models.",
        "Labels with noise, classes that drift, languages and domains other than those of these texts.",
    ]


SHEET_WORDS = {
    "name": "name",
    "source": "source",
    "empty_texts": "empty texts",
    "duplicates": "duplicate texts",
    "overlap": "texts in both pool and test",
    "tokens": "tokens",
    "types": "types",
}
LONGEST_VALUE = 300


def data(material: Material) -> list[Block]:
    """The sheet of the data set: sizes, classes, what is odd about the texts."""
    sheet = material.study.mapping("dataset")
    if not sheet:
        return []
    apart = {"labels", "class_counts", "classes", "digests"}
    pairs = [
        (SHEET_WORDS.get(key, key.replace("_", " ").replace(".", ", ")), value)
        for key, value in flatten({key: value for key, value in sheet.items() if key not in apart})
    ]
    blocks: list[Block] = [Facts(tuple(pairs))] if pairs else []
    if bars := _class_bars(sheet):
        blocks.append(Bars(f"{words.plural(len(bars), 'class').replace('classs', 'classes')}", bars))
    return blocks


def _class_bars(sheet: Mapping[str, Any]) -> tuple[tuple[str, str, float], ...]:
    """Return the classes with their numbers of pool texts, however the sheet writes them."""
    labels = [str(label) for label in sheet.get("labels") or []]
    counts: Any = sheet.get("class_counts") or {}
    if isinstance(counts, Mapping) and isinstance(counts.get("pool"), Mapping | Sequence):
        counts = counts["pool"]
    if isinstance(counts, Mapping):
        labels = labels or [str(label) for label in counts]
        counts = [counts.get(label) for label in labels]
    counts = [*counts, *[None] * len(labels)][: len(labels)]
    largest = max((count for count in counts if count), default=1)
    return tuple(
        (label, words.count(count), 100 * (count or 0) / largest)
        for label, count in zip(labels, counts, strict=True)
    )


def word_vectors(material: Material) -> list[Block]:
    """Where the word vectors come from and how much of the text they cover."""
    record = dict(material.study.mapping("word2vec"))
    if not record:
        return []
    coverage = record.pop("coverage", None) or {}
    blocks: list[Block] = []
    shares = [
        f"{words.percent(coverage[unit])} % of the {unit}"
        for unit in ("tokens", "types")
        if isinstance(coverage.get(unit), int | float) and coverage[unit] <= 1
    ]
    if shares:
        blocks.append(Text(f"The word vectors cover {words.listed(shares)} of the training texts."))
    else:
        record["coverage"] = coverage
    pairs = tuple((key.replace("_", " ").replace(".", ", "), value) for key, value in flatten(record))
    return [*blocks, Facts(pairs)] if pairs else blocks


def run(material: Material) -> list[Block]:
    """What was done, in how long, and the timeline."""
    study = material.study.study
    pairs = [
        (term, words.count(study.get(key)))
        for key, term in (
            ("cells_done", "cells run"),
            ("cells_cached", "cells from the store"),
            ("cells_failed", "cells failed"),
        )
        if study.get(key) is not None
    ]
    if study.get("wall_seconds") is not None:
        pairs.append(("time", words.duration(study["wall_seconds"])))
    blocks: list[Block] = [Facts(tuple(pairs))] if pairs else []
    if "timeline" in material.figures:
        caption = "One row for each worker; neighbouring tasks of one stage are drawn as one bar."
        blocks.append(FigureBlock(material.figures["timeline"], caption))
    return blocks


def problems(material: Material) -> list[Block]:
    """Warnings, and the tasks that failed with their reasons."""
    study = material.study
    blocks: list[Block] = []
    if warnings := study.sentences("warnings"):
        blocks += [Heading("Warnings"), Bullets(tuple(warnings), warning=True)]
    if failures := study.rows("failures"):
        reasons = tuple(
            f"{row.get('title') or 'task'}: {row.get('reason') or 'no reason given'}" for row in failures
        )
        blocks += [Heading("Failed"), Bullets(reasons, warning=True)]
    return blocks


def reproduction(material: Material) -> list[Block]:
    """The exact command, the configuration and the environment."""
    study = material.study
    blocks: list[Block] = []
    command = study.raw.get("command")
    if command:
        blocks.append(Code(command if isinstance(command, str) else shlex.join(map(str, command))))
    if study.study.get("fingerprint"):
        blocks.append(Text(f"Fingerprint of the study: {study.study['fingerprint']}", quiet=True))
    for key, title in (("environment", "Environment"), ("config", "Configuration")):
        if pairs := tuple(flatten(study.mapping(key))):
            blocks.append(Facts(pairs, folded=title))
    return blocks


def flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of nested mappings as dotted keys with their values in words."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from flatten(item, f"{prefix}.{key}" if prefix else str(key))
        return
    if isinstance(value, Sequence) and not isinstance(value, str):
        text = ", ".join(_in_words(item) for item in value) or words.MISSING
    else:
        text = _in_words(value)
    yield prefix, text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + " …"


def _in_words(value: Any) -> str:
    if value is None:
        return words.MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return words.count(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
