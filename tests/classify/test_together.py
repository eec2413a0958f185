"""Many classifiers trained as one come out as each does alone, wherever the tensors are."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
import torch
from small_texts import CLASSES, ENCODERS, VOCABULARY, as_bags, make_matrix, make_texts, read_by
from stand_in_device import DEVICE, MixedDevicesError, stand_in

from embexp.bags import Bags
from embexp.classify.batches import batch_order
from embexp.classify.cell import CellData, run_strategy
from embexp.classify.groups import run_group
from embexp.classify.loop import train_encoder
from embexp.classify.model import build_model
from embexp.classify.reference import train_reference
from embexp.classify.routes import group_of
from embexp.classify.strategies import STRATEGIES, WordVectors
from embexp.classify.together import STEPS_AT_ONCE, Learner, train_together
from embexp.classify.tuning import Problem
from embexp.config import BudgetConfig, ClassifierConfig, TrainingConfig

CONFIG = TrainingConfig(learning_rate=0.01, embedding_learning_rate=0.05, weight_decay=0.1)
STEPS = 2 * STEPS_AT_ONCE + 6  # the last stretch of steps is a short one
STRATEGY_OF_CELL = ("random", "frozen", "finetuned", "frozen", "random_frozen", "finetuned")
on_gpu = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
DEVICES = ["cpu", DEVICE, pytest.param("cuda", marks=on_gpu)]


def make_learner(number: int, strategy: str, batch_size: int = 7, encoder: str = "mean", texts=None) -> tuple:
    """A cell with matrix, texts, labels, head and batches of its own: what the reference takes, and the learner."""
    texts = make_texts(number) if texts is None else texts
    labels = np.random.default_rng(number).integers(0, CLASSES, len(texts))
    batches = batch_order(len(texts), batch_size, STEPS, seed=number)
    model, twin = (build_model(ENCODERS[encoder], make_matrix(number), CLASSES, number, strategy) for _ in range(2))
    trained = STRATEGIES[strategy].trained
    return (twin, texts, labels, batches, CONFIG, trained), Learner(model, as_bags(texts), labels, batches, trained)


def train_on(device: str, learners: list[Learner]) -> list[np.ndarray]:
    if device != DEVICE:
        return train_together(learners, CONFIG, device)
    with stand_in():
        return train_together(learners, CONFIG, device)


def check(device: str, cells: list[tuple]) -> None:
    """Losses and weights of each learner are those of the reference, which trains it alone and on the CPU."""
    losses = train_on(device, [learner for _, learner in cells])
    for (problem, learner), own in zip(cells, losses, strict=True):
        np.testing.assert_allclose(own, train_reference(*problem), rtol=2e-4, atol=2e-5)
        for name, value in problem[0].state_dict().items():
            found = learner.model.state_dict()[name].numpy()
            np.testing.assert_allclose(found, value.numpy(), rtol=2e-3, atol=2e-4, err_msg=name)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("encoder", ["mean", "linear"])
@pytest.mark.parametrize("batch_size", [1, 7])
def test_each_equals_the_reference_whatever_its_strategy_and_seed(device, encoder, batch_size):
    check(device, [make_learner(*cell, batch_size, encoder) for cell in enumerate(STRATEGY_OF_CELL)])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("strategy", ["frozen", "finetuned"])
def test_a_single_one_equals_the_reference(device, strategy):
    check(device, [make_learner(1, strategy)])


@pytest.mark.parametrize("device", DEVICES)
def test_texts_without_any_word_train_the_head_alone(device):
    nothing = [np.array([], int)] * 9
    check(device, [make_learner(0, "finetuned", texts=nothing), make_learner(1, "random", texts=nothing)])


@pytest.mark.parametrize("device", DEVICES)
def test_what_is_frozen_or_absent_stays_bitwise_unchanged(device):
    learners = [make_learner(number, strategy)[1] for number, strategy in enumerate(STRATEGY_OF_CELL)]
    train_on(device, learners)
    for number, learner in enumerate(learners):
        absent = np.setdiff1d(np.arange(VOCABULARY), learner.labelled.indices if learner.train_rows else [])
        present = np.setdiff1d(np.arange(VOCABULARY), absent)
        after, before = learner.model.embedding.weight.detach().numpy(), make_matrix(number)
        assert after[absent].tobytes() == before[absent].tobytes()
        assert len(absent) >= 7
        assert (after[present] != before[present]).any(axis=1).all()


def test_the_same_group_gives_the_same_bytes():
    groups = [[make_learner(*cell)[1] for cell in enumerate(STRATEGY_OF_CELL)] for _ in range(2)]
    for first, second in zip(*(train_together(group, CONFIG, "cpu") for group in groups), strict=True):
        assert first.tobytes() == second.tobytes()
    for one, other in zip(*groups, strict=True):
        for name, value in one.model.state_dict().items():
            assert value.numpy().tobytes() == other.model.state_dict()[name].numpy().tobytes()


def operations(learners: list[Learner]) -> dict[str, int]:
    with stand_in() as calls:
        train_together(learners, CONFIG, DEVICE)
        return dict(calls)


def test_more_cells_take_no_more_operations_and_no_step_waits_for_the_device():
    """What a group is for: a GPU's time goes into launching operations and into waiting for answers."""
    few, many = (operations([make_learner(n, "finetuned")[1] for n in range(count)]) for count in (1, 6))
    assert few == many
    assert "aten._local_scalar_dense.default" not in few  # nobody asks for a number
    group = [make_learner(number, "finetuned")[1] for number in range(2)]
    shorter = [replace(learner, batches=learner.batches[: STEPS_AT_ONCE + 6]) for learner in group]
    copies = "aten._to_copy.default"  # to the device and back: for the group, and for each stretch of steps
    assert many[copies] - operations(shorter)[copies] < STEPS_AT_ONCE / 4


