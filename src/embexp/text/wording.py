"""Pieces of the sentences in which this room reports problems."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from itertools import islice

NAMED = 5  # examples that a sentence names before it says "and N more"
LONGEST = 40  # characters of a user's value that a sentence shows


def shorten(value: str) -> str:
    """Quote a user's value, cut to a length that leaves the sentence readable."""
    return repr(value if len(value) <= LONGEST else value[: LONGEST - 1] + "…")


def listed(values: Iterable[object], total: int) -> str:
    """Join the first values with commas and count the rest: `2, 5, 9 and 14 more`."""
    shown = [str(value) for value in islice(values, NAMED)]
    rest = total - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


def number(count: int, noun: str, plural: str | None = None) -> str:
    """Write a count with its noun: `1 row`, `20,000 rows`, `2 classes`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def nearest(word: str, options: Sequence[str]) -> str | None:
    """Return the option closest to a word, case and outer blanks aside, or None where none is close."""
    folded = {option.strip().casefold(): option for option in reversed(options)}
    near = difflib.get_close_matches(word.strip().casefold(), list(folded), n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def did_you_mean(word: str, options: Sequence[str]) -> str:
    """Offer the nearest option as a question, or end the sentence where none is near."""
    near = nearest(word, options)
    return "." if near is None else f"; did you mean {near!r}?"
