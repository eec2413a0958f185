"""The card of a set of word vectors: what they are, and what they are worth by themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embexp.vectors.benchmarks import classic_example, judge_analogies, judge_similarity
from embexp.vectors.entries import read_json, read_words
from embexp.vectors.space import Space
from embexp.vectors.stability import judge_stability
from embexp.vectors.telling import Labelled, telling_words

SMALL_CORPUS = 10_000_000  # running words; gensim's notebooks: 1 M words .316 on WordSim-353, 17 M .695
SMALL_SHARE = 0.8  # of the pairs of a benchmark
SMALL_SHARE_OF_ANALOGIES = 0.5  # the 30,000 most frequent words of a Wikipedia answer 61 %


def open_space(folder: Path) -> Space:
    """Open the words and vectors of an entry; the vectors are mapped into memory."""
    vectors = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
    words = read_words(folder / "words.txt")
    counts = folder / "counts.npy"
    if not counts.exists():
        return Space(words, vectors)
    order = np.argsort(-np.load(counts, allow_pickle=False), kind="stable")  # a pool's ids are in order, others not
    return Space([words[int(place)] for place in order], vectors[order])


def make_card(
    sets: Sequence[Path], vocabulary: Sequence[str], labelled: Labelled, on_progress: Callable[[float, float], None]
) -> dict[str, Any]:
    """Judge the first of several sets of vectors, and how far the others agree with it.

    Args:
        sets: Entries that hold words.txt and vectors.npy.
        vocabulary: The words that classifiers know.
        labelled: The texts that show which words tell the classes apart.
        on_progress: Called with parts done and parts in all.
    """
    space = open_space(sets[0])
    training = read_json(sets[0] / "training.json")
    on_progress(0, 5)
    similarity = list(judge_similarity(space))
    on_progress(1, 5)
    analogies = judge_analogies(space)
    on_progress(2, 5)
    neighbours = telling_words(labelled, vocabulary, space)
    on_progress(3, 5)
    stability = judge_stability([space, *(open_space(folder) for folder in sets[1:])])
    on_progress(4, 5)
    card: dict[str, Any] = {
        "vectors": len(space.words),
        "vector_size": int(space.vectors.shape[1]),
        "corpus_tokens": training.get("tokens"),
        "corpus_texts": training.get("texts"),
        "similarity": similarity,
        "analogies": analogies,
        "classic": classic_example(space),
        "neighbours": neighbours,
        "stability": stability,
        "warnings": warnings(training.get("tokens"), similarity, analogies),
        "trace": training.get("trace", []),
    }
    return card | {"lines": card_lines(card)}


def warnings(tokens: int | None, similarity: Sequence[dict[str, Any]], analogies: dict[str, Any]) -> list[str]:
    """Return plain sentences on scores that mean little."""
    found = []
    if tokens is not None and tokens < SMALL_CORPUS:
        found.append(
            f"These vectors were trained on {tokens:,} running words. Similarity and analogy scores of so small a "
            "corpus say little about vectors (gensim's own skip-gram: WordSim-353 .316 and 2-3 % of the analogies "
            "after 1 million words, .695 and 40 % after 17 million); judge them by the classifier."
        )
    asked = {"name": "Google analogies", "pairs": analogies["asked"], "of": analogies["of"]}
    for row, share in [*((row, SMALL_SHARE) for row in similarity), (asked, SMALL_SHARE_OF_ANALOGIES)]:
        if row["pairs"] < share * row["of"]:
            found.append(
                f"{row['name']}: only {row['pairs']:,} of {row['of']:,} items have vectors for all their words; the "
                "score is about these, and not comparable with published ones."
            )
    return found


def card_lines(card: dict[str, Any]) -> list[str]:
    """Return a card's scores as lines of text, one fact each."""
    lines = []
    for row in card["similarity"]:
        if row["spearman"] is None:
            score = "no score: too few pairs have vectors"
        else:
            score = f"Spearman {row['spearman']:.3f}"
            if row["ci_low"] is not None:
                score += f", 95 % interval {row['ci_low']:.3f} to {row['ci_high']:.3f}"
        lines.append(f"{row['name']}: {score} ({row['pairs']:,} of {row['of']:,} pairs)")
    analogies = card["analogies"]
    if analogies["accuracy"] is None:
        lines.append("Google analogies: no question could be asked")
    else:
        parts = [
            f"{kind} {100 * analogies[kind]:.1f} %" for kind in ("semantic", "syntactic") if analogies[kind] is not None
        ]
        asked = f"{analogies['asked']:,} of {analogies['of']:,} questions"
        lines.append(f"Google analogies: {100 * analogies['accuracy']:.1f} % right ({', '.join(parts)}; {asked})")
    lines.append(classic_line(card["classic"]))
    if stability := card["stability"]:
        lines.append(
            f"Stability: {stability['trainings']} trainings share {100 * stability['overlap']:.0f} % of the ten "
            f"nearest neighbours of {stability['words']:,} frequent words ({100 * stability['lowest']:.0f} to "
            f"{100 * stability['highest']:.0f} % for a pair)"
        )
    return lines


def classic_line(classic: dict[str, Any]) -> str:
    """Return what king - man + woman came out as."""
    if not classic["nearest"]:
        return f"king - man + woman: cannot be asked, there is no vector for {', '.join(classic['missing'])}"
    near = ", ".join(f"{row['word']} {row['cosine']:.2f}" for row in classic["nearest"])
    rank = classic["queen_rank"]
    queen = "queen has no vector" if rank is None else f"queen is number {rank:,}"
    return f"king - man + woman: {near} ({queen})"
