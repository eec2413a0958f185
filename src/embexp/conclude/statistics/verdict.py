"""The verdict in plain sentences: what to do with how many labels, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from embexp.conclude.measurements import Measurements
from embexp.conclude.statistics.contrasts import Rules
from embexp.conclude.statistics.wording import (
    Lookup,
    action,
    capital,
    interval_words,
    joined,
    labels,
    name,
    percent,
    points,
    points_range,
    sizes_words,
)
from embexp.config import CONTROLS

_MOST_UNDECIDED = 4
_UNSHOWN = {"equivalent": "is level with", "undecided": "cannot be told from"}


@dataclass(frozen=True)
class Regime:
    """A stretch of train sizes with one strategy to use.

    Attributes:
        strategy: What to use.
        start: First number of labels, a crossover unless it is the smallest size.
        sizes: Sizes of the study inside the stretch.
        crossover: The crossover at `start`; None for the first stretch.
    """

    strategy: str
    start: float
    sizes: tuple[int, ...]
    crossover: dict[str, Any] | None


class Verdict:
    """Writes the sentences from a study's contrasts, crossovers and recommendations."""

    def __init__(self, measurements: Measurements, results: dict[str, Any], rules: Rules, draws: int = 0) -> None:
        self._measurements = measurements
        self._results = results
        self._rules = rules
        self._draws = draws  # with which every cell was tuned
        self._sizes = measurements.train_sizes
        self._contrasts = Lookup(results["contrasts"])
        means = {(row["strategy"], row["train_size"]): row for row in results["curves"]}
        self._scores = means
        self._own = [
            strategy
            for strategy in measurements.strategies
            if strategy not in CONTROLS and any(means[strategy, size]["mean"] is not None for size in self._sizes)
        ]

    def sentences(self) -> list[str]:
        """Return all sentences, the advice first."""
        if not self._own:
            return ["No strategy has a single finished cell, so there is no verdict."]
        written = self._advice()
        for control in self._measurements.controls:
            written += self._control(control)
        written = self._winning_control() + written
        written += self._other_crossovers()
        written += self._labels_saved()
        written += self._protocol()
        written += self._undecided()
        written.append(self._scope())
        return written

    def advice(self) -> list[str]:
        """Return what to do without evidence and intervals: a sentence for each stretch of sizes, none if unknown."""
        if len(self._own) < 2:
            return []
        if control := self._winning_control():
            return control
        regimes = self.regimes()
        if not any(self._shown(regime) for regime in regimes):
            return [self._nothing_shown()]
        return [f"{self._stretch(regimes, k)}, {action(each.strategy)}." for k, each in enumerate(regimes)]

    # --- what to do -------------------------------------------------------------------------------------------

    def regimes(self) -> list[Regime]:
        """Cut the range of sizes into stretches; a new leader counts only once a contrast shows its lead."""
        leaders = {size: self._best(size) for size in self._sizes}
        known = [size for size in self._sizes if leaders[size] is not None]
        current = leaders[known[0]]
        assert current is not None  # noqa: S101 - known holds only sizes with a leader
        found: list[tuple[str, list[int]]] = [(current, [])]
        for index, size in enumerate(known):
            leader = leaders[size]
            if leader is not None and leader != current and self._overtakes(leader, current, known[index:]):
                current = leader
                found.append((current, []))
            found[-1][1].append(size)
        regimes: list[Regime] = []
        for strategy, sizes in found:
            before = regimes[-1] if regimes else None
            crossing = self._crossing(before, strategy, sizes[0]) if before else None
            start = float(crossing["estimate"] if crossing else sizes[0])
            regimes.append(Regime(strategy, start, tuple(sizes), crossing))
        return regimes

    def _best(self, size: int) -> str | None:
        scored = [(self._scores[s, size]["mean"], s) for s in self._own if self._scores[s, size]["mean"] is not None]
        return max(scored, key=lambda pair: pair[0])[1] if scored else None

    def _overtakes(self, leader: str, current: str, sizes: Sequence[int]) -> bool:
        """Return whether a leader is shown to be ahead before it loses the lead again."""
        for size in sizes:
            lead = self._contrasts.lead(leader, current, size)
            if lead["ahead"]:
                return True
            if lead["difference"] is None or lead["difference"] <= 0:
                return False
        return False

    def _crossing(self, before: Regime, after: str, size: int) -> dict[str, Any] | None:
        """Return the last crossover from one stretch to the next that lies between their starts."""
        rows = [
            row
            for row in self._results["crossovers"]
            if {row["a"], row["b"]} == {before.strategy, after}
            and row["kind"] == "crossing"
            and row["ahead_after"] == after
            and before.start < row["estimate"] <= size
        ]
        return max(rows, key=lambda row: float(row["estimate"])) if rows else None

    def _advice(self) -> list[str]:
        regimes = self.regimes()
        if len(self._own) == 1:
            return [self._alone(self._own[0])]
        if not any(self._shown(regime) for regime in regimes):
            return [self._nothing_shown()]
        if len(regimes) == 1:
            regime = regimes[0]
            lead = f"{self._stretch(regimes, 0)}, {action(regime.strategy)}"
            return [f"{lead}: {self._evidence(regime)}.", *self._before_range(regime.strategy)]
        return [
            f"{self._stretch(regimes, index, boundary=True)}, {action(regime.strategy)}: {self._evidence(regime)}."
            for index, regime in enumerate(regimes)
        ]

    def _stretch(self, regimes: Sequence[Regime], index: int, *, boundary: bool = False) -> str:
        """Say over which numbers of labels a regime reaches, if wished with the interval of its upper end."""
        if len(regimes) == 1:
            return f"From {self._sizes[0]:,} to {self._sizes[-1]:,} labels"
        start = labels(regimes[index].start)
        if index + 1 == len(regimes):
            return f"With more than about {start} labels"
        end = labels(regimes[index + 1].start)
        where = f"From about {start} to about {end} labels" if index else f"With fewer than about {end} labels"
        return where + (self._boundary(regimes[index + 1]) if boundary else "")

    def _before_range(self, leader: str) -> list[str]:
        """Say over whom a strategy's lead grows from the smallest size on, so that it may be lost below."""
        others = [
            name(row["b"] if row["a"] == leader else row["a"])
            for row in self._results["crossovers"]
            if row["kind"] == "before_range"
            and row["ahead_before"] == leader
            and {row["a"], row["b"]} <= set(self._own)
        ]
        if not others:
            return []
        return [f"If {joined(others, 'or')} is ever ahead of it, it is with fewer than {self._sizes[0]:,} labels."]

    def _boundary(self, regime: Regime) -> str:
        if regime.crossover is None:
            return ""
        low, high = regime.crossover["ci_low"], regime.crossover["ci_high"]
        return f" ({interval_words(low, high, self._rules.level, self._sizes[0], self._sizes[-1])})"

    def _shown(self, regime: Regime) -> bool:
        return any(
            self._contrasts.lead(regime.strategy, other, size)["ahead"]
            for other in self._own
            for size in regime.sizes
            if other != regime.strategy
        )

    def _evidence(self, regime: Regime) -> str:
        """Say where in its stretch a strategy leads each other one by most, and whom it is level with."""
        parts = []
        level: dict[str, list[str]] = {phrase: [] for phrase in _UNSHOWN.values()}
        for other in (s for s in self._own if s != regime.strategy):
            leads = [(size, self._contrasts.lead(regime.strategy, other, size)) for size in regime.sizes]
            ahead = [(size, lead) for size, lead in leads if lead["ahead"]]
            if ahead:
                size, lead = max(ahead, key=lambda pair: float(pair[1]["difference"]))
                interval = f"{100 * self._rules.level:g} % interval {points_range(lead['low'], lead['high'])}"
                parts.append(f"{points(lead['difference'])} points over {name(other)} at {size:,} labels ({interval})")
            for word, phrase in _UNSHOWN.items():
                sizes = [
                    size for size, lead in leads if lead["row"]["verdict"] == word and lead["difference"] is not None
                ]
                if sizes:
                    level[phrase].append(f"{name(other)} {sizes_words(sizes, self._sizes)}")
        text = joined(parts) if parts else "no difference has been shown there"
        for phrase, where in level.items():
            if where:
                text += f"; it {phrase} {joined(where)}"
        return text

    def _alone(self, strategy: str) -> str:
        rows = [
            self._scores[strategy, size] for size in self._sizes if self._scores[strategy, size]["mean"] is not None
        ]
        first, last = rows[0], rows[-1]
        return (
            f"Only {name(strategy)} was run: it goes from {percent(first['mean'])} with {first['train_size']:,} labels "
            f"to {percent(last['mean'])} with {last['train_size']:,}."
        )

    def _nothing_shown(self) -> str:
        names = joined([name(strategy) for strategy in self._own])
        return (
            f"Between {self._sizes[0]:,} and {self._sizes[-1]:,} labels no difference between {names} has been shown; "
            f"take the one that costs least."
        )

    # --- controls ---------------------------------------------------------------------------------------------

    def _winning_control(self) -> list[str]:
        """Say it first if a control beats everything at every size."""
        for control in self._measurements.controls:
            places, leads = self._places(control)
            if leads and len(places["ahead"]) == len(self._sizes):
                return [f"Use none of the embedding strategies but {name(control)}, which beats all of them."]
        return []

    def _places(self, control: str) -> tuple[dict[str, list[int]], dict[int, dict[str, Any]]]:
        """Return where a control stands to the best strategy at each size, and by how much it leads it."""
        places: dict[str, list[int]] = {"ahead": [], "equivalent": [], "undecided": [], "behind": []}
        leads = {}
        for size in self._sizes:
            best = self._best(size)
            if best is None or self._scores[control, size]["mean"] is None:
                continue
            lead = self._contrasts.lead(control, best, size)
            if lead["difference"] is None:
                continue
            place = "ahead" if lead["ahead"] else "behind" if lead["behind"] else lead["row"]["verdict"]
            places[place].append(size)
            leads[size] = lead | {"best": best}
        return places, leads

    def _control(self, control: str) -> list[str]:
        """Say where a control wins, is level with the best, or is behind."""
        places, leads = self._places(control)
        parts = []
        if places["ahead"]:
            size = max(places["ahead"], key=lambda s: float(leads[s]["difference"]))
            where = sizes_words(places["ahead"], self._sizes)
            parts.append(f"beats all of them {where} ({self._compared(leads[size], size, len(places['ahead']))})")
        for word, phrase in _UNSHOWN.items():
            if places[word]:
                parts.append(f"{phrase} the best of them {sizes_words(places[word], self._sizes)}")
        if places["behind"]:
            size = min(places["behind"], key=lambda s: float(leads[s]["difference"]))
            where = sizes_words(places["behind"], self._sizes)
            parts.append(
                f"is behind the best of them {where} ({self._compared(leads[size], size, len(places['behind']))})"
            )
        return [f"The control {name(control)} {joined(parts)}."] if parts else []

    def _compared(self, lead: dict[str, Any], size: int, sizes: int) -> str:
        where = f"at {size:,} " if sizes > 1 else ""
        interval = points_range(lead["low"], lead["high"])
        return f"{where}{points(lead['difference'])} points against {name(lead['best'])}, {interval}"

    def _other_crossovers(self) -> list[str]:
        """Tell the crossovers that the advice has not used, where both sides of them have been shown."""
        used = [regime.crossover for regime in self.regimes()]
        sentences = []
        for row in self._results["crossovers"]:
            if row["kind"] != "crossing" or row in used or not {row["a"], row["b"]} <= set(self._own):
                continue
            before, after = row["ahead_before"], row["ahead_after"]
            leads = [(size, self._contrasts.lead(after, before, size)) for size in self._sizes]
            lost = any(lead["behind"] for size, lead in leads if size < row["estimate"])
            won = any(lead["ahead"] for size, lead in leads if size > row["estimate"])
            if lost and won:
                ends = interval_words(row["ci_low"], row["ci_high"], self._rules.level, self._sizes[0], self._sizes[-1])
                where = f"at about {labels(row['estimate'])} labels ({ends})"
                sentences.append(f"{capital(name(after))} passes {name(before)} {where}.")
        return sentences

    # --- labels saved -----------------------------------------------------------------------------------------

    def _labels_saved(self) -> list[str]:
        """Put the largest shown lead over learning from scratch into labels."""
        best = None
        for row in self._results["label_equivalence"]:
            if row["b"] != "random" or row["a"] in CONTROLS or row["ratio_low"] is None or row["ratio_low"] <= 1:
                continue
            if best is None or row["ratio_low"] > best["ratio_low"]:
                best = row
        if best is None:
            return []
        level = f"{100 * self._rules.level:g} % interval"
        ends = (
            f"{level}: {best['ratio_low']:.2g} to {best['ratio_high']:.2g}"
            if best["ratio_high"]
            else (f"{level}: {best['ratio_low']:.2g} or more")
        )
        times = best["ratio_text"].removesuffix("x")
        if best["censored"] == "above":
            times = f"more than {times.removeprefix('>')}"
        saved = "" if best["saved"] is None else f", which saves about {labels(best['saved'])} labels"
        return [
            f"At {best['train_size']:,} labels {name(best['a'])} does as well as learning from scratch with {times} "
            f"times as many ({ends}){saved}."
        ]

    # --- caveats ----------------------------------------------------------------------------------------------

    def _protocol(self) -> list[str]:
        if not {"frozen", "finetuned"} <= set(self._own):
            return []
        sizes = [size for size in self._sizes if self._contrasts.lead("finetuned", "frozen", size)["behind"]]
        if not sizes:
            return []
        worse = f"fine-tuning does worse than leaving word2vec frozen {sizes_words(sizes, self._sizes)}; "
        if self._draws:
            return [
                f"Tuned with {self._draws} draws {worse}since fine-tuning at a rate of zero is freezing, that is a "
                "fact about the draws and about choosing on few labels."
            ]
        return [
            f"With this protocol {worse}since fine-tuning at a rate of zero is freezing, that is a fact about the "
            "protocol."
        ]

    def _undecided(self) -> list[str]:
        rows = [row for row in self._results["contrasts"] if row["planned"] and row["verdict"] == "undecided"]
        sentences = []
        for row in rows[:_MOST_UNDECIDED]:
            pair = f"{name(row['a'])} against {name(row['b'])} at {row['train_size']:,} labels"
            if row["ci_low"] is None:
                sentences.append(f"Undecided: {pair}, because fewer than 2 seeds have both.")
                continue
            interval = points_range(row["ci_low"], row["ci_high"])
            reason = row["decide"]["reason"] if row["decide"] else ""
            sentences.append(f"Undecided: {pair} ({points(row['difference'])} points, {interval}): {reason}.")
        if len(rows) > _MOST_UNDECIDED:
            sentences.append(f"{len(rows) - _MOST_UNDECIDED} more of the planned contrasts are undecided.")
        return [capital(sentence) for sentence in sentences]

    def _scope(self) -> str:
        fixed = "word2vec and the pool of texts are" if self._measurements.word2vec_fixed else "the pool of texts is"
        text = (
            f"The intervals hold for new seeds and new texts of the same kind ({len(self._measurements.seeds)} seeds, "
            f"{self._measurements.texts:,} test texts); {fixed} held fixed."
        )
        if self._sizes[-1] == self._measurements.pool_size:
            text += (
                f" At {self._sizes[-1]:,} labels, the whole pool, all seeds share every label: there the intervals "
                "cover initialisation and batch order, but no other choice of labels."
            )
        return text
