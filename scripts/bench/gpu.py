#!/usr/bin/env python
"""Cells trained together against one by one, on the GPU if there is one: what a group is worth.

Synthetic Zipf text as in `growth.py`: 240 tokens a text, a vocabulary of 50,000, rows of 100 numbers, a head of 64,
batches of 32. In every round each contestant trains the same cells anew; the table shows the median and the spread.

    one by one        each cell is a group of its own
    together          all cells are one group: what `training.device=cuda` does
    compiled          the engine of the CPU, one cell after the other, on one core: what `training.device=cpu` does
    ..., whole        with what comes before training (drawing rows and batches) and after it (classifying as many texts
                      as were learned from), on one core of the CPU in both cases

On a machine with a GPU the table is made for it and for the CPU, and the `cost` part of `embexp lookup` follows, which
measures lookups against one-hot multiplication there. Without a GPU only the CPU's one core is measured; that says
nothing of a GPU.

    scripts/bench/gpu.py --json docs/bench/gpu.json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import growth  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from embexp.bags import Bags  # noqa: E402
from embexp.classify.batches import batch_order  # noqa: E402
from embexp.classify.model import build_model, predict_classes  # noqa: E402
from embexp.classify.strategies import random_matrix  # noqa: E402
from embexp.classify.together import Learner, train_together  # noqa: E402
from embexp.classify.training import train  # noqa: E402
from embexp.config import ClassifierConfig, TrainingConfig  # noqa: E402
from embexp.results import environment  # noqa: E402

VOCABULARY, VECTOR_SIZE = 50_000, 100
CLASSIFIER, TRAINING = ClassifierConfig(), TrainingConfig()
Row = dict[str, Any]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=2_000)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--cells", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    devices = ["cuda", "cpu"] if torch.cuda.is_available() else ["cpu"]
    rows = [
        measure(device, cells, arguments.texts, arguments.steps, arguments.rounds)
        for device in devices
        for cells in arguments.cells
    ]
    show(rows)
    gpu = torch.cuda.get_device_name(0) if "cuda" in devices else None
    machine = environment() | {"date": time.strftime("%Y-%m-%d"), "gpu": gpu, "torch_cuda": torch.version.cuda}
    content = {"machine": machine, "rows": rows, "lookup_cost": lookup_cost() if "cuda" in devices else None}
    if arguments.json:
        arguments.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


def make_learners(cells: int, bags: Bags, steps: int) -> list[Learner]:
    """Return cells of different seeds over the same texts, each with rows of its own."""
    learners = []
    for seed in range(cells):
        labels = np.random.default_rng(seed).integers(0, growth.CLASSES, len(bags))
        model = build_model(CLASSIFIER, random_matrix(VOCABULARY, VECTOR_SIZE, 0.1, seed), growth.CLASSES, seed)
        batches = batch_order(len(bags), TRAINING.batch_size, steps, seed)
        learners.append(Learner(model, bags, labels, batches, train_rows=True))
    return learners


def measure(device: str, cells: int, texts: int, steps: int, rounds: int) -> Row:
    """Let the contestants train in turn, round after round."""
    bags = growth.zipf_bags(texts, VOCABULARY)

    def one_by_one(learners: list[Learner]) -> None:
        for learner in learners:
            train_together([learner], TRAINING, device)

    def together(learners: list[Learner]) -> None:
        train_together(learners, TRAINING, device)

    contestants = {
        "one by one": (one_by_one, False),
        "together": (together, False),
        "compiled": (compiled, False),
        "together, whole": (together, True),
        "compiled, whole": (compiled, True),
    }

    def seconds_of(name: str) -> float:
        action, whole = contestants[name]
        begun = time.perf_counter()
        learners = make_learners(cells, bags, steps)
        started = begun if whole else time.perf_counter()
        action(learners)
        if whole:
            for learner in learners:
                predict_classes(learner.model, bags)
        return time.perf_counter() - started

    seconds_of("together")  # wakes the device and everything behind it
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds):
        for name in contestants:
            found[name].append(seconds_of(name))
        print(f"{device}, {cells} cells: round {number + 1}", file=sys.stderr)
    ratios = [alone / group for alone, group in zip(found["one by one"], found["together"], strict=True)]
    return {
        "device": device,
        "cells": cells,
        "texts": texts,
        "steps": steps,
        "training_tokens": cells * steps * TRAINING.batch_size * growth.TOKENS,
        "seconds": {name: statistics.median(values) for name, values in found.items()},
        "one_by_one_by_together": [min(ratios), statistics.median(ratios), max(ratios)],
    }


def compiled(learners: list[Learner]) -> None:
    """Train in the compiled loop."""
    for learner in learners:
        train(learner.model, learner.labelled, learner.labels, learner.batches, TRAINING, learner.train_rows)


def show(rows: list[Row]) -> None:
    """Print millions of training tokens per second, and how often faster a group is."""
    names = list(rows[0]["seconds"])
    print("millions of training tokens per second")
    print(f"{'device':8s}{'cells':>6s}{''.join(f'{name:>17s}' for name in names)}{'together is (min-max)':>24s}")
    for row in rows:
        rates = [row["training_tokens"] / seconds / 1e6 for seconds in row["seconds"].values()]
        low, middle, high = row["one_by_one_by_together"]
        times = f"{middle:.2f} x ({low:.2f}-{high:.2f})"
        print(f"{row['device']:8s}{row['cells']:>6d}{''.join(f'{rate:>17.2f}' for rate in rates)}{times:>24s}")


def lookup_cost() -> object:
    """Run the part of the lookup lab that measures cost, on the CPU and the GPU; print what it finds."""
    from embexp.labs.lookup.cost import run_cost

    part = run_cost(full=False, say=lambda text: print(text, file=sys.stderr))
    print("\n".join(part.found))
    return part.found


if __name__ == "__main__":
    sys.exit(main())
