"""The folder of a model, and the checks that make it safe to read one from a stranger.

    weights.safetensors    the tensors of the classifier, float32, under torch's names
    vocabulary.txt         one word a line; line n is row n of the embedding matrix
    model.json             format number, strategy, classes, settings of text and classifier, what it was trained on
    tokenizer.json         only where `text.tokenizer` is a file

File names are fixed, so that nothing in model.json can name a place outside; it is the last to be written.
"""

from __future__ import annotations

import json
import math
import shutil
import types
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from embexp.checks import CHOICES, RANGES, check_encoder
from embexp.config import CONTROLS, STRATEGIES, ClassifierConfig, TextConfig
from embexp.encoders import ENCODERS
from embexp.errors import UserError
from embexp.models.classifier import ModelSettings, TrainedClassifier

FORMAT = 2
WEIGHTS, VOCABULARY, DESCRIPTION, TOKENIZER = "weights.safetensors", "vocabulary.txt", "model.json", "tokenizer.json"
LARGEST_DESCRIPTION = 16 << 20  # bytes
LARGEST_HEADER = 1 << 20  # bytes of a .safetensors file that describe its tensors
MOST_CLASSES = 32_767  # labels are int16 in a data set
ROOM = 4  # a network that the settings describe may take so many times the file, and a bit, while it is built
AGAIN = "export or save the model again"

T = TypeVar("T")


def is_model(folder: Path) -> bool:
    """Return whether a folder looks like one that `save_model` wrote."""
    return (folder / DESCRIPTION).is_file()


# ---- writing


