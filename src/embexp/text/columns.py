"""Which column holds the texts and which the labels, where nobody said so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from embexp.config import DatasetConfig
from embexp.errors import UserError
from embexp.text.labels import MOST_CLASSES
from embexp.text.tables import Table
from embexp.text.wording import did_you_mean, listed, shorten

LOOKED_AT = 1000  # rows
SHORTEST_TEXT = 3.0  # words of a text on average, where only the content can tell
# fmt: off
TEXT_NAMES = (
    "text", "review", "sentence", "content", "body", "comment", "tweet", "document", "article", "message",
    "question", "description", "utterance", "abstract", "summary", "data", "question_title", "title", "headline",
)
# fmt: on
# fmt: off
LABEL_NAMES = (
    "label", "labels", "class", "category", "sentiment", "target", "stars", "rating", "score", "polarity",
    "topic", "intent", "y", "tag", "emotion", "label_text", "gold",
)
# fmt: on


def choose(dataset: DatasetConfig, table: Table) -> tuple[str, str, tuple[str, ...]]:
    """Return the columns of the texts and of the labels, and a sentence for each that was guessed.

    Raises:
        UserError: a named column is not there, or nothing can be guessed.
    """
    header = table.columns()
    named = {"text": dataset.text, "label": dataset.label}
    columns = listed(map(shorten, header), len(header))
    UserError.raise_if(
        f"dataset.{key}: {table.place} has no column {name!r}{did_you_mean(name, header)} Its columns are {columns}"
        for key, name in named.items()
        if name is not None and name not in header
    )
    guesses = []
    for key in ("label", "text"):  # a label is easier to tell; the text is then looked for among the others
        if named[key] is None:
            rest = [name for name in header if name and name not in named.values()]
            guess = _by_name(rest, LABEL_NAMES if key == "label" else TEXT_NAMES)
            guess = guess or _by_content(table, rest, key)
            if guess is None:
                raise UserError(_no_guess(key, table, rest, columns))
            named[key] = guess
            if guess != key:
                others = listed(map(repr, rest), len(rest))
                guesses.append(f"dataset.{key}={guess} is a guess (of {others}); dataset.{key}=COLUMN changes it")
    return str(named["text"]), str(named["label"]), tuple(guesses)


def choose_text(named: str | None, table: Table, key: str) -> str:
    """Return the column that holds the texts of a table, of which nothing else is wanted.

    Args:
        named: What the user said; None guesses by names, then by content.
        table: The table.
        key: The setting that names the column, for the sentences.

    Raises:
        UserError: the named column is not there, or nothing can be guessed.
    """
    header = table.columns()
    columns = listed(map(shorten, header), len(header))
    if named is not None:
        if named not in header:
            raise UserError(
                f"{key}: {table.place} has no column {named!r}{did_you_mean(named, header)} Its columns are {columns}"
            )
        return named
    rest = [name for name in header if name]
    guess = _by_name(rest, TEXT_NAMES) or (rest[0] if len(rest) == 1 else _by_content(table, rest, "text"))
    if guess is None:
        raise UserError(
            f"{key}: {table.place} has the columns {columns}, and none of them is known to hold texts; name the column "
            f"with {key}=COLUMN"
        )
    return guess


def _by_name(header: Sequence[str], known: Sequence[str]) -> str | None:
    folded = {name.strip().casefold(): name for name in reversed(header)}
    return next((folded[name] for name in known if name in folded), None)


def _by_content(table: Table, header: Sequence[str], key: str) -> str | None:
    """Guess from the first rows: texts are long and differ, labels are short and repeat."""
    if not header:
        return None
    values = {name: list(islice(_values(table, name), LOOKED_AT)) for name in header}
    values = {name: found for name, found in values.items() if found}
    words = {name: sum(len(value.split()) for value in found) / len(found) for name, found in values.items()}
    if key == "text":
        longest = max(words, key=lambda name: words[name], default=None)
        return longest if longest is not None and words[longest] >= SHORTEST_TEXT else None
    kinds = {name: len(set(found)) for name, found in values.items() if 2 <= len(set(found)) <= MOST_CLASSES}
    kinds = {name: kind for name, kind in kinds.items() if kind <= len(values[name]) / 2}
    return min(kinds, key=lambda name: (kinds[name], words[name]), default=None)


def _values(table: Table, name: str) -> Iterator[str]:
    try:
        for piece in table.read([name]):
            yield from (value for value in piece[name].to_pylist() if value is not None)
    except UserError:  # nested: no text and no label
        return


def _no_guess(key: str, table: Table, rest: Sequence[str], columns: str) -> str:
    what = {
        "text": "none of them holds texts of several words",
        "label": f"none of them holds 2 to {MOST_CLASSES} values that repeat",
    }[key]
    return (
        f"dataset.{key}: {table.place} has the columns {columns}, and {what}; name the column with dataset.{key}=COLUMN"
    )


def check_columns(dataset: DatasetConfig, tables: Mapping[str, Table], text: str, label: str) -> None:
    """Refuse parts that lack the columns of the first."""
    for part, table in tables.items():
        header = table.columns()
        missing = [name for name in (text, label) if name not in header]
        if missing:
            raise UserError(
                f"dataset.{part}: {table.place} has no column {missing[0]!r}{did_you_mean(missing[0], header)} Its"
                f" columns are {listed(map(shorten, header), len(header))}"
            )
