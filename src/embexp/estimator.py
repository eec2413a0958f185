"""A scikit-learn estimator over raw texts: the classifier of a study's cell, with its training, by itself.

>>> from embexp import EmbeddingClassifier
>>> texts = ["a fine and lovely film", "warm, superb", "dull and flat", "an awful, weak plot"] * 10
>>> labels = ["good", "good", "bad", "bad"] * 10
>>> model = EmbeddingClassifier(strategy="random", vector_size=8).fit(texts, labels)
>>> model.predict(["a superb film", "flat and weak"]).tolist()
['good', 'bad']
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from embexp.command.conf import read_option
from embexp.config import CONTROLS, STRATEGIES, DatasetConfig, StudyConfig, TrackingConfig
from embexp.encoders import ENCODERS
from embexp.errors import UserError, did_you_mean
from embexp.models import ModelSettings, TrainedClassifier
from embexp.protocol import fit_to_cell

GROUPS = ("text", "word2vec", "classifier", "training")  # whose settings may stand in `settings`
KINDS = {"U": str, "O": str, "i": int, "u": int, "b": bool, "f": float}  # of labels that a folder can hold


class EmbeddingClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classify raw texts with word embeddings that are learned with the task or start from word2vec.

    A text is a string; `fit` and the others take lists, arrays and Series of them. What a study does in a cell is done
    here on all texts given: the same tokens, initial rows, protocol and seeds.

    Args:
        strategy: random (learned with the task), frozen or finetuned (from word vectors), multichannel (both), or
            random_frozen (random rows that stay).
        vectors: Where word vectors come from: None trains gensim's skip-gram on the texts of `fit`; a file or a name
            as `word2vec.file` takes it; or gensim's KeyedVectors.
        unlabelled: Further texts that word2vec and the vocabulary are learned from, beside those of `fit`.
        encoder: mean_pool, cnn, lstm, linear, dan or max_pool, with all that `classifier=` of that name sets.
        vector_size: Length of a word's vector; vectors that are given bring their own.
        hidden_size: Of the layer behind the mean; of each direction of an lstm. None, here and below: what the encoder
            has in a study, such as 64 here and at least 100 steps for a mean of words.
        batch_size: Texts of an optimiser step.
        min_steps: Optimiser steps at least.
        passes: Passes over the texts at least, with two classes; with more of them `training.budget.classes_power`
            raises them.
        learning_rate: Of all layers but the rows, with two classes; with more `training.classes_power` changes it.
        embedding_learning_rate: Of the rows, with two classes; with more `training.embedding_classes_power` changes it.
        min_count: How often a word must stand in the texts to be known.
        max_tokens: Where a text is cut.
        lower: Whether case is dropped.
        epochs: Of word2vec.
        word2vec_min_count: How often a word must stand in the texts to get a vector from word2vec.
        settings: Everything else by its key in a study: `{"training.schedule": "constant", "classifier.maps": 50}`.
        random_state: A number gives the same model again, the one of a study's cell with that seed.

    Attributes:
        classes_: The labels, sorted.
        model_: What was trained (`embexp.models.TrainedClassifier`).
        vocabulary_: Its words.
        losses_: Loss of each optimiser step, float32.
    """

    def __init__(
        self,
        strategy: str = "finetuned",
        vectors: Any = None,
        *,
        unlabelled: Iterable[str] | None = None,
        encoder: str = "mean_pool",
        vector_size: int = 100,
        hidden_size: int | None = None,
        batch_size: int = 32,
        min_steps: int | None = None,
        passes: float | None = None,
        learning_rate: float | None = None,
        embedding_learning_rate: float | None = None,
        min_count: int = 2,
        max_tokens: int = 400,
        lower: bool = True,
        epochs: int = 10,
        word2vec_min_count: int = 1,
        settings: Mapping[str, Any] | None = None,
        random_state: Any = 0,
    ) -> None:
        self.strategy = strategy
        self.vectors = vectors
        self.unlabelled = unlabelled
        self.encoder = encoder
        self.vector_size = vector_size
        self.hidden_size = hidden_size
        self.batch_size = batch_size
        self.min_steps = min_steps
        self.passes = passes
        self.learning_rate = learning_rate
        self.embedding_learning_rate = embedding_learning_rate
        self.min_count = min_count
        self.max_tokens = max_tokens
        self.lower = lower
        self.epochs = epochs
        self.word2vec_min_count = word2vec_min_count
        self.settings = settings
        self.random_state = random_state

    def fit(self, X: Iterable[str], y: ArrayLike) -> Self:  # noqa: N803
        """Train on texts and their labels.

        Raises:
            ValueError: If texts or labels are not what they should be, or a setting cannot work; all that is found.
        """
        from embexp.training_texts import number_texts, vectors_for

        texts = as_texts(X)
        check_classification_targets(y)
        labels = column_or_1d(y, warn=True)
        if len(labels) != len(texts):
            raise ValueError(f"X holds {len(texts)} texts, and y {len(labels)} labels; each text needs one label")
        self.classes_, numbers_ = np.unique(labels, return_inverse=True)
        config = self._config()
        seed = _seed_of(self.random_state)
        try:
            numbered = number_texts(texts, as_texts(self.unlabelled, "unlabelled"), config.text)
            wanted = vectors_wanted(self.strategy, config)
            found = vectors_for(numbered, self.vectors, config.word2vec) if wanted else None
            trained = self._train(config, numbered, found, numbers_.astype(np.int64), seed)
        except UserError as error:
            raise ValueError(str(error)) from error
        size = trained.model.embedding.embedding_dim
        about = ModelSettings(self.strategy, size, config.text, config.classifier)
        words = numbered.words[: numbered.vocabulary_size]
        names = [str(name) for name in self.classes_]
        self.model_ = TrainedClassifier(trained.model, words, names, about)
        self.losses_ = trained.losses
        return self

    def _train(self, config: StudyConfig, numbered: Any, found: Any, labels: NDArray[np.int64], seed: int) -> Any:
        from embexp.classify.cell import CellData, train_strategy
        from embexp.classify.strategies import STRATEGIES as KNOWN
        from embexp.classify.threads import one_thread

        data = CellData(
            labelled=numbered.bags,
            labels=labels,
            texts=numbered.bags,
            text_labels=labels,
            classes=len(self.classes_),
            vocabulary_size=numbered.vocabulary_size,
            word_vectors=found,
            labelled_sequences=numbered.sequences,
            text_sequences=numbered.sequences,
        )
        size = self.vector_size if found is None else found.vectors.shape[1]
        training = fit_to_cell(config.training, data.classes, KNOWN[self.strategy])
        settings: dict[str, Any] = {"classifier": config.classifier, "training": training, "seed": seed}
        with one_thread():
            return train_strategy(self.strategy, data, vector_size=int(size), **settings)

    def predict_proba(self, X: Iterable[str]) -> NDArray[np.float32]:  # noqa: N803
        """Return the probability of each class, in the order of `classes_`, for each text, shape (texts, classes)."""
        check_is_fitted(self, "model_")
        return self.model_.predict_proba(as_texts(X))

    def predict(self, X: Iterable[str]) -> NDArray[Any]:  # noqa: N803
        """Return the most probable label of each text."""
        places = self.predict_proba(X).argmax(axis=1)
        found: NDArray[Any] = self.classes_[places]
        return found

    @property
    def vocabulary_(self) -> list[str]:
        """Words that the classifier knows, by descending count."""
        check_is_fitted(self, "model_")
        return self.model_.vocabulary

    def save(self, folder: Path | str) -> Path:
        """Write the fitted estimator into a folder without any pickle; `embexp predict FOLDER FILE` takes it too.

        Word vectors and texts that were given as objects are not written: they are in the weights already.

        Raises:
            UserError: If the folder cannot be written, or holds something else.
            ValueError: If labels are of a kind that JSON does not know.
        """
        check_is_fitted(self, "model_")
        kind, classes = self.classes_.dtype.kind, list(self.classes_.tolist())
        if kind not in KINDS or not all(isinstance(label, KINDS[kind]) for label in classes):
            raise ValueError(f"labels of type {self.classes_.dtype} cannot be written; use strings or numbers")
        given = {name: _bare(value) for name, value in self.get_params(deep=False).items()}
        params = {name: value for name, value in given.items() if _is_plain(value)}
        held = {"params": params, "classes": classes, "kind": kind}
        model = self.model_
        written = TrainedClassifier(model.module, model.vocabulary, model.classes, model.settings, {"estimator": held})
        return written.save(folder)

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Read what `save` wrote, or the model of a study; no code in the folder is run.

        Raises:
            UserError: If there is no such folder, or it is not whole.
        """
        model = TrainedClassifier.load(folder)
        held: dict[str, Any] = {"kind": "U", "classes": model.classes, "params": {}}
        if isinstance(model.about.get("estimator"), dict):
            held |= model.about["estimator"]
        kind, classes, params = held["kind"], held["classes"], held["params"]
        whole = isinstance(kind, str) and kind in KINDS and isinstance(classes, list) and isinstance(params, dict)
        whole = whole and all(isinstance(label, KINDS[kind]) for label in classes)
        if not whole or [str(label) for label in classes] != model.classes:
            raise UserError(f"{folder}: its labels are not those of its estimator; save it again")
        known = cls._get_param_names()
        params = {name: value for name, value in params.items() if name in known}
        estimator = cls(**({"strategy": model.settings.strategy} | params))
        estimator.classes_ = np.array(classes, dtype=object if kind == "O" else KINDS[kind])
        estimator.model_ = model
        return estimator

    def _config(self) -> StudyConfig:
        """Return the settings as a study has them, checked.

        Raises:
            ValueError: With a sentence for each that cannot work.
        """
        from embexp.checks import check

        option = read_option("classifier", str(self.encoder)) or {"classifier": {"encoder": self.encoder}}
        own: dict[str, dict[str, Any]] = {
            "text": {"min_count": self.min_count, "max_tokens": self.max_tokens, "lower": self.lower},
            "word2vec": {
                "vector_size": self.vector_size,
                "epochs": self.epochs,
                "min_count": self.word2vec_min_count,
            },
            "classifier": dict(option["classifier"]),
            "training": {"batch_size": self.batch_size, **option.get("training", {})},
        }
        own["training.budget"] = own["training"].pop("budget", {})
        own["training"] |= _given(
            learning_rate=self.learning_rate, embedding_learning_rate=self.embedding_learning_rate
        )
        own["training.budget"] |= _given(min_steps=self.min_steps, passes=self.passes)
        encoder = ENCODERS.get(own["classifier"].get("encoder", "mean_pool"))
        if encoder and "hidden_size" in encoder.reads:
            own["classifier"] |= _given(hidden_size=self.hidden_size)
        config = StudyConfig("estimator", dataset=DatasetConfig("texts", "csv"), tracking=TrackingConfig("none"))
        problems = [] if self.strategy in {*STRATEGIES, *CONTROLS} - {"tfidf"} else [_unknown_strategy(self.strategy)]
        for key, value in (dict(self.settings or {})).items():
            group, _, name = str(key).rpartition(".")
            own.setdefault(group, {})[name] = value
        for group, values in own.items():
            config = _with(config, group, values, problems)
        if not problems:
            problems += [line for line in check(config) if line.startswith(GROUPS)]
        if problems:
            raise ValueError("\n".join(problems))
        return config

    def __sklearn_tags__(self) -> Any:
        """Say that a sample is a string."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags


