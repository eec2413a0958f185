"""The settings of a study: one frozen dataclass per group of conf/, with their defaults.

The dataclasses are plain values: this file imports neither Hydra nor OmegaConf, so every room may read it.
`embexp.schema` derives from them the (mutable) schemas that Hydra composes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from typing import Any, TypeVar, get_type_hints

MISSING = "???"  # OmegaConf's mark for a mandatory value

PLANNED = ("random", "frozen", "finetuned")  # compared by default; their pairs are the family of Holm's method
STRATEGIES = (*PLANNED, "multichannel")
CONTROLS = ("tfidf", "random_frozen")
EVALUATE = ("test", "validation")
WORD2VEC_CORPORA = ("pool", "labelled", "files", "dataset", "hub", "pretrained")
WORD2VEC_MODELS = ("word2vec", "fasttext")
UNKNOWN_WORDS = ("random", "zero", "mean", "subword")
INITIALISATIONS = ("uniform", "normal", "matched")
POOLINGS = ("mean", "max", "mean_max", "last")
CHANNELS = ("shared", "own")
STANDARDISED = ("auto", "texts", "tokens", "none")
DEVICES = ("auto", "cpu", "cuda")
SCHEDULES = ("linear", "constant")
OPTIMIZERS = ("adam", "adagrad", "adadelta", "sgd")
CLASS_WEIGHTS = ("none", "balanced")
TUNINGS = ("none", "random")
EXECUTORS = ("serial", "local", "dask")
TRACKERS = ("mlflow", "none")


@dataclass(frozen=True)
class DatasetConfig:
    """Where labelled texts come from and how they are split."""

    name: str = MISSING
    source: str = (
        MISSING  # movie_reviews | rotten_tomatoes | bbc_news | csv | json | parquet | arrow | folder | disk | hub
    )
    train: Any = None  # files: one, a pattern or a list; folder: a folder; disk, hub: a split
    test: Any = None  # as train; without it test_size texts are held out
    validation: Any = None  # as train; stands in for the test with evaluate=validation
    path: str | None = None  # hub: name; disk, folder: the folder
    configuration: str | None = None  # hub
    revision: str | None = None  # hub: branch, tag or commit
    text: str | None = None  # column of the texts; null guesses
    label: str | None = None  # column of the labels; null guesses
    delimiter: str = "auto"  # csv: auto | comma | semicolon | tab | pipe, or the character itself
    test_size: float = 0.2  # below 1 a share of the texts, from 1 on a number of texts
    split_seed: int = 0
    evaluate: str = "test"  # test | validation
    folds: int | None = None  # k-fold cross-validation in place of one split
    drop_overlap: bool = False  # take texts out of the pool that stand in the test too


@dataclass(frozen=True)
class TextConfig:
    """How a text becomes tokens and token ids."""

    pattern: str = r"[\p{L}\p{M}]+(?:['’][\p{L}\p{M}]+)*|\p{N}+|[.,!?;:]"
    lower: bool = True
    fold: bool = False  # full case folding (ß as ss) in place of lower
    tokenizer: str = "pattern"  # pattern | treebank | icu (Chinese, Japanese, Thai) | tokenizer.json | name on the Hub
    min_count: int = 2  # in the pool; 0: also words of the texts to be classified, for vectors that know them
    max_size: int | None = None  # at most so many types, the most frequent ones
    max_tokens: int = 400


@dataclass(frozen=True)
class Word2VecConfig:
    """Word vectors: what they are trained on or read from, and how, in gensim's own parameter names."""

    corpus: str = "pool"  # pool | labelled | files | dataset | hub | pretrained
    files: list[str] = field(default_factory=list)  # files: one text a line, or tables; patterns; may be compressed
    dataset: str | None = None  # dataset: source whose pool is read, such as movie_reviews | hub: a name on the Hub
    configuration: str | None = None  # hub: of the data set
    revision: str | None = None  # hub: branch, tag or commit
    split: str = "train"  # hub: the one that is read
    text: str | None = None  # hub and tables: column of the texts; None guesses
    file: str | None = None  # pretrained: path, package of vectors, or name in gensim-data
    vocabulary: str | None = None  # pretrained .npy or .safetensors: words, one a line
    model: str = "word2vec"  # word2vec | fasttext (with subwords)
    sg: int = 1  # 1 skip-gram, 0 CBOW
    vector_size: int | None = 100  # None: that of the pretrained file
    window: int = 5
    negative: int = 5
    min_count: int = 5
    epochs: int = 10
    sample: float = 1e-4
    alpha: float = 0.05
    min_alpha: float = 0.0001
    ns_exponent: float = 0.75
    cbow_mean: int = 1
    min_n: int = 3  # fasttext: shortest n-gram
    max_n: int = 6
    bucket: int = 2_000_000  # fasttext: n-gram vectors, 4 x vector_size bytes each
    seed: int = 1
    seeds: Any = "one"  # one: word2vec.seed | paired: the cell's seed | a list, the first for the verdict
    exact: bool = True  # false: all cores, not reproducible
    unknown: str = "random"  # random | zero | mean | subword: rows of words without a vector


