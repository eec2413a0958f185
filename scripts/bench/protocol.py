#!/usr/bin/env python
"""Search the training protocol on validation texts: how much does each setting move each strategy at each size?

Each setting is one study on `dataset.evaluate=validation` (the test texts are not even written), carried out
through the same plan, engine and store as `embexp run`, so an interrupted search goes on where it stopped. Prints a
table of mean accuracy in percent and, for every strategy and size, what the default loses to the best of the search.

    scripts/bench/protocol.py --json results/protocol.json
    scripts/bench/protocol.py training.learning_rate=0.003 "training.budget.passes=4 training.batch_size=64"
    scripts/bench/protocol.py --draws 16 --dataset trec --json results/evidence/protocol_search_trec.json -- \
        dataset=csv dataset.name=trec dataset.train=trec/train.csv dataset.test=trec/test.csv

With --draws the settings are drawn at random from the ranges of tuning=random, both rates and the budget at once, and
the words behind `--` go to every study; with more than two classes rates and budget are fitted to them like the default
(embexp.protocol). The best of several means is too high by chance, so the search is also split in
half: what wins on one half of the seeds is held against the default on the other half (`honest`).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

from embexp.classify.draws import draws_of
from embexp.command.compose import compose_study
from embexp.config import BudgetConfig, TuningConfig
from embexp.engine.events import Event
from embexp.engine.executors import open_executor
from embexp.engine.scheduler import carry_out
from embexp.engine.store import Store
from embexp.running import plan_study
from embexp.study import PRELOAD

ONE_AT_A_TIME = {
    "training.learning_rate": (0.001, 0.002, 0.003, 0.004, 0.006),
    "training.embedding_learning_rate": (0.1, 0.2, 0.4, 0.6, 1.0),
    "training.budget.min_steps": (50, 100, 150, 200, 400),
    "training.budget.passes": (1, 1.5, 2, 2.5, 3, 4),
    "training.schedule": ("constant",),
    "training.batch_size": (16, 64),
    "training.weight_decay": (0.3, 1, 3),
    "classifier.hidden_size": (32, 128),
}


def main() -> int:
    """Run the search and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", help="settings to try instead of the built-in list")
    parser.add_argument("--dataset", default="movie_reviews")
    parser.add_argument("--draws", type=int, default=0, help="joint random settings in place of the built-in list")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--store", type=Path, default=Path(".embexp/protocol"))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    always = arguments.settings if arguments.draws else []
    settings = [] if arguments.draws else arguments.settings
    if not settings:
        settings = drawn(arguments.draws) if arguments.draws else one_at_a_time()
    scores, rows = {}, {}
    for setting in ["", *settings]:
        scores[setting] = measure([*always, *setting.split()], arguments)
        rows[setting] = means(scores[setting])
        show(setting or "default", rows[setting])
        losses, honest = compare(rows), compare_by_halves(scores)
        if arguments.json:  # after each setting, so that a search that is cut short has left what it found
            content = {"dataset": arguments.dataset, "seeds": arguments.seeds, "rows": rows}
            content |= {"losses": losses, "honest": honest}
            arguments.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    for strategy in losses:
        print(f"default loses to the best of the search, {strategy}: ", losses[strategy], "honest:", honest[strategy])
    return 0


def one_at_a_time() -> list[str]:
    """Return the built-in settings."""
    return [f"{key}={value}" for key, values in ONE_AT_A_TIME.items() for value in values]


def drawn(draws: int) -> list[str]:
    """Return settings drawn at random: both rates and the budget at once, in the ranges of tuning=random."""
    usual = BudgetConfig()
    return [
        f"training.learning_rate={draw['learning_rate']} "
        f"training.embedding_learning_rate={draw['embedding_learning_rate']} "
        f"training.budget.min_steps={round(usual.min_steps * draw['budget_factor'])} "
        f"training.budget.passes={usual.passes * draw['budget_factor']:.4g}"
        for draw in draws_of("random", TuningConfig(kind="random", draws=draws), seed=0)
    ]


Scores = dict[str, dict[int, list[float]]]


def measure(setting: list[str], arguments: argparse.Namespace) -> Scores:
    """Return validation accuracies in percent by strategy and train size, one for each seed."""
    config = compose_study(
        [
            *([] if any(word.startswith("dataset=") for word in setting) else [f"dataset={arguments.dataset}"]),
            "dataset.evaluate=validation",
            "grid.controls=[]",
            "tracking=none",
            f"grid.seeds={arguments.seeds}",
            f"store={arguments.store}",
            *setting,
        ]
    )
    plan, store = plan_study(config), Store(Path(config.store))
    with open_executor(config.executor, PRELOAD) as executor:
        outcome = carry_out(plan.tasks, store, executor, on_event=complain)
    if not outcome.complete:
        raise SystemExit("some cells are missing; start the same command again")
    scores: Scores = {}
    for cell in plan.cells:
        accuracy = store.read_record(cell.task.fingerprint)["test_accuracy"]
        scores.setdefault(cell.strategy, {}).setdefault(cell.train_size, []).append(100 * accuracy)
    return scores


def means(scores: Scores) -> dict[str, dict[int, float]]:
    """Return the mean over seeds."""
    return {
        strategy: {size: round(statistics.mean(values), 2) for size, values in sizes.items()}
        for strategy, sizes in scores.items()
    }


def complain(event: Event) -> None:
    """Say what went wrong."""
    if event.kind in ("failed", "blocked"):
        print(event.task, event.reason, file=sys.stderr)


def show(setting: str, row: dict[str, dict[int, float]]) -> None:
    """Print one line for each setting."""
    cells = (f"{strategy} " + " ".join(f"{value:5.1f}" for value in row[strategy].values()) for strategy in row)
    print(f"{setting:42s} | " + " | ".join(cells), flush=True)


def compare(rows: dict[str, dict[str, dict[int, float]]]) -> dict[str, dict[int, float]]:
    """Return how many points the default lies below the best setting, by strategy and size."""
    return {
        strategy: {
            size: round(max(row[strategy][size] for row in rows.values()) - accuracy, 2)
            for size, accuracy in rows[""][strategy].items()
        }
        for strategy in rows[""]
    }


def compare_by_halves(scores: dict[str, Scores]) -> dict[str, dict[int, float]]:
    """Return the same without the luck of the best: it is picked on half of the seeds, held against on the other.

    Mean of both directions; with one seed it is the plain loss.
    """
    found: dict[str, dict[int, float]] = {}
    for strategy, sizes in scores[""].items():
        found[strategy] = {}
        for size, usual in sizes.items():
            halves = (slice(0, None, 2), slice(1, None, 2)) if len(usual) > 1 else (slice(None), slice(None))
            gains = []
            for picking, judging in (halves, halves[::-1]):
                best = max(scores, key=lambda each: statistics.mean(scores[each][strategy][size][picking]))
                gains.append(statistics.mean(scores[best][strategy][size][judging]) - statistics.mean(usual[judging]))
            found[strategy][size] = round(statistics.mean(gains), 2)
    return found


if __name__ == "__main__":
    sys.exit(main())