def as_texts(values: Any, name: str = "X") -> list[str]:
    """Return texts as a list of strings.

    Raises:
        ValueError: If there is none, a value is no string, or they stand in a table.
    """
    if values is None:
        if name == "X":
            raise ValueError("X is None, and texts are wanted")
        return []
    if isinstance(values, str) or (hasattr(values, "ndim") and values.ndim == 0):
        raise ValueError(f"{name} is one value of type {type(values).__name__}; give a list of texts, [text]")
    if getattr(values, "ndim", 1) != 1 or hasattr(values, "toarray"):
        shape = getattr(values, "shape", "")
        raise ValueError(
            f"{name} is a table of shape {shape}, and one text a sample is wanted. Reshape your data: give one column"
        )
    texts = list(values)
    wrong = next((place for place, value in enumerate(texts) if not isinstance(value, str)), None)
    if wrong is not None:
        value = texts[wrong]
        raise ValueError(
            f"{name}[{wrong}] is {str(value)[:40]!r} of type {type(value).__name__}; each text must be a str"
        )
    if not texts and name == "X":
        raise ValueError("X holds no text (0 samples); give at least one")
    return [str(text) for text in texts]


def vectors_wanted(strategy: str, config: StudyConfig) -> bool:
    """Return whether a strategy's first matrix is made from word vectors."""
    from embexp.classify.strategies import STRATEGIES as KNOWN

    known = KNOWN[strategy]
    return known.pretrained or (known.trained and config.classifier.initial == "matched")


