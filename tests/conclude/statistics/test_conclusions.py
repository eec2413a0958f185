"""All conclusions together: the contract of keys, gaps in a study, and agreement between the parts."""

import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import sharp, without

from embexp.conclude.conclusions import conclude
from embexp.conclude.measurements import Measurements
from embexp.conclude.simulation import CURVES, TRAIN_SIZES, plant, simulate_measurements
from embexp.errors import UserError

CONTRACT = {
    "curves": {"strategy", "train_size", "mean", "ci_low", "ci_high", "n"},
    "contrasts": {"a", "b", "train_size", "difference", "ci_low", "ci_high", "p", "p_holm", "p_superiority", "verdict"},
    "crossovers": {"a", "b", "kind", "estimate", "ci_low", "ci_high"},
    "label_equivalence": {
        "a",
        "b",
        "train_size",
        "equivalent_size",
        "ratio",
        "ratio_low",
        "ratio_high",
        "saved",
        "censored",
    },
    "recommendations": {"n_labels", "strategy", "expected", "ci_low", "ci_high"},
}


@pytest.fixture(scope="module")
def study() -> Measurements:
    return simulate_measurements(1, seeds=5, texts=1000)


@pytest.fixture(scope="module")
def results(study: Measurements) -> dict:
    return conclude(study)


def strict_json(results: dict) -> str:
    return json.dumps(results, allow_nan=False)


def test_the_contract_of_keys_holds_and_is_strict_json(results: dict) -> None:
    assert json.loads(strict_json(results)) == results
    for name, keys in CONTRACT.items():
        assert results[name]
        assert all(keys <= set(row) for row in results[name])
    assert all(isinstance(sentence, str) for sentence in results["verdict"] + results["warnings"])


def test_the_same_study_gives_the_same_bytes(study: Measurements, results: dict) -> None:
    assert strict_json(conclude(study)) == strict_json(results)


def test_curves_are_the_means_over_seeds(study: Measurements, results: dict) -> None:
    for row in results["curves"]:
        scores = study.accuracy[study.strategy(row["strategy"]), study.train_sizes.index(row["train_size"])]
        assert row["mean"] == pytest.approx(scores.mean(), abs=1e-12)
        assert row["median"] == pytest.approx(np.median(scores))
        assert row["sd"] == pytest.approx(scores.std(ddof=1))
        assert row["ci_low"] < row["mean"] < row["ci_high"]


def test_recommendations_agree_with_the_curves_at_their_sizes(results: dict) -> None:
    scores = {(row["strategy"], row["train_size"]): row for row in results["curves"]}
    recommended = {row["n_labels"]: row for row in results["recommendations"]}
    for size in TRAIN_SIZES:
        row = recommended[size]
        best = max((scores[name, size] for name in CURVES), key=lambda curve: curve["mean"])
        assert row["strategy"] == best["strategy"]
        assert row["control"] == (best["strategy"] in ("tfidf", "random_frozen"))
        for key, of in (("expected", "mean"), ("ci_low", "ci_low"), ("ci_high", "ci_high")):
            assert row[key] == pytest.approx(best[of], abs=1e-12)
        assert row["strategy"] not in row["level_with"]
        assert row["embedding_strategy"] in ("random", "frozen", "finetuned")
    labels = [row["n_labels"] for row in results["recommendations"]]
    assert labels == sorted(set(labels))
    assert len(labels) >= 60


def test_whoever_is_level_with_the_best_at_a_size_is_so_in_the_contrasts(results: dict) -> None:
    for row in results["recommendations"]:
        for contrast in results["contrasts"]:
            if contrast["train_size"] == row["n_labels"] and row["strategy"] in (contrast["a"], contrast["b"]):
                other = contrast["b"] if contrast["a"] == row["strategy"] else contrast["a"]
                holds = contrast["ci_low"] <= 0 <= contrast["ci_high"]
                assert (other in row["level_with"]) == holds


def test_the_area_lies_between_the_ends_of_the_curve(results: dict) -> None:
    for row in results["area_under_curve"]:
        scores = [curve["mean"] for curve in results["curves"] if curve["strategy"] == row["strategy"]]
        logs = np.log(TRAIN_SIZES)
        assert row["mean"] == pytest.approx(np.trapezoid(scores, logs) / (logs[-1] - logs[0]))
        assert row["ci_low"] < row["mean"] < row["ci_high"]


def test_one_seed_has_means_but_no_interval_and_no_finding() -> None:
    results = conclude(simulate_measurements(0, seeds=1, texts=300))
    strict_json(results)
    assert all(row["mean"] is not None and row["ci_low"] is None and row["sd"] is None for row in results["curves"])
    assert {row["verdict"] for row in results["contrasts"]} == {"undecided"}
    assert {row["kind"] for row in results["crossovers"]} == {"none"}
    assert {row["ratio"] for row in results["label_equivalence"]} == {None}
    assert all(row["expected"] is not None and row["ci_low"] is None for row in results["recommendations"])
    assert any("1 seed" in warning for warning in results["warnings"])


