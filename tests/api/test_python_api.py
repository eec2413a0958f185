"""`Study` and `StudyResult`: the command line's own results, data frames in and out."""

from __future__ import annotations

import csv
import doctest
import importlib
import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from embexp import Study, StudyResult, cli
from embexp.command.compose import compose_study
from embexp.errors import StudyFailed, UserError
from embexp.given import value_word

SMALL = {
    "train_sizes": [10, 30],
    "seeds": 2,
    "word2vec": {"vector_size": 8, "min_count": 1, "epochs": 2},
    "training": {"budget": {"min_steps": 20, "passes": 1}},
    "executor": "serial",
    "tracking": "none",
}


def small(dataset, **changes) -> Study:
    return Study(dataset, **{**SMALL, "overrides": ["text.min_count=1"], **changes})


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    from tiny_study import write_reviews

    folder = tmp_path_factory.mktemp("study")
    write_reviews(folder / "reviews.csv")
    places = {"store": folder / "store", "output": folder / "outputs"}
    return small(folder / "reviews.csv", **places).run(progress=False)


def read(name: str) -> list[tuple[str, str]]:
    with Path(name).open(newline="", encoding="utf-8") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


# ---- the same study as the command line's


def test_results_and_store_are_the_command_lines(capsys):
    study = small("reviews.csv")
    found = study.run(progress=False)
    program, *words = shlex.split(study.command)
    assert program == "embexp"
    assert cli.main(words) == 0
    again = json.loads(Path("outputs/reviews/latest/results.json").read_text(encoding="utf-8"))
    assert again["study"]["cells_cached"] == len(found.cells) == 20
    assert again["study"]["fingerprint"] == found.fingerprint == study.fingerprint
    for key in ("curves", "contrasts", "crossovers", "label_equivalence", "verdict"):
        assert again[key] == found.results[key]
    assert found.results["command"] == study.command


def test_words_of_the_command_line_and_python_values_compose_to_the_same(tmp_path):
    study = Study(
        "bbc_news",
        strategies=("random", "finetuned"),
        train_sizes=range(100, 301, 100),
        seeds=np.int64(3),
        controls=[],
        experiment="quick",
        word2vec={"epochs": 4, "sample": 1e-5},
        training={"gradient_clipping": None, "budget": {"passes": 5}},
        name="it's mine"[5:],
        overrides=["classifier=cnn"],
    )
    assert study.config == compose_study(
        ["dataset=bbc_news", "experiment=quick", "grid.strategies=[random,finetuned]",
         "grid.train_sizes=[100,200,300]", "grid.seeds=3", "grid.controls=[]", "word2vec.epochs=4",
         "word2vec.sample=1e-5", "training.budget.passes=5", "name=mine", "classifier=cnn"]
    )  # fmt: skip


@pytest.mark.parametrize(
    "value", ["it's", 'a "b"', "a,b=[c]", "back\\slash", "trailing\\", "", "null", "12", "true", "ä b", "x: y", "~/a b"]
)
def test_any_text_arrives_as_it_is(value):
    assert compose_study([f"dataset.text={value_word(value)}"]).dataset.text == value


# ---- texts in


def frames() -> dict:
    import datasets

    rows = read("reviews.csv")
    columns = {"text": [text for text, _ in rows], "label": [label for _, label in rows]}
    return {
        "pandas": pd.DataFrame(columns),
        "polars": pl.DataFrame(columns),
        "datasets": datasets.Dataset.from_dict(columns),
        "arrow": pl.DataFrame(columns).to_arrow(),
        "pairs": rows,
        "mappings": [{"text": text, "label": label} for text, label in rows],
    }


def test_objects_and_files_hold_the_same_texts():
    from embexp.text.sources import read as read_source

    held = {}
    for name, given in {**frames(), "file": "reviews.csv"}.items():
        raw = read_source(small(given).config.dataset)
        texts = [text.as_py() for part in raw.train.read() for text in part]
        held[name] = (texts, raw.train.labels.tolist(), raw.classes)
    assert held["file"][0] == [text for text, _ in read("reviews.csv")]
    assert all(found == held["file"] for found in held.values())


def test_the_same_object_twice_is_the_same_study_and_another_is_another():
    given = frames()["pandas"]
    study, again = small(given), small(given.copy())
    assert study.fingerprint == again.fingerprint
    assert study.command == again.command
    assert small(given.iloc[:-1]).fingerprint != study.fingerprint


def test_texts_to_score_on_may_be_an_object_too():
    given = frames()["polars"]
    found = small(given[:100], test=given[100:], strategies=["frozen"], seeds=1).run(progress=False)
    assert found.results["dataset"]["sizes"] == {"pool": 100, "test": 50}


def test_columns_are_named():
    given = pd.DataFrame(read("reviews.csv"), columns=["review", "stars"]).assign(title="none")
    study = small(given, text="review", label="stars")
    assert study.config.dataset.text == "review"
    assert len(study.fingerprint) == 64


