"""Write a study into MLflow so that each run stands there exactly once.

This file, `database` and `model_logging` import MLflow and run in the courier's process, never in the planner's
(`fetching` does for `embexp predict`, which has no planner).

Each run carries the tag embexp.fingerprint, set in the call that creates it. A desk reads these tags once,
creates what is missing, completes what is half there and leaves the rest alone. Where we hold the database
ourselves (SQLite, PostgreSQL, ...), a batch of deliveries is one transaction, there whole or not at all.
Measured on SQLite with four synced commits a call: 95 ms a cell one by one, 13 ms in transactions.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from embexp.tracking import layout, views
from embexp.tracking.address import Address
from embexp.tracking.database import one_transaction, open_client
from embexp.tracking.outbox import Label

_logger = logging.getLogger(__name__)
COMPLETE = ("FINISHED", "FAILED")
REQUESTS_AT_ONCE = 4  # to a tracking server
_PAGE = 1000  # runs a search returns at once; servers allow more, but answer slower


@dataclass(frozen=True)
class Known:
    """What MLflow is known to hold of a run."""

    run_id: str
    status: str = "RUNNING"
    has_params: bool = False
    has_metrics: bool = False
    parent: str | None = None
    conclusion: str = ""  # digest of the results that it shows

    @property
    def finished(self) -> bool:
        """Whether the run is complete."""
        return self.status in COMPLETE


class Desk:
    """An open MLflow store, at one study's experiment."""

    def __init__(self, address: Address, label: Label) -> None:
        self._study = label.study
        self._opened = label.opened
        self._address = address
        self._client = open_client(address)
        self._experiment = self._find_experiment(label.experiment)
        self._known: dict[str, Known] = {}
        self.refresh()

    def _find_experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        for attempt in (1, 2):
            experiment = self._client.get_experiment_by_name(name)
            if experiment is not None and experiment.lifecycle_stage == "active":
                return str(experiment.experiment_id)
            if experiment is not None:
                raise RuntimeError(
                    f"the experiment {name!r} was deleted in MLflow; bring it back with `mlflow experiments "
                    f"restore --experiment-id {experiment.experiment_id}`, or set tracking.experiment"
                )
            try:
                return str(
                    self._client.create_experiment(name, self._address.artifacts, {layout.NOTE: views.EXPERIMENT_NOTE})
                )
            except MlflowException as error:  # somebody else has just created it
                if attempt == 2 or error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
        raise AssertionError("unreachable")

    def refresh(self) -> None:
        """Read which runs of the study MLflow holds; of doubles, a complete one stays and the others go."""
        self._known = {}
        strategies: dict[str, str] = {}  # of each cell
        # Everybody who meets doubles must keep the same one.
        runs = sorted(self._search_study(), key=lambda run: (run.info.status not in COMPLETE, run.info.run_id))
        for run in runs:
            tags = run.data.tags
            key = tags[layout.TAG_FINGERPRINT]
            if key in self._known:
                _logger.info("run %s doubles %s, deleting it", run.info.run_id, self._known[key].run_id)
                self._client.delete_run(run.info.run_id)
                continue
            if tags[layout.TAG_ROLE] == "cell":
                strategies[key] = tags[layout.TAG_STRATEGY]
            self._known[key] = Known(
                run.info.run_id,
                run.info.status,
                bool(run.data.params),
                bool(run.data.metrics),
                tags.get(layout.PARENT),
                tags.get(layout.TAG_CONCLUSION, ""),
            )
        for key, strategy in strategies.items():
            self._nest(key, strategy)

    def _nest(self, key: str, strategy: str) -> None:
        """Hang a cell below its strategy's run, if it hangs below one that is gone."""
        cell = self._known[key]
        parent = self._ensure(layout.plan_strategy(self._study, strategy)).run_id
        if cell.parent != parent:
            self._client.set_tag(cell.run_id, layout.PARENT, parent)
            self._known[key] = replace(cell, parent=parent)

    def _search_study(self) -> Iterator[Any]:
        token = None
        while True:
            page = self._client.search_runs(
                [self._experiment],
                filter_string=f"tags.`{layout.TAG_STUDY}` = '{self._study.fingerprint}'",
                max_results=_PAGE,
                page_token=token,
            )
            yield from page
            token = page.token
            if not token:
                return

    def deliver(self, items: list[Mapping[str, Any]]) -> None:
        """Deliver a batch, as one transaction where that is possible.

        Raises:
            Exception: Whatever MLflow raised; `refresh` before going on.
        """
        before = dict(self._known)
        try:
            with self._transaction():
                self._deliver_all(items)
        except Exception:
            self._known = before
            raise
        for item in items:
            if item["kind"] == "finish":
                self._log_artifacts(item)
            elif item["kind"] == "model":
                self._log_model(item)

    def _deliver_all(self, items: list[Mapping[str, Any]]) -> None:
        cells = [item for item in items if item["kind"] == "cell"]
        others = [item for item in items if item["kind"] != "cell"]
        for strategy in dict.fromkeys(cell["strategy"] for cell in cells):
            self._ensure(layout.plan_strategy(self._study, strategy))
        if self._address.is_server:
            # Each call waits for an answer, so several cells travel at once.
            with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
                list(pool.map(self._deliver_cell, cells))
        else:
            for cell in cells:
                self._deliver_cell(cell)
        self._deliver_samples([item for item in others if item["kind"] == "system"])
        for item in others:
            if item["kind"] != "system":
                self._deliver_one(item)

    def _deliver_samples(self, samples: list[Mapping[str, Any]]) -> None:
        """Log how busy the machine was on the study's run; a sample that stands there is known by its time."""
        from mlflow.entities import Metric

        if not samples:
            return
        run_id = self._ensure(layout.plan_study(self._study)).run_id
        known = {
            metric.timestamp for metric in self._client.get_metric_history(run_id, next(iter(samples[0]["metrics"])))
        }
        step = len(known)
        for item in samples:
            stamp = int(1000 * item["noted"])
            if stamp not in known:
                values = [Metric(name, value, stamp, step) for name, value in item["metrics"].items()]
                self._client.log_batch(run_id, metrics=values)
                known.add(stamp)
                step += 1

    def _deliver_one(self, item: Mapping[str, Any]) -> None:
        kind = item["kind"]
        if kind in ("study", "model"):
            self._start_study()
        elif kind == "finish":
            self._deliver_results(item["results"], item["ended"])
        elif kind == "abandoned":
            self._mark_abandoned()
        else:
            raise ValueError(f"unknown kind of delivery {kind!r}")

    def _start_study(self) -> None:
        study = self._ensure(layout.plan_study(self._study))
        if study.status == "KILLED":
            self._client.update_run(study.run_id, status="RUNNING")

    def _transaction(self) -> AbstractContextManager[None]:
        if self._address.is_server:
            return nullcontext()
        return one_transaction(self._client)

    def _ensure(self, plan: layout.RunPlan, started: float | None = None) -> Known:
        """Find a run or create it, with its tags in the same call; log what it shall hold from the start."""
        known = self._known.get(plan.key)
        if known is None:
            # Never later than the study was opened: a study may end in the millisecond in which it began.
            began = int(1000 * self._opened) - layout.HIGHEST_RANK + plan.rank
            if started is not None:
                # A cell that is trained now begins when it was planned, a moment before the study's own runs:
                # MLflow shows the 100 runs that began last, and these must be among them.
                began = min(int(1000 * started), int(1000 * self._opened) - 1000)
            run = self._client.create_run(self._experiment, start_time=began, tags=plan.tags, run_name=plan.name)
            known = Known(run.info.run_id, parent=plan.tags.get(layout.PARENT))
        elif known.finished:
            return known
        # Somebody who was killed may have created the run and no more. The metrics of a call appear all or
        # none; logging them twice would show twice, as their time stamps differ.
        points = [] if known.has_metrics else plan.points
        params = {} if known.has_params else plan.params
        self._log(known.run_id, points, params, started)
        self._known[plan.key] = replace(known, has_metrics=bool(plan.points) or known.has_metrics, has_params=True)
        return self._known[plan.key]

    def _deliver_cell(self, record: Mapping[str, Any]) -> None:
        known = self._known.get(record["fingerprint"])
        if known is not None and known.finished:
            return
        parent = self._ensure(layout.plan_strategy(self._study, record["strategy"]))
        seconds = float((record.get("metrics") or {}).get("train_seconds") or 0.0)
        started = record.get("started") or record["noted"] - seconds
        known = self._ensure(layout.plan_cell(self._study, record, parent.run_id), started)
        self._client.set_terminated(known.run_id, end_time=int(1000 * (record.get("ended") or record["noted"])))
        self._known[record["fingerprint"]] = replace(known, status="FINISHED")

    def _log(
        self, run_id: str, points: list[layout.Point], params: Mapping[str, str], when: float | None = None
    ) -> None:
        from mlflow.entities import Metric, Param

        stamp = int(1000 * (when or time.time()))
        if not points and not params:
            return
        self._client.log_batch(
            run_id,
            metrics=[Metric(point.key, point.value, stamp, point.step) for point in points],
            params=[Param(name, value) for name, value in params.items()],
        )

    def _deliver_results(self, results: Mapping[str, Any], ended: float) -> None:
        study = self._ensure(layout.plan_study(self._study))
        digest = layout.digest_conclusion(results)
        if study.finished and study.conclusion == digest:
            return
        for strategy, points in layout.curve_points(results).items():
            known = self._ensure(layout.plan_strategy(self._study, strategy))
            known = self._put_curve(strategy, known, points)
            self._log_dataset(known.run_id, results)
            self._client.set_terminated(known.run_id, end_time=int(1000 * ended))
        self._add_missing(study.run_id, layout.conclusion_points(results))
        self._add_missing(study.run_id, layout.vector_points(results.get("word2vec") or {}))
        self._log_dataset(study.run_id, results)
        self._client.set_tag(study.run_id, layout.NOTE, layout.describe(results))
        self._client.set_tag(study.run_id, layout.TAG_CONCLUSION, digest)
        self._save_views(results, int(1000 * ended))
        failed = bool((results.get("study") or {}).get("cells_failed"))
        self._client.set_terminated(study.run_id, "FAILED" if failed else "FINISHED", int(1000 * ended))
        self._known[self._study.fingerprint] = replace(study, status="FINISHED", conclusion=digest)

    def _save_views(self, results: Mapping[str, Any], milliseconds: int) -> None:
        held = self._client.get_experiment(self._experiment).tags
        for name, value in views.view_tags(self._study, results, milliseconds).items():
            self._client.set_experiment_tag(self._experiment, name, value)
        for name in views.outdated(held, self._study):
            self._client.delete_experiment_tag(self._experiment, name)

    def _put_curve(self, strategy: str, known: Known, points: list[layout.Point]) -> Known:
        """Log a learning curve; where another curve stands already, replace the whole run.

        MLflow keeps every value it was ever told, and would draw both: this happens when cells that failed
        are there at the second attempt.
        """
        history = self._read_history(known.run_id, {point.key for point in points})
        told = {(point.key, point.step): point.value for point in points}
        if all(told.get(place) == value for place, value in history.items()):
            self._log(known.run_id, [p for p in points if (p.key, p.step) not in history], {})
            return known
        plan = layout.plan_strategy(self._study, strategy)
        del self._known[plan.key]
        fresh = self._ensure(plan)
        self._log(fresh.run_id, points, {})
        self._client.delete_run(known.run_id)
        self.refresh()  # hangs the cells below the new run
        return fresh

    def _read_history(self, run_id: str, keys: set[str]) -> dict[tuple[str, int], float]:
        if not self._client.get_run(run_id).data.metrics:
            return {}
        return {
            (key, metric.step): metric.value for key in keys for metric in self._client.get_metric_history(run_id, key)
        }

    def _add_missing(self, run_id: str, points: list[layout.Point]) -> None:
        history = self._read_history(run_id, {point.key for point in points})
        new = [point for point in points if history.get((point.key, point.step)) != point.value]
        self._log(run_id, new, {})

    def _log_dataset(self, run_id: str, results: Mapping[str, Any]) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        sheet = layout.dataset_input(self._study, results)
        dataset = Dataset(sheet.name, sheet.digest, "local", sheet.source, profile=sheet.profile)
        tag = InputTag(key="mlflow.data.context", value="train and test")
        self._client.log_inputs(run_id, [DatasetInput(dataset, [tag])])

    def _log_artifacts(self, item: Mapping[str, Any]) -> None:
        study = self._known[self._study.fingerprint]
        folder = Path(item["folder"])
        for name in layout.ARTIFACTS:
            path = folder / name
            if path.is_dir():
                self._client.log_artifacts(study.run_id, str(path), name)
            elif path.is_file():
                self._client.log_artifact(study.run_id, str(path))

    def _log_model(self, item: Mapping[str, Any]) -> None:
        from embexp.tracking.model_logging import log_model

        run = self._known[self._study.fingerprint].run_id
        log_model(self._client, self._experiment, run, Path(item["folder"]), item["register"], self._study.fingerprint)

    def _mark_abandoned(self) -> None:
        """Say of runs that wait for a study which died that nobody works on them any more."""
        for run in self._search_study():
            if run.info.status == "RUNNING" and run.data.tags[layout.TAG_ROLE] != "cell":
                self._client.set_terminated(run.info.run_id, "KILLED")
