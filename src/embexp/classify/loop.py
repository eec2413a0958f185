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
from embexp.classify.stopping import EarlyStopping
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
    stopping: EarlyStopping | None = None,
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
        stopping: Judges each pass; the weights after the best one are left in the classifier. Without it the last are.
    """
    types, texts = FlatTexts.of(labelled).number(model.embedding.num_embeddings)
    tables = Tables.of(model, types, device)
    with own_randomness(device), float32_arithmetic(device):
        torch.manual_seed(int(generator(seed, "dropout").integers(2**62)))
        loop = _Loop(model, tables, texts, labels, config, train_rows, seed)
        losses = loop.run(batches, stopping)
    if stopping is not None:
        stopping.restore(model)
    return losses


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
        self.layers_behind = [child for child in model.children() if child not in (model.embedding, model.static)]
        self.kept_in_model = 1.0  # how far the rows outside the tables are decayed
        self.take()
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

    def take(self) -> None:
        """Take the layers to the device, to train them."""
        self.model.train()
        for layer in self.layers_behind:
            layer.to(self.tables.rows.device)

    def give_back(self) -> None:
        """Leave the classifier on the CPU as it stands now, rows included; those outside the tables decay alone."""
        for layer in self.layers_behind:
            layer.to("cpu")
        if self.rows is not None:
            with torch.no_grad():
                if self.rows.kept != self.kept_in_model:
                    self.model.embedding.weight.mul_(self.rows.kept / self.kept_in_model)
                    self.kept_in_model = self.rows.kept
                self.model.embedding.weight[torch.from_numpy(self.tables.types)] = self.tables.rows.detach().cpu()
        self.model.eval()

    def run(self, batches: NDArray[np.int64], stopping: EarlyStopping | None) -> NDArray[np.float32]:
        losses = torch.zeros(len(batches), device=self.targets.device)
        shares = rate_shares(self.config.schedule, len(batches))
        for step, (batch, share) in enumerate(zip(batches, map(float, shares), strict=True), 1):
            losses[step - 1] = self.step(batch, share)
            if stopping is not None and stopping.is_due(step, len(batches)):
                self.give_back()
                stopping.judge(self.model, step)
                self.take()
        self.give_back()
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
