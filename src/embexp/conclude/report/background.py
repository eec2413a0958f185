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
    TableBlock,
    Text,
)
from embexp.conclude.report.reading import StudyResults
from embexp.conclude.report.tables import Cell, Table

INTERVALS = (
    "Every interval is about new seeds (another labelled subset, initialisation and batch order, the same at "
    "all sizes) and new test texts of the same kind, as two crossed random factors. It says nothing about "
    "what was held fixed, another pool or another data set."
)
VALIDATION = (
    "The cells were scored on validation texts, a part of the pool. These numbers are for making choices; "
    "what is reported comes from the test texts."
)


def scope(material: Material) -> list[Block]:
    """What was held fixed, what the intervals cover, what was not tested."""
    study = material.study
    if not study.train_sizes:
        return []
    blocks: list[Block] = []
    if fixed := study.sentences("held_fixed"):
        blocks += [Heading("Held fixed"), Bullets(tuple(map(words.sentence, fixed)))]
    blocks += [Heading("What the intervals cover"), Text(INTERVALS)]
    if study.on_validation:
        blocks.append(Text(VALIDATION))
    blocks += [Heading("Not tested"), Bullets(tuple(study.sentences("not_tested") or _not_tested(study)))]
    return blocks


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
    "sizes": "texts",
    "empty_texts": "empty texts",
    "tokens_in_vocabulary": "tokens in the vocabulary",
    "median_tokens": "tokens of the median text",
    "longest_tokens": "tokens of the longest text",
    "texts_cut": "texts cut at max_tokens",
    "texts_without_token": "texts without a token",
    "texts_without_known_token": "texts without a known token",
    "duplicates": "texts that repeat an earlier one",
    "texts_with_two_labels": "texts with two labels",
    "overlap": "test texts that stand in the pool too",
    "types": "different words (types)",
    "vocabulary_size": "words in the vocabulary",
}
PARTS = ("pool", "test")
LONGEST_VALUE = 300


def data(material: Material) -> list[Block]:
    """The sheet of the data set: what its two parts hold, classes, what is odd about the texts."""
    sheet = material.study.mapping("dataset")
    if not sheet:
        return []
    apart = {"labels", "class_counts", "digests", "notes", "warnings"}
    shown = {key: value for key, value in sheet.items() if key not in apart}
    by_part = {key: shown.pop(key) for key, value in sheet.items() if key in shown and _is_by_part(value)}
    blocks: list[Block] = []
    if by_part:
        blocks.append(TableBlock(_parts_table(by_part)))
    if shown:
        blocks.append(Facts(tuple((_sheet_word(key), value) for key, value in flatten(shown))))
    if notes := tuple(map(str, sheet.get("notes") or ())):
        blocks.append(Bullets(notes))
    if bars := _class_bars(sheet):
        blocks.append(Bars("1 class" if len(bars) == 1 else f"{words.count(len(bars))} classes", bars))
    return blocks


def _sheet_word(key: str) -> str:
    return SHEET_WORDS.get(key, key.replace("_", " ").replace(".", ", "))


def _is_by_part(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and set(value) <= set(PARTS)


def _parts_table(by_part: Mapping[str, Mapping[str, Any]]) -> Table:
    rows = tuple(
        (Cell(_sheet_word(key)), *(Cell(_in_words(values.get(part))) for part in PARTS))
        for key, values in by_part.items()
    )
    return Table("dataset", "The labelled pool and the texts that score.", ("", *PARTS), rows, ())


def _class_bars(sheet: Mapping[str, Any]) -> tuple[tuple[str, str, float], ...]:
    """Return the classes with their numbers of pool texts."""
    labels = [str(label) for label in sheet.get("labels") or []]
    counts = (sheet.get("class_counts") or {}).get("pool") or []
    counts = [*counts, *[None] * len(labels)][: len(labels)]
    largest = max((count for count in counts if count), default=1)
    return tuple(
        (label, words.count(count), 100 * (count or 0) / largest) for label, count in zip(labels, counts, strict=True)
    )


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
    warnings = [*study.sentences("warnings"), *map(str, study.mapping("dataset").get("warnings") or ())]
    if warnings:
        blocks += [Heading("Warnings"), Bullets(tuple(dict.fromkeys(map(words.sentence, warnings))), warning=True)]
    if failures := study.rows("failures"):
        reasons = tuple(f"{row.get('title') or 'task'}: {row.get('reason') or 'no reason given'}" for row in failures)
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
