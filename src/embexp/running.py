"""Carry out a study from its configuration to its report: plan, run what the store lacks, conclude, tell MLflow."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from embexp.config import StudyConfig
from embexp.engine.events import Event, Listener
from embexp.engine.executors import open_executor
from embexp.engine.scheduler import Outcome, carry_out
from embexp.engine.store import Store
from embexp.errors import UserError
from embexp.exporting import MODEL, Export, choose_export, leave_model, plan_known_export
from embexp.study import PRELOAD, Plan, make_plan
from embexp.tracking import CellRecord, Delivery, StudyInfo, Tracker, open_tracker
from embexp.tracking.address import mask, mask_all


@dataclass(frozen=True)
class StudyRun:
    """What a study left behind.

    Attributes:
        plan: Its tasks.
        outcome: What became of them.
        folder: Where results.json and the report are; None if no cell was finished.
        results: The content of results.json; empty if no cell was finished.
        delivery: What MLflow has heard.
        export: The model in the folder; None if none was asked for, or it could not be trained.
    """

    plan: Plan
    outcome: Outcome
    folder: Path | None
    results: dict[str, Any]
    delivery: Delivery
    export: Export | None = None


def plan_study(config: StudyConfig) -> Plan:
    """Look at the data set and line up the tasks of a study; nothing is run or written."""
    from embexp.text import peek

    plan = make_plan(config, peek(config.dataset, Path(config.store) / "facts"))
    export = plan_known_export(config, plan)
    return plan if export is None else replace(plan, export=export.task)


def run_study(
    config: StudyConfig,
    listeners: Sequence[Listener] = (),
    *,
    say: Callable[[str], None] = lambda text: None,
    command: str | None = None,
) -> StudyRun:
    """Carry out a study: run what the store lacks, write results and report, tell MLflow.

    Args:
        config: The study, checked.
        listeners: Told what the engine does.
        say: Told in a few words what happens before and after the tasks.
        command: The command line that does it again; None: that of this process.

    Raises:
        UserError: A mistake in configuration or data, before any work.
    """
    from embexp.results import tasks_of

    started = time.monotonic()
    plan = plan_study(config)
    for guess in plan.facts.guesses:
        say(guess)
    store = Store(Path(config.store))
    store.prepare()
    folder = make_folder(Path(config.output), config.name, plan.fingerprint)
    info = StudyInfo(
        name=config.name,
        dataset=config.dataset.name,
        fingerprint=plan.fingerprint,
        command=command_line() if command is None else mask(command),
        config=mask_all(asdict(config)),
        output=folder,
    )
    try:
        with open_tracker(config.tracking, info, store.root.parent / "outbox") as tracker:
            heard: list[Listener] = [*listeners, _CellTracker(plan, store, tracker)]
            with open_executor(config.executor, PRELOAD) as executor:
                outcome = carry_out(tasks_of(plan), store, executor, on_event=heard)
            if (
                outcome.interrupted
                or outcome.stopped
                or not any(cell.task in _finished(outcome) for cell in plan.cells)
            ):
                _discard(folder)
                return StudyRun(plan, outcome, None, {}, Delivery(0, 0))
            say("writing the report")
            results = conclude_study(config, plan, store, outcome, folder, started, info.command)
            export = export_study(config, plan, store, outcome, results, folder, listeners, say)
            if config.tracking.kind != "none":
                say("telling MLflow")
            if export is not None:
                tracker.model(folder / MODEL, config.export_register)
            delivery = tracker.finish(results, folder)
    except BaseException:
        _discard(folder)
        raise
    point_latest(folder)
    return StudyRun(plan, outcome, folder, results, delivery, export)


def export_study(
    config: StudyConfig,
    plan: Plan,
    store: Store,
    outcome: Outcome,
    results: dict[str, Any],
    folder: Path,
    listeners: Sequence[Listener],
    say: Callable[[str], None],
) -> Export | None:
    """Train the model that a study shall leave behind, unless the store has it, and put it into the study's folder.

    What goes wrong is added to `outcome`, and what came of it to `results`.
    """
    from embexp.results import environment, used_entries

    export = choose_export(config, plan, results)
    if export is None:
        if config.export is not None:
            say("no model: no strategy has a score with all labels")
        return None
    if plan.export is None:  # the cells have decided on it only now
        with open_executor(config.executor, PRELOAD) as executor:
            ours = carry_out([export.task], store, executor, on_event=list(listeners))
        outcome.failed += ours.failed
        outcome.blocked += ours.blocked
        outcome.blocked_by |= ours.blocked_by
        outcome.left += ours.left
        outcome.interrupted |= ours.interrupted
        outcome.stopped = outcome.stopped or ours.stopped
    if not store.has(export.task.fingerprint):
        return None
    about = {"study": config.name, "study_fingerprint": plan.fingerprint, "versions": environment()["versions"]}
    leave_model(config, export, store, folder, about)
    results["export"] = export.as_json(config)
    results["entries"] = used_entries(replace(plan, export=export.task))
    _write_json(folder / "results.json", results)
    return export


def conclude_study(
    config: StudyConfig, plan: Plan, store: Store, outcome: Outcome, folder: Path, started: float, command: str
) -> dict[str, Any]:
    """Conclude from the cells in the store and write everything a study leaves behind into its folder."""
    from omegaconf import OmegaConf

    from embexp.conclude.conclusions import conclude
    from embexp.conclude.report import write_report
    from embexp.results import Measured, gather_results
    from embexp.tuningcard import draws_in
    from embexp.vectorcard import write_card

    measured = Measured(plan, store, outcome)
    conclusions = conclude(measured.measurements(), draws=draws_in(config))
    results = gather_results(config, measured, conclusions, time.monotonic() - started, command)
    _write_json(folder / "results.json", results)
    _write_json(folder / "environment.json", results["environment"])
    if "card" in results["word2vec"]:
        write_card(results["word2vec"], config.dataset.name, folder / "word2vec")
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(results["config"])), encoding="utf-8")
    write_report(results, folder)
    return results


def command_line() -> str:
    """Return the command of this process as a shell would read it, without passwords."""
    return mask(shlex.join(["embexp", *sys.argv[1:]]))


def make_folder(root: Path, name: str, fingerprint: str) -> Path:
    """Make `<root>/<name>/<time>-<first 8 of fingerprint>` for this study alone.

    Two studies that start within one second get folders of their own.

    Raises:
        UserError: If the folder cannot be made.
    """
    stamp = f"{time.strftime('%Y-%m-%d_%H-%M-%S')}-{fingerprint[:8]}"
    for attempt in range(1, 1000):
        folder = root / name / (stamp if attempt == 1 else f"{stamp}-{attempt}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if folder.is_dir():
                continue
            raise UserError(
                f"output: {folder.parent} is in the way: it is a file; give another output=FOLDER"
            ) from None
        except OSError as error:
            raise UserError(
                f"output: the folder {folder} cannot be made ({error.strerror}); give output=FOLDER that can be written"
            ) from error
        return folder.absolute()
    raise UserError(f"output: {root / name} holds a thousand studies of this second; give another output=FOLDER")


def point_latest(folder: Path) -> None:
    """Point `latest`, beside a study's folder, at it; where links are not to be had, leave it."""
    with contextlib.suppress(OSError), tempfile.TemporaryDirectory(dir=folder.parent, prefix=".latest-") as beside:
        link = Path(beside) / "latest"
        link.symlink_to(folder.name, target_is_directory=True)
        link.replace(folder.parent / "latest")


