"""A whole study on a user's file: results, pairing, caching, failures, the same bytes anywhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_study import cell_bytes, tiny_study, write_reviews

from embexp.bags import Bags
from embexp.classify import strategies as classify_strategies
from embexp.config import ExecutorConfig, GridConfig
from embexp.engine.executors import open_executor
from embexp.engine.scheduler import carry_out
from embexp.engine.store import Store
from embexp.running import make_folder, plan_study, point_latest, run_study
from embexp.text import nested_order, open_dataset

CONTRACT = {
    "schema_version",
    "study",
    "cells",
    "curves",
    "contrasts",
    "crossovers",
    "label_equivalence",
    "recommendations",
    "word2vec",
    "verdict",
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    config = tiny_study(folder)
    return config, run_study(config)


def test_a_study_leaves_the_contract_behind(finished):
    _, study = finished
    names = {path.name for path in study.folder.iterdir()}
    assert {"results.json", "cells.csv", "report.html", "report.md", "figures", "tables"} <= names
    assert {"config.yaml", "environment.json"} <= names
    results = json.loads((study.folder / "results.json").read_text(encoding="utf-8"))
    assert results.keys() >= CONTRACT
    assert len(results["cells"]) == 20
    assert results["study"]["cells_done"] == 20
    keys = {"strategy", "train_size", "seed", "test_accuracy", "test_macro_f1", "train_tokens", "train_seconds"}
    assert all(cell.keys() >= keys | {"cached", "fingerprint"} for cell in results["cells"])
    assert (study.folder.parent / "latest").resolve() == study.folder.resolve()
    assert results["dataset"]["name"] == "reviews"
    # A Python with NumPy and torch is never below 20 MB, and this study never near 8 GB.
    assert all(20e6 < row["memory_bytes"] < 8e9 for row in results["costs"])


def test_scores_come_from_the_predictions(finished):
    config, study = finished
    store = Store(Path(config.store))
    labels = np.asarray(open_dataset(store.path(study.plan.dataset.fingerprint)).test.labels)
    by_fingerprint = {cell["fingerprint"]: cell for cell in study.results["cells"]}
    for cell in study.plan.cells:
        predictions = np.load(store.path(cell.task.fingerprint) / "predictions.npy")
        assert by_fingerprint[cell.task.fingerprint]["test_accuracy"] == (predictions == labels).mean()


def test_the_same_command_again_does_no_work_but_the_report(finished):
    config, first = finished
    again = run_study(config)
    assert again.outcome.done == []
    assert again.results["study"]["cells_cached"] == 20
    scores = [[cell["test_accuracy"] for cell in study.results["cells"]] for study in (first, again)]
    assert scores[0] == scores[1]
    assert again.folder != first.folder


def test_two_workers_give_the_same_bytes_as_serial(finished, tmp_path):
    config, _ = finished
    local = replace(config, store=str(tmp_path / "store"), executor=ExecutorConfig(kind="local", workers=2))
    run_study(local)
    assert cell_bytes(local) == cell_bytes(config)


def test_the_order_of_execution_moves_no_byte(finished, tmp_path):
    config, _ = finished
    plan = plan_study(config)
    usual = [cell.task for cell in plan.cells]
    costs = dict(zip(usual, np.random.default_rng(0).permutation(len(usual)), strict=True))
    shuffled = [replace(task, cost=float(costs[task])) for task in usual]  # what costs more is begun earlier
    store, begun = Store(tmp_path / "store"), []
    store.prepare()
    with open_executor(ExecutorConfig(kind="serial"), ()) as executor:
        carry_out(shuffled, store, executor, on_event=[lambda event: event.kind == "done" and begun.append(event.task)])
    cells = [task.title for task in begun if task.title in {cell.title for cell in usual}]
    assert sorted(cells) == sorted(cell.title for cell in usual)
    assert cells != [cell.title for cell in usual]
    assert cell_bytes(replace(config, store=str(store.root))) == cell_bytes(config)


def test_a_larger_grid_computes_only_what_is_new(finished):
    config, _ = finished
    study = run_study(replace(config, grid=GridConfig(train_sizes=[10, 30], seeds=3)))
    assert len(study.outcome.done) == 10
    assert {task.config["seed"] for task in study.outcome.done} == {2}


def test_subsets_are_nested_stratified_and_the_same_for_all_strategies():
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    order = nested_order(labels, 3)
    for size in (10, 20, 50, 100):
        counts = np.bincount(labels[order[:size]], minlength=3)
        np.testing.assert_allclose(counts, size * np.array([0.5, 0.3, 0.2]), atol=1)


def broken_pooling(matrix: np.ndarray, bags: Bags) -> np.ndarray:
    raise RuntimeError("pooling is broken")


def test_a_failing_cell_leaves_the_rest_running_and_the_next_run_does_what_is_missing(tmp_path, monkeypatch):
    config = tiny_study(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(classify_strategies, "pretrained_matrix", broken_pooling)
        study = run_study(config)
    cells = [failure for failure in study.outcome.failed if failure.task.stage.name == "run_cell"]
    assert {failure.task.config["strategy"] for failure in cells} == {"frozen", "finetuned"}
    assert len(cells) == 8
    assert "TypeError" in cells[0].reason or "RuntimeError" in cells[0].reason
    assert len(study.results["cells"]) == 12
    assert study.results["study"]["cells_failed"] == 8
    titles = {failure["title"].split()[0] for failure in study.results["failures"]}
    assert titles == {"frozen", "finetuned", "matrix", "neighbours"}  # the latter two for the report, of finetuned
    mended = run_study(config)
    assert sum(task.stage.name == "run_cell" for task in mended.outcome.done) == 8
    assert len(mended.results["cells"]) == 20


def test_a_file_that_changes_between_plan_and_run_is_refused(tmp_path):
    config = tiny_study(tmp_path)
    plan = plan_study(config)
    write_reviews(tmp_path / "reviews.csv", seed=1)
    with open_executor(config.executor) as executor:
        outcome = carry_out([plan.dataset], Store(Path(config.store)), executor)
    (failure,) = outcome.failed
    assert "reviews.csv changed after the study was planned" in failure.reason


def test_a_failing_stage_blocks_what_depends_on_it(tmp_path, monkeypatch):
    from embexp.vectors import training

    monkeypatch.setattr(training, "train_vectors", broken_pooling)
    study = run_study(tiny_study(tmp_path))
    assert [failure.task.title for failure in study.outcome.failed] == ["word2vec"]
    blocked = {task.config.get("strategy", task.title) for task in study.outcome.blocked}
    assert blocked == {"frozen", "finetuned", "word2vec card", "neighbours n=00030"}
    assert len(study.results["cells"]) == 12


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tiny_study import tiny_study
from embexp.running import run_study

def tell(event):
    if event.kind == "done":
        print(event.task.fingerprint, flush=True)

run_study(tiny_study(Path(sys.argv[2])), [tell])
print("finished", flush=True)
"""


