"""The same task with and without an embedding layer, all trained by one loop, so that their times compare."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from embexp.bags import Bags
from embexp.classify.batches import batch_order, optimiser_steps, rate_shares
from embexp.classify.model import MeanPoolClassifier
from embexp.classify.strategies import pool_with, random_matrix
from embexp.config import ClassifierConfig, TrainingConfig

NONE, LINEAR, HIDDEN = HEADS = ("none", "linear", "hidden")


@dataclass(frozen=True)
class HeadResult:
    """Predictions, parameters in all, and the time from mapped data to final weights."""

    predictions: NDArray[np.int64]
    parameters: int
    train_seconds: float


class _Bias(nn.Module):
    """No head: the mean row already is the logits, but for a bias."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(classes))

    def forward(self, pooled: Tensor) -> Tensor:
        return pooled + self.bias


def build(
    head: str, vector_size: int, *, classes: int, vocabulary_size: int, classifier: ClassifierConfig, seed: int
) -> tuple[NDArray[np.float32], nn.Module]:
    """Return first rows and head.

    `none` has one row of class weights for each word, the study's random rows with vector_size = classes; `linear`
    puts a linear layer on the mean vector, `hidden` the study's own head.
    """
    size = classes if head == NONE else vector_size
    matrix = random_matrix(vocabulary_size, size, classifier.initial_scale, seed)
    if head == NONE:
        return matrix, _Bias(classes)
    model = MeanPoolClassifier(matrix, classifier.hidden_size, classes, seed)
    if head == HIDDEN:
        return matrix, nn.Sequential(model.hidden, nn.ReLU(), model.output)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return matrix, nn.Linear(size, classes)


def train_head(
    head: str,
    vector_size: int,
    labelled: Bags,
    labels: NDArray[np.int64],
    texts: Bags,
    *,
    classes: int,
    vocabulary_size: int,
    classifier: ClassifierConfig,
    training: TrainingConfig,
    seed: int,
) -> HeadResult:
    """Train rows and head by the study's protocol (Adagrad for rows, Adam for the head) and classify the texts."""
    matrix, top = build(
        head, vector_size, classes=classes, vocabulary_size=vocabulary_size, classifier=classifier, seed=seed
    )
    weight = nn.Parameter(torch.from_numpy(matrix))
    torch.optim.Adagrad([nn.Parameter(torch.zeros(1))])  # the first optimiser costs a second, outside the time
    started = time.perf_counter()
    _fit(weight, top, labelled, labels, training, seed)
    seconds = time.perf_counter() - started
    with torch.no_grad():
        logits = top(torch.from_numpy(pool_with(weight.detach().numpy(), texts)))
    parameters = weight.numel() + sum(parameter.numel() for parameter in top.parameters())
    return HeadResult(logits.argmax(dim=1).numpy(), parameters, seconds)


def _fit(
    weight: nn.Parameter,
    top: nn.Module,
    labelled: Bags,
    labels: NDArray[np.int64],
    training: TrainingConfig,
    seed: int,
) -> None:
    torch.sparse.check_sparse_tensor_invariants.disable()  # type: ignore[no-untyped-call]  # else it warns that it is
    steps = optimiser_steps(training.budget, len(labelled), training.batch_size)
    batches = batch_order(len(labelled), training.batch_size, steps, seed)
    optimisers = [
        torch.optim.Adagrad([weight], lr=training.embedding_learning_rate),
        torch.optim.AdamW(top.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay),
    ]
    targets = torch.from_numpy(labels)
    rates = [group["lr"] for optimiser in optimisers for group in optimiser.param_groups]
    groups = [group for optimiser in optimisers for group in optimiser.param_groups]
    for batch, share in zip(batches, rate_shares(training.schedule, steps), strict=True):
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate * float(share)
        bags = labelled.select(batch)
        pooled = functional.embedding_bag(
            torch.from_numpy(bags.indices.astype(np.int64)),
            weight,
            torch.from_numpy(bags.offsets[:-1]),
            mode="sum",
            per_sample_weights=torch.from_numpy(bags.mean_weights()),
            sparse=True,
        )
        loss = functional.cross_entropy(top(pooled), targets[batch])
        for optimiser in optimisers:
            optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for optimiser in optimisers:
            optimiser.step()
