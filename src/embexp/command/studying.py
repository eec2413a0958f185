"""Carry out one checked study, show it while it runs, and print what it found."""

from __future__ import annotations

from pathlib import Path

from embexp.config import StudyConfig
from embexp.display import open_display
from embexp.errors import StudyFailed


def carry_out(config: StudyConfig) -> None:
    """Run a study and write its report.

    Raises:
        StudyFailed: if a task failed; the others have been carried out.
        KeyboardInterrupt: if a signal ended the study early.
    """
    from embexp.study import run_study

    with open_display() as display:
        outcome = run_study(config, output=Path(config.output), listener=display)
    if outcome.interrupted:
        raise KeyboardInterrupt
    if not outcome.complete:
        raise StudyFailed
