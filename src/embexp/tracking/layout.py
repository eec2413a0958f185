"""How a study stands in MLflow, as plain values: names, tags, parameters and metrics of its runs.

    experiment        the study's name (or tracking.experiment)
      study run       verdict as description, crossovers and label equivalence as metrics, report as artifacts
      strategy run    one for each strategy and control, at top level: test_accuracy with step = train size
        cell run      nested: few parameters, final metrics, training history

MLflow's chart view folds nested runs away and draws a metric of the top-level runs over its steps: so the
strategy runs give the learning curves by themselves, however many cells there are.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from embexp.config import CONTROLS
from embexp.tracking.address import mask
from embexp.tracking.record import StudyInfo

TAG_FINGERPRINT = "embexp.fingerprint"
TAG_STUDY = "embexp.study"
TAG_ROLE = "embexp.role"  # study | strategy | control | cell
TAG_STRATEGY = "embexp.strategy"
TAG_CONCLUSION = "embexp.conclusion"  # digest of what the study's run shows
NOTE = "mlflow.note.content"
PARENT = "mlflow.parentRunId"

# Metrics of the strategy runs. MLflow sorts charts by name: the curve comes first, its bounds after it.
ACCURACY = "test_accuracy"
LOW, HIGH = f"{ACCURACY}_ci_low", f"{ACCURACY}_ci_high"
AREA = "area_under_curve"
CROSSOVER = f"{ACCURACY}.crossover"
EQUIVALENCE = f"{ACCURACY}.label_equivalence"

STUDY_COLOUR = "#1D1D1F"
# The colours of the report's figures.
COLOURS = {
    "random": "#D55E00",
    "frozen": "#0072B2",
    "finetuned": "#009E73",
    "multichannel": "#B6609A",
    "tfidf": "#4D4D4D",
    "random_frozen": "#858585",
}

# Of the study's run, which stands above its strategies'.
HIGHEST_RANK = len(COLOURS) + 1

# What of a study's folder is worth a place in MLflow; folders end up as folders.
ARTIFACTS = (
    "report.html",
    "report.md",
    "results.json",
    "cells.csv",
    "config.yaml",
    "environment.json",
    "figures",
    "tables",
    "word2vec",
)

# One log_batch call takes 1,000 metrics, and the UI samples some hundred points of a line.
LARGEST_HISTORY = 900
LARGEST_PARAM = 500
LARGEST_NOTE = 5000  # characters of a tag that every MLflow takes


@dataclass(frozen=True)
class Point:
    """One value of a metric."""

    key: str
    value: float
    step: int = 0


@dataclass(frozen=True)
class RunPlan:
    """What one run shall hold."""

    key: str  # identifies the run within its study
    name: str
    tags: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    rank: int = 0  # of runs that begin together, those of higher rank stand further up


def is_control(strategy: str) -> bool:
    """Whether a strategy is one of the controls."""
    return strategy in CONTROLS


def strategy_key(study: StudyInfo, strategy: str) -> str:
    """Give the fingerprint of a strategy's run: that of its study and its name."""
    return hashlib.sha256(f"{study.fingerprint}/{strategy}".encode()).hexdigest()


def plan_study(study: StudyInfo) -> RunPlan:
    """Describe the study's own run, before its conclusions are known."""
    tags = _common_tags(study, "study", study.fingerprint) | {
        "mlflow.runColor": STUDY_COLOUR,
        "embexp.dataset": study.dataset,
        "embexp.command": mask(study.command),
        "embexp.output": str(study.output),
    }
    return RunPlan(study.fingerprint, f"study {study.name}", tags, flatten(study.config), rank=HIGHEST_RANK)


def plan_strategy(study: StudyInfo, strategy: str) -> RunPlan:
    """Describe the run of one strategy or control."""
    key = strategy_key(study, strategy)
    role = "control" if is_control(strategy) else "strategy"
    tags = _common_tags(study, role, key) | _strategy_tags(strategy)
    rank = len(COLOURS) - list(COLOURS).index(strategy) if strategy in COLOURS else 0
    return RunPlan(key, strategy, tags, {"strategy": strategy}, rank=rank)


