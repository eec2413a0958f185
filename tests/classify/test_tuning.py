"""Tuning: the draws, the splits inside the labels, what is chosen and what is never seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_texts import CLASSES, UNTOUCHED, VECTOR_SIZE, VOCABULARY, as_bags, in_order

from embexp.classify.cell import CellData, run_strategy
from embexp.classify.draws import draws_of, log_uniform, settings_read, splits_of
from embexp.classify.strategies import WordVectors
from embexp.classify.tfidf import TfidfSettings, features, tfidf_predictions
from embexp.classify.tuning import NOTHING_TO_JUDGE, Problem, choose, run_tuned, with_draw
from embexp.config import BudgetConfig, ClassifierConfig, TrainingConfig, TuningConfig

TUNING = TuningConfig(kind="random", draws=4, folds=3)
TRAINING = TrainingConfig(budget=BudgetConfig(min_steps=10, passes=1), batch_size=8)
CLASSIFIER = ClassifierConfig(hidden_size=6)


def make_cell(texts: int = 30, seed: int = 0) -> CellData:
    """Texts whose first token often tells the class."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(texts + 40) % CLASSES)
    told = [rng.integers(CLASSES, VOCABULARY - UNTOUCHED, rng.integers(4, 20)) for _ in labels]
    for text, label in zip(told, labels, strict=True):
        text[:2] = label if rng.random() < 0.7 else rng.integers(CLASSES)
    first, second = told[:texts], told[texts:]
    known = np.arange(0, VOCABULARY, 2)
    vectors = rng.normal(0, 0.3, (len(known), VECTOR_SIZE)).astype(np.float32)
    return CellData(
        labelled=as_bags(first),
        labels=labels[:texts],
        texts=as_bags(second),
        text_labels=labels[texts:],
        classes=CLASSES,
        vocabulary_size=VOCABULARY,
        word_vectors=WordVectors(known, vectors),
        labelled_sequences=in_order(first),
        text_sequences=in_order(second),
    )


def problem(strategy: str, **changes) -> Problem:
    if strategy == "tfidf":
        return Problem("tfidf", seed=1)
    return replace(Problem(strategy, VECTOR_SIZE, CLASSIFIER, TRAINING, 1), **changes)


# ---- draws


def test_strategies_draw_the_same_values_of_what_they_share_and_zero_only_where_rows_are_pretrained():
    tuning = TuningConfig(kind="random", draws=200)
    random, frozen, finetuned = (draws_of(name, tuning, 3) for name in ("random", "frozen", "finetuned"))
    assert [draw["learning_rate"] for draw in random] == [draw["learning_rate"] for draw in frozen]
    assert all("embedding_learning_rate" not in draw for draw in frozen)
    assert all(draw["embedding_learning_rate"] > 0 for draw in random)
    pairs = [
        (a["embedding_learning_rate"], b["embedding_learning_rate"]) for a, b in zip(random, finetuned, strict=True)
    ]
    assert all(tuned in (0, drawn) for drawn, tuned in pairs)
    assert 0.15 < np.mean([tuned == 0 for _, tuned in pairs]) < 0.35  # 4 standard errors around zero_share


def test_draws_lie_in_their_ranges_evenly_on_a_log_scale_and_more_begin_with_the_same():
    tuning = TuningConfig(kind="random", draws=400, learning_rate=[0.001, 0.1])
    rates = [draw["learning_rate"] for draw in draws_of("frozen", tuning, 0)]
    assert 0.001 <= min(rates) < max(rates) <= 0.1
    assert np.mean(np.array(rates) < 0.01) == pytest.approx(0.5, abs=0.1)  # 4 standard errors
    assert draws_of("frozen", replace(tuning, draws=7), 0) == draws_of("frozen", tuning, 0)[:7]
    assert draws_of("frozen", tuning, 0) != draws_of("frozen", tuning, 1)


def test_equal_limits_hold_a_value_fixed():
    assert {log_uniform([0.5, 0.5], share) for share in (0.0, 0.3, 0.99)} == {0.5}


