"""Run a reported study again in a fresh store and hold every cell against what was reported.

`results/<preset>.json` keeps the cells, configuration and environment of the reported run. On the same processor,
platform and versions every cell must come out identical. Elsewhere floating-point sums differ in the last digit, which
training amplifies; a cell then agrees if it lies within the spread that seeds have anyway: three standard deviations
of the difference of two seeds' scores at that strategy and train size.
"""

from __future__ import annotations

import json
import math
import statistics
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from embexp.config import ExecutorConfig, StudyConfig, TrackingConfig, build
from embexp.engine.events import Listener
from embexp.errors import StudyFailed, UserError, did_you_mean

SCORES = ("test_accuracy", "test_macro_f1")
KEYS = ("strategy", "train_size", "seed")  # what every cell has
MORE_KEYS = ("fold", "word2vec_seed")  # what cells have besides, where a study has folds or several trainings
OF_THE_MACHINE = ("store", "output", "executor", "tracking")  # of the configuration
COMPARED = ("machine", "processor", "python", "versions")  # of the environment


@dataclass(frozen=True)
class Reported:
    """What was reported of a preset.

    Attributes:
        preset: Name of the experiment preset.
        cells: The scores of each cell.
        config: The configuration of the run.
        environment: Where it ran.
    """

    preset: str
    cells: list[dict[str, Any]]
    config: StudyConfig
    environment: dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """One cell, reported and now.

    Attributes:
        cell: Its strategy, train size and seed; fold and word2vec_seed where it has them.
        reported: Test accuracy as reported.
        now: Test accuracy of this run; None if the cell failed.
        tolerance: Largest difference that counts as agreement elsewhere.
        verdict: `identical`, `within tolerance`, `differs` or `missing`.
    """

    cell: dict[str, Any]
    reported: float
    now: float | None
    tolerance: float
    verdict: str


def results_folder() -> Path:
    """Return the folder of reported results: in the package when installed, at the top of a checkout."""
    here = Path(__file__).resolve().parent
    return next((folder for folder in (here / "results", here.parents[1] / "results") if folder.is_dir()), here)


def presets_of(name: str) -> list[str]:
    """Return the presets that a name stands for: those of an atlas or of one study an encoder, else itself."""
    path = results_folder() / f"{name}.json"
    content = json.loads(path.read_bytes()) if path.is_file() else {}
    return [str(preset) for preset in content.get("presets", [name])]


def words_of(name: str) -> list[str]:
    """Return the words of the command line that compose a reported study: its preset, or what its group says."""
    for path in sorted(results_folder().glob("*.json")):
        words = json.loads(path.read_bytes()).get("words", {})
        if name in words:
            return [str(word) for word in words[name]]
    return [f"experiment={name}"]


def read_reported(preset: str) -> Reported:
    """Read what was reported of a preset.

    Raises:
        UserError: If nothing was reported under that name.
    """
    known = sorted(path.stem for path in results_folder().glob("*.json"))
    if preset not in known:
        raise UserError(
            f"reproduce: nothing is reported for {preset!r}{did_you_mean(preset, known)}; there is {', '.join(known)}"
        )
    content = json.loads((results_folder() / f"{preset}.json").read_bytes())
    config = build(StudyConfig, content["config"])
    return Reported(preset, content["cells"], config, content["environment"])


