"""`embexp reproduce`: run a reported study again from nothing and hold each cell against what was reported."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from embexp.command.arguments import Arguments
from embexp.command.compose import compose_study
from embexp.config import ExecutorConfig
from embexp.display import open_display
from embexp.errors import StudyFailed, UserError

if TYPE_CHECKING:
    from embexp.reproduce import Comparison

AGREEING = ("identical", "within tolerance")
MORE = {"fold": "fold", "word2vec_seed": "word2vec"}  # stands beside the seed where cells have it


def reproduce(arguments: Arguments) -> int:
    """Run the named preset again in a fresh store, and print every cell as reported and as it is now.

    Raises:
        UserError: if nothing is reported under that name.
        StudyFailed: if a cell differs or is missing.
    """
    from embexp.command.published import PRESET, kim2014
    from embexp.reproduce import presets_of, read_reported
    from embexp.reproduce import reproduce as run_again

    if PRESET in arguments.overrides:
        return kim2014(arguments)
    words = _read_words(arguments)
    reported = [read_reported(preset) for preset in presets_of(words.preset)]
    console, wrong = Console(highlight=False), []
    for study in reported:
        with open_display() as display:
            comparisons = run_again(study, [display], say=display.say, executor=words.executor, place=words.place)
        if len(reported) > 1:
            console.print(f"\n{study.preset}", style="bold", markup=False)
        console.print(comparison_table(comparisons))
        console.print()
        counts = Counter(comparison.verdict for comparison in comparisons)
        console.print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()), markup=False)
        differing = sum(count for verdict, count in counts.items() if verdict not in AGREEING)
        if differing:
            wrong.append(
                f"{differing} of {len(comparisons)} cells do not agree with what is reported for {study.preset}"
            )
    if wrong:
        raise StudyFailed("; ".join(wrong))
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
            ", ".join([str(cell["seed"]), *(f"{MORE[key]} {cell[key]}" for key in MORE if key in cell)]),
            f"{comparison.reported:.4f}",
            "" if comparison.now is None else f"{comparison.now:.4f}",
            verdict if comparison.verdict in AGREEING else f"[red]{verdict}[/red]",
        )
    return table


@dataclass(frozen=True)
class _Words:
    """What a command line asks to be done again, where, and with the store in which folder."""

    preset: str
    executor: ExecutorConfig | None
    place: Path | None


def _read_words(arguments: Arguments) -> _Words:
    presets = [word for word in arguments.overrides if "=" not in word]
    others = [word for word in arguments.overrides if "=" in word]
    stores = [word for word in others if word.startswith("store=")]
    executing = [word for word in others if re.match(r"[+~]*executor[.=]", word)]
    problems = [
        f"{word}: reproduce runs what was reported as it was; only executor=KIND, executor.KEY=VALUE and store=FOLDER "
        "may be given"
        for word in others
        if word not in (*stores, *executing)
    ]
    if len(presets) != 1:
        given = ", ".join(presets) or "none"
        problems.append(f"reproduce: name one preset ({given} given), such as `embexp reproduce quick`")
    executor = None
    try:
        if executing:
            executor = compose_study(executing, config_dir=arguments.options.get("--config-dir")).executor
    except UserError as error:
        problems += error.problems
    place = Path(stores[-1].partition("=")[2]).absolute() if stores else None
    if place is not None and not place.is_dir():
        problems.append(f"store: {place} is no folder; name one in which a store may be made for the time of the run")
    UserError.raise_if(problems)
    return _Words(presets[0], executor, place)
