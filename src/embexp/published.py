"""A published table and what a run of its protocol gives: paper, ours, difference, interval, verdict.

Y. Kim, Convolutional Neural Networks for Sentence Classification, EMNLP 2014, Table 2: test accuracy in percent, one
run each; MR, Subj, CR and MPQA by 10-fold cross-validation. Two independent reproductions of its first row
(harvardnlp/sent-conv-torch and hoonpak's cnn-sentence-classification) lie up to 3.0 points beside it, so a figure is

    reproduced       within 1.5 points and one standard deviation of our seeds
    within drift     within 3.0 points, as far as the reproductions drifted, and one standard deviation
    not reproduced   further away
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

SOURCE = "Kim 2014, Table 2 (EMNLP, D14-1181)"
DATA_SETS = {"mr": "MR", "sst5": "SST-1", "sst2": "SST-2", "subj": "Subj", "trec": "TREC", "cr": "CR", "mpqa": "MPQA"}
FOLDED = ("mr", "subj", "cr", "mpqa")  # by 10-fold cross-validation
OWN_VALIDATION = ("sst5", "sst2")  # the paper stops on these texts of theirs; elsewhere on a tenth of training's
STRATEGIES = {"random": "rand", "frozen": "static", "finetuned": "non-static", "multichannel": "multichannel"}
PAPER = {
    "random": (76.1, 45.0, 82.7, 89.6, 91.2, 79.8, 83.4),
    "frozen": (81.0, 45.5, 86.8, 93.0, 92.8, 84.7, 89.6),
    "finetuned": (81.5, 48.0, 87.2, 93.4, 93.6, 84.3, 89.5),
    "multichannel": (81.1, 47.4, 88.1, 93.2, 92.2, 85.0, 89.4),
}
REPRODUCTIONS = {  # of the row "rand"
    "harvardnlp": (75.9, 42.2, 83.5, 89.2, 88.2, 78.3, 84.6),
    "hoonpak": (74.9, 43.7, 84.2, 89.1, 90.4, 78.8, 84.3),
}
FAIR = 1.5  # points
DRIFT = max(  # points
    abs(ours - paper) for row in REPRODUCTIONS.values() for ours, paper in zip(row, PAPER["random"], strict=True)
)
REPRODUCED, WITHIN_DRIFT, NOT_REPRODUCED = "reproduced", "within drift", "not reproduced"
MISSING, NOT_MEASURED = "data missing", "not measured"
# key: (value of the paper, what it is in words)
PROTOCOL: dict[str, tuple[Any, str]] = {
    "word2vec.vector_size": (300, "dimensions of the vectors"),
    "classifier.encoder": ("cnn", "encoder"),
    "classifier.windows": ([3, 4, 5], "windows of the filters"),
    "classifier.maps": (100, "filters of each window"),
    "classifier.dropout": (0.5, "dropout"),
    "classifier.max_norm": (3.0, "largest norm of a class's weights"),
    "classifier.initial_scale": (0.25, "range of the random rows"),
    "training.batch_size": (50, "texts a batch"),
    "training.optimizer": ("adadelta", "optimiser"),
    "training.embedding_optimizer": ("adadelta", "optimiser of the rows"),
    "training.schedule": ("constant", "learning rate over time"),
    "training.budget.passes": (25, "passes over the training texts"),
    "training.early_stopping": (0.1, "share of the training texts that chooses the pass"),
}


@dataclass(frozen=True)
class Figure:
    """One figure of the table; scores in percent, differences in points.

    Attributes:
        data_set: Its key, as in DATA_SETS.
        strategy: As embexp calls it.
        paper: As published.
        ours: Mean over seeds, None where nothing was run.
        difference: Ours less the paper's.
        low: Lower end of the interval of the difference: of ours for new seeds and texts, the paper's figure as given.
        high: Upper end.
        verdict: One of the words above.
    """

    data_set: str
    strategy: str
    paper: float
    ours: float | None
    difference: float | None
    low: float | None
    high: float | None
    verdict: str


def compare(results: Mapping[str, Mapping[str, Any]]) -> list[Figure]:
    """Hold studies against the paper's table.

    Args:
        results: Content of results.json by data set; data sets that are not there are missing.
    """
    return [
        _figure(data_set, strategy, paper, results.get(data_set))
        for strategy, row in PAPER.items()
        for data_set, paper in zip(DATA_SETS, row, strict=True)
    ]


def _figure(data_set: str, strategy: str, paper: float, results: Mapping[str, Any] | None) -> Figure:
    if results is None:
        return Figure(data_set, strategy, paper, None, None, None, None, MISSING)
    curve = [row for row in results["curves"] if row["strategy"] == strategy and row.get("mean") is not None]
    point = max(curve, key=lambda row: row["train_size"], default=None)
    if point is None:
        return Figure(data_set, strategy, paper, None, None, None, None, NOT_MEASURED)
    ours, spread = 100 * point["mean"], 100 * (point.get("sd") or 0.0)
    low, high = (None if point.get(end) is None else 100 * point[end] - paper for end in ("ci_low", "ci_high"))
    return Figure(data_set, strategy, paper, ours, ours - paper, low, high, verdict(ours - paper, spread))


def verdict(difference: float, spread: float) -> str:
    """Return the word for a difference in points, our seeds having that standard deviation."""
    distance = abs(difference)
    if distance <= FAIR + spread:
        return REPRODUCED
    return WITHIN_DRIFT if distance <= DRIFT + spread else NOT_REPRODUCED


def deviations(results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say in what the studies' protocol differs from the paper's, each thing once."""
    said = [sentence for key, each in results.items() for sentence in _deviations(key, each["config"])]
    if results:
        said.append("seeds: our figures are means over seeds; the paper's are one run each")
    return list(dict.fromkeys(said))


