#!/usr/bin/env python
"""How should random rows start? Validation accuracy of `random` by the kind and scale of its first rows.

Each row is one study on `dataset.evaluate=validation` through the plan, engine and store of `embexp run`. The table
shows means over seeds in percent, and the largest difference to the default in points.

    scripts/bench/initial_rows.py --dataset bbc_news --dataset rotten_tomatoes --json results/evidence/initial_rows.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

from embexp.command.compose import compose_study
from embexp.engine.executors import open_executor
from embexp.engine.scheduler import carry_out
from embexp.engine.store import Store
from embexp.running import plan_study
from embexp.study import PRELOAD

DEFAULT = "uniform 0.1"
STARTS = (
    DEFAULT,
    *("uniform 0.01", "uniform 0.03", "uniform 0.25", "uniform 0.5"),
    *("normal 0.01", "normal 0.06", "normal 0.15", "normal 0.5"),
)


def main() -> int:
    """Measure every start on every data set and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", action="append", default=[])
    parser.add_argument("--starts", nargs="*", default=STARTS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--store", type=Path, default=Path(".embexp/initial_rows"))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found: dict[str, dict[str, dict[int, float]]] = {}
    for dataset in arguments.dataset or ["bbc_news"]:
        rows = found[dataset] = {start: measure(dataset, start, arguments) for start in arguments.starts}
        print(f"\n{dataset}, mean of {arguments.seeds} seeds")
        print(f"{'rows start as':16}" + "".join(f"{size:>9,}" for size in rows[DEFAULT]) + f"{'largest':>10}")
        for start, scores in rows.items():
            largest = max((scores[size] - rows[DEFAULT][size] for size in scores), key=abs)
            print(
                f"{start:16}" + "".join(f"{score:9.2f}" for score in scores.values()) + f"{largest:+10.2f}", flush=True
            )
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        content = {"seeds": arguments.seeds, "evaluate": "validation", "accuracy": found}
        arguments.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


def measure(dataset: str, start: str, arguments: argparse.Namespace) -> dict[int, float]:
    """Return the mean validation accuracy of `random` in percent by train size."""
    kind, scale = start.split()
    config = compose_study(
        [
            f"dataset={dataset}",
            "dataset.evaluate=validation",
            "grid.strategies=[random]",
            "grid.controls=[]",
            f"grid.seeds={arguments.seeds}",
            "tracking=none",
            f"store={arguments.store}",
            f"classifier.initial={kind}",
            f"classifier.initial_scale={scale}",
        ]
    )
    plan, store = plan_study(config), Store(Path(config.store))
    with open_executor(config.executor, PRELOAD) as executor:
        outcome = carry_out(plan.tasks, store, executor)
    if not outcome.complete:
        raise SystemExit("some cells are missing; start the same command again")
    scores: dict[int, list[float]] = {}
    for cell in plan.cells:
        accuracy = store.read_record(cell.task.fingerprint)["test_accuracy"]
        scores.setdefault(cell.train_size, []).append(100 * accuracy)
    return {size: round(statistics.mean(values), 2) for size, values in scores.items()}


if __name__ == "__main__":
    sys.exit(main())
