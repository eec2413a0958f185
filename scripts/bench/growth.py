#!/usr/bin/env python
"""How training time grows: nanoseconds per training token over texts and vocabulary, on synthetic Zipf text.

Tokens follow Zipf's law in the two regimes of English, 240 to a text: probability proportional to 1 / rank up to rank
6,000, to 1 / rank^1.92 beyond it (Ferrer i Cancho and Sole 2001, "Two Regimes in the Frequency of Words and the Origins
of Complex Lexicons", on the British National Corpus). Rows of 100 numbers, a head of 64, batches of 32, default
protocol (at least 100 steps, 2.5 passes). One core; configurations take turns, round after round.

    loop     the optimiser steps alone: what each token costs
    row      the same time per row that moves: a larger vocabulary repeats itself less within a batch
    folded   the loop again, with the rare words sharing rows, so that there are no more than 10,000 of them: the same
             texts from a table that stays in the caches. What the loop takes beyond it is the table's way to memory
    cell     with all that comes before: drawing the initial rows and the batches

    scripts/bench/growth.py --json docs/bench/growth.json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402  reads the variables above

from embexp.bags import Bags  # noqa: E402
from embexp.classify.batches import batch_order, optimiser_steps  # noqa: E402
from embexp.classify.model import MeanPoolClassifier  # noqa: E402
from embexp.classify.strategies import random_matrix  # noqa: E402
from embexp.classify.training import train  # noqa: E402
from embexp.config import TrainingConfig  # noqa: E402
from embexp.results import environment  # noqa: E402

TOKENS, VECTOR_SIZE, HIDDEN_SIZE, CLASSES, SEED = 240, 100, 64, 2, 0
FOLDED = 10_000  # rows of 832 bytes
KERNEL = 6_000  # ranks of the common lexicon; beyond them words get rare faster
TRAINING = TrainingConfig()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--vocabulary", type=int, nargs="+", default=[10_000, 50_000, 500_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    problems = [(texts, size) for size in arguments.vocabulary for texts in arguments.texts]
    seconds = {problem: [] for problem in problems}
    measure(*problems[0])  # compiles
    for number in range(arguments.rounds):
        for problem in problems:
            seconds[problem].append(measure(*problem))
            print(f"round {number + 1}: {problem[0]:,} texts, {problem[1]:,} rows", file=sys.stderr)
    rows = [summarise(*problem, found) for problem, found in seconds.items()]
    show(rows)
    if arguments.json:
        content = {"machine": environment() | {"date": time.strftime("%Y-%m-%d")}, "rows": rows}
        arguments.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


def zipf_bags(texts: int, vocabulary_size: int) -> Bags:
    """Return texts of Zipf-distributed tokens as bags."""
    rng = np.random.default_rng(SEED)
    ranks = np.arange(1, vocabulary_size + 1, dtype=np.float64)
    cumulated = np.cumsum(np.where(ranks <= KERNEL, 1 / ranks, KERNEL**0.92 / ranks**1.92))
    ids = np.searchsorted(cumulated, rng.random((texts, TOKENS)) * cumulated[-1])
    ids.sort(axis=1)
    first = np.ones((texts, TOKENS), bool)
    first[:, 1:] = ids[:, 1:] != ids[:, :-1]
    starts = np.flatnonzero(first)
    counts = np.diff(starts, append=first.size).astype(np.float32)
    offsets = np.concatenate([[0], np.cumsum(first.sum(axis=1))])
    return Bags(ids.ravel()[starts].astype(np.int32), counts, offsets)


def fold(bags: Bags, rows: int) -> Bags:
    """Return the same texts over no more than so many rows: words beyond half of them share the other half."""
    own = rows // 2
    indices = np.where(bags.indices < own, bags.indices, own + bags.indices % (rows - own))
    return Bags(indices.astype(np.int32), bags.counts, bags.offsets)


def measure(texts: int, vocabulary_size: int) -> tuple[float, float, float]:
    """Train one cell and return the seconds of its loop, of all of it, and of the loop over folded rows."""
    bags = zipf_bags(texts, vocabulary_size)
    loop, cell = train_cell(bags, vocabulary_size)
    return loop, cell, train_cell(fold(bags, FOLDED), vocabulary_size)[0]


def train_cell(bags: Bags, vocabulary_size: int) -> tuple[float, float]:
    """Train on these texts and return the seconds of the loop and of all."""
    labels = np.random.default_rng(SEED + 1).integers(0, CLASSES, len(bags))
    steps = optimiser_steps(TRAINING.budget, len(bags), TRAINING.batch_size)
    started = time.perf_counter()
    matrix = random_matrix(vocabulary_size, VECTOR_SIZE, 0.1, SEED)
    model = MeanPoolClassifier(matrix, HIDDEN_SIZE, CLASSES, SEED)
    batches = batch_order(len(bags), TRAINING.batch_size, steps, SEED)
    loop = time.perf_counter()
    train(model, bags, labels, batches, TRAINING, train_rows=True)
    ended = time.perf_counter()
    return ended - loop, ended - started


def summarise(texts: int, vocabulary_size: int, found: list[tuple[float, float, float]]) -> dict[str, float]:
    """Return the medians over rounds, per training token."""
    steps = optimiser_steps(TRAINING.budget, texts, TRAINING.batch_size)
    tokens = steps * TRAINING.batch_size * TOKENS
    loops, cells, folded = zip(*found, strict=True)
    return {
        "texts": texts,
        "vocabulary_size": vocabulary_size,
        "training_tokens": tokens,
        "loop_ns_per_token": 1e9 * statistics.median(loops) / tokens,
        "loop_ns_min": 1e9 * min(loops) / tokens,
        "loop_ns_max": 1e9 * max(loops) / tokens,
        "rows_moved_per_token": moved_rows(texts, vocabulary_size),
        "folded_ns_per_token": 1e9 * statistics.median(folded) / tokens,
        "cell_seconds": statistics.median(cells),
        "cell_ns_per_token": 1e9 * statistics.median(cells) / tokens,
    }


def moved_rows(texts: int, vocabulary_size: int) -> float:
    """Return the distinct rows of a batch, per token; mean of 50 batches."""
    bags = zipf_bags(texts, vocabulary_size)
    batches = batch_order(texts, TRAINING.batch_size, 50, SEED)
    distinct = [len(np.unique(bags.select(batch).indices)) for batch in batches]
    return float(np.mean(distinct)) / (TRAINING.batch_size * TOKENS)


def show(rows: list[dict[str, float]]) -> None:
    """Print the table."""
    head = ("rows", "texts", "loop, ns/token (min-max)", "ns/row", "folded, ns/token", "cell, ns/token", "cell, s")
    widths = (9, 9, 27, 9, 18, 16, 9)
    print("".join(f"{title:>{width}s}" for title, width in zip(head, widths, strict=True)))
    for row in rows:
        loop = f"{row['loop_ns_per_token']:.1f} ({row['loop_ns_min']:.1f}-{row['loop_ns_max']:.1f})"
        per_row = row["loop_ns_per_token"] / row["rows_moved_per_token"]
        print(f"{row['vocabulary_size']:>9,}{row['texts']:>9,}{loop:>27s}{per_row:>9.0f}", end="")
        print(f"{row['folded_ns_per_token']:>18.1f}{row['cell_ns_per_token']:>16.1f}{row['cell_seconds']:>9.2f}")


if __name__ == "__main__":
    sys.exit(main())
