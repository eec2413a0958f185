"""Read results.json with all its gaps: what is missing stays missing, and no text can break a page.

`StudyResults` is the one place that knows the keys of results.json; figures, tables and sections ask it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from embexp import config
from embexp.conclude.report.palette import Style, assign_styles

Row = Mapping[str, Any]
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def clean(value: Any) -> Any:
    """Copy a JSON value without what no document can hold.

    Numbers that are not finite become None: JSON for browsers has no NaN. Control characters and lone
    surrogates become U+FFFD: neither XML nor UTF-8 can carry them, and a terminal would obey them.
    """
    if isinstance(value, str):
        return UNPRINTABLE.sub("�", value)
    if isinstance(value, Mapping):
        return {clean(str(key)): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    number = value.item() if hasattr(value, "item") else value  # NumPy scalars
    return None if isinstance(number, float) and not math.isfinite(number) else number


class StudyResults:
    """The content of results.json, cleaned, with the questions that a report asks of it."""

    def __init__(self, results: Mapping[str, Any]) -> None:
        self.raw: dict[str, Any] = clean(results)

    def rows(self, key: str) -> list[Row]:
        """Return the list of records under `key`; an absent key is an empty list."""
        return [row for row in self.raw.get(key) or [] if isinstance(row, Mapping)]

    def sentences(self, key: str) -> list[str]:
        """Return the list of sentences under `key`; a single string is a list of one."""
        value = self.raw.get(key) or []
        return [value] if isinstance(value, str) else [str(sentence) for sentence in value]

    def mapping(self, key: str) -> Row:
        """Return the mapping under `key`; an absent key is an empty mapping."""
        value = self.raw.get(key)
        return value if isinstance(value, Mapping) else {}

    @property
    def study(self) -> Row:
        """The key `study`: name, dataset, fingerprint, seconds and counts."""
        return self.mapping("study")

    @property
    def on_validation(self) -> bool:
        """Whether the cells were scored on validation texts in place of the test texts."""
        return self.study.get("evaluated_on") == "validation"

    @property
    def score(self) -> str:
        """What the score is called: test accuracy, or validation accuracy."""
        return f"{'validation' if self.on_validation else 'test'} accuracy"

    @property
    def margin(self) -> float:
        """Differences in score up to this size do not matter; .01 is one point."""
        return self.mapping("rules").get("margin") or 0.01

    @property
    def interval(self) -> str:
        """What an interval is called: 95 % interval."""
        return f"{100 * (self.mapping('rules').get('level') or 0.95):g} % interval"

    @cached_property
    def contrasts(self) -> list[Row]:
        """All contrasts, turned so that `random` and controls are what others are held against."""
        turned = (turn(row) if self._is_baseline(row["a"], row["b"]) else row for row in self.rows("contrasts"))
        return sorted(turned, key=lambda row: (*self.pair_rank(row), row["train_size"]))

    def _is_baseline(self, a: str, b: str) -> bool:
        """Whether a is more of a baseline than b: a control, `random`, or just earlier in reading order."""
        places = {name: place for place, name in enumerate(self.strategies)}

        def key(name: str) -> tuple[bool, bool, int]:
            return name in self.controls, name == "random", -places.get(name, 0)

        return key(a) > key(b)

    @cached_property
    def curves(self) -> dict[str, list[Row]]:
        """Points with a mean, by strategy, each list in ascending train size."""
        points: dict[str, list[Row]] = {name: [] for name in self.strategies}
        for row in sorted(self.rows("curves"), key=lambda row: row["train_size"]):
            if row.get("mean") is not None:
                points[row["strategy"]].append(row)
        return points

    @cached_property
    def strategies(self) -> list[str]:
        """All strategies in reading order: those asked about, then others, then controls."""
        met = dict.fromkeys(row["strategy"] for key in ("curves", "cells") for row in self.rows(key))
        order = {name: place for place, name in enumerate(config.STRATEGIES)}
        return sorted(met, key=lambda name: (name in self.controls, order.get(name, len(order))))

    @cached_property
    def controls(self) -> frozenset[str]:
        """Names of the controls: those of the configuration and those that every study knows."""
        grid = self.mapping("config").get("grid") or {}
        return frozenset((*config.CONTROLS, *(grid.get("controls") or ())))

    @cached_property
    def contenders(self) -> list[str]:
        """The strategies that are not controls."""
        return [name for name in self.strategies if name not in self.controls]

    @cached_property
    def train_sizes(self) -> list[int]:
        """Train sizes with at least one measured or attempted cell, ascending."""
        return sorted({row["train_size"] for key in ("curves", "cells") for row in self.rows(key)})

    @cached_property
    def seeds(self) -> list[int]:
        """The seeds of all cells, ascending."""
        return sorted({row["seed"] for row in self.rows("cells") if row.get("seed") is not None})

    @cached_property
    def styles(self) -> dict[str, Style]:
        """Label, colours, line and marker of each strategy, those only named in a contrast included."""
        named = (row.get(side) for key in PAIR_KEYS for row in self.rows(key) for side in ("a", "b"))
        recommended = (
            row.get(key) for row in self.rows("recommendations") for key in ("strategy", "embedding_strategy")
        )
        costs = (row.get("strategy") for row in self.rows("costs"))
        extra = {name for group in (named, recommended, costs) for name in group if name}
        return assign_styles(extra.union(self.strategies))

    def label(self, strategy: str | None) -> str:
        """Return what a strategy is called in figures and tables."""
        if strategy is None:
            return "none"
        return self.styles[strategy].label if strategy in self.styles else strategy

    def point(self, strategy: str, train_size: int) -> Row | None:
        """Return the point of a learning curve, None where it was not measured."""
        return self._points.get((strategy, train_size))

    @cached_property
    def _points(self) -> dict[tuple[str, int], Row]:
        return {(name, row["train_size"]): row for name, points in self.curves.items() for row in points}

    def pair_rank(self, row: Row) -> tuple[int, int, int]:
        """Order pairs: contenders among themselves first, then by the reading order of both names."""
        places = {name: place for place, name in enumerate(self.strategies)}
        a, b = row.get("a"), row.get("b")
        controls = (a in self.controls) + (b in self.controls)
        return controls, places.get(str(a), len(places)), places.get(str(b), len(places))


def pairs_of(rows: Iterable[Row]) -> list[tuple[str, str]]:
    """Return the pairs (a, b) of the rows, in order of appearance."""
    return list(dict.fromkeys((row["a"], row["b"]) for row in rows))


OPPOSITE = {"better": "worse", "worse": "better"}


def turn(row: Row) -> Row:
    """Return the same contrast seen from the other side, b - a."""
    turned = dict(row) | {"a": row["b"], "b": row["a"]}
    for low, high in (("ci_low", "ci_high"), ("equivalence_low", "equivalence_high")):
        turned |= {low: _negative(row.get(high)), high: _negative(row.get(low))}
    turned["difference"] = _negative(row.get("difference"))
    superiority = [row.get(f"p_superiority{end}") for end in ("", "_high", "_low")]
    for end, value in zip(("", "_low", "_high"), superiority, strict=True):
        turned[f"p_superiority{end}"] = None if value is None else 1 - value
    if row.get("seeds_a_ahead") is not None:
        turned["seeds_a_ahead"] = row["n"] - row["seeds_a_ahead"] - row["seeds_level"]
    verdict = str(row.get("verdict") or "")
    slightly, _, word = verdict.rpartition(" ")
    if word in OPPOSITE:
        turned["verdict"] = " ".join(filter(None, (slightly, OPPOSITE[word])))
    return turned


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


PAIR_KEYS = ("contrasts", "crossovers", "label_equivalence")


def numbers(values: Iterable[Any]) -> list[float]:
    """Keep what is a number."""
    return [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
