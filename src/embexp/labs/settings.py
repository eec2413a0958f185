"""Settings of a study that the labs cannot honour: said in a sentence, rather than left aside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from embexp.config import StudyConfig
from embexp.errors import UserError
from embexp.study import CLASSIFIER_KEYS, SPENT, TRAINING_KEYS

FREE = {  # what may be chosen: the study's own protocol, of which cells of a lab are made too
    "classifier": tuple(key for key in CLASSIFIER_KEYS if key != "encoder"),
    "training": (*TRAINING_KEYS, *SPENT, "device"),
    "tuning": (),
}


def check_settings(config: StudyConfig, *, cells: bool = False) -> None:
    """Refuse settings that a lab would not follow.

    Args:
        config: The study whose data and protocol the lab takes.
        cells: Whether the lab trains cells of the study itself, which follow every setting of the classifier.

    Raises:
        UserError: With a sentence for each.
    """
    UserError.raise_if(problems(config, cells=cells))


def problems(config: StudyConfig, *, cells: bool = False) -> Iterator[str]:
    """Yield a sentence for each setting that a lab would not follow."""
    if config.dataset.folds is not None:
        yield (
            f"dataset.folds: {config.dataset.folds} folds, and a lab measures on one split; leave dataset.folds out "
            "(dataset.split_seed gives another split)"
        )
    if config.word2vec.corpus == "labelled":
        yield (
            "word2vec.corpus: with 'labelled' every cell has a vocabulary and word vectors of its own, and a lab "
            "compares matrices of one vocabulary; give word2vec.corpus=pool"
        )
    if cells:
        return
    if config.classifier.initial == "matched":
        yield (
            "classifier.initial: 'matched' takes the length of rows from word vectors, which this lab's random rows "
            "do not have beside them; give classifier.initial=uniform"
        )
    if config.training.device == "cuda":
        yield "training.device: the cells of a lab are trained on the CPU; leave training.device out"
    chosen, usual = asdict(config), asdict(StudyConfig())
    for group, free in FREE.items():
        for key, value in chosen[group].items():
            if key not in free and value != usual[group][key]:
                yield (
                    f"{group}.{key}: {value!r} is not followed by this lab, which trains the classifier of the default "
                    f"study; leave it out ({group}.{key}={usual[group][key]})"
                )
