"""A user's mistake ends in a sentence that names it and the way out: exit code 2, nothing run, nothing written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command_harness import Embexp

MISTAKES = {
    # words of the command line: what the sentence must say
    ("pln",): ["pln: there is no such command", "did you mean plan?", "run, plan"],
    ("frobnicate", "dataset=csv"): ["frobnicate", "no such command"],
    ("dataset=bbc_news", "plan"): ["a command stands first: embexp plan dataset=bbc_news"],
    ("--multirunn",): ["--multirunn: there is no such option", "did you mean --multirun?"],
    ("--config-path", "x"): ["--config-path", "--config-dir FOLDER"],
    ("--experimental-rerun", "x.pickle"): ["--experimental-rerun", "pickle"],
    ("--config-dir", "nowhere"): ["--config-dir nowhere: there is no such folder"],
    ("--config-dir",): ["--config-dir: a value must follow"],
    ("--config-name", "studdy"): ["--config-name studdy"],
    ("--cfg", "jobs"): ["--cfg jobs", "job, hydra, all"],
    ("--cfg", "job", "-m"): ["--multirun and --cfg", "one of them"],
    ("dataset=imbd",): ["dataset=imbd: there is no such option"],
    ("dataset=movie_review",): ["did you mean movie_reviews?"],
    ("experiment=qick",): ["experiment=qick", "did you mean quick?", "possible: ", "quick"],
    ("datset=bbc_news",): ["there is no group 'datset'; did you mean dataset?"],
    ("training=fast",): ["training=fast: there is no such option", "default"],
    ("training=3",): ["training=3", "group training"],
    ("training.budget=3",): ["training.budget", "group of settings", "training.budget.KEY=VALUE"],
    ("training.bach_size=64",): ["training.bach_size: there is no such key", "did you mean training.batch_size?"],
    ("batch_size=64",): ["did you mean training.batch_size?"],
    ("+training.typo=1",): ["training.typo: there is no such key", "batch_size"],
    ("++zork.zork=1",): ["zork: there is no such key"],
    ("+dataset=bbc_news",): ["dataset is there already", "dataset=bbc_news"],
    ("+training.batch_size=64",): ["training.batch_size is there already", "leave out the +"],
    ("~training.batch_size",): ["~training.batch_size: a setting cannot be removed"],
    ("~dataset",): ["dataset.source: has no value"],
    ("~nothing",): ["nothing cannot be removed"],
    ("training.batch_size=many",): ["training.batch_size: 'many' is not a whole number", "the default is"],
    ("training.batch_size=32.5",): ["training.batch_size: '32.5' is not a whole number"],
    ("training.learning_rate=high",): ["training.learning_rate: 'high' is not a number"],
    ("text.lower=maybe",): ["text.lower: 'maybe' is not true or false"],
    ("grid.strategies=frozen",): ["grid.strategies: 'frozen' is not a list", "[a,b]"],
    ("training.batch_size=0",): ["training.batch_size: 0 is out of range", "at least 1"],
    ("word2vec.sample=2",): ["word2vec.sample: 2.0 is out of range", "at most 1"],
    ("training.learning_rate=-1",): ["training.learning_rate: -1.0 is out of range", "greater than 0"],
    ("training.learning_rate=nan",): ["training.learning_rate: nan is out of range"],
    ("training.budget.passes=inf",): ["training.budget.passes: inf is out of range"],
    ("executor.workers=0",): ["executor.workers: 0 is out of range"],
    ("executor=serial", "executor.task_timeout_seconds=60"): [
        "executor.task_timeout_seconds: 60 cannot be kept by executor=serial"
    ],
    ("word2vec.min_alpha=0.5",): ["word2vec.min_alpha: 0.5 exceeds word2vec.alpha"],
    ("training.budget.min_steps=0", "training.budget.passes=0"): ["training.budget", "nothing would be trained"],
    ("classifier.encoder=meanpool",): ["classifier.encoder: 'meanpool' is unknown; did you mean mean_pool?"],
    ("executor.kind=threads",): ["executor.kind: 'threads' is unknown", "serial, local"],
    ("+=auto",): ["+=auto: names no setting"],
    ("classifier=[0]",): ["classifier=[0]: not a value that this setting can take"],
    ("executor=cloud",): ["executor=cloud: there is no such option", "local, serial, slurm"],
    ("tracking.kind=wandb",): ["tracking.kind: 'wandb' is unknown", "mlflow, none"],
    ("tracking.uri=nonsense://x",): ["tracking.uri"],
    ("training.device=gpu",): ["training.device: 'gpu' is unknown", "auto, cpu, cuda"],
    ("dataset.evaluate=pool",): ["dataset.evaluate: 'pool' is unknown", "test, validation"],
    ("grid.strategies=[random,frozenn]",): ["grid.strategies: 'frozenn' is unknown; did you mean frozen?"],
    ("grid.strategies=[random,tfidf]",): ["grid.strategies: 'tfidf' belongs in grid.controls"],
    ("grid.strategies=[random,random]",): ["grid.strategies: 'random' stands there more than once"],
    ("grid.controls=[svm]",): ["grid.controls: 'svm' is unknown", "tfidf, random_frozen"],
    ("grid.strategies=[]", "grid.controls=[]"): ["grid.strategies: the list is empty"],
    ("grid.train_sizes=[100,many]",): ["grid.train_sizes: 'many' cannot be a number of labelled texts"],
    ("grid.train_sizes=[100,1]",): ["grid.train_sizes: 1 cannot be"],
    ("grid.train_sizes=[100,true]",): ["grid.train_sizes: True cannot be"],
    ("grid.train_sizes=[100,100]",): ["grid.train_sizes: 100 stands there more than once"],
    ("grid.train_sizes=[]",): ["grid.train_sizes: [] is not a list of sizes"],
    ("grid.train_sizes=100",): ["grid.train_sizes: 100 is not a list of sizes", "grid.train_sizes=[100,1000]"],
    ("grid.seeds=0",): ["grid.seeds: 0 seeds make no study"],
    ("grid.seeds=[1,1]",): ["grid.seeds: 1 stands there more than once"],
    ("grid.seeds=[-1]",): ["grid.seeds: -1 cannot be a seed"],
    ("grid.seeds=ten",): ["grid.seeds: 'ten' is neither a number nor a list"],
    ("text.pattern='['",): ["text.pattern", "not a regular expression"],
    ("name=a/b",): ["name: 'a/b' cannot name a folder"],
    ("name=..",): ["name: '..' cannot name a folder"],
    ("dataset=csv",): ["dataset.train: no file is named; dataset=csv reads labelled texts", "dataset.train=FILE"],
    ("dataset=csv", "dataset.train=gone.csv"): ["dataset.train: there is no file gone.csv"],
    ("dataset=csv", "dataset.train=."): ["dataset.train: . is a folder, and a file is needed"],
    ("dataset.test_size=2.5",): ["dataset.test_size: 2.5 is neither a share nor a number"],
    ("output=/dev/null/x",): ["output: cannot write '/dev/null/x', because /dev/null is not a folder"],
    ("store=/dev/null/x",): ["store: cannot write '/dev/null/x'", "store=FOLDER"],
    ("output=",): ["output: an empty path names no folder"],
    ("grid.train_sizes=[100,", "300]"): ["a bracket is missing", "quote the whole"],
    ("name='unfinished",): ["name='unfinished", "put quotes"],
    ("grid.seeds=5", "training.batch_size"): ["training.batch_size: a setting has the form KEY=VALUE"],
    ("training.batch_size=${no.such}",): ["training.batch_size", "no.such", "must name an existing key"],
    ("training.batch_size=32,64",): ["training.batch_size=[32,64] for a list", "-m"],
    ("training.batch_size=range(1,3)",): ["training.batch_size=range(1,3)", "-m"],
    ("hydra.launcher.n_jobs=2",): ["hydra.launcher.n_jobs", "Hydra has no such key"],
}


@pytest.mark.parametrize("words", MISTAKES, ids=" ".join)
def test_a_mistake_ends_in_a_sentence(embexp: Embexp, words: tuple[str, ...]) -> None:
    said = embexp(*words)
    assert said.code == 2
    for part in MISTAKES[words]:
        assert part in said.err
    assert "Traceback" not in said.err
    assert said.out == ""
    assert said.studies == []
    assert list(Path.cwd().iterdir()) == []
    lines = said.err.splitlines()
    assert all(line.startswith("embexp: ") for line in lines)
    assert len(lines) == len(set(lines))


def test_all_mistakes_are_told_at_once(embexp: Embexp) -> None:
    said = embexp(
        "dataset=imbd", "training.bach_size=3", "+grid.typo=1", "text.lower=maybe", "grid.seeds=0", "store=/dev/null/x"
    )
    assert said.code == 2
    keys = ["dataset=imbd", "training.bach_size", "text.lower", "grid.typo", "grid.seeds", "store"]
    assert [line.split(": ")[1] for line in said.err.splitlines()] == keys


def test_every_study_of_a_multirun_is_checked_before_the_first_runs(embexp: Embexp) -> None:
    said = embexp("-m", "training.batch_size=32,0,64,none", "grid.seeds=3")
    assert said.code == 2
    assert said.studies == []
    assert len(said.err.splitlines()) == 2
    assert "training.batch_size: 0 is out of range" in said.err
    assert "training.batch_size: 'none' is not a whole number" in said.err
    assert "grid.seeds" not in said.err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("grid:\n  seedz: 3\n", "experiment/mine.yaml: grid.seedz: there is no such key; did you mean grid.seeds?"),
        ("training:\n  batch_size: many\n", "training.batch_size: 'many' is not a whole number"),
        ("training: [1\n", "experiment/mine.yaml"),
        (
            "defaults:\n  - override /dataset: imbd\n",
            "dataset=imbd: there is no such option (named by experiment=mine)",
        ),
    ],
)
def test_a_mistake_in_ones_own_preset_names_the_file(
    embexp: Embexp, tmp_path: Path, content: str, sentence: str
) -> None:
    preset = tmp_path / "mine" / "experiment" / "mine.yaml"
    preset.parent.mkdir(parents=True)
    preset.write_text(f"# @package _global_\n{content}")
    said = embexp("--config-dir", str(tmp_path / "mine"), "experiment=mine")
    assert said.code == 2
    assert sentence in said.err
    assert "Traceback" not in said.err


def test_showing_the_configuration_tells_all_mistakes_too(embexp: Embexp) -> None:
    said = embexp("--cfg", "job", "batch_size=3", "dataset=imbd")
    assert said.code == 2
    assert "did you mean training.batch_size?" in said.err
    assert "dataset=imbd" in said.err


def test_the_traceback_is_to_be_had(embexp: Embexp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    said = embexp("dataset=imbd")
    assert said.code == 2
    assert "Traceback" in said.err
    assert "embexp: dataset=imbd" in said.err


@pytest.mark.parametrize(
    "words",
    [
        ["frobnicate"],
        ["dataset=imbd", "grid.seeds=0"],
        ["+training.typo=1"],
        ["plan", "training.batch_size=many"],
        ["report", "nowhere"],
        ["ui", "port=http"],
        ["sync", "tracking=none"],
    ],
    ids=" ".join,
)
def test_a_mistake_ends_a_process_with_two(words: list[str]) -> None:
    ended = subprocess.run([sys.executable, "-m", "embexp.cli", *words], capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr.startswith("embexp: ")
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    assert list(Path.cwd().iterdir()) == []
