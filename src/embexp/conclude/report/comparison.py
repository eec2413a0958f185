"""Several studies held side by side: what each found, in one form, for table, figure, page and comparison.json.

    results.json of each study ──► Comparison ──► comparison_findings     sentences: where the studies agree
                                              ├─► comparison_differences  sentences: what cannot be compared
                                              ├─► comparison_table        one table
                                              ├─► comparison_panels       one figure, a panel for each study
                                              └─► comparison_page         all of it as a page

Nothing is estimated anew: each number is one that its study has concluded.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from embexp.conclude.report.palette import Style, assign_styles
from embexp.conclude.report.reading import Row, StudyResults, turn

MOST_KEYS_IN_A_LABEL = 2
LONGEST_VALUE_IN_A_LABEL = 24
# What moves no number: where a study runs, what it is called and who is told.
WITHOUT_EFFECT = ("name", "store", "output", "executor", "tracking")
MISSING_KEY = "not set"


class ComparedStudy(StudyResults):
    """A study among others: with a label of its own, and strategies that look the same in all of them."""

    def __init__(self, results: Mapping[str, Any], label: str, place: str, styles: Mapping[str, Style]) -> None:
        super().__init__(results)
        self.title = label
        self.place = place
        self._styles = dict(styles)

    @cached_property
    def styles(self) -> dict[str, Style]:
        """Those of all studies, since the look of an unknown strategy depends on which others there are."""
        return self._styles

    @cached_property
    def measured_sizes(self) -> list[int]:
        """Train sizes at which a strategy has a score."""
        return sorted({point["train_size"] for name in self.contenders for point in self.curves[name]})

    @cached_property
    def _recommended(self) -> dict[int, Row]:
        return {row["n_labels"]: row for row in self.rows("recommendations") if row.get("n_labels")}

    @cached_property
    def _contrast(self) -> dict[tuple[str, str, int], Row]:
        rows = self.rows("contrasts")
        return {(row["a"], row["b"], row["train_size"]): row for row in (*map(turn, rows), *rows)}

    def best(self, size: int) -> Row | None:
        """Return the study's recommendation at one of its train sizes."""
        return self._recommended.get(size)

    def best_strategy(self, size: int) -> str | None:
        """Return the strategy with the highest score at a train size, controls apart."""
        name = (self.best(size) or {}).get("embedding_strategy")
        return None if name is None else str(name)

    def standing(self, a: str, b: str, size: int) -> str | None:
        """Return how a stands to b: ahead, behind, level or undecided; None where it was not measured."""
        row = self._contrast.get((a, b, size))
        if row is None or row.get("difference") is None:
            return None
        said = str(row.get("verdict") or "")
        word = said.rpartition(" ")[2]
        return {"better": "ahead", "worse": "behind", "equivalent": "level"}.get(word, "undecided")

    def not_behind(self, size: int) -> set[str]:
        """Return the strategies, controls apart, that the data do not show to be behind the best one."""
        best = self.best_strategy(size)
        if best is None:
            return set()
        others = [name for name in self.contenders if name != best and self.point(name, size)]
        return {best} | {name for name in others if self.standing(best, name, size) in (None, "undecided", "level")}

    def control_standings(self, control: str) -> dict[str, list[int]]:
        """Return the train sizes at which a control is ahead, level, undecided or behind the best strategy."""
        found: dict[str, list[int]] = {}
        for size in self.measured_sizes:
            best = self.best_strategy(size)
            if best and (standing := self.standing(control, best, size)):
                found.setdefault(standing, []).append(size)
        return found

    def pair_rows(self, key: str, a: str, b: str) -> list[Row]:
        """Return the rows under a key about a pair, in either direction."""
        return [row for row in self.rows(key) if {row.get("a"), row.get("b")} == {a, b}]


@dataclass(frozen=True)
class KeyDifference:
    """A key of the configuration that is not the same in all studies, with its value in each."""

    key: str
    values: tuple[Any, ...]


