"""The pipeline on one page: what a study does, stage by stage, and the plan that lines the stages up.

    prepare_dataset ──► count_tokens ──► run_cell (each strategy x train size x seed, and the controls)
                  └──► train_word2vec ──────┘
                              └──► judge_vectors

Each stage reads the entries it needs and fills one folder; the engine decides when and where it runs, and whether
the store has it already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from embexp.cellwork import problem_of, read_cell, tuning_of, write_cell
from embexp.config import (
    ClassifierConfig,
    DatasetConfig,
    StudyConfig,
    TextConfig,
    TrainingConfig,
    TuningConfig,
    build,
)
from embexp.encoders import ENCODERS
from embexp.engine.task import Stage, Task, Work, fingerprint_of
from embexp.errors import UserError
from embexp.protocol import fit_to_cell
from embexp.text import Facts, auto_train_sizes, folds_of, token_identity
from embexp.wordvectors import VectorPlan, plan_vectors

if TYPE_CHECKING:
    from embexp.classify.strategies import Strategy

# ---- stages


def prepare_dataset(work: Work) -> None:
    """Read, split, tokenise and number the texts: token ids of the pool and of the texts that are tested on."""
    from embexp.text.prepare import prepare

    dataset = build(DatasetConfig, {**work.config["dataset"], **work.hints["dataset"]})
    text = build(TextConfig, {**work.config["text"], **work.hints["text"]})
    fold = work.config["dataset"].get("fold")
    prepare(dataset, text, work.folder, work.progress, work.config["content"], fold)


def count_tokens(work: Work) -> None:
    """Count the tokens of each text that classifiers know, and complete the data sheet."""
    from embexp.text import count_tokens

    count_tokens(work.needs["dataset"], build(TextConfig, work.config), work.folder, work.progress)


def run_cell(work: Work) -> None:
    """Train one classifier on one labelled subset and score it."""
    from embexp.classify.cell import run_control, run_strategy

    config, data = work.config, read_cell(work.config, work.needs)
    if "tuning" in config:
        from embexp.classify.tuning import run_tuned

        result, work.timing["tuning_seconds"] = run_tuned(problem_of(config), data, tuning_of(config), work.progress)
    elif config["strategy"] == "tfidf":
        result = run_control(data)
    else:
        result = run_strategy(
            config["strategy"],
            data,
            vector_size=config["vector_size"],
            classifier=build(ClassifierConfig, config["classifier"]),
            training=build(TrainingConfig, config["training"]),
            seed=config["seed"],
        )
    write_cell(work, result)


def run_cells(works: Sequence[Work]) -> Iterator[Sequence[Work]]:
    """Train the classifiers of a group of cells at once, as many at a time as fit on the device, and score them."""
    from embexp.classify.groups import run_group

    cells = ((problem_of(work.config), read_cell(work.config, work.needs)) for work in works)
    unfinished = iter(works)
    for results in run_group(cells, lambda done, total: works[0].progress(done, total, "steps")):
        finished = list(islice(unfinished, len(results)))
        for work, result in zip(finished, results, strict=True):
            write_cell(work, result)
        yield finished


PREPARE_DATASET = Stage("prepare_dataset", 2, prepare_dataset, all_cores=True)
COUNT_TOKENS = Stage("count_tokens", 1, count_tokens)
RUN_CELL = Stage("run_cell", 1, run_cell, together=run_cells)

PRELOAD = ("embexp.classify.preload",)  # what every worker imports anyway, loaded once

# ---- the plan

# of DatasetConfig: what it is called and where the texts lie; the digests say what they are
PLACES = ("name", "train", "test", "validation", "path", "configuration", "revision")
INITIALISING = ("initial", "initial_scale")  # of ClassifierConfig: what word2vec replaces
CLASSIFIER_KEYS = ("encoder", "hidden_size", "initial", "initial_scale")  # in every cell's identity
TRAINING_KEYS = ("batch_size", "budget", "learning_rate", "embedding_learning_rate", "schedule", "weight_decay")
BUDGET_KEYS = ("min_steps", "passes")  # of BudgetConfig: what fitting to the classes leaves
SPENT = ("classes_power", "embedding_classes_power", "frozen_classes_power")  # of TrainingConfig: what fitting uses up
COUNTING = ("min_count", "max_size", "max_tokens")  # of TextConfig: what token ids and word2vec do not depend on


@dataclass(frozen=True)
class Cell:
    """One strategy (or control), train size and seed, with the task that computes it.

    `word2vec_seed` tells several trainings of the vectors apart. A `beside` cell starts from vectors that are not
    the study's first: it measures the spread between trainings, and no conclusion is drawn from it.
    """

    strategy: str
    train_size: int
    seed: int
    task: Task
    word2vec_seed: int | None = None
    beside: bool = False
    fold: int | None = None


@dataclass(frozen=True)
class Fold:
    """The tasks that prepare the texts of one fold; a study without folds has one of these, without a number."""

    number: int | None
    dataset: Task
    counts: Task


@dataclass(frozen=True)
class Plan:
    """All tasks of a study, and the values that `auto` stood for.

    Attributes:
        dataset: Prepares the texts.
        counts: Counts the tokens that classifiers know.
        word2vec: Brings the vectors of the data set's words (the first of several); None if no strategy wants them.
        judge: Judges them by themselves.
        cells: One for each strategy, train size and seed, controls included.
        train_sizes: Ascending.
        seeds: In the order given.
        facts: What is known of the texts before they are prepared.
        fingerprint: Identity of the study's results.
        folds: The tasks of each fold's texts; `dataset`, `counts`, `word2vec` and `judge` are those of the first.
        export: Trains the model that the study leaves behind; None where there is none, or the cells decide on it.
    """

    dataset: Task
    counts: Task
    word2vec: Task | None
    judge: Task | None
    cells: tuple[Cell, ...]
    train_sizes: tuple[int, ...]
    seeds: tuple[int, ...]
    facts: Facts
    fingerprint: str
    folds: tuple[Fold, ...]
    export: Task | None = None

    @property
    def tasks(self) -> list[Task]:
        """What the study wants to read at the end: the cells, and what the report says of texts and vectors."""
        vectors = [task for task in (self.word2vec, self.judge) if task is not None]
        texts = [task for fold in self.folds for task in (fold.dataset, fold.counts)]
        models = [] if self.export is None else [self.export]
        return [*texts, *vectors, *(cell.task for cell in self.cells), *models]


def make_plan(config: StudyConfig, facts: Facts) -> Plan:
    """Line up the tasks of a study.

    Args:
        config: The study.
        facts: Of its data set: pool size, classes and content digest (`embexp.text.peek`).

    Raises:
        UserError: If a train size does not fit the pool.
    """
    train_sizes, seeds = _train_sizes(config, facts), seeds_of(config)
    folds = tuple(_plan_fold(config, facts, number) for number in folds_of(config.dataset))
    vectors = [plan_vectors(config, facts, fold.dataset) for fold in folds]
    found = [
        cell for fold in zip(folds, vectors, strict=True) for cell in _cells(config, facts, train_sizes, seeds, *fold)
    ]
    order = [*config.grid.strategies, *config.grid.controls]
    cells = tuple(sorted(found, key=lambda cell: (order.index(cell.strategy), cell.train_size, seeds.index(cell.seed))))
    used = any("word2vec" in cell.task.needs for cell in cells)
    return Plan(
        dataset=folds[0].dataset,
        counts=folds[0].counts,
        word2vec=vectors[0].first(train_sizes[-1], seeds[0]) if used else None,
        judge=vectors[0].judge(train_sizes[-1], seeds, folds[0].counts) if used else None,
        cells=cells,
        train_sizes=train_sizes,
        seeds=seeds,
        facts=facts,
        fingerprint=fingerprint_of("study", 1, {}, {str(n): cell.task.fingerprint for n, cell in enumerate(cells)}),
        folds=folds,
    )


def _plan_fold(config: StudyConfig, facts: Facts, number: int | None) -> Fold:
    dataset = dataset_task(config.dataset, config.text, facts, number)
    settings = {key: value for key, value in asdict(config.text).items() if key in COUNTING}
    title = "token counts" + _fold_words(number)
    return Fold(number, dataset, Task(COUNT_TOKENS, settings, {"dataset": dataset}, title, facts.pool_size / 50000))


def _fold_words(fold: int | None) -> str:
    return "" if fold is None else f" fold {fold}"


def dataset_task(config: DatasetConfig, tokens: TextConfig, facts: Facts, fold: int | None = None) -> Task:
    """Return the task that prepares the texts: what they hold is its identity, where they lie is not."""
    dataset = asdict(config) | {"text": facts.text, "label": facts.label}
    identity = {key: value for key, value in dataset.items() if key not in PLACES}
    return Task(
        PREPARE_DATASET,
        {
            "dataset": identity if fold is None else identity | {"fold": fold},
            "content": dict(facts.digests),
            "text": token_identity(tokens),
        },
        title=f"dataset {config.name}{_fold_words(fold)}",
        cost=facts.pool_size / 5000,
        hints={"dataset": {key: dataset[key] for key in PLACES}, "text": {"tokenizer": tokens.tokenizer}},
    )


def _cells(
    config: StudyConfig,
    facts: Facts,
    train_sizes: tuple[int, ...],
    seeds: tuple[int, ...],
    fold: Fold,
    vectors: VectorPlan,
) -> Iterator[Cell]:
    from embexp.classify.routes import group_of
    from embexp.classify.strategies import STRATEGIES

    for strategy in [*config.grid.strategies, *config.grid.controls]:
        known = STRATEGIES.get(strategy)
        settings = _cell_settings(config, known, vectors.vector_size, facts.classes) | _tuning(config, strategy)
        waits = known is not None and (known.pretrained or (known.trained and config.classifier.initial == "matched"))
        cost = 0.3 if known is None else 0.5 if known.trained else 0.1
        longer = _longer(config.training, settings)
        for train_size in train_sizes:
            for seed in seeds:
                identity = {"strategy": strategy, "train_size": train_size, "seed": seed}
                choices = vectors.choices(train_size, seed) if waits else [None]
                for place, choice in enumerate(choices if known and known.pretrained else choices[:1]):
                    needs = {"dataset": fold.dataset, "counts": fold.counts}
                    if choice:
                        needs["word2vec"] = choice.task
                    own = choice.word2vec_seed if choice else None
                    title = f"{strategy} n={train_size:05d} s={seed}" + ("" if own is None else f" v={own}")
                    title += _fold_words(fold.number)
                    seconds = cost * (0.5 + longer * train_size / 5000) * fits_in(config.tuning, train_size)
                    config_of_cell = identity | settings
                    group = group_of(config_of_cell, fold.dataset.fingerprint)
                    task = Task(RUN_CELL, config_of_cell, needs, title=title, cost=seconds, group=group)
                    yield Cell(strategy, train_size, seed, task, own, place > 0, fold.number)


def _cell_settings(
    config: StudyConfig, strategy: Strategy | None, vector_size: int, classes: Sequence[str]
) -> dict[str, Any]:
    """Return what moves the bytes of a strategy's cells, beside the strategy, train size and seed."""
    settings: dict[str, Any] = {}
    if config.word2vec.corpus == "labelled":
        settings["labelled_min_count"] = config.text.min_count
    if strategy is None:
        return settings
    training = training_settings(config, len(classes), strategy) | {"device": _resolve_device(config.training.device)}
    classifier = _moved(config.classifier, CLASSIFIER_KEYS)
    encoder = ENCODERS[config.classifier.encoder]
    if "hidden_size" not in encoder.reads:
        del classifier["hidden_size"]
    if encoder.version > 1:
        settings["encoder_version"] = encoder.version
    if not strategy.static:
        classifier.pop("channels", None)
    if strategy.scratch and config.classifier.initial != "matched":
        classifier.pop("standardise", None)  # rows that start from nothing are not
    if strategy.pretrained:
        classifier = {key: value for key, value in classifier.items() if key not in INITIALISING}
        if config.word2vec.unknown != "random":
            settings["unknown"] = config.word2vec.unknown
    return settings | {"vector_size": vector_size, "classifier": classifier, "training": training}