def test_what_a_strategy_does_not_read_is_no_part_of_its_identity():
    assert "embedding_learning_rate" not in settings_read("frozen", TUNING)
    assert "zero_share" not in settings_read("random", TUNING)
    assert "learning_rate" not in settings_read("tfidf", TUNING)
    assert {"zero_share", "embedding_learning_rate"} <= settings_read("multichannel", TUNING).keys()


# ---- splits


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=60).map(np.array),
    st.integers(2, 7),
    st.integers(0, 3),
    st.sampled_from([1, 20, 5000]),
)
def test_every_class_is_learned_from_in_every_split_and_texts_never_judge_themselves(labels, folds, seed, until):
    tuning = TuningConfig(kind="random", folds=folds, folds_until=until)
    splits = splits_of(labels, tuning, seed)
    if len(set(labels)) < 2 or np.bincount(labels).max() < 2:
        assert splits == []
        return
    for fitted, judged in splits:
        assert set(labels[fitted]) == set(labels)
        assert sorted([*fitted, *judged]) == list(range(len(labels)))
        assert len(judged)
    if len(labels) <= until:  # each text that can judge does so once in each repeat
        able = np.flatnonzero(np.bincount(labels)[labels] > 1)
        times = np.bincount(np.concatenate([judged for _, judged in splits]), minlength=len(labels))
        assert set(times[able]) == {times.max()}
        assert times.sum() == len(able) * times.max()
    else:
        assert len(splits) == 1


def test_few_labels_are_split_more_than_once_and_many_are_not():
    labels = np.arange(6000) % 2
    assert [len(splits_of(labels[:size], TuningConfig(), 0)) for size in (4, 20, 50, 100, 5000, 5001)] == [
        *(12, 15, 10, 5, 5, 1)
    ]
    fitted, judged = splits_of(labels, TuningConfig(), 0)[0]
    assert (len(fitted), len(judged)) == (4800, 1200)


# ---- choosing


@pytest.mark.parametrize("strategy", ["random", "frozen", "finetuned", "multichannel", "random_frozen", "tfidf"])
def test_every_strategy_is_tuned_with_the_same_number_of_draws_and_takes_the_best(strategy):
    result, seconds = run_tuned(problem(strategy), make_cell(), TUNING)
    tuning = result.record["tuning"]
    scores = [draw["score"] for draw in tuning["draws"]]
    assert len(scores) == TUNING.draws
    assert tuning["chosen"] == scores.index(max(scores))
    assert (tuning["splits"], tuning["judged"]) == (9, 90)  # three folds, three times: 30 labels are few
    assert seconds > 0


def test_a_score_is_that_of_plain_cells_inside_the_labels():
    """Nothing hidden in the judging: split by split the same as cells of the labelled texts alone."""
    data = make_cell()
    found = choose(problem("frozen"), data, TUNING).record
    inner = data.keep(data.labelled.types(1))
    right = [
        [
            round(run(inner.inside(fitted, judged), draw).record["test_accuracy"] * len(judged))
            for fitted, judged in splits_of(data.labels, TUNING, 1)
        ]
        for draw in draws_of("frozen", TUNING, 1)
    ]
    assert [draw["score"] for draw in found["draws"]] == pytest.approx([sum(each) / 90 for each in right])


def run(data: CellData, draw, strategy: str = "frozen"):
    training = with_draw(TRAINING, draw)
    return run_strategy(strategy, data, vector_size=VECTOR_SIZE, classifier=CLASSIFIER, training=training, seed=1)


def test_the_chosen_values_are_used_on_all_labels():
    data = make_cell()
    result, _ = run_tuned(problem("finetuned"), data, TUNING)
    tuning = result.record["tuning"]
    again = run(data, tuning["draws"][tuning["chosen"]], "finetuned")
    assert np.array_equal(again.predictions, result.predictions)
    assert result.record == again.record | {"tuning": tuning}


def test_texts_that_score_change_no_choice():
    data, rng = make_cell(), np.random.default_rng(5)
    other = replace(data, texts=data.texts.select(np.arange(7)), text_sequences=None)
    other = replace(other, text_labels=rng.permutation(data.text_labels)[:7])
    for strategy in ("random", "finetuned", "tfidf"):
        assert choose(problem(strategy), data, TUNING).record == choose(problem(strategy), other, TUNING).record


