from collections import Counter
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embexp.config import DatasetConfig
from embexp.errors import UserError
from embexp.text.splits import auto_train_sizes, nested_order, split, split_sizes

LABELS = st.lists(st.integers(0, 6), max_size=120).map(lambda labels: np.array(labels, np.int16))


@given(LABELS, st.integers(0, 2**32 - 1))
def test_order_follows_the_places_of_the_rule_exactly(labels, seed):
    order = nested_order(labels, seed)
    assert sorted(order) == list(range(len(labels)))
    sizes, ranks, places = Counter(labels.tolist()), Counter(), []
    for label in labels[order].tolist():
        ranks[label] += 1
        places.append((ranks[label] - Fraction(1, 2)) / sizes[label])
    assert places == sorted(places)


@given(LABELS.filter(len), st.integers(0, 1000), st.data())
def test_every_prefix_is_stratified_to_half_a_text_at_a_common_share(labels, seed, data):
    size = data.draw(st.integers(1, len(labels)))
    order = nested_order(labels, seed)
    sizes, taken = Counter(labels.tolist()), Counter(labels[order[:size]].tolist())
    last = labels[order[size - 1]]
    share = (taken[last] - Fraction(1, 2)) / sizes[last]
    for label, class_size in sizes.items():
        assert abs(taken[label] - class_size * share) <= Fraction(1, 2)


def test_equal_classes_come_first_equally_often():
    labels = np.array([0, 1] * 20)
    first = sum(int(labels[nested_order(labels, seed)[0]]) for seed in range(1000))
    assert abs(first - 500) < 80  # five standard deviations: fails by chance once in a million


def test_every_text_of_a_class_is_first_equally_often():
    labels = np.array([0] * 5 + [1] * 95)
    firsts = Counter(
        int(order[labels[order] == 0][0]) for order in (nested_order(labels, seed) for seed in range(2000))
    )
    assert set(firsts) == set(range(5))
    assert max(abs(count - 400) for count in firsts.values()) < 5 * np.sqrt(2000 * 0.2 * 0.8)


def test_order_depends_on_seed_and_purpose_only():
    labels = np.repeat([0, 1, 2], 50)
    assert np.array_equal(nested_order(labels, 7), nested_order(labels.astype(np.int16), 7))
    assert not np.array_equal(nested_order(labels, 7), nested_order(labels, 8))
    assert not np.array_equal(nested_order(labels, 7), nested_order(labels, 7, purpose=99))


def test_order_is_the_one_that_reported_numbers_were_made_with():
    assert nested_order(np.array([0, 1, 0, 1, 1, 0, 2, 0]), 3).tolist() == [7, 1, 5, 3, 6, 2, 4, 0]


@pytest.mark.parametrize(
    ("pool_size", "classes", "sizes"),
    [
        (20000, 2, [100, 300, 1000, 3000, 10000, 20000]),
        (1780, 5, [100, 300, 1000, 1780]),
        (4000, 2, [100, 300, 1000, 4000]),  # 3,000 and 4,000 would be almost the same
        (5452, 6, [100, 300, 1000, 3000, 5452]),
        (160, 2, [30, 100, 160]),
        (400, 2, [30, 100, 400]),
        (20, 2, [10, 20]),
        (6, 2, [6]),
        (5000, 150, [300, 1000, 3000, 5000]),
    ],
)
def test_automatic_train_sizes_fit_the_pool(pool_size, classes, sizes):
    assert auto_train_sizes(pool_size, classes) == sizes


@given(st.integers(2, 10**7), st.integers(2, 150))
def test_automatic_train_sizes_ascend_to_the_pool_and_hold_the_classes(pool_size, classes):
    if pool_size < classes:
        with pytest.raises(UserError, match="at least one text of each class"):
            auto_train_sizes(pool_size, classes)
        return
    sizes = auto_train_sizes(pool_size, classes)
    assert sizes[-1] == pool_size
    assert all(3 * small <= 2 * large for small, large in pairwise(sizes))
    assert sizes == sorted(set(sizes))
    assert sizes[0] >= min(2 * classes, pool_size)


def config(**settings):
    return DatasetConfig(**{"name": "reviews", "source": "csv"} | settings)


def test_held_out_texts_are_stratified_and_fixed_by_the_split_seed():
    labels = np.repeat([0, 1], [300, 100])
    first = split(config(test_size=80), labels, None)
    assert np.bincount(labels[first.test]).tolist() == [60, 20]
    assert sorted([*first.pool, *first.test]) == list(range(400))
    assert np.array_equal(first.test, split(config(test_size=0.2), labels, None).test)
    assert not np.array_equal(first.test, split(config(test_size=80, split_seed=1), labels, None).test)


def test_validation_takes_a_stratified_part_of_the_pool_and_leaves_the_test_texts_alone():
    labels = np.repeat([0, 1], [300, 100])
    test = split(config(test_size=80), labels, None)
    validation = split(config(test_size=80, evaluate="validation"), labels, None)
    assert validation.test_part == "train"
    assert sorted([*validation.pool, *validation.test]) == test.pool.tolist()
    assert np.bincount(labels[validation.test]).tolist() == [60, 20]


@pytest.mark.parametrize(("own_test", "validation_size"), [(50, 50), (900, 100)])
def test_validation_is_as_large_as_the_own_test_but_a_quarter_of_the_pool_at_most(own_test, validation_size):
    labels, test = np.arange(400) % 2, np.arange(own_test) % 2
    chosen = split(config(evaluate="validation"), labels, test)
    assert (len(chosen.test), chosen.test_part) == (validation_size, "train")
    assert (400 - validation_size, validation_size) == split_sizes(config(evaluate="validation"), 400, own_test)


def test_own_test_texts_are_all_used():
    chosen = split(config(), np.arange(40) % 2, np.arange(7) % 2)
    assert (len(chosen.pool), chosen.test.tolist(), chosen.test_part) == (40, list(range(7)), "test")


@pytest.mark.parametrize(
    ("settings", "texts", "sentence"),
    [
        ({"test_size": 0}, 100, "dataset.test_size: 0 is neither a share"),
        ({"test_size": -3}, 100, "dataset.test_size: -3 is neither a share"),
        ({"test_size": 2.5}, 100, "dataset.test_size: 2.5 is neither a share"),
        ({"test_size": 100}, 100, "dataset.test_size: 100 of the 100 texts .* between 1 and 99"),
        ({"test_size": 5000}, 100, "none in the pool; between 1 and 99"),
        ({"test_size": 0.001}, 100, "none to test on"),
        ({"evaluate": "tset"}, 100, "dataset.evaluate: 'tset' is not known"),
        ({"evaluate": "validation", "test_size": 2}, 5, "dataset.evaluate: validation takes a quarter"),
        ({"split_seed": -1}, 100, "dataset.split_seed: -1 cannot be a seed"),
    ],
)
def test_impossible_splits_are_refused(settings, texts, sentence):
    with pytest.raises(UserError, match=sentence):
        split_sizes(config(**settings), texts, None)
