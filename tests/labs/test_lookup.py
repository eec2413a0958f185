"""The lookup lab: that its comparisons can fail, and that what it reports is what was measured."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_study import tiny_study

from embexp.bags import Bags
from embexp.classify.batches import batch_order
from embexp.classify.cell import CellData, run_strategy
from embexp.config import BudgetConfig, ClassifierConfig, TrainingConfig
from embexp.labs.lookup import cost, equality, numbers, optimisers
from embexp.labs.lookup.heads import train_head
from embexp.labs.lookup.layers import LAYERS, Lookup
from embexp.labs.lookup.timing import peak_bytes


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_tied_layers_agree_and_a_wrong_one_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = equality.make_problems(steps=4)
    assert all(row["holds"] for problem in problems for row in equality.compare(problem))

    class Shifted(Lookup):
        def forward(self, token_ids):
            return super().forward((token_ids + 1) % 200)

    monkeypatch.setitem(LAYERS, "one row off", Shifted)
    for problem in problems:
        rows = [row for row in equality.compare(problem) if row["layer"] == "one row off"]
        assert not any(row["holds"] for row in rows)
        assert {row["agreement"] for row in rows} == {"differs"}


def test_where_nothing_rounds_only_the_same_bits_will_do() -> None:
    exact = next(problem for problem in equality.make_problems(4) if problem.exact)
    assert exact.tolerance(4) == 0
    # Four steps of exact arithmetic leave numbers that 53 bits hold with room to spare.
    weights = equality._train(LAYERS["nn.Embedding"], exact, "SGD")
    assert weights is not None
    assert torch.equal(weights * 2**40, (weights * 2**40).round())


@pytest.mark.parametrize(
    ("name", "weight_decay", "sparse", "moves"),
    [
        ("SGD", 0.0, False, optimisers.BATCH),
        ("SGD, momentum .9", 0.0, False, optimisers.EARLIER),
        ("Adam", 0.0, False, optimisers.EARLIER),
        ("Adagrad", 0.0, True, optimisers.BATCH),
        ("Adam", 0.0, True, "refused"),
        ("SGD", 0.01, False, optimisers.ALL),
        ("AdamW", 0.01, False, optimisers.ALL),
    ],
)
def test_the_rows_that_move_are_found_by_looking(name: str, weight_decay: float, sparse: bool, moves: str) -> None:
    trace = optimisers.follow(optimisers.RULES[name], Lookup(optimisers.first_matrix(), sparse), weight_decay)
    assert optimisers.name_moved(trace) == moves


def test_two_optimisers_part_where_their_rules_do() -> None:
    first = optimisers.first_matrix
    sgd, momentum = (
        optimisers.follow(optimisers.RULES[name], Lookup(first()), 0.0) for name in ("SGD", "SGD, momentum .9")
    )
    assert optimisers.find_parting(sgd, sgd) == optimisers.Parting()
    parting = optimisers.find_parting(sgd, momentum)
    assert (parting.step, parting.other_rows) == (2, 2)  # the velocity of the first step moves rows in the second


def test_the_best_threshold_is_the_best_of_all() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        labels = rng.integers(0, 2, 9)
        tried = [np.mean((np.arange(9) >= cut) == (labels == high)) for cut in range(10) for high in (0, 1)]
        assert numbers.best_threshold(labels) == pytest.approx(max(tried))


def line(seconds: dict[int, float]) -> list[dict]:
    return [{"vocabulary": size, "step_seconds": time, "extrapolated": False} for size, time in seconds.items()]


def test_slopes_and_break_even_of_known_lines() -> None:
    sizes = [10, 100, 1_000, 10_000, 100_000]
    proportional, constant = line({n: 2e-6 * n for n in sizes}), line(dict.fromkeys(sizes, 6e-4))
    assert cost.fit_slope(proportional, "step_seconds") == pytest.approx(1)
    assert cost.fit_slope(constant, "step_seconds") == pytest.approx(0)
    assert cost.break_even(proportional, constant, "step_seconds") == pytest.approx(300)
    assert cost.break_even(constant, proportional, "step_seconds") is None
    assert cost.break_even(line({10: 1.0, 100: 1.0}), line({10: 2.0, 100: 2.0}), "step_seconds") == math.inf


def test_what_does_not_fit_the_cap_is_extrapolated_and_marked() -> None:
    form = cost.Form((10, 100, 1_000), ((4, 2),), 8, cap_bytes=cost.one_hot_bytes(8, 100))
    rows = [cost.measure(cost.ONE_HOT, (4, 2), size, form, "cpu") for size in form.vocabularies]
    cost.extrapolate(rows)
    assert [row["extrapolated"] for row in rows] == [False, False, True]
    assert rows[2]["step_seconds"] == pytest.approx(10 * rows[1]["step_seconds"])


def test_memory_of_a_step_counts_its_whole_gradient_whatever_was_freed_before() -> None:
    for vocabulary in (1_000, 30_000, 200_000, 200_000):
        row = cost.measure(cost.DENSE, (4, 4), vocabulary, cost.SMALL, "cpu")
        assert row["peak_bytes"] >= vocabulary * cost.SMALL.vector_size * 4


def test_peak_memory_counts_what_is_held_at_once() -> None:
    def two_buffers() -> torch.Tensor:
        first = torch.ones(250_000)  # a megabyte
        return first + 1

    assert 2_000_000 <= peak_bytes(two_buffers, "cpu") <= 2_010_000


def test_touched_rows_are_those_of_the_batches(tmp_path) -> None:
    from embexp.labs.lookup.touched import PASSES, count_touches

    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 6, 40)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    indices = np.concatenate([np.sort(rng.choice(60, length, replace=False)) for length in lengths]).astype(np.int32)
    bags = Bags(indices, np.ones(len(indices), np.float32), offsets)

    class Pool:
        labels = np.arange(40) % 2

    Pool.bags = bags

    class Texts:
        pool, vocabulary_size, classes = Pool, 60, ("bad", "good")

    config = tiny_study(tmp_path)
    rows = {row["passes"]: row for row in count_touches(Texts, config, 40, 0)}
    assert set(rows) == set(PASSES)
    assert rows[1.0]["rows_touched"] <= len(np.unique(indices)) == rows[4.0]["rows_touched"]
    first = batch_order(40, config.training.batch_size, 5, 0)[0]
    assert rows[0.25]["rows_a_step"] == len(np.unique(bags.select(_order(Pool.labels)[first]).indices))


def _order(labels):
    from embexp.text import nested_order

    return nested_order(labels, 0)


def test_the_whole_lab_on_a_tiny_study(tmp_path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    from embexp.labs.lookup import lab

    monkeypatch.setattr(lab, "SMALL_SIZES", (10, 30))
    monkeypatch.setattr(lab, "SMALL_SEEDS", 2)
    monkeypatch.setattr(cost, "SMALL", cost.Form((2, 10, 400, 800, 1600), ((4, 2), (32, 32)), 8, 10**6))
    lab.run_lookup(tiny_study(tmp_path), full=False)
    said = capsys.readouterr()
    folder = tmp_path / "outputs" / "lookup" / "latest"
    results = json.loads((folder / "results.json").read_text())
    assert set(results["expectation"]) == set(results["result"]) == {row["part"] for row in results["rows"]}
    for part, sentence in results["expectation"].items():
        assert sentence in said.err  # said before anything was measured
        assert results["result"][part]["sentences"]
    page = (folder / "report.html").read_text()
    assert "Expected, before it was measured" in page
    assert "http://" not in page.split("page-data")[0]
    sizes = [row["train_size"] for row in results["rows"] if row["part"] == "purpose"]
    assert sorted(set(sizes)) == [10, 30]


@pytest.mark.parametrize("schedule", ["linear", "constant"])
def test_the_classifier_with_a_hidden_layer_is_the_studys_own(schedule: str) -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 9, 300)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    indices = np.concatenate([np.sort(rng.choice(80, length, replace=False)) for length in lengths]).astype(np.int32)
    bags = Bags(indices, np.ones(len(indices), np.float32), offsets)
    labels = rng.integers(0, 3, 300)  # noise: what is predicted depends on every step
    labelled, texts = bags.select(np.arange(100)), bags.select(np.arange(100, 300))
    training = TrainingConfig(schedule=schedule, batch_size=16, budget=BudgetConfig(min_steps=60, passes=1))
    settings = {"classifier": ClassifierConfig(), "training": training, "seed": 3}
    data = CellData(labelled, labels[:100], texts, labels[100:], 3, 80)
    cell = run_strategy("random", data, vector_size=12, **settings)
    head = train_head("hidden", 12, labelled, labels[:100], texts, classes=3, vocabulary_size=80, **settings)
    assert np.mean(cell.predictions == head.predictions) > 0.98
    assert head.parameters == cell.record["parameters"]
    other = replace(training, schedule="constant" if schedule == "linear" else "linear")
    changed = run_strategy("random", data, vector_size=12, **settings | {"training": other})
    assert np.mean(changed.predictions == head.predictions) < 0.95  # so the schedule is seen