@pytest.mark.parametrize(
    ("dataset", "sentence"),
    [
        ("bbc_new", "did you mean bbc_news"),
        ("missing.csv", "missing.csv"),
        (42, "cannot be read as labelled texts"),
        ("reviews.xlsx", "ending that says no format"),
    ],
)
def test_a_mistake_in_the_data_is_a_sentence(dataset, sentence):
    Path("reviews.xlsx").write_text("")
    with pytest.raises(UserError, match=sentence):
        small(dataset).config  # noqa: B018


def test_mistakes_in_settings_are_told_together():
    with pytest.raises(UserError) as caught:
        Study("reviews.csv", strategies=["frosen"], training={"batchsize": 3, "learning_rate": -1}).config  # noqa: B018
    told = str(caught.value)
    assert "did you mean frozen" in told
    assert "training.batch_size" in told
    assert "training.learning_rate: -1" in told


def test_a_study_that_fails_says_why():
    bad = small("reviews.csv", word2vec={"min_count": 10_000, "epochs": 1})
    with pytest.raises((StudyFailed, UserError), match="min_count"):
        bad.run(progress=False)


def test_a_script_needs_no_guard_and_runs_once():
    Path("script.py").write_text(
        "from embexp import Study\n"
        "print('started')\n"
        "found = Study('reviews.csv', strategies=['frozen'], train_sizes=[10], seeds=2, controls=[], tracking='none',\n"
        "              word2vec={'vector_size': 8, 'min_count': 1, 'epochs': 1}, executor={'workers': 2})\n"
        "print(len(found.run(progress=False).cells), __file__)\n",
        encoding="utf-8",
    )
    ended = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split()[:2] == ["started", "2"]
    assert ended.stdout.count("started") == 1


# ---- results out


def test_frames_hold_the_rows_of_results_json(result):
    for records in (result.curves, result.crossovers, result.label_equivalence, result.contrasts, result.cells):
        pandas, polars = records.to_pandas(), records.to_polars()
        assert list(pandas.columns) == polars.columns == records.columns
        assert len(pandas) == len(polars) == len(records) > 0
    means = [row["mean"] for row in result.results["curves"]]
    assert result.curves.to_pandas()["mean"].to_list() == result.curves.to_polars()["mean"].to_list() == means
    assert result.to_pandas().groupby("strategy").size().to_dict() == dict.fromkeys(result.strategies, 4)
    assert result.to_polars().height == 20


def test_a_recommendation_is_that_of_the_report(result):
    by_size = {row["n_labels"]: row for row in result.results["recommendations"]}
    asked = result.recommend(n_labels=30)
    assert (asked.strategy, asked.expected, asked.measured) == (by_size[30]["strategy"], by_size[30]["expected"], True)
    assert result.recommend(13).measured is False
    assert str(asked).startswith("With 30 labels: ")
    assert f"{100 * asked.expected:.1f} %" in str(asked)
    for outside in (9, 31, 0, -5):
        with pytest.raises(UserError, match="10 to 30 labels"):
            result.recommend(outside)


def test_a_result_shows_itself_and_nothing_in_it_is_taken_for_html(result):
    page = result._repr_html_()
    assert result.verdict[0].split(",")[0] in page
    assert page.count("<tr>") == 6
    hostile = StudyResult({**result.results, "verdict": ["<script>alert(1)</script>"]}, result.folder)
    assert "<script>" not in hostile._repr_html_()
    assert "&lt;script&gt;" in hostile._repr_html_()
    assert "<td>frozen</td>" in result.curves._repr_html_()


def test_every_figure_of_the_report_can_be_drawn(result, tmp_path):
    assert result.plot()._repr_png_().startswith(b"\x89PNG")
    for name in ("differences", "costs"):
        saved = result.plot(name).save(tmp_path / f"{name}.svg")
        assert saved.read_text(encoding="utf-8").startswith("<?xml")
    with pytest.raises(UserError, match="did you mean learning_curves"):
        result.plot("learning_curve")


def test_a_finished_study_is_read_again(result):
    again = StudyResult.load(result.folder)
    assert (again.verdict, again.fingerprint) == (result.verdict, result.fingerprint)
    assert again.report.is_file()
    with pytest.raises(UserError, match=r"no results\.json"):
        StudyResult.load(result.folder.parent.parent)


# ---- the module


@pytest.mark.parametrize("module", ["embexp", "embexp.api", "embexp.study_result"])
def test_the_examples_of_the_docstrings_hold(module):
    found = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert found.attempted >= 3
    assert found.failed == 0


def test_importing_embexp_imports_nothing_heavy():
    code = (
        "import sys, embexp; from embexp import Study, StudyResult; Study('bbc_news');"
        "print(sorted({'hydra', 'torch', 'gensim', 'datasets', 'mlflow', 'matplotlib', 'numpy', 'polars', 'pandas',"
        " 'sklearn'} & sys.modules.keys()))"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"


def test_what_is_not_there_is_an_attribute_error():
    import embexp

    with pytest.raises(AttributeError, match="has no attribute 'Studie'"):
        _ = embexp.Studie
    assert {"Study", "StudyResult"} <= set(dir(embexp))
