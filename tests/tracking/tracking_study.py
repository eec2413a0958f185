"""A small study to track, and a plain reader of what MLflow's SQLite file holds of it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embexp.tracking import CellRecord, StudyInfo
from embexp.tracking.serve import Server

SIZES = (100, 1000)
STRATEGIES = ("random", "frozen", "tfidf")
MEANS = {"random": (0.71, 0.83), "frozen": (0.79, 0.83), "tfidf": (0.60, 0.84)}


def make_study(tmp_path: Path, name: str = "small", fingerprint: str = "") -> StudyInfo:
    """Describe a study."""
    return StudyInfo(
        name=name,
        dataset="movie_reviews",
        fingerprint=fingerprint or hashlib.sha256(name.encode()).hexdigest(),
        command=f"embexp name={name}",
        config={"training": {"batch_size": 32}, "grid": {"seeds": 2}},
        output=tmp_path / "output",
    )


def make_cells(seeds: int = 2, began: float = 1_700_000_000.0) -> list[CellRecord]:
    """Make the cells of a grid of SIZES, with a history of three points each; trained one after the other."""
    return [
        CellRecord(
            strategy=strategy,
            train_size=size,
            seed=seed,
            fingerprint=hashlib.sha256(f"{strategy}/{size}/{seed}".encode()).hexdigest(),
            params={"steps": 800},
            metrics={"test_accuracy": MEANS[strategy][place] + seed / 100, "train_seconds": 1.5, "absent": None},
            history=[{"step": step, "train_loss": 0.7 - step / 1000} for step in (100, 200, 300)],
            started=began + seed,
            ended=began + seed + 1.5,
        )
        for strategy in STRATEGIES
        for place, size in enumerate(SIZES)
        for seed in range(seeds)
    ]


def make_results(shift: float = 0.0) -> dict[str, Any]:
    """Make the part of results.json that MLflow is told."""
    curves = [
        {
            "strategy": strategy,
            "train_size": size,
            "mean": MEANS[strategy][place] + shift,
            "ci_low": MEANS[strategy][place] + shift - 0.01,
            "ci_high": MEANS[strategy][place] + shift + 0.01,
            "n": 2,
        }
        for strategy in STRATEGIES
        for place, size in enumerate(SIZES)
    ]
    pair = {"a": "frozen", "b": "random"}
    return {
        "study": {"name": "small", "cells_failed": 0},
        "verdict": ["Below about 900 labels frozen word2vec beats learning from scratch."],
        "curves": curves,
        "crossovers": [pair | {"kind": "crossing", "estimate": 930.0, "ci_low": 700.0, "ci_high": None}],
        "label_equivalence": [
            pair | {"train_size": 100, "ratio": 3.0, "ratio_low": 2.0, "ratio_high": 4.5},
            pair | {"train_size": 1000, "ratio": None, "ratio_low": None, "ratio_high": None},
        ],
        "dataset": {"name": "movie_reviews", "source": "movie-reviews 0.0.2", "digests": {"pool": "ab", "test": "cd"}},
    }


def make_folder(tmp_path: Path) -> Path:
    """Make a study's folder with a report, a figure and results.json."""
    folder = tmp_path / "output"
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text("<h1>Report</h1>", encoding="utf-8")
    (folder / "figures" / "learning_curves.svg").write_text("<svg/>", encoding="utf-8")
    (folder / "results.json").write_text(json.dumps(make_results()), encoding="utf-8")
    return folder


@dataclass
class StoredRun:
    """A run as the database holds it."""

    run_id: str
    name: str
    status: str
    start: int
    end: int | None
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, list[tuple[int, float]]] = field(default_factory=dict)  # (step, value), as logged

    @property
    def parent(self) -> str | None:
        """The run it is nested under."""
        return self.tags.get("mlflow.parentRunId")


@dataclass(frozen=True)
class Served:
    """A tracking server and the database behind it."""

    server: Server
    database: Path

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.url

    def runs_of(self, study: StudyInfo) -> list[StoredRun]:
        """Read the runs of one study."""
        return [run for run in read_runs(self.database) if run.tags.get("embexp.study") == study.fingerprint]


def read_runs(database: Path) -> list[StoredRun]:
    """Read the active runs of all experiments with plain SQL."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT run_uuid, name, status, start_time, end_time FROM runs WHERE lifecycle_stage = 'active'"
        )
        runs = {row[0]: StoredRun(*row) for row in rows}
        for kind in ("tags", "params"):
            for run_id, key, value in connection.execute(f"SELECT run_uuid, key, value FROM {kind}"):  # noqa: S608
                if run_id in runs:
                    getattr(runs[run_id], kind)[key] = value
        for run_id, key, step, value in connection.execute(
            "SELECT run_uuid, key, step, value FROM metrics ORDER BY step, timestamp"
        ):
            if run_id in runs:
                runs[run_id].metrics.setdefault(key, []).append((step, value))
    return list(runs.values())


def fingerprints(runs: list[StoredRun]) -> list[str]:
    """Give the fingerprint of every cell run, doubles included, in order."""
    return sorted(run.tags["embexp.fingerprint"] for run in runs if run.tags.get("embexp.role") == "cell")


def expected_fingerprints(cells: list[CellRecord]) -> list[str]:
    """Give what `fingerprints` must be."""
    return sorted(cell.fingerprint for cell in cells)
