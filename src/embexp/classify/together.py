"""Train many mean-pooled classifiers as one, on any torch device: what `training.device=cuda` does.

One step of one cell is some thirty small kernels, and a GPU needs longer to launch them than to run them. Cells of
one train size take the same steps with the same rates and differ in their rows, heads, texts and batches alone; so
the rows of all cells stand in one table, their heads in four tensors with one more dimension, and each kernel does
its work for every cell at once. Nothing is shared between cells but the launch: the loss is a sum over cells, so
each has its own gradient, and Adam and Adagrad work number by number.

Which rows a step reads is laid out for `STEPS_AT_ONCE` steps at a time (`lay_out`), on the device, so that within
these steps nothing has to be waited for: the entries of the texts, and the same entries sorted by row. The gradient
of a row is then a weighted sum over its entries, just as a pooled text is one over its rows: `embedding_bag` both
times, without atomic additions, whose order changes from run to run.

`reference.py` is the same computation for one cell; tests hold the two together on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embexp.bags import Bags
from embexp.classify.batches import rate_shares
from embexp.classify.model import MeanClassifier, head_layers
from embexp.classify.optimisers import FUSED, RowOptimiser
from embexp.classify.strategies import pool_with
from embexp.config import TrainingConfig

STEPS_AT_ONCE = 32  # laid out together; the device is waited for three times each


@dataclass(frozen=True)
class Learner:
    """A classifier and all that it learns from.

    Attributes:
        model: On the CPU; its embedding matrix stays bitwise unchanged unless `train_rows`, and so does every row whose
            token no labelled text holds.
        labelled: The labelled texts.
        labels: Class numbers, int64, shape (texts,).
        batches: Text numbers of each step, int64, shape (steps, batch_size).
        train_rows: Whether the embedding layer is trained.
    """

    model: MeanClassifier
    labelled: Bags
    labels: NDArray[np.int64]
    batches: NDArray[np.int64]
    train_rows: bool

    @cached_property
    def device_bytes(self) -> int:
        """About what its training takes on the device."""
        vector_size, texts = self.model.embedding.embedding_dim, max(1, len(self.labelled))
        rows = len(self.labelled.types(1)) if self.train_rows else texts
        entries = len(self.labelled.indices) if self.train_rows else 0
        laid_out = STEPS_AT_ONCE * self.batches.shape[1] * (1 + entries // texts)
        # Rows, their squared gradients and a step's temporaries; ids and shares; keys, order and what comes of them.
        return int(12 * rows * vector_size + 12 * entries + 160 * laid_out)


def train_together(
    learners: Sequence[Learner],
    config: TrainingConfig,
    device: str,
    tell: Callable[[int, int], None] = lambda done, steps: None,
) -> list[NDArray[np.float32]]:
    """Train classifiers in place, all at once; each comes out as it would alone, but for rounding.

    Args:
        learners: With batches of one shape and heads of one shape.
        config: Learning rates, their schedule, weight decay.
        device: A torch device, such as cuda or cpu.
        tell: Told now and then how many steps of how many are done.

    Returns:
        The loss of each step for each learner, float32, shape (steps,).
    """
    ordered = sorted(learners, key=lambda learner: not learner.train_rows)  # those whose rows move come first
    trained = [learner for learner in ordered if learner.train_rows]
    batches = np.stack([learner.batches for learner in ordered], axis=1)  # (steps, learners, batch_size)
    tables = Tables.of(trained, config, device) if trained else None
    still = Still.of(ordered[len(trained) :], device) if len(trained) < len(ordered) else None
    heads = Heads(ordered, batches, config, device)
    shares = [float(share) for share in rate_shares(config.schedule, len(batches))]
    losses = torch.zeros(batches.shape[:2], device=device)
    for first in range(0, len(batches), STEPS_AT_ONCE):
        part = batches[first : first + STEPS_AT_ONCE]
        layout = None if tables is None else lay_out(tables, part[:, : len(trained)])
        frozen = None if still is None else still.places(part[:, len(trained) :])
        for place in range(len(part)):
            step = first + place
            pooled = []
            if tables is not None and layout is not None:
                pooled.append(tables.pool(layout, place))
            if still is not None and frozen is not None:
                pooled.append(still.pooled[frozen[place]])
            losses[step], errors = heads.step(pooled, step, shares[step])
            if tables is not None and layout is not None:
                tables.step(layout, place, errors, shares[step])
        tell(first + len(part), len(batches))
    if tables is not None:
        tables.put_back(trained)
    heads.put_back(ordered)
    found = {id(learner): line for learner, line in zip(ordered, losses.T.cpu().numpy(), strict=True)}
    return [np.ascontiguousarray(found[id(learner)]) for learner in learners]


@dataclass(frozen=True)
class Layout:
    """What some consecutive steps read; entries and rows of step s lie between its borders.

    Attributes:
        rows: Row of each entry, text by text, int64, shape (entries,).
        shares: Its share in the mean of its text, float32.
        texts: First entry of each text, counted from the step's first, int64, shape (steps, texts).
        holders: For the same entries sorted by row: the text of the step that holds it, int64.
        holder_shares: Its share in that text, float32.
        distinct: The rows of each step, once each, ascending, int64, shape (distinct rows,).
        firsts: The first of their sorted entries, counted from the step's first, int64, shape (distinct rows,).
        entry_borders: Of the steps among the entries, shape (steps + 1,).
        row_borders: Of the steps among the distinct rows, shape (steps + 1,).
    """

    rows: Tensor
    shares: Tensor
    texts: Tensor
    holders: Tensor
    holder_shares: Tensor
    distinct: Tensor
    firsts: Tensor
    entry_borders: list[int]
    row_borders: list[int]


def lay_out(tables: Tables, batches: NDArray[np.int64]) -> Layout:
    """Look up the entries of a stretch of steps, by text and by row.

    Args:
        tables: Of the learners.
        batches: Text numbers, int64, shape (steps, learners, batch_size).
    """
    steps, device = len(batches), tables.starts.device
    texts = (torch.from_numpy(batches).to(device) + tables.first_texts[:, None]).reshape(-1)
    texts_a_step = len(texts) // steps
    lengths = tables.lengths[texts]
    ends = lengths.cumsum(0)
    entry_borders = [0, *ends[texts_a_step - 1 :: texts_a_step].cpu().tolist()]
    text = torch.repeat_interleave(torch.arange(len(texts), device=device), lengths, output_size=entry_borders[-1])
    entries = torch.arange(entry_borders[-1], device=device) + (tables.starts[texts] - ends + lengths)[text]
    rows, shares = tables.indices[entries].to(torch.int64), tables.shares[entries]
    keys, order = torch.sort(text // texts_a_step * len(tables.rows) + rows, stable=True)
    found, counts = torch.unique_consecutive(keys, return_counts=True)
    of_step = found // len(tables.rows)
    borders = torch.tensor(entry_borders).to(device)
    return Layout(
        rows=rows,
        shares=shares,
        texts=(ends - lengths).reshape(steps, -1) - borders[:-1, None],
        holders=(text % texts_a_step)[order],
        holder_shares=shares[order],
        distinct=found % len(tables.rows),
        firsts=counts.cumsum(0) - counts - borders[of_step],
        entry_borders=entry_borders,
        row_borders=torch.searchsorted(of_step, torch.arange(steps + 1, device=device)).cpu().tolist(),
    )


@dataclass(frozen=True)
class Tables:
    """The rows that the labelled texts of each learner hold, one learner's after the other's, and these texts.

    Attributes:
        types: Token ids of each learner's rows, ascending.
        rows: float32, shape (rows of all, vector_size).
        optimiser: Moves them.
        indices: Row of each entry of all texts, int32.
        shares: Its share in the mean of its text, float32.
        starts: First entry of each text, int64, shape (texts of all,).
        lengths: Entries of each text, int64.
        first_texts: The first text of each learner, int64, shape (learners,).
    """

    types: list[NDArray[np.int64]]
    rows: Tensor
    optimiser: RowOptimiser
    indices: Tensor
    shares: Tensor
    starts: Tensor
    lengths: Tensor
    first_texts: Tensor

    @classmethod
    def of(cls, learners: Sequence[Learner], config: TrainingConfig, device: str) -> Tables:
        """Copy what is needed to the device."""
        types = [learner.labelled.types(1) for learner in learners]
        bags = [learner.labelled.keep(known) for learner, known in zip(learners, types, strict=True)]
        first_rows = np.cumsum([0, *map(len, types)])
        first_entries = np.cumsum([0, *(len(bag.indices) for bag in bags)])
        matrices = [learner.model.embedding.weight.detach().numpy() for learner in learners]
        copied = [matrix[known] for matrix, known in zip(matrices, types, strict=True)]
        copied.append(np.zeros((1, matrices[0].shape[1]), np.float32))  # no text may hold a word: never an empty table
        indices = [bag.indices + np.int32(first) for bag, first in zip(bags, first_rows, strict=False)]
        starts = [bag.offsets[:-1] + first for bag, first in zip(bags, first_entries, strict=False)]
        rows = torch.from_numpy(np.concatenate(copied)).to(device)
        return cls(
            types=types,
            rows=rows,
            optimiser=RowOptimiser(rows, config),
            indices=torch.from_numpy(np.concatenate(indices)).to(device),
            shares=torch.from_numpy(np.concatenate([bag.mean_weights() for bag in bags])).to(device),
            starts=torch.from_numpy(np.concatenate(starts)).to(device),
            lengths=torch.from_numpy(np.concatenate([np.diff(bag.offsets) for bag in bags])).to(device),
            first_texts=torch.from_numpy(np.cumsum([0, *map(len, bags)])[:-1]).to(device),
        )

    def pool(self, layout: Layout, step: int) -> Tensor:
        """Return the mean rows of a step's texts, float32, shape (texts, vector_size); zeros for empty texts."""
        entries = slice(*layout.entry_borders[step : step + 2])
        return _weighted_sums(self.rows, layout.rows[entries], layout.texts[step], layout.shares[entries])

    def step(self, layout: Layout, step: int, errors: Tensor, share: float) -> None:
        """Move the rows of a step's texts.

        Args:
            layout: Of a stretch of steps.
            step: Place of the step in it.
            errors: d loss / d pooled text, float32, shape (texts, vector_size); more than the texts' own are ignored.
            share: Of the learning rate.
        """
        entries, rows = (slice(*borders[step : step + 2]) for borders in (layout.entry_borders, layout.row_borders))
        if rows.start == rows.stop:  # texts without any word
            return
        gradient = _weighted_sums(errors, layout.holders[entries], layout.firsts[rows], layout.holder_shares[entries])
        self.optimiser.step(layout.distinct[rows], gradient, share)

    def put_back(self, learners: Sequence[Learner]) -> None:
        """Write the rows into the classifiers."""
        borders = np.cumsum([0, *map(len, self.types)])[1:]
        parts = np.split(self.rows.cpu().numpy(), borders)[:-1]
        for learner, known, part in zip(learners, self.types, parts, strict=True):
            learner.model.embedding.weight.detach().numpy()[known] = part


