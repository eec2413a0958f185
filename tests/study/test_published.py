"""The paper's table against runs: words for distances, deviations named, missing data said to be missing."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from tiny_study import write_reviews

from embexp import cli
from embexp.command.arguments import read_arguments
from embexp.command.compose import compose_study
from embexp.command.published import compose_published, find_data_sets
from embexp.errors import UserError
from embexp.published import DATA_SETS, DRIFT, FAIR, PAPER, compare, deviations, verdict
from embexp.reproduce import results_folder
from embexp.running import plan_study


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["embexp"])


def results(mean: float, sd: float = 0.0) -> dict:
    """Return what a study of the paper's protocol says, every strategy scoring the same."""
    point = {"train_size": 5000, "mean": mean, "ci_low": mean - 0.01, "ci_high": mean + 0.01, "sd": sd}
    config = compose_study(["experiment=kim2014", "word2vec=pretrained", "word2vec.file=GoogleNews-vectors.bin"])
    values = json.loads(json.dumps(asdict(config)))
    values["word2vec"]["vector_size"] = 300
    values["dataset"]["folds"] = 10
    return {"curves": [{"strategy": strategy, **point} for strategy in PAPER], "config": values}


def test_the_drift_is_that_of_the_reproductions():
    assert pytest.approx(3.0) == DRIFT


@pytest.mark.parametrize(
    ("difference", "spread", "word"),
    [
        (0.0, 0.0, "reproduced"),
        (-1.5, 0.0, "reproduced"),
        (1.9, 0.5, "reproduced"),
        (-2.1, 0.5, "within drift"),
        (3.4, 0.5, "within drift"),
        (-3.6, 0.5, "not reproduced"),
    ],
)
def test_a_distance_has_its_word(difference, spread, word):
    assert verdict(difference, spread) == word


def test_each_figure_has_difference_and_interval():
    figures = {(each.data_set, each.strategy): each for each in compare({"mr": results(0.752, sd=0.004)})}
    assert len(figures) == 4 * 7
    figure = figures["mr", "random"]
    assert (figure.paper, figure.ours) == (76.1, pytest.approx(75.2))
    assert (figure.difference, figure.low, figure.high) == pytest.approx((-0.9, -1.9, 0.1))
    assert figure.verdict == "reproduced"
    assert figures["mr", "finetuned"].verdict == "not reproduced"
    assert {each.verdict for (name, _), each in figures.items() if name != "mr"} == {"data missing"}


def test_a_strategy_without_a_finished_cell_has_no_figure():
    unfinished = results(0.8)
    unfinished["curves"][0]["mean"] = None
    [figure] = [f for f in compare({"mr": unfinished}) if (f.data_set, f.strategy) == ("mr", "random")]
    assert (figure.ours, figure.verdict) == (None, "not measured")


def test_deviations_are_those_of_the_configuration():
    same = deviations({"mr": results(0.8)})
    assert [sentence.split(":")[0] for sentence in same] == ["tokens", "seeds"]
    said = "stopping: SST-2 on a part of the training texts; the paper on the validation texts of the set"
    assert said in deviations({"sst2": results(0.8)})
    other = results(0.8)
    other["config"]["word2vec"] |= {"corpus": "pool", "vector_size": 50}
    other["config"]["training"] |= {"optimizer": "adam", "early_stopping": 0.0}
    other["config"]["dataset"]["folds"] = None
    other["config"]["text"] |= {"tokenizer": "pattern", "min_count": 1}
    told = deviations({"mr": other})
    assert "vectors: trained by embexp (word2vec.corpus=pool); the paper's are from Google News" in told
    assert "dimensions of the vectors: 50 (word2vec.vector_size); 300 in the paper" in told
    assert "optimiser: adam (training.optimizer); adadelta in the paper" in told
    assert any(sentence.startswith("share of the training texts that chooses the pass: 0 ") for sentence in told)
    assert [sentence.split(":")[0] for sentence in told].count("words") == 1
    assert "folds: MR by one split; 10-fold cross-validation in the paper" in told


