"""The other reading of "a linear layer": a word's number through nn.Linear(1, d), whose weights all words share."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embexp.labs.parts import Expectation, Part, Row, Shown, table

EXPECTATION = Expectation(
    "numbers",
    "And if the word's number goes through a linear layer?",
    "vector = number · w + b puts all words on one straight line. One step on one word moves the vectors of all "
    "words, where a lookup moves one. It can learn what is a threshold on the number and no other classes of words, "
    "nor vectors of their own for the words; renumbering the words changes what it can learn, and changes nothing "
    "for a lookup.",
)
VOCABULARY, VECTOR_SIZE, STEPS = 64, 8, 400


class NumberLinear(nn.Module):
    """The word's number, scaled to -1 … 1, through nn.Linear(1, vector_size)."""

    def __init__(self, vocabulary_size: int, vector_size: int) -> None:
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.layer = nn.Linear(1, vector_size, dtype=torch.float64)

    def forward(self, token_ids: Tensor) -> Tensor:
        """Return the vectors, shape (*token_ids.shape, vector_size)."""
        scaled = 2 * token_ids.double() / (self.vocabulary_size - 1) - 1
        vectors: Tensor = self.layer(scaled[..., None])
        return vectors


def make_layers() -> dict[str, nn.Module]:
    """Return a lookup and a number layer for the same words, freshly drawn from fixed seeds."""
    with torch.random.fork_rng():
        torch.manual_seed(8)
        return {
            "lookup": nn.Embedding(VOCABULARY, VECTOR_SIZE, dtype=torch.float64),
            "number": NumberLinear(VOCABULARY, VECTOR_SIZE),
        }


def label_sets() -> dict[str, NDArray[np.int64]]:
    """Return classes of the words to be learned, each int64, shape (VOCABULARY,)."""
    rng = np.random.default_rng(8)
    threshold = (np.arange(VOCABULARY) >= VOCABULARY // 2).astype(np.int64)
    return {
        "a threshold on the number": threshold,
        "the same, words renumbered": threshold[rng.permutation(VOCABULARY)],
        "odd or even": np.arange(VOCABULARY) % 2,
        "at random": rng.integers(0, 2, VOCABULARY),
    }


def best_threshold(labels: NDArray[np.int64]) -> float:
    """Return the share of words that the best threshold on the number classifies rightly: the limit of a line."""
    ones_before = np.concatenate([[0], np.cumsum(labels)])
    zeros_before = np.arange(len(labels) + 1) - ones_before
    right = zeros_before + labels.sum() - ones_before  # 0 below the threshold, 1 above
    return float(max(right.max(), (len(labels) - right).max()) / len(labels))


def learn_classes() -> list[Row]:
    """Train each layer under a linear head to tell classes of words, and score it on the same words."""
    ids = torch.arange(VOCABULARY)
    rows = []
    for what, labels in label_sets().items():
        targets = torch.from_numpy(labels)
        for name, layer in make_layers().items():
            head = nn.Linear(VECTOR_SIZE, 2, dtype=torch.float64)
            nn.init.zeros_(head.bias)
            nn.init.constant_(head.weight, 0.1)
            optimiser = torch.optim.Adam([*layer.parameters(), *head.parameters()], 0.05)
            for _ in range(STEPS):
                optimiser.zero_grad()
                nn.functional.cross_entropy(head(layer(ids)), targets).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
            right = float((head(layer(ids)).argmax(dim=1) == targets).double().mean())
            limit = best_threshold(labels) if name == "number" else 1.0
            rows.append({"classes": what, "layer": name, "accuracy": right, "limit": limit})
    return rows


def reach_vectors() -> list[Row]:
    """Find how much of 64 given vectors each layer can represent at its best, by least squares."""
    rng = np.random.default_rng(8)
    wanted = rng.standard_normal((VOCABULARY, VECTOR_SIZE))
    numbers = np.linspace(-1, 1, VOCABULARY)
    inputs = {"lookup": np.eye(VOCABULARY), "number": np.stack([numbers, np.ones(VOCABULARY)], axis=1)}
    rows = []
    for name, matrix in inputs.items():
        weights = np.linalg.lstsq(matrix, wanted, rcond=None)[0]
        rest = np.square(wanted - matrix @ weights).sum() / np.square(wanted - wanted.mean(axis=0)).sum()
        line = np.linalg.matrix_rank(matrix @ weights - (matrix @ weights).mean(axis=0))
        rows.append({"layer": name, "explained": float(1 - rest), "dimensions_used": int(line)})
    return rows


def move_one_word() -> list[Row]:
    """Take one step of SGD on one word and count the words whose vectors moved."""
    ids = torch.arange(VOCABULARY)
    rows = []
    for name, layer in make_layers().items():
        before = layer(ids).detach().clone()
        optimiser = torch.optim.SGD(layer.parameters(), 0.1)
        layer(torch.tensor([3])).square().sum().backward()
        optimiser.step()
        moved = (layer(ids).detach() != before).any(dim=1)
        parameters = sum(parameter.numel() for parameter in layer.parameters())
        rows.append({"layer": name, "words_moved": int(moved.sum()), "of": VOCABULARY, "parameters": parameters})
    return rows


def run_numbers(full: bool) -> Part:
    """Measure what the number of a word through a linear layer can and cannot learn."""
    classes, vectors, moved = learn_classes(), reach_vectors(), move_one_word()
    by_layer = {name: [row for row in classes if row["layer"] == name] for name in ("lookup", "number")}
    lookup_all = all(row["accuracy"] == 1 for row in by_layer["lookup"])
    within = all(row["accuracy"] <= row["limit"] + 1e-9 for row in by_layer["number"])
    threshold = by_layer["number"][0]["accuracy"]
    renumbered = by_layer["number"][1]["accuracy"]
    number, looked_up = vectors[1], vectors[0]
    found = (
        f"After one step on one word, {moved[0]['words_moved']} of {VOCABULARY} vectors have moved with the lookup and "
        f"{moved[1]['words_moved']} with the linear layer ({moved[0]['parameters']} against {moved[1]['parameters']} "
        "parameters).",
        f"The linear layer learned the threshold on {threshold:.0%} of the words, and on {renumbered:.0%} after the "
        "words were renumbered; on "
        + ", ".join(f"{row['accuracy']:.0%} ({row['classes']})" for row in by_layer["number"][2:])
        + f". The lookup learned {'all four on all words' if lookup_all else 'not all of them'}.",
        f"Of {VOCABULARY} vectors drawn at random, the lookup can hold {looked_up['explained']:.0%} of the variance, "
        f"the linear layer at most {number['explained']:.1%}: its words span "
        f"{number['dimensions_used']} dimension{'s' if number['dimensions_used'] != 1 else ''} of {VECTOR_SIZE}.",
    )
    columns = {
        "classes": "classes of words",
        "layer": "layer",
        "accuracy": "learned (share of words)",
        "limit": "limit",
    }
    return Part(
        EXPECTATION,
        met=lookup_all
        and within
        and moved[0]["words_moved"] == 1
        and moved[1]["words_moved"] == VOCABULARY
        and number["dimensions_used"] == 1
        and threshold > renumbered,
        found=found,
        rows=(*classes, *vectors, *moved),
        shown=(
            Shown(
                table(
                    "numbers",
                    f"{VOCABULARY} words in two classes under a linear head; the limit of the number layer is the best "
                    "single threshold.",
                    columns,
                    classes,
                    2,
                )
            ),
        ),
        numbers={"number_words_moved": float(moved[1]["words_moved"])},
    )
