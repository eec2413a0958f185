"""Train a classifier on all labels once a study has said which, and leave it as a model.

`export=STRATEGY` names the strategy, `export=best` takes the one that the study recommends with all labels. The model
is an entry of the store like any other: trained once, found again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from embexp.cellwork import read_cell, training_of
from embexp.config import CONTROLS, ClassifierConfig, StudyConfig, TextConfig, build
from embexp.engine.store import Store
from embexp.engine.task import Stage, Task, Work
from embexp.models import ModelSettings, TrainedClassifier
from embexp.study import COUNTING, Plan, make_plan, seeds_of
from embexp.text import open_dataset, token_identity

BEST = "best"
MODEL = "model"  # its folder, in that of the study


def train_classifier(work: Work) -> None:
    """Train a classifier on the whole pool and keep it as the folder of a model."""
    from embexp.classify.cell import train_strategy

    config = work.config
    data, classifier = read_cell(config, work.needs), build(ClassifierConfig, config["classifier"])
    trained = train_strategy(
        config["strategy"],
        data,
        vector_size=config["vector_size"],
        classifier=classifier,
        training=training_of(config, work.needs),
        seed=config["seed"],
    )
    dataset = open_dataset(work.needs["dataset"], work.needs["counts"])
    words = dataset.vocabulary[: dataset.vocabulary_size]
    if "labelled_min_count" in config:
        words = [words[place] for place in dataset.pool.bags.types(config["labelled_min_count"])]
    text = build(TextConfig, {**config["text"], **work.hints})
    settings = ModelSettings(config["strategy"], config["vector_size"], text, classifier)
    TrainedClassifier(trained.model, words, dataset.classes, settings).save(work.folder)
    work.timing["train_seconds"] = trained.train_seconds


TRAIN_CLASSIFIER = Stage("train_classifier", 1, train_classifier)


@dataclass(frozen=True)
class Export:
    """A model that a study leaves behind.

    Attributes:
        strategy: Of its embedding layer.
        train_size: Labelled texts that it learns from.
        reason: Why this strategy, as the end of a sentence.
        task: What trains it.
    """

    strategy: str
    train_size: int
    reason: str
    task: Task

    def as_json(self, config: StudyConfig) -> dict[str, Any]:
        """Return what results.json says of it."""
        told = {"strategy": self.strategy, "train_size": self.train_size, "reason": self.reason, "folder": MODEL}
        return told | {"fingerprint": self.task.fingerprint, "register": config.export_register}

    def sentence(self, folder: str) -> str:
        """Say where it lies and how it is used."""
        return (
            f"model: {self.strategy}, trained on {self.train_size:,} labels ({self.reason}), in {folder}; "
            f"`embexp predict {folder} FILE` uses it"
        )


def plan_export(config: StudyConfig, plan: Plan, strategy: str, reason: str = "named in export") -> Export:
    """Line up the training of one strategy on the whole pool, by the first seed, with the settings of the cells.

    With `dataset.folds` the pool is that of the first fold.
    """
    is_control = strategy in CONTROLS
    grid = replace(
        config.grid,
        strategies=[] if is_control else [strategy],
        controls=[strategy] if is_control else [],
        train_sizes=[plan.facts.pool_size],
        seeds=[seeds_of(config)[0]],
    )
    cell = make_plan(replace(config, grid=grid), plan.facts).cells[0]
    text = token_identity(config.text) | {key: getattr(config.text, key) for key in COUNTING}
    task = Task(
        TRAIN_CLASSIFIER,
        {**cell.task.config, "text": text},
        cell.task.needs,
        title=f"model {strategy} n={plan.facts.pool_size:05d}",
        cost=cell.task.cost,
        hints={"tokenizer": config.text.tokenizer},
    )
    return Export(strategy, plan.facts.pool_size, reason, task)


def plan_known_export(config: StudyConfig, plan: Plan) -> Export | None:
    """Return the export of a study that names its strategy; None where there is none or the study must say which."""
    if config.export in (None, BEST):
        return None
    return plan_export(config, plan, str(config.export))


def choose_export(config: StudyConfig, plan: Plan, results: Mapping[str, Any]) -> Export | None:
    """Return the export of a study, its conclusions drawn; None where none is asked for, or none can be chosen."""
    if config.export != BEST:
        return plan_known_export(config, plan)
    chosen = recommended(results)
    if chosen is None:
        return None
    where = "" if chosen.n_labels == plan.facts.pool_size else ", the study's largest train size"
    reason = f"the best of the strategies with {chosen.n_labels:,} labels{where}: {chosen.score:.3f}{chosen.others}"
    return plan_export(config, plan, chosen.strategy, reason)


@dataclass(frozen=True)
class Recommended:
    """The strategy that is best with most labels, controls apart.

    Attributes:
        strategy: Its name.
        n_labels: The number of labels.
        score: Its expected accuracy.
        others: What to know beside: which strategies cannot be told from it, or which control is ahead.
    """

    strategy: str
    n_labels: int
    score: float
    others: str


def recommended(results: Mapping[str, Any]) -> Recommended | None:
    """Return the strategy that a study recommends with most labels; None where none has a score."""
    rows = [row for row in results.get("recommendations") or () if row.get("embedding_strategy")]
    if not rows:
        return None
    row = max(rows, key=lambda row: row["n_labels"])
    strategy, others = row["embedding_strategy"], ""
    if row["strategy"] != strategy:
        others = f"; the control {row['strategy']} has {row['expected']:.3f}"
    elif level := [name for name in row["level_with"] if name not in CONTROLS]:
        others = f", level with {' and '.join(level)}"
    return Recommended(strategy, int(row["n_labels"]), float(row["embedding_expected"]), others)


def leave_model(config: StudyConfig, export: Export, store: Store, folder: Path, about: Mapping[str, Any]) -> Path:
    """Copy the stored model into a study's folder, with what it was trained on."""
    model = TrainedClassifier.load(store.path(export.task.fingerprint))
    model.about = {
        **about,
        "dataset": config.dataset.name,
        "train_size": export.train_size,
        "seed": seeds_of(config)[0],
        "word2vec": asdict(config.word2vec) if "word2vec" in export.task.needs else None,
        "training": asdict(config.training),
        "fingerprint": export.task.fingerprint,
    }
    return model.save(folder / MODEL)