def _given(**values: Any) -> dict[str, Any]:
    """Return the settings that are not None."""
    return {key: value for key, value in values.items() if value is not None}


def _with(config: StudyConfig, group: str, values: Mapping[str, Any], problems: list[str]) -> StudyConfig:
    """Return a study with other values in one group of settings; what is not known is added to `problems`."""
    first, _, rest = group.partition(".")
    if first not in GROUPS or rest not in ("", "budget"):
        problems.append(f"settings: {group or next(iter(values))!r} is no group; possible: {', '.join(GROUPS)}")
        return config
    owner = getattr(config, first)
    target: Any = getattr(owner, rest, None) if rest else owner
    known = asdict(target) if target is not None else {}
    for name in [name for name in values if name not in known]:
        near = did_you_mean(name, known)
        problems.append(f"settings: {group}.{name} is not known{near or ';'} {group} has {', '.join(known)}")
    wrong = [name for name, value in values.items() if name in known and not _alike(value, known[name])]
    problems += [f"{group}.{name}: {values[name]!r} is no value of its kind ({known[name]!r})" for name in wrong]
    if problems:
        return config
    changed: Any = replace(target, **{name: _bare(value) for name, value in values.items()})
    if rest:
        changed = replace(owner, **{rest: changed})
    groups: dict[str, Any] = {first: changed}
    return replace(config, **groups)


