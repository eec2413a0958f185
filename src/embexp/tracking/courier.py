"""The courier: a process of its own that carries outbox boxes to MLflow while cells train.

A process, and not a thread, because importing MLflow takes seconds, its calls hold Python's global lock, it
meddles with logging, and a server that hangs can only be left behind by killing who waits for it. The planner
starts it (`post.start_courier`), appends to its box and goes on; stdin is the life line between them: a line
"finish" says that nothing more will be appended, its end that the planner is gone.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from filelock import Timeout

from embexp.tracking.address import Address, mask
from embexp.tracking.locks import take_turn
from embexp.tracking.outbox import Progress, Reader, own_box, read_label, remove_box, write_progress

_logger = logging.getLogger(__name__)

BATCH = 25  # deliveries in a transaction: at 13 ms each, other writers wait a third of a second at most
POLL_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 30.0
LAST_ATTEMPTS = 3  # after "finish", a store that fails this often in a row is left for `embexp sync`
TURN_SECONDS = 30.0  # how long to wait for somebody who delivers the same study
COUNTED = ("cell", "finish")

# What MLflow answers when it has understood and says no: trying again would not help.
_REFUSALS = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST")


@dataclass
class LifeLine:
    """What the courier hears from the planner."""

    finishing: threading.Event = field(default_factory=threading.Event)
    orphaned: threading.Event = field(default_factory=threading.Event)
    changed: threading.Event = field(default_factory=threading.Event)

    def listen(self, stream: IO[str]) -> None:
        """Listen until the planner says "finish" or is gone."""
        for line in stream:
            if line.strip() == "finish":
                self.finishing.set()
                self.changed.set()
        self.orphaned.set()
        self.changed.set()

    @property
    def complete(self) -> bool:
        """Whether nothing more will be appended to the box."""
        return self.finishing.is_set() or self.orphaned.is_set()


class Courier:
    """Carries one box."""

    def __init__(self, box: Path, address: Address, line: LifeLine, last: Sequence[str] = ()) -> None:
        self._box = box
        self._address = address
        self._line = line
        self._last = [{"kind": kind} for kind in last]  # what to deliver when the box is empty
        self._name = uuid.uuid4().hex
        self._label = read_label(box)
        self._reader = Reader(box)
        self._waiting: list[dict[str, Any]] = [{"kind": "study"}]
        self._progress = Progress()
        self._desk: Any = None
        self._failures = 0  # in a row

    def run(self) -> bool:
        """Deliver until the planner is finished or gone; say whether everything has been delivered."""
        while True:
            complete = self._line.complete  # asked before reading, so that no line slips between
            self._waiting += self._reader.read_new()
            if complete and not self._waiting:
                self._waiting, self._last = self._last, []
            if self._waiting:
                self._attempt()
            elif complete:
                break
            if complete and self._failures >= (LAST_ATTEMPTS if self._line.finishing.is_set() else 1):
                break
            self._wait()
        self._note(replace(self._progress, done=True))
        return not self._waiting and not self._progress.refused

    def _wait(self) -> None:
        seconds = POLL_SECONDS
        if self._failures:
            longest = 1.0 if self._line.complete else LONGEST_WAIT_SECONDS
            seconds = min(0.5 * 2 ** (self._failures - 1), longest)
        elif self._line.complete:
            return
        if self._line.changed.wait(seconds):
            self._line.changed.clear()

    def _attempt(self) -> None:
        try:
            self._deliver_waiting()
        except Exception as error:
            self._failures += 1
            self._desk = None
            _logger.exception("attempt %d failed", self._failures)
            self._note(replace(self._progress, error=explain(error, self._address)))
        else:
            self._failures = 0

    def _deliver_waiting(self) -> None:
        from embexp.tracking.delivery import Desk

        turn = f"deliver {self._address.uri} {self._label.study.fingerprint}"
        with take_turn(turn, self._name, TURN_SECONDS) as others_were_here:
            if self._desk is None:
                self._desk = Desk(self._address, self._label)
            elif others_were_here:
                self._desk.refresh()
            size = BATCH
            while self._waiting:
                size = self._deliver_batch(self._waiting[:size])

    def _deliver_batch(self, batch: list[dict[str, Any]]) -> int:
        """Deliver a batch; give the size of the next: after a failure one, to find what MLflow refuses."""
        try:
            self._desk.deliver(batch)
        except Exception as error:
            if not is_refusal(error):
                raise
            self._desk.refresh()
            if len(batch) == 1:
                _logger.exception("refused: %s", str(batch[0])[:1000])
                del self._waiting[:1]
                reason = explain(error, self._address)
                self._note(replace(self._progress, refused=self._progress.refused + 1, error=reason))
            return 1
        del self._waiting[: len(batch)]
        counted = sum(item["kind"] in COUNTED for item in batch)
        if counted or self._progress.error:
            delivered = self._progress.delivered + counted
            error_left = self._progress.error if self._progress.refused else None
            self._note(replace(self._progress, delivered=delivered, error=error_left))
        return BATCH

    def _note(self, progress: Progress) -> None:
        self._progress = progress
        try:
            write_progress(self._box, progress)
        except OSError as error:  # a full disk: only the count is lost
            _logger.warning("progress not written: %s", error)


def is_refusal(error: Exception) -> bool:
    """Whether MLflow, or our own code, rejects what is delivered, and not the attempt."""
    code = getattr(error, "error_code", None)
    return code in _REFUSALS or isinstance(error, KeyError | TypeError | ValueError)


def explain(error: Exception, address: Address) -> str:
    """Say in a few words why a delivery failed."""
    text = f"{error}" or type(error).__name__
    if isinstance(error, Timeout):
        return "another process is delivering the same study"
    if "Connection refused" in text or "NewConnectionError" in text:
        return f"no server answers at {address.shown}"
    if "Read timed out" in text or "ConnectTimeout" in text:
        return f"{address.shown} does not answer in time"
    first = text.strip().splitlines()[0]
    if not isinstance(error, OSError | RuntimeError) and not hasattr(error, "error_code"):
        first = f"{type(error).__name__}: {first}"
    return mask(first)[:300]


def carry_leftovers(boxes: Sequence[Path], address: Address, current_study: str | None) -> None:
    """Deliver boxes that their planners have left; stop at the first that cannot be delivered."""
    line = LifeLine()
    line.finishing.set()
    for box in boxes:
        lock = own_box(box)
        if lock is None:
            continue  # its planner lives, or somebody else delivers it
        try:
            study = read_label(box).study.fingerprint
            # A study that died shows as running for ever, unless somebody says that it was killed.
            last = () if study == current_study or _has_finish(box) else ("abandoned",)
            if not Courier(box, address, line, last).run():
                return
            remove_box(box)
        finally:
            lock.release()


def _has_finish(box: Path) -> bool:
    return any(item["kind"] == "finish" for item in Reader(box).read_new())


def main() -> None:
    """Carry what the order on stdin says."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    with suppress(OSError, AttributeError):
        os.nice(5)  # cells that train come first
    order = json.loads(sys.stdin.readline())
    address = Address(**order["address"])
    leftovers = [Path(box) for box in order["leftovers"]]
    if order["box"] is None:
        carry_leftovers(leftovers, address, None)
        return
    box = Path(order["box"])
    line = LifeLine()
    threading.Thread(target=line.listen, args=(sys.stdin,), daemon=True).start()
    carry_leftovers(leftovers, address, read_label(box).study.fingerprint)
    Courier(box, address, line).run()


if __name__ == "__main__":
    main()
