"""plan, prepare and report on a small file of the user's own, from the command line to the output."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path

import pytest
from command_harness import Embexp
from rich.console import Console

from embexp import cli
from embexp.command.reproducing import comparison_table
from embexp.reproduce import Comparison

OPINIONS = ("a fine film , warm and clever", "dull , slow and far too long")
STUDY = [
    "dataset=csv",
    "dataset.train=mine.csv",
    "grid.train_sizes=[8,16]",
    "grid.seeds=2",
    "executor=serial",
    "tracking=none",
]


@pytest.fixture(autouse=True)
def _texts() -> None:
    rows = [f'"{OPINIONS[number % 2]} {number // 2}",{("good", "bad")[number % 2]}' for number in range(40)]
    Path("mine.csv").write_text("\n".join(["text,label", *rows]) + "\n")


def files() -> set[str]:
    return {path.name for path in Path.cwd().iterdir()}


def test_a_plan_is_shown_and_nothing_made(embexp: Embexp) -> None:
    said = embexp("plan", *STUDY)
    assert said.code == 0, said.err
    assert "run cell" in said.out
    assert "0/2" in said.out
    assert "tasks to run, about" in said.out
    assert files() == {"mine.csv"}


def test_prepare_fills_the_store_and_the_plan_knows_it(embexp: Embexp) -> None:
    said = embexp("prepare", *STUDY)
    assert said.code == 0, said.err
    assert "good" in said.out
    assert files() == {"mine.csv", ".embexp"}
    plan = embexp("plan", *STUDY).out
    row = next(line.split() for line in plan.splitlines() if line.startswith("prepare dataset"))
    assert row[2:5] == ["1", "1", "0"]
    assert "nothing to run" in embexp("prepare", *STUDY).err


def test_a_size_beyond_the_pool_is_refused_by_run_and_plan_alike(embexp: Embexp) -> None:
    said = embexp("plan", *STUDY, "grid.train_sizes=[8,500,1000]")
    assert said.code == 2
    assert "grid.train_sizes: 500 exceeds" in said.err
    assert "grid.train_sizes: 1000 exceeds" in said.err


@pytest.mark.parametrize("verb", ["plan", "prepare", "report", "ui", "sync"])
def test_only_run_takes_several_studies(embexp: Embexp, verb: str) -> None:
    said = embexp(verb, "-m", "grid.seeds=2,3")
    assert said.code == 2
    assert "leave -m out" in said.err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "there is no results.json"), ("{", "is not JSON"), ("[]", "is not the results.json of a study")],
)
def test_a_report_needs_the_results_of_a_study(embexp: Embexp, content: str | None, sentence: str) -> None:
    folder = Path("outputs/mine/latest")
    folder.mkdir(parents=True)
    if content is not None:
        (folder / "results.json").write_text(content)
    for words in ([str(folder)], ["name=mine"]):
        said = embexp("report", *words)
        assert said.code == 2
        assert sentence in said.err


def test_sync_says_that_nothing_is_pending(embexp: Embexp) -> None:
    assert "Nothing is pending" in embexp("sync").out
    assert files() == {"mine.csv"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "name one preset (none given)"),
        (["quick", "main"], "name one preset (quick, main given)"),
        (["quick", "executor=cloud"], "executor=cloud: there is no such option"),
        (["quick", "executor.address=nowhere", "executor=dask"], "executor.address: 'nowhere' is no address"),
        (["quick", "executor=dask", "store=nowhere"], "nowhere is no folder; name one in which a store may be made"),
        (["quick", "grid.seeds=3"], "grid.seeds=3: reproduce runs what was reported as it was"),
        (["qick"], "nothing is reported for 'qick'"),
    ],
)
def test_reproduce_says_what_it_takes(embexp: Embexp, words: list[str], sentence: str) -> None:
    said = embexp("reproduce", *words)
    assert said.code == 2
    assert sentence in said.err


def test_a_comparison_shows_each_cell() -> None:
    def compared(seed: int, now: float | None, verdict: str) -> Comparison:
        return Comparison({"strategy": "frozen", "train_size": 1000, "seed": seed}, 0.8126, now, 0.0123, verdict)

    console = Console(file=io.StringIO(), width=100, record=True)
    console.print(
        comparison_table(
            [
                compared(0, 0.8126, "identical"),
                compared(1, 0.82, "within tolerance"),
                compared(2, 0.9, "differs"),
                compared(3, None, "missing"),
            ]
        )
    )
    rows = [line.split() for line in console.export_text().splitlines()]
    assert rows == [
        ["strategy", "labels", "seed", "reported", "now", "verdict"],
        ["frozen", "1,000", "0", "0.8126", "0.8126", "identical"],
        ["frozen", "1,000", "1", "0.8126", "0.8200", "within", "tolerance", "(±0.0123)"],
        ["frozen", "1,000", "2", "0.8126", "0.9000", "differs"],
        ["frozen", "1,000", "3", "0.8126", "missing"],
    ]


def test_a_study_from_the_command_to_its_report(capfd: pytest.CaptureFixture[str]) -> None:
    small = [*STUDY, "word2vec.epochs=1", "word2vec.vector_size=8", "name=mine"]
    assert cli.main(small) == 0
    first = capfd.readouterr()
    assert "Report: outputs/mine/" in first.out
    assert "tasks done" in first.err
    assert files() == {"mine.csv", ".embexp", "outputs"}
    latest = Path("outputs/mine/latest")
    results = json.loads((latest / "results.json").read_bytes())
    assert len(results["cells"]) == 5 * 2 * 2
    assert shlex.split(results["command"]) == ["embexp", *small]

    (latest / "report.html").unlink()
    assert cli.main(["report", "name=mine"]) == 0
    assert (latest / "report.html").is_file()
    assert "Report: " in capfd.readouterr().out

    assert cli.main(["run", *small]) == 0
    assert "nothing to run" in capfd.readouterr().err
    assert len([path for path in Path("outputs/mine").iterdir() if not path.is_symlink()]) == 2
