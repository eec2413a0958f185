"""Where the word vectors of a study come from: the stages that train, load, align and judge them, and their tasks.

    pool, labelled    dataset ──► train_word2vec ─────────────────────► cells
    files, hub        prepare_corpus ──► train_word2vec ──► align ────► cells
    dataset           prepare_dataset ──► train_word2vec ─► align ────► cells
    pretrained        dataset, a file ──► load_vectors ───────────────► cells

Every entry that cells read holds `rows.npy`, the token ids that have a vector, and `vectors.npy`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embexp.config import DatasetConfig, StudyConfig, TextConfig, Word2VecConfig, build
from embexp.engine.task import Stage, Task, Work
from embexp.errors import UserError
from embexp.text import Facts, nested_order, open_dataset, peek, token_identity
from embexp.vectors.settings import training_settings

if TYPE_CHECKING:
    from embexp.vectors.corpus import Corpus

WORDS_PER_SECOND = 250_000  # skip-gram with five negatives on one core, raw words
WORDS_PER_TEXT = 125  # guesses, for the order of work only
BYTES_PER_WORD = 6
BYTES_PER_SECOND = 4e6  # tokenised
STREAM_SECONDS = 60.0  # of a stream, whose length nobody knows

# ---- stages


def prepare_corpus(work: Work) -> None:
    """Tokenise and number the texts of files or of a stream, as a data set's pool is."""
    from embexp.text.plain_files import prepare_files, write_corpus

    text = build(TextConfig, {**work.config["text"], "tokenizer": work.hints["tokenizer"]})
    if "stream" in work.hints:
        from embexp.text.streams import HubStream

        stream = HubStream.from_hints(work.hints["stream"])
        write_corpus(stream.read(), f"word2vec.dataset: {stream.path}", text, work.folder)
        return
    column = work.config.get("column")
    prepare_files(work.hints["files"], work.config["content"], text, work.folder, work.progress, column)


def train_word2vec(work: Work) -> None:
    """Train word vectors on a corpus: the pool, a cell's labelled texts, or texts from elsewhere."""
    from embexp.vectors.entries import write_words
    from embexp.vectors.training import train_vectors

    corpus = _open_corpus(work)
    trained = train_vectors(corpus, build(Word2VecConfig, work.config["word2vec"]), work.progress, cores=work.cores)
    if "corpus" not in work.needs:  # the corpus speaks the data set's ids
        np.save(work.folder / "rows.npy", trained.rows)
    np.save(work.folder / "vectors.npy", trained.vectors)
    counts = np.asarray(corpus.counts)[trained.rows]
    np.save(work.folder / "counts.npy", counts)
    write_words(work.folder / "words.txt", [corpus.words[int(row)] for row in trained.rows])
    if trained.subwords:
        trained.subwords.save(work.folder)
    about = {"tokens": corpus.tokens, "texts": len(corpus.offsets) - 1, "trace": trained.trace}
    (work.folder / "training.json").write_text(json.dumps(about, indent=1), encoding="utf-8")


def _open_corpus(work: Work) -> Corpus:
    from embexp.vectors.corpus import Corpus

    dataset = open_dataset(work.needs.get("corpus", work.needs.get("dataset", Path())))
    corpus = Corpus(dataset.pool.ids, dataset.pool.offsets, dataset.vocabulary, dataset.counts)
    if "labelled" not in work.config:
        return corpus
    labelled = work.config["labelled"]
    order = nested_order(np.asarray(dataset.pool.labels, np.int64), labelled["seed"])
    return corpus.select(order[: labelled["train_size"]])


def align_vectors(work: Work) -> None:
    """Give the words of a data set their vectors, by the spelling that the vectors have."""
    from embexp.vectors.alignment import align
    from embexp.vectors.entries import read_words, write_alignment
    from embexp.vectors.subwords import Subwords

    vectors = np.load(work.needs["word2vec"] / "vectors.npy", mmap_mode="r", allow_pickle=False)
    words = read_words(work.needs["word2vec"] / "words.txt")
    vocabulary = open_dataset(work.needs["dataset"]).vocabulary
    alignment = align(vocabulary, words)
    write_alignment(work.folder, alignment, vectors[alignment.places])
    subwords = Subwords.load(work.needs["word2vec"])
    if subwords is not None:
        subwords.write_composed(work.folder, vocabulary, alignment.rows)