@pytest.mark.parametrize("name", ENCODERS)
def test_every_encoder_keeps_its_tensors_on_one_device(name):
    """The general loop on the stand-in for a GPU gives what it gives on the CPU."""
    texts = make_texts()
    labels, batches = np.arange(len(texts)) % CLASSES, batch_order(len(texts), 7, 12, seed=1)
    data, classifier = read_by(ENCODERS[name].encoder, texts), replace(ENCODERS[name], word_dropout=0.1, max_norm=1.0)
    config = replace(CONFIG, class_weights="balanced", gradient_clipping=1.0, embedding_optimizer="adadelta")
    here, there = (build_model(classifier, make_matrix(), CLASSES, 5, "multichannel") for _ in range(2))
    expected = train_encoder(here, data, labels, batches, config, True, 0)
    with stand_in():
        losses = train_encoder(there, data, labels, batches, config, True, 0, DEVICE)
    np.testing.assert_allclose(losses, expected, rtol=1e-3, atol=1e-4)
    for key, value in here.state_dict().items():
        np.testing.assert_allclose(there.state_dict()[key].numpy(), value.numpy(), rtol=1e-2, atol=1e-3, err_msg=key)


def test_the_stand_in_refuses_what_a_gpu_refuses():
    with stand_in():
        there, here = torch.ones(3, device=DEVICE), torch.ones(3)
        assert (there * 2 + torch.tensor(1.0)).cpu().tolist() == [3, 3, 3]
        with pytest.raises(MixedDevicesError, match="two devices"):
            there + here
        with pytest.raises(MixedDevicesError, match="two devices"):
            torch.nn.functional.embedding(torch.from_numpy(np.array([0])), there[:, None])
        with pytest.raises(RuntimeError, match="numpy"):
            there.numpy()


CLASSIFIER = ClassifierConfig(hidden_size=8)
TRAINING = TrainingConfig(budget=BudgetConfig(40, 0), batch_size=8, learning_rate=0.01, device="cpu")


def make_cells(count: int = 5) -> list[tuple[Problem, CellData]]:
    cells = []
    for number, strategy in zip(range(count), STRATEGY_OF_CELL, strict=False):
        texts = make_texts(number)
        vectors = np.random.default_rng(1).normal(1, 0.5, (40, 8)).astype(np.float32)
        labels, bags = np.arange(len(texts)) % CLASSES, as_bags(texts)
        data = CellData(bags, labels, bags, labels, CLASSES, VOCABULARY, WordVectors(np.arange(40), vectors))
        cells.append((Problem(strategy, 8, CLASSIFIER, TRAINING, number), data))
    return cells


@pytest.mark.parametrize(("room", "parts"), [(2**30, [5]), (1, [1] * 5), (600_000, [2, 2, 1])])
def test_a_cell_leaves_the_same_from_a_group_as_alone_and_a_group_is_cut_to_the_room(room, parts):
    cells, told = make_cells(), []
    groups = list(run_group(cells, lambda done, steps: told.append((done, steps)), room))
    assert [len(group) for group in groups] == parts
    assert told == [(32, 40), (40, 40)] * len(parts)
    for (problem, data), result in zip(cells, chain.from_iterable(groups), strict=True):
        alone = run_strategy(
            problem.strategy, data, vector_size=8, classifier=CLASSIFIER, training=TRAINING, seed=problem.seed
        )
        history, expected = (
            np.array([[*row.values()] for row in found.record["history"]]) for found in (result, alone)
        )
        np.testing.assert_allclose(history, expected, rtol=1e-3, atol=1e-4)
        assert result.record | {"history": 0} == alone.record | {"history": 0}
        np.testing.assert_array_equal(result.predictions, alone.predictions)


IDENTITY = {
    "strategy": "finetuned",
    "train_size": 100,
    "seed": 0,
    "vector_size": 100,
    "classifier": {"encoder": "mean_pool", "hidden_size": 64},
    "training": {"device": "cuda", "batch_size": 32},
}


def test_only_cells_of_one_shape_on_a_gpu_are_a_group():
    group = group_of(IDENTITY, "texts")
    assert group
    for alike in ({"seed": 3}, {"strategy": "random", "classifier": IDENTITY["classifier"] | {"initial_scale": 0.2}}):
        assert group_of(IDENTITY | alike, "texts") == group
    for other in ({"train_size": 50}, {"vector_size": 50}, {"training": IDENTITY["training"] | {"batch_size": 8}}):
        assert group_of(IDENTITY | other, "texts") not in ("", group)
    assert group_of(IDENTITY, "other texts") not in ("", group)
    for alone in (
        {"training": IDENTITY["training"] | {"device": "cpu"}},
        {"training": IDENTITY["training"] | {"optimizer": "sgd"}},
        {"classifier": {"encoder": "cnn"}},
        {"classifier": {"dropout": 0.1}},
        {"strategy": "multichannel"},
        {"tuning": {"kind": "random"}},
    ):
        assert group_of(IDENTITY | alone, "texts") == ""
    assert group_of({"strategy": "tfidf", "train_size": 100, "seed": 0}, "texts") == ""


def test_the_room_that_a_cell_asks_for_is_at_least_what_it_keeps():
    for strategy in ("frozen", "finetuned"):
        learner = make_learner(0, strategy)[1]
        rows = len(learner.labelled.types(1)) if learner.train_rows else len(learner.labelled)
        kept = 8 * rows * 12 if learner.train_rows else 4 * rows * 12  # rows and their sums; pooled texts
        assert learner.device_bytes > kept
    longer = replace(learner, labelled=Bags(*(np.tile(part, 2) for part in vars(learner.labelled).values())))
    assert longer.device_bytes > learner.device_bytes
