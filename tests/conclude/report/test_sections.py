"""A later part adds its section, its figure and its table in one place each."""

from __future__ import annotations

import warnings

import pytest
from report_example import CURVES, make_results

from embexp.conclude.report import sections
from embexp.conclude.report.blocks import Block, Bullets, Facts, Heading, Material, Section, TableBlock, Text
from embexp.conclude.report.draw_matplotlib import draw
from embexp.conclude.report.figures import prepare_figures
from embexp.conclude.report.markdown_page import WRITERS, write_markdown
from embexp.conclude.report.page import render_html, write_report
from embexp.conclude.report.reading import StudyResults
from embexp.conclude.report.tables import Cell, Table


def moved_words(material: Material) -> list[Block]:
    found = material.study.rows("moved_words")
    if not found:
        return []
    rows = tuple((Cell(row["word"]), Cell(f"{row['distance']:.1f}")) for row in found)
    return [
        Heading("Words that moved"),
        Text("Fine-tuning moved these words."),
        Bullets(("awful & dull",)),
        Facts((("moved", "2"),)),
        TableBlock(Table("moved", "Distances.", ("word", "distance"), rows, tuple(found))),
    ]


def test_a_section_of_blocks_is_written_to_page_and_markdown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections, "SECTIONS", (*sections.SECTIONS, Section("moved", "Moved words", moved_words)))
    results = {"moved_words": [{"word": "awful", "distance": 3.25}, {"word": "<dull>", "distance": 2.0}]}
    material = Material(StudyResults(results), {}, {})
    built = sections.build_sections(material)
    assert [section.name for section, _ in built] == ["verdict", "moved"]
    page, markdown = render_html("title", material, built, {}), write_markdown("title", built)
    assert '<a href="#moved">Moved words</a>' in page
    assert "awful &amp; dull" in page
    assert "<bdi>&lt;dull&gt;</bdi>" in page
    assert "## Moved words" in markdown
    assert r"| \<dull\> | 2.0 |" in markdown


def test_a_section_without_results_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections, "SECTIONS", (Section("moved", "Moved words", moved_words),))
    assert sections.build_sections(Material(StudyResults({}), {}, {})) == []


def test_every_kind_of_block_can_be_written_as_markdown() -> None:
    kinds = {block.kind for block in Block.__subclasses__()}
    assert len(kinds) >= 11
    assert set(WRITERS) == kinds


def test_anchors_are_unique() -> None:
    names = [section.name for section in sections.SECTIONS]
    assert len(set(names)) == len(names)


def test_names_in_any_script_are_drawn_without_a_warning() -> None:
    curves = {"词向量": CURVES["frozen"], "случайные": CURVES["random"], "عشوائي": CURVES["finetuned"]}
    figures = prepare_figures(StudyResults(make_results(seeds=2, curves=curves)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # as when they are saved
        draw(figures["learning_curves"]).draw_without_rendering()


def test_write_report_replaces_an_earlier_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("report")
    write_report({"verdict": ["First."]}, folder)
    write_report({"verdict": ["Second."]}, folder)
    assert "<h1>Second.</h1>" in (folder / "report.html").read_text(encoding="utf-8")
