"""Train on a device of the user's choice: `cuda` in place of the compiled loop on the CPU."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from embexp.bags import Bags
from embexp.classify.batches import rate_shares
from embexp.classify.model import MeanClassifier, MeanPoolClassifier, head_layers
from embexp.config import TrainingConfig
from embexp.errors import UserError


def resolve_device(wanted: str) -> str:
    """Return the kind of device that `training.device` stands for: cpu or cuda.

    `auto` is the CPU: a step of a mean-pooled classifier is some 0.3 ms of compiled work there, about what a GPU
    needs to launch its kernels.

    Raises:
        UserError: If `cuda` is wanted and there is none.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "training.device: cuda is asked for, and torch sees no CUDA device here; "
            "use training.device=auto, or install a CUDA build of torch on a machine with a GPU"
        )
    return "cuda" if wanted == "cuda" else "cpu"


def train_with_autograd(
    model: MeanPoolClassifier,
    labelled: Bags,
    labels: NDArray[np.int64],
    batches: NDArray[np.int64],
    config: TrainingConfig,
    train_rows: bool,
    device: str,
) -> NDArray[np.float32]:
    """Train a classifier in place on a torch device; the same computation as `training.train`.

    Rows travel as sparse gradients into Adagrad, which moves a row without a gradient not at all: the dense update.

    Args:
        model: The classifier, on the CPU before and after.
        labelled: The labelled texts.
        labels: Class numbers, int64, shape (texts,).
        batches: Text numbers of each step, int64, shape (steps, batch_size).
        config: Learning rates, their schedule, weight decay.
        train_rows: Whether the embedding layer is trained.
        device: A torch device, such as cuda or cpu.

    Returns:
        The loss of each step, float32, shape (steps,).
    """
    drawn = labelled.select(batches.ravel())
    borders = drawn.offsets[:: batches.shape[1]]
    indices = torch.from_numpy(drawn.indices.astype(np.int64)).to(device)
    weights = torch.from_numpy(drawn.mean_weights()).to(device)
    starts = torch.from_numpy(drawn.offsets[:-1]).to(device)
    targets = torch.from_numpy(labels[batches]).to(device)
    model.to(device)
    model.embedding.weight.requires_grad_(train_rows)
    optimisers = make_optimisers(model, config, train_rows)
    schedules = make_schedules(optimisers, config.schedule, len(batches))
    losses = torch.zeros(len(batches), device=device)
    for step in range(len(batches)):
        first, last = int(borders[step]), int(borders[step + 1])
        offsets = starts[step * batches.shape[1] : (step + 1) * batches.shape[1]] - first
        pooled = nn.functional.embedding_bag(
            indices[first:last],
            model.embedding.weight,
            offsets,
            mode="sum",
            per_sample_weights=weights[first:last],
            sparse=True,
        )
        loss = nn.functional.cross_entropy(model.classify(pooled), targets[step])
        for optimiser in optimisers:
            optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for optimiser, schedule in zip(optimisers, schedules, strict=True):
            optimiser.step()
            schedule.step()
        losses[step] = loss.detach()
    model.to("cpu")
    return losses.cpu().numpy()


def make_optimisers(model: MeanClassifier, config: TrainingConfig, train_rows: bool) -> list[torch.optim.Optimizer]:
    """Return the protocol's optimisers: Adam with decoupled decay for the head, Adagrad for the rows."""
    layers = head_layers(model)
    groups = [
        {"params": [layer.weight for layer in layers], "weight_decay": config.weight_decay},
        {"params": [layer.bias for layer in layers], "weight_decay": 0.0},
    ]
    optimisers: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=config.learning_rate)]
    if train_rows:
        optimisers.append(torch.optim.Adagrad([model.embedding.weight], lr=config.embedding_learning_rate))
    return optimisers


def make_schedules(
    optimisers: list[torch.optim.Optimizer], schedule: str, steps: int
) -> list[torch.optim.lr_scheduler.LambdaLR]:
    """Return one scheduler for each optimiser; each is stepped after every optimiser step."""
    shares = [*map(float, rate_shares(schedule, steps)), 0.0]
    return [torch.optim.lr_scheduler.LambdaLR(optimiser, shares.__getitem__) for optimiser in optimisers]
