"""One cell: a classifier with one strategy, one train size and one seed, trained and scored."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embexp.bags import Bags
from embexp.classify.strategies import STRATEGIES, WordVectors, initial_matrix
from embexp.config import ClassifierConfig, TrainingConfig
from embexp.sequences import Sequences

if TYPE_CHECKING:
    from embexp.classify.encoders.base import TextClassifier
    from embexp.classify.stopping import EarlyStopping
    from embexp.classify.tfidf import TfidfSettings

HISTORY_POINTS = 40  # of the training curve, each the mean loss of its stretch


@dataclass(frozen=True)
class CellData:
    """What a cell reads.

    Attributes:
        labelled: The labelled texts of this train size and seed, in the order of the subset.
        labels: Their class numbers, int64.
        texts: The texts that score the cell.
        text_labels: Their class numbers, int64.
        classes: Number of classes of the data set.
        vocabulary_size: Number of token ids.
        word_vectors: For strategies that start from word2vec.
        labelled_sequences: The labelled texts as token ids in their order, for encoders that read it (cnn, lstm).
        text_sequences: The same of the texts that score the cell.
    """

    labelled: Bags
    labels: NDArray[np.int64]
    texts: Bags
    text_labels: NDArray[np.int64]
    classes: int
    vocabulary_size: int
    word_vectors: WordVectors | None = None
    labelled_sequences: Sequences | None = None
    text_sequences: Sequences | None = None

    def keep(self, types: NDArray[np.integer[Any]]) -> CellData:
        """Return the same cell with a smaller vocabulary: token ids that stay, ascending; others are dropped."""
        sequences, of_texts = self.labelled_sequences, self.text_sequences
        return replace(
            self,
            labelled=self.labelled.keep(types),
            texts=self.texts.keep(types),
            vocabulary_size=len(types),
            word_vectors=self.word_vectors and self.word_vectors.keep(types),
            labelled_sequences=None if sequences is None else sequences.keep(types),
            text_sequences=None if of_texts is None else of_texts.keep(types),
        )

    def inside(self, fitted: NDArray[np.integer[Any]], judged: NDArray[np.integer[Any]]) -> CellData:
        """Return a cell inside the labelled texts: some of them are learned from, others score it.

        Args:
            fitted: Places among the labelled texts.
            judged: Places of those that score.
        """
        sequences = self.labelled_sequences
        return replace(
            self,
            labelled=self.labelled.select(fitted),
            labels=self.labels[fitted],
            texts=self.labelled.select(judged),
            text_labels=self.labels[judged],
            labelled_sequences=None if sequences is None else sequences.select(fitted),
            text_sequences=None if sequences is None else sequences.select(judged),
        )


@dataclass(frozen=True)
class CellResult:
    """What a cell leaves behind: its record (plain JSON), the predictions and the training time."""

    record: dict[str, Any]
    predictions: NDArray[np.int64]
    train_seconds: float


def run_control(data: CellData, settings: TfidfSettings | None = None) -> CellResult:
    """Train and score TF-IDF with logistic regression; without settings with those of every study."""
    from embexp.classify.tfidf import TfidfSettings, tfidf_predictions

    started = time.perf_counter()
    problem = data.labelled, data.labels, data.texts, data.vocabulary_size
    sequences = data.labelled_sequences, data.text_sequences
    predictions, parameters = tfidf_predictions(*problem, settings or TfidfSettings(), sequences)
    seconds = time.perf_counter() - started
    record: dict[str, Any] = {
        "train_tokens": int(data.labelled.tokens().sum()),
        "steps": None,
        "parameters": parameters,
        "trained_parameters": parameters,
        "history": [],
    }
    return CellResult(record | score(predictions, data.text_labels, data.classes), predictions, seconds)


def first_matrix(
    name: str, data: CellData, *, vector_size: int, classifier: ClassifierConfig, seed: int
) -> NDArray[np.float32]:
    """Return the embedding matrix with which a strategy's cell begins, float32, shape (vocabulary, vector_size)."""
    from embexp.classify.routes import standardised_on

    return initial_matrix(
        STRATEGIES[name],
        data.word_vectors,
        data.labelled,
        vocabulary_size=data.vocabulary_size,
        vector_size=vector_size,
        scale=classifier.initial_scale,
        seed=seed,
        initial=classifier.initial,
        standardised=standardised_on(classifier),
    )


@dataclass(frozen=True)
class Trained:
    """A trained classifier and how it came about.

    Attributes:
        model: On the CPU, in evaluation mode.
        losses: Of each optimiser step, float32.
        train_tokens: Tokens that training read, each pass counted.
        train_seconds: From mapped data to final weights.
        reads: The texts that score the cell, in the form that the classifier reads.
        stopping: What judged its passes; None where the last weights are kept.
    """

    model: TextClassifier
    losses: NDArray[np.float32]
    train_tokens: int
    train_seconds: float
    reads: Bags | Sequences
    stopping: EarlyStopping | None = None


