"""Write the comparison of several studies: page, Markdown, figure, table, comparison.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from embexp.conclude.report import atlas, atlas_page, comparison_differences, comparison_findings, words
from embexp.conclude.report.answer import headline as headline_of_a_study
from embexp.conclude.report.blocks import (
    Block,
    Bullets,
    Code,
    Facts,
    FigureBlock,
    Heading,
    Material,
    Section,
    TableBlock,
    Text,
    Verdict,
)
from embexp.conclude.report.charts import Panels
from embexp.conclude.report.comparison import ComparedStudy, Comparison
from embexp.conclude.report.comparison_panels import caption, comparison_panels
from embexp.conclude.report.comparison_table import comparison_table, ratio_pairs
from embexp.conclude.report.draw_matplotlib import save_figures
from embexp.conclude.report.markdown_page import write_markdown
from embexp.conclude.report.page import render_html
from embexp.conclude.report.reading import StudyResults
from embexp.conclude.report.tables import Table, save_tables

SCHEMA_VERSION = 1
TITLE = "studies compared: word embeddings, learned or word2vec?"
MOST_KEYS_UNFOLDED = 10


@dataclass(frozen=True)
class ComparisonPaths:
    """Where the parts of a comparison lie, and what it says, for a terminal."""

    html: Path
    markdown: Path
    json: Path
    findings: tuple[str, ...]


def write_comparison(
    results: Sequence[Mapping[str, Any]], places: Sequence[str], folder: Path, fingerprint: str, command: str
) -> ComparisonPaths:
    """Write report.html, report.md, comparison.json, figures/ and tables/ into `folder`.

    Args:
        results: The content of each study's results.json; nothing else is read.
        places: Where each study lies, as it was named.
        folder: Is made if need be. Files of an earlier comparison are replaced.
        fingerprint: Of the comparison.
        command: The command line that does it again.

    Returns:
        The paths, and the findings in plain sentences. The same arguments give the same bytes.
    """
    comparison = Comparison(results, places)
    panels = comparison_panels(comparison)
    table = comparison_table(comparison)
    content = comparison_content(comparison, table, fingerprint, command)
    sections = build_sections(comparison, panels, table, command)
    folder.mkdir(parents=True, exist_ok=True)
    drawn = [block.figure for _, blocks in sections for block in blocks if isinstance(block, FigureBlock)]
    tables = [block.table for _, blocks in sections for block in blocks if isinstance(block, TableBlock)]
    material = Material(StudyResults({}), {each.name: each for each in drawn}, {each.name: each for each in tables})
    saved = save_figures(material.figures, folder / "figures")
    save_tables(material.tables, folder / "tables")
    paths = ComparisonPaths(
        html=folder / "report.html",
        markdown=folder / "report.md",
        json=folder / "comparison.json",
        findings=tuple(content["verdict"]),
    )
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    paths.json.write_text(text + "\n", encoding="utf-8")
    title = f"{len(comparison.studies)} {TITLE}"
    paths.markdown.write_text(write_markdown(title, sections), encoding="utf-8")
    svgs = {name: files["svg"].read_bytes() for name, files in saved.items()}
    paths.html.write_text(render_html(title, material, sections, svgs), encoding="utf-8")
    return paths


def comparison_content(comparison: Comparison, table: Table, fingerprint: str, command: str) -> dict[str, Any]:
    """Return the content of comparison.json: the studies, and every number that the page shows, with its study."""
    return {
        "schema_version": SCHEMA_VERSION,
        "fingerprint": fingerprint,
        "verdict": [
            comparison_findings.headline(comparison),
            *comparison_findings.sentences(comparison),
            *(atlas.sentences(comparison) if len(atlas.data_sets(comparison)) > 1 else ()),
        ],
        "not_comparable": comparison_differences.sentences(comparison),
        "differing_keys": [asdict(each) for each in comparison.key_differences],
        "common_sizes": comparison.common_sizes,
        "studies": [_study(study) for study in comparison.studies],
        "curves": [_of(study, row) for study in comparison.studies for row in study.rows("curves")],
        "crossovers": [
            _of(study, row) for study in comparison.studies for pair in comparison.pairs
            for row in study.pair_rows("crossovers", *pair)
        ],
        "label_equivalence": [
            _of(study, row) for study in comparison.studies for row in study.rows("label_equivalence")
            if (row["a"], row["b"]) in ratio_pairs(comparison)
        ],
        "best": [
            _of(study, row) for study in comparison.studies for size in comparison.common_sizes
            if (row := study.best(size))
        ],
        "controls": [
            {"study": study.title, "control": control, "train_size": size, "best": study.best_strategy(size),
             "standing": standing}
            for study in comparison.studies for control in comparison.controls if control in study.strategies
            for standing, sizes in study.control_standings(control).items() for size in sizes
        ],
        "table": [dict(record) for record in table.records],
        "atlas": atlas.records(comparison) if len(atlas.data_sets(comparison)) > 1 else None,
        "command": command,
    }  # fmt: skip


def _of(study: ComparedStudy, row: Mapping[str, Any]) -> dict[str, Any]:
    return {"study": study.title, **row}


def _study(study: ComparedStudy) -> dict[str, Any]:
    sheet = study.mapping("dataset")
    return {
        "label": study.title,
        "folder": study.place,
        **{key: study.study.get(key) for key in ("name", "dataset", "fingerprint", "evaluated_on")},
        "sizes": sheet.get("sizes"),
        "classes": comparison_differences.classes(study),
        "median_tokens": comparison_differences.median_tokens(study),
        "train_sizes": study.measured_sizes,
        "seeds": study.seeds,
        "strategies": study.strategies,
        "advice": _advice(study),
    }


def _advice(study: ComparedStudy) -> list[str]:
    return study.sentences("advice") or [headline_of_a_study([], study.sentences("verdict"))]


def build_sections(
    comparison: Comparison, panels: Panels | None, table: Table, command: str
) -> list[tuple[Section, list[Block]]]:
    """Return the sections of the page: findings, figure, table, what can be compared, each study, the command."""

    def nothing(material: Material) -> list[Block]:
        """Stand where a study's section is built from results; these are built already."""
        return []

    answer = Verdict(
        headline=comparison_findings.headline(comparison),
        sentences=tuple(("", sentence) for sentence in comparison_findings.sentences(comparison)),
        undecided=(),
        strips=(),
        facts=_facts(comparison),
    )
    built: list[tuple[str, str, list[Block]]] = [
        ("verdict", "Verdict", [answer]),
        ("curves", "Learning curves", _curves(comparison, panels)),
        ("atlas", "Atlas of the data sets", atlas_page.blocks(comparison)),
        ("studies", "Side by side", [TableBlock(table)]),
        ("differences", "What can be compared", _differences(comparison)),
        ("alone", "What each study says", _alone(comparison)),
        ("reproduction", "Do it again", [Code("\n".join([*_commands(comparison), command]))]),
    ]
    return [(Section(name, title, nothing), blocks) for name, title, blocks in built if blocks]