@dataclass(frozen=True)
class ClassifierConfig:
    """The encoder and head behind the embedding layer. `encoders.py` says which encoder reads what."""

    encoder: str = "mean_pool"  # mean_pool | cnn (Kim 2014) | lstm (bidirectional) | linear (fastText's form)
    hidden_size: int = 64  # mean_pool: of each hidden layer; lstm: of each direction
    initial: str = "uniform"  # random rows: uniform(-scale, scale) | normal(0, scale) | matched to word2vec's norm
    initial_scale: float = 0.1
    standardise: str = "auto"  # word vectors: texts (pooled ones) | tokens | none; auto: texts for means, else tokens
    pooling: str = "mean"  # all but cnn: mean | max | mean_max (both, side by side) | last (lstm: last states)
    layers: int = 1  # mean_pool: hidden layers (several: DAN, Iyyer 2015)
    windows: list[int] = field(default_factory=lambda: [3, 4, 5])  # cnn: tokens that a filter sees
    maps: int = 100  # cnn: filters of each window
    dropout: float = 0.0  # share of the features left out before the output layer
    word_dropout: float = 0.0  # share of a text's tokens left out in each step
    max_norm: float | None = None  # largest length of a class's weights in the output layer
    channels: str = "shared"  # multichannel: shared (the same weights on both channels) | own (each has its own)


@dataclass(frozen=True)
class BudgetConfig:
    """Optimiser steps of a cell: at least min_steps, at least `passes` over its labelled texts."""

    min_steps: int = 100
    passes: float = 2.5  # with two classes
    classes_power: float = 0.0  # passes are multiplied by log2(classes) to this power
    frozen_factor: float = 1.0  # frozen: passes times this
    frozen_classes_power: float = 0.0  # frozen: passes once more times log2(classes) to this power


@dataclass(frozen=True)
class TrainingConfig:
    """The protocol of all train sizes, as it is for fine-tuning and two classes (docs/protocol.md has the evidence)."""

    batch_size: int = 32
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    learning_rate: float = 0.004  # all but the rows, with two classes
    embedding_learning_rate: float = 0.4  # rows, with two classes
    classes_power: float = 0.0  # learning_rate is multiplied by log2(classes) to this power
    embedding_classes_power: float = 0.0  # embedding_learning_rate likewise
    frozen_classes_power: float = 0.0  # frozen: learning_rate once more likewise
    random_rate_factor: float = 1.0  # random: embedding_learning_rate times this
    schedule: str = "linear"  # linear (both rates fall to 0 over the budget) | constant
    weight_decay: float = 0.0  # decoupled; neither rows nor biases
    device: str = "auto"  # auto | cpu | cuda
    optimizer: str = "adam"  # all but the rows: adam | adagrad | adadelta | sgd
    embedding_optimizer: str = "adagrad"  # rows: the same choice
    embedding_weight_decay: float = 0.0  # rows, decoupled
    class_weights: str = "none"  # none | balanced (every class weighs the same in the loss)
    label_smoothing: float = 0.0
    gradient_clipping: float | None = None  # largest length of the whole gradient
    early_stopping: float = 0.0  # share of a cell's labels that choose the pass whose weights are kept; 0: the last are