def training_settings(config: StudyConfig, classes: int, strategy: Strategy | None = None) -> dict[str, Any]:
    """Return what of a study's training moves the bytes of a cell, fitted to the classes and the strategy."""
    fitted = fit_to_cell(config.training, classes, strategy)
    settings = {key: value for key, value in _moved(fitted, TRAINING_KEYS).items() if key not in SPENT}
    settings["budget"] = {key: settings["budget"][key] for key in BUDGET_KEYS}
    return settings


def _longer(training: TrainingConfig, settings: Mapping[str, Any]) -> float:
    """Return how many times longer a strategy's cell trains than it would with two classes; 1 for a control."""
    if "training" not in settings or training.budget.passes == 0:
        return 1.0
    return float(settings["training"]["budget"]["passes"] / training.budget.passes)


def _tuning(config: StudyConfig, strategy: str) -> dict[str, Any]:
    """Return the settings of tuning for a cell's identity; nothing where there is none."""
    if config.tuning.kind == "none":
        return {}
    from embexp.classify.draws import settings_read

    return {"tuning": settings_read(strategy, config.tuning)}


def fits_in(tuning: TuningConfig, train_size: int) -> float:
    """Return how many classifiers a cell trains, in units of one on all its labels that is tested."""
    if tuning.kind == "none":
        return 1.0
    splits = tuning.folds if train_size <= tuning.folds_until else 1
    return 1 + tuning.draws * splits * 0.8


