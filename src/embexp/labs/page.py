"""A lab's page, made of the blocks, figures and tables of a study's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embexp.conclude.report import words
from embexp.conclude.report.blocks import (
    Block,
    Bullets,
    Code,
    Facts,
    FigureBlock,
    Material,
    Section,
    TableBlock,
    Text,
    Verdict,
)
from embexp.conclude.report.charts import Figure
from embexp.conclude.report.draw_matplotlib import save_figures
from embexp.conclude.report.markdown_page import write_markdown
from embexp.conclude.report.page import render_html
from embexp.conclude.report.reading import StudyResults
from embexp.conclude.report.tables import Table, save_tables
from embexp.labs.parts import Part, Shown


@dataclass(frozen=True)
class Head:
    """What stands above and below the parts of a lab's page.

    Attributes:
        title: Of the page.
        headline: The answer in a sentence.
        facts: What was done, in a few short pieces.
        command: The command line that does it again.
        environment: What the numbers may depend on.
    """

    title: str
    headline: str
    facts: tuple[str, ...]
    command: str
    environment: Mapping[str, Any]


def write_page(head: Head, parts: Sequence[Part], folder: Path) -> Path:
    """Write report.html, report.md, figures/ and tables/ into a folder; return the page's path."""
    shown = [each.what for part in parts for each in part.shown]
    figures: dict[str, Figure] = {what.name: what for what in shown if not isinstance(what, Table)}
    tables = {what.name: what for what in shown if isinstance(what, Table)}
    sections = build_sections(head, parts)
    saved = save_figures(figures, folder / "figures")
    save_tables(tables, folder / "tables")
    (folder / "report.md").write_text(write_markdown(head.title, sections), encoding="utf-8")
    page = folder / "report.html"
    svgs = {name: files["svg"].read_bytes() for name, files in saved.items()}
    material = Material(StudyResults({}), figures, tables)
    page.write_text(render_html(head.title, material, sections, svgs), encoding="utf-8")
    return page


def build_sections(head: Head, parts: Sequence[Part]) -> list[tuple[Section, list[Block]]]:
    """Return the page's sections: the verdict, a section for each part, how to do it again."""

    def nothing(material: Material) -> list[Block]:
        """Stand where a study's section is built from results; a lab's are built already."""
        return []

    said = [(part.expectation.title, f" {part.judgement.capitalize()}.") for part in parts]
    answer = Verdict(headline=head.headline, sentences=tuple(said), undecided=(), strips=(), facts=head.facts)
    built: list[tuple[str, str, list[Block]]] = [
        ("verdict", "Verdict", [answer]),
        *((part.expectation.name, part.expectation.title, part_blocks(part)) for part in parts),
        ("reproduction", "Do it again", _reproduction(head)),
    ]
    return [(Section(name, title, nothing), blocks) for name, title, blocks in built]


def part_blocks(part: Part) -> list[Block]:
    """Return a part's blocks: what was expected, what was found, whether it was so, then the evidence."""
    blocks: list[Block] = [
        Text(f"Expected, before it was measured: {part.expectation.sentence}", quiet=True),
        Bullets(part.found),
        Text(f"So: {part.judgement}."),
        *(shown_block(each) for each in part.shown),
    ]
    return blocks + [Text(note, quiet=True) for note in part.notes]


def shown_block(shown: Shown) -> Block:
    """Return the block of a figure or table."""
    if isinstance(shown.what, Table):
        return TableBlock(shown.what, folded=shown.folded)
    return FigureBlock(shown.what, shown.caption)


def _reproduction(head: Head) -> list[Block]:
    versions = head.environment.get("versions") or {}
    pairs = (
        ("machine", f"{head.environment.get('processor')}, {words.plural(head.environment.get('cores') or 0, 'core')}"),
        ("Python", str(head.environment.get("python"))),
        *((name, str(version)) for name, version in versions.items()),
    )
    return [Code(head.command), Facts(pairs, folded="Environment")]
