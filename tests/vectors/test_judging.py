"""Benchmarks against gensim's own evaluation, neighbours, stability, telling words, the classic example."""

from __future__ import annotations

import numpy as np
import pytest
from gensim.models import KeyedVectors
from vector_files import keyed_vectors

from embexp.bags import Bags
from embexp.vectors import benchmarks
from embexp.vectors.benchmarks import (
    ANALOGIES,
    benchmark_file,
    bootstrap_spearman,
    classic_example,
    judge_analogies,
    judge_similarity,
    read_pairs,
    read_questions,
)
from embexp.vectors.card import card_lines, warnings
from embexp.vectors.space import Space
from embexp.vectors.stability import judge_stability
from embexp.vectors.telling import Labelled, log_odds, telling_words


@pytest.fixture(scope="module")
def model() -> KeyedVectors:
    """Vectors for two thirds of the words of the benchmarks, some in two spellings; some analogies come out right."""
    rng = np.random.default_rng(0)
    words = sorted(benchmarks.benchmark_words())
    kept = [word for word in words if rng.random() < 0.67]
    names = list(dict.fromkeys([*kept, *(word.upper() for word in kept[:40])]))
    vectors = {word: rng.standard_normal(20) + 0.3 for word in names}
    for _, (_, _, c, d) in read_questions(benchmark_file(ANALOGIES)):
        if c in vectors and d in vectors:
            vectors[d] = vectors[c] + 1.2 * np.linspace(-1, 1, 20) + 0.5 * rng.standard_normal(20)
    return keyed_vectors(names, np.array([vectors[word] for word in names], np.float32))


def space_of(model: KeyedVectors) -> Space:
    return Space(model.index_to_key, model.vectors)


def test_similarity_equals_gensims_evaluation(model):
    for row in judge_similarity(space_of(model)):
        _, spearman, missing = model.evaluate_word_pairs(str(benchmark_file(benchmarks.SIMILARITY[row["name"]])))
        assert row["spearman"] == pytest.approx(spearman[0], abs=1e-3)
        assert row["pairs"] == pytest.approx(row["of"] * (1 - missing / 100))
        assert row["ci_low"] < row["spearman"] < row["ci_high"]


def test_analogies_equal_gensims_evaluation(model, tmp_path, monkeypatch):
    lines = benchmark_file(ANALOGIES).read_text().splitlines()
    some = [line for place, line in enumerate(lines) if line.startswith(":") or place % 40 == 0]
    path = tmp_path / "questions.txt"
    path.write_text("\n".join(some))
    monkeypatch.setattr(benchmarks, "benchmark_file", lambda name: path)
    accuracy, sections = model.evaluate_word_analogies(str(path), restrict_vocab=30_000)
    found = judge_analogies(space_of(model))
    total = sections[-1]
    assert found["asked"] == len(total["correct"]) + len(total["incorrect"]) > 50
    assert 0.1 < found["accuracy"] < 0.9
    assert found["accuracy"] == pytest.approx(accuracy, abs=1e-4)


def test_analogies_of_a_space_that_has_them_are_right():
    rng = np.random.default_rng(0)
    questions = read_questions(benchmark_file(ANALOGIES))
    countries = [words for section, words in questions if section == "capital-common-countries"]
    pairs = dict.fromkeys((a, b) for a, b, _, _ in countries)
    shift = rng.standard_normal(30)
    vectors = {}
    for capital, country in pairs:
        vectors[capital] = rng.standard_normal(30)
        vectors[country] = vectors[capital] + shift
    found = judge_analogies(Space(list(vectors), np.array(list(vectors.values()), np.float32)))
    assert found["semantic"] > 0.9
    assert found["syntactic"] is None
    assert found["asked"] >= len(countries)


def test_the_bootstrap_interval_covers_a_known_correlation():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(60):
        x = rng.standard_normal(200)
        y = 0.7 * x + np.sqrt(1 - 0.49) * rng.standard_normal(200)
        low, high = bootstrap_spearman(x, y)
        covered += low < 6 / np.pi * np.arcsin(0.7 / 2) < high
    assert covered >= 50  # of 60 at 95 %: fewer happen once in 30,000 runs; the seed is fixed


