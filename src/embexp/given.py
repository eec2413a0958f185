"""What a Python caller gives, put into words of the command line."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from embexp.errors import UserError, did_you_mean

# ending of a file (before .gz and the like): the option of conf/dataset/ that reads it
ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
PACKED = (".gz", ".bz2", ".xz", ".zst")
SAVED = ("dataset_info.json", "dataset_dict.json", "state.json")  # a folder that `save_to_disk` wrote
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
PLAIN = re.compile(r"[A-Za-z_./~][\w./:+@-]*")  # text that Hydra reads as itself without quotes
WORDS = ("null", "true", "false", "nan", "inf")


def is_data(given: Any) -> bool:
    """Return whether the texts themselves were given, not where they are."""
    return not (given is None or isinstance(given, str | os.PathLike) or _is_settings(given))


def _is_settings(given: Any) -> bool:
    return isinstance(given, Mapping) and all(isinstance(value, str | int | float | None) for value in given.values())


def data_words(given: Any, test: Any, folder: Path, columns: Mapping[str, str | None]) -> list[str]:
    """Return the words that name a data set.

    Args:
        given: A name, a place, settings of `dataset.*`, or labelled texts.
        test: A place or labelled texts to score on, or None.
        folder: Where texts that were given as objects are kept, under their content's digest.
        columns: Names of the columns, as settings.

    Raises:
        UserError: there is no such data set, or the object holds no labelled texts.
    """
    if given is None:
        return []
    if _is_settings(given):
        return list(setting_words({f"dataset.{key}": value for key, value in given.items()}))
    place = _keep(given, folder, "data", columns) if is_data(given) else os.fspath(given)
    kind = _kind(place)
    if kind is None:
        words = [f"dataset={place}"]
    else:
        key = "train" if kind in ENDINGS.values() else "path"
        words = [f"dataset={kind}", *setting_words({f"dataset.{key}": place, "dataset.name": _name(place)})]
    if test is not None:
        tested = _keep(test, folder, "test", columns) if is_data(test) else os.fspath(test)
        words += setting_words({"dataset.test": tested})
    return words


def _kind(place: str) -> str | None:
    """Return how a place is read, None for the name of an option.

    Raises:
        UserError: it is neither.
    """
    from embexp.command.conf import list_options

    options = list_options()["dataset"]
    if place in options:
        return None
    path = Path(place).expanduser()
    if path.is_dir():
        return "disk" if any((path / name).is_file() for name in SAVED) else "folder"
    endings = [ending for ending in path.suffixes if ending not in PACKED]
    if endings and endings[-1].lower() in ENDINGS:
        return ENDINGS[endings[-1].lower()]
    if path.is_file():
        raise UserError(f"dataset: {place} has an ending that says no format; possible: {', '.join(ENDINGS)}")
    if HUB_NAME.fullmatch(place):
        return "hub"
    near = did_you_mean(place, options)
    raise UserError(
        f"dataset: {place!r} is neither a data set that embexp knows{near}, nor a file or folder, nor a Hub name "
        f"(OWNER/NAME); known: {', '.join(options)}"
    )


def _name(place: str) -> str:
    """Return what a study of a place is called, in letters that a folder's name may have."""
    path = Path(place)
    return re.sub(r"[^\w-]+", "_", path.name.partition(".")[0]).strip("_-") or "data"


def _keep(given: Any, folder: Path, name: str, columns: Mapping[str, str | None]) -> str:
    """Write labelled texts into a folder of their own, named by their content, and return the file."""
    from embexp.text.objects import keep

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as beside:
        text, label = columns["dataset.text"], columns["dataset.label"]
        written = Path(keep(given, Path(beside), name=name, text=text, label=label).train)
        place = folder / hashlib.sha256(written.read_bytes()).hexdigest()[:16]
        place.mkdir(exist_ok=True)
        if not (place / written.name).exists():
            written.replace(place / written.name)
    return str(place / written.name)


def setting_words(settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield `key=value` for each setting; a mapping sets the keys below it, a word for a group chooses its option."""
    for key, value in settings.items():
        if isinstance(value, Mapping) and key != "executor.resources":
            yield from setting_words({f"{key}.{name}": item for name, item in value.items()})
        else:
            yield f"{key}={value_word(value)}"


def value_word(value: Any) -> str:
    """Return a value as Hydra's grammar writes it.

    Raises:
        UserError: it is no value that a setting can have.
    """
    if hasattr(value, "tolist"):  # NumPy's numbers and arrays
        value = value.tolist()
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | os.PathLike):
        return _text_word(os.fspath(value))
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{value_word(key)}:{value_word(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple | range):
        return "[" + ",".join(map(value_word, value)) + "]"
    raise UserError(
        f"{value!r}: a {type(value).__name__} is no value of a setting; give text, numbers or lists of them"
    )


def _text_word(text: str) -> str:
    from hydra.core.override_parser.types import Quote, QuotedString

    if PLAIN.fullmatch(text) and text.lower() not in WORDS:
        return text
    return QuotedString(text=text, quote=Quote.single).with_quotes()
