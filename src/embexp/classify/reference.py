"""The protocol in plain PyTorch: what the fast engine must equal, written to be read.

Padded token ids, `nn.Embedding`, the mean over tokens, autograd, and the dense optimisers of `torch.optim` over the
full table. Slow, and the definition of what `training.py` computes; it also runs on any device.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from embexp.classify.device import make_optimisers, make_schedules
from embexp.classify.model import MeanClassifier
from embexp.config import TrainingConfig


def train_reference(
    model: MeanClassifier,
    texts: Sequence[NDArray[np.integer]],
    labels: NDArray[np.int64],
    batches: NDArray[np.int64],
    config: TrainingConfig,
    train_rows: bool,
) -> list[float]:
    """Train a classifier in place and return the loss of every step.

    Args:
        model: The classifier; its embedding does not move unless `train_rows`.
        texts: Token ids of each labelled text.
        labels: Class numbers, shape (texts,).
        batches: Text numbers of each step, shape (steps, batch_size).
        config: Learning rates, their schedule, weight decay.
        train_rows: Whether the embedding layer is trained.
    """
    device = model.output.weight.device
    lengths = torch.tensor([len(text) for text in texts])
    padded = torch.zeros(len(texts), max(1, int(lengths.max())), dtype=torch.int64)
    for place, text in enumerate(texts):
        padded[place, : len(text)] = torch.from_numpy(np.asarray(text, np.int64))
    padded, lengths, targets = padded.to(device), lengths.to(device), torch.from_numpy(labels).to(device)

    model.embedding.weight.requires_grad_(train_rows)
    optimisers = make_optimisers(model, config, train_rows)
    schedules = make_schedules(optimisers, config.schedule, len(batches))
    losses = []
    for batch in torch.from_numpy(batches).to(device):
        loss = nn.functional.cross_entropy(model(padded[batch], lengths[batch]), targets[batch])
        for optimiser in optimisers:
            optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for optimiser, schedule in zip(optimisers, schedules, strict=True):
            optimiser.step()
            schedule.step()
        losses.append(float(loss.detach()))
    return losses