def test_pairs_and_questions_are_read_whole():
    assert len(read_pairs(benchmark_file("wordsim353.tsv"))) == 353
    assert len(read_pairs(benchmark_file("simlex999.txt"))) == 999
    assert len(read_questions(benchmark_file(ANALOGIES))) == 19_544


def test_the_classic_example_tells_its_real_outcome():
    words = ["king", "man", "woman", "concubine", "queen", "cat"]
    vectors = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [0.9, -0.3, 0.5], [-1, 0, 0]], np.float32)
    outcome = classic_example(Space(words, vectors))
    assert [row["word"] for row in outcome["nearest"][:2]] == ["concubine", "queen"]
    assert outcome["queen_rank"] == 2
    assert classic_example(Space(words[1:], vectors[1:])) == {"nearest": [], "queen_rank": None, "missing": ["king"]}


def test_nearest_words_equal_gensims():
    rng = np.random.default_rng(2)
    names = [f"w{number}" for number in range(700)]
    vectors = rng.standard_normal((700, 8)).astype(np.float32)
    found = Space(names, vectors).neighbours(range(600), 5)  # more than a block of queries
    reference = keyed_vectors(names, vectors)
    for place in (0, 511, 512, 599):
        expected = [word for word, _ in reference.most_similar(names[place], topn=5)]
        assert [names[other] for other in found[place]] == expected


def test_stability_is_one_for_rotations_and_chance_for_noise():
    rng = np.random.default_rng(3)
    names = [f"w{number}" for number in range(300)]
    vectors = rng.standard_normal((300, 6)).astype(np.float32)
    rotation, _ = np.linalg.qr(rng.standard_normal((6, 6)))
    turned = Space(names[::-1], (vectors @ rotation.astype(np.float32))[::-1])
    same = judge_stability([Space(names, vectors), turned])
    assert same == {"trainings": 2, "overlap": 1.0, "lowest": 1.0, "highest": 1.0, "words": 300}
    noise = judge_stability([Space(names, vectors), Space(names, rng.standard_normal((300, 6)).astype(np.float32))])
    assert noise["overlap"] < 0.08  # 10 of 299 by chance: .033
    assert judge_stability([turned]) is None


def labelled_texts() -> Labelled:
    """Word 0 is everywhere, word 1 tells class 0, word 2 class 1; word 3 is rare."""
    texts = [{0: 5, 1: 3}, {0: 5, 1: 2, 3: 1}, {0: 5, 2: 3}, {0: 5, 2: 2, 3: 1}]
    indices = np.array([word for text in texts for word in text], np.int32)
    counts = np.array([count for text in texts for count in text.values()], np.float32)
    offsets = np.cumsum([0, *map(len, texts)])
    return Labelled(Bags(indices, counts, offsets), np.array([0, 0, 1, 1]), ["bad", "good"])


def test_telling_words_are_those_that_tell_the_classes_apart():
    scores = log_odds(labelled_texts(), 4)
    assert scores.argmax(axis=1).tolist() == [1, 2]
    assert scores[0, 1] == pytest.approx(-scores[1, 1])
    space = Space(["the", "dull", "fine", "rare"], np.eye(4, dtype=np.float32))
    rows = telling_words(labelled_texts(), ["the", "dull", "fine", "rare"], space)
    assert (rows[0]["class"], rows[0]["word"]) == ("bad", "dull")
    assert all(row["word"] not in row["neighbours"] for row in rows)


def test_small_corpora_and_thin_coverage_are_said_plainly():
    similarity = [{"name": "WordSim-353", "pairs": 100, "of": 353}]
    analogies = {"asked": 19_000, "of": 19_544}
    assert len(warnings(1_000_000, similarity, analogies)) == 2
    assert warnings(17_000_000, [{"name": "WordSim-353", "pairs": 350, "of": 353}], analogies) == []
    assert warnings(None, [], analogies) == []


def test_a_card_without_any_score_still_has_its_lines():
    empty = Space(["a", "b"], np.eye(2, dtype=np.float32))
    card = {
        "similarity": list(judge_similarity(empty)),
        "analogies": judge_analogies(empty),
        "classic": classic_example(empty),
        "stability": None,
    }
    lines = card_lines(card)
    assert lines[0] == "WordSim-353: no score: too few pairs have vectors (0 of 353 pairs)"
    assert lines[-1] == "king - man + woman: cannot be asked, there is no vector for king, man, woman"