def test_a_killed_study_goes_on_where_it_stopped(finished, tmp_path):
    command = [sys.executable, "-c", SCRIPT, os.path.dirname(__file__), str(tmp_path)]
    done = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            done.append(line.strip())
            if len(done) == 7:
                process.send_signal(signal.SIGKILL)
                break
    config = tiny_study(tmp_path)
    study = run_study(config)
    repeated = {task.fingerprint for task in study.outcome.done} & set(done)
    assert not repeated
    assert len(study.results["cells"]) == 20
    reference = replace(finished[0], grid=GridConfig(train_sizes=[10, 30], seeds=2))
    assert cell_bytes(config) == cell_bytes(reference)


def test_studies_of_one_second_get_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "strftime", lambda pattern: "2026-01-01_00-00-00")
    folders = [make_folder(tmp_path, "name", "0123456789abcdef") for _ in range(3)]
    assert len(set(folders)) == 3
    assert folders[0].name == "2026-01-01_00-00-00-01234567"
    for folder in folders:
        point_latest(folder)
    assert (tmp_path / "name" / "latest").resolve() == folders[-1]
    assert sorted(path.name for path in (tmp_path / "name").iterdir() if path.is_symlink()) == ["latest"]


def test_folds_test_every_text_once_and_are_averaged_before_any_statistic(tmp_path):
    config = tiny_study(
        tmp_path, grid=GridConfig(strategies=["frozen"], train_sizes=[10, 30], seeds=2, controls=["tfidf"])
    )
    study = run_study(replace(config, dataset=replace(config.dataset, folds=3)))
    cells = [cell for cell in study.results["cells"] if (cell["strategy"], cell["train_size"]) == ("tfidf", 30)]
    assert sorted((cell["seed"], cell["fold"]) for cell in cells) == [(s, f) for s in (0, 1) for f in (0, 1, 2)]
    (curve,) = [row for row in study.results["curves"] if (row["strategy"], row["train_size"]) == ("tfidf", 30)]
    assert curve["mean"] == pytest.approx(np.mean([cell["test_accuracy"] for cell in cells]))
    store = Store(Path(config.store))
    folds = [open_dataset(store.path(fold.dataset.fingerprint)) for fold in study.plan.folds]
    tested = np.concatenate([fold.test.rows for fold in folds])
    assert sorted(tested.tolist()) == list(range(150))
    assert all(not set(fold.test.rows) & set(fold.pool.rows) for fold in folds)
    vectors = {cell.task.needs["word2vec"].fingerprint for cell in study.plan.cells if cell.strategy == "frozen"}
    assert len(vectors) == 3  # one training for each fold's pool
    confusion = study.results["confusion"]
    assert np.sum(confusion["strategies"]["tfidf"]) == 2 * 150


def test_a_size_without_a_class_is_named_with_the_smallest_that_holds_all(tmp_path):
    config = tiny_study(tmp_path)
    with (tmp_path / "reviews.csv").open("a") as file:
        file.writelines(f"a strange text {n},rare\n" for n in range(4))
    study = run_study(
        replace(config, grid=GridConfig(strategies=["random"], train_sizes=[10, 90], seeds=2, controls=[]))
    )
    (warning,) = [text for text in study.results["warnings"] if "'rare'" in text]
    assert warning.startswith(
        "At 10 labels some seeds hold no text of 'rare'; the smallest size that holds all classes is "
    )
    size = int(warning.split()[-1].rstrip("."))
    assert 10 < size <= 90
    cell = study.results["cells"][0]
    assert 0 <= cell["test_balanced_accuracy"] <= 1
