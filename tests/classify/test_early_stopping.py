"""Early stopping: what is kept are the weights after a pass, and labels that nothing is learned from choose it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_texts import ENCODERS, make_texts
from test_general_loop import cell_data

from embexp.classify.cell import CellData, Trained, run_strategy, train_strategy
from embexp.classify.model import predict_classes
from embexp.classify.stopping import hold_out
from embexp.config import BudgetConfig, ClassifierConfig, TrainingConfig

STOPPED = TrainingConfig(
    batch_size=8, budget=BudgetConfig(40, 0), learning_rate=0.02, embedding_learning_rate=0.2, early_stopping=0.25
)


def train(strategy: str, data: CellData, classifier: ClassifierConfig, training: TrainingConfig) -> Trained:
    return train_strategy(strategy, data, vector_size=8, classifier=classifier, training=training, seed=0)


@pytest.mark.parametrize("name", ["mean", "linear", "cnn", "lstm"])
@pytest.mark.parametrize("strategy", ["random", "frozen", "multichannel"])
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_what_is_kept_are_the_weights_after_that_step(name, strategy, decay):
    """With constant rates a training that ends there, on the texts that are left, has the very same weights."""
    classifier = replace(ENCODERS[name], dropout=0.3)
    training = replace(STOPPED, schedule="constant", embedding_weight_decay=decay)
    data = cell_data(make_texts())
    stopped = train(strategy, data, classifier, training)
    assert stopped.stopping is not None
    inside = data.inside(*hold_out(data.labels, 0.25, 0))
    budget = BudgetConfig(stopped.stopping.kept_step, 0)
    ended = train(strategy, inside, classifier, replace(training, early_stopping=0.0, budget=budget))
    for key, weight in ended.model.state_dict().items():
        np.testing.assert_allclose(stopped.model.state_dict()[key].numpy(), weight.numpy(), rtol=1e-5, atol=1e-6)


def test_the_best_pass_is_kept_and_the_last_of_equal_ones():
    data = cell_data(make_texts())
    trained = train("random", data, ENCODERS["cnn"], STOPPED)
    stopping = trained.stopping
    assert stopping is not None
    fitted, held_out = hold_out(data.labels, 0.25, 0)
    a_pass = -(-len(fitted) // 8)
    assert [point["step"] for point in stopping.history] == [*range(a_pass, 40, a_pass), 40]
    accuracies = [point["held_out_accuracy"] for point in stopping.history]
    last_best = max(place for place, accuracy in enumerate(accuracies) if accuracy == max(accuracies))
    assert stopping.kept_step == stopping.history[last_best]["step"]
    judged = data.inside(fitted, held_out)
    right = (predict_classes(trained.model, judged.text_sequences) == judged.text_labels).mean()
    assert right == max(accuracies)


def test_nothing_but_the_labels_of_the_cell_chooses():
    """Other test texts change neither the pass nor the weights."""
    data = cell_data(make_texts())
    other = replace(data, text_labels=(data.text_labels + 1) % 3)
    first, second = (train("finetuned", each, ENCODERS["cnn"], STOPPED) for each in (data, other))
    assert first.stopping.history == second.stopping.history
    assert torch.equal(first.model.output.weight, second.model.output.weight)


def test_the_record_says_which_step_was_kept():
    data = cell_data(make_texts())
    settings = {"vector_size": 8, "classifier": ENCODERS["mean"], "seed": 0}
    record = run_strategy("random", data, training=STOPPED, **settings).record
    assert record["steps"] == 40
    assert 0 < record["kept_step"] <= 40
    assert [point["step"] for point in record["history"] if "held_out_accuracy" in point][-1] == 40
    without = run_strategy("random", data, training=replace(STOPPED, early_stopping=0.0), **settings).record
    assert "kept_step" not in without


def test_every_strategy_holds_out_the_same_texts():
    data = cell_data(make_texts())
    histories = [train(name, data, ENCODERS["cnn"], STOPPED).stopping.history for name in ("random", "frozen")]
    assert [point["step"] for point in histories[0]] == [point["step"] for point in histories[1]]


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=60).map(np.array),
    share=st.floats(0.01, 0.5),
    seed=st.integers(0, 50),
)
def test_texts_are_held_out_by_class(labels, share, seed):
    fitted, held_out = hold_out(labels, share, seed)
    assert sorted([*fitted, *held_out]) == list(range(len(labels)))
    sizes = np.bincount(labels, minlength=5)
    out = np.bincount(labels[held_out], minlength=5)
    assert (out[sizes == 1] == 0).all()
    assert (sizes - out)[sizes > 0].min() >= 1  # every class is learned from
    able = sizes[sizes > 1]
    if len(able):
        number = max(1, round(share * able.sum()))
        assert len(held_out) == number
        assert (np.abs(out[sizes > 1] - number * able / able.sum()) < 2).all()
    else:
        assert len(held_out) == 0


def test_where_no_class_has_two_texts_all_are_learned_from():
    data = cell_data(make_texts())
    alone = data.inside(np.arange(3), np.arange(3, 36))
    assert len(set(alone.labels)) == 3
    trained = train("random", alone, ENCODERS["cnn"], STOPPED)
    assert trained.stopping is None
    assert len(trained.losses) == 40
