"""Small studies with an encoder that reads the order of tokens, and with two channels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_study import cell_bytes, tiny_study

from embexp.command.compose import compose_study
from embexp.config import ClassifierConfig, ExecutorConfig, GridConfig, TextConfig, Word2VecConfig
from embexp.errors import UserError
from embexp.running import plan_study, run_study

CNN = ClassifierConfig(encoder="cnn", windows=[2, 3], maps=10, dropout=0.5, max_norm=3.0)
STRATEGIES = ["random", "frozen", "finetuned", "multichannel"]


def cnn_study(folder: Path, **changes):
    grid = GridConfig(strategies=STRATEGIES, train_sizes=[30], seeds=2, controls=["tfidf"])
    return tiny_study(folder, **({"classifier": CNN, "grid": grid} | changes))


def test_a_study_of_a_cnn_with_two_channels_runs_whole_and_the_same_on_two_workers(tmp_path):
    config = cnn_study(tmp_path)
    study = run_study(config)
    results = json.loads((study.folder / "results.json").read_text())
    assert results["study"]["cells_failed"] == 0
    assert {row["strategy"] for row in results["curves"]} == {*STRATEGIES, "tfidf"}
    assert {(row["a"], row["b"]) for row in results["contrasts"] if row["p_holm"] is not None} <= {
        ("random", "frozen"),
        ("random", "finetuned"),
        ("frozen", "finetuned"),
    }
    costs = {row["strategy"]: row for row in results["costs"]}
    for name, row in costs.items():
        record = next(cell for cell in results["cells"] if cell["strategy"] == name)
        assert row["parameters"] == record["parameters"] >= row["trained_parameters"]
    rows = costs["multichannel"]["parameters"] - costs["finetuned"]["parameters"]
    assert rows == costs["frozen"]["parameters"] - costs["frozen"]["trained_parameters"]
    assert "multichannel" in (study.folder / "report.md").read_text()

    elsewhere = replace(config, store=str(tmp_path / "other"), executor=ExecutorConfig(kind="local", workers=2))
    run_study(elsewhere)
    assert cell_bytes(elsewhere) == cell_bytes(config)


def test_without_other_text_a_cnn_reads_the_vocabulary_of_its_labelled_texts(tmp_path):
    config = cnn_study(
        tmp_path,
        text=TextConfig(min_count=2),
        word2vec=Word2VecConfig(corpus="labelled", vector_size=8, min_count=1, epochs=1),
        grid=GridConfig(strategies=["random", "frozen"], train_sizes=[5], seeds=1, controls=[]),
    )
    results = json.loads((run_study(config).folder / "results.json").read_text())
    vocabularies = {cell["parameters"] for cell in results["cells"]}
    whole = replace(config, word2vec=replace(config.word2vec, corpus="pool"))
    more = json.loads((run_study(whole).folder / "results.json").read_text())
    assert max(vocabularies) < min(cell["parameters"] for cell in more["cells"])


@pytest.mark.parametrize("option", ["mean_pool", "cnn", "lstm", "linear", "dan", "max_pool"])
def test_every_classifier_composes_and_plans(option):
    config = compose_study([f"classifier={option}", "experiment=quick"])
    assert config.classifier.encoder in ("mean_pool", option)


def test_a_default_setting_moves_no_fingerprint_and_a_changed_one_does(tmp_path):
    config = tiny_study(tmp_path)
    spelled = replace(config, classifier=replace(config.classifier, dropout=0.0, windows=[3, 4, 5]))
    moved = replace(config, training=replace(config.training, label_smoothing=0.1))
    assert plan_study(config).fingerprint == plan_study(spelled).fingerprint != plan_study(moved).fingerprint
    task = plan_study(config).cells[0].task
    assert set(task.config["classifier"]) == {"encoder", "hidden_size", "initial", "initial_scale"}
    assert "label_smoothing" not in task.config["training"]


def test_a_cnn_has_no_hidden_size_in_its_identity(tmp_path):
    identities = [cell.task.config["classifier"] for cell in plan_study(cnn_study(tmp_path)).cells[:8]]
    assert all("hidden_size" not in identity for identity in identities)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            ["classifier=cnn", "classifier.hidden_size=9"],
            r"classifier\.hidden_size: 9 has no effect.*mean_pool or lstm",
        ),
        (["classifier.windows=[2]"], r"classifier\.windows: \[2\] has no effect.*classifier\.encoder=cnn"),
        (["classifier=cnn", "classifier.windows=[]"], r"classifier\.windows: \[\] must be whole numbers"),
        (["classifier=cnn", "classifier.windows=[3,3]"], r"classifier\.windows: 3 stands there more than once"),
        (["classifier.pooling=last"], r"classifier\.pooling: last needs an encoder with a state.*mean_pool has none"),
        (["classifier=cnn", "classifier.pooling=max"], r"classifier\.pooling: max has no effect.*mean_pool or lstm"),
        (["classifier.dropout=1"], r"classifier\.dropout: 1.0 is out of range"),
        (["training.optimizer=adamw"], r"training\.optimizer: 'adamw' is unknown; did you mean adam\?"),
        (["training.gradient_clipping=0"], r"training\.gradient_clipping: 0.0 is out of range"),
        (["training.early_stopping=0.6"], r"training\.early_stopping: 0.6 is out of range.*at most 0.5"),
    ],
)
def test_settings_that_cannot_work_are_sentences(overrides, sentence):
    with pytest.raises(UserError, match=sentence):
        compose_study(overrides)


def test_the_schema_takes_the_lists_of_the_cnn():
    assert compose_study(["classifier=cnn", "classifier.windows=[2,7]"]).classifier.windows == [2, 7]
