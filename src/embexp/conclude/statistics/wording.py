"""Names and numbers as they stand in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# (as a subject, what to do)
_NAMES = {
    "random": ("learning the embeddings from scratch", "learn the embeddings from scratch"),
    "frozen": ("frozen word2vec", "start from word2vec and leave it frozen"),
    "finetuned": ("fine-tuned word2vec", "start from word2vec and fine-tune it"),
    "multichannel": ("frozen and fine-tuned word2vec side by side", "use word2vec twice, frozen and fine-tuned"),
    "tfidf": ("TF-IDF with logistic regression", "use TF-IDF with logistic regression"),
    "random_frozen": ("frozen random vectors", "use frozen random vectors"),
}


def name(strategy: str) -> str:
    """Return a strategy's name as the subject or object of a sentence."""
    return _NAMES.get(strategy, (strategy, ""))[0]


def action(strategy: str) -> str:
    """Return what a user of a strategy does."""
    return _NAMES.get(strategy, ("", f"use {strategy}"))[1]


def capital(sentence: str) -> str:
    """Return a sentence with its first letter in upper case."""
    return sentence[:1].upper() + sentence[1:]


def joined(parts: Sequence[str], last: str = "and") -> str:
    """Join parts as `a, b and c`."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def points(difference: float) -> str:
    """Write a difference in points of accuracy with its sign: `+8.1`."""
    return f"{100 * difference:+.1f}".replace("-", "\N{MINUS SIGN}")


def points_range(low: float | None, high: float | None) -> str:
    """Write an interval of differences in points."""
    if low is None or high is None:
        return "no interval"
    return f"{points(low)} to {points(high)}"


def percent(score: float) -> str:
    """Write an accuracy: `89.3 %`."""
    return f"{100 * score:.1f} %"


def labels(value: float) -> str:
    """Write a number of labels with two significant digits and thousands separated: `1,200`."""
    if value >= 100:
        unit = 10 ** (len(str(int(value))) - 2)
        value = round(value / unit) * unit
    return f"{value:,.0f}"


def interval_words(low: float | None, high: float | None, level: float, first: float, last: float) -> str:
    """Write an interval of numbers of labels whose ends may be open."""
    percent_level = f"{100 * level:g} % interval"
    if low is None and high is None:
        return f"{percent_level}: anywhere from below {first:,.0f} to above {last:,.0f}"
    if low is None:
        return f"{percent_level}: up to {labels(high or 0)}, or below the range"
    if high is None:
        return f"{percent_level}: from {labels(low)} on, or beyond the range"
    return f"{percent_level}: {labels(low)} to {labels(high)}"


def sizes_words(sizes: Sequence[int], all_sizes: Sequence[int]) -> str:
    """Write which of the sizes: `at every size`, `from 1,000 labels on`, `up to 300 labels`, `at 100 and 300 labels`.

    Args:
        sizes: Those meant.
        all_sizes: All sizes of the study, ascending.
    """
    chosen = [size for size in all_sizes if size in set(sizes)]
    if len(chosen) == len(all_sizes):
        return "at every size" if len(all_sizes) > 1 else f"at {chosen[0]:,} labels"
    if len(chosen) > 1 and chosen == list(all_sizes[-len(chosen) :]):
        return f"from {chosen[0]:,} labels on"
    if len(chosen) > 1 and chosen == list(all_sizes[: len(chosen)]):
        return f"up to {chosen[-1]:,} labels"
    first = list(all_sizes).index(chosen[0]) if chosen else 0
    if len(chosen) > 2 and chosen == list(all_sizes[first : first + len(chosen)]):
        return f"from {chosen[0]:,} to {chosen[-1]:,} labels"
    return f"at {joined([f'{size:,}' for size in chosen])} labels"


class Lookup:
    """Contrasts by pair and size, read in either direction."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self._rows = {(row["a"], row["b"], row["train_size"]): row for row in rows}

    def lead(self, a: str, b: str, size: int) -> dict[str, Any]:
        """Return difference a - b, its interval, whether shown, and the contrast itself."""
        row = self._rows.get((a, b, size))
        if row is not None:
            low, high, sign = row["ci_low"], row["ci_high"], 1
        else:
            row = self._rows[b, a, size]
            low, high, sign = _minus(row["ci_high"]), _minus(row["ci_low"]), -1
        difference = None if row["difference"] is None else sign * row["difference"]
        shown = row["verdict"] not in ("undecided", "equivalent")
        return {
            "difference": difference,
            "low": low,
            "high": high,
            "ahead": shown and difference is not None and difference > 0,
            "behind": shown and difference is not None and difference < 0,
            "row": row,
        }


def _minus(value: float | None) -> float | None:
    return None if value is None else -value