def _alike(value: Any, default: Any) -> bool:
    """Return whether a value is of the kind of a default: NumPy's numbers are numbers too, as grids have them."""
    if default is None or value is None:
        return True
    if isinstance(default, bool) or isinstance(value, bool | np.bool_):
        return isinstance(default, bool) and isinstance(value, bool | np.bool_)
    if isinstance(default, int):
        return isinstance(value, numbers.Integral)
    if isinstance(default, float):
        return isinstance(value, numbers.Real)
    return isinstance(value, type(default))


def _unknown_strategy(strategy: Any) -> str:
    options = [*STRATEGIES, "random_frozen"]
    return (
        f"strategy: {strategy!r} is unknown{did_you_mean(str(strategy), options) or ';'} possible: {', '.join(options)}"
    )


def _seed_of(random_state: Any) -> int:
    if isinstance(random_state, numbers.Integral) and not isinstance(random_state, bool):
        seed = int(random_state)
        if not 0 <= seed < 2**32:
            raise ValueError(f"random_state: {seed} is out of range; seeds are from 0 to 2^32 - 1")
        return seed
    return int(check_random_state(random_state).randint(2**31))


def _bare(value: Any) -> Any:
    """Return a number of NumPy as Python's."""
    return value.item() if isinstance(value, np.generic) else value


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(each) for key, each in value.items())
    return value is None or isinstance(value, str | int | float | bool)
