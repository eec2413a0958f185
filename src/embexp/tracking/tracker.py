"""The planner's side of tracking: note what is finished, go on at once."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from signal import SIGKILL
from types import TracebackType
from typing import Any, Self

from embexp.config import TrackingConfig
from embexp.errors import UserError
from embexp.tracking.address import Address, mask, resolve_address
from embexp.tracking.outbox import (
    LOG_FILE,
    Label,
    Writer,
    create_box,
    find_boxes,
    is_owned,
    keep_files,
    read_label,
    read_progress,
    remove_box,
)
from embexp.tracking.post import say, start_courier
from embexp.tracking.record import CellRecord, Delivery, StudyInfo
from embexp.tracking.system import Sampler, check_psutil

PATIENCE_SECONDS = 30.0  # at the end of a study, without progress
PATIENCE_WITH_BROKEN_SECONDS = 3.0  # when the last attempt failed
_NEEDED = (
    *("verdict", "warnings", "failures", "curves", "crossovers", "label_equivalence"),
    *("dataset", "study", "word2vec", "metrics"),
)


class Tracker:
    """Tells nobody anything: what `tracking=none` gives, and what the others are like."""

    def cell(self, record: CellRecord) -> None:
        """Note a finished cell; returns in far less than a millisecond, whatever MLflow does."""

    def model(self, folder: Path, register: str | None) -> None:
        """Note a trained model, before `finish`; its files are kept in the outbox until they are delivered.

        Args:
            folder: What `embexp.models` wrote.
            register: The name to register it under; None for none.
        """

    def finish(self, results: Mapping[str, Any], folder: Path) -> Delivery:
        """Note the conclusions, give the courier time to deliver, and say what it did not manage.

        Args:
            results: What results.json holds.
            folder: The study's folder, whose report and figures go along.
        """
        return Delivery(0, 0)

    def close(self) -> None:
        """Let go without conclusions, as when a study is interrupted; what was noted is still delivered."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_tracker(config: TrackingConfig, study: StudyInfo, outbox: Path) -> Tracker:
    """Open the tracker that the configuration asks for; returns without waiting for MLflow.

    Args:
        config: The settings under tracking.
        study: What is tracked.
        outbox: Folder that keeps what MLflow has not heard yet.

    Raises:
        UserError: Unknown `tracking.kind`, or a tracking URI that cannot be one.
    """
    if config.kind == "none":
        return Tracker()
    if config.kind != "mlflow":
        raise UserError(f"tracking.kind: {config.kind!r} is unknown; allowed are 'mlflow' and 'none'")
    if config.system_metrics:
        check_psutil()
    tracker = MlflowTracker(resolve_address(config), study, config.experiment or study.name, outbox)
    if config.system_metrics:
        tracker.watch_machine()
    return tracker


class MlflowTracker(Tracker):
    """Notes everything in an outbox, from which a courier process delivers to MLflow."""

    def __init__(self, address: Address, study: StudyInfo, experiment: str, outbox: Path) -> None:
        self._address = address
        self._reason: str | None = None
        self._lost = 0  # deliveries that could not even be noted
        self._writer: Writer | None = None
        self._courier: subprocess.Popen[bytes] | None = None
        self._sampler: Sampler | None = None
        self._noting = threading.Lock()
        try:
            outbox.mkdir(parents=True, exist_ok=True)
            self._superseded, leftovers = _sort_leftovers(outbox, study, address)
            self._box, self._lock = create_box(outbox, Label(study, experiment, address.shown, time.time()))
            self._writer = Writer(self._box)
            self._courier = start_courier(address, self._box, leftovers, self._box)
        except (OSError, ValueError) as error:
            self._reason = f"the outbox {outbox} cannot be used: {mask(str(error))}"

    def cell(self, record: CellRecord) -> None:
        """Note a finished cell."""
        self._note({"kind": "cell", **record.as_json()})

    def watch_machine(self) -> None:
        """Note how busy this machine is, every few seconds until the study ends."""
        self._sampler = Sampler(lambda metrics: self._note({"kind": "system", "metrics": metrics}))

    def model(self, folder: Path, register: str | None) -> None:
        """Note a trained model with its files."""
        if self._writer is None:
            self._lost += 1
            return
        try:
            kept = keep_files(self._box, folder)
        except OSError:  # a full disk: the study's own folder will do, if it stays
            kept = folder.absolute()
        self._note({"kind": "model", "folder": str(kept), "register": register})

    def finish(self, results: Mapping[str, Any], folder: Path) -> Delivery:
        """Note the conclusions and wait for the courier, as long as it gets on."""
        told = {name: results[name] for name in _NEEDED if name in results}
        if self._sampler is not None:
            self._sampler.stop()
        self._note({"kind": "finish", "results": told, "folder": str(folder.absolute()), "ended": time.time()})
        if self._courier is not None:
            say(self._courier, "finish")
            self._await_courier(self._courier)
        return self._settle()

    def close(self) -> None:
        """Let go; the courier ends by itself."""
        self._let_go()

    def _note(self, item: dict[str, Any]) -> None:
        with self._noting:  # cells, samples and conclusions come from threads of their own
            if self._writer is None:
                self._lost += 1
            else:
                self._writer.append({"noted": time.time(), **item})

    def _await_courier(self, courier: subprocess.Popen[bytes]) -> None:
        seen, since = -1, time.monotonic()
        while courier.poll() is None:
            progress = read_progress(self._box)
            if progress.delivered != seen:
                seen, since = progress.delivered, time.monotonic()
            patience = PATIENCE_WITH_BROKEN_SECONDS if progress.error else PATIENCE_SECONDS
            if progress.done or time.monotonic() - since > patience:
                break
            try:
                courier.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        if courier.poll() is None:
            courier.kill()
            courier.wait()

    def _settle(self) -> Delivery:
        if self._writer is None:
            self._let_go()
            return Delivery(0, self._lost, self._reason, self._address.shown)
        progress = read_progress(self._box)
        noted = self._writer.written + self._writer.unwritten
        reason = self._writer.error or progress.error or self._explain_silence()
        undelivered = noted - progress.delivered
        self._let_go()
        if undelivered:
            return Delivery(progress.delivered, undelivered, reason, self._address.shown)
        for box in (self._box, *self._superseded):
            if not is_owned(box):
                remove_box(box)
        return Delivery(progress.delivered, 0, None, self._address.shown)

    def _explain_silence(self) -> str:
        code = None if self._courier is None else self._courier.returncode
        if code is None or code == -SIGKILL:  # by ourselves, out of patience
            return "MLflow did not answer in time"
        return f"the courier ended with exit code {code}, see {self._box / LOG_FILE}"

    def _let_go(self) -> None:
        if self._sampler is not None:
            self._sampler.stop()
        if self._courier is not None and self._courier.stdin is not None:
            self._courier.stdin.close()
        if self._writer is not None:
            self._writer.close()
            self._lock.release()


def _sort_leftovers(outbox: Path, study: StudyInfo, address: Address) -> tuple[list[Path], list[Path]]:
    """Find the boxes for the same destination: first those of the same study, then those of others.

    What a killed study has left is in the same study's next box as well, as all of it is found in the store.
    """
    same: list[Path] = []
    others: list[Path] = []
    for box in find_boxes(outbox):
        try:
            label = read_label(box)
        except (OSError, ValueError, TypeError, KeyError):
            continue  # vanished, or damaged: `embexp sync` says so
        if label.destination == address.shown:
            (same if label.study.fingerprint == study.fingerprint else others).append(box)
    return same, others
