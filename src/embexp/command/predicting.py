"""`embexp predict`: ask a model that a study left behind about the texts of a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from embexp.command.arguments import Arguments
from embexp.command.compose import compose_study
from embexp.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from embexp.models import TrainedClassifier
    from embexp.models.writing import Write

USAGE = "embexp predict MODEL FILE [output=FILE]"
KEYS = ("output", "text", "delimiter")
MOST_SHOWN = 5  # classes of the summary


@dataclass(frozen=True)
class Request:
    """What a command line asks for; `tracking` are overrides that say which MLflow is meant."""

    model: str
    file: str
    output: str | None = None
    text: str | None = None
    delimiter: str = "auto"
    tracking: tuple[str, ...] = ()


def predict(arguments: Arguments) -> int:
    """Write the label and the probabilities of every text of a file; a word on what was done goes to stderr."""
    request = read_request(arguments)
    from embexp.models.writing import check_output
    from embexp.text.unlabelled import open_unlabelled

    if request.output is not None:
        check_output(request.output)
        if Path(request.output).exists() and Path(request.file).exists() and _same(request.output, request.file):
            raise UserError(f"output: {request.output} is the file that is read; give another one")
    texts = open_unlabelled(request.file, request.text, request.delimiter)
    with _opened_model(request) as model, _opened_output(request, model) as write:
        model.predict_proba([""])  # loads what is compiled, before the clock runs
        started, counts = time.monotonic(), np.zeros(len(model.classes), np.int64)
        for piece in texts.read():
            probabilities = model.read(piece)
            write(probabilities)
            counts += np.bincount(probabilities.argmax(axis=1), minlength=len(counts))
    print(_summary(model, counts, time.monotonic() - started), file=sys.stderr)
    return 0


def read_request(arguments: Arguments) -> Request:
    """Sort the words of the command line.

    Raises:
        UserError: for all that is missing, unknown or too much.
    """
    places, given, tracking, problems = [], {}, [], []
    for word in arguments.overrides:
        key, equals, value = word.partition("=")
        if not equals or Path(word).exists():
            places.append(word)
        elif key in KEYS:
            given[key] = value
        elif key.startswith("tracking"):
            tracking.append(word)
        else:
            near = did_you_mean(key, KEYS)
            problems.append(
                f"{word}: predict has no such setting{near or ';'} possible: {', '.join(KEYS)}, tracking.uri"
            )
    problems += [f"{key}: no value is given; {key}=..." for key, value in given.items() if not value]
    if len(places) != 2:
        said = f"{len(places)} {'is' if len(places) == 1 else 'are'} given" + (
            f" ({', '.join(places)})" if places else ""
        )
        problems.append(f"predict: a model and a file are wanted, and {said}: {USAGE}; - as FILE reads standard input")
    UserError.raise_if(problems)
    return Request(places[0], places[1], tracking=tuple(tracking), **given)


@contextmanager
def _opened_model(request: Request) -> Iterator[TrainedClassifier]:
    from embexp.models import TrainedClassifier
    from embexp.models.finding import find_model
    from embexp.tracking.fetching import fetch_model, is_model_address

    if not is_model_address(request.model):
        yield TrainedClassifier.load(find_model(Path(request.model)))
        return
    with TemporaryDirectory(prefix="embexp-model-") as folder:
        tracking = compose_study(request.tracking).tracking
        yield TrainedClassifier.load(find_model(fetch_model(request.model, tracking, Path(folder))))


@contextmanager
def _opened_output(request: Request, model: TrainedClassifier) -> Iterator[Write]:
    from embexp.models.writing import open_output, open_stream

    if request.output is not None:
        with open_output(request.output, model.classes) as write:
            yield write
        return
    with open_stream(sys.stdout.buffer, ".csv", model.classes) as write:
        yield write
    sys.stdout.buffer.flush()


def _same(one: str, other: str) -> bool:
    return Path(one).samefile(other)


def _summary(model: TrainedClassifier, counts: np.ndarray[tuple[int], np.dtype[np.int64]], seconds: float) -> str:
    total = int(counts.sum())
    if not total:
        return "embexp: there was no text"
    often = np.argsort(-counts, kind="stable")[:MOST_SHOWN]
    shares = ", ".join(f"{model.classes[place]} {counts[place] / total:.1%}" for place in often if counts[place])
    rate = f", {total / seconds:,.0f} a second" if seconds > 0.1 else ""
    return f"embexp: {total:,} texts in {seconds:.1f} s{rate}: {shares}"
