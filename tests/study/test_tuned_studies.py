"""Studies with tuning=random: whole, the same twice, resumed, and blind to the texts that score."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_study import cell_bytes, tiny_study, write_reviews

from embexp.cellwork import read_cell
from embexp.classify.cell import train_strategy
from embexp.classify.tuning import with_draw
from embexp.command.compose import compose_study
from embexp.config import (
    ClassifierConfig,
    DatasetConfig,
    ExecutorConfig,
    GridConfig,
    TrainingConfig,
    TuningConfig,
    build,
)
from embexp.engine.executors import open_executor
from embexp.engine.scheduler import Outcome, carry_out
from embexp.engine.store import Store
from embexp.errors import UserError
from embexp.exporting import plan_export
from embexp.labs.settings import check_settings
from embexp.labs.stages import matrix_task
from embexp.models import TrainedClassifier
from embexp.running import plan_study, run_study
from embexp.tuningcard import chosen_values

TUNING = TuningConfig(kind="random", draws=4, folds=2)
GRID = GridConfig(strategies=["random", "frozen", "finetuned"], train_sizes=[10, 30], seeds=2, controls=["tfidf"])


def tuned_study(folder: Path, **changes):
    return tiny_study(folder, **({"tuning": TUNING, "grid": GRID} | changes))


def carry_out_cells(config) -> Outcome:
    """Run the cells without a report."""
    plan, store = plan_study(config), Store(Path(config.store))
    store.prepare()
    with open_executor(config.executor) as executor:
        outcome = carry_out([cell.task for cell in plan.cells], store, executor)
    assert outcome.complete
    return outcome


def records(config) -> list[dict]:
    store = Store(Path(config.store))
    return [store.read_record(cell.task.fingerprint) for cell in plan_study(config).cells]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    config = tuned_study(tmp_path_factory.mktemp("tuned"))
    return config, run_study(config)


def test_a_tuned_study_says_what_was_chosen_where(tuned):
    _, study = tuned
    results = json.loads((study.folder / "results.json").read_text())
    assert results["study"]["cells_failed"] == 0
    rows = results["tuning"]["chosen"]
    assert {(row["strategy"], row["train_size"], row["seed"]) for row in rows} == {
        (cell["strategy"], cell["train_size"], cell["seed"]) for cell in results["cells"]
    }
    assert all("tuning" not in cell and cell["tuning_seconds"] > 0 for cell in results["cells"])
    budgets = [row["budget"] for row in results["tuning"]["expected_best"] if row["strategy"] == "frozen"]
    assert budgets == [1, 2, 3, 4] * 2
    assert any("the rule of tuning (4 draws for every strategy" in sentence for sentence in results["held_fixed"])
    report = (study.folder / "report.md").read_text()
    assert "## Which values were chosen where" in report
    assert {"tuned_values.svg", "expected_best.svg"} <= {path.name for path in (study.folder / "figures").iterdir()}
    assert (study.folder / "tables" / "tuned_values.csv").exists()
    assert "tuned_values" in (study.folder / "report.html").read_text()


def test_mlflow_is_told_the_chosen_values_of_a_cell(tuned):
    config, _ = tuned
    found = [chosen_values(record) for record in records(config) if record["strategy"] == "finetuned"]
    assert all(
        set(values) == {"tuned_learning_rate", "tuned_embedding_learning_rate", "tuned_budget_factor", "tuned_score"}
        for values in found
    )
    assert chosen_values({}) == {}


def test_the_same_bytes_on_two_workers_in_another_store(tuned, tmp_path):
    config, _ = tuned
    elsewhere = replace(config, store=str(tmp_path / "store"), executor=ExecutorConfig(kind="local", workers=2))
    carry_out_cells(elsewhere)
    assert cell_bytes(elsewhere) == cell_bytes(config)


def test_a_second_run_computes_nothing_and_a_lost_cell_comes_back_the_same(tuned):
    config, study = tuned
    before = cell_bytes(config)
    lost = study.plan.cells[3].task
    shutil.rmtree(Store(Path(config.store)).path(lost.fingerprint))
    assert [task.title for task in carry_out_cells(config).done] == [lost.title]
    assert cell_bytes(config) == before


def test_labels_of_the_texts_that_score_change_no_chosen_value(tmp_path):
    write_reviews(tmp_path / "train.csv", 100)
    write_reviews(tmp_path / "test.csv", 40, seed=1)
    with (tmp_path / "test.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    found = []
    for place, name in enumerate(("test.csv", "turned.csv")):
        with (tmp_path / name).open("w", newline="") as file:
            writer = csv.writer(file)
            turned = [[text, {"good": "bad", "bad": "good"}[label] if place else label] for text, label in rows]
            writer.writerows([header, *turned])
        files = DatasetConfig(name="two", source="csv", train=str(tmp_path / "train.csv"), test=str(tmp_path / name))
        config = tuned_study(tmp_path, dataset=files, grid=replace(GRID, train_sizes=[30], seeds=1))
        carry_out_cells(config)
        found.append(records(config))
    assert [cell["tuning"] for cell in found[0]] == [cell["tuning"] for cell in found[1]]
    scores = [[cell["test_accuracy"] for cell in cells] for cells in found]
    assert scores[0] == pytest.approx([1 - score for score in scores[1]])


def test_no_tuning_leaves_every_fingerprint_and_no_trace(tmp_path):
    config = tiny_study(tmp_path, grid=GRID)
    plan, tuned = plan_study(config), plan_study(tuned_study(tmp_path))
    assert all("tuning" not in cell.task.config for cell in plan.cells)
    assert not {cell.task.fingerprint for cell in plan.cells} & {cell.task.fingerprint for cell in tuned.cells}
    results = run_study(replace(config, grid=replace(GRID, train_sizes=[10], seeds=1, controls=[]))).results
    assert "tuning" not in results
    assert any("learning rates and the budget rule are one choice" in sentence for sentence in results["held_fixed"])


def test_a_setting_of_tuning_moves_the_cells_that_read_it(tmp_path):
    before = plan_study(tuned_study(tmp_path))
    after = plan_study(tuned_study(tmp_path, tuning=replace(TUNING, zero_share=0.5)))
    moved = {a.strategy for a, b in zip(before.cells, after.cells, strict=True) if a.task != b.task}
    assert moved == {"finetuned"}


def test_the_forecast_counts_draws_times_folds(tmp_path):
    plain, tuned = plan_study(tiny_study(tmp_path, grid=GRID)), plan_study(tuned_study(tmp_path))
    for a, b in zip(plain.cells, tuned.cells, strict=True):
        assert b.task.cost == pytest.approx(a.task.cost * (1 + 4 * 2 * 0.8))


def test_a_cell_too_small_to_judge_keeps_the_defaults_and_the_report_says_so(tmp_path):
    grid = replace(GRID, train_sizes=[2], seeds=1)
    study = run_study(tuned_study(tmp_path, grid=grid))
    assert study.results["tuning"]["chosen"] == []
    assert {row["strategy"] for row in study.results["tuning"]["fallbacks"]} == {*GRID.strategies, "tfidf"}
    assert "nothing could judge; the defaults were kept" in (study.folder / "report.md").read_text()


def test_the_exported_model_and_the_kept_matrix_follow_what_was_chosen(tmp_path):
    """The matrix kept of a tuned cell, and the model left behind, are those of its chosen rates."""
    grid = GridConfig(strategies=["finetuned"], train_sizes=[120], seeds=1, controls=[])
    rates = replace(TUNING, learning_rate=[0.01, 0.04], embedding_learning_rate=[1.0, 4.0], zero_share=0)
    config = tuned_study(tmp_path, grid=grid, tuning=rates)
    [cell] = plan_study(config).cells
    store, kept = Store(Path(config.store)), matrix_task(cell)
    store.prepare()
    model = plan_export(config, plan_study(config), "finetuned").task
    with open_executor(config.executor) as executor:
        assert carry_out([cell.task, kept, model], store, executor).complete
    tuning = store.read_record(cell.task.fingerprint)["tuning"]
    draw = tuning["draws"][tuning["chosen"]]
    needs = {name: store.path(task.fingerprint) for name, task in cell.task.needs.items()}
    training = with_draw(build(TrainingConfig, cell.task.config["training"]), draw)
    data, classifier = read_cell(cell.task.config, needs), build(ClassifierConfig, cell.task.config["classifier"])
    trained = train_strategy("finetuned", data, vector_size=8, classifier=classifier, training=training, seed=cell.seed)
    expected = trained.model.embedding.weight.detach().numpy()
    assert np.array_equal(np.load(store.path(kept.fingerprint) / "matrix.npy"), expected)
    exported = TrainedClassifier.load(store.path(model.fingerprint)).module.embedding.weight.detach().numpy()
    assert np.array_equal(exported, expected)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["tuning=random", "tuning.learning_rate=[0.1]"], r"tuning\.learning_rate: \[0\.1\] is no range; give two"),
        (["tuning=random", "tuning.budget_factor=[2,1]"], r"tuning\.budget_factor: \[2\.0, 1\.0\] is no range"),
        (["tuning=random", "tuning.ngrams=[3]"], r"tuning\.ngrams: \[3\] must be \[1\], \[2\] or \[1,2\]"),
        (["tuning=random", "tuning.draws=0"], r"tuning\.draws: 0 is out of range; it must be at least 1"),
        (["tuning=random", "tuning.folds=1"], r"tuning\.folds: 1 is out of range; it must be at least 2"),
        (["tuning.draws=9"], r"tuning\.draws: has no effect without tuning; add tuning=random"),
        (["tuning.kind=grid"], r"tuning\.kind: 'grid' is unknown.*none, random"),
    ],
)
def test_settings_that_cannot_work_are_sentences(overrides, sentence):
    with pytest.raises(UserError, match=sentence):
        compose_study(overrides)


def test_a_lab_that_trains_cells_of_its_own_refuses_tuning(tmp_path):
    with pytest.raises(UserError, match=r"tuning\.kind: 'random' is not followed by"):
        check_settings(tuned_study(tmp_path))
