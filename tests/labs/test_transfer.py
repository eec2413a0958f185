"""The transfer lab: alignment by words, coverage, and a planted transfer."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_study import tiny_study, write_reviews

from embexp.bags import Bags
from embexp.command.arguments import read_arguments
from embexp.command.labs import read_words
from embexp.config import DatasetConfig, GridConfig
from embexp.errors import UserError
from embexp.labs.transfer import lab, plan
from embexp.labs.transfer.cell import Vectors, align, coverage
from embexp.labs.transfer.figures import draw_gains


def test_vectors_follow_their_words() -> None:
    rows = np.array([[1, 1], [9, 9], [2, 2]], np.float32)
    aligned = align(Vectors(["b", "a"], np.array([2, 0]), rows), ["a", "x", "b"])
    assert aligned.rows.tolist() == [0, 2]
    assert aligned.vectors.tolist() == [[1, 1], [2, 2]]


def test_coverage_counts_types_and_tokens() -> None:
    bags = Bags(np.array([0, 1, 1, 2], np.int32), np.array([1, 2, 3, 4], np.float32), np.array([0, 2, 4]))
    assert coverage(bags, np.array([1])) == {"covered_types": pytest.approx(1 / 3), "covered_tokens": 0.5}


def test_the_labs_own_words_are_taken_out_of_the_command_line() -> None:
    words, rest = read_words(read_arguments(["form=full", "probes=good, bad", "grid.seeds=2"]), ("probes",))
    assert words.full
    assert words.lists == {"probes": ("good", "bad")}
    assert rest.overrides == ("grid.seeds=2",)
    with pytest.raises(UserError, match="did you mean full"):
        read_words(read_arguments(["form=ful"]))
    with pytest.raises(UserError, match="names nothing"):
        read_words(read_arguments(["probes=[]"]), ("probes",))


def write_other_task(path: Path) -> Path:
    """Write texts that share the words of the reviews, labelled by the same words, and others of their own."""
    reviews = list(csv.reader(write_reviews(path.with_name("more.csv"), texts=150, seed=1).open()))[1:]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([f"{text} other{number % 7}", label] for number, (text, label) in enumerate(reviews))
    return path


def test_the_whole_lab_on_two_tiny_tasks(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab, "SMALL_SEEDS", 2)
    monkeypatch.setattr(lab, "with_pretrained", lambda config: None)  # whether or not they are installed here
    monkeypatch.setattr(plan, "target_sizes", lambda target, full: (10,))
    first = tiny_study(tmp_path, grid=GridConfig(train_sizes=[10, 100], seeds=1))
    other = write_other_task(tmp_path / "other.csv")
    second = replace(first, dataset=DatasetConfig(name="other", source="csv", train=str(other)))
    lab.run_transfer([first, second], full=False)
    results = json.loads((tmp_path / "outputs" / "transfer" / "latest" / "results.json").read_text())
    rows = [row for row in results["rows"] if row["part"] == "transfer" and "source" in row]
    assert {row["target"] for row in rows} == {"reviews", "other"}
    layer = [row for row in rows if row["kind"] == "matrix"]
    assert {row["source"] for row in layer} == {"layer of other, 100 labels", "layer of reviews, 100 labels"}
    nothing = [row for row in rows if row["source"] == "random rows" and row["use"] == "start"]
    assert all(row["gain"] is None for row in nothing)
    # The same words tell the same classes in both tasks: a layer handed on beats learning from ten texts alone.
    handed_on = np.mean([row["accuracy"] for row in layer])
    assert handed_on > np.mean([row["accuracy"] for row in nothing]) + 0.05
    page = (tmp_path / "outputs" / "transfer" / "latest" / "report.html").read_text()
    assert "reviews from layer of other, 100 labels" in page  # the figure of gains
    shared = [row for row in results["rows"] if row["part"] == "shared"]
    assert all(row["covered_types"] == 1 for row in shared if row["kind"] != "random")
    assert {row["source"] for row in results["rows"] if row["part"] == "intrinsic"} >= {"word2vec on other"}


def test_the_figure_draws_each_source_of_a_task_once_and_the_layer_with_most_labels() -> None:
    def row(source_of: str, kind: str, size: int | None, gain: float | None, use: str = "frozen") -> dict:
        numbers = {"gain": gain, "gain_low": gain and gain - 0.01, "gain_high": gain and gain + 0.01}
        where = {"target": "a", "train_size": 100, "use": use, "source": f"{kind} {source_of} {size}"}
        return where | numbers | {"kind": kind, "source_of": source_of, "source_size": size, "gain_in_words": ""}

    rows = [
        row("", "random", None, None),
        row("a", "vectors", None, 0.09),
        row("b", "vectors", None, 0.05),
        row("b", "matrix", 300, 0.01),
        row("b", "matrix", 1000, -0.02),
        row("b", "matrix", 1000, 0.03, use="start"),
        row("", "vectors", None, 0.07),
    ]
    chart = draw_gains(rows)
    assert {line.style.label: line.y for line in chart.series} == {
        "word2vec on the task's own text": (9.0,),
        "word2vec on another task's text": (5.0,),
        "layer that another task learned": (-2.0,),
        "pre-trained": (pytest.approx(7.0),),
    }
    assert len({line.x for line in chart.series}) == 4
    sides = {line.style.label: line.sides for line in chart.series}
    assert sides["word2vec on another task's text"] == ("left",)
    assert sides["layer that another task learned"] == ("right",)


def test_one_task_is_not_enough(tmp_path) -> None:
    with pytest.raises(UserError, match="at least two tasks"):
        lab.run_transfer([tiny_study(tmp_path)], full=False)
