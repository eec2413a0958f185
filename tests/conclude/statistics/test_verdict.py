"""The sentences: what a reader is told to do follows what was planted."""

import pytest
from planted import equal_population, sharp

from embexp.conclude.conclusions import conclude
from embexp.conclude.simulation import simulate_measurements
from embexp.conclude.statistics.wording import interval_words, joined, labels, points, sizes_words

SIZES = (100, 300, 1000, 3000, 10000)
FROZEN_THEN_RANDOM = {"random": (0.70, 0.78, 0.82, 0.85, 0.88), "frozen": (0.79, 0.80, 0.81, 0.82, 0.83)}


def test_a_crossover_divides_the_advice() -> None:
    first, second, *_ = conclude(sharp(FROZEN_THEN_RANDOM))["verdict"]
    # Two thirds of the way from 300 to 1,000 in log size: 669.
    assert first.startswith("With fewer than about 670 labels (95 % interval: ")
    assert (
        "start from word2vec and leave it frozen: +9.0 points over learning the embeddings from scratch at 100" in first
    )
    assert second.startswith("With more than about 670 labels, learn the embeddings from scratch: +5.0 points")


@pytest.mark.parametrize(
    ("curves", "advice"),
    [
        (
            FROZEN_THEN_RANDOM,
            [
                "With fewer than about 670 labels, start from word2vec and leave it frozen.",
                "With more than about 670 labels, learn the embeddings from scratch.",
            ],
        ),
        (
            {"random": (0.75, 0.80, 0.85, 0.88, 0.90), "frozen": (0.72, 0.75, 0.78, 0.79, 0.80)},
            ["From 100 to 10,000 labels, learn the embeddings from scratch."],
        ),
        (
            FROZEN_THEN_RANDOM | {"tfidf": (0.85, 0.86, 0.87, 0.88, 0.90)},
            ["Use none of the embedding strategies but TF-IDF with logistic regression, which beats all of them."],
        ),
        ({"random": (0.7, 0.75, 0.8, 0.85, 0.9)}, []),
    ],
)
def test_advice_is_what_to_do_without_the_evidence(curves: dict[str, tuple[float, ...]], advice: list[str]) -> None:
    assert conclude(sharp(curves))["advice"] == advice


def test_controls_that_win_or_are_level_are_named() -> None:
    curves = FROZEN_THEN_RANDOM | {
        "tfidf": (0.60, 0.75, 0.8205, 0.86, 0.89),
        "random_frozen": (0.5, 0.55, 0.6, 0.65, 0.7),
    }
    verdict = conclude(sharp(curves))["verdict"]
    (tfidf,) = [sentence for sentence in verdict if sentence.startswith("The control TF-IDF")]
    assert "beats all of them from 1,000 labels on" in tfidf
    assert "is behind the best of them up to 300 labels" in tfidf
    (vectors,) = [sentence for sentence in verdict if sentence.startswith("The control frozen random vectors")]
    assert "is behind the best of them at every size" in vectors


def test_a_control_that_beats_everything_comes_first() -> None:
    curves = FROZEN_THEN_RANDOM | {"tfidf": (0.85, 0.86, 0.87, 0.88, 0.90)}
    first = conclude(sharp(curves))["verdict"][0]
    assert first == (
        "Use none of the embedding strategies but TF-IDF with logistic regression, which beats all of them."
    )


def test_a_study_without_a_difference_recommends_nothing() -> None:
    population = equal_population(("random", "frozen", "finetuned"))
    verdict = conclude(simulate_measurements(3, population, seeds=6, texts=500))["verdict"]
    assert verdict[0].startswith("Between 100 and 10,000 labels no difference between")
    assert any(sentence.startswith("Undecided: ") and "texts" in sentence for sentence in verdict)


def test_labels_saved_are_told_with_their_interval() -> None:
    scores = (0.60, 0.66, 0.72, 0.78, 0.84, 0.90)
    verdict = conclude(sharp({"random": scores[:-1], "frozen": scores[1:]}))["verdict"]
    (saved,) = [sentence for sentence in verdict if "times as many" in sentence]
    assert "frozen word2vec does as well as learning from scratch with 3" in saved
    assert "95 % interval" in saved


