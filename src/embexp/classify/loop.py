"""The general training loop: any encoder, any optimiser, the same batches, budget and rates as the compiled one.

Nothing is padded: a batch is its texts laid end to end, and each distinct token's row is gathered once. The rows that
the labelled texts hold stand in a table of their own while they are trained (`optimisers.py` says why that is exact).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embexp.bags import Bags
from embexp.classify.batches import rate_shares
from embexp.classify.device import float32_arithmetic, own_randomness
from embexp.classify.encoders.base import TextClassifier
from embexp.classify.encoders.flat import FlatTexts
from embexp.classify.encoders.linear import LinearClassifier
from embexp.classify.encoders.mean_pool import MeanPoolClassifier
from embexp.classify.encoders.pooling import pool_flat
from embexp.classify.generators import generator
from embexp.classify.optimisers import LayerOptimiser, RowOptimiser
from embexp.config import TrainingConfig
from embexp.sequences import Sequences


@dataclass(frozen=True)
class Tables:
    """The rows that the labelled texts hold, copied from the classifier's embedding layer.

    Attributes:
        types: Their token ids, int64, ascending.
        rows: float32, shape (types, vector_size).
        static: The same of the channel that does not move, or None.
    """

    types: NDArray[np.int64]
    rows: Tensor
    static: Tensor | None

    @classmethod
    def of(cls, model: TextClassifier, types: NDArray[np.int64], device: str) -> Tables:
        """Copy rows of the embedding layer."""
        places = torch.from_numpy(types)
        static = None if model.static is None else model.static.weight.detach()[places].to(device)
        return cls(types, model.embedding.weight.detach()[places].to(device), static)


def train_encoder(
    model: TextClassifier,
    labelled: Bags | Sequences,
    labels: NDArray[np.int64],
    batches: NDArray[np.int64],
    config: TrainingConfig,
    train_rows: bool,
    seed: int,
    device: str = "cpu",
) -> NDArray[np.float32]:
    """Train a classifier in place; return the loss of each step, float32, shape (steps,).

    Args:
        model: The classifier, on the CPU before and after. Its embedding matrix stays bitwise unchanged unless
            `train_rows`, and so does every row whose token no labelled text holds, unless rows decay.
        labelled: The labelled texts; sequences for encoders that read the order of tokens.
        labels: Class numbers, int64, shape (texts,).
        batches: Text numbers of each step, int64, shape (steps, batch_size).
        config: Optimisers, learning rates, their schedule, what the loss weighs.
        train_rows: Whether the embedding layer is trained.
        seed: Fixes which features and words are dropped, the same for every strategy.
        device: A torch device, such as cuda or cpu.
    """
    types, texts = FlatTexts.of(labelled).number(model.embedding.num_embeddings)
    tables = Tables.of(model, types, device)
    layers = [child for child in model.children() if child not in (model.embedding, model.static)]
    for layer in layers:
        layer.to(device)
    with own_randomness(device), float32_arithmetic(device):
        torch.manual_seed(int(generator(seed, "dropout").integers(2**62)))
        loop = _Loop(model.train(), tables, texts, labels, config, train_rows, seed)
        losses = loop.run(batches)
    for layer in layers:
        layer.to("cpu")
    if train_rows:
        _put_back(model, tables, loop.kept)
    model.eval()
    return losses


def _put_back(model: TextClassifier, tables: Tables, kept: float) -> None:
    """Write the trained rows into the embedding layer; decay the others as far as it went."""
    with torch.no_grad():
        if kept != 1:
            model.embedding.weight.mul_(kept)
        model.embedding.weight[torch.from_numpy(tables.types)] = tables.rows.cpu()


class _Loop:
    """One training: what stays the same from step to step."""

    def __init__(
        self,
        model: TextClassifier,
        tables: Tables,
        texts: FlatTexts,
        labels: NDArray[np.int64],
        config: TrainingConfig,
        train_rows: bool,
        seed: int,
    ) -> None:
        device = tables.rows.device
        self.model, self.tables, self.texts, self.config = model, tables, texts, config
        self.targets = torch.from_numpy(labels).to(device)
        self.loss = make_loss(config, labels, model.output.out_features).to(device)
        self.parameters = [
            parameter for name, parameter in model.named_parameters() if name.split(".")[0] not in CHANNELS
        ]
        self.layers = LayerOptimiser(self.parameters, config)
        self.rows = RowOptimiser(tables.rows, config) if train_rows else None
        self.dropped_words = generator(seed, "word dropout")
        self.pooled: Tensor | None = None
        if self.rows is None and isinstance(model, (MeanPoolClassifier, LinearClassifier)) and not model.word_dropout:
            self.pooled = pool_flat(tables.rows, texts, model.pooling)  # a frozen text never changes: pooled once

    @property
    def kept(self) -> float:
        """Share of its value that weight decay has left to a row without any gradient."""
        return 1.0 if self.rows is None else self.rows.kept

    def run(self, batches: NDArray[np.int64]) -> NDArray[np.float32]:
        losses = torch.zeros(len(batches), device=self.targets.device)
        shares = rate_shares(self.config.schedule, len(batches))
        for step, (batch, share) in enumerate(zip(batches, map(float, shares), strict=True)):
            losses[step] = self.step(batch, share)
        return losses.cpu().numpy()

    def step(self, batch: NDArray[np.int64], share: float) -> Tensor:
        chosen = torch.from_numpy(batch).to(self.targets.device)
        if self.pooled is not None:
            assert isinstance(self.model, (MeanPoolClassifier, LinearClassifier))  # noqa: S101  for the type checker
            return self.descend(self.model.classify(self.pooled[chosen]), chosen, share)
        texts = self.texts.select(batch)
        if self.model.word_dropout:
            texts = texts.drop_words(self.model.word_dropout, self.dropped_words)
        numbers, texts = texts.number(len(self.tables.types))
        places = torch.from_numpy(numbers).to(self.targets.device)
        rows = self.tables.rows[places].requires_grad_(self.rows is not None)
        static = None if self.tables.static is None else self.tables.static[places]
        logits = self.model.classify_flat(self.model.merge(rows, static), texts)
        loss = self.descend(logits, chosen, share, rows)
        if self.rows is not None and rows.grad is not None:
            self.rows.step(places, rows.grad, share)
        return loss

    def descend(self, logits: Tensor, chosen: Tensor, share: float, rows: Tensor | None = None) -> Tensor:
        """Go back from the logits of the chosen texts, and step the layers; the rows get their gradient."""
        loss: Tensor = self.loss(logits, self.targets[chosen])
        loss.backward()  # type: ignore[no-untyped-call]
        if self.config.gradient_clipping is not None:
            clipped = self.parameters if rows is None or self.rows is None else [*self.parameters, rows]
            nn.utils.clip_grad_norm_(clipped, self.config.gradient_clipping)
        self.layers.step(share)
        self.model.limit_norm()
        return loss.detach()


CHANNELS = ("embedding", "static")  # of a TextClassifier's parameters: those that are not layers


def make_loss(config: TrainingConfig, labels: NDArray[np.int64], classes: int) -> nn.CrossEntropyLoss:
    """Return the loss: cross-entropy, with the classes weighed and the labels smoothed as the settings say.

    Balanced weights are texts / (classes x texts of the class), as in scikit-learn; a class without labelled texts
    has weight 1. A batch's loss is the weighted mean over its texts.
    """
    weights = None
    if config.class_weights == "balanced":
        found = np.bincount(labels, minlength=classes)
        share = np.where(found > 0, len(labels) / (np.count_nonzero(found) * np.maximum(found, 1)), 1.0)
        weights = torch.from_numpy(share.astype(np.float32))
    return nn.CrossEntropyLoss(weight=weights, label_smoothing=config.label_smoothing)