def _moved(settings: ClassifierConfig | TrainingConfig, always: Sequence[str]) -> dict[str, Any]:
    """Return the settings that stand in every fingerprint, and of the others those that are not at their default.

    So a setting that is added later leaves the identity of what was computed without it as it was.
    """
    default = type(settings)()
    values = asdict(settings)
    return {key: value for key, value in values.items() if key in always or value != getattr(default, key)}


def _resolve_device(wanted: str) -> str:
    if wanted != "cuda":  # torch takes a second to import: ask it only where its answer matters
        return "cpu"
    from embexp.classify.device import resolve_device

    return resolve_device(wanted)


def seeds_of(config: StudyConfig) -> tuple[int, ...]:
    """Return the seeds of a grid: a list as it stands, a number as that many seeds from 0."""
    seeds = config.grid.seeds
    return tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)


def _train_sizes(config: StudyConfig, facts: Facts) -> tuple[int, ...]:
    asked = config.grid.train_sizes
    if asked == "all":
        return (facts.pool_size,)
    if asked == "auto":
        return tuple(auto_train_sizes(facts.pool_size, len(facts.classes)))
    where = f"dataset {config.dataset.name!r}"
    problems = [
        f"grid.train_sizes: {size} exceeds the {facts.pool_size} labelled texts of {where}; "
        f"the largest usable size is {facts.pool_size}"
        for size in asked
        if size > facts.pool_size
    ]
    problems += [
        f"grid.train_sizes: {size} is smaller than the {len(facts.classes)} classes of {where}; "
        f"give at least {len(facts.classes)} labels, better ten times that"
        for size in asked
        if size < len(facts.classes)
    ]
    UserError.raise_if(problems)
    return tuple(sorted(asked))
