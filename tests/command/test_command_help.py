"""Help, version and completion; each example of a help text works."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from command_harness import Embexp

import embexp as package
from embexp.command.arguments import read_arguments
from embexp.command.compose import compose_jobs
from embexp.command.help import general_help, verb_help
from embexp.command.verbs import VERBS

SLOW_TO_IMPORT = {"hydra", "omegaconf", "rich", "numpy", "torch", "gensim", "datasets", "mlflow", "polars", "sklearn"}


def test_the_help_fits_a_terminal_and_names_every_verb(embexp: Embexp) -> None:
    said = embexp("--help")
    lines = said.out.splitlines()
    assert said.code == 0
    assert len(lines) < 24
    assert max(map(len, lines)) <= 80
    listed = " ".join(line for line in lines if line.startswith(("  upkeep:", "  labs:")))
    first_words = {line.split()[0] for line in lines if line.startswith("  ")}
    assert set(VERBS) <= first_words | set(listed.replace(",", "").split())
    assert embexp("-h").out == said.out


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_its_help(embexp: Embexp, verb: str) -> None:
    said = embexp(verb, "--help")
    assert said.code == 0
    assert said.out.startswith("embexp ")
    assert len(said.out.splitlines()) < 24
    assert max(map(len, said.out.splitlines())) <= 88


def examples() -> list[str]:
    texts = [general_help(VERBS), *(verb_help(verb) for verb in VERBS.values())]
    lines = [line.strip() for text in texts for line in text.splitlines() if line.startswith("  embexp ")]
    return sorted({line.split("   ")[0] for line in lines})


@pytest.mark.parametrize("example", examples())
def test_the_examples_compose(example: str) -> None:
    Path("mine.csv").write_text("text,label\n")
    Path("mine.txt").write_text("some text\n")
    words = shlex.split(example)[1:]
    if words and words[0] in VERBS:
        words = words[1:]
    settings = [
        word
        for word in words
        if word == "-m"
        or ("=" in word and not word.startswith(("port=", "form=", "days=", "probes=", "datasets=", "data=", "text=")))
    ]
    arguments = read_arguments(settings)
    assert compose_jobs(arguments)


def test_the_version_is_ours(embexp: Embexp) -> None:
    assert embexp("--version").out.startswith(f"embexp {package.__version__}")


def test_python_can_be_asked_for_the_command(tmp_path: Path) -> None:
    """Exit codes are the command's own."""
    module = [sys.executable, "-m", "embexp"]
    told = subprocess.run([*module, "--version"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert told.stdout.startswith(f"embexp {package.__version__}")
    wrong = subprocess.run([*module, "frobnicate"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (wrong.returncode, wrong.stderr.startswith("embexp: frobnicate")) == (2, True)


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"], ["frobnicate"]], ids=" ".join)
def test_quick_answers_import_nothing_slow(words: list[str]) -> None:
    script = (
        "import sys; from embexp.cli import main; main(sys.argv[1:]); "
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    assert SLOW_TO_IMPORT & set(ended.stderr.split()) == set()


def complete(embexp: Embexp, monkeypatch: pytest.MonkeyPatch, line: str) -> list[str]:
    monkeypatch.setenv("COMP_LINE", line)
    said = embexp("-sc", "query=bash")
    assert (said.code, said.err) == (0, "")
    return said.out.split()


def test_verbs_and_keys_complete(embexp: Embexp, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {*VERBS, "dataset=", "training."} <= set(complete(embexp, monkeypatch, "embexp "))
    assert complete(embexp, monkeypatch, "embexp pl") == ["plan"]
    assert complete(embexp, monkeypatch, "embexp dataset=bb") == ["dataset=bbc_news"]
    assert complete(embexp, monkeypatch, "embexp plan dataset=bb") == ["dataset=bbc_news"]
    assert complete(embexp, monkeypatch, "embexp plan training.batch_size=3 training.dev") == ["training.device="]
    assert "run" not in complete(embexp, monkeypatch, "embexp plan ")


def test_completion_can_be_installed(embexp: Embexp) -> None:
    assert embexp("-sc", "install=bash").out.rstrip().endswith("hydra_bash_completion embexp")
