"""A command line that runs in this process, with a stand-in for what a study does."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_harness import Embexp, Said

from embexp import cli
from embexp.command.verbs import VERBS
from embexp.config import StudyConfig


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, away from the settings of whoever runs the tests."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    monkeypatch.setattr(sys, "argv", ["embexp"])


@pytest.fixture
def embexp(capfd: pytest.CaptureFixture[str]) -> Embexp:
    """Run a command line; `carry_out` takes the place of the function that carries a study out."""

    def run(*words: str, carry_out: Callable[[StudyConfig], None] = lambda config: None) -> Said:
        studies: list[StudyConfig] = []

        def note(config: StudyConfig) -> None:
            studies.append(config)
            carry_out(config)

        def load() -> Callable[..., int]:
            from embexp.command.jobs import run_with

            return lambda arguments: run_with(note, arguments)

        verbs = {**VERBS, "run": dataclasses.replace(VERBS["run"], load=load)}
        capfd.readouterr()
        code = cli.main(list(words), verbs)
        out, err = capfd.readouterr()
        return Said(code, out, err, studies)

    return run
