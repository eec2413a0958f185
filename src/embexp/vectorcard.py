"""What a study says of its word vectors: source, coverage, card, and what its intervals cover of them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embexp.config import StudyConfig, Word2VecConfig
from embexp.engine.store import Store
from embexp.study import Plan
from embexp.text import Dataset, nested_order
from embexp.vectors.coverage import Coverage, measure_coverage
from embexp.vectors.entries import read_json
from embexp.vectors.settings import training_settings
from embexp.wordvectors import source_of

NOT_REPRODUCIBLE = (
    "The word vectors were trained by several threads at once (word2vec.exact=false) and come out differently each "
    "time, and so do the numbers of every strategy that starts from them; exact=true is reproducible to the byte."
)
FIRST_FOLD = "; coverage and card are those of the first fold"


def describe_word2vec(
    config: StudyConfig, plan: Plan, store: Store, dataset: Dataset, cells: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Return where the word vectors come from, what of the text they cover, and their card.

    Args:
        config: The study.
        plan: Its tasks.
        store: Where they lie.
        dataset: Its texts.
        cells: Its finished cells, rows of `cells`: the spread between several trainings comes from them.

    Returns:
        Empty if the study uses none, or they failed. `coverage` is of the whole vocabulary, `coverage_by_train_size`
        of the labelled texts of the first seed.
    """
    task = plan.word2vec
    if task is None or not store.has(task.fingerprint):
        return {}
    word2vec, folder, source = config.word2vec, store.path(task.fingerprint), source_of(task)
    rows = np.load(folder / "rows.npy", allow_pickle=False)
    trainings = {source_of(cell.task.needs["word2vec"]) for cell in plan.cells if "word2vec" in cell.task.needs}
    seconds = [store.read_timing(each.fingerprint)["seconds"] for each in trainings if store.has(each.fingerprint)]
    description = {
        "corpus": word2vec.corpus,
        "source": describe_source(word2vec) + (FIRST_FOLD if config.dataset.folds else ""),
        "reproducible": is_reproducible(word2vec),
        **_settings(word2vec, source.config),
        "vectors": len(rows),
        "trainings": len(trainings),
        "coverage": _coverage(dataset, rows).as_dict(),
        "coverage_by_train_size": [
            {"train_size": size, **_coverage_of_labelled(dataset, own, size, plan.seeds[0]).as_dict()}
            for size, own in _rows_by_train_size(plan, store)
        ],
        "spelling": read_json(folder / "alignment.json").get("spelling"),
        "seconds": round(statistics.median(seconds), 1) if seconds else None,
        "held_fixed": intervals_sentence(config),
        "spread": spread_between_trainings(cells),
    }
    if plan.judge is not None and store.has(plan.judge.fingerprint):
        description["card"] = read_json(store.path(plan.judge.fingerprint) / "card.json")
    return description


def is_reproducible(config: Word2VecConfig) -> bool:
    """Return whether the same command gives the same vectors."""
    return config.exact or config.corpus == "pretrained"


def describe_source(config: Word2VecConfig) -> str:
    """Return in a few words what the vectors were learned from."""
    names = ", ".join(Path(name).name for name in config.files)
    return {
        "pool": "trained on the unlabelled texts of the whole pool",
        "labelled": "trained on each cell's own labelled texts, no other data",
        "files": f"trained on {names}",
        "dataset": f"trained on the pool of the data set {config.dataset}",
        "hub": f"trained on {_hub_name(config)}, split {config.split}",
        "pretrained": f"pre-trained: {Path(config.file or '').name}",
    }[config.corpus]


def _hub_name(config: Word2VecConfig) -> str:
    """Return a data set's name on the Hub; of a local copy the folder's name, without its path."""
    name = str(config.dataset)
    return Path(name).expanduser().name if Path(name).expanduser().is_dir() else name


def intervals_sentence(config: StudyConfig) -> str:
    """Return what the intervals cover of the word vectors."""
    word2vec = config.word2vec
    if word2vec.corpus == "labelled":
        return (
            "the word vectors: trained anew on each cell's labelled texts, so the intervals cover them"
            if word2vec.seeds == "paired"
            else "the seed of word2vec; the texts it learns from change with each cell, and the intervals cover them"
        )
    if word2vec.seeds == "paired":
        return "the corpus of word2vec; its training is repeated with each seed, and the intervals cover that"
    if isinstance(word2vec.seeds, list):
        return (
            f"the word vectors: one training (word2vec.seed={word2vec.seeds[0]}), shared by all seeds; the spread "
            f"between {len(word2vec.seeds)} trainings is reported apart"
        )
    if word2vec.corpus == "pretrained":
        return "the word vectors: one file, shared by all seeds"
    where = {
        "pool": "the unlabelled pool",
        "dataset": f"the pool of {word2vec.dataset}",
        "hub": f"{_hub_name(word2vec)} ({word2vec.split})",
    }.get(word2vec.corpus, "the files")
    each = " of each fold" if config.dataset.folds and word2vec.corpus == "pool" else ""
    return f"the word vectors: one training on {where}{each} (word2vec.seed={word2vec.seed}), shared by all seeds"


def vectors_are_held_fixed(plan: Plan) -> bool:
    """Return whether all cells that the verdict rests on start from the same vectors."""
    return len({cell.task.needs.get("word2vec") for cell in plan.cells if not cell.beside} - {None}) <= 1


