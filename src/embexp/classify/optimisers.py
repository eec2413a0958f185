"""The optimisers of the general loop: torch's own for the layers, and their exact row-wise form for the rows.

A row that no text of a batch holds has no gradient. Under SGD and Adagrad it does not move, under Adadelta only its
two averages shrink, by rho in each step, which can be made up for when the row is met again: updating just the rows
of the batch *is* the dense update. Under Adam a row with a gradient behind it goes on moving, so all rows that the
cell's labelled texts hold are stepped each time; the others have no gradient in any step, so their moments stay zero
and Adam leaves them where they are.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from embexp.config import TrainingConfig

ADADELTA_RHO, ADADELTA_EPSILON = 0.95, 1e-6  # Zeiler 2012; Kim 2014
ADAGRAD_EPSILON = 1e-10  # torch's
FUSED = ("cpu", "cuda")  # devices on which torch steps all numbers of a layer in one call


def layer_optimiser(name: str, parameters: list[nn.Parameter], rate: float) -> torch.optim.Optimizer:
    """Return torch's optimiser, without weight decay, fused where torch has it."""
    device = parameters[0].device.type
    if name == "adam":
        return torch.optim.Adam(parameters, lr=rate, fused=device in FUSED)
    if name == "adagrad":
        return torch.optim.Adagrad(parameters, lr=rate, eps=ADAGRAD_EPSILON, fused=device == "cpu")
    if name == "adadelta":
        return torch.optim.Adadelta(parameters, lr=rate, rho=ADADELTA_RHO, eps=ADADELTA_EPSILON)
    return torch.optim.SGD(parameters, lr=rate, fused=device in FUSED)


class LayerOptimiser:
    """Steps all parameters but the rows, with decoupled weight decay (not of biases)."""

    def __init__(self, parameters: list[nn.Parameter], config: TrainingConfig) -> None:
        self.parameters = parameters
        self._decayed = [parameter for parameter in parameters if parameter.ndim > 1]
        self._config = config
        self._optimiser = layer_optimiser(config.optimizer, parameters, config.learning_rate)

    def step(self, share: float) -> None:
        """Take a step at a share of the learning rate, and forget the gradients."""
        rate = self._config.learning_rate * share
        decay_by(self._decayed, rate * self._config.weight_decay)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.step()
        self._optimiser.zero_grad()


def decay_by(parameters: list[Any], share: float) -> None:
    """Shrink parameters by a share of their value, in place."""
    if share:
        with torch.no_grad():
            for parameter in parameters:
                parameter.mul_(1 - share)


class RowOptimiser:
    """Steps rows of an embedding table in place.

    Attributes:
        table: The rows that the cell's labelled texts hold, float32, shape (rows, vector_size).
        kept: The share of its value that weight decay has left to a row without any gradient.
    """

    def __init__(self, table: Tensor, config: TrainingConfig) -> None:
        self.table, self.kept = table, 1.0
        self._config, self._name, self._step = config, config.embedding_optimizer, 0
        if self._name == "adam":
            self._parameter = nn.Parameter(table)
            self._parameter.grad = torch.zeros_like(table)
            self._adam = layer_optimiser("adam", [self._parameter], config.embedding_learning_rate)
        elif self._name == "adagrad":
            self._squares = torch.zeros_like(table)
        elif self._name == "adadelta":
            self._squares, self._moves = torch.zeros_like(table), torch.zeros_like(table)
            self._met = torch.zeros(len(table), device=table.device)  # the step in which a row was last met

    def step(self, rows: Tensor, gradient: Tensor, share: float) -> None:
        """Take a step at a share of the learning rate.

        Args:
            rows: Distinct rows of the table, int64, shape (met,).
            gradient: Theirs, float32, shape (met, vector_size); all other rows have none.
            share: Of the learning rate.
        """
        rate = self._config.embedding_learning_rate * share
        decay_by([self.table], rate * self._config.embedding_weight_decay)
        self.kept *= 1 - rate * self._config.embedding_weight_decay
        self._step += 1
        if self._name == "adam":
            self._step_adam(rows, gradient, rate)
        elif self._name == "adagrad":
            squares = self._squares[rows].addcmul_(gradient, gradient)
            self._squares[rows] = squares
            self.table.index_add_(0, rows, gradient / squares.sqrt_().add_(ADAGRAD_EPSILON), alpha=-rate)
        elif self._name == "adadelta":
            self.table.index_add_(0, rows, self._adadelta_move(rows, gradient), alpha=-rate)
        else:
            self.table.index_add_(0, rows, gradient, alpha=-rate)

    def _step_adam(self, rows: Tensor, gradient: Tensor, rate: float) -> None:
        dense = self._parameter.grad
        assert dense is not None  # noqa: S101  for the type checker
        dense[rows] = gradient
        self._adam.param_groups[0]["lr"] = rate
        self._adam.step()
        dense[rows] = 0

    def _adadelta_move(self, rows: Tensor, gradient: Tensor) -> Tensor:
        shrunk = (ADADELTA_RHO ** (self._step - self._met[rows]))[:, None]
        self._met[rows] = float(self._step)
        squares = (self._squares[rows] * shrunk).addcmul_(gradient, gradient, value=1 - ADADELTA_RHO)
        before = self._moves[rows] * (shrunk / ADADELTA_RHO)  # this step's own shrinking comes after the move
        move = (before + ADADELTA_EPSILON).sqrt_() / (squares + ADADELTA_EPSILON).sqrt_() * gradient
        self._squares[rows] = squares
        self._moves[rows] = (before * ADADELTA_RHO).addcmul_(move, move, value=1 - ADADELTA_RHO)
        return move
