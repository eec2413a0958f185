"""`embexp plan`: what a study would do, what the store has of it, and how long the rest would take."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from embexp.command.arguments import Arguments
from embexp.command.compose import compose_arguments
from embexp.config import ExecutorConfig
from embexp.display import spell_seconds
from embexp.engine.clusters import job_script
from embexp.engine.plan import Survey, survey
from embexp.engine.store import Store
from embexp.forecast import estimate_seconds

if TYPE_CHECKING:
    from embexp.study import Plan


def plan(arguments: Arguments) -> int:
    """Print the plan of a study on stdout; nothing is run and no folder made."""
    config = compose_arguments(arguments)
    from embexp.results import tasks_of
    from embexp.running import plan_study

    planned = plan_study(config)
    found = survey(tasks_of(planned), Store(Path(config.store)))
    console = Console(highlight=False)
    console.print(f"study {config.name} {planned.fingerprint[:8]}, store {config.store}\n", markup=False)
    for table in (stage_table(found, lanes_of(config.executor)), cell_table(planned, found)):
        console.print(table)
        console.print()
    console.print(verdict(found, lanes_of(config.executor)), markup=False)
    if config.export == "best":
        console.print("Then a model of the strategy that turns out best is trained on all labels.", markup=False)
    script = job_script(config.executor)
    if script is not None:
        console.print(
            f"\nEach of {config.executor.slurm.jobs} Slurm jobs would be:\n\n{script}", markup=False, soft_wrap=True
        )
    return 0


def lanes_of(executor: ExecutorConfig) -> int:
    """Return how many tasks run at once."""
    if executor.kind == "serial":
        return 1
    if executor.kind == "dask" and executor.cluster == "slurm":
        return executor.slurm.jobs * executor.slurm.workers_per_job
    return executor.workers or os.cpu_count() or 1


def stage_table(found: Survey, lanes: int) -> Table:
    """Return one row per stage: its tasks, those in the store, those to run and their estimated time."""
    table = _table("stage", "tasks", "in store", "to run", "estimate")
    stages = dict.fromkeys(task.stage.name for task in found.tasks)
    for stage in stages:
        tasks = [task for task in found.tasks if task.stage.name == stage]
        states = [found.states[task.fingerprint] for task in tasks]
        missing = [task for task in found.missing if task.stage.name == stage]
        seconds = sum(task.cost for task in missing) / min(lanes, max(1, len(missing)))
        table.add_row(
            stage.replace("_", " "),
            str(len(tasks)),
            str(states.count("hit")),
            str(len(missing)) if "not needed" not in states else "not needed",
            spell_seconds(seconds) if missing else "",
        )
    return table


def cell_table(planned: Plan, found: Survey) -> Table:
    """Return one row per strategy: at each train size, the seeds in the store of all seeds."""
    table = _table("seeds in store", *(f"{size:,}" for size in planned.train_sizes))
    for strategy, cells in groupby(planned.cells, key=lambda cell: cell.strategy):
        row: dict[int, list[bool]] = {}
        for cell in cells:
            row.setdefault(cell.train_size, []).append(found.states[cell.task.fingerprint] == "hit")
        table.add_row(strategy, *(_hits(row.get(size, [])) for size in planned.train_sizes))
    return table


def verdict(found: Survey, lanes: int) -> str:
    """Return one sentence on what a run would do."""
    missing = found.missing
    if not missing:
        return f"All {len(found.tasks)} tasks are in the store: a run only writes the report."
    seconds = spell_seconds(estimate_seconds(missing, lanes))
    return f"{len(missing)} of {len(found.tasks)} tasks to run, about {seconds} with {lanes} at a time."


def _hits(hits: Iterable[bool]) -> str:
    hits = list(hits)
    return f"{sum(hits)}/{len(hits)}" if hits else ""


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number == 0 else "right")
    return table
