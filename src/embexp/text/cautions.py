"""Sentences on what is odd in the data, where it can move a result."""

from __future__ import annotations

from typing import Any

from embexp.text.wording import listed, number

FEW_TEXTS = 200
FEW_TEST_TEXTS = 400
RARE_CLASS = 10
IMBALANCE = 3.0
MANY_NUMBERS = 11
NOTABLE_SHARE = 0.01
LOW_COVERAGE = 0.85


def warnings_of(sheet: dict[str, Any]) -> list[str]:
    """Read a data sheet and warn of what can move a result."""
    return [*_about_sizes(sheet), *_about_classes(sheet), *_about_texts(sheet), *_about_tokens(sheet)]


def _about_sizes(sheet: dict[str, Any]) -> list[str]:
    pool, test = sheet["sizes"]["pool"], sheet["sizes"]["test"]
    found = []
    if pool + test < FEW_TEXTS:
        found.append(
            f"There are only {pool + test} labelled texts: the sign of a large difference (10 points) can show,"
            f" a small one cannot, and word2vec learns little from so few texts."
        )
    if test < FEW_TEST_TEXTS:
        error = 100 * (0.16 / test) ** 0.5
        found.append(
            f"With {number(test, 'test text')} an accuracy near 80 % is known to ±{1.96 * error:.1f} points at best,"
            f" however many seeds are run."
        )
    return found


def _about_classes(sheet: dict[str, Any]) -> list[str]:
    names = sheet["labels"]
    pool, test = sheet["class_counts"]["pool"], sheet["class_counts"]["test"]
    found = []
    rare = [f"{name!r} ({count})" for name, count in zip(names, pool, strict=True) if count < RARE_CLASS]
    if rare:
        found.append(
            f"Classes with fewer than {RARE_CLASS} texts in the pool: {listed(rare, len(rare))}. Small train sizes hold"
            f" none of them."
        )
    unseen = [repr(name) for name, count in zip(names, test, strict=True) if not count]
    if unseen:
        found.append(f"No test text is labelled {listed(unseen, len(unseen))}: nothing is measured on that.")
    if max(pool) >= IMBALANCE * min(pool):
        share = 100 * test[pool.index(max(pool))] / sum(test)
        found.append(
            f"The classes are uneven: the largest holds {max(pool):,} texts of the pool, the smallest {min(pool):,}."
            f" Always answering the largest is right on {share:.1f} % of the test texts; read macro-F1 beside accuracy."
        )
    if len(names) >= MANY_NUMBERS and all(name.strip().removeprefix("-").isdecimal() for name in names):
        found.append(
            f"The {len(names)} labels are whole numbers and count as {len(names)} unrelated classes; if they measure"
            f" something, fewer classes (low, middle, high) would say more."
        )
    return [*found, *_alike(names)]


def _alike(names: list[str]) -> list[str]:
    folded: dict[str, list[str]] = {}
    for name in names:
        folded.setdefault(" ".join(name.split()).casefold(), []).append(name)
    groups = [" and ".join(map(repr, group)) for group in folded.values() if len(group) > 1]
    if not groups:
        return []
    return [f"Labels that differ only in case or blanks count as different classes: {listed(groups, len(groups))}."]


def _about_texts(sheet: dict[str, Any]) -> list[str]:
    pool, test = sheet["sizes"]["pool"], sheet["sizes"]["test"]
    found = []
    empty = sum(sheet["empty_texts"].values())
    if empty:
        found.append(f"Texts of nothing but blanks: {empty:,} of {pool + test:,}. They were kept.")
    if sheet["duplicates"] > NOTABLE_SHARE * pool:
        found.append(
            f"Texts of the pool that repeat an earlier one: {_share(sheet['duplicates'], pool)}. N labelled texts hold"
            f" fewer than N different ones."
        )
    if sheet["overlap"] > NOTABLE_SHARE * test:
        found.append(
            f"Test texts that stand in the pool too: {_share(sheet['overlap'], test)}. Scores at large train sizes"
            f" flatter whatever remembers texts."
        )
    if sheet["texts_with_two_labels"]:
        found.append(
            f"Texts that stand in the pool under more than one label: {_share(sheet['texts_with_two_labels'], pool)}."
            f" At most one of the labels can be right."
        )
    return found


def _about_tokens(sheet: dict[str, Any]) -> list[str]:
    found = []
    for part, texts in sheet["sizes"].items():
        bare = sheet["texts_without_known_token"][part]
        if bare > NOTABLE_SHARE * texts:
            found.append(
                f"Texts of the {part} without a token of the vocabulary: {_share(bare, texts)}. They look the same to"
                f" every classifier; text.pattern and text.min_count decide that."
            )
    known, tokens = sheet["tokens_in_vocabulary"]["test"], sheet["tokens"]["test"]
    if known < LOW_COVERAGE * tokens:
        found.append(
            f"The vocabulary covers only {100 * known / tokens:.1f} % of the test tokens; a lower text.min_count or"
            f" more texts would cover more."
        )
    return found


def _share(count: int, texts: int) -> str:
    return f"{count:,} of {texts:,} ({100 * count / texts:.1f} %)"