def spread_between_trainings(cells: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return how far the scores of several trainings of the vectors lie apart.

    Args:
        cells: Rows of `cells`; those with a `word2vec_seed` that differs within a seed count.

    Returns:
        For each strategy and train size {strategy, train_size, word2vec_seeds, means: test accuracy over cell seeds,
        sd: standard deviation of the means between trainings}; nothing where there is one training.
    """
    groups: dict[tuple[str, int], dict[int, list[float]]] = {}
    pairs = set()
    for cell in cells:
        own = cell.get("word2vec_seed")
        if own is not None:
            groups.setdefault((cell["strategy"], cell["train_size"]), {}).setdefault(own, []).append(
                cell["test_accuracy"]
            )
            pairs.add((own, cell["seed"]))
    several = len({seed for _, seed in pairs}) < len(pairs)  # else each training belongs to one seed: paired
    return [
        {
            "strategy": strategy,
            "train_size": train_size,
            "word2vec_seeds": sorted(scores),
            "means": [round(statistics.mean(scores[own]), 6) for own in sorted(scores)],
            "sd": round(statistics.stdev(statistics.mean(values) for values in scores.values()), 6),
        }
        for (strategy, train_size), scores in groups.items()
        if several and len(scores) > 1
    ]


def write_card(description: Mapping[str, Any], dataset: str, folder: Path) -> list[Path]:
    """Write what is known of the word vectors as card.json and, for readers, card.md."""
    folder.mkdir(exist_ok=True)
    paths = [folder / "card.json", folder / "card.md"]
    paths[0].write_text(json.dumps(description, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    lines = ["# Word vectors", "", *card_text(description, dataset)]
    paths[1].write_text("\n".join(lines) + "\n", encoding="utf-8")
    return paths


def card_text(description: Mapping[str, Any], dataset: str) -> Iterator[str]:
    """Yield the card as lines of text that are Markdown too."""
    judged = description["card"]
    yield f"{judged['vectors']:,} vectors of {judged['vector_size']} numbers, {description['source']} ({dataset})."
    if judged["corpus_tokens"]:
        rate = judged["corpus_tokens"] * description["epochs"] / max(description["seconds"], 0.1)
        yield (
            f"{judged['corpus_tokens']:,} running words, {description['epochs']} epochs in "
            f"{description['seconds']:.0f} s ({rate / 1e6:.2f} M words/s)."
        )
    if not description["reproducible"]:
        yield "Not reproducible: word2vec.exact=false trains on all cores at once, and each run gives other vectors."
    coverage = description["coverage"]
    yield (
        f"Coverage of the classifier's vocabulary of {coverage['vocabulary_size']:,} words: "
        f"{100 * coverage['types']:.1f} % of the types, {100 * coverage['tokens']:.1f} % of the tokens"
        + (f"; most frequent without a vector: {', '.join(coverage['missing'])}." if coverage["missing"] else ".")
    )
    yield ""
    yield from (f"- {line}" for line in judged["lines"])
    if judged["neighbours"]:
        yield ""
        yield "Nearest words of those that tell the classes apart:"
        yield ""
        for row in judged["neighbours"]:
            yield f"- {row['word']} ({row['class']}): {', '.join(row['neighbours'])}"
    if judged["warnings"]:
        yield ""
        yield from (f"Caution: {warning}" for warning in judged["warnings"])


def _settings(config: Word2VecConfig, task: Mapping[str, Any]) -> dict[str, Any]:
    if config.corpus == "pretrained":
        return {"file": config.file, "format": task.get("format"), "unknown": config.unknown}
    return training_settings(config, config.seed) | {"seeds": config.seeds, "unknown": config.unknown}


def _coverage(dataset: Dataset, rows: Any) -> Coverage:
    size = dataset.vocabulary_size
    return measure_coverage(dataset.vocabulary[:size], np.asarray(dataset.counts[:size]), rows)


def _coverage_of_labelled(dataset: Dataset, rows: Any, train_size: int, seed: int) -> Coverage:
    """Return the coverage of the tokens that a classifier meets in the labelled texts of one size and seed."""
    order = nested_order(np.asarray(dataset.pool.labels, np.int64), seed)
    bags = dataset.pool.bags.select(order[:train_size])
    counts = np.bincount(bags.indices, weights=bags.counts, minlength=dataset.vocabulary_size).astype(np.int64)
    met = np.flatnonzero(counts)
    met = met[np.argsort(-counts[met], kind="stable")]
    place_of = np.full(dataset.vocabulary_size, len(met), np.int64)
    place_of[met] = np.arange(len(met))
    known = rows[rows < dataset.vocabulary_size]
    words = [dataset.vocabulary[int(word)] for word in met]
    return measure_coverage(words, counts[met], place_of[known])


def _rows_by_train_size(plan: Plan, store: Store) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield for each train size the token ids that have a vector in the first cell that starts from vectors."""
    for size in plan.train_sizes:
        tasks = (
            cell.task.needs["word2vec"]
            for cell in plan.cells
            if cell.train_size == size and "word2vec" in cell.task.needs
        )
        folders = (store.path(task.fingerprint) for task in tasks if store.has(task.fingerprint))
        folder = next(folders, None)
        if folder is not None:
            yield size, np.load(folder / "rows.npy", allow_pickle=False)
