"""Carry out one checked study, show it while it runs, and print what it found."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from embexp.config import StudyConfig
from embexp.display import open_display
from embexp.errors import StudyFailed

if TYPE_CHECKING:
    from embexp.engine.scheduler import Outcome

LISTED_FAILURES = 20


def carry_out(config: StudyConfig) -> None:
    """Run a study and write its report; the verdict goes to stdout, all else to stderr.

    Raises:
        StudyFailed: if a task failed; the others have been carried out.
        KeyboardInterrupt: if a signal ended the study early.
    """
    from rich.console import Console

    from embexp.conclude.report import console_verdict
    from embexp.exporting import MODEL
    from embexp.running import run_study

    with open_display() as display:
        study = run_study(config, [display], say=display.say)
    if study.folder is not None:
        Console(highlight=False).print(console_verdict(study.results, study.folder / "report.html"))
        if study.export is not None:
            print(study.export.sentence(os.path.relpath(study.folder / MODEL)), file=sys.stderr)
        print(study.delivery.sentence(), file=sys.stderr)
    settle(study.outcome)


def settle(outcome: Outcome) -> None:
    """List what failed, and raise if the plan did not come to its end."""
    for failure in outcome.failed[:LISTED_FAILURES]:
        log = f" (traceback in {failure.log})" if failure.log else ""
        print(f"failed: {failure.task.title}: {failure.reason}{log}", file=sys.stderr)
    if len(outcome.failed) > LISTED_FAILURES:
        print(f"and {len(outcome.failed) - LISTED_FAILURES} more failed", file=sys.stderr)
    if outcome.blocked:
        print(f"not run, because they need a failed task: {len(outcome.blocked)}", file=sys.stderr)
    if outcome.interrupted:
        raise KeyboardInterrupt
    if outcome.stopped:
        raise StudyFailed(outcome.stopped)
    if not outcome.complete:
        raise StudyFailed(f"{len(outcome.failed)} tasks failed; the same command runs only what is missing")