class Comparison:
    """Several studies in the order in which they were named."""

    def __init__(self, results: Sequence[Mapping[str, Any]], places: Sequence[str]) -> None:
        plain = [StudyResults(each) for each in results]
        styles = assign_styles({name for study in plain for name in study.styles})
        named = zip(plain, name_studies(plain), places, strict=True)
        self.studies = tuple(ComparedStudy(study.raw, label, place, styles) for study, label, place in named)

    @cached_property
    def strategies(self) -> list[str]:
        """All strategies that are no controls, in reading order."""
        return self._in_reading_order([study.contenders for study in self.studies])

    @cached_property
    def controls(self) -> list[str]:
        """All controls that were run, in reading order."""
        return self._in_reading_order([[s for s in each.strategies if s in each.controls] for each in self.studies])

    @staticmethod
    def _in_reading_order(lists: Sequence[Sequence[str]]) -> list[str]:
        everything = StudyResults({"curves": [{"strategy": n, "train_size": 1} for each in lists for n in each]})
        return everything.strategies

    @cached_property
    def common_sizes(self) -> list[int]:
        """Train sizes at which every study has a score."""
        shared = set.intersection(*(set(study.measured_sizes) for study in self.studies))
        return sorted(shared)

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """Pairs of strategies that at least one study holds against each other."""
        met = [pair for pair in itertools.combinations(self.strategies, 2) if self._is_met(*pair)]
        return met

    def _is_met(self, a: str, b: str) -> bool:
        return any({a, b} <= set(study.contenders) for study in self.studies)

    @cached_property
    def key_differences(self) -> list[KeyDifference]:
        """Keys of the configuration that differ and can move numbers, in the order of the configuration."""
        return differing_keys([study.mapping("config") for study in self.studies])


def name_studies(studies: Sequence[StudyResults]) -> list[str]:
    """Give each study a label: its name, and what tells it from others of that name."""
    names = [str(study.study.get("name") or "study") for study in studies]
    labels = list(names)
    for name, number in Counter(names).items():
        if number > 1:
            places = [place for place, other in enumerate(names) if other == name]
            for place, parts in zip(places, _telling_apart([studies[place] for place in places]), strict=True):
                labels[place] = ", ".join([name, *parts])
    counted = Counter(labels)
    return [
        label if counted[label] == 1 else f"{label} ({str(study.study.get('fingerprint') or place)[:8]})"
        for place, (label, study) in enumerate(zip(labels, studies, strict=True), start=1)
    ]


def _telling_apart(studies: Sequence[StudyResults]) -> list[list[str]]:
    """Return for each study a few words that others of its name do not share: its data set, else values of keys."""
    data_sets = [str(study.study.get("dataset")) for study in studies]
    if len(set(data_sets)) == len(studies):
        return [[data_set] for data_set in data_sets]
    found = [each for each in differing_keys([study.mapping("config") for study in studies]) if _fits(each)]
    found.sort(key=lambda each: each.key.startswith("dataset."))  # a protocol tells more than a column's name
    kept = found[:MOST_KEYS_IN_A_LABEL]
    return [[f"{each.key.rpartition('.')[2]}={each.values[place]}" for each in kept] for place in range(len(studies))]


def _fits(difference: KeyDifference) -> bool:
    """Return whether a key is set in all studies, to values short enough for a label."""
    texts = [str(value) for value in difference.values]
    return MISSING_KEY not in texts and all(len(text) <= LONGEST_VALUE_IN_A_LABEL for text in texts)


def differing_keys(configs: Sequence[Mapping[str, Any]]) -> list[KeyDifference]:
    """Return the dotted keys whose values differ; a key that a configuration lacks reads 'not set'."""
    flat = [dict(_leaves(config)) for config in configs]
    keys = dict.fromkeys(key for config in flat for key in config)
    found = [KeyDifference(key, tuple(config.get(key, MISSING_KEY) for config in flat)) for key in keys]
    return [
        each
        for each in found
        if each.key.partition(".")[0] not in WITHOUT_EFFECT
        and each.key != "dataset.name"
        and any(value != each.values[0] for value in each.values)
    ]


def _leaves(value: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        parts = ((f"{prefix}.{key}" if prefix else str(key), item) for key, item in value.items())
        return [leaf for key, item in parts for leaf in _leaves(item, key)]
    return [(prefix, value)]
