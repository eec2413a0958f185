"""Reproduction: identical, within the seed spread, off, or missing."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from tiny_study import tiny_study

from embexp import reproduce
from embexp.command.reproducing import comparison_table
from embexp.config import ExecutorConfig, StudyConfig
from embexp.errors import UserError
from embexp.results import environment
from embexp.running import run_study


def cells(scores: dict[int, float]) -> list[dict]:
    keys = {"strategy": "random", "train_size": 100}
    return [keys | {"seed": seed, "test_accuracy": s, "test_macro_f1": s} for seed, s in scores.items()]


REPORTED = cells({0: 0.70, 1: 0.71, 2: 0.72})  # standard deviation .01, so the tolerance is .0424


def verdicts(now: list[dict], same: bool) -> list[str]:
    return [comparison.verdict for comparison in reproduce.compare(REPORTED, now, same)]


def test_equal_cells_are_identical_anywhere():
    assert verdicts(REPORTED, True) == verdicts(REPORTED, False) == ["identical"] * 3


def test_elsewhere_a_cell_may_move_within_the_seed_spread():
    now = cells({0: 0.7424, 1: 0.66, 2: 0.72})
    assert verdicts(now, same=False) == ["within tolerance", "differs", "identical"]


def test_in_the_same_environment_nothing_may_move():
    now = cells({0: 0.7001, 1: 0.71, 2: 0.72})
    assert verdicts(now, same=True) == ["differs", "identical", "identical"]


def test_a_failed_cell_is_missing():
    assert verdicts(REPORTED[:2], True) == ["identical", "identical", "missing"]


def test_cells_of_folds_and_of_several_trainings_are_compared_one_by_one():
    more = ({"fold": 0}, {"fold": 1}, {"word2vec_seed": 1}, {"word2vec_seed": 2})
    reported = [cell | each for each, cell in zip(more, cells(dict(enumerate((0.7, 0.72, 0.74, 0.76)))), strict=True)]
    reported = [cell | {"seed": 0} for cell in reported]
    now = [dict(cell) for cell in reversed(reported)]
    now[0] |= {"test_accuracy": 0.1}
    found = reproduce.compare(reported, now, same=True)
    assert [comparison.verdict for comparison in found] == ["identical"] * 3 + ["differs"]
    (column,) = [column for column in comparison_table(found).columns if column.header == "seed"]
    assert list(column.cells) == ["0, fold 0", "0, fold 1", "0, word2vec 1", "0, word2vec 2"]


def test_the_environment_is_the_same_only_with_processor_and_versions():
    here = environment()
    assert reproduce.same_environment(here, json.loads(json.dumps(here)))
    assert not reproduce.same_environment(here | {"processor": "another"}, here)
    assert not reproduce.same_environment(here | {"versions": here["versions"] | {"torch": "0"}}, here)
    assert reproduce.same_environment(here | {"versions": here["versions"] | {"mlflow": "0"}}, here)


def test_a_reported_study_comes_out_again(tmp_path, monkeypatch):
    study = run_study(tiny_study(tmp_path))
    monkeypatch.setattr(reproduce, "results_folder", lambda: tmp_path / "results")
    (tmp_path / "results").mkdir()
    reproduce.write_reported("tiny", study.results, tmp_path / "results")
    reported = reproduce.read_reported("tiny")
    usual = StudyConfig()
    elsewhere = {key: getattr(usual, key) for key in ("store", "output", "executor", "tracking")}
    assert asdict(reported.config) == asdict(replace(tiny_study(tmp_path), **elsewhere))
    local = ExecutorConfig(kind="local", workers=2)
    comparisons = reproduce.reproduce(reported, executor=local, place=tmp_path)
    assert len(comparisons) == 20
    assert {comparison.verdict for comparison in comparisons} == {"identical"}
    assert list(tmp_path.glob("embexp-reproduce-*")) == []


def test_an_unknown_preset_is_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "main.json").write_text("{}")
    monkeypatch.setattr(reproduce, "results_folder", lambda: tmp_path)
    with pytest.raises(UserError, match=r"nothing is reported for 'mian'.*main"):
        reproduce.read_reported("mian")
