#!/usr/bin/env python
"""Check that the intervals of embexp cover the truth as often as they say, on studies whose truth is planted.

    scripts/bench/calibration.py                          2,000 simulations of each setting, about 30 minutes of a core
    scripts/bench/calibration.py --quick                  200 of each, about a minute and a half
    scripts/bench/calibration.py --json results.json      also writes the rates for machines

Two populations are drawn from (embexp.conclude.simulation): one in which frozen word2vec and learning from scratch
follow power laws that cross at about 550 labels, half-way between two sizes, and one in which five strategies are
equally good at every size. docs/statistics.md shows the tables and says what they mean.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from embexp.conclude.simulation import Population, plant, true_components
from embexp.conclude.statistics.contrasts import DIFFERENT, Rules, contrasts, superiority
from embexp.conclude.statistics.curves import log_size_weights
from embexp.conclude.statistics.equivalence import horizontal_distances, horizontal_gap, label_equivalence
from embexp.conclude.statistics.moments import Moments, difference_weights
from embexp.conclude.statistics.power_law import fits
from embexp.conclude.statistics.regions import find_regions

SIZES = (100, 300, 1000, 3000, 10000, 20000)
RULES = Rules()
CHUNK = 100
SHARE_OF_FITS = 0.25  # fits cost as much as all the rest
LOWEST, HIGHEST, MOST_CLAIMS = 0.92, 0.98, 0.06


@dataclass(frozen=True)
class Setting:
    """What a simulated study looks like; see embexp.conclude.simulation.Population."""

    seeds: int
    texts: int
    disagreement: float
    persistence: float
    sd_small: float
    sd_large: float

    def population(self, curves: dict[str, tuple[float, ...]]) -> Population:
        """Plant curves under this setting."""
        return plant(
            curves,
            SIZES,
            seed_sd=(self.sd_small, self.sd_large),
            disagreement=self.disagreement,
            persistence=self.persistence,
            pool_size=10**6,
        )


WORLDS = (
    (0.04, 1.0, 0.01, 0.003),
    (0.06, 0.6, 0.02, 0.003),
    (0.10, 0.2, 0.02, 0.006),
)
SETTINGS = tuple(Setting(*size, *world) for size, world in product(product((5, 10, 20), (500, 5000)), WORLDS))


def frozen_error(labels: float) -> float:
    """Return the planted error of frozen word2vec."""
    return 0.14 + 0.07 * (labels / 100) ** -0.4


def random_error(labels: float) -> float:
    """Return the planted error of learning from scratch."""
    return 0.08 + 0.176 * (labels / 100) ** -0.36


CROSSING = {
    "random": tuple(1 - random_error(size) for size in SIZES),
    "frozen": tuple(1 - frozen_error(size) for size in SIZES),
}
EQUAL = dict.fromkeys(("random", "frozen", "finetuned", "tfidf", "random_frozen"), CROSSING["random"])


class Truth:
    """What a simulated study should find; curves between the sizes are straight over log size."""

    def __init__(self, setting: Setting) -> None:
        self.population = setting.population(CROSSING)
        self.logs = np.log(SIZES)
        self.random, self.frozen = self.population.accuracy
        lead = self.random - self.frozen
        self.crossover = float(np.exp(brentq(lambda x: np.interp(x, self.logs, lead), self.logs[0], self.logs[-1])))
        self.smooth_crossover = float(brentq(lambda n: random_error(n) - frozen_error(n), 100, 20000))
        self.gap = horizontal_gap(self.logs, self.random, self.frozen)
        seed, text, rest = true_components(self.population)
        one = np.diag(
            difference_weights(len(SIZES)) @ (seed + (text + rest) / setting.texts) @ difference_weights(len(SIZES)).T
        )
        self.superiority = ndtr(lead / np.sqrt(one))

    def equivalent(self, a: str, size: int) -> float:
        """Return the labels with which the other strategy is as good as a is with `size`; 0 or inf outside."""
        own, other = (self.random, self.frozen) if a == "random" else (self.frozen, self.random)
        score = own[SIZES.index(size)]
        if score < other[0]:
            return 0.0
        return float(np.exp(np.interp(score, other, self.logs))) if score <= other[-1] else np.inf


def covers(low: float | None, high: float | None, truth: float) -> bool:
    """Return whether an interval, open where an end is None, holds the truth."""
    return (low is None or low <= truth) and (high is None or truth <= high)


def note_scores(moments: Moments, truth: Truth, note: Callable[[str, bool], None]) -> None:
    """Count the intervals of the curves and of the areas under them."""
    for index, curve in enumerate((truth.random, truth.frozen)):
        single = moments.strategy(index)
        low, high = single.estimate(np.eye(len(SIZES))).score_interval(RULES.level)
        for k in range(len(SIZES)):
            note("curve", low[k] <= curve[k] <= high[k])
        area = log_size_weights(moments.sizes)
        low, high = single.estimate(area).score_interval(RULES.level)
        note("area", low <= area @ curve <= high)


def crossing_study(truth: Truth, setting: Setting, generator: np.random.Generator) -> Counter[str]:
    """Draw one study with a crossover and count which intervals cover; `of X` counts the intervals."""
    moments = Moments(truth.population.draw(generator, setting.seeds, setting.texts))
    tally: Counter[str] = Counter()

    def note(what: str, hit: bool) -> None:
        tally[what] += bool(hit)
        tally["of " + what] += 1

    pair = moments.pair(0, 1)
    weights = difference_weights(len(SIZES))
    difference = pair.estimate(weights)
    low, high = difference.interval(RULES.level)
    chance_low, chance_high = superiority(difference, RULES.level)[1:]
    for k, size in enumerate(SIZES):
        note(f"difference at {size}", low[k] <= truth.random[k] - truth.frozen[k] <= high[k])
        note("P(A>B)", chance_low[k] <= truth.superiority[k] <= chance_high[k])
    note_scores(moments, truth, note)
    regions = find_regions(pair, weights, moments.sizes, RULES.level)
    note("crossover", regions.contains(truth.crossover))
    note("crossover of smooth curves", regions.contains(truth.smooth_crossover))
    tally["crossover closed"] += bool(regions.pieces and None not in regions.pieces[0])
    for row in label_equivalence(moments, RULES):
        exact = truth.equivalent(row["a"], row["train_size"])
        inside = "ratio" if 0 < exact < np.inf else "censored ratio"
        note(inside, covers(row["equivalent_low"], row["equivalent_high"], exact))
    row = horizontal_distances(moments, RULES)[0]
    if row["ratio_low"] is not None:
        note("horizontal distance", row["ratio_low"] <= np.exp(truth.gap) <= row["ratio_high"])
    if generator.random() > SHARE_OF_FITS:
        return tally
    for fit, error in zip(fits(moments, RULES), (random_error, frozen_error), strict=True):
        for point in (fit["forecasts"][6], fit["forecasts"][-1]):
            hit = covers(point["ci_low"], point["ci_high"], 1 - error(point["n_labels"]))
            note("forecast at 2 and 4 times", hit)
    return tally


def equal_study(population: Population, setting: Setting, generator: np.random.Generator) -> Counter[str]:
    """Draw one study in which nothing differs and count the claims that something does."""
    rows = contrasts(Moments(population.draw(generator, setting.seeds, setting.texts)), RULES)
    planned = [row for row in rows if row["planned"]]
    claims = {
        "after Holm": any(row["p_holm"] <= RULES.alpha for row in planned),
        "by word": any(row["verdict"] in DIFFERENT for row in rows),
        "by interval alone": any(row["ci_low"] > 0 or row["ci_high"] < 0 for row in planned),
        "by sign-flip Holm alone": min(row["p"] for row in planned) * len(planned) <= RULES.alpha,
    }
    tally = Counter({name: int(claim) for name, claim in claims.items()})
    tally.update({f"of {name}": 1 for name in claims})
    tally["equivalent"] = sum(row["verdict"] == "equivalent" for row in planned)
    tally["of equivalent"] = len(planned)
    return tally


def run_chunk(kind: str, index: int, chunk: int, simulations: int) -> tuple[str, int, Counter[str]]:
    """Carry out some simulations of one setting; the same chunk gives the same numbers on every machine."""
    setting = SETTINGS[index]
    generator = np.random.default_rng([len(kind), index, chunk])
    tally: Counter[str] = Counter()
    if kind == "crossing":
        truth = Truth(setting)
        for _ in range(simulations):
            tally.update(crossing_study(truth, setting, generator))
    else:
        population = setting.population(EQUAL)
        for _ in range(simulations):
            tally.update(equal_study(population, setting, generator))
    return kind, index, tally


def rates(tally: Counter[str]) -> dict[str, float]:
    """Turn counts into rates; the differences of all sizes become their lowest and highest rate."""
    found = {name[3:]: tally[name[3:]] / count for name, count in tally.items() if name.startswith("of ")}
    by_size = [found.pop(name) for name in list(found) if name.startswith("difference at")]
    return {"difference, lowest": min(by_size), "difference, highest": max(by_size), **found} if by_size else found


def outside(kind: str, found: dict[str, float]) -> list[str]:
    """Name the rates that break the promise."""
    if kind == "equal":
        return [name for name in ("after Holm", "by word") if found[name] > MOST_CLAIMS]
    promised = ("difference, lowest", "difference, highest", "crossover", "ratio")
    return [name for name in promised if not LOWEST <= found[name] <= HIGHEST]


def print_table(kind: str, results: dict[int, dict[str, float]]) -> None:
    """Print the rates of all settings in percent, in Markdown."""
    names = list(next(iter(results.values())))
    print("\n| seeds | texts | disagree | persist | seed sd |", " | ".join(names), "|")
    print("|" + "---|" * (5 + len(names)))
    for index, found in sorted(results.items()):
        s = SETTINGS[index]
        sd = f"{100 * s.sd_small:g} to {100 * s.sd_large:g}"
        cells = " | ".join(f"{100 * found[name]:.1f}" for name in names)
        print(f"| {s.seeds} | {s.texts} | {100 * s.disagreement:g} % | {s.persistence} | {sd} | {cells} |")
        for name in outside(kind, found):
            print(f"outside its promise: {name} {found[name]:.4f} in {s}", file=sys.stderr)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=2000, help="studies per setting (default 2000)")
    parser.add_argument("--quick", action="store_true", help="200 studies per setting")
    parser.add_argument("--processes", type=int, default=1, help="processes to use (default 1)")
    parser.add_argument("--kind", choices=("crossing", "equal"), help="only one of the two populations")
    parser.add_argument("--settings", type=int, nargs="*", help="only these settings, counted from 0")
    parser.add_argument("--json", type=Path, help="file for the rates")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run all simulations; exit code 1 if a rate breaks its promise."""
    options = parse(arguments)
    simulations = 200 if options.quick else options.simulations
    kinds: Iterable[str] = (options.kind,) if options.kind else ("crossing", "equal")
    chosen = range(len(SETTINGS)) if options.settings is None else options.settings
    sizes = [min(CHUNK, simulations - start) for start in range(0, simulations, CHUNK)]
    jobs = [(kind, i, chunk, size) for kind in kinds for i in chosen for chunk, size in enumerate(sizes)]
    tallies: dict[tuple[str, int], Counter[str]] = {}
    began = time.perf_counter()
    with ProcessPoolExecutor(options.processes) as pool:
        for done, (kind, index, tally) in enumerate(pool.map(run_chunk, *zip(*jobs, strict=True)), start=1):
            tallies.setdefault((kind, index), Counter()).update(tally)
            print(f"\r{done}/{len(jobs)} chunks, {time.perf_counter() - began:.0f} s", end="", file=sys.stderr)
    print(file=sys.stderr)
    broken = 0
    report = []
    for kind in kinds:
        results = {index: rates(tallies[kind, index]) for index in chosen}
        print_table(kind, results)
        broken += sum(len(outside(kind, found)) for found in results.values())
        report += [{"kind": kind, **asdict(SETTINGS[i]), "rates": found} for i, found in results.items()]
    if options.json:
        options.json.write_text(json.dumps({"simulations": simulations, "settings": report}, indent=1) + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
