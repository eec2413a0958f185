#!/usr/bin/env python
"""Training time of a CNN cell of 5,000 sentences: embexp's loop against the usual PyTorch port, in turn, on one core.

The port is what the common implementations of Kim 2014 do, written fairly: sentences padded to the longest of the
corpus, a DataLoader, nn.Conv1d over (batch, vector_size, longest), one torch optimiser over all parameters, the full
table included. A second port pads to the longest of the batch. All train the same classifier from the same token ids:
vectors of 300, windows of 3, 4 and 5, 100 maps each, dropout .5, batches of 50.

    CPU s     CPU seconds of one pass, from token ids to final weights, median over the rounds
    ratio     of a round's port to the same round's embexp: median, and the smallest of the rounds

    scripts/bench/encoders.py --json docs/bench/encoders.json
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402  reads the variables above
import torch  # noqa: E402
from torch import nn  # noqa: E402

from embexp.classify.cell import CellData, train_strategy  # noqa: E402
from embexp.classify.model import build_model, predict_classes  # noqa: E402
from embexp.classify.strategies import random_matrix  # noqa: E402
from embexp.config import BudgetConfig, ClassifierConfig, TrainingConfig  # noqa: E402
from embexp.results import environment  # noqa: E402

TRAIN_SIZE, VECTOR_SIZE, BATCH_SIZE, SEED = 5_000, 300, 50, 0
CLASSIFIER = ClassifierConfig(encoder="cnn", dropout=0.5, max_norm=3.0, initial_scale=0.25)
RATES = {"adadelta": 1.0, "adam": 0.001}
Trained = nn.Module


def main() -> int:
    """Run all contestants in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--passes", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = read_sentences()
    contestants = {
        (optimizer, name): (lambda train=train, optimizer=optimizer: train(data, optimizer, arguments.passes))
        for optimizer in RATES
        for name, train in CONTESTANTS.items()
    }
    runs: dict[tuple[str, str], list[dict]] = {key: [] for key in contestants}
    embexp(data, "adadelta", 0.1)  # compiles
    for number in range(arguments.rounds):
        for key, contestant in contestants.items():
            runs[key].append(measure(contestant, data))
            print(f"round {number + 1}: {' '.join(key)}: {runs[key][-1]}", file=sys.stderr)
    rows = [summarise(*key, found, runs[key[0], "embexp"]) for key, found in runs.items()]
    show(rows)
    if arguments.json:
        texts = {"texts": TRAIN_SIZE, "longest": int(lengths_of(data).max()), "mean": float(lengths_of(data).mean())}
        content = {"machine": environment() | {"date": time.strftime("%Y-%m-%d")}, "sentences": texts, "rows": rows}
        content |= {"rounds": arguments.rounds, "passes": arguments.passes, "vocabulary": data.vocabulary_size}
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


def read_sentences() -> CellData:
    """Return 5,000 labelled sentences of film reviews, and validation sentences to score with."""
    from embexp.command.compose import compose_study
    from embexp.text import count_tokens, nested_order, open_dataset, prepare

    config = compose_study(["dataset=rotten_tomatoes", "dataset.evaluate=validation", "text.min_count=1"])
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / name for name in ("dataset", "counts")]
        for place in places:
            place.mkdir()
        prepare(config.dataset, config.text, places[0], lambda *progress, **more: None)
        count_tokens(places[0], config.text, places[1], lambda *progress, **more: None)
        dataset = open_dataset(*places)
        labels = np.asarray(dataset.pool.labels, np.int64)
        subset = nested_order(labels, SEED)[:TRAIN_SIZE]
        return CellData(
            labelled=dataset.pool.bags.select(subset),
            labels=labels[subset],
            texts=dataset.test.bags,
            text_labels=np.asarray(dataset.test.labels, np.int64),
            classes=len(dataset.classes),
            vocabulary_size=dataset.vocabulary_size,
            labelled_sequences=dataset.pool.sequences.select(subset),
            text_sequences=dataset.test.sequences,
        )


def lengths_of(data: CellData) -> np.ndarray:
    """Return the tokens of each labelled text."""
    return np.diff(data.labelled_sequences.read()[1])


def embexp(data: CellData, optimizer: str, passes: float) -> Trained:
    """The general loop of this package."""
    training = TrainingConfig(
        batch_size=BATCH_SIZE,
        budget=BudgetConfig(0, passes),
        learning_rate=RATES[optimizer],
        embedding_learning_rate=RATES[optimizer],
        optimizer=optimizer,
        embedding_optimizer=optimizer,
        schedule="constant",
    )
    settings = {"vector_size": VECTOR_SIZE, "classifier": CLASSIFIER, "training": training, "seed": SEED}
    return train_strategy("random", data, **settings).model


