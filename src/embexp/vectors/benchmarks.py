"""The benchmarks that ship with gensim: WordSim-353, SimLex-999 and Google's analogies.

Finkelstein et al. 2001; Hill et al. 2015; Mikolov et al. 2013, "Efficient Estimation of Word Representations".
Pairs and questions with a word that has no vector are left out, as gensim does, and counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embexp.vectors.space import Space

SIMILARITY = {"WordSim-353": "wordsim353.tsv", "SimLex-999": "simlex999.txt"}
ANALOGIES = "questions-words.txt"
ANALOGY_WORDS = 30_000  # the most frequent ones answer, as in gensim's own figures
RESAMPLES = 2_000
FEWEST_PAIRS = 30  # for an interval
CLASSIC = ("king", "man", "woman", "queen")


def benchmark_file(name: str) -> Path:
    """Return where gensim keeps a benchmark."""
    from gensim.test.utils import datapath

    return Path(datapath(name))


def read_pairs(path: Path) -> list[tuple[str, str, float]]:
    """Read word pairs with their human score; comments and headings are skipped."""
    pairs = []
    for line in path.read_text(encoding="utf-8").splitlines():
        parts = line.split("\t")
        if len(parts) == 3 and not line.startswith("#"):
            try:
                pairs.append((parts[0], parts[1], float(parts[2])))
            except ValueError:
                continue
    return pairs


def read_questions(path: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Read analogy questions (section, (a, b, c, d)): a is to b as c is to d."""
    section, questions = "", []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(":"):
            section = line.removeprefix(":").strip()
        elif len(line.split()) == 4:
            questions.append((section, tuple(line.split())))
    return questions


def benchmark_words() -> set[str]:
    """Return every word that a benchmark asks for."""
    pairs = (word for name in SIMILARITY.values() for a, b, _ in read_pairs(benchmark_file(name)) for word in (a, b))
    questions = (word for _, words in read_questions(benchmark_file(ANALOGIES)) for word in words)
    return {*pairs, *questions, *CLASSIC}


def judge_similarity(space: Space) -> Iterator[dict[str, Any]]:
    """Yield for each similarity benchmark Spearman's correlation with its 95 % interval over pairs, and coverage."""
    from scipy.stats import spearmanr

    for name, file in SIMILARITY.items():
        pairs = read_pairs(benchmark_file(file))
        places = [(space.find(a), space.find(b), score) for a, b, score in pairs]
        known = [(a, b, score) for a, b, score in places if a is not None and b is not None]
        row: dict[str, Any] = {"name": name, "pairs": len(known), "of": len(pairs)}
        row |= dict.fromkeys(("spearman", "ci_low", "ci_high"))
        if len(known) > 2:
            left, right, human = (np.array(column) for column in zip(*known, strict=True))
            cosines = np.einsum("ij,ij->i", space.unit[left], space.unit[right])
            row["spearman"] = round(float(spearmanr(cosines, human).statistic), 4)
            if len(known) >= FEWEST_PAIRS:
                row["ci_low"], row["ci_high"] = bootstrap_spearman(cosines, human)
        yield row


def bootstrap_spearman(x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]]) -> tuple[float, float]:
    """Return the 95 % percentile interval of Spearman's correlation over resampled pairs."""
    from scipy.stats import rankdata

    drawn = np.random.default_rng(0).integers(len(x), size=(RESAMPLES, len(x)))
    ranks = [rankdata(values[drawn], axis=1) for values in (x, y)]
    a, b = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    correlations = (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    low, high = np.percentile(correlations, (2.5, 97.5))
    return round(float(low), 4), round(float(high), 4)


def judge_analogies(space: Space) -> dict[str, Any]:
    """Answer Google's analogies among the 30,000 most frequent words.

    Returns:
        {accuracy, semantic, syntactic: shares of the asked questions that were answered rightly, None where none
        could be asked; asked, of: numbers of questions}.
    """
    head = space.head(ANALOGY_WORDS)
    questions = read_questions(benchmark_file(ANALOGIES))
    found = [(section, [head.find(word) for word in words]) for section, words in questions]
    known = [(section, [p for p in places if p is not None]) for section, places in found if None not in places]
    rights = np.zeros(len(known), bool)
    if known and len(head.words) > 3:
        a, b, c, d = np.array([places for _, places in known]).T
        queries = head.unit[b] + head.unit[c] - head.unit[a]
        answers = head.nearest(queries, [places[:3] for _, places in known], 1)[:, 0]
        rights = np.array([_upper(head, x) == _upper(head, y) for x, y in zip(answers, d, strict=True)])
    syntactic = np.array([section.startswith("gram") for section, _ in known], bool)
    return {
        "accuracy": _share(rights),
        "semantic": _share(rights[~syntactic]),
        "syntactic": _share(rights[syntactic]),
        "asked": len(known),
        "of": len(questions),
    }


def _upper(space: Space, place: Any) -> str:
    return space.words[int(place)].upper()


def _share(rights: NDArray[np.bool_]) -> float | None:
    return round(float(rights.mean()), 4) if len(rights) else None


def classic_example(space: Space) -> dict[str, Any]:
    """Return what king - man + woman comes out as: the five nearest words, and the place of queen among all."""
    king, man, woman, queen = (space.find(word) for word in CLASSIC)
    missing = [word for word in CLASSIC[:3] if space.find(word) is None]
    if king is None or man is None or woman is None:
        return {"nearest": [], "queen_rank": None, "missing": missing}
    query = space.unit[king] - space.unit[man] + space.unit[woman]
    query /= np.linalg.norm(query)
    scores = space.unit @ query
    scores[[king, man, woman]] = -np.inf
    best = np.argsort(-scores, kind="stable")[:5]
    rank = None if queen is None else int((scores > scores[queen]).sum()) + 1
    nearest = [{"word": space.words[int(place)], "cosine": round(float(scores[place]), 4)} for place in best]
    return {"nearest": nearest, "queen_rank": rank, "missing": []}