def plan_cell(study: StudyInfo, record: Mapping[str, Any], parent: str) -> RunPlan:
    """Describe the run of one cell, nested under the run `parent`."""
    strategy, train_size, seed = record["strategy"], int(record["train_size"]), record["seed"]
    tags = _common_tags(study, "cell", record["fingerprint"]) | _strategy_tags(strategy) | {PARENT: parent}
    params = {"strategy": strategy, "train_size": str(train_size), "seed": str(seed)}
    name = f"{strategy} n={train_size:05d} s={seed}"
    for key, mark in (("word2vec_seed", "v"), ("fold", "f")):
        if record.get(key) is not None:
            params[key] = str(record[key])
            name += f" {mark}={record[key]}"
    points = thin_history(record.get("history") or ())
    points += [
        Point(name, float(value), train_size)
        for name, value in (record.get("metrics") or {}).items()
        if value is not None
    ]
    return RunPlan(
        record["fingerprint"],
        name,
        tags,
        params | flatten(record.get("params") or {}),
        points,
    )


def _common_tags(study: StudyInfo, role: str, key: str) -> dict[str, str]:
    return {
        TAG_ROLE: role,
        TAG_FINGERPRINT: key,
        TAG_STUDY: study.fingerprint,
        "mlflow.user": _user(),
        "mlflow.source.name": "embexp",
        "mlflow.source.type": "LOCAL",
    }


def _strategy_tags(strategy: str) -> dict[str, str]:
    colour = {"mlflow.runColor": COLOURS[strategy]} if strategy in COLOURS else {}
    return {TAG_STRATEGY: strategy} | colour


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a user database
        return "unknown"


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Turn nested settings into parameters: {"a": {"b": 1}} becomes {"a.b": "1"}; secrets are masked."""
    flat: dict[str, str] = {}
    for name, value in config.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        elif value is not None:
            flat[f"{prefix}{name}"] = mask(str(value))[:LARGEST_PARAM]
    return flat


def thin_history(history: Sequence[Mapping[str, float]]) -> list[Point]:
    """Give the points of a training history, evenly thinned so that one call can log them all."""
    if not history:
        return []
    keys = max(len(entry) - 1 for entry in history) or 1
    stride = math.ceil(len(history) * keys / LARGEST_HISTORY)
    last = len(history) - 1
    kept = [entry for index, entry in enumerate(history) if index % stride == 0 or index == last]
    return [
        Point(name, float(value), int(entry["step"]))
        for entry in kept
        for name, value in entry.items()
        if name != "step" and value is not None
    ]


def curve_points(results: Mapping[str, Any]) -> dict[str, list[Point]]:
    """Give each strategy's learning curve: mean and interval bounds over step = train size, and its area."""
    points: dict[str, list[Point]] = {}
    for row in results.get("curves") or ():
        step = int(row["train_size"])
        named = ((ACCURACY, row["mean"]), (LOW, row["ci_low"]), (HIGH, row["ci_high"]))
        points.setdefault(row["strategy"], []).extend(
            Point(name, float(value), step) for name, value in named if _is_number(value)
        )
    for curve in points.values():
        means = [(point.step, point.value) for point in curve if point.key == ACCURACY]
        if means:
            curve.append(Point(AREA, area_under_curve(means)))
    return points


