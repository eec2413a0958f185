"""The sections of a report, in reading order.

A later part adds a line to SECTIONS: a function from `Material` to blocks is all that a section is.
"""

from __future__ import annotations

from embexp.conclude.report import words
from embexp.conclude.report.answer import planner, verdict
from embexp.conclude.report.background import data, problems, reproduction, run, scope
from embexp.conclude.report.blocks import (
    Block,
    Bullets,
    FigureBlock,
    Material,
    Matrix,
    MatrixCell,
    Section,
    TableBlock,
    Text,
)
from embexp.conclude.report.classes import classes
from embexp.conclude.report.reading import Row, pairs_of
from embexp.conclude.report.tuning_section import tuning
from embexp.conclude.report.vector_card import word_vectors
from embexp.conclude.report.word_changes import word_changes


def curves(material: Material) -> list[Block]:
    """The learning curves and the table of crossovers."""
    if "learning_curves" not in material.figures:
        return []
    study, figure = material.study, material.figures["learning_curves"]
    caption = f"Mean over seeds; shaded: {study.interval} for new seeds and new test texts of the same kind."
    if len(study.contenders) < len(study.strategies):
        caption += " Controls are grey and dashed."
    if getattr(figure, "rows", ()):
        caption += f" Below: where two curves cross, with the {study.interval} in brackets."
        if any(row.also for row in getattr(figure, "rows", ())):
            caption += " Dotted: further sizes at which a crossing cannot be excluded."
    blocks: list[Block] = [FigureBlock(figure, caption)]
    if not any(len(points) > 1 for points in study.curves.values()):
        blocks.append(Text("One train size only: there is no curve and no crossover to report.", quiet=True))
    if "crossovers" in material.tables:
        blocks.append(TableBlock(material.tables["crossovers"], folded="All crossovers"))
    return blocks


def scores(material: Material) -> list[Block]:
    """The tables of scores."""
    folded = {"score_details": "Spread over seeds, macro-F1", "area_under_curve": "Area under the curves"}
    blocks: list[Block] = [TableBlock(material.tables["scores"])] if "scores" in material.tables else []
    blocks += [TableBlock(material.tables[name], title) for name, title in folded.items() if name in material.tables]
    return blocks


TONES = {
    "better": "better",
    "slightly better": "slightly-better",
    "worse": "worse",
    "slightly worse": "slightly-worse",
    "equivalent": "equivalent",
}


def contrasts(material: Material) -> list[Block]:
    """The matrix of contrasts, the figure of differences, the full table.

    Two controls against each other stand in the full table only.
    """
    study = material.study
    found = {(row["a"], row["b"], row["train_size"]): row for row in study.contrasts}
    if not found:
        return []
    sizes = sorted({size for _, _, size in found})
    rows = tuple(
        (study.label(a), study.label(b), tuple(_matrix_cell(found.get((a, b, size))) for size in sizes))
        for a, b in pairs_of(study.contrasts)
        if not {a, b} <= study.controls
    )
    margin = words.plural_points(study.margin)
    caption = (
        f"Points by which the first strategy is ahead of the second, with the {study.interval}. Colour and word give "
        f"the verdict: “slightly” and “equivalent” stay within {margin}, a difference that does not matter."
    )
    blocks: list[Block] = [Matrix(caption, tuple(map(words.count, sizes)), rows)] if rows else []
    if "differences" in material.figures and len(sizes) > 1:
        figure_caption = f"Above zero the first strategy is ahead. Shaded: {margin} either way, which does not matter."
        blocks.append(FigureBlock(material.figures["differences"], figure_caption))
    return [*blocks, TableBlock(material.tables["contrasts"], folded="All contrasts, with p-values")]


def _matrix_cell(row: Row | None) -> MatrixCell | None:
    if row is None or row.get("difference") is None:
        return None
    said = str(row.get("verdict") or "")
    return MatrixCell(
        words.points(row["difference"]),
        words.points_interval(row.get("ci_low"), row.get("ci_high")),
        said,
        TONES.get(said, "undecided"),
        str((row.get("decide") or {}).get("reason") or ""),
    )


def equivalence(material: Material) -> list[Block]:
    """What a label is worth in another strategy's labels."""
    blocks: list[Block] = []
    if "label_equivalence" in material.figures:
        caption = (
            "A ratio of 4 says: the other strategy needs four times as many labels for the same score. "
            "Open triangles: its curve does not reach the score, the ratio lies beyond the mark."
        )
        blocks.append(FigureBlock(material.figures["label_equivalence"], caption))
    folded = {"label_equivalence": "All label equivalences", "horizontal_distance": "Distance of whole curves"}
    blocks += [TableBlock(material.tables[name], title) for name, title in folded.items() if name in material.tables]
    return blocks


def forecast(material: Material) -> list[Block]:
    """What more labels can be expected to bring, and how far that can be trusted."""
    blocks: list[Block] = []
    if "forecasts" in material.figures:
        caption = (
            "Dotted: a power law fitted to the measured points, with its interval. Nothing is forecast beyond four "
            "times the largest size."
        )
        blocks.append(FigureBlock(material.figures["forecasts"], caption))
        blocks.append(TableBlock(material.tables["fits"], folded="Fits and their errors"))
    study = material.study
    refused = [row for row in study.rows("fits") if row.get("reason")]
    if refused and blocks:
        blocks.append(Bullets(tuple(f"{study.label(row['strategy'])}: {row['reason']}" for row in refused)))
    return blocks


def costs(material: Material) -> list[Block]:
    """Accuracy beside what it costs."""
    if "costs" not in material.tables:
        return []
    blocks: list[Block] = []
    if "costs" in material.figures:
        caption = "One point for each train size; up and to the left is better. Compilation is not counted."
        blocks.append(FigureBlock(material.figures["costs"], caption))
    return [*blocks, TableBlock(material.tables["costs"], folded="Costs in numbers")]


SECTIONS: tuple[Section, ...] = (
    Section("verdict", "Verdict", verdict),
    Section("curves", "Learning curves", curves),
    Section("planner", "What should I do with N labels?", planner),
    Section("scores", "Scores", scores),
    Section("contrasts", "Contrasts", contrasts),
    Section("equivalence", "Label equivalence", equivalence),
    Section("forecast", "With more labels", forecast),
    Section("classes", "Classes", classes),
    Section("tuning", "Which values were chosen where", tuning),
    Section("costs", "Costs", costs),
    Section("scope", "What this holds for", scope),
    Section("data", "Data", data),
    Section("word2vec", "Word vectors", word_vectors),
    Section("neighbours", "What the task changed in them", word_changes),
    Section("run", "The run", run),
    Section("problems", "Warnings and failures", problems),
    Section("reproduction", "Reproduce it", reproduction),
)


def build_sections(material: Material) -> list[tuple[Section, list[Block]]]:
    """Return the sections that have something to say, each with its blocks."""
    built = ((section, section.build(material)) for section in SECTIONS)
    return [(section, blocks) for section, blocks in built if blocks]
