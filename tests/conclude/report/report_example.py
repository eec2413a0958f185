"""The content of a results.json, made up from planted curves, in the form that a study writes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

from embexp.conclude.conclusions import conclude
from embexp.conclude.measurements import Measurements
from embexp.conclude.report import ReportPaths
from embexp.conclude.simulation import CURVES, TRAIN_SIZES, plant, simulate_measurements

SIZES = TRAIN_SIZES
PLANNED = ("random", "frozen", "finetuned")


@dataclass(frozen=True)
class Report:
    """A report and the results it was made from."""

    results: dict[str, Any]
    paths: ReportPaths


def make_results(
    seeds: int = 10,
    curves: Mapping[str, tuple[float, ...]] | None = None,
    sizes: tuple[int, ...] = SIZES,
    missing: tuple[tuple[str, int, int], ...] = (),
) -> dict[str, Any]:
    """Return a complete study drawn from the planted curves; the same arguments, the same study.

    Args:
        seeds: Number of seeds.
        curves: True accuracies at SIZES, by strategy.
        sizes: Those of SIZES that are measured.
        missing: Cells (strategy, train size, seed) that failed.
    """
    curves = curves or CURVES
    curves = {name: tuple(at[SIZES.index(size)] for size in sizes) for name, at in curves.items()}
    measurements = _measure(tuple(curves.items()), sizes, seeds, missing)
    return {
        "schema_version": 1,
        "study": {
            "name": "main",
            "dataset": "movie_reviews",
            "fingerprint": "3f9c1a7be0d24c58a1",
            "wall_seconds": 498.2,
            "cells_done": int(measurements.present.sum()),
            "cells_cached": 0,
            "cells_failed": len(missing),
            "evaluated_on": "test",
        },
        "cells": _cells(measurements),
        **deepcopy(_conclude(tuple(curves.items()), sizes, seeds, missing)),
        **_background(curves, sizes, seeds),
        "failures": [
            {"title": f"{name}, {size} labels, seed {seed}", "reason": "killed by signal 9"}
            for name, size, seed in missing
        ],
    }


@cache
def _measure(
    curves: tuple[tuple[str, tuple[float, ...]], ...],
    sizes: tuple[int, ...],
    seeds: int,
    missing: tuple[tuple[str, int, int], ...],
) -> Measurements:
    return simulate_measurements(1, plant(dict(curves), sizes), seeds=seeds, texts=5000, missing=missing)


@cache
def _conclude(*study: Any) -> dict[str, Any]:
    return conclude(_measure(*study))


def _cells(measurements: Measurements) -> list[dict[str, Any]]:
    accuracy = measurements.correct.mean(axis=-1)
    return [
        {
            "strategy": name,
            "train_size": size,
            "seed": seed,
            "test_accuracy": float(accuracy[s, k, seed]),
            "test_macro_f1": float(accuracy[s, k, seed]) - 0.003,
            "train_tokens": 230 * size,
            "train_seconds": round(0.3 + size / 4000 + 0.1 * s, 3),
            "cached": False,
            "fingerprint": f"{s:02x}{k:02x}{seed:04x}" + "0" * 56,
        }
        for s, name in enumerate(measurements.strategies)
        for k, size in enumerate(measurements.train_sizes)
        for seed in measurements.seeds
        if measurements.present[s, k, seed]
    ]


def _background(curves: Mapping[str, tuple[float, ...]], sizes: tuple[int, ...], seeds: int) -> dict[str, Any]:
    parameters = {"tfidf": 48_000, "frozen": 3_207_000, "random_frozen": 3_207_000}
    trained = {"tfidf": 48_000, "frozen": 6_594, "random_frozen": 6_594}
    return {
        "dataset": {
            "name": "movie_reviews",
            "origin": "package movie-reviews 0.0.2",
            "evaluate": "test",
            "digests": {"movie_reviews.csv": "9a" * 32},
            "labels": ["negative", "positive"],
            "sizes": {"pool": 20000, "test": 5000},
            "class_counts": {"pool": [10000, 10000], "test": [2500, 2500]},
            "empty_texts": {"pool": 0, "test": 0},
            "duplicates": 52,
            "texts_with_two_labels": 0,
            "overlap": 11,
            "types": 71_033,
            "vocabulary_size": 48_211,
            "min_count": 2,
            "max_tokens": 400,
            "tokens": {"pool": 5_412_380, "test": 1_338_206},
            "median_tokens": {"pool": 195.0, "test": 193.5},
            "notes": ["HTML breaks were read as blanks."],
            "warnings": [],
        },
        "word2vec": {
            "corpus": "pool",
            "vector_size": 100,
            "epochs": 5,
            "vectors": 31_996,
            "coverage": {
                "types": 0.412,
                "tokens": 0.987,
                "vocabulary_size": 48_211,
                "missing": ["schlocky", "unlikeable"],
            },
            "seconds": 96.4,
        },
        "timeline": _timeline(curves, sizes, seeds),
        "costs": [
            {
                "strategy": name,
                "train_size": size,
                "train_seconds": (0.08 if name == "tfidf" else 0.3 + 0.12 * s) + size / 6000,
                "parameters": parameters.get(name, 3_207_000),
                "trained_parameters": trained.get(name, 3_207_000),
            }
            for s, name in enumerate(curves)
            for size in sizes
        ],
        "config": {
            "name": "main",
            "dataset": {"name": "movie_reviews", "source": "movie_reviews", "split_seed": 0},
            "classifier": {"encoder": "mean_pool", "hidden_size": 64},
            "training": {"batch_size": 32, "learning_rate": 0.001},
            "grid": {
                "strategies": [name for name in curves if name in PLANNED],
                "train_sizes": list(sizes),
                "controls": ["tfidf", "random_frozen"],
            },
        },
        "environment": {
            "python": "3.11.9",
            "platform": "Linux-6.1-x86_64",
            "cores": 2,
            "versions": {"numpy": "2.4.6", "torch": "2.13.0", "gensim": "4.4.0"},
        },
        "command": "embexp experiment=main dataset=movie_reviews",
        "held_fixed": [
            "one word2vec training (seed 1) on the unlabelled pool of 20,000 texts",
            "one split into pool and test",
            "one vocabulary, one encoder (mean of token vectors), one training protocol",
        ],
    }


def _timeline(curves: Mapping[str, tuple[float, ...]], sizes: tuple[int, ...], seeds: int) -> list[dict[str, Any]]:
    start = 1_790_000_000.0
    rows = [
        {"worker": 0, "stage": "dataset", "title": "movie_reviews", "started": start, "ended": start + 9},
        {"worker": 0, "stage": "word2vec", "title": "skip-gram", "started": start + 9, "ended": start + 105},
    ]
    clocks = [start + 105, start + 9]
    for name in sorted(curves, key=lambda name: name in ("frozen", "finetuned")):
        for size, seed in itertools.product(sizes, range(seeds)):
            worker = clocks.index(min(clocks))
            seconds = 0.3 + size / 4000
            rows.append(
                {
                    "worker": worker,
                    "stage": "control" if name == "tfidf" else "cell",
                    "title": f"{name}, {size} labels, seed {seed}",
                    "started": clocks[worker],
                    "ended": clocks[worker] + seconds,
                }
            )
            clocks[worker] += seconds + 0.01
    return rows