def test_data_sets_are_found_in_every_form():
    for place in ("data/SST-1", "data/subj/pos", "data/cr"):
        Path(place).mkdir(parents=True)
    for name in ("mr.csv", "TREC.train.jsonl", "TREC.test.jsonl", "SST-1/train.tsv", "SST-1/test.tsv", "cr/state.json"):
        (Path("data") / name).touch()
    found = find_data_sets("data")
    assert found == {
        "mr": ["dataset=csv", "dataset.train=data/mr.csv", "dataset.name=mr", "dataset.folds=10"],
        "sst5": [
            *("dataset=csv", "dataset.train=data/SST-1/train.tsv", "dataset.name=sst5"),
            "dataset.test=data/SST-1/test.tsv",
        ],
        "sst2": None,
        "subj": ["dataset=folder", "dataset.path=data/subj", "dataset.name=subj", "dataset.folds=10"],
        "trec": [
            *("dataset=json", "dataset.train=data/TREC.train.jsonl", "dataset.name=trec"),
            "dataset.test=data/TREC.test.jsonl",
        ],
        "cr": ["dataset=disk", "dataset.path=data/cr", "dataset.name=cr", "dataset.folds=10"],
        "mpqa": None,
    }
    assert find_data_sets("hub") == {key: [f"dataset={key}"] for key in DATA_SETS}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "data=FOLDER"),
        (["data=nowhere"], "nowhere is no folder"),
        (["data=.", "dataset=imdb"], "dataset=imdb: the data sets are the paper's"),
        (["data=."], "MR: nothing in . is called mr"),
        (["data=.", "training.batchsize=3"], "no data set was found"),
    ],
)
def test_a_mistake_is_a_sentence(words, sentence):
    with pytest.raises(UserError, match=sentence.replace(".", r"\.")):
        compose_published(read_arguments(["kim2014", *words]))


def test_the_protocol_is_the_papers():
    Path("data").mkdir()
    write_reviews(Path("data/mr.csv"), texts=60)
    [(key, config)] = compose_published(read_arguments(["kim2014", "data=data"]))[0].items()
    assert (key, config.name, config.dataset.folds) == ("mr", "kim2014_mr", 10)
    plan = plan_study(config)
    assert plan.train_sizes == (54,)
    assert {cell.strategy for cell in plan.cells} == set(PAPER)
    assert len(plan.cells) == 4 * 3 * 10


def test_the_table_comes_out_of_a_small_run(capsys):
    Path("data").mkdir()
    write_reviews(Path("data/trec.csv"), texts=60)
    words = ["word2vec=skipgram", "word2vec.vector_size=6", "word2vec.min_count=1", "word2vec.epochs=1"]
    words += ["classifier.maps=3", "training.budget.passes=1", "grid.seeds=2", "executor=serial", "tracking=none"]
    assert cli.main(["reproduce", "kim2014", "data=data", *words]) == 0
    said = capsys.readouterr().out
    assert "non-static" in said
    assert "filters of each window: 3 (classifier.maps); 100 in the paper" in said
    assert "MPQA: nothing in data is called mpqa" in said
    written = json.loads(Path("outputs/kim2014/latest/kim2014.json").read_text(encoding="utf-8"))
    measured = [figure for figure in written["figures"] if figure["ours"] is not None]
    assert [figure["data_set"] for figure in measured] == ["trec"] * 4
    assert all(figure["low"] <= figure["difference"] <= figure["high"] for figure in measured)
    assert {path.suffix for path in Path("outputs/kim2014/latest/").iterdir()} == {".json", ".csv", ".md", ".tex"}


def test_what_is_reported_is_held_against_the_papers_figures():
    path = results_folder() / "evidence" / "kim2014.json"
    reported = json.loads(path.read_bytes())
    assert {figure["data_set"] for figure in reported["figures"]} == set(reported["runs"])
    for figure in reported["figures"]:
        published = dict(zip(DATA_SETS, PAPER[figure["strategy"]], strict=True))[figure["data_set"]]
        assert figure["paper"] == published
        assert figure["difference"] == pytest.approx(figure["ours"] - published)
        assert figure["verdict"] == "reproduced" or abs(figure["difference"]) > FAIR
