"""`embexp reproduce`: run a reported study again from nothing and hold each cell against what was reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from embexp.command.arguments import Arguments
from embexp.config import EXECUTORS
from embexp.display import open_display
from embexp.errors import StudyFailed, UserError, did_you_mean

if TYPE_CHECKING:
    from embexp.reproduce import Comparison

AGREEING = ("identical", "within tolerance")


def reproduce(arguments: Arguments) -> int:
    """Run the named preset again in a fresh store, and print every cell as reported and as it is now.

    Raises:
        UserError: if nothing is reported under that name.
        StudyFailed: if a cell differs or is missing.
    """
    from embexp.reproduce import read_reported
    from embexp.reproduce import reproduce as run_again

    preset, executor = _read_words(arguments)
    reported = read_reported(preset)
    with open_display() as display:
        comparisons = run_again(reported, [display], say=display.say, executor=executor)
    console = Console(highlight=False)
    console.print(comparison_table(comparisons))
    console.print()
    counts = Counter(comparison.verdict for comparison in comparisons)
    console.print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()), markup=False)
    wrong = sum(count for verdict, count in counts.items() if verdict not in AGREEING)
    if wrong:
        raise StudyFailed(f"{wrong} of {len(comparisons)} cells do not agree with what is reported for {preset}")
    return 0


def comparison_table(comparisons: Sequence[Comparison]) -> Table:
    """Return one row per cell: test accuracy as reported, now, and whether they agree."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("strategy", "labels", "seed", "reported", "now", "verdict"):
        table.add_column(name, justify="left" if name in ("strategy", "verdict") else "right")
    for comparison in comparisons:
        cell = comparison.cell
        verdict = comparison.verdict
        if verdict == "within tolerance":
            verdict += f" (±{comparison.tolerance:.4f})"
        table.add_row(
            str(cell["strategy"]),
            f"{cell['train_size']:,}",
            str(cell["seed"]),
            f"{comparison.reported:.4f}",
            "" if comparison.now is None else f"{comparison.now:.4f}",
            verdict if comparison.verdict in AGREEING else f"[red]{verdict}[/red]",
        )
    return table


def _read_words(arguments: Arguments) -> tuple[str, str | None]:
    """Return the preset and the kind of executor that is wanted in place of the reported one."""
    presets = [word for word in arguments.overrides if "=" not in word]
    executor: str | None = None
    problems: list[str] = []
    for word in arguments.overrides:
        key, equals, value = word.partition("=")
        if key == "executor" and value in EXECUTORS:
            executor = value
        elif key == "executor":
            near = did_you_mean(value, EXECUTORS)
            problems.append(f"{word}: there is no such executor{near or ';'} possible: {', '.join(EXECUTORS)}")
        elif equals:
            problems.append(f"{word}: reproduce runs what was reported as it was; only executor=KIND may be given")
    if len(presets) != 1:
        given = ", ".join(presets) or "none"
        problems.append(f"reproduce: name one preset ({given} given), such as `embexp reproduce quick`")
    UserError.raise_if(problems)
    return presets[0], executor
