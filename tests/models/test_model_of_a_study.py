"""The model of a study predicts what the study's own cell predicted, and is trained once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_study import tiny_study, write_reviews

from embexp.config import (
    ClassifierConfig,
    DatasetConfig,
    GridConfig,
    StudyConfig,
    TextConfig,
    TrackingConfig,
    Word2VecConfig,
)
from embexp.engine.store import Store
from embexp.exporting import recommended
from embexp.models import TrainedClassifier
from embexp.running import StudyRun, run_study
from embexp.text import open_dataset

POOL = 120  # of 150 texts, a fifth held out


def whole_pool(folder: Path, **changes) -> StudyConfig:
    """Return a study with a cell on all labels for each strategy."""
    grid = GridConfig(strategies=["finetuned"], train_sizes=[POOL], seeds=[7], controls=[])
    return tiny_study(folder, **({"grid": grid, "export": "finetuned"} | changes))


def test_texts(run: StudyRun, config: StudyConfig) -> list[str]:
    """Read the texts that score a study's cells, as the file has them."""
    import polars as pl

    dataset = open_dataset(Store(Path(config.store)).path(run.plan.dataset.fingerprint))
    return pl.read_csv(str(config.dataset.train))["text"].gather(np.asarray(dataset.test.rows)).to_list()


test_texts.__test__ = False


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"export": "random", "grid": GridConfig(strategies=["random"], train_sizes=[POOL], seeds=[7], controls=[])},
        {"classifier": ClassifierConfig(encoder="cnn", windows=[2, 3], maps=8)},
        {"classifier": ClassifierConfig(encoder="lstm", hidden_size=6)},
        {"classifier": ClassifierConfig(encoder="linear", pooling="mean_max")},
        {
            "export": "multichannel",
            "grid": GridConfig(strategies=["multichannel"], train_sizes=[POOL], seeds=[7], controls=[]),
            "classifier": ClassifierConfig(encoder="cnn", maps=4, channels="own"),
        },
        {"word2vec": Word2VecConfig(corpus="labelled", vector_size=8, min_count=1, epochs=2)},
        {"text": TextConfig(min_count=2, max_tokens=9, lower=False)},
    ],
    ids=["mean_pool", "random", "cnn", "lstm", "linear", "multichannel", "labelled", "text"],
)
def test_the_model_predicts_what_the_cell_on_all_labels_predicted(tmp_path, changes):
    config = whole_pool(tmp_path, **changes)
    run = run_study(config)
    assert run.outcome.complete
    assert run.export is not None
    model = TrainedClassifier.load(run.folder / "model")
    (cell,) = run.plan.cells
    predictions = np.load(Store(Path(config.store)).path(cell.task.fingerprint) / "predictions.npy")
    assert model.predict(test_texts(run, config)) == [model.classes[place] for place in predictions]
    assert len(set(predictions.tolist())) == 2


def test_the_model_is_trained_once_and_told_in_the_results(tmp_path):
    config = whole_pool(tmp_path)
    first = run_study(replace(config, export=None))
    assert first.export is None
    assert "export" not in first.results
    second = run_study(config)
    assert [task.stage.name for task in second.outcome.done] == ["train_classifier"]
    third = run_study(config)
    assert third.outcome.done == []
    told = json.loads((third.folder / "results.json").read_text())["export"]
    assert told["strategy"] == "finetuned"
    assert told["train_size"] == POOL
    assert told["fingerprint"] in third.results["entries"]
    assert second.plan.fingerprint == first.plan.fingerprint
    assert [path.read_bytes() for path in sorted((second.folder / "model").iterdir())] == [
        path.read_bytes() for path in sorted((third.folder / "model").iterdir())
    ]


def test_best_is_the_strategy_that_the_study_recommends_with_all_labels(tmp_path):
    config = tiny_study(tmp_path, export="best")
    run = run_study(config)
    found = recommended(run.results)
    strategy, n_labels, score = found.strategy, found.n_labels, found.score
    means = {row["strategy"]: row["mean"] for row in run.results["curves"] if row["train_size"] == 30}
    own = {name: means[name] for name in config.grid.strategies}
    assert n_labels == 30
    assert score == pytest.approx(max(own.values()))
    assert own[strategy] == max(own.values())
    assert run.export.strategy == strategy == run.results["export"]["strategy"]
    assert f"{score:.3f}{found.others}" in run.export.sentence("model")
    assert TrainedClassifier.load(run.folder / "model").about["train_size"] == POOL


