"""Which loop trains a classifier, and in what form it reads texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from embexp.bags import Bags
from embexp.classify.strategies import STRATEGIES, Strategy
from embexp.config import ClassifierConfig, TrainingConfig, build
from embexp.encoders import ENCODERS
from embexp.errors import UserError
from embexp.sequences import Sequences


def texts_for(encoder: str, bags: Bags, sequences: Sequences | None) -> Bags | Sequences:
    """Return texts in the form that an encoder reads.

    Raises:
        UserError: If it reads the order of tokens, which is not given.
    """
    if not ENCODERS[encoder].in_order:
        return bags
    if sequences is None:
        raise UserError(
            f"classifier.encoder: {encoder} reads the order of tokens, and here texts are bags of words; "
            "use classifier=mean_pool or classifier=linear"
        )
    return sequences


def standardised_on(classifier: ClassifierConfig) -> str:
    """Return what word vectors are standardised on: texts, tokens or none."""
    if classifier.standardise != "auto":
        return classifier.standardise
    means = not ENCODERS[classifier.encoder].in_order and classifier.pooling == "mean"
    return "texts" if means else "tokens"


def fits_compiled_loop(strategy: Strategy, classifier: ClassifierConfig, training: TrainingConfig) -> bool:
    """Return whether the compiled loop (kernels.py) computes this; the general loop computes everything."""
    default = TrainingConfig()
    of_training = ("optimizer", "embedding_optimizer", "embedding_weight_decay", "class_weights", "label_smoothing")
    return (
        ENCODERS[classifier.encoder].compiled
        and (classifier.pooling, classifier.layers) == ("mean", 1)
        and classifier.dropout == classifier.word_dropout == 0
        and classifier.max_norm is None
        and training.gradient_clipping is None
        and training.early_stopping == 0
        and not strategy.static
        and all(getattr(training, key) == getattr(default, key) for key in of_training)
    )


def group_of(cell: Mapping[str, Any], dataset: str) -> str:
    """Return the name of the group of cells that a GPU can train together with this one; empty where there is none.

    Args:
        cell: A cell's identity, as its task holds it.
        dataset: Fingerprint of its texts.
    """
    if cell.get("training", {}).get("device") != "cuda" or "tuning" in cell:
        return ""
    classifier, training = build(ClassifierConfig, cell["classifier"]), build(TrainingConfig, cell["training"])
    if not fits_compiled_loop(STRATEGIES[cell["strategy"]], classifier, training):
        return ""
    alike = {key: cell[key] for key in ("train_size", "vector_size", "training")}
    return json.dumps([dataset, alike, classifier.encoder, classifier.hidden_size], sort_keys=True)


def warm_up(compiled: bool, encoder: str, device: str = "cpu") -> None:
    """Import, compile, make the first optimiser, wake the device: a second or more, outside the training time."""
    from embexp.classify import kernels  # noqa: F401  standardising pools with it

    if device != "cpu":
        import torch

        from embexp.classify import together  # noqa: F401

        torch.zeros(1, device=device)
    if not compiled:
        import torch

        from embexp.classify import loop  # noqa: F401

        torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))])
        if encoder == "cnn":
            from embexp.classify.encoders import max_over_time  # noqa: F401
