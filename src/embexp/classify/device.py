"""The device that trains: which one it is, what fits on it; and torch's optimisers as the protocol sets them."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from embexp.classify.batches import rate_shares
from embexp.classify.model import MeanClassifier, head_layers
from embexp.config import TrainingConfig
from embexp.errors import UserError

SHARE_OF_FREE_MEMORY = 0.4
ROOM_ON_CPU = 2**30  # bytes; for tests and comparisons: on the CPU every cell is trained by itself


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


def room_on(device: str) -> int:
    """Return how many bytes of a device's memory a group of cells may take: a share of what is free now.

    Other workers of this study may be about to take theirs; what does not fit fails and is trained one by one.
    """
    if device == "cpu":
        return ROOM_ON_CPU
    free, _ = torch.cuda.mem_get_info()
    kept = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()  # by torch, of what this process has given back
    return int(SHARE_OF_FREE_MEMORY * (free + kept))


def own_randomness(device: str) -> AbstractContextManager[None]:
    """Keep what is drawn inside from torch's random state outside; on a GPU that of the current one only."""
    devices = [torch.cuda.current_device()] if device == "cuda" else []
    randomness: AbstractContextManager[None] = torch.random.fork_rng(devices=devices)
    return randomness


def float32_arithmetic(device: str) -> AbstractContextManager[None]:
    """Let cuDNN compute in float32 and in ways that repeat themselves.

    Left alone it rounds the factors of convolutions and LSTMs to TF32, with 10 bits behind the point.
    """
    if device != "cuda":
        return nullcontext()
    settings = {"enabled": torch.backends.cudnn.enabled, "deterministic": True, "allow_tf32": False}
    arithmetic: AbstractContextManager[None] = torch.backends.cudnn.flags(**settings)
    return arithmetic


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
