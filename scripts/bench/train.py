#!/usr/bin/env python
"""Training speed on real reviews: embexp's engine against its peers, in turn, on one core.

Every contestant learns the same mean-pooled classifier of the same dimensions from the same token ids (fastText its
own form of it, without a hidden layer, from the same tokens, and so does embexp's `linear`; TF-IDF its own), each in a
process of its own, round after round, every round with another seed and so another labelled subset; the table shows
the median and the spread over rounds.

    tokens/s        training tokens per second, from mapped data to final weights; imports and compilation apart
    s to target     median seconds of training until the validation accuracy that the usual loop reaches in its
                    best pass of the same round, less half a point, is first met (evaluation not counted); in
                    brackets the rounds that met it
    peak MB         resident memory of the process at its highest

    scripts/bench/train.py --json docs/bench/train.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402  reads the variables above

VECTOR_SIZE, HIDDEN_SIZE, BATCH_SIZE = 100, 64, 32
MAX_TOKENS = 400
Contestant = Callable[["Problem"], Iterator[tuple[float, int, float]]]  # (seconds, tokens, accuracy) so far


class Problem:
    """A labelled subset of the reviews, as token ids and as bags, and the validation texts."""

    def __init__(self, folder: Path, train_size: int, seed: int) -> None:
        from embexp.text import nested_order, open_dataset

        self.dataset = open_dataset(folder / "dataset", folder / "counts")
        labels = np.asarray(self.dataset.pool.labels, np.int64)
        self.seed = seed
        self.subset = nested_order(labels, seed)[:train_size]
        self.labels = labels[self.subset]
        self.bags = self.dataset.pool.bags.select(self.subset)
        self.tokens = int(self.bags.tokens().sum())
        self.vocabulary_size = self.dataset.vocabulary_size
        self.val_bags = self.dataset.test.bags
        self.val_labels = np.asarray(self.dataset.test.labels, np.int64)

    def ids(self, part: str, texts: np.ndarray) -> list[np.ndarray]:
        """Return the known token ids of some texts, cut as the bags are."""
        view = getattr(self.dataset, part)
        found = (view.ids[view.offsets[text] : view.offsets[text + 1]][:MAX_TOKENS] for text in texts)
        return [ids[(ids >= 0) & (ids < self.vocabulary_size)].astype(np.int64) for ids in found]

    def words(self, part: str, texts: np.ndarray) -> list[str]:
        """Return the same texts as words."""
        vocabulary = np.array(self.dataset.vocabulary, dtype=object)
        return [" ".join(vocabulary[ids]) for ids in self.ids(part, texts)]

    def initial_rows(self) -> np.ndarray:
        """Return small uniform rows, the same for all."""
        from embexp.classify.strategies import random_matrix

        return random_matrix(self.vocabulary_size, VECTOR_SIZE, 0.1, self.seed)

    def model(self, encoder: str = "mean_pool"):
        """Return the untrained classifier."""
        from embexp.classify.model import build_model
        from embexp.config import ClassifierConfig

        classifier = ClassifierConfig(encoder=encoder, hidden_size=HIDDEN_SIZE)
        return build_model(classifier, self.initial_rows(), 2, self.seed)


def embexp(problem: Problem, encoder: str = "mean_pool") -> Iterator[tuple[float, int, float]]:
    """The engine of this package, with its default protocol; more passes for the curve."""
    from embexp.classify import kernels  # noqa: F401  compiled here
    from embexp.classify.batches import batch_order, optimiser_steps
    from embexp.classify.model import predict_classes
    from embexp.classify.training import train
    from embexp.config import TrainingConfig

    config = TrainingConfig()
    for share in (0.25, 0.5, 1.0, 2.0, 4.0):
        steps = optimiser_steps(config.budget, len(problem.labels), BATCH_SIZE)
        steps = max(1, round(steps * share)) if share != 1 else steps
        started = time.perf_counter()
        model = problem.model(encoder)
        batches = batch_order(len(problem.labels), BATCH_SIZE, steps, problem.seed)
        train(model, problem.bags, problem.labels, batches, config, True)
        seconds = time.perf_counter() - started
        accuracy = float((predict_classes(model, problem.val_bags) == problem.val_labels).mean())
        yield seconds, int(problem.bags.tokens()[batches.ravel()].sum()), accuracy


def embexp_linear(problem: Problem) -> Iterator[tuple[float, int, float]]:
    """The same without a hidden layer: fastText's form."""
    yield from embexp(problem, "linear")