def test_best_says_what_is_level_and_which_control_is_ahead():
    row = {"n_labels": 100, "strategy": "frozen", "expected": 0.8, "level_with": ["random", "tfidf"]}
    own = {"embedding_strategy": "frozen", "embedding_expected": 0.8}
    assert recommended({"recommendations": [row | own]}).others == ", level with random"
    ahead = row | {"strategy": "tfidf", "expected": 0.85} | own
    assert (
        recommended({"recommendations": [row | own, ahead | {"n_labels": 300}]}).others
        == "; the control tfidf has 0.850"
    )
    assert recommended({"recommendations": [row | {"embedding_strategy": None}]}) is None


def test_with_folds_the_model_learns_from_the_first_folds_pool(tmp_path):
    reviews = write_reviews(tmp_path / "reviews.csv", 60)
    dataset = DatasetConfig(name="reviews", source="csv", train=str(reviews), folds=3)
    grid = GridConfig(strategies=["frozen"], train_sizes=[20], seeds=1, controls=[])
    run = run_study(tiny_study(tmp_path, dataset=dataset, grid=grid, export="frozen"))
    assert run.export.train_size == run.plan.facts.pool_size == 40


def test_a_tokenizer_file_travels_with_the_model(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    found = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0, "fine": 1, "dull": 2}, unk_token="[UNK]"))
    found.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    found.save(str(tmp_path / "mine.json"))
    run = run_study(whole_pool(tmp_path, text=TextConfig(min_count=1, tokenizer=str(tmp_path / "mine.json"))))
    expected = TrainedClassifier.load(run.folder / "model").predict_proba(["fine dull other"])
    (tmp_path / "mine.json").unlink()
    moved = (run.folder / "model").rename(tmp_path / "elsewhere")
    model = TrainedClassifier.load(moved)
    assert set(model.vocabulary) == {"[UNK]", "fine", "dull"}
    np.testing.assert_array_equal(model.predict_proba(["fine dull other"]), expected)


def test_mlflow_holds_the_model_once_and_registers_it_once(exported):
    again = run_study(exported.config)
    assert again.delivery.undelivered == 0
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{exported.database}")
    experiment = client.get_experiment_by_name("tiny").experiment_id
    (model,) = client.search_logged_models([experiment])
    assert (model.name, model.status, model.params["train_size"]) == ("finetuned", "READY", str(POOL))
    (version,) = client.search_model_versions("name='tiny reviews'")
    assert version.run_id == model.source_run_id
    run = client.get_run(model.source_run_id)
    assert run.data.tags["embexp.role"] == "study"
    assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]


def test_nothing_of_the_logged_model_is_code_or_pickle(exported):
    (place,) = Path(exported.database.parent).glob("mlartifacts/models/*/artifacts")
    files = sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())
    assert files == [
        "MLmodel",
        "conda.yaml",
        "data/model/model.json",
        "data/model/vocabulary.txt",
        "data/model/weights.safetensors",
        "input_example.json",
        "python_env.yaml",
        "requirements.txt",
        "serving_input_example.json",
    ]
    for name in files:
        assert not (place / name).read_bytes().startswith((b"\x80", b"PK\x03\x04"))
    assert "loader_module: embexp.models.pyfunc" in (place / "MLmodel").read_text()
    requirements = (place / "requirements.txt").read_text().split()
    assert all("==" in line and "+" not in line for line in requirements)
    assert {"embexp", "torch", "polars", "mlflow"} <= {line.partition("==")[0] for line in requirements}


def test_a_model_survives_a_server_that_is_down_and_folders_that_go(tmp_path, exported):
    from mlflow.tracking import MlflowClient

    from embexp.tracking import sync

    config = whole_pool(tmp_path, tracking=TrackingConfig(uri="http://127.0.0.1:9"), export_register="late")
    run = run_study(config)
    assert run.delivery.undelivered > 0
    for path in (run.folder / "model").iterdir():
        path.unlink()
    later = tmp_path / "later.db"
    (delivery,) = sync(TrackingConfig(uri=f"sqlite:///{later}"), tmp_path / "outbox")
    assert delivery.undelivered == 0, delivery.sentence()
    client = MlflowClient(f"sqlite:///{later}")
    (version,) = client.search_model_versions("name='late'")
    assert client.get_logged_model(version.source.removeprefix("models:/")).status == "READY"
    assert list((tmp_path / "outbox").glob("[!.]*")) == []