def load_vectors(work: Work) -> None:
    """Read the rows that a data set's vocabulary needs from a file of pre-trained vectors."""
    from embexp.vectors.loading import load_for_vocabulary
    from embexp.vectors.sources import VectorSource

    source = VectorSource.from_config({**work.config, **work.hints})
    load_for_vocabulary(source, open_dataset(work.needs["dataset"]).vocabulary, work.folder, work.progress)


def judge_vectors(work: Work) -> None:
    """Judge word vectors by themselves, before any classifier: card.json."""
    from embexp.vectors.card import make_card
    from embexp.vectors.telling import Labelled

    dataset = open_dataset(work.needs["dataset"], work.needs["counts"])
    sets = [folder for name, folder in sorted(work.needs.items()) if name.startswith("word2vec")]
    labelled = Labelled(dataset.pool.bags, np.asarray(dataset.pool.labels, np.int64), dataset.classes)
    card = make_card(sets, dataset.vocabulary[: dataset.vocabulary_size], labelled, work.progress)
    (work.folder / "card.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


PREPARE_CORPUS = Stage("prepare_corpus", 1, prepare_corpus, all_cores=True)
TRAIN_WORD2VEC = Stage("train_word2vec", 2, train_word2vec)
TRAIN_ON_ALL_CORES = Stage("train_word2vec", 2, train_word2vec, all_cores=True)
ALIGN_VECTORS = Stage("align_vectors", 1, align_vectors)
LOAD_VECTORS = Stage("load_vectors", 1, load_vectors)
JUDGE_VECTORS = Stage("judge_vectors", 2, judge_vectors)

# ---- tasks


@dataclass(frozen=True)
class Choice:
    """The word vectors that a cell starts from: the seed of their training (None: not one of several) and the task."""

    word2vec_seed: int | None
    task: Task


@dataclass
class VectorPlan:
    """The tasks behind the word vectors of one study.

    Attributes:
        config: Where they come from.
        dataset: The task of the study's texts.
        words: Running words of the corpus, roughly.
        vector_size: Length of a vector.
        corpus: The task that prepares texts from elsewhere, if vectors are trained on such.
        loaded: The task that reads a pre-trained file, if there is one.
    """

    config: Word2VecConfig
    dataset: Task
    words: float
    vector_size: int
    corpus: Task | None = None
    loaded: Task | None = None
    _known: dict[tuple[int, ...], Task] = field(default_factory=dict)

    def choices(self, train_size: int, seed: int) -> list[Choice]:
        """Return the vectors for the cells of one train size and seed: the first for the verdict, others beside it."""
        seeds = self.config.seeds
        if isinstance(seeds, list):
            return [Choice(own, self._task(own, train_size, seed)) for own in seeds]
        if seeds == "paired":
            return [Choice(seed, self._task(seed, train_size, seed))]
        return [Choice(None, self._task(self.config.seed, train_size, seed))]

    def _task(self, word2vec_seed: int, train_size: int, seed: int) -> Task:
        labelled = (train_size, seed) if self.config.corpus == "labelled" else ()
        key = (word2vec_seed, *labelled)
        if key not in self._known:
            self._known[key] = self.loaded or self._trained(word2vec_seed, *labelled)
        return self._known[key]

    def _trained(self, word2vec_seed: int, train_size: int | None = None, seed: int | None = None) -> Task:
        config: dict[str, Any] = {"word2vec": training_settings(self.config, word2vec_seed)}
        title, words = "word2vec", self.words
        if self.config.seeds != "one" or train_size is not None:
            title += f" v={word2vec_seed}"
        if train_size is not None:
            config["labelled"] = {"train_size": train_size, "seed": seed}
            title, words = f"{title} n={train_size:05d} s={seed}", train_size * WORDS_PER_TEXT
        needs = {"corpus": self.corpus} if self.corpus else {"dataset": self.dataset}
        stage = TRAIN_WORD2VEC if self.config.exact else TRAIN_ON_ALL_CORES
        cost = 1 + words * self.config.epochs / WORDS_PER_SECOND
        trained = Task(stage, config, needs, title=title, cost=cost)
        if self.corpus is None and self.config.model == "word2vec":
            return trained
        return Task(ALIGN_VECTORS, {}, {"dataset": self.dataset, "word2vec": trained}, title=f"{title} aligned")

    def first(self, train_size: int, seed: int) -> Task:
        """Return the vectors of a cell that the verdict rests on."""
        return self.choices(train_size, seed)[0].task

    def judge(self, train_size: int, seeds: Sequence[int], counts: Task) -> Task:
        """Return the task that judges the first of several trainings, and how far the others agree with it.

        Args:
            train_size: The largest; decides where vectors are trained on the labelled texts.
            seeds: Of the cells.
            counts: Counts the tokens of the data set.
        """
        tasks = [choice.task for seed in seeds for choice in self.choices(train_size, seed)]
        sources = {f"word2vec {number:03d}": task for number, task in enumerate(dict.fromkeys(map(source_of, tasks)))}
        needs = {"dataset": self.dataset, "counts": counts, **sources}
        return Task(JUDGE_VECTORS, {}, needs, title="word2vec card", cost=2 + len(sources))


def source_of(task: Task) -> Task:
    """Return the task whose entry holds all words and vectors, of the task that a cell reads."""
    return task.needs.get("word2vec", task)


def plan_vectors(config: StudyConfig, facts: Facts, dataset: Task) -> VectorPlan:
    """Find out where a study's word vectors come from; files are looked at, nothing is run.

    Raises:
        UserError: If a file of vectors or texts is missing or of a kind that cannot be used.
    """
    word2vec = config.word2vec
    if word2vec.corpus == "pretrained":
        from embexp.vectors.sources import find_source

        source = find_source(word2vec)
        task = Task(
            LOAD_VECTORS,
            source.identity(),
            {"dataset": dataset},
            title="word2vec",
            cost=1 + source.size / 2e8,
            hints=source.hints(),
        )
        return VectorPlan(word2vec, dataset, 0, source.vector_size, loaded=task)
    corpus = _other_corpus(config)
    words = facts.pool_size * WORDS_PER_TEXT if corpus is None else corpus.cost * BYTES_PER_SECOND / BYTES_PER_WORD
    return VectorPlan(word2vec, dataset, words, int(word2vec.vector_size or 0), corpus)


def _other_corpus(config: StudyConfig) -> Task | None:
    word2vec = config.word2vec
    if word2vec.corpus == "files":
        from embexp.text.plain_files import digest_files, expand_files, kinds_of

        files = expand_files(word2vec.files)
        settings: dict[str, Any] = {"content": digest_files(files), "text": token_identity(config.text)}
        if set(kinds_of(files)) != {"lines"}:  # the same bytes are other texts
            settings |= {"kinds": kinds_of(files), "column": word2vec.text}
        cost = sum(Path(name).stat().st_size for name in files) / BYTES_PER_SECOND
        hints = {"files": files, "tokenizer": config.text.tokenizer}
        return Task(PREPARE_CORPUS, settings, title="corpus", cost=cost, hints=hints)
    if word2vec.corpus == "hub":
        return _hub_corpus(config)
    if word2vec.corpus == "dataset":
        from embexp.study import dataset_task

        source = str(word2vec.dataset)
        if source == config.dataset.source:
            raise UserError(
                f"word2vec.dataset: {source} is the data set of this study, whose test texts must stay unseen; "
                "use word2vec.corpus=pool, which reads all of it but those"
            )
        other = DatasetConfig(name=source, source=source)
        return dataset_task(other, config.text, peek(other))
    return None


def _hub_corpus(config: StudyConfig) -> Task:
    from embexp.text.streams import find_stream

    word2vec, own = config.word2vec, config.dataset
    name, split = str(word2vec.dataset), word2vec.split
    if own.source == "hub" and name == own.path and split in {"train", "test", "validation", own.train, own.test}:
        raise UserError(
            f"word2vec.dataset: {name} is the data set of this study, whose test texts must stay unseen; use "
            f"word2vec.corpus=pool, or a split without labels, such as word2vec.split=unsupervised, if it has one"
        )
    stream = find_stream(name, word2vec.configuration, word2vec.revision, split, word2vec.text)
    settings = {"content": stream.identity(), "text": token_identity(config.text)}
    hints = {"stream": stream.hints(), "tokenizer": config.text.tokenizer}
    return Task(PREPARE_CORPUS, settings, title="corpus", cost=STREAM_SECONDS, hints=hints)
