#!/usr/bin/env python
"""Does fine-tuning lose to frozen where every strategy tunes itself, with a row rate of zero inside the space?

Carries out the same study twice, with tuning=none and tuning=random, and prints for each train size the scores, the
paired differences with their intervals and the row rates that fine-tuning chose. Choices are made with
--evaluate validation; --evaluate test is for the one run when they are made.

    scripts/bench/tuning.py bbc_news rotten_tomatoes --json results/evidence/tuning_validation.json
    scripts/bench/tuning.py bbc_news --settings tuning.draws=64
    scripts/bench/tuning.py trec --settings dataset=csv dataset.name=trec \
        dataset.train=trec/train.csv dataset.test=trec/test.csv
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

from embexp.command.compose import compose_study
from embexp.conclude.conclusions import conclude
from embexp.engine.events import Event
from embexp.engine.executors import open_executor
from embexp.engine.scheduler import carry_out
from embexp.engine.store import Store
from embexp.results import Measured
from embexp.running import plan_study
from embexp.study import PRELOAD

OWN = {"random", "frozen", "finetuned"}
NUMBERS = ("a", "b", "train_size", "difference", "ci_low", "ci_high", "verdict")


def main() -> int:
    """Run the studies and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="+")
    parser.add_argument("--evaluate", choices=("validation", "test"), default="validation")
    parser.add_argument("--sizes", default="[100,300,1000]")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--controls", default="[]", help="such as [tfidf]; its pairs of words take long")
    parser.add_argument("--settings", nargs="*", default=[], help="further settings of both studies")
    parser.add_argument("--store", type=Path, default=Path(".embexp/tuning"))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = {}
    for dataset in arguments.datasets:
        found[dataset] = {tuning: measure(dataset, tuning, arguments) for tuning in ("none", "random")}
        show(dataset, found[dataset])
        if arguments.json:
            content = {"evaluated_on": arguments.evaluate, "seeds": arguments.seeds, "datasets": found}
            arguments.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


def measure(dataset: str, tuning: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return scores, paired differences and what was chosen, for one data set."""
    config = compose_study(
        [
            *([] if any(each.startswith("dataset=") for each in arguments.settings) else [f"dataset={dataset}"]),
            f"dataset.evaluate={arguments.evaluate}",
            f"tuning={tuning}",
            f"grid.train_sizes={arguments.sizes}",
            f"grid.seeds={arguments.seeds}",
            f"grid.controls={arguments.controls}",
            "tracking=none",
            f"store={arguments.store}",
            *(each for each in arguments.settings if tuning == "random" or not each.startswith("tuning")),
        ]
    )
    plan, store = plan_study(config), Store(Path(config.store))
    store.prepare()
    with open_executor(config.executor, PRELOAD) as executor:
        outcome = carry_out(plan.tasks, store, executor, on_event=complain)
    if not outcome.complete:
        raise SystemExit("some cells are missing; start the same command again")
    measured = Measured(plan, store, outcome)
    conclusions = conclude(measured.measurements())
    return {
        "scores": {
            f"{row['strategy']} {row['train_size']}": [row["mean"], row["ci_low"], row["ci_high"]]
            for row in conclusions["curves"]
        },
        "contrasts": [
            {key: row[key] for key in NUMBERS} for row in conclusions["contrasts"] if {row["a"], row["b"]} <= OWN
        ],
        "chosen": chosen(measured) if tuning != "none" else {},
    }


def chosen(measured: Measured) -> dict[str, Any]:
    """Return, for each strategy and size, the values that seeds chose, and their scores inside the labels."""
    found: dict[str, dict[str, list[float]]] = {}
    for cell in measured.cells:
        tuning = measured.record(cell)["tuning"]
        draw = tuning["draws"][tuning["chosen"]]
        values = found.setdefault(f"{cell.strategy} {cell.train_size}", {})
        for key, value in draw.items():
            values.setdefault(key, []).append(value)
    return found


def complain(event: Event) -> None:
    """Say what went wrong."""
    if event.kind in ("failed", "blocked") and event.task is not None:
        print(event.task.title, event.reason, file=sys.stderr)


def show(dataset: str, found: dict[str, dict[str, Any]]) -> None:
    """Print scores, differences and row rates."""
    print(f"\n{dataset}")
    for key, (mean, *_) in found["none"]["scores"].items():
        print(f"  {key:18} {100 * mean:6.2f}  tuned {100 * found['random']['scores'][key][0]:6.2f}")
    for tuning, each in found.items():
        for row in each["contrasts"]:
            ends = f"({100 * row['ci_low']:+.2f} to {100 * row['ci_high']:+.2f})"
            print(
                f"  tuning={tuning:7} {row['a']} - {row['b']} {row['train_size']:6}: "
                f"{100 * row['difference']:+.2f} {ends} {row['verdict']}"
            )
    for key, values in found["random"]["chosen"].items():
        rates = values.get("embedding_learning_rate", [])
        moved = [rate for rate in rates if rate]
        told = f"rows {statistics.median(moved):.3g}" if moved else ""
        zero = f"{len(rates) - len(moved)} of {len(rates)} at 0" if rates else ""
        heads = values.get("learning_rate", values.get("inverse_regularisation", []))
        print(f"  chosen, median of seeds: {key:18} {statistics.median(heads):.4g} {told} {zero}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
