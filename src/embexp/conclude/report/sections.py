"""The sections of a report, in reading order.

A later part adds a line to SECTIONS: a function from `Material` to blocks is all that a section is.
"""

from __future__ import annotations

from itertools import pairwise
from math import log, sqrt

from embexp.conclude.report import words
from embexp.conclude.report.background import data, problems, reproduction, run, scope, word_vectors
from embexp.conclude.report.blocks import (
    Advice,
    Block,
    FigureBlock,
    Material,
    Matrix,
    MatrixCell,
    Planner,
    Section,
    Span,
    TableBlock,
    Text,
    Verdict,
)
from embexp.conclude.report.reading import Row, StudyResults


def verdict(material: Material) -> list[Block]:
    """The answer in plain sentences, with the strategies that win along the size axis."""
    study = material.study
    sentences = study.sentences("verdict") or ["The study has no verdict: too few cells have finished."]
    failed = study.study.get("cells_failed") or len(study.rows("failures"))
    alarm = f"{words.plural(failed, 'task')} failed; what rests on the missing cells is missing here." if failed else ""
    return [Verdict(sentences[0], tuple(sentences[1:]), _spans(study), _facts(study), alarm)]


def _spans(study: StudyResults) -> tuple[Span, ...]:
    """Join neighbouring recommendations of one strategy; borders stand midway on the log axis."""
    rows = [row for row in _advised(study) if row["n_labels"] > 0]
    if not rows:
        return ()
    groups: list[list[Row]] = []
    for row in rows:
        if groups and groups[-1][-1]["strategy"] == row["strategy"]:
            groups[-1].append(row)
        else:
            groups.append([row])
    first, last = rows[0]["n_labels"], rows[-1]["n_labels"]
    borders = [first, *(sqrt(a[-1]["n_labels"] * b[0]["n_labels"]) for a, b in pairwise(groups)), last]
    return tuple(
        _span(study, group[0]["strategy"], ends, (first, last))
        for group, ends in zip(groups, pairwise(borders), strict=True)
    )


def _span(study: StudyResults, strategy: str, ends: tuple[float, float], whole: tuple[int, int]) -> Span:
    low, high = (words.count(end) if end in whole else f"about {words.rough(end)}" for end in ends)
    share = 100.0 if whole[0] == whole[1] else 100 * log(ends[1] / ends[0]) / log(whole[1] / whole[0])
    text = low if ends[0] == ends[1] else f"{low} to {high}"
    return Span(strategy, study.label(strategy), study.styles[strategy], text, share)


def _advised(study: StudyResults) -> list[Row]:
    rows = [row for row in study.rows("recommendations") if row.get("strategy") and row.get("n_labels")]
    return sorted(rows, key=lambda row: row["n_labels"])


def _facts(study: StudyResults) -> tuple[str, ...]:
    """What was done, in five short pieces."""
    facts = [str(study.study["dataset"])] if study.study.get("dataset") else []
    if study.on_validation:
        facts.append("scored on validation texts")
    if sizes := study.train_sizes:
        between = f"{words.count(sizes[0])} to {words.count(sizes[-1])} labels"
        facts.append(f"{words.count(sizes[0])} labels" if len(sizes) == 1 else between)
    if study.contenders:
        controls = len(study.strategies) - len(study.contenders)
        beside = f" and {words.plural(controls, 'control')}" if controls else ""
        number = len(study.contenders)
        facts.append(f"{number} {'strategy' if number == 1 else 'strategies'}{beside}")
    if study.seeds:
        facts.append(words.plural(len(study.seeds), "seed"))
    if cells := study.rows("cells"):
        facts.append(words.plural(len(cells), "cell"))
    return tuple(facts)


def curves(material: Material) -> list[Block]:
    """The learning curves and the table of crossovers."""
    if "learning_curves" not in material.figures:
        return []
    figure = material.figures["learning_curves"]
    several = any(len(points) > 1 for points in material.study.curves.values())
    caption = (
        "Mean over seeds; shaded: 95 % interval for new seeds and new test texts of the same kind. "
        "Controls are grey and dashed."
    )
    if getattr(figure, "rows", ()):
        caption += " Below: where two curves cross, with the sizes at which their difference may be zero."
    blocks: list[Block] = [FigureBlock(figure, caption)]
    if not several:
        blocks.append(Text("One train size only: there is no curve and no crossover to report.", quiet=True))
    if "crossovers" in material.tables:
        blocks.append(TableBlock(material.tables["crossovers"], folded="All crossovers"))
    return blocks


def planner(material: Material) -> list[Block]:
    """The recommendation for any number of labels that the study covers."""
    study = material.study
    rows = _advised(study)
    if not rows:
        return []
    advice = tuple(
        Advice(
            row["n_labels"],
            words.count(row["n_labels"]),
            study.label(row["strategy"]),
            study.styles[row["strategy"]],
            words.percent(row.get("expected")),
            words.percent_interval(row.get("ci_low"), row.get("ci_high")),
            (row.get("expected"), row.get("ci_low"), row.get("ci_high")),
        )
        for row in rows
    )
    return [Planner(advice, study.score, material.tables["recommendations"])]


def scores(material: Material) -> list[Block]:
    """The table of scores."""
    return [TableBlock(material.tables["scores"])] if "scores" in material.tables else []


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
    found = {(row["a"], row["b"], row["train_size"]): row for row in study.rows("contrasts")}
    if not found:
        return []
    sizes = sorted({size for _, _, size in found})
    rows = tuple(
        (study.label(a), study.label(b), tuple(_matrix_cell(found.get((a, b, size))) for size in sizes))
        for a, b in study.pairs("contrasts")
        if not {a, b} <= study.controls
    )
    blocks: list[Block] = [Matrix(tuple(map(words.count, sizes)), rows)]
    if "differences" in material.figures and len(sizes) > 1:
        caption = "Above zero the first strategy is ahead. Shaded: the margin within which it does not matter."
        blocks.append(FigureBlock(material.figures["differences"], caption))
    return [*blocks, TableBlock(material.tables["contrasts"], folded="All contrasts, with p-values")]


def _matrix_cell(row: Row | None) -> MatrixCell | None:
    if row is None or row.get("difference") is None:
        return None
    interval = words.points_interval(row.get("ci_low"), row.get("ci_high"))
    said = str(row.get("verdict") or "")
    tone = next((tone for word, tone in TONES.items() if said == word), "undecided")
    return MatrixCell(words.points(row["difference"]), interval, said, tone)


def equivalence(material: Material) -> list[Block]:
    """What a label is worth in another strategy's labels."""
    if "label_equivalence" not in material.tables:
        return []
    blocks: list[Block] = []
    if "label_equivalence" in material.figures:
        caption = (
            "A ratio of 4 says: the other strategy needs four times as many labels for the same score. "
            "Open triangles: its curve does not reach the score, the ratio lies beyond the mark."
        )
        blocks.append(FigureBlock(material.figures["label_equivalence"], caption))
    return [*blocks, TableBlock(material.tables["label_equivalence"], folded="All label equivalences")]


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
    Section("costs", "Costs", costs),
    Section("scope", "What this holds for", scope),
    Section("data", "Data", data),
    Section("word2vec", "Word vectors", word_vectors),
    Section("run", "The run", run),
    Section("problems", "Warnings and failures", problems),
    Section("reproduction", "Reproduce it", reproduction),
)


def build_sections(material: Material) -> list[tuple[Section, list[Block]]]:
    """Return the sections that have something to say, each with its blocks."""
    built = ((section, section.build(material)) for section in SECTIONS)
    return [(section, blocks) for section, blocks in built if blocks]