def _deviations(data_set: str, config: Mapping[str, Any]) -> Iterator[str]:
    word2vec = config["word2vec"]
    file = str(word2vec.get("file") or "")
    if word2vec["corpus"] != "pretrained":
        yield f"vectors: trained by embexp (word2vec.corpus={word2vec['corpus']}); the paper's are from Google News"
    elif "googlenews" not in file.lower():
        yield f"vectors: {file}; the paper's are from Google News"
    for key, (paper, what) in PROTOCOL.items():
        value: Any = config
        for part in key.split("."):
            value = value[part]
        if value != paper and value is not None:
            yield f"{what}: {_plain(value)} ({key}); {_plain(paper)} in the paper"
    yield from _text_deviations(config["text"])
    if data_set in OWN_VALIDATION and config["training"]["early_stopping"]:
        name = DATA_SETS[data_set]
        yield f"stopping: {name} on a part of the training texts; the paper on the validation texts of the set"
    folds = config["dataset"].get("folds")
    wanted = 10 if data_set in FOLDED else None
    if folds != wanted:
        ours = f"{folds}-fold cross-validation" if folds else "one split"
        paper = "10-fold cross-validation" if wanted else "its own split"
        yield f"folds: {DATA_SETS[data_set]} by {ours}; {paper} in the paper"


def _text_deviations(text: Mapping[str, Any]) -> Iterator[str]:
    if text["tokenizer"] == "treebank":
        yield "tokens: text.tokenizer=treebank, contractions split as in the paper; its own script drops other signs"
    else:
        yield f"tokens: text.tokenizer={text['tokenizer']}; the paper's own script splits contractions and keeps signs"
    if text["min_count"] > 0:
        said = f"unknown (text.min_count={text['min_count']}); the paper keeps them"
        yield f"words: those that only test texts hold are {said}"


def _plain(value: Any) -> str:
    return (
        ", ".join(map(str, value))
        if isinstance(value, list)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def content(figures: Sequence[Figure], differences: Sequence[str], missing: Sequence[str]) -> dict[str, Any]:
    """Return all of it as JSON-able data."""
    return {
        "source": SOURCE,
        "reproductions": {name: dict(zip(DATA_SETS, row, strict=True)) for name, row in REPRODUCTIONS.items()},
        "tolerance_points": {REPRODUCED: FAIR, WITHIN_DRIFT: DRIFT},
        "figures": [asdict(figure) for figure in figures],
        "deviations": list(differences),
        "missing": list(missing),
    }