@dataclass(frozen=True)
class TuningConfig:
    """How a cell chooses its own settings: by independent draws, judged on labels of its own train_size alone.

    A range is two numbers between which values are drawn, evenly on a log scale; two equal ones hold a value fixed.
    """

    kind: str = "none"  # none (the protocol of training) | random (independent draws)
    draws: int = 16  # of every strategy in every cell
    folds: int = 5  # of the cross-validation inside the labelled texts
    folds_until: int = 5000  # labels; with more of them one split judges, which is precise enough
    held_out: float = 0.2  # share of the labels that judge in that split
    learning_rate: list[float] = field(default_factory=lambda: [0.0004, 0.04])
    embedding_learning_rate: list[float] = field(default_factory=lambda: [0.01, 4.0])
    zero_share: float = 0.25  # of the draws in which pre-trained rows have a rate of 0: frozen is inside the space
    budget_factor: list[float] = field(default_factory=lambda: [0.5, 2.0])  # times least steps and passes
    inverse_regularisation: list[float] = field(default_factory=lambda: [0.1, 1000.0])  # tfidf: scikit-learn's C
    ngrams: list[int] = field(default_factory=lambda: [1, 2])  # tfidf: longest n-gram, each as likely; 1 or 2


@dataclass(frozen=True)
class GridConfig:
    """The cells of a study."""

    strategies: list[str] = field(default_factory=lambda: list(PLANNED))
    train_sizes: Any = "auto"  # auto, all (the whole pool alone) or a list of ints
    seeds: Any = 10  # a number of seeds (0, 1, ...) or a list of ints
    controls: list[str] = field(default_factory=lambda: list(CONTROLS))


@dataclass(frozen=True)
class SlurmConfig:
    """Jobs that embexp submits (executor=slurm), in sbatch's own words."""

    jobs: int = 1
    workers_per_job: int = 1  # one core each
    memory: str = "4GB"  # of a job
    time: str = "01:00:00"
    partition: str | None = None
    account: str | None = None
    interface: str | None = None  # network interface on which workers reach this machine
    directives: list[str] = field(default_factory=list)  # further options of sbatch, such as --gres=gpu:1
    prologue: str | None = None  # file of shell lines, such as `module load`
    log_folder: str = ".embexp/slurm"


@dataclass(frozen=True)
class ExecutorConfig:
    """Where tasks run. Never part of a fingerprint."""

    kind: str = "local"  # serial | local | dask
    workers: int | None = None  # of this machine; None: one per core
    task_timeout_seconds: float | None = None
    address: str | None = None  # dask: scheduler that runs already, such as tcp://head:8786
    scheduler_file: str | None = None  # dask: the same, by the file that it wrote
    cluster: str = "local"  # dask without either: local | slurm
    resources: dict[str, Any] = field(default_factory=dict)  # dask: what a task takes of the workers', such as GPU=1
    worker_wait_seconds: float = 300.0  # dask: how long to go on without any worker
    slurm: SlurmConfig = field(default_factory=SlurmConfig)


@dataclass(frozen=True)
class TrackingConfig:
    """Where results are logged. Never part of a fingerprint."""

    kind: str = "mlflow"  # mlflow | none
    uri: str | None = None  # None: MLFLOW_TRACKING_URI, else sqlite:///.embexp/mlflow.db
    experiment: str | None = None  # None: the study's name
    system_metrics: bool = False  # log processor, memory and disk of this machine while the study runs


@dataclass(frozen=True)
class StudyConfig:
    """A whole study: what conf/study.yaml composes."""

    name: str = MISSING
    store: str = ".embexp/store"
    output: str = "outputs"
    export: str | None = None  # train on all labels and keep as a model: best | a strategy
    export_register: str | None = None  # name under which MLflow registers the model
    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    text: TextConfig = field(default_factory=TextConfig)
    word2vec: Word2VecConfig = field(default_factory=Word2VecConfig)
    classifier: ClassifierConfig = field(default_factory=ClassifierConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    tuning: TuningConfig = field(default_factory=TuningConfig)
    grid: GridConfig = field(default_factory=GridConfig)
    executor: ExecutorConfig = field(default_factory=ExecutorConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)


T = TypeVar("T")


def build(settings: type[T], values: Mapping[str, Any]) -> T:
    """Build settings from plain values (the way back from `dataclasses.asdict`); defaults fill what is missing."""
    hints = get_type_hints(settings)
    given = {name: value for name, value in values.items() if name in hints}
    nested = {name: build(hints[name], value) for name, value in given.items() if is_dataclass(hints[name])}
    return settings(**(given | nested))
