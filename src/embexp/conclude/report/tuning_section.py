"""The section on tuning: which values were chosen where, and whether more draws would have mattered."""

from __future__ import annotations

import statistics
from typing import Any

from embexp.conclude.report import words
from embexp.conclude.report.blocks import Block, Bullets, FigureBlock, Material, TableBlock, Text
from embexp.conclude.report.reading import Row, StudyResults
from embexp.conclude.report.tables import Cell, Table
from embexp.conclude.report.tuning_figures import chosen_rows

VALUES = {
    "learning_rate": "rate of the head",
    "embedding_learning_rate": "rate of the rows",
    "budget_factor": "times the budget",
    "inverse_regularisation": "C",
    "ngrams": "longest n-gram",
    "sublinear": "sublinear counts",
}


def tuning(material: Material) -> list[Block]:
    """What was tried, what was chosen, what another draw still brings; nothing where one protocol serves all."""
    study = material.study
    found = study.mapping("tuning")
    if not found:
        return []
    draws = words.plural(int(found.get("draws") or 0), "draw")
    blocks: list[Block] = [
        Text(
            f"Every cell chose among {draws} of its own settings, the same number for each strategy, judged on parts "
            "of its own labelled texts; then it was trained on all of them. No other label was spent, and no text that "
            "scores was looked at. Equal scores: the first drawn."
        )
    ]
    if "tuned_values" in material.figures:
        caption = "Median over seeds; bars: the least and the greatest value that a seed chose."
        blocks.append(FigureBlock(material.figures["tuned_values"], caption))
    if "tuned_values" in material.tables:
        blocks.append(TableBlock(material.tables["tuned_values"], folded="Chosen values in numbers"))
    if "expected_best" in material.figures:
        caption = (
            "How well the best of so many draws does on average (over all sets of that many draws, then over seeds). "
            "These are the scores by which was chosen, so the best of them is too high by chance; where a line has "
            "become flat, more draws would bring nothing."
        )
        blocks.append(FigureBlock(material.figures["expected_best"], caption))
    if fallbacks := [row for row in found.get("fallbacks") or [] if isinstance(row, dict)]:
        blocks.append(Bullets(tuple(dict.fromkeys(_fallback(study, row) for row in fallbacks)), warning=True))
    return blocks


def _fallback(study: StudyResults, row: Row) -> str:
    size = words.plural(int(row.get("train_size") or 0), "label")
    return f"{study.label(row.get('strategy'))} with {size}: {row.get('reason')}."


def tuned_values_table(study: StudyResults) -> Table | None:
    """Return the chosen values: median over seeds at each size."""
    rows = chosen_rows(study)
    keys = [key for key in VALUES if any(key in row for own in rows.values() for row in own)]
    if not keys:
        return None
    header = ("strategy", "labels", *(VALUES[key] for key in keys), "score", "tuning")
    cells = tuple(
        (
            Cell(study.label(strategy)),
            Cell(words.count(size)),
            *(Cell(_typical([row[key] for row in own if row.get(key) is not None])) for key in keys),
            Cell(words.percent(statistics.fmean(row["score"] for row in own))),
            Cell(words.duration(statistics.median(row["seconds"] for row in own))),
        )
        for (strategy, size), own in rows.items()
    )
    caption = (
        "Values that tuning chose: medians over seeds (in brackets: how many seeds chose a rate of 0); the score "
        "inside the labels, in percent; the time that choosing took."
    )
    records = tuple(row for own in rows.values() for row in own)
    return Table("tuned_values", caption, header, cells, records)


def _typical(values: list[Any]) -> str:
    if not values:
        return words.MISSING
    if isinstance(values[0], bool):
        return f"{sum(values)} of {len(values)}"
    zeros = sum(value == 0 for value in values)
    return f"{statistics.median(values):.3g}" + (f" ({zeros} of {len(values)})" if zeros else "")
