"""What the values of a study must satisfy, beyond their types: all problems at once, as sentences.

Only what the settings and the two folders they name decide is checked here. What needs the texts (a train
size beyond the pool, a missing column) is said where the texts are read.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from embexp.config import (
    CHANNELS,
    CLASS_WEIGHTS,
    CONTROLS,
    DEVICES,
    EVALUATE,
    EXECUTORS,
    INITIALISATIONS,
    OPTIMIZERS,
    POOLINGS,
    SCHEDULES,
    STANDARDISED,
    STRATEGIES,
    TRACKERS,
    TUNINGS,
    UNKNOWN_WORDS,
    WORD2VEC_CORPORA,
    WORD2VEC_MODELS,
    ClassifierConfig,
    GridConfig,
    StudyConfig,
    TuningConfig,
)
from embexp.encoders import ENCODERS
from embexp.errors import UserError, did_you_mean

# key: (smallest value, largest value); None is no bound. A value of None (no limit) always passes.
RANGES: dict[str, tuple[float | None, float | None]] = {
    "dataset.split_seed": (0, 2**32 - 1),
    "dataset.folds": (2, None),
    "text.max_size": (1, None),
    "word2vec.sg": (0, 1),
    "word2vec.vector_size": (1, None),
    "word2vec.window": (1, None),
    "word2vec.negative": (1, None),
    "word2vec.min_count": (1, None),
    "word2vec.epochs": (1, None),
    "word2vec.sample": (0, 1),
    "word2vec.ns_exponent": (-2, 2),
    "word2vec.cbow_mean": (0, 1),
    "word2vec.min_n": (1, None),
    "word2vec.max_n": (1, None),
    "word2vec.bucket": (1, None),
    "word2vec.seed": (0, 2**32 - 1),
    "classifier.hidden_size": (1, None),
    "classifier.initial_scale": (0, None),
    "classifier.layers": (1, None),
    "classifier.maps": (1, None),
    "classifier.dropout": (0, 0.99),
    "classifier.word_dropout": (0, 0.99),
    "training.batch_size": (1, None),
    "training.weight_decay": (0, None),
    "training.embedding_weight_decay": (0, None),
    "training.label_smoothing": (0, 0.99),
    "training.early_stopping": (0, 0.5),
    "training.budget.min_steps": (0, None),
    "training.budget.passes": (0, None),
    "training.budget.classes_power": (-3, 3),
    "training.budget.frozen_classes_power": (-3, 3),
    "training.classes_power": (-3, 3),
    "training.embedding_classes_power": (-3, 3),
    "training.frozen_classes_power": (-3, 3),
    "tuning.draws": (1, 1000),
    "tuning.folds": (2, None),
    "tuning.folds_until": (1, None),
    "tuning.held_out": (0.01, 0.5),
    "tuning.zero_share": (0, 1),
    "executor.workers": (1, None),
    "executor.slurm.jobs": (1, None),
    "executor.slurm.workers_per_job": (1, None),
}
POSITIVE = (
    "dataset.test_size",
    "word2vec.alpha",
    "word2vec.min_alpha",
    "classifier.max_norm",
    "training.learning_rate",
    "training.embedding_learning_rate",
    "training.random_rate_factor",
    "training.budget.frozen_factor",
    "training.gradient_clipping",
    "executor.task_timeout_seconds",
    "executor.worker_wait_seconds",
)
CHOICES: dict[str, Sequence[str]] = {
    "dataset.evaluate": EVALUATE,
    "word2vec.corpus": WORD2VEC_CORPORA,
    "word2vec.model": WORD2VEC_MODELS,
    "word2vec.unknown": UNKNOWN_WORDS,
    "classifier.initial": INITIALISATIONS,
    "classifier.encoder": tuple(ENCODERS),
    "classifier.pooling": POOLINGS,
    "classifier.channels": CHANNELS,
    "classifier.standardise": STANDARDISED,
    "training.device": DEVICES,
    "training.schedule": SCHEDULES,
    "training.optimizer": OPTIMIZERS,
    "training.embedding_optimizer": OPTIMIZERS,
    "training.class_weights": CLASS_WEIGHTS,
    "tuning.kind": TUNINGS,
    "executor.kind": EXECUTORS,
    "tracking.kind": TRACKERS,
}


def check(config: StudyConfig) -> list[str]:
    """Return a sentence for every value that cannot work, and for every pair that cannot work together."""
    return [
        *_check_name(config),
        *_check_numbers(config),
        *_check_choices(config),
        *_check_together(config),
        *check_encoder(config.classifier),
        *_check_tuning(config.tuning),
        *_check_grid(config.grid),
        *_check_rooms(config),
        *_check_export(config),
        *_check_folder("store", config.store),
        *_check_folder("output", config.output),
    ]


def value_of(config: StudyConfig, key: str) -> Any:
    """Return the value behind a dotted key, such as `training.budget.passes`."""
    value: Any = config
    for part in key.split("."):
        value = getattr(value, part)
    return value


def _check_name(config: StudyConfig) -> Iterator[str]:
    if not re.fullmatch(r"\w[\w.\-]*", config.name):
        yield (
            f"name: {config.name!r} cannot name a folder; use letters, digits, '_', '-' and '.', and start "
            "with a letter or digit"
        )


def _check_numbers(config: StudyConfig) -> Iterator[str]:
    for key, (smallest, largest) in RANGES.items():
        value = value_of(config, key)
        below = value is not None and smallest is not None and not value >= smallest
        above = value is not None and largest is not None and not value <= largest
        if below or above or (isinstance(value, float) and not math.isfinite(value)):
            most = f" and at most {largest}" if largest is not None else ""
            yield f"{key}: {value} is out of range; it must be at least {smallest}{most}"
    for key in POSITIVE:
        value = value_of(config, key)
        if value is not None and not (value > 0 and math.isfinite(value)):
            yield f"{key}: {value} is out of range; it must be greater than 0"


def _check_choices(config: StudyConfig) -> Iterator[str]:
    for key, options in CHOICES.items():
        value = value_of(config, key)
        if value not in options:
            yield _unknown(key, value, options)


def _check_together(config: StudyConfig) -> Iterator[str]:
    word2vec, budget, dataset = config.word2vec, config.training.budget, config.dataset
    if word2vec.min_alpha > word2vec.alpha > 0:
        yield (
            f"word2vec.min_alpha: {word2vec.min_alpha} exceeds word2vec.alpha, {word2vec.alpha}; the rate "
            "falls from alpha to min_alpha, so give min_alpha at most that"
        )
    if config.executor.kind == "serial" and config.executor.task_timeout_seconds is not None:
        yield (
            f"executor.task_timeout_seconds: {config.executor.task_timeout_seconds:g} cannot be kept by "
            "executor=serial, which has no worker process to stop; give executor=local executor.workers=1, or leave "
            "the limit out"
        )
    if budget.min_steps == 0 and budget.passes == 0:
        yield ("training.budget: min_steps and passes are both 0, so nothing would be trained; set one of them above 0")
    if dataset.test_size > 1 and dataset.test_size != int(dataset.test_size):
        yield (
            f"dataset.test_size: {dataset.test_size} is neither a share nor a number of texts; below 1 it is "
            "a share (0.2), from 1 on a whole number of texts (5000)"
        )


def check_encoder(classifier: ClassifierConfig) -> Iterator[str]:
    """Yield a sentence for every setting that does not go with the encoder."""
    windows = classifier.windows
    if not windows or any(not _is_whole(window) or window < 1 for window in windows):
        yield f"classifier.windows: {windows} must be whole numbers of tokens from 1 on, such as [3,4,5]"
    yield from _check_repeats("classifier.windows", windows)
    chosen, default = ENCODERS.get(classifier.encoder), ClassifierConfig()
    for key in dict.fromkeys(key for encoder in ENCODERS.values() for key in encoder.reads):
        value = getattr(classifier, key)
        if chosen is not None and key not in chosen.reads and value != getattr(default, key):
            readers = " or ".join(name for name, encoder in ENCODERS.items() if key in encoder.reads)
            yield (
                f"classifier.{key}: {value} has no effect, because encoder {classifier.encoder} does not read it; "
                f"leave it out, or choose classifier.encoder={readers}"
            )
    if chosen is not None and "pooling" in chosen.reads and classifier.pooling == "last" and not chosen.in_order:
        yield (
            f"classifier.pooling: last needs an encoder with a state after each token, and {classifier.encoder} has "
            f"none; give {', '.join(POOLINGS[:-1])}, or choose classifier=lstm"
        )


def _check_tuning(tuning: TuningConfig) -> Iterator[str]:
    for key in ("learning_rate", "embedding_learning_rate", "budget_factor", "inverse_regularisation"):
        limits = getattr(tuning, key)
        if len(limits) != 2 or not all(math.isfinite(each) for each in limits) or not 0 < limits[0] <= limits[1]:
            yield (
                f"tuning.{key}: {limits} is no range; give two numbers above 0, the smaller first, such as "
                f"tuning.{key}=[{','.join(f'{each:g}' for each in getattr(TuningConfig(), key))}]"
            )
    if not tuning.ngrams or set(tuning.ngrams) - {1, 2}:
        yield f"tuning.ngrams: {tuning.ngrams} must be [1], [2] or [1,2]: words, or words and pairs of them"
    default = TuningConfig()
    moved = [key for key in vars(tuning) if getattr(tuning, key) != getattr(default, key)]
    if tuning.kind == "none" and moved:
        yield f"tuning.{moved[0]}: has no effect without tuning; add tuning=random, or leave it out"


def _check_grid(grid: GridConfig) -> Iterator[str]:
    for key, given, known in (
        ("grid.strategies", grid.strategies, STRATEGIES),
        ("grid.controls", grid.controls, CONTROLS),
    ):
        for word in given:
            if word not in known:
                elsewhere = {*STRATEGIES, *CONTROLS} - set(known)
                other = "grid.controls" if key == "grid.strategies" else "grid.strategies"
                yield (f"{key}: {word!r} belongs in {other}" if word in elsewhere else _unknown(key, word, known))
        yield from _check_repeats(key, given)
    if not grid.strategies and not grid.controls:
        yield (
            f"grid.strategies: the list is empty, and so is grid.controls; name at least one of {', '.join(STRATEGIES)}"
        )
    yield from _check_sizes(grid.train_sizes)
    yield from _check_seeds(grid.seeds)


def _check_sizes(sizes: Any) -> Iterator[str]:
    wanted = "it must be auto, all or a list of whole numbers from 2 on, such as grid.train_sizes=[100,1000]"
    if sizes in ("auto", "all"):
        return
    if not isinstance(sizes, list) or not sizes:
        yield f"grid.train_sizes: {sizes!r} is not a list of sizes; {wanted}"
        return
    wrong = [size for size in sizes if not _is_whole(size) or size < 2]
    if wrong:
        yield f"grid.train_sizes: {_listed(wrong)} cannot be a number of labelled texts; {wanted}"
    yield from _check_repeats("grid.train_sizes", sizes)


def _check_seeds(seeds: Any) -> Iterator[str]:
    wanted = "it must be a number of seeds (grid.seeds=10) or a list of them (grid.seeds=[0,1,2])"
    if _is_whole(seeds):
        if seeds < 1:
            yield f"grid.seeds: {seeds} seeds make no study; {wanted}, at least 1"
        return
    if not isinstance(seeds, list) or not seeds:
        yield f"grid.seeds: {seeds!r} is neither a number nor a list; {wanted}"
        return
    wrong = [seed for seed in seeds if not _is_whole(seed) or not 0 <= seed < 2**32]
    if wrong:
        yield f"grid.seeds: {_listed(wrong)} cannot be a seed; seeds are whole numbers from 0 to 2^32 - 1"
    yield from _check_repeats("grid.seeds", seeds)


def _check_repeats(key: str, given: Sequence[Any]) -> Iterator[str]:
    repeated = [item for place, item in enumerate(given) if item in given[:place]]
    if repeated:
        yield f"{key}: {_listed(dict.fromkeys(repeated))} stands there more than once; name each once"


def _check_rooms(config: StudyConfig) -> Iterator[str]:
    """Yield what the rooms say that know a setting best."""
    from embexp.text import check_dataset, check_text
    from embexp.tracking.address import resolve_address
    from embexp.vectors.settings import check_settings

    yield from check_settings(config.word2vec)
    if config.executor.kind == "dask":
        from embexp.engine.clusters import problems as cluster_problems

        yield from cluster_problems(config.executor)
    checks: tuple[Callable[[], None], ...] = (lambda: check_dataset(config.dataset), lambda: check_text(config.text))
    for find in checks:
        try:
            find()
        except UserError as error:
            yield from error.problems
    try:
        if config.tracking.kind == "mlflow":
            resolve_address(config.tracking)
    except UserError as error:
        yield from error.problems


def _check_export(config: StudyConfig) -> Iterator[str]:
    options = ("best", *STRATEGIES, "random_frozen")
    if config.export is not None and config.export not in options:
        why = "has no embedding layer to export" if config.export == "tfidf" else "is unknown"
        near = did_you_mean(config.export, options)
        yield f"export: {config.export!r} {why}{near or ';'} possible: {', '.join(options)} (or null for no model)"
    if config.export == "best" and not config.grid.strategies:
        yield "export: best chooses among grid.strategies, and the list is empty; name at least one strategy"
    if config.export_register is None:
        return
    if config.export is None:
        yield f"export_register: {config.export_register!r} registers a model, and none is exported; give export=best"
    if config.tracking.kind == "none":
        yield (
            f"export_register: {config.export_register!r} is a name in MLflow, and tracking=none logs nothing; leave "
            "one of the two out"
        )
    if not config.export_register.strip() or set(config.export_register) & set("/:"):
        yield f"export_register: {config.export_register!r} cannot name a model in MLflow; leave out '/' and ':'"


def _check_folder(key: str, folder: str) -> Iterator[str]:
    """Yield a sentence where the folder could neither be written nor made; nothing is made here."""
    if not folder.strip():
        yield f"{key}: an empty path names no folder; give {key}=FOLDER"
        return
    place = Path(folder).expanduser().absolute()
    while not os.path.lexists(place):
        place = place.parent
    if not place.is_dir():
        what = f"{place} is not a folder" if place.exists() else f"{place} is a link that leads nowhere"
    elif not os.access(place, os.W_OK | os.X_OK):
        what = f"{place} may not be written by this user"
    else:
        return
    yield f"{key}: cannot write {folder!r}, because {what}; give another folder with {key}=FOLDER"


def _unknown(key: str, value: object, options: Sequence[str]) -> str:
    near = did_you_mean(str(value), options)
    return f"{key}: {value!r} is unknown{near or ';'} possible: {', '.join(options)}"


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _listed(values: Iterable[object]) -> str:
    return ", ".join(repr(value) for value in values)
