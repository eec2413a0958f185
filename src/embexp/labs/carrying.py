"""Carry out a lab: run its tasks, write what it leaves behind, tell MLflow, print the answer."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from embexp.config import StudyConfig
from embexp.engine.store import Store
from embexp.engine.task import Task, fingerprint_of
from embexp.errors import StudyFailed
from embexp.labs.page import Head, write_page
from embexp.labs.parts import Expectation, Part

SCHEMA_VERSION = 1
LISTED_FAILURES = 20


@dataclass(frozen=True)
class Lab:
    """One carrying out of a lab.

    Attributes:
        name: lookup, neighbours or transfer.
        title: Of the page.
        form: small or full.
        config: The study whose data, protocol, store and folders it uses.
        started: When it began, on the monotonic clock.
    """

    name: str
    title: str
    form: str
    config: StudyConfig
    started: float

    @property
    def store(self) -> Store:
        """The store that studies use too."""
        return Store(Path(self.config.store))


def expect(expectations: Iterable[Expectation]) -> None:
    """Say on stderr what is expected, before anything is measured."""
    for expectation in expectations:
        print(f"{expectation.title}\n  expected: {expectation.sentence}", file=sys.stderr, flush=True)


def run_tasks(config: StudyConfig, tasks: Sequence[Task]) -> Store:
    """Run what the store lacks of some tasks and show it; return the store.

    Raises:
        StudyFailed: If a task failed.
        KeyboardInterrupt: If a signal ended it early.
    """
    from embexp.display import open_display
    from embexp.engine.executors import open_executor
    from embexp.engine.scheduler import carry_out
    from embexp.study import PRELOAD

    store = Store(Path(config.store))
    store.prepare()
    with open_display() as display, open_executor(config.executor, PRELOAD) as executor:
        outcome = carry_out(list(tasks), store, executor, on_event=display)
    for failure in outcome.failed[:LISTED_FAILURES]:
        print(f"failed: {failure.task.title}: {failure.reason}", file=sys.stderr)
    if outcome.interrupted:
        raise KeyboardInterrupt
    if not outcome.complete:
        raise StudyFailed(f"{len(outcome.failed)} tasks failed; the same command runs only what is missing")
    return store


def gather(lab: Lab, parts: Sequence[Part], headline: str, command: str, tasks: Sequence[Task] = ()) -> dict[str, Any]:
    """Return the content of the lab's results.json."""
    from embexp.conclude.report.reading import clean
    from embexp.engine.plan import in_order
    from embexp.results import environment
    from embexp.tracking.address import mask_all

    content = {
        "schema_version": SCHEMA_VERSION,
        "lab": lab.name,
        "form": lab.form,
        "expectation": {part.expectation.name: part.expectation.sentence for part in parts},
        "result": {
            part.expectation.name: {
                "as_expected": part.met,
                "sentences": list(part.found),
                "numbers": dict(part.numbers),
                "notes": list(part.notes),
            }
            for part in parts
        },
        "rows": [{"part": part.expectation.name, **row} for part in parts for row in part.rows],
        "verdict": [headline, *(f"{part.expectation.title} {part.judgement.capitalize()}." for part in parts)],
        "wall_seconds": round(time.monotonic() - lab.started, 3),
        "entries": [task.fingerprint for task in in_order(tasks)],
        "config": mask_all(asdict(lab.config)),
        "environment": environment(),
        "command": command,
    }
    cleaned: dict[str, Any] = clean(content)
    return cleaned


def finish(lab: Lab, parts: Sequence[Part], headline: str, facts: tuple[str, ...], tasks: Sequence[Task] = ()) -> Path:
    """Write results.json and the page, tell MLflow, print the answer; return the folder."""
    from embexp.running import command_line, make_folder, point_latest

    settings = {"form": lab.form, "config": asdict(replace(lab.config, store="", output="", name=lab.name))}
    needs = {str(place): task.fingerprint for place, task in enumerate(tasks)}
    fingerprint = fingerprint_of(f"lab {lab.name}", SCHEMA_VERSION, settings, needs)
    folder = make_folder(Path(lab.config.output), lab.name, fingerprint)
    results = gather(lab, parts, headline, command_line(), tasks)
    text = json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
    head = Head(lab.title, headline, (*facts, f"{lab.form} form"), results["command"], results["environment"])
    page = write_page(head, parts, folder)
    point_latest(folder)
    _print(results, page)
    print(_tell_mlflow(lab, fingerprint, results, folder), file=sys.stderr)
    return folder


def _tell_mlflow(lab: Lab, fingerprint: str, results: dict[str, Any], folder: Path) -> str:
    from embexp.tracking import StudyInfo, open_tracker

    info = StudyInfo(
        name=lab.name,
        dataset=lab.config.dataset.name,
        fingerprint=fingerprint,
        command=results["command"],
        config=results["config"] | {"lab": lab.name, "form": lab.form},
        output=folder,
    )
    numbers = {name: value for result in results["result"].values() for name, value in result["numbers"].items()}
    with open_tracker(lab.config.tracking, info, lab.store.root.parent / "outbox") as tracker:
        return tracker.finish(results | {"metrics": numbers}, folder).sentence()


def _print(results: dict[str, Any], page: Path) -> None:
    import os

    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    console.print(results["verdict"][0], markup=False, style="bold")
    for name, result in results["result"].items():
        mark = {True: "as expected", False: "NOT as expected", None: "undecided"}[result["as_expected"]]
        console.print(f"\n{name}: {mark}", markup=False)
        for sentence in result["sentences"]:
            console.print(f"  {sentence}", markup=False)
    console.print(f"\nReport: {os.path.relpath(page)}", markup=False)
