"""The verbs of `embexp`, in the order of the help: what each is called, says and does.

A verb's function is imported when it is called, so that the help needs none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from embexp.command.arguments import Arguments

Action = Callable[[Arguments], int]  # returns the exit code


@dataclass(frozen=True)
class Verb:
    """One verb: how it is written, told in a line, explained, and where its function is found."""

    name: str
    usage: str
    summary: str
    details: str
    load: Callable[[], Action]


def _run() -> Action:
    from embexp.command.running import run

    return run


def _plan() -> Action:
    from embexp.command.planning import plan

    return plan


VERBS = {
    verb.name: verb
    for verb in (
        Verb(
            "run",
            "embexp [run] [KEY=VALUE ...] [-m]",
            "run a study and write its report (this is the default)",
            """\
Runs what the store lacks, shows the progress on stderr, and prints the verdict and where the report
is. The same command again does no work but the report. With -m, one study per combination of
comma-separated values.

  embexp experiment=quick
  embexp dataset=csv dataset.train=mine.csv dataset.text=review dataset.label=stars
  embexp -m dataset=bbc_news,rotten_tomatoes training.batch_size=32,64""",
            _run,
        ),
        Verb(
            "plan",
            "embexp plan [KEY=VALUE ...]",
            "show a study's tasks, what the store has of them, and the time",
            """\
Composes the study, makes its plan and looks every task up in the store. Runs and writes nothing.

  embexp plan experiment=quick
  embexp plan grid.seeds=5 grid.train_sizes=[100,1000]""",
            _plan,
        ),
    )
}
