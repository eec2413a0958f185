"""A study small enough for tests: two classes of made-up reviews in a CSV file."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from embexp.config import (
    BudgetConfig,
    DatasetConfig,
    ExecutorConfig,
    GridConfig,
    StudyConfig,
    TextConfig,
    TrackingConfig,
    TrainingConfig,
    Word2VecConfig,
)
from embexp.engine.store import Store
from embexp.running import plan_study

GOOD, BAD = ["fine", "lovely", "superb", "warm"], ["dull", "awful", "flat", "weak"]
COMMON = [f"word{number}" for number in range(40)]


def write_reviews(path: Path, texts: int = 150, seed: int = 0) -> Path:
    """Write a CSV file of reviews whose class shows in about one word of six."""
    rng = np.random.default_rng(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(texts):
            positive = number % 2
            words = list(rng.choice(COMMON, rng.integers(5, 25)))
            words += list(rng.choice(GOOD if positive else BAD, rng.integers(1, 4)))
            words += list(rng.choice(BAD if positive else GOOD, rng.integers(0, 2)))
            rng.shuffle(words)
            writer.writerow([" ".join(words), "good" if positive else "bad"])
    return path


def tiny_study(folder: Path, **changes) -> StudyConfig:
    """Return a study of 20 cells on such a file, everything inside `folder`."""
    reviews = folder / "reviews.csv"
    if not reviews.exists():
        write_reviews(reviews)
    settings = {
        "name": "tiny",
        "store": str(folder / "store"),
        "output": str(folder / "outputs"),
        "dataset": DatasetConfig(name="reviews", source="csv", train=str(reviews)),
        "text": TextConfig(min_count=1),
        "word2vec": Word2VecConfig(vector_size=8, min_count=1, epochs=2),
        "training": TrainingConfig(budget=BudgetConfig(min_steps=20, passes=1)),
        "grid": GridConfig(train_sizes=[10, 30], seeds=2),
        "executor": ExecutorConfig(kind="serial"),
        "tracking": TrackingConfig(kind="none"),
    }
    return StudyConfig(**(settings | changes))


def cell_bytes(config) -> dict[str, bytes]:
    """Return all bytes that the cells of a study left in the store, by title."""
    store = Store(Path(config.store))
    return {
        cell.task.title: b"".join(
            (store.path(cell.task.fingerprint) / name).read_bytes() for name in ("record.json", "predictions.npy")
        )
        for cell in plan_study(config).cells
    }