@pytest.mark.parametrize("labels", [[0, 1, 2], [1, 1, 1, 1]])
def test_without_anything_to_judge_the_defaults_are_kept_and_the_record_says_so(labels):
    data = make_cell()
    few = data.labelled.select(np.arange(len(labels)))
    few_in_order = data.labelled_sequences.select(np.arange(len(labels)))
    small = replace(data, labelled=few, labelled_sequences=few_in_order, labels=np.array(labels))
    result, _ = run_tuned(problem("finetuned"), small, TUNING)
    assert result.record["tuning"]["fallback"] == NOTHING_TO_JUDGE
    assert np.array_equal(result.predictions, run(small, None, "finetuned").predictions)


def test_two_texts_of_each_class_are_enough():
    data = make_cell()
    order = np.argsort(data.labels, kind="stable")
    places = np.concatenate([order[data.labels[order] == label][:2] for label in range(CLASSES)])
    in_places = data.labelled_sequences.select(places)
    small = replace(
        data, labelled=data.labelled.select(places), labels=data.labels[places], labelled_sequences=in_places
    )
    for strategy in ("random", "finetuned", "tfidf"):
        assert run_tuned(problem(strategy), small, TUNING)[0].record["tuning"]["fallback"] is None


def test_a_row_rate_of_zero_is_frozen():
    """The zero that tuning may draw: fine-tuning with it classifies as frozen does."""
    data, draw = make_cell(60), {"learning_rate": 0.01, "budget_factor": 2.0}
    frozen, still = run(data, draw), run(data, draw | {"embedding_learning_rate": 0.0}, "finetuned")
    assert np.array_equal(frozen.predictions, still.predictions)
    losses = [[point["train_loss"] for point in result.record["history"]] for result in (frozen, still)]
    assert losses[0] == pytest.approx(losses[1], abs=2e-5)


def test_a_draw_changes_rates_and_budget_and_nothing_else():
    tuned = with_draw(TRAINING, {"learning_rate": 0.5, "embedding_learning_rate": 0.0, "budget_factor": 2.0})
    assert (tuned.budget.min_steps, tuned.budget.passes) == (20, 2)
    assert replace(tuned, learning_rate=0.004, embedding_learning_rate=0.4, budget=TRAINING.budget) == TRAINING


# ---- the control


def test_pairs_of_words_are_those_of_scikit_learn():
    """Words and pairs that two labelled texts hold, counted as CountVectorizer counts them."""
    from sklearn.feature_extraction.text import CountVectorizer

    rng = np.random.default_rng(2)
    texts = [rng.integers(0, 9, rng.integers(0, 15)) for _ in range(20)]
    bags, sequences = as_bags(texts), in_order(texts)
    first, second = np.arange(12), np.arange(12, 20)
    found = features(
        bags.select(first), bags.select(second), VOCABULARY, 2, (sequences.select(first), sequences.select(second))
    )
    told = [" ".join(f"w{token:02d}" for token in text) for text in texts]
    pairs = CountVectorizer(ngram_range=(2, 2), min_df=2, token_pattern=r"\S+").fit(told[:12])
    words = CountVectorizer(vocabulary=[f"w{token:02d}" for token in range(VOCABULARY)], token_pattern=r"\S+")
    for counts, part in zip(found, (told[:12], told[12:]), strict=True):
        assert np.array_equal(counts.toarray()[:, :VOCABULARY], words.transform(part).toarray())
        assert np.array_equal(counts.toarray()[:, VOCABULARY:], pairs.transform(part).toarray())


def test_the_control_without_tuning_keeps_its_settings():
    data = make_cell()
    usual = tfidf_predictions(data.labelled, data.labels, data.texts, VOCABULARY)
    given_them = tfidf_predictions(data.labelled, data.labels, data.texts, VOCABULARY, TfidfSettings(10.0, 1, True))
    assert np.array_equal(usual[0], given_them[0])


def test_pairs_need_the_order_of_words():
    data = make_cell()
    with pytest.raises(ValueError, match="in their order"):
        features(data.labelled, data.texts, VOCABULARY, 2)