def save_model(model: TrainedClassifier, folder: Path) -> Path:
    """Write a model into a folder; a model that stands there is replaced.

    Raises:
        UserError: If the folder cannot be written, or holds something that is no model.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: a file is in the way; give a folder for the model")
    if folder.is_dir() and any(folder.iterdir()) and not is_model(folder):
        raise UserError(f"{folder}: the folder holds something that is no model; give an empty or a new one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / DESCRIPTION).unlink(missing_ok=True)
        _write(model, folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); give a folder that can") from error
    return folder


def _write(model: TrainedClassifier, folder: Path) -> None:
    from safetensors.numpy import save as packed

    tensors = {name: np.ascontiguousarray(tensor.numpy()) for name, tensor in model.module.state_dict().items()}
    text = model.settings.text
    _replace(folder / WEIGHTS, packed(tensors))
    _replace(folder / VOCABULARY, "".join(f"{word}\n" for word in model.vocabulary).encode())
    if _is_file(text.tokenizer):
        if Path(text.tokenizer).expanduser().absolute() != (folder / TOKENIZER).absolute():
            shutil.copyfile(Path(text.tokenizer).expanduser(), folder / TOKENIZER)
        text = replace(text, tokenizer=TOKENIZER)
    description = {
        "format": FORMAT,
        "strategy": model.settings.strategy,
        "vector_size": model.settings.vector_size,
        "classes": model.classes,
        "text": asdict(text),
        "classifier": asdict(model.settings.classifier),
        "about": model.about,
    }
    written = json.dumps(description, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    _replace(folder / DESCRIPTION, written.encode())


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    beside.write_bytes(content)
    beside.replace(path)


def _is_file(tokenizer: str) -> bool:
    from embexp.text.segment import is_file

    return is_file(tokenizer)


# ---- reading


def load_model(folder: Path) -> TrainedClassifier:
    """Read a model; every value is checked before it is used.

    Raises:
        UserError: If there is no model in the folder, or a file of it is missing, damaged or not what it should be.
    """
    from embexp.classify.model import build_model

    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; name the folder of a model, as export=best writes one")
    missing = [name for name in (DESCRIPTION, VOCABULARY, WEIGHTS) if not (folder / name).is_file()]
    if missing:
        raise UserError(f"{folder}: {', '.join(missing)} is missing, so this is no whole model; {AGAIN}")
    description = _read_description(folder / DESCRIPTION)
    settings, classes = _read_settings(folder, description)
    vocabulary = _read_vocabulary(folder / VOCABULARY)
    tensors = _read_tensors(folder / WEIGHTS)
    matrix = tensors.get("embedding.weight")
    wanted = (len(vocabulary), settings.vector_size)
    if matrix is None or matrix.shape != wanted:
        held = "no embedding.weight" if matrix is None else f"an embedding.weight of shape {matrix.shape}"
        raise UserError(
            f"{folder / WEIGHTS}: holds {held}, and {VOCABULARY} and {DESCRIPTION} ask for {wanted}; {AGAIN}"
        )
    _check_room(folder, settings, len(classes), [tensor.size for tensor in tensors.values()])
    module = build_model(settings.classifier, matrix, len(classes), 0, settings.strategy)
    _fill(module, tensors, folder / WEIGHTS)
    return TrainedClassifier(module, vocabulary, classes, settings, description["about"])


def _read_description(path: Path) -> dict[str, Any]:
    if path.stat().st_size > LARGEST_DESCRIPTION:
        raise UserError(f"{path}: has {path.stat().st_size:,} bytes; a model's description has at most 16 MiB")
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is not JSON ({error}); {AGAIN}") from error
    if not isinstance(found, dict) or "format" not in found:
        raise UserError(f"{path}: is not the description of a model (it names no format); {AGAIN}")
    if found["format"] != FORMAT:
        raise UserError(
            f"{path}: is written in format {str(found['format'])[:20]}, and this embexp reads {FORMAT}; use the embexp "
            f"that wrote it, or {AGAIN}"
        )
    kinds = {"strategy": str, "vector_size": int, "classes": list, "text": dict, "classifier": dict, "about": dict}
    UserError.raise_if(
        f"{path}: {key} is missing or no {kind.__name__}; {AGAIN}"
        for key, kind in kinds.items()
        if not isinstance(found.get(key), kind) or isinstance(found.get(key), bool)
    )
    return found


def _read_settings(folder: Path, description: Mapping[str, Any]) -> tuple[ModelSettings, list[str]]:
    from embexp.text import check_text

    path, strategy, classes = folder / DESCRIPTION, description["strategy"], description["classes"]
    problems = []
    if strategy not in {*STRATEGIES, *CONTROLS} - {"tfidf"}:
        problems.append(f"{path}: strategy {strategy[:40]!r} is unknown; possible: {', '.join(STRATEGIES)}")
    if not 1 <= description["vector_size"] < 1 << 24:
        problems.append(f"{path}: vector_size {description['vector_size']} is out of range")
    whole = all(isinstance(name, str) for name in classes) and len(set(classes)) == len(classes)
    if not whole or not 1 <= len(classes) <= MOST_CLASSES:
        problems.append(f"{path}: classes must be different names, 1 to {MOST_CLASSES:,} of them; {AGAIN}")
    UserError.raise_if(problems)
    text = _typed(TextConfig, description["text"], f"{path}: text")
    classifier = _typed(ClassifierConfig, description["classifier"], f"{path}: classifier")
    UserError.raise_if(f"{path}: {problem}" for problem in _problems(classifier))
    if _is_file(text.tokenizer):
        if text.tokenizer != TOKENIZER or not (folder / TOKENIZER).is_file():
            raise UserError(
                f"{path}: text.tokenizer {text.tokenizer[:80]!r} is no file of this model; it must be {TOKENIZER}, "
                "beside model.json"
            )
        text = replace(text, tokenizer=str(folder / TOKENIZER))
    try:
        check_text(text)
    except UserError as error:
        raise UserError(*(f"{path}: {problem}" for problem in error.problems)) from error
    return ModelSettings(strategy, description["vector_size"], text, classifier), classes


def _typed(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """Build settings from JSON, every value of the type that its field has."""
    hints = get_type_hints(kind)
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    problems = [f"{where}.{str(key)[:40]} is not known to this embexp" for key in values if key not in known]
    problems += [
        f"{where}.{key} is {str(value)[:40]!r}, which is no value of its type"
        for key, value in values.items()
        if key in known and not _fits(value, hints[key])
    ]
    UserError.raise_if(problems)
    return kind(**values)


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) in (types.UnionType, Union):
        return any(_fits(value, option) for option in get_args(hint))
    if get_origin(hint) is list:
        return isinstance(value, list) and all(_fits(item, get_args(hint)[0]) for item in value)
    if hint in (int, float):
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole or (hint is float and isinstance(value, float) and math.isfinite(value))
    return isinstance(value, hint)


def _problems(classifier: ClassifierConfig) -> Iterator[str]:
    for key, (smallest, largest) in RANGES.items():
        group, _, name = key.partition(".")
        value = getattr(classifier, name) if group == "classifier" else None
        low = value is not None and smallest is not None and value < smallest
        if low or (value is not None and largest is not None and value > largest):
            yield f"{key} {value} is out of range"
    for key, options in CHOICES.items():
        group, _, name = key.partition(".")
        if group == "classifier" and getattr(classifier, name) not in options:
            yield f"{key} {getattr(classifier, name)[:40]!r} is unknown; possible: {', '.join(options)}"
    yield from check_encoder(classifier)


def _check_room(folder: Path, settings: ModelSettings, classes: int, sizes: Sequence[int]) -> None:
    """Refuse settings whose network would be far larger than the file, before it takes the memory."""
    classifier, given, held = settings.classifier, 2 * settings.vector_size, sum(sizes)
    encoder = ENCODERS[classifier.encoder]
    if max(classifier.layers, len(classifier.windows) if "windows" in encoder.reads else 0) > len(sizes):
        raise UserError(f"{folder}: {DESCRIPTION} describes more layers than {WEIGHTS} holds; {AGAIN}")
    described = encoder.numbers(classifier, given, classes)
    if described > ROOM * held + (1 << 20):
        raise UserError(
            f"{folder}: {DESCRIPTION} describes a network of {described:,} numbers, and {WEIGHTS} holds {held:,}; "
            f"{AGAIN}"
        )


def _read_vocabulary(path: Path) -> list[str]:
    try:
        content = path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{path}, byte {error.start:,}: is not UTF-8; {AGAIN}") from error
    words = content.removesuffix("\n").split("\n") if content else []
    if not words or len(set(words)) < len(words):
        what = "a word stands there twice" if words else "it holds no word"
        raise UserError(f"{path}: {what}; line n must be the word of row n, each once; {AGAIN}")
    return words


def _read_tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    size = path.stat().st_size
    with path.open("rb") as file:
        header = int.from_bytes(file.read(8), "little")
    if header > min(LARGEST_HEADER, max(size - 8, 0)):
        raise UserError(
            f"{path}: the first bytes promise {header:,} bytes of description, and the file has {size:,} (of which "
            f"{LARGEST_HEADER:,} may describe); it is truncated, or no .safetensors file"
        )
    try:
        tensors: dict[str, NDArray[Any]] = load_file(path)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: cannot be read ({str(error)[:200]}); {AGAIN}") from error
    UserError.raise_if(
        f"{path}: {name[:80]} is of type {tensor.dtype}, and weights are float32; {AGAIN}"
        for name, tensor in tensors.items()
        if tensor.dtype != np.float32
    )
    UserError.raise_if(
        f"{path}: {name[:80]} holds a number that is not finite; {AGAIN}"
        for name, tensor in tensors.items()
        if not np.isfinite(tensor).all()
    )
    return tensors


def _fill(module: Any, tensors: Mapping[str, NDArray[np.float32]], path: Path) -> None:
    """Load weights into a classifier that has just these."""
    import torch

    wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    found = {name: tensor.shape for name, tensor in tensors.items()}
    UserError.raise_if(
        f"{path}: {name[:80]} is {found.get(name, 'missing')}, and the settings ask for {wanted.get(name, 'none')}; "
        f"{AGAIN}"
        for name in dict.fromkeys([*wanted, *found])
        if wanted.get(name) != found.get(name)
    )
    module.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
