"""The training engine: fit a classifier of mean vectors, fast and exactly as `reference.py` defines it."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from embexp.bags import Bags, singletons
from embexp.classify.batches import rate_shares
from embexp.classify.model import MeanClassifier, head_layers
from embexp.classify.prefetch import CACHE_LINE
from embexp.classify.strategies import pool_with
from embexp.config import TrainingConfig

REGISTER = 8  # float32 numbers, AVX
ROWS_AT_ONCE = 1024


def train(
    model: MeanClassifier,
    labelled: Bags,
    labels: NDArray[np.int64],
    batches: NDArray[np.int64],
    config: TrainingConfig,
    train_rows: bool,
) -> NDArray[np.float32]:
    """Train a classifier in place with the compiled loop; return the loss of each step, shape (steps,).

    Args:
        model: The classifier, on the CPU. Its embedding matrix stays bitwise unchanged unless `train_rows`, and so
            does every row whose token no labelled text holds.
        labelled: The labelled texts.
        labels: Class numbers, int64, shape (texts,).
        batches: Text numbers of each step, int64, shape (steps, batch_size).
        config: Learning rates, their schedule, weight decay.
        train_rows: Whether the embedding layer is trained.
    """
    from embexp.classify.kernels import train_steps

    matrix = model.embedding.weight.detach().numpy()
    types = np.zeros(0, np.int64)
    if train_rows:  # only rows of the labelled texts' words can move: they travel in a table of their own
        types = labelled.types(1)
        bags = labelled.keep(types)
        table = in_whole_registers(matrix, types, planes=2)
    else:  # a frozen text never changes: pool it once, then it is its own only row
        bags = singletons(len(labelled))
        table = in_whole_registers(pool_with(matrix, labelled), np.arange(len(labelled)), planes=1)
    layers = head_layers(model)
    head = [_with_planes(part.detach().numpy()) for layer in layers for part in (layer.weight, layer.bias)]
    vector_size = matrix.shape[1]
    head[0] = np.pad(head[0], [(0, 0), (0, table.shape[2] - vector_size), (0, 0)])
    losses = np.zeros(len(batches), np.float32)
    train_steps(
        table,
        tuple(head),
        bags.indices,
        bags.counts,
        bags.offsets,
        labels,
        batches,
        rate_shares(config.schedule, len(batches)),
        np.float32(config.embedding_learning_rate),
        np.float32(config.learning_rate),
        np.float32(config.weight_decay),
        train_rows,
        losses,
    )
    if train_rows:
        matrix[types] = table[:, 0, :vector_size]
    head[0] = head[0][:, :vector_size]
    for layer, weight, bias in zip(layers, head[::2], head[1::2], strict=True):
        layer.weight.data = torch.from_numpy(np.ascontiguousarray(weight[0].T))
        layer.bias.data = torch.from_numpy(bias[0, 0].copy())
    return losses


def _with_planes(part: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a matrix that is multiplied from the right, with room for its gradient and moments behind it."""
    value = np.atleast_2d(part.T)
    planes = np.zeros((4, *value.shape), np.float32)
    planes[0] = value
    return planes


def in_whole_registers(matrix: NDArray[np.float32], rows: NDArray[np.int64], planes: int) -> NDArray[np.float32]:
    """Return rows of a matrix filled up with zeros to a multiple of a vector register, from a cache line's start.

    They are plane 0 of float32, shape (rows, planes, numbers). A zero has no gradient and stays; the compiled loop is
    spared the numbers that are left over at the end of each row, and the cache line that rows between lines take more
    (docs/engine.md).
    """
    vector_size = matrix.shape[1]
    shape = (len(rows), planes, -(-vector_size // REGISTER) * REGISTER)
    table = _zeros_from_line(shape)
    for start in range(0, len(rows), ROWS_AT_ONCE):  # a copy between that stays in the caches
        table[start : start + ROWS_AT_ONCE, 0, :vector_size] = matrix[rows[start : start + ROWS_AT_ONCE]]
    return table


def _zeros_from_line(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return zeros, float32, that begin where a cache line does; NumPy's begin 16 bytes behind."""
    size = math.prod(shape) * np.dtype(np.float32).itemsize
    room = np.zeros(size + CACHE_LINE, np.uint8)
    start = -room.ctypes.data % CACHE_LINE
    return room[start : start + size].view(np.float32).reshape(shape)