def test_a_strategy_without_any_cell_is_left_out_and_named() -> None:
    study = simulate_measurements(0, seeds=3, texts=300)
    gone = without(study, *[(1, k, r) for k in range(6) for r in range(3)])
    results = conclude(gone)
    strict_json(results)
    assert {row["mean"] for row in results["curves"] if row["strategy"] == "frozen"} == {None}
    assert {row["difference"] for row in results["contrasts"] if "frozen" in (row["a"], row["b"])} == {None}
    assert "frozen" not in {row["strategy"] for row in results["recommendations"]}
    assert any("18 of 90 cells are missing" in warning for warning in results["warnings"])


def test_a_study_without_any_finished_cell_says_so() -> None:
    study = simulate_measurements(0, seeds=2, texts=50)
    results = conclude(without(study, *np.ndindex(study.present.shape)))
    strict_json(results)
    assert results["recommendations"] == []
    assert results["verdict"] == ["No strategy has a single finished cell, so there is no verdict."]


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(2, 60),
    st.floats(0, 0.8),
    st.permutations(list(CURVES)),
)
def test_whatever_is_missing_all_is_strict_json(
    seed: int, sizes: int, seeds: int, texts: int, share: float, names: list[str]
) -> None:
    kept = names[: 1 + seed % 5]
    population = plant({name: CURVES[name][:sizes] for name in kept}, TRAIN_SIZES[:sizes])
    study = simulate_measurements(seed, population, seeds=seeds, texts=texts)
    gone = np.argwhere(np.random.default_rng(seed).random(study.present.shape) < share)
    results = conclude(without(study, *map(tuple, gone)), points=12)
    strict_json(results)
    for row in results["curves"] + results["contrasts"]:
        if row["n"] < 2:
            assert row["ci_low"] is None
            assert row["ci_high"] is None
        if row["n"] == 0:
            assert row.get("mean", row.get("difference")) is None


def test_a_strategy_that_ignores_the_seed_gets_the_interval_over_texts() -> None:
    study = simulate_measurements(3, seeds=6, texts=2000)
    results = conclude(study)
    (row,) = [row for row in results["curves"] if (row["strategy"], row["train_size"]) == ("tfidf", 20000)]
    assert row["sd"] == 0
    se = np.sqrt(row["mean"] * (1 - row["mean"]) / 2000)
    assert row["ci_high"] - row["ci_low"] == pytest.approx(2 * 1.96 * se, rel=0.01)
    assert any("all seeds gave the same answers (tfidf at 20,000)" in warning for warning in results["warnings"])


def test_few_seeds_for_the_family_and_a_whole_pool_are_warned_of() -> None:
    few = conclude(simulate_measurements(0, seeds=5, texts=300))["warnings"]
    assert any("5 seeds cannot carry the planned family of 18 contrasts" in warning for warning in few)
    assert any("from 10 seeds on it can" in warning for warning in few)
    assert any("at 20,000 labels, the whole pool, all seeds share every label" in warning for warning in few)
    enough = conclude(simulate_measurements(0, seeds=10, texts=300))["warnings"]
    assert not any("cannot carry" in warning for warning in enough)


def test_settings_out_of_range_are_all_named_at_once(study: Measurements) -> None:
    with pytest.raises(UserError) as error:
        conclude(study, margin=1.5, level=0.3, points=1)
    assert [problem.split(":")[0] for problem in error.value.problems] == ["margin", "level", "points"]


def test_a_thousand_cells_and_5000_texts_take_seconds() -> None:
    sizes = tuple(int(size) for size in np.unique(np.rint(np.geomspace(100, 20000, 20))))
    curves = {name: tuple(np.interp(np.log(sizes), np.log(TRAIN_SIZES), curve)) for name, curve in CURVES.items()}
    study = simulate_measurements(0, plant(curves, sizes), seeds=10, texts=5000)
    assert study.present.size == 1000
    began = time.process_time()
    conclude(study)
    assert time.process_time() - began < 8


def test_measurements_that_do_not_fit_together_are_refused() -> None:
    study = sharp({"random": (0.7, 0.8)}, sizes=(100, 300), texts=10)
    parts = {name: getattr(study, name) for name in ("strategies", "train_sizes", "seeds", "correct", "present")}
    wrong = {
        "do not match": {"seeds": (0, 1)},
        "ascending": {"train_sizes": (300, 100)},
        "twice": {"seeds": (0, 1, 2, 2)},
        "must be bool": {"correct": study.correct.astype(int)},
        "no test texts": {"correct": study.correct[..., :0]},
    }
    for message, change in wrong.items():
        with pytest.raises(ValueError, match=message):
            Measurements(**(parts | change), pool_size=1000)