class Port(nn.Module):
    """The CNN of the common ports: padding is read like any token, as theirs is."""

    def __init__(self, matrix: np.ndarray, classes: int) -> None:
        super().__init__()
        padding = np.zeros((1, matrix.shape[1]), np.float32)
        table = torch.from_numpy(np.concatenate([matrix, padding]))
        self.embedding = nn.Embedding(*table.shape, padding_idx=len(matrix), _weight=table)
        self.filters = nn.ModuleList(
            nn.Conv1d(VECTOR_SIZE, CLASSIFIER.maps, window, padding=window - 1) for window in CLASSIFIER.windows
        )
        self.dropout = nn.Dropout(CLASSIFIER.dropout)
        self.output = nn.Linear(CLASSIFIER.maps * len(CLASSIFIER.windows), classes)

    def forward(self, token_ids: torch.Tensor) -> torch.Tensor:
        """Return the logits of padded texts, shape (texts, classes)."""
        vectors = self.embedding(token_ids).transpose(1, 2)
        features = [torch.relu(filters(vectors)).amax(dim=2) for filters in self.filters]
        return self.output(self.dropout(torch.cat(features, dim=1)))


def port(data: CellData, optimizer: str, passes: int, to_longest_of: str) -> Trained:
    """Train the port; padded to the longest text of the corpus or of the batch."""
    torch.manual_seed(SEED)
    model = Port(random_matrix(data.vocabulary_size, VECTOR_SIZE, CLASSIFIER.initial_scale, SEED), data.classes)
    ids, offsets = data.labelled_sequences.read()
    texts = [torch.from_numpy(ids[a:b].astype(np.int64)) for a, b in itertools.pairwise(offsets)]
    longest = max(len(text) for text in texts) if to_longest_of == "corpus" else None

    def collate(items: list) -> tuple[torch.Tensor, torch.Tensor]:
        size = longest or max(len(text) for text, _ in items)
        padded = torch.full((len(items), size), data.vocabulary_size)
        for place, (text, _) in enumerate(items):
            padded[place, : len(text)] = text
        return padded, torch.tensor([label for _, label in items])

    pairs = list(zip(texts, data.labels.tolist(), strict=True))
    loader = torch.utils.data.DataLoader(pairs, batch_size=BATCH_SIZE, shuffle=True, collate_fn=collate)
    kinds = {"adadelta": lambda p: torch.optim.Adadelta(p, lr=1.0, rho=0.95), "adam": torch.optim.Adam}
    steps = kinds[optimizer](model.parameters())
    for _ in range(passes):
        for padded, labels in loader:
            loss = nn.functional.cross_entropy(model(padded), labels)
            steps.zero_grad()
            loss.backward()
            steps.step()
            with torch.no_grad():
                model.output.weight.copy_(torch.renorm(model.output.weight, 2, 0, CLASSIFIER.max_norm))
    return as_embexp(model, data)


def as_embexp(model: Port, data: CellData) -> Trained:
    """Return the port's weights in this package's module, to be scored alike."""
    matrix = model.embedding.weight.detach().numpy()[:-1].copy()
    same = build_model(CLASSIFIER, matrix, data.classes, SEED)
    same.filters.load_state_dict(model.filters.state_dict())
    same.output.load_state_dict(model.output.state_dict())
    return same


CONTESTANTS: dict[str, Callable[..., Trained]] = {
    "embexp": embexp,
    "port, longest of the corpus": lambda *given: port(*given, to_longest_of="corpus"),
    "port, longest of the batch": lambda *given: port(*given, to_longest_of="batch"),
}


def measure(contestant: Callable[[], Trained], data: CellData) -> dict[str, float]:
    """Return CPU seconds and wall seconds of a training, and the accuracy that it reached."""
    cpu, wall = time.process_time(), time.perf_counter()
    model = contestant()
    times = {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}
    predictions = predict_classes(model, data.text_sequences)
    return times | {"accuracy": float((predictions == data.text_labels).mean())}


def summarise(optimizer: str, name: str, found: list[dict], embexp_runs: list[dict]) -> dict:
    """Return medians over the rounds, and the ratios of each round to embexp's run in it."""
    ratios = [run["cpu_seconds"] / own["cpu_seconds"] for run, own in zip(found, embexp_runs, strict=True)]
    medians = {key: statistics.median(run[key] for run in found) for key in found[0]}
    return {"optimizer": optimizer, "name": name, **medians, "ratio": statistics.median(ratios), "least": min(ratios)}


def show(rows: list[dict]) -> None:
    """Print the table."""
    print("| optimiser | | CPU s | ratio (least) | accuracy |\n|---|---|---|---|---|")
    for row in rows:
        ratio = "" if row["name"] == "embexp" else f"{row['ratio']:.1f} ({row['least']:.1f})"
        print(f"| {row['optimizer']} | {row['name']} | {row['cpu_seconds']:.1f} | {ratio} | {row['accuracy']:.3f} |")


if __name__ == "__main__":
    sys.exit(main())
