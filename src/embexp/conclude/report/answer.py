"""The sections that answer: the verdict, and what to do with N labels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from math import log, sqrt

from embexp.conclude.report import words
from embexp.conclude.report.blocks import Advice, Block, Material, Planner, Span, Strip, Verdict
from embexp.conclude.report.reading import Row, StudyResults

NO_VERDICT = "The study has no verdict: too few cells have finished."


def verdict(material: Material) -> list[Block]:
    """The answer in plain sentences, with the strategies that win along the size axis."""
    study = material.study
    sentences = study.sentences("verdict")
    failed = study.study.get("cells_failed") or len(study.rows("failures"))
    alarm = f"{words.plural(failed, 'task')} failed; what rests on the missing cells is missing here." if failed else ""
    title = headline(study.sentences("advice"), sentences)
    shown = [split_lead(sentence) for sentence in sentences if sentence != title]
    undecided = [pair for pair in shown if "undecided" in "".join(pair).lower()]
    decided = [pair for pair in shown if pair not in undecided]
    return [Verdict(title, tuple(decided), tuple(undecided), strips(study), _facts(study), alarm)]


def split_lead(sentence: str) -> tuple[str, str]:
    """Split a sentence at its first colon outside parentheses: ('Undecided', ': a against b ...')."""
    depth = 0
    for place, letter in enumerate(sentence):
        depth += (letter == "(") - (letter == ")")
        if letter == ":" and depth <= 0 and sentence[place + 1 : place + 2] == " ":
            return (sentence[:place], sentence[place:]) if ". " not in sentence[:place] else ("", sentence)
    return "", sentence


def headline(advice: Sequence[str], sentences: Sequence[str]) -> str:
    """Return the advice; where a study has none, the first sentence of its verdict without the evidence."""
    return " ".join(advice) or next((split_lead(sentence)[0] or sentence for sentence in sentences), NO_VERDICT)


def strips(study: StudyResults) -> tuple[Strip, ...]:
    """Return the size axis cut by the best way to embed and, if a control is ahead of it, by the best of all."""
    rows = [dict(row) for row in study.rows("recommendations") if row.get("strategy") and row.get("n_labels")]
    rows.sort(key=lambda row: row["n_labels"])
    for row in rows:
        if row.get("embedding_strategy") in (row.get("level_with") or ()):
            row["strategy"] = row["embedding_strategy"]  # the control is not ahead of it
    of_all = _spans(study, rows, "strategy")
    to_embed = _spans(study, [row for row in rows if row.get("embedding_strategy")], "embedding_strategy")
    if not to_embed or to_embed == of_all:
        return (Strip("Best, by number of labelled texts", of_all),) if of_all else ()
    return (
        Strip("Best way to embed, by number of labelled texts", to_embed),
        Strip("Best of all, controls included", of_all),
    )


def _spans(study: StudyResults, rows: Sequence[Row], key: str) -> tuple[Span, ...]:
    """Cut the sizes into ranges of one leader; a new one counts only if the old one is shown to be behind.

    Borders stand where the two curves cross.
    """
    groups: list[list[Row]] = []
    leader = ""
    for name, group in groupby(rows, key=lambda row: str(row[key])):
        led = list(group)
        if groups and (name == leader or not any(_behind(leader, row) for row in led)):
            groups[-1].extend(led)
        else:
            leader = name
            groups.append(led)
    if not groups:
        return ()
    first, last = rows[0]["n_labels"], rows[-1]["n_labels"]
    borders = [first, *(_border(study, before, after, key) for before, after in pairwise(groups)), last]
    return tuple(
        _span(study, group[0][key], ends, (first, last)) for group, ends in zip(groups, pairwise(borders), strict=True)
    )


def _behind(strategy: str, row: Row) -> bool:
    """Whether the data tell that a strategy is behind the best of all at a number of labels."""
    return strategy != row["strategy"] and strategy not in (row.get("level_with") or ())


def _border(study: StudyResults, before: Sequence[Row], after: Sequence[Row], key: str) -> float:
    """Return the crossover of two neighbours, else the middle between them on the log axis."""
    low, high = before[-1]["n_labels"], after[0]["n_labels"]
    for row in study.rows("crossovers"):
        if {row["a"], row["b"]} == {before[0][key], after[0][key]} and low <= (row.get("estimate") or 0) <= high:
            return float(row["estimate"])
    return sqrt(low * high)


def _span(study: StudyResults, strategy: str, ends: tuple[float, float], whole: tuple[int, int]) -> Span:
    low, high = (words.count(end) if end in whole else f"about {words.rough(end)}" for end in ends)
    share = 100.0 if whole[0] == whole[1] else 100 * log(ends[1] / ends[0]) / log(whole[1] / whole[0])
    text = low if ends[0] == ends[1] else f"{low} to {high}"
    return Span(strategy, study.label(strategy), study.styles[strategy], text, share)


def _facts(study: StudyResults) -> tuple[str, ...]:
    """What was done, in a few short pieces."""
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


def planner(material: Material) -> list[Block]:
    """The recommendation for any number of labels that the study covers."""
    study = material.study
    rows = [row for row in study.rows("recommendations") if row.get("strategy") and row.get("n_labels")]
    advice = tuple(_advice(study, row) for row in sorted(rows, key=lambda row: row["n_labels"]))
    if not advice:
        return []
    return [Planner(advice, study.score, study.interval, material.tables["recommendations"])]


def _advice(study: StudyResults, row: Row) -> Advice:
    notes = []
    if level := row.get("level_with"):
        notes.append(f"Level with it, as far as the data can tell: {words.listed(list(map(study.label, level)))}.")
    other = row.get("embedding_strategy")
    if other and other != row["strategy"] and row.get("embedding_expected") is not None:
        interval = words.percent_interval(row.get("embedding_ci_low"), row.get("embedding_ci_high"))
        expected = f"{words.percent(row['embedding_expected'])} %" + (f" ({interval})" if interval else "")
        notes.append(f"That is a control. Best way to embed: {study.label(other)}, {expected}.")
    return Advice(
        row["n_labels"],
        words.count(row["n_labels"]),
        study.label(row["strategy"]),
        study.styles[row["strategy"]],
        words.percent(row.get("expected")),
        words.percent_interval(row.get("ci_low"), row.get("ci_high")),
        tuple(notes),
        (row.get("expected"), row.get("ci_low"), row.get("ci_high")),
    )