def usual_loop(problem: Problem) -> Iterator[tuple[float, int, float]]:
    """What tutorials show, written fairly: DataLoader, padded nn.Embedding, masked mean, dense Adam."""
    import torch
    from torch.nn.utils.rnn import pad_sequence
    from torch.utils.data import DataLoader

    torch.set_num_threads(1)
    torch.manual_seed(problem.seed)
    texts = [torch.from_numpy(ids) for ids in problem.ids("pool", problem.subset)]

    def collate(items):
        lengths = torch.tensor([len(ids) for ids, _ in items])
        padded = pad_sequence([ids for ids, _ in items], batch_first=True)
        return padded, lengths, torch.tensor([label for _, label in items])

    data = list(zip(texts, problem.labels.tolist(), strict=True))
    loader = DataLoader(data, batch_size=BATCH_SIZE, shuffle=True, collate_fn=collate)
    model = problem.model()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    yield from torch_passes(problem, model, optimiser, lambda: loader, lambda m, ids, lengths: m(ids, lengths))


def embedding_bag(problem: Problem) -> Iterator[tuple[float, int, float]]:
    """nn.EmbeddingBag over flat ids and one fused Adam: what a careful PyTorch user writes."""
    import torch

    torch.set_num_threads(1)
    texts = problem.ids("pool", problem.subset)
    rng = np.random.default_rng(problem.seed)
    model = problem.model()
    bag = torch.nn.EmbeddingBag.from_pretrained(model.embedding.weight.detach(), freeze=False, mode="mean")
    model.embedding = bag
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def batches():
        order = rng.permutation(len(texts))
        for start in range(0, len(order), BATCH_SIZE):
            chosen = [texts[place] for place in order[start : start + BATCH_SIZE]]
            offsets = torch.from_numpy(np.cumsum([0, *(len(text) for text in chosen[:-1])]))
            labels = torch.from_numpy(problem.labels[order[start : start + BATCH_SIZE]])
            yield torch.from_numpy(np.concatenate(chosen)), offsets, labels

    yield from torch_passes(problem, model, optimiser, batches, lambda m, ids, offsets: m.classify(bag(ids, offsets)))