def _facts(comparison: Comparison) -> tuple[str, ...]:
    data_sets = {study.study.get("dataset") for study in comparison.studies}
    sizes = comparison.common_sizes
    return (
        f"{len(comparison.studies)} studies",
        words.plural(len(data_sets), "data set"),
        f"{words.listed(list(map(words.count, sizes)))} labels in common" if sizes else "no train size in common",
        words.plural(sum(len(study.rows("cells")) for study in comparison.studies), "cell"),
    )


def _curves(comparison: Comparison, panels: Panels | None) -> list[Block]:
    if panels is None:
        return []
    intervals = list(dict.fromkeys(study.interval for study in comparison.studies))
    return [FigureBlock(panels, caption(panels, " or ".join(intervals)))]


def _differences(comparison: Comparison) -> list[Block]:
    blocks: list[Block] = [Bullets(tuple(comparison_differences.sentences(comparison)))]
    keys = comparison.key_differences
    if len(keys) > 1:
        pairs = tuple((each.key, comparison_differences.values_in_words(comparison, each)) for each in keys)
        title = f"{len(keys)} keys of the configuration that differ"
        if len(keys) <= MOST_KEYS_UNFOLDED:
            blocks += [Heading(title), Facts(pairs)]
        else:
            blocks.append(Facts(pairs, folded=title))
    return blocks


def _alone(comparison: Comparison) -> list[Block]:
    blocks: list[Block] = []
    for study in comparison.studies:
        where = f"{study.place} · fingerprint {str(study.study.get('fingerprint') or words.MISSING)[:8]}"
        blocks += [Heading(study.title), Text(" ".join(map(words.sentence, _advice(study)))), Text(where, quiet=True)]
    return blocks


def _commands(comparison: Comparison) -> list[str]:
    return [str(study.raw["command"]) for study in comparison.studies if isinstance(study.raw.get("command"), str)]