def test_fine_tuning_that_loses_to_freezing_is_blamed_on_the_protocol() -> None:
    curves = FROZEN_THEN_RANDOM | {"finetuned": (0.75, 0.79, 0.83, 0.86, 0.89)}
    verdict = conclude(sharp(curves))["verdict"]
    assert any(
        sentence.startswith("With this protocol fine-tuning does worse than leaving word2vec frozen up to 300 labels")
        for sentence in verdict
    )


def test_where_it_loses_tuned_the_draws_are_named() -> None:
    curves = FROZEN_THEN_RANDOM | {"finetuned": (0.75, 0.79, 0.83, 0.86, 0.89)}
    plain, tuned = (conclude(sharp(curves), draws=draws) for draws in (0, 16))
    (sentence,) = [sentence for sentence in tuned["verdict"] if sentence.startswith("Tuned with 16 draws")]
    assert "fine-tuning does worse than leaving word2vec frozen up to 300 labels" in sentence
    assert not any("With this protocol" in each for each in tuned["verdict"])
    assert tuned["contrasts"] == plain["contrasts"]


def test_a_leader_at_every_size_is_recommended_throughout() -> None:
    curves = {"random": (0.75, 0.80, 0.85, 0.88, 0.90), "frozen": (0.72, 0.75, 0.78, 0.79, 0.80)}
    first, second, *_ = conclude(sharp(curves))["verdict"]
    assert first.startswith("From 100 to 10,000 labels, learn the embeddings from scratch: +10.0 points")
    assert second == "If frozen word2vec is ever ahead of it, it is with fewer than 100 labels."


def test_a_crossover_behind_the_leader_is_told_too() -> None:
    verdict = conclude(sharp(FROZEN_THEN_RANDOM | {"finetuned": (0.80, 0.82, 0.84, 0.86, 0.89)}))["verdict"]
    assert verdict[0].startswith("From 100 to 10,000 labels, start from word2vec and fine-tune it")
    (sentence,) = [sentence for sentence in verdict if " passes " in sentence]
    assert sentence.startswith("Learning the embeddings from scratch passes frozen word2vec at about 670 labels (95 %")


def test_level_and_undecided_are_told_apart() -> None:
    level = conclude(sharp({"random": (0.70, 0.80, 0.85), "frozen": (0.75, 0.8001, 0.80)}, sizes=SIZES[:3]))["verdict"]
    assert "it is level with learning the embeddings from scratch at 300 labels" in level[0]
    curves = {"random": (0.70, 0.80, 0.85), "frozen": (0.85, 0.82, 0.70)}
    few = conclude(sharp(curves, sizes=SIZES[:3], texts=100))["verdict"]
    assert "it cannot be told from learning the embeddings from scratch at 300 labels" in few[0]


def test_a_single_strategy_is_described() -> None:
    first = conclude(sharp({"random": (0.7, 0.8)}, sizes=(100, 300)))["verdict"][0]
    assert first == (
        "Only learning the embeddings from scratch was run: it goes from 70.0 % with 100 labels to 80.0 % with 300."
    )


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        (SIZES, "at every size"),
        ((3000, 10000), "from 3,000 labels on"),
        ((100, 300), "up to 300 labels"),
        ((300, 1000, 3000), "from 300 to 3,000 labels"),
        ((100, 1000), "at 100 and 1,000 labels"),
        ((10000,), "at 10,000 labels"),
    ],
)
def test_sizes_in_words(sizes: tuple[int, ...], words: str) -> None:
    assert sizes_words(sizes, SIZES) == words


def test_numbers_in_words() -> None:
    assert [labels(value) for value in (87.4, 669.3, 1449.0, 12345.0)] == ["87", "670", "1,400", "12,000"]
    assert [points(value) for value in (0.081, -0.0049)] == ["+8.1", "\N{MINUS SIGN}0.5"]
    assert joined(["a", "b", "c"]) == "a, b and c"
    assert interval_words(None, 500.0, 0.95, 100, 1000) == "95 % interval: up to 500, or below the range"
    assert interval_words(500.0, None, 0.95, 100, 1000) == "95 % interval: from 500 on, or beyond the range"
    assert interval_words(None, None, 0.9, 100, 1000) == "90 % interval: anywhere from below 100 to above 1,000"