def write_reported(preset: str, results: Mapping[str, Any], folder: Path) -> Path:
    """Keep a study's results as what is reported: cells, curves, conclusions, configuration, environment.

    Where the study ran and where it left its files is no part of it: there the configuration has its defaults.
    """
    usual = asdict(StudyConfig())
    kept = ("schema_version", "study", "curves", "crossovers", "label_equivalence", "contrasts", "verdict", "word2vec")
    content = {key: results[key] for key in kept} | {
        "environment": results["environment"],
        "config": results["config"] | {key: usual[key] for key in OF_THE_MACHINE},
        "cells": [identity(cell) | {key: cell[key] for key in SCORES} for cell in results["cells"]],
    }
    path = folder / f"{preset}.json"
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def reproduce(
    reported: Reported,
    listeners: Sequence[Listener] = (),
    *,
    say: Callable[[str], None] = lambda text: None,
    executor: ExecutorConfig | None = None,
    place: Path | None = None,
) -> list[Comparison]:
    """Run a reported study again, from nothing, and compare each cell.

    Args:
        reported: The study.
        listeners: Told what the engine does.
        say: Told in a few words what happens beside the tasks.
        executor: In place of the reported one.
        place: Existing folder for the fresh store, which goes away afterwards; workers on other machines must see it.

    Raises:
        StudyFailed: If a signal ended the run.
    """
    from embexp.results import environment
    from embexp.running import run_study

    with tempfile.TemporaryDirectory(prefix="embexp-reproduce-", dir=place) as scratch:
        config = replace(
            reported.config,
            store=f"{scratch}/store",
            output=f"{scratch}/outputs",
            tracking=TrackingConfig(kind="none"),
            executor=executor or reported.config.executor,
        )
        study = run_study(config, listeners, say=say)
    if study.outcome.interrupted:
        raise KeyboardInterrupt
    if study.outcome.stopped:
        raise StudyFailed(study.outcome.stopped)
    if not study.results:
        raise StudyFailed("no cell was finished; " + "; ".join(failure.reason for failure in study.outcome.failed[:3]))
    same = same_environment(reported.environment, environment())
    return compare(reported.cells, study.results["cells"], same)


def same_environment(reported: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Return whether processor, Python and versions are the same, so that every bit should be."""
    versions = [
        {name: version for name, version in side["versions"].items() if name not in ("embexp", "mlflow", "datasets")}
        for side in (reported, now)
    ]
    rest = [[side.get(key) for key in COMPARED if key != "versions"] for side in (reported, now)]
    return versions[0] == versions[1] and rest[0] == rest[1]


def compare(reported: Iterable[Mapping[str, Any]], now: Iterable[Mapping[str, Any]], same: bool) -> list[Comparison]:
    """Compare cells by what tells them apart: strategy, train size, seed, fold, training of the word vectors.

    Args:
        reported: Cells as reported.
        now: Cells of this run.
        same: Whether the environment is the reported one, so that only identical scores agree.
    """
    reported, found = list(reported), {tuple(identity(cell).items()): cell for cell in now}
    spreads = seed_spreads(reported)
    comparisons = []
    for cell in reported:
        again = found.get(tuple(identity(cell).items()))
        tolerance = 3 * math.sqrt(2) * spreads[cell["strategy"], cell["train_size"]]
        verdict = "missing"
        if again is not None:
            difference = abs(again["test_accuracy"] - cell["test_accuracy"])
            if all(again[score] == cell[score] for score in SCORES):
                verdict = "identical"
            else:
                verdict = "within tolerance" if difference <= tolerance and not same else "differs"
        accuracy = None if again is None else again["test_accuracy"]
        comparisons.append(Comparison(identity(cell), cell["test_accuracy"], accuracy, tolerance, verdict))
    return comparisons


def identity(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells a cell from the others of its study."""
    more = {key: cell[key] for key in MORE_KEYS if cell.get(key) is not None}
    return {key: cell[key] for key in KEYS} | more


def seed_spreads(cells: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], float]:
    """Return the standard deviation of test accuracy over seeds by strategy and train size; 0 for one seed.

    A strategy whose seeds agree (TF-IDF on the whole pool) borrows the least spread of the other strategies.
    """
    groups: dict[tuple[str, int], list[float]] = {}
    for cell in cells:
        groups.setdefault((cell["strategy"], cell["train_size"]), []).append(cell["test_accuracy"])
    spreads = {key: statistics.stdev(values) if len(values) > 1 else 0.0 for key, values in groups.items()}
    least = min((spread for spread in spreads.values() if spread > 0), default=0.0)
    return {key: spread or least for key, spread in spreads.items()}


def as_rows(comparisons: Iterable[Comparison]) -> list[dict[str, Any]]:
    """Return comparisons as plain rows."""
    return [asdict(comparison) for comparison in comparisons]