def torch_passes(problem: Problem, model, optimiser, batches, forward) -> Iterator[tuple[float, int, float]]:
    """Train pass after pass; stop once two more passes have not helped."""
    import torch

    from embexp.classify.strategies import pool_with

    seconds, tokens, best, since = 0.0, 0, 0.0, 0
    for _ in range(40):
        started = time.perf_counter()
        for ids, sizes, labels in batches():
            loss = torch.nn.functional.cross_entropy(forward(model, ids, sizes), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        seconds += time.perf_counter() - started
        tokens += problem.tokens
        pooled = torch.from_numpy(pool_with(model.embedding.weight.detach().numpy(), problem.val_bags))
        with torch.no_grad():
            accuracy = float((model.classify(pooled).argmax(1).numpy() == problem.val_labels).mean())
        yield seconds, tokens, accuracy
        best, since = (accuracy, 0) if accuracy > best else (best, since + 1)
        if since >= 2:
            return


def fasttext(problem: Problem) -> Iterator[tuple[float, int, float]]:
    """FastText's supervised mode: C++, no hidden layer, its own stochastic gradient."""
    import fasttext as library

    validation = problem.words("test", np.arange(len(problem.val_labels)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        lines = zip(problem.labels, problem.words("pool", problem.subset), strict=True)
        path.write_text("\n".join(f"__label__{label} {text}" for label, text in lines), encoding="utf-8")
        for passes in (2, 5, 10, 25, 50):
            started = time.perf_counter()
            model = library.train_supervised(
                str(path), dim=VECTOR_SIZE, epoch=passes, lr=0.5, thread=1, minCount=1, verbose=0
            )
            seconds = time.perf_counter() - started
            predicted = [int(labels[0][-1]) for labels in model.predict(validation)[0]]
            yield seconds, passes * problem.tokens, float((np.array(predicted) == problem.val_labels).mean())


def tfidf(problem: Problem) -> Iterator[tuple[float, int, float]]:
    """scikit-learn's TF-IDF with logistic regression: the control of every study."""
    from embexp.classify.tfidf import tfidf_predictions

    started = time.perf_counter()
    predictions, _ = tfidf_predictions(problem.bags, problem.labels, problem.val_bags, problem.vocabulary_size)
    seconds = time.perf_counter() - started
    yield seconds, problem.tokens, float((predictions == problem.val_labels).mean())


CONTESTANTS: dict[str, Contestant] = {
    "embexp": embexp,
    "embexp, linear": embexp_linear,
    "usual PyTorch loop": usual_loop,
    "EmbeddingBag, fused Adam": embedding_bag,
    "fastText supervised": fasttext,
    "TF-IDF + LR": tfidf,
}


def main() -> int:
    """Run all contestants in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--rounds", type=int, default=5, help="odd")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", nargs=4, metavar=("NAME", "FOLDER", "SIZE", "SEED"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        name, folder, size, seed = arguments.one
        from embexp.engine.perform import peak_mb

        problem = Problem(Path(folder), int(size), int(seed))
        points = list(CONTESTANTS[name](problem))
        print(json.dumps({"points": points, "peak_mb": peak_mb()}))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        prepare_reviews(Path(folder))
        tables = {size: race(Path(folder), size, arguments.rounds) for size in arguments.sizes}
    for size, table in tables.items():
        show(size, table)
    if arguments.json:
        content = {"machine": machine(), "rounds": arguments.rounds, "sizes": tables}
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


def prepare_reviews(folder: Path) -> None:
    """Prepare movie_reviews with validation texts in the place of the test texts."""
    from embexp.command.compose import compose_study
    from embexp.text import count_tokens, prepare

    config = compose_study(["dataset.evaluate=validation"])
    dataset, counts = folder / "dataset", folder / "counts"
    for part in (dataset, counts):
        part.mkdir()
    prepare(config.dataset, config.text, dataset, lambda *progress, **more: None)
    count_tokens(dataset, config.text, counts, lambda *progress, **more: None)


def race(folder: Path, size: int, rounds: int) -> dict[str, dict[str, float]]:
    """Let the contestants run in turn, round after round, and sum up."""
    runs: dict[str, list[dict]] = {name: [] for name in CONTESTANTS}
    for number in range(rounds):
        for name in CONTESTANTS:
            command = [sys.executable, __file__, "--one", name, str(folder), str(size), str(number)]
            finished = subprocess.run(command, capture_output=True, text=True, check=True)
            runs[name].append(json.loads(finished.stdout.splitlines()[-1]))
            print(f"{size:,} texts, round {number + 1}: {name}", file=sys.stderr)
    best = [max(point[2] for point in run["points"]) for run in runs["usual PyTorch loop"]]
    return {name: summarise(found, [accuracy - 0.005 for accuracy in best]) for name, found in runs.items()}


def summarise(found: list[dict], targets: list[float]) -> dict[str, float]:
    """Return medians and spread over rounds; each round has its own target accuracy."""
    rates = [max(tokens / seconds for seconds, tokens, _ in run["points"]) for run in found]
    times = [
        next((point[0] for point in run["points"] if point[2] >= target), None)
        for run, target in zip(found, targets, strict=True)
    ]
    reached = sorted(seconds for seconds in times if seconds is not None)
    return {
        "tokens_per_second": statistics.median(rates),
        "tokens_per_second_min": min(rates),
        "tokens_per_second_max": max(rates),
        "rounds_that_reached_it": len(reached),
        # The median over all rounds: a round that never reached it is slower than every other.
        "seconds_to_target": reached[len(times) // 2] if len(reached) > len(times) // 2 else None,
        "target_accuracy": statistics.mean(targets),
        "best_accuracy": statistics.mean(max(point[2] for point in run["points"]) for run in found),
        "peak_mb": statistics.median(run["peak_mb"] for run in found),
    }


def show(size: int, table: dict[str, dict[str, float]]) -> None:
    """Print one table."""
    first = table["embexp"]
    print(f"\n{size:,} labelled texts; mean target accuracy {first['target_accuracy']:.4f}")
    print(f"{'':26s}{'M tokens/s (min-max)':>24s}{'embexp is':>11s}{'s to target':>15s}{'embexp is':>11s}", end="")
    print(f"{'best acc.':>11s}{'peak MB':>9s}")
    for name, row in table.items():
        low, high = row["tokens_per_second_min"] / 1e6, row["tokens_per_second_max"] / 1e6
        rate = f"{row['tokens_per_second'] / 1e6:.2f} ({low:.2f}-{high:.2f})"
        seconds = row["seconds_to_target"]
        to_target = "never" if seconds is None else f"{seconds:.2f} ({row['rounds_that_reached_it']})"
        faster = "" if seconds is None or not first["seconds_to_target"] else seconds / first["seconds_to_target"]
        print(f"{name:26s}{rate:>24s}{first['tokens_per_second'] / row['tokens_per_second']:>9.1f} x", end="")
        print(f"{to_target:>15s}{faster if faster == '' else f'{faster:.1f} x':>11s}", end="")
        print(f"{row['best_accuracy']:>11.4f}{row['peak_mb']:>9.0f}")
    linear, peer = (table[name]["tokens_per_second"] for name in ("embexp, linear", "fastText supervised"))
    print(f"without a hidden layer both: embexp reads {linear / peer:.1f} times as many tokens per second as fastText")


def machine() -> dict[str, str]:
    """Return what the figures were taken on."""
    from embexp.results import environment

    return environment() | {"date": time.strftime("%Y-%m-%d"), "node": platform.machine()}


if __name__ == "__main__":
    sys.exit(main())
