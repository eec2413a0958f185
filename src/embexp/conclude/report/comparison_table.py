"""The table that holds several studies side by side: a column for each study, a row for each fact."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from embexp.conclude.report import words
from embexp.conclude.report.comparison import ComparedStudy, Comparison
from embexp.conclude.report.comparison_differences import classes, median_tokens
from embexp.conclude.report.pair_figures import drawn_ratio, ratio_in_words
from embexp.conclude.report.reading import Row
from embexp.conclude.report.tables import Cell, Table
from embexp.conclude.statistics.wording import sizes_words

NOT_MEASURED = "not measured"
STANDINGS = {
    "ahead": "ahead {}",
    "level": "level {}",
    "undecided": "cannot be told from it {}",
    "behind": "behind {}",
}


@dataclass(frozen=True)
class Entry:
    """A cell of the table: its words, and the numbers behind it as records."""

    text: str
    records: list[dict[str, Any]] = field(default_factory=list)


Line = tuple[str, Callable[[ComparedStudy], Entry]]


def comparison_table(comparison: Comparison) -> Table:
    """Return the table; its records are long: study, fact, and the numbers that the study concluded."""
    rows, records = [], []
    for label, fill in _lines(comparison):
        entries = [fill(study) for study in comparison.studies]
        rows.append((Cell(label), *(Cell(entry.text) for entry in entries)))
        for study, entry in zip(comparison.studies, entries, strict=True):
            records += [{"study": study.title, "fact": label, **record} for record in entry.records]
    return Table(
        "comparison",
        "The studies side by side; in brackets the intervals of each study. Controls can be best. "
        "A label ratio of 4× says: the second strategy needs four times as many labels for the same score.",
        ("", *(study.title for study in comparison.studies)),
        tuple(rows),
        tuple(records),
        texts=tuple(range(len(comparison.studies) + 1)),
        wraps=True,
    )


def _lines(comparison: Comparison) -> Iterator[Line]:
    yield from DATA_LINES
    for a, b in comparison.pairs:
        yield f"crossover of {_name(comparison, a)} and {_name(comparison, b)}", _crossover(a, b)
    for a, b in ratio_pairs(comparison):
        label = f"label ratio of {_name(comparison, a)} to {_name(comparison, b)}, smallest size"
        yield label, _ratio(a, b)
    for size in comparison.common_sizes:
        yield f"best with {words.count(size)} labels", _best(size)
    for control in comparison.controls:
        yield f"{_name(comparison, control)} against the best strategy", _control(control)


def _name(comparison: Comparison, strategy: str) -> str:
    return comparison.studies[0].label(strategy)


def ratio_pairs(comparison: Comparison) -> list[tuple[str, str]]:
    """Return the pairs whose label ratio is shown: against `random`, or all where no study has it."""
    against = [(name, "random") for name in comparison.strategies if name != "random"]
    return against if "random" in comparison.strategies else comparison.pairs


# --- what the studies are -----------------------------------------------------------------------------------------


def _data_set(study: ComparedStudy) -> Entry:
    return _text(str(study.study.get("dataset") or words.MISSING))


def _scored_on(study: ComparedStudy) -> Entry:
    number = (study.mapping("dataset").get("sizes") or {}).get("test")
    kind = "validation texts" if study.on_validation else "test texts"
    return Entry(f"{words.count(number)} {kind}" if number else kind, [{"value": number, "text": kind}])


def _pool(study: ComparedStudy) -> Entry:
    return _number((study.mapping("dataset").get("sizes") or {}).get("pool"))


def _sizes(study: ComparedStudy) -> Entry:
    sizes = study.measured_sizes
    ends = f"{words.count(sizes[0])} to {words.count(sizes[-1])} labels" if sizes else words.MISSING
    return Entry(ends, [{"n_labels": size} for size in sizes])


def _text(text: str) -> Entry:
    return Entry(text, [{"text": text}])


def _number(value: float | None) -> Entry:
    return Entry(words.count(value), [{"value": value}])


DATA_LINES: tuple[Line, ...] = (
    ("data set", _data_set),
    ("labelled texts in the pool", _pool),
    ("scored on", _scored_on),
    ("classes", lambda study: _number(classes(study))),
    ("tokens of the median text", lambda study: _number(median_tokens(study))),
    ("train sizes", _sizes),
    ("seeds", lambda study: _number(len(study.seeds))),
)


# --- what they found ----------------------------------------------------------------------------------------------


def _crossover(a: str, b: str) -> Callable[[ComparedStudy], Entry]:
    def fill(study: ComparedStudy) -> Entry:
        rows = study.pair_rows("crossovers", a, b)
        text = "; ".join(crossover_in_words(study, row) for row in rows) or NOT_MEASURED
        keys = ("a", "b", "ci_low", "ci_high")
        return Entry(
            text,
            [
                {"value": row.get("estimate"), "text": row.get("kind")} | {key: row.get(key) for key in keys}
                for row in rows
            ],
        )

    return fill


def crossover_in_words(study: ComparedStudy, row: Row) -> str:
    """Say where two curves cross, or that they do not."""
    if row.get("kind") == "crossing":
        interval = words.size_interval(row.get("ci_low"), row.get("ci_high"))
        who = f"{study.label(row['ahead_after'])} ahead from" if row.get("ahead_after") else "at"
        return f"{who} about {words.rough(row.get('estimate'))} ({interval})"
    where = "none in range" if row.get("kind") == "none" else "none in range; below it, if anywhere"
    if row.get("ahead_before"):
        where = f"{where}: {study.label(row['ahead_before'])} ahead throughout"
    return f"{where}; one cannot be excluded" if row.get("possible") else where


def _ratio(a: str, b: str) -> Callable[[ComparedStudy], Entry]:
    def fill(study: ComparedStudy) -> Entry:
        rows = [row for row in study.rows("label_equivalence") if (row["a"], row["b"]) == (a, b)]
        row = min(rows, key=lambda row: row["train_size"], default=None)
        if row is None:
            return Entry(NOT_MEASURED)
        record = {"a": a, "b": b, "n_labels": row["train_size"], "value": row.get("ratio")}
        record |= {"ci_low": row.get("ratio_low"), "ci_high": row.get("ratio_high"), "text": row.get("censored")}
        if not drawn_ratio(row):
            return Entry(words.MISSING, [record])
        return Entry(f"{ratio_in_words(row)}, with {words.count(row['train_size'])} labels", [record])

    return fill


def _best(size: int) -> Callable[[ComparedStudy], Entry]:
    """Fill in what scores highest and, where that is a control, the best way to embed."""

    def fill(study: ComparedStudy) -> Entry:
        row = study.best(size)
        if row is None or row.get("strategy") is None:
            return Entry(NOT_MEASURED)
        text = _score(study, row, "")
        if level := row.get("level_with"):
            text += f"; cannot be told from it: {words.listed([study.label(name) for name in level])}"
        records = [_record(row, "", " ".join(map(str, level or ())))]
        own = row.get("embedding_strategy")
        if own is not None and own != row["strategy"]:
            text += f"; best way to embed: {_score(study, row, 'embedding_')}"
            records.append(_record(row, "embedding_", "best way to embed"))
        return Entry(text, records)

    return fill


def _score(study: ComparedStudy, row: Row, prefix: str) -> str:
    interval = words.percent_interval(row.get(f"{prefix}ci_low"), row.get(f"{prefix}ci_high"))
    text = f"{study.label(row[f'{prefix}strategy'])}, {words.percent(row.get(f'{prefix}expected'))} %"
    return f"{text} ({interval})" if interval else text


def _record(row: Row, prefix: str, text: str) -> dict[str, Any]:
    return {
        "a": row[f"{prefix}strategy"],
        "n_labels": row["n_labels"],
        "value": row.get(f"{prefix}expected"),
        "ci_low": row.get(f"{prefix}ci_low"),
        "ci_high": row.get(f"{prefix}ci_high"),
        "text": text,
    }


def _control(control: str) -> Callable[[ComparedStudy], Entry]:
    def fill(study: ComparedStudy) -> Entry:
        found = study.control_standings(control)
        parts = [
            text.format(sizes_words(found[key], study.measured_sizes))
            for key, text in STANDINGS.items()
            if key in found
        ]
        records = [
            {"a": control, "b": study.best_strategy(size), "n_labels": size, "text": key}
            for key in STANDINGS
            for size in found.get(key, ())
        ]
        return Entry("; ".join(parts) or NOT_MEASURED, records)

    return fill