def train_strategy(
    name: str,
    data: CellData,
    *,
    vector_size: int,
    classifier: ClassifierConfig,
    training: TrainingConfig,
    seed: int,
) -> Trained:
    """Train a classifier whose embedding layer follows a strategy.

    Classifiers of mean vectors under the default protocol run in the compiled loop, all others in the general one;
    both take the same batches.

    Raises:
        UserError: If the encoder reads the order of tokens, and the data are bags.
    """
    from embexp.classify.model import MeanClassifier
    from embexp.classify.routes import fits_compiled_loop, texts_for, warm_up
    from embexp.classify.training import train

    strategy = STRATEGIES[name]
    reads = texts_for(classifier.encoder, data.texts, data.text_sequences)
    compiled = fits_compiled_loop(strategy, classifier, training)
    device = "cuda" if training.device == "cuda" else "cpu"
    warm_up(compiled, classifier.encoder, device)
    started = time.perf_counter()
    data, stopping = _early_stopping(data, classifier.encoder, training, seed)
    labelled = texts_for(classifier.encoder, data.labelled, data.labelled_sequences)
    model, batches = untrained(name, data, vector_size=vector_size, classifier=classifier, training=training, seed=seed)
    if compiled and isinstance(model, MeanClassifier):
        if device == "cpu":
            losses = train(model, data.labelled, data.labels, batches, training, strategy.trained)
        else:
            from embexp.classify.together import Learner, train_together

            learner = Learner(model, data.labelled, data.labels, batches, strategy.trained)
            (losses,) = train_together([learner], training, device)
    else:
        from embexp.classify.loop import train_encoder

        problem = labelled, data.labels, batches
        losses = train_encoder(model, *problem, training, strategy.trained, seed, device, stopping)
    seconds = time.perf_counter() - started
    tokens = int(data.labelled.tokens()[batches.ravel()].sum())
    return Trained(model, losses, tokens, seconds, reads, stopping)


def _early_stopping(
    data: CellData, encoder: str, training: TrainingConfig, seed: int
) -> tuple[CellData, EarlyStopping | None]:
    """Return what a cell learns from and what judges its passes; all of it and None where no labels are held out."""
    if not training.early_stopping:
        return data, None
    from embexp.classify.routes import texts_for
    from embexp.classify.stopping import EarlyStopping, hold_out

    fitted, held_out = hold_out(data.labels, training.early_stopping, seed)
    if not len(held_out):
        return data, None
    inside = data.inside(fitted, held_out)
    judging = texts_for(encoder, inside.texts, inside.text_sequences)
    return inside, EarlyStopping(judging, inside.text_labels, len(fitted), training.batch_size)


def untrained(
    name: str,
    data: CellData,
    *,
    vector_size: int,
    classifier: ClassifierConfig,
    training: TrainingConfig,
    seed: int,
) -> tuple[TextClassifier, NDArray[np.int64]]:
    """Return a cell's classifier before its first step, and the text numbers of every batch."""
    from embexp.classify.batches import batch_order, optimiser_steps
    from embexp.classify.model import build_model

    matrix = first_matrix(name, data, vector_size=vector_size, classifier=classifier, seed=seed)
    model = build_model(classifier, matrix, data.classes, seed, name)
    steps = optimiser_steps(training.budget, len(data.labelled), training.batch_size)
    return model, batch_order(len(data.labelled), training.batch_size, steps, seed)


def run_strategy(
    name: str,
    data: CellData,
    *,
    vector_size: int,
    classifier: ClassifierConfig,
    training: TrainingConfig,
    seed: int,
) -> CellResult:
    """Train and score a classifier whose embedding layer follows a strategy.

    `train_seconds` runs from mapped data to final weights; importing and compiling come before.
    """
    return score_trained(
        name,
        data,
        train_strategy(name, data, vector_size=vector_size, classifier=classifier, training=training, seed=seed),
    )


def score_trained(name: str, data: CellData, trained: Trained) -> CellResult:
    """Return what a cell leaves behind whose classifier is trained."""
    from embexp.classify.model import predict_classes

    model = trained.model
    predictions = predict_classes(model, trained.reads)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    kept = 0 if model.static is None else model.static.weight.numel()
    stopping = trained.stopping
    record: dict[str, Any] = {
        "train_tokens": trained.train_tokens,
        "steps": len(trained.losses),
        "parameters": parameters,
        "trained_parameters": parameters - kept - (0 if STRATEGIES[name].trained else model.embedding.weight.numel()),
        "history": [*summarise_losses(trained.losses), *(stopping.history if stopping else [])],
    }
    if stopping is not None:
        record["kept_step"] = stopping.kept_step
    return CellResult(record | score(predictions, data.text_labels, data.classes), predictions, trained.train_seconds)


def score(predictions: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> dict[str, float]:
    """Return test accuracy and macro-averaged F1 over the classes of the data set, each 0 to 1."""
    from sklearn.metrics import accuracy_score, f1_score

    return {
        "test_accuracy": float(accuracy_score(labels, predictions)),
        "test_macro_f1": float(
            f1_score(labels, predictions, labels=range(classes), average="macro", zero_division=0.0)
        ),
    }


def summarise_losses(losses: NDArray[np.float32]) -> list[dict[str, float]]:
    """Return the training curve as at most `HISTORY_POINTS` {step, train_loss}, each the mean of its stretch."""
    stretches = np.array_split(np.arange(len(losses)), min(HISTORY_POINTS, len(losses)))
    return [
        {"step": int(stretch[-1]) + 1, "train_loss": round(float(losses[stretch].mean(dtype=np.float64)), 6)}
        for stretch in stretches
    ]