def _discard(folder: Path) -> None:
    """Remove the folder of a study that left nothing in it, and its parent if it was the first."""
    with contextlib.suppress(OSError):
        folder.rmdir()
        folder.parent.rmdir()


def _finished(outcome: Outcome) -> set[Any]:
    return {*outcome.done, *outcome.cached}


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


PARAMS = ("steps", "kept_step", "parameters", "trained_parameters")  # of a cell's record that MLflow shows


class _CellTracker:
    """Hands every finished cell to the tracker as soon as the store has it."""

    def __init__(self, plan: Plan, store: Store, tracker: Tracker) -> None:
        self._cells = {cell.task: cell for cell in plan.cells}
        self._store = store
        self._tracker = tracker

    def __call__(self, event: Event) -> None:
        from embexp.tuningcard import chosen_values

        if event.kind not in ("done", "cached") or event.task not in self._cells:
            return
        cell = self._cells[event.task]
        record = self._store.read_record(event.task.fingerprint)
        timing = self._store.read_timing(event.task.fingerprint)
        metrics = {name: record[name] for name in ("test_accuracy", "test_macro_f1", "train_tokens")}
        self._tracker.cell(
            CellRecord(
                strategy=cell.strategy,
                train_size=cell.train_size,
                seed=cell.seed,
                fingerprint=event.task.fingerprint,
                fold=cell.fold,
                word2vec_seed=cell.word2vec_seed,
                params={name: record[name] for name in PARAMS if name in record} | chosen_values(record),
                metrics=metrics | {"train_seconds": timing["train_seconds"]},
                history=record["history"],
                started=timing["started"],
                ended=timing["ended"],
            )
        )
