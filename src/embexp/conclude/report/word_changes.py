"""What the task changed in the word vectors: the neighbours of a study's largest size, where they were measured."""

from __future__ import annotations

from collections.abc import Mapping

from embexp.conclude.report import words
from embexp.conclude.report.blocks import Block, Bullets, Material, TableBlock, Text
from embexp.conclude.report.tables import Cell, Table

SHOWN = 5


def word_changes(material: Material) -> list[Block]:
    """The nearest words of probe words in word2vec, in the fine-tuned and in the task-trained matrix."""
    found = material.study.mapping("neighbours")
    rows = [row for row in found.get("rows") or () if isinstance(row, Mapping)]
    if not rows:
        return []
    body = tuple(
        (
            Cell(str(row.get("word"))),
            Cell(str(row.get("tells"))),
            Cell(str(row.get("name"))),
            Cell(", ".join(map(str, (row.get("nearest") or ())[:SHOWN]))),
        )
        for row in rows
    )
    header = ("word", "tells", "space", "nearest words")
    caption = f"Nearest words by cosine, at {words.count(found.get('train_size'))} labels, first seed."
    return [
        Bullets(tuple(map(str, found.get("sentences") or ()))),
        TableBlock(Table("neighbours", caption, header, body, tuple(rows), (0, 1, 2, 3))),
        Text("More in the lab: embexp neighbours.", quiet=True),
    ]