def _is_number(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def area_under_curve(means: Iterable[tuple[int, float]]) -> float:
    """Average a learning curve over the logarithm of the train size, by trapezoids."""
    ordered = sorted(means)
    width = math.log(ordered[-1][0]) - math.log(ordered[0][0])
    if width == 0:
        return ordered[0][1]
    area = sum((math.log(n2) - math.log(n1)) * (a1 + a2) / 2 for (n1, a1), (n2, a2) in pairwise(ordered))
    return area / width


def conclusion_points(results: Mapping[str, Any]) -> list[Point]:
    """Give crossovers and label equivalence as metrics of the study's run; what is unknown is left out."""
    points: list[Point] = []
    counted: dict[str, int] = {}
    for row in results.get("crossovers") or ():
        pair = f"{row['a']}_vs_{row['b']}"
        counted[pair] = counted.get(pair, 0) + 1
        stem = f"{CROSSOVER}.{pair}" + (f".{counted[pair]}" if counted[pair] > 1 else "")
        for suffix, name in (("", "estimate"), ("_low", "ci_low"), ("_high", "ci_high")):
            if _is_number(row.get(name)):
                points.append(Point(stem + suffix, float(row[name])))
    for row in results.get("label_equivalence") or ():
        stem, step = f"{EQUIVALENCE}.{row['a']}_in_{row['b']}", int(row["train_size"])
        for suffix, name in (("", "ratio"), ("_low", "ratio_low"), ("_high", "ratio_high")):
            if _is_number(row.get(name)):
                points.append(Point(stem + suffix, float(row[name]), step))
    points += [Point(name, float(value)) for name, value in (results.get("metrics") or {}).items() if _is_number(value)]
    return points + vector_points(results.get("word2vec") or {})


def vector_points(word2vec: Mapping[str, Any]) -> list[Point]:
    """Give coverage, benchmark scores and the training curve of the word vectors (step: running words)."""
    card = word2vec.get("card") or {}
    scores = {f"coverage_{unit}": (word2vec.get("coverage") or {}).get(unit) for unit in ("types", "tokens")}
    scores |= {row["name"]: row["spearman"] for row in card.get("similarity") or ()}
    scores["analogies"] = (card.get("analogies") or {}).get("accuracy")
    points = [Point(f"word2vec.{name}", float(value)) for name, value in scores.items() if value is not None]
    return points + [
        Point(f"word2vec.{name}", float(row[name]), int(row["words"]))
        for row in card.get("trace") or ()
        for name in ("loss", "alpha")
        if row.get(name) is not None
    ]


@dataclass(frozen=True)
class DatasetInput:
    """A data set as MLflow shows it beside a run."""

    name: str
    digest: str
    source: str
    profile: str


def dataset_input(study: StudyInfo, results: Mapping[str, Any]) -> DatasetInput:
    """Describe the data set by its sheet; without one, by the study's name for it."""
    sheet = results.get("dataset") or {}
    digests = sheet.get("digests") or sheet.get("digest") or study.dataset
    numbers = {name: value for name, value in sheet.items() if isinstance(value, int | float)}
    return DatasetInput(
        name=str(sheet.get("name") or study.dataset),
        digest=_short_digest(digests),
        source=json.dumps({"source": mask(str(sheet.get("source") or study.dataset))}),
        profile=json.dumps(numbers | dict(sheet.get("sizes") or {}), default=str),
    )


def _short_digest(digests: Any) -> str:
    # MLflow takes 36 characters at most.
    text = digests if isinstance(digests, str) else json.dumps(digests, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def describe(results: Mapping[str, Any]) -> str:
    """Write the description of the study's run: the verdict, then what to know before believing it."""
    lines = ["**Verdict**", ""]
    lines += [f"- {sentence}" for sentence in results.get("verdict") or ["No verdict could be drawn."]]
    for title, key in (("Warnings", "warnings"), ("Failures", "failures")):
        rows = results.get(key) or []
        if rows:
            lines += ["", f"**{title}**", ""]
            lines += [f"- {row if isinstance(row, str) else ': '.join(map(str, row.values()))}" for row in rows]
    text = "\n".join(lines)
    return text if len(text) <= LARGEST_NOTE else text[: LARGEST_NOTE - 2] + " …"


# What of results.json MLflow is told; the rest stands in the artifact.
_TOLD = ("verdict", "warnings", "failures", "curves", "crossovers", "label_equivalence", "metrics")


def digest_conclusion(results: Mapping[str, Any]) -> str:
    """Give a digest of everything that the study's run shows of its results."""
    told = {name: results.get(name) for name in _TOLD}
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()
