"""`embexp prepare`: bring a data set into the store and show what is in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from embexp.command.arguments import Arguments
from embexp.command.compose import compose_arguments
from embexp.command.studying import settle
from embexp.display import open_display

PARTS = ("pool", "test")
MOST_CLASS_ROWS = 25  # of more classes the counts stand in one row, in the order of the labels
SENTENCES = ("notes", "warnings")  # of a data sheet; they stand below the table


def prepare(arguments: Arguments) -> int:
    """Read, split and tokenise the texts of a study, and print their sheet on stdout."""
    from embexp.engine.executors import open_executor
    from embexp.engine.scheduler import carry_out
    from embexp.engine.store import Store
    from embexp.running import plan_study
    from embexp.study import PRELOAD
    from embexp.text import open_dataset

    config = compose_arguments(arguments)
    plan = plan_study(config)
    store = Store(Path(config.store))
    with open_display() as display, open_executor(config.executor, PRELOAD) as executor:
        later = {plan.word2vec, plan.judge, *(cell.task for cell in plan.cells)}
        texts = [task for task in plan.tasks if task not in later]
        outcome = carry_out(texts, store, executor, on_event=display)
    settle(outcome)
    folder = store.path(plan.dataset.fingerprint)
    counts = store.path(plan.counts.fingerprint)
    console = Console(highlight=False)
    sheet = open_dataset(folder, counts).sheet | {"name": config.dataset.name}
    sheet["notes"] = [*sheet["notes"], *plan.facts.guesses]
    console.print(sheet_table(sheet))
    for line in ["", *sheet_lines(sheet), "", f"in {os.path.relpath(folder)}"]:
        console.print(line, markup=False, soft_wrap=True)
    return 0


def sheet_table(sheet: Mapping[str, Any]) -> Table:
    """Return a data sheet as a table; what is counted for each part has a column for each."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("", *PARTS):
        table.add_column(name, overflow="fold")
    for key, value in sheet.items():
        if key == "class_counts" and len(sheet["labels"]) <= MOST_CLASS_ROWS:
            for name, *counts in zip(sheet["labels"], *(value[part] for part in PARTS), strict=True):
                table.add_row(escape(f"labelled {name}"), *map(_spell, counts))
        elif _has_parts(value):
            table.add_row(_words(key), *(_spell(value[part]) for part in PARTS))
    return table


def sheet_lines(sheet: Mapping[str, Any]) -> list[str]:
    """Return the values of a data sheet that belong to the data set as a whole, and its sentences."""
    lines = [
        f"{_words(key)}: {_spell(value)}"
        for key, value in sheet.items()
        if not _has_parts(value) and key not in (*SENTENCES, "digests")
    ]
    return [*lines, *(sentence for key in SENTENCES for sentence in sheet.get(key, ()))]


def _has_parts(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == set(PARTS)


def _words(key: str) -> str:
    return key.replace("_", " ")


def _spell(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_spell(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_spell, value))
    if isinstance(value, float):
        return f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