@dataclass(frozen=True)
class Still:
    """Texts of learners whose rows do not move: pooled once, one learner's after the other's."""

    pooled: Tensor
    first_texts: NDArray[np.int64]

    @classmethod
    def of(cls, learners: Sequence[Learner], device: str) -> Still:
        """Pool on the CPU, in the compiled loop."""
        pooled = [pool_with(learner.model.embedding.weight.detach().numpy(), learner.labelled) for learner in learners]
        return cls(torch.from_numpy(np.concatenate(pooled)).to(device), np.cumsum([0, *map(len, pooled)])[:-1])

    def places(self, batches: NDArray[np.int64]) -> Tensor:
        """Return places in `pooled` for text numbers of shape (steps, learners, batch_size), as (steps, texts)."""
        places = (batches + self.first_texts[:, None]).reshape(len(batches), -1)
        return torch.from_numpy(places).to(self.pooled.device)


class Heads:
    """The heads of all learners, stacked, with their optimiser and the labels of each step."""

    def __init__(
        self, learners: Sequence[Learner], batches: NDArray[np.int64], config: TrainingConfig, device: str
    ) -> None:
        """Stack the layers as matrices that are multiplied from the right."""
        layers = list(zip(*(head_layers(learner.model) for learner in learners), strict=True))
        self.weights = [_stack([layer.weight.detach().T for layer in same], device) for same in layers]
        self.biases = [_stack([layer.bias.detach()[None] for layer in same], device) for same in layers]
        groups = [
            {"params": self.weights, "weight_decay": config.weight_decay},
            {"params": self.biases, "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=config.learning_rate, fused=device in FUSED)
        self.rate, self.shape = config.learning_rate, batches.shape[1:]
        labels = [learner.labels[learner.batches] for learner in learners]
        self.labels = torch.from_numpy(np.stack(labels, axis=1).reshape(len(batches), -1)).to(device)

    def step(self, pooled: list[Tensor], step: int, share: float) -> tuple[Tensor, Tensor]:
        """Take a step at a share of the learning rate.

        Args:
            pooled: The step's texts, float32, learner after learner, shape (some texts, vector_size) each.
            step: Its number.
            share: Of the learning rate.

        Returns:
            The loss of each learner and d loss / d pooled text, shape (texts, vector_size).
        """
        texts = torch.cat(pooled).requires_grad_()
        logits = self.classify(texts.view(*self.shape, -1)).flatten(0, 1)
        losses = nn.functional.cross_entropy(logits, self.labels[step], reduction="none").view(self.shape).mean(dim=1)
        self.optimiser.zero_grad()
        losses.sum().backward()  # type: ignore[no-untyped-call]
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * share
        self.optimiser.step()
        assert texts.grad is not None  # noqa: S101  for the type checker
        return losses.detach(), texts.grad

    def classify(self, pooled: Tensor) -> Tensor:
        """Return the logits of texts, shape (learners, batch_size, classes): linear, then ReLU and linear if hidden."""
        logits = torch.baddbmm(self.biases[0], pooled, self.weights[0])
        for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            logits = torch.baddbmm(bias, logits.relu(), weight)
        return logits

    def put_back(self, learners: Sequence[Learner]) -> None:
        """Write the layers into the classifiers."""
        weights, biases = ([part.detach().cpu() for part in parts] for parts in (self.weights, self.biases))
        for place, learner in enumerate(learners):
            for layer, weight, bias in zip(head_layers(learner.model), weights, biases, strict=True):
                layer.weight.data = weight[place].T.contiguous()
                layer.bias.data = bias[place, 0].clone()


def _stack(parts: list[Tensor], device: str) -> nn.Parameter:
    return nn.Parameter(torch.stack(parts).to(device))


def _weighted_sums(rows: Tensor, indices: Tensor, firsts: Tensor, weights: Tensor) -> Tensor:
    """Return one weighted sum of rows for each of `firsts`; it reaches from there to the next one."""
    summed: Tensor = nn.functional.embedding_bag(indices, rows, firsts, mode="sum", per_sample_weights=weights)
    return summed
