"""Say in plain sentences where several studies agree: the best strategy, crossovers, controls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from embexp.conclude.report import words
from embexp.conclude.report.comparison import ComparedStudy, Comparison
from embexp.conclude.report.reading import Row
from embexp.conclude.statistics.wording import capital, name, sizes_words

NOTHING_COMMON = "The studies have no train size in common: compare the shapes of their curves, not their scores."


@dataclass(frozen=True)
class Agreement:
    """What the studies say together about the best strategy at a train size, controls apart.

    Attributes:
        kind: `same` one strategy scores highest in every study; `level` one is nowhere shown to be behind;
            `apart` no strategy is.
        strategy: That strategy; empty if the studies are apart.
        leaders: The strategy with the highest score in each study.
    """

    kind: str
    strategy: str
    leaders: tuple[str, ...]


@dataclass(frozen=True)
class Stretch:
    """Neighbouring common sizes at which the studies agree in the same way."""

    agreement: Agreement
    sizes: tuple[int, ...]


def agreement(comparison: Comparison, size: int) -> Agreement | None:
    """Return how the studies agree at a common train size; None if one of them recommends nothing there."""
    leaders = tuple(study.best_strategy(size) for study in comparison.studies)
    known = tuple(leader for leader in leaders if leader is not None)
    if len(known) < len(leaders):
        return None
    if len(set(known)) == 1:
        return Agreement("same", known[0], known)
    nowhere_behind = set.intersection(*(study.not_behind(size) for study in comparison.studies))
    if not nowhere_behind:
        return Agreement("apart", "", known)
    leads = Counter(known)
    places = {strategy: place for place, strategy in enumerate(comparison.strategies)}
    best = min(nowhere_behind, key=lambda strategy: (-leads[strategy], places[strategy]))
    return Agreement("level", best, known)


def stretches(comparison: Comparison) -> list[Stretch]:
    """Cut the common sizes where the agreement changes."""
    known = [(size, found) for size in comparison.common_sizes if (found := agreement(comparison, size))]

    def said(pair: tuple[int, Agreement]) -> tuple[str, str, tuple[str, ...]]:
        found = pair[1]
        return found.kind, found.strategy, found.leaders if found.kind == "apart" else ()

    groups = (list(group) for _, group in groupby(known, key=said))
    return [Stretch(group[0][1], tuple(size for size, _ in group)) for group in groups]


def headline(comparison: Comparison) -> str:
    """Return in one sentence whether the studies favour the same strategy."""
    number = all_of(comparison)
    sizes = comparison.common_sizes
    merged: list[tuple[str, list[int]]] = []
    for stretch in stretches(comparison):
        text = {
            "same": f"{name(stretch.agreement.strategy)} scores highest in {number} studies",
            "level": f"no study speaks against {name(stretch.agreement.strategy)}",
            "apart": "the best strategy depends on the study",
        }[stretch.agreement.kind]
        if merged and merged[-1][0] == text:
            merged[-1][1].extend(stretch.sizes)
        else:
            merged.append((text, list(stretch.sizes)))
    if not merged:
        return NOTHING_COMMON
    parts = [f"{_where(covered, sizes)} {text}" for text, covered in merged]
    return words.sentence("; ".join(parts))


def all_of(comparison: Comparison) -> str:
    """Return 'both', or 'all three' and so on."""
    return "both" if len(comparison.studies) == 2 else f"all {len(comparison.studies)}"


def _where(sizes: Sequence[int], common: Sequence[int]) -> str:
    if len(sizes) == len(common) > 1:
        return f"from {common[0]:,} to {common[-1]:,} labels"
    return sizes_words(sizes, common)


def sentences(comparison: Comparison) -> list[str]:
    """Return all findings: the best strategy at common sizes, crossovers, controls."""
    return [*_best(comparison), *_crossovers(comparison), *_controls(comparison)]


def _best(comparison: Comparison) -> Iterator[str]:
    number = all_of(comparison)
    for stretch in stretches(comparison):
        where, found = capital(_where(stretch.sizes, comparison.common_sizes)), stretch.agreement
        if found.kind == "same":
            yield f"{where} {name(found.strategy)} scores highest in {number} studies, {_surely(comparison, stretch)}."
        elif found.kind == "level":
            yield (
                f"{where} no strategy scores highest in {number} studies, but {name(found.strategy)} is in none of "
                "them shown to be behind."
            )
        else:
            leaders: dict[str, list[str]] = {}
            for study, leader in zip(comparison.studies, found.leaders, strict=True):
                leaders.setdefault(leader, []).append(study.title)
            told = [f"{name(leader)} in {words.listed(titles)}" for leader, titles in leaders.items()]
            yield f"{where} the best strategy depends on the study: {'; '.join(told)}."


def _surely(comparison: Comparison, stretch: Stretch) -> str:
    """Say whether the lead of a strategy is shown in every study and at every size of a stretch."""
    sets = [study.not_behind(size) for study in comparison.studies for size in stretch.sizes]
    if all(len(each) == 1 for each in sets):
        return "and is shown to be ahead of every other strategy"
    shown = sum(len(each) == 1 for each in sets)
    if not shown:
        return "but is nowhere shown to be ahead of every other"
    cases = "studies" if len(stretch.sizes) == 1 else "pairs of study and size"
    return f"and is shown to be ahead of every other strategy in {shown} of {len(sets)} {cases}"


def _crossovers(comparison: Comparison) -> Iterator[str]:
    for a, b in comparison.pairs:
        for after, before in ((a, b), (b, a)):
            met = [(study, row) for study in comparison.studies for row in crossings(study, after, before)]
            if met:
                yield _crossover(comparison, after, before, met)


def crossings(study: ComparedStudy, after: str, before: str) -> list[Row]:
    """Return the crossovers of a study at which one strategy overtakes another."""
    rows = study.pair_rows("crossovers", after, before)
    return [row for row in rows if row.get("kind") == "crossing" and row.get("ahead_after") == after]


def _crossover(comparison: Comparison, after: str, before: str, met: Sequence[tuple[ComparedStudy, Row]]) -> str:
    told = [
        f"at about {words.rough(row['estimate'])} labels in {study.title} "
        f"({study.interval}: {words.size_interval(row.get('ci_low'), row.get('ci_high'))})"
        for study, row in met
    ]
    titles = {study.title for study, _ in met}
    without = [
        f"{study.title} ({words.count(study.measured_sizes[0])} to {words.count(study.measured_sizes[-1])} labels)"
        for study in comparison.studies
        if study.title not in titles and {after, before} <= set(study.contenders) and study.measured_sizes
    ]
    text = f"{capital(name(after))} overtakes {name(before)} {words.listed(told)}"
    if without:
        text += f", and not in {words.listed(without)}"
    return f"{text}.{_apart(met)}"


def _apart(met: Sequence[tuple[ComparedStudy, Row]]) -> str:
    """Say whether the intervals of all studies overlap, an open end reaching as far as can be."""
    if len({study.title for study, _ in met}) < 2:
        return ""
    highest_low = max(row.get("ci_low") or 0.0 for _, row in met)
    lowest_high = min(row.get("ci_high") or float("inf") for _, row in met)
    return " These intervals overlap." if highest_low <= lowest_high else " These intervals do not all overlap."


def _controls(comparison: Comparison) -> Iterator[str]:
    for control in comparison.controls:
        ahead, never = [], []
        for study in comparison.studies:
            if control not in study.strategies:
                continue
            sizes = study.control_standings(control).get("ahead")
            if sizes:
                ahead.append(f"{study.title} ({sizes_words(sizes, study.measured_sizes)})")
            else:
                never.append(study.title)
        if ahead:
            rest = f", and at no size in {words.listed(never)}" if never else ""
            yield f"The control {name(control)} is ahead of the best strategy in {words.listed(ahead)}{rest}."
        elif never:
            yield f"The control {name(control)} is nowhere ahead of the best strategy."
