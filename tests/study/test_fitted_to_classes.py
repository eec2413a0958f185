"""The protocol with more than two classes: more passes, a higher rate of the rows; two classes stay as they are."""

from __future__ import annotations

import csv
import math
from dataclasses import replace

import numpy as np
import pytest
from tiny_study import tiny_study, write_reviews

from embexp.classify.strategies import STRATEGIES
from embexp.command.compose import compose_study
from embexp.config import BudgetConfig, DatasetConfig, GridConfig, TrainingConfig
from embexp.engine.store import Store
from embexp.estimator import EmbeddingClassifier
from embexp.protocol import fit_to_cell
from embexp.running import plan_study, run_study

TRAINING = TrainingConfig(
    budget=BudgetConfig(min_steps=5, passes=2, classes_power=2, frozen_classes_power=1),
    embedding_learning_rate=0.1,
    classes_power=-0.5,
    embedding_classes_power=1,
    frozen_classes_power=1,
)


NO_POWERS = {
    "budget": replace(TRAINING.budget, classes_power=0, frozen_classes_power=0),
    "classes_power": 0,
    "embedding_classes_power": 0,
    "frozen_classes_power": 0,
}


def five_classes(folder, **changes):
    """Return a tiny study of five classes: the first word of a text names its class."""
    with write_reviews(folder / "two.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["text"], number % 5) for number, row in enumerate(csv.DictReader(file))]
    with (folder / "five.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("text", "label"), *((f"topic{label} {text}", f"topic {label}") for text, label in rows)])
    grid = GridConfig(strategies=["random", "finetuned"], train_sizes=[10, 50], seeds=1)
    settings = {"dataset": DatasetConfig(name="five", source="csv", train=str(folder / "five.csv")), "grid": grid}
    return tiny_study(folder, **({"training": TRAINING} | settings | changes))


def strategy_cells(config):
    return [cell for cell in plan_study(config).cells if cell.strategy != "tfidf"]


def fingerprints_of(config):
    """Return each strategy's, in the order of train sizes and seeds."""
    cells = strategy_cells(config)
    return {name: [c.task.fingerprint for c in cells if c.strategy == name] for name in {c.strategy for c in cells}}


def fingerprints(config):
    return [cell.task.fingerprint for cell in strategy_cells(config)]


def test_two_classes_keep_every_setting():
    usual, plain = compose_study([]).training, TrainingConfig()
    assert usual != plain
    for strategy in STRATEGIES.values():
        assert fit_to_cell(usual, 2, strategy) == fit_to_cell(usual, 1, strategy) == plain


def test_passes_and_rates_change_with_the_classes():
    fitted = fit_to_cell(TRAINING, 5)
    assert (fitted.budget.min_steps, fitted.budget.passes) == (5, 10.78)  # 2 passes, 2.32 bits squared
    assert (fitted.learning_rate, fitted.embedding_learning_rate) == (0.002625, 0.2322)  # 0.004 / sqrt(2.32)
    still = fit_to_cell(TRAINING, 5, STRATEGIES["frozen"])
    assert (still.budget.passes, still.learning_rate) == (25.04, 0.006095)  # 2.32 bits once more
    assert fit_to_cell(TRAINING, 5, STRATEGIES["random_frozen"]) == still
    assert fit_to_cell(TRAINING, 5, STRATEGIES["random"]) == fitted
    assert fit_to_cell(fitted, 5) == fitted
    passes = [fit_to_cell(TRAINING, classes).budget.passes for classes in range(2, 30)]
    assert passes == sorted(set(passes))


@pytest.mark.parametrize("encoder", ["cnn", "lstm"])
def test_encoders_that_read_the_order_have_a_protocol_of_their_own(encoder):
    of_means, own = compose_study([]).training, compose_study([f"classifier={encoder}"]).training
    assert own != of_means
    grown = math.log2(6) ** own.budget.classes_power
    assert fit_to_cell(own, 6).budget.passes == pytest.approx(own.budget.passes * grown, rel=1e-3)
    assert fit_to_cell(own, 6).embedding_learning_rate == own.embedding_learning_rate
    paper = compose_study(["experiment=kim2014"]).training
    assert fit_to_cell(paper, 6).budget.passes == paper.budget.passes == 25
    assert compose_study([f"classifier={encoder}", "training.learning_rate=0.5"]).training.learning_rate == 0.5


def test_random_rows_may_have_a_rate_of_their_own(tmp_path):
    config = tiny_study(tmp_path, training=replace(TRAINING, random_rate_factor=2.5))
    rates = {cell.strategy: cell.task.config["training"]["embedding_learning_rate"] for cell in strategy_cells(config)}
    usual = TRAINING.embedding_learning_rate
    assert rates == {"random": 2.5 * usual, "frozen": usual, "finetuned": usual, "random_frozen": usual}
    spelled = tiny_study(tmp_path, training=replace(TRAINING, embedding_learning_rate=2.5 * usual))
    random = [cell.task.fingerprint for cell in strategy_cells(spelled) if cell.strategy == "random"]
    assert [cell.task.fingerprint for cell in strategy_cells(config) if cell.strategy == "random"] == random


def test_rows_that_stay_may_have_more_passes(tmp_path):
    config = tiny_study(tmp_path, training=replace(TRAINING, budget=replace(TRAINING.budget, frozen_factor=1.5)))
    passes = {cell.strategy: cell.task.config["training"]["budget"]["passes"] for cell in strategy_cells(config)}
    usual = TRAINING.budget.passes
    assert passes == {"random": usual, "frozen": 1.5 * usual, "finetuned": usual, "random_frozen": 1.5 * usual}
    spelled = tiny_study(tmp_path, training=replace(TRAINING, budget=replace(TRAINING.budget, passes=1.5 * usual)))
    still = [
        [cell.task.fingerprint for cell in strategy_cells(each) if "frozen" in cell.strategy]
        for each in (config, spelled)
    ]
    assert still[0] == still[1]
    both = replace(TRAINING, budget=replace(TRAINING.budget, frozen_factor=1.5), random_rate_factor=2.5)
    for strategy in STRATEGIES.values():
        fitted = fit_to_cell(both, 5, strategy)
        assert fit_to_cell(fitted, 5, strategy) == fitted


def test_the_estimator_has_that_rate_too():
    texts, labels = [f"a{number % 5} b{number % 7}" for number in range(50)], [number % 2 for number in range(50)]
    given = {"min_count": 1, "vector_size": 4, "min_steps": 5, "passes": 2, "word2vec_min_count": 1, "epochs": 1}
    for strategy, rate in (("random", 0.25), ("finetuned", 0.1)):
        by_factor, by_hand = (
            EmbeddingClassifier(strategy, embedding_learning_rate=each, settings=settings, **given).fit(texts, labels)
            for each, settings in ((0.1, {"training.random_rate_factor": 2.5}), (rate, None))
        )
        np.testing.assert_array_equal(by_factor.losses_, by_hand.losses_)


def test_a_cell_is_the_one_with_its_fitted_values_written_out(tmp_path):
    by_rule = fingerprints_of(five_classes(tmp_path))
    for strategies, passes, rate in (({"random", "finetuned"}, 10.78, 0.002625), ({"random_frozen"}, 25.04, 0.006095)):
        budget = BudgetConfig(min_steps=5, passes=passes)
        written = TrainingConfig(budget=budget, learning_rate=rate, embedding_learning_rate=0.2322)
        by_hand = fingerprints_of(five_classes(tmp_path, training=written))
        assert {name for name in by_rule if by_rule[name] == by_hand[name]} == strategies
    off = replace(TRAINING, **NO_POWERS)
    without = fingerprints_of(five_classes(tmp_path, training=off))
    assert not [name for name in by_rule if by_rule[name] == without[name]]


def test_the_powers_leave_two_classes_alone(tmp_path):
    off = replace(TRAINING, **NO_POWERS)
    assert fingerprints(tiny_study(tmp_path, training=TRAINING)) == fingerprints(tiny_study(tmp_path, training=off))


def test_cells_take_the_steps_of_the_fitted_budget(tmp_path):
    config = five_classes(tmp_path)
    assert run_study(config).outcome.complete
    store = Store(tmp_path / "store")
    steps = {
        (cell.strategy, cell.train_size): store.read_record(cell.task.fingerprint)["steps"]
        for cell in strategy_cells(config)
    }
    assert {size: steps["random", size] for size in (10, 50)} == {10: 5, 50: 17}  # 10.78 passes in batches of 32
    assert {key[1]: number for key, number in steps.items() if key[0] == "finetuned"} == {10: 5, 50: 17}


def test_the_estimator_trains_as_a_study_does():
    texts = [f"topic{number % 5} word{number % 7}" for number in range(50)]
    own = {"training.budget.classes_power": 2.0}
    model = EmbeddingClassifier("random", min_count=1, vector_size=4, min_steps=5, passes=2, settings=own)
    assert len(model.fit(texts, [number % 5 for number in range(50)]).losses_) == 17
    assert len(model.fit(texts, [number % 2 for number in range(50)]).losses_) == 5
