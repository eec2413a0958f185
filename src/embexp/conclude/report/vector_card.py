"""The section on the word vectors: where they come from, what they cover, what they are worth by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from embexp.conclude.report import words
from embexp.conclude.report.background import flatten
from embexp.conclude.report.blocks import Block, Bullets, Facts, Heading, Material, TableBlock, Text
from embexp.conclude.report.reading import Row
from embexp.conclude.report.tables import Cell, Table

FIRST = ("corpus", "vector_size", "window", "epochs", "vectors", "training time")
APART = ("card", "coverage", "coverage_by_train_size", "spread", "source", "held_fixed", "spelling")
SPELLINGS = {"lower": "lower-cased", "capitalised": "capitalised"}


def word_vectors(material: Material) -> list[Block]:
    """Source and coverage, the card, the spread between trainings, all settings."""
    record = dict(material.study.mapping("word2vec"))
    if not record:
        return []
    blocks = [*_coverage(record), *_card(record.get("card") or {}), *_spread(material, record)]
    settings = {key: value for key, value in record.items() if key not in APART and value is not None}
    if settings.get("seconds") is not None:
        settings["training time"] = words.duration(settings.pop("seconds"))
    first = {key: settings.pop(key) for key in FIRST if key in settings}
    for shown, folded in ((first, ""), (settings, "All settings")):
        if shown:
            blocks.append(Facts(tuple((_plain(key), value) for key, value in flatten(shown)), folded))
    return blocks


def _coverage(record: Row) -> Iterator[Block]:
    sentences = [f"The vectors were {record['source']}."] if record.get("source") else []
    coverage = record.get("coverage") or {}
    if shares := _shares(coverage):
        sentences.append(f"They cover {words.listed(shares)} of the classifier's vocabulary.")
    if missing := coverage.get("missing"):
        sentences.append(f"Most frequent without a vector: {', '.join(map(str, missing))}.")
    spelling = record.get("spelling") or {}
    found = [f"{words.count(spelling[key])} {name}" for key, name in SPELLINGS.items() if spelling.get(key)]
    if found:
        sentences.append(f"Found under another spelling: {words.listed(found)}.")
    if sentences:
        yield Text(" ".join(sentences))
    if sizes := record.get("coverage_by_train_size"):
        rows = tuple(
            (
                Cell(words.count(row["train_size"])),
                *(Cell(f"{words.percent(row[unit])} %") for unit in ("types", "tokens")),
                Cell(", ".join(row["missing"]) or words.MISSING),
            )
            for row in sizes
        )
        header = ("labels", "types covered", "tokens covered", "most frequent without a vector")
        caption = "Coverage of the labelled texts of the first seed."
        yield TableBlock(
            Table("vector_coverage", caption, header, rows, (), texts=(3,)), folded="Coverage by train size"
        )


def _shares(coverage: Mapping[str, Any]) -> list[str]:
    return [
        f"{words.percent(coverage[unit])} % of the {unit}"
        for unit in ("tokens", "types")
        if isinstance(coverage.get(unit), int | float) and coverage[unit] <= 1
    ]


def _card(card: Mapping[str, Any]) -> Iterator[Block]:
    if not card:
        return
    yield Heading("By themselves")
    if warnings := card.get("warnings"):
        yield Bullets(tuple(map(str, warnings)), warning=True)
    if lines := card.get("lines"):
        yield Bullets(tuple(map(str, lines)))
    if near := card.get("neighbours"):
        rows = tuple(
            (Cell(str(row["class"])), Cell(str(row["word"])), Cell(", ".join(row["neighbours"]))) for row in near
        )
        caption = "The words that tell the classes apart most, and the words whose vectors are nearest."
        header = ("class", "telling word", "nearest words")
        yield TableBlock(Table("vector_neighbours", caption, header, rows, (), texts=(0, 1, 2)))


def _spread(material: Material, record: Row) -> Iterator[Block]:
    rows = tuple(
        (
            Cell(material.study.label(row["strategy"])),
            Cell(words.count(row["train_size"])),
            Cell(", ".join(words.percent(mean) for mean in row["means"])),
            Cell(f"{100 * row['sd']:.2f}"),
        )
        for row in record.get("spread") or ()
    )
    if rows:
        yield Heading("Between trainings")
        caption = (
            "Mean accuracy in percent for each training of the word vectors, and the standard deviation of these means "
            "in points. The intervals elsewhere rest on the first training alone."
        )
        header = ("strategy", "labels", "means", "sd")
        yield TableBlock(Table("vector_spread", caption, header, rows, (), texts=(0, 2)))


def _plain(key: str) -> str:
    return key.replace("_", " ").replace(".", ", ")
