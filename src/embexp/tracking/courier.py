"""The courier: a process of its own that carries outbox boxes to MLflow while cells train.

A process, and not a thread, because importing MLflow takes seconds, its calls hold Python's global lock, it
meddles with logging, and a server that hangs can only be left behind by killing who waits for it. The planner
starts it (`post.start_courier`), appends to its box and goes on; stdin is the life line between them: a line
"finish" says that nothing more will be appended, its end that the planner is gone.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from filelock import Timeout

from embexp.tracking.address import Address, mask
from embexp.tracking.locks import take_turn
from embexp.tracking.outbox import (
    Progress,
    Reader,
    find_boxes,
    is_owned,
    own_box,
    read_label,
    remove_box,
    write_progress,
)

_logger = logging.getLogger(__name__)

BATCH = 25  # deliveries in a transaction: at 13 ms each, other writers wait a third of a second at most
BATCH_TO_SERVER = 8  # no transactions there: small, so that a slow server is seen to get on
POLL_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 30.0
LAST_ATTEMPTS = 3  # after "finish", a store that fails this often in a row is left for `embexp sync`
TURN_SECONDS = 30.0  # how long to wait for somebody who delivers the same study
COUNTED = ("cell", "finish", "model", "system")

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


class Carrier:
    """Carries one box to MLflow, batch by batch."""

    def __init__(self, box: Path, address: Address) -> None:
        self._box = box
        self._address = address
        self._name = uuid.uuid4().hex
        self._label = read_label(box)
        self._reader = Reader(box)
        self._waiting: list[dict[str, Any]] = [{"kind": "study"}]
        self._whole = BATCH_TO_SERVER if address.is_server else BATCH
        self._size = self._whole
        self._desk: Any = None
        self._settled = True  # whether nothing was delivered since doubles were looked for
        self.progress = Progress()
        self.failures = 0  # in a row

    def fill(self) -> None:
        """Take in what was appended to the box."""
        self._waiting += self._reader.read_new()

    def add(self, kind: str) -> None:
        """Append a delivery without content."""
        self._waiting.append({"kind": kind})

    @property
    def has_work(self) -> bool:
        """Whether something that was taken in waits to be delivered."""
        return bool(self._waiting)

    @property
    def has_settled(self) -> bool:
        """Whether doubles were looked for after the last delivery."""
        return self._settled

    @property
    def has_finish(self) -> bool:
        """Whether a study's conclusions were taken in."""
        return any(item["kind"] == "finish" for item in self._waiting)

    @property
    def study(self) -> str:
        """The fingerprint of the study in the box."""
        return self._label.study.fingerprint

    @property
    def has_delivered(self) -> bool:
        """Whether MLflow holds all that was taken in, each once."""
        return not self._waiting and self._settled and not self.progress.refused

    def attempt(self) -> bool:
        """Try to deliver a batch, or with none left to settle; say whether that went well. Never raises."""
        try:
            self._take_turn()
        except Exception as error:
            self.failures += 1
            self._desk = None
            _logger.exception("attempt %d failed", self.failures)
            self.note(replace(self.progress, error=explain(error, self._address)))
            return False
        self.failures = 0
        return True

    def _take_turn(self) -> None:
        from embexp.tracking.delivery import Desk

        turn = f"deliver {self._address.uri} {self._label.study.fingerprint}"
        with take_turn(turn, self._name, TURN_SECONDS) as others_were_here:
            if self._desk is None:
                self._desk = Desk(self._address, self._label)
            elif others_were_here:
                self._desk.refresh()
            if self._waiting:
                self._deliver_batch(self._waiting[: self._size])
            elif not self._settled:
                # Somebody on another machine may have delivered the same study at the same time.
                self._desk.refresh()
                self._settled = True

    def _deliver_batch(self, batch: list[dict[str, Any]]) -> None:
        try:
            self._desk.deliver(batch)
        except Exception as error:
            if not is_refusal(error):
                raise
            self._desk.refresh()
            self._size = 1  # to find what MLflow refuses
            if len(batch) == 1:
                _logger.exception("refused: %s", str(batch[0])[:1000])
                del self._waiting[:1]
                reason = explain(error, self._address)
                self.note(replace(self.progress, refused=self.progress.refused + 1, error=reason))
            return
        del self._waiting[: len(batch)]
        self._size = self._whole
        self._settled = False
        counted = sum(item["kind"] in COUNTED for item in batch)
        error_left = self.progress.error if self.progress.refused else None
        if counted or self.progress.error != error_left:
            self.note(replace(self.progress, delivered=self.progress.delivered + counted, error=error_left))

    def note(self, progress: Progress) -> None:
        """Leave word of how far we are."""
        self.progress = progress
        try:
            write_progress(self._box, progress)
        except OSError as error:  # a full disk: only the count is lost
            _logger.warning("progress not written: %s", error)


def carry_own(box: Path, address: Address, line: LifeLine, leftovers: Iterator[None]) -> None:
    """Carry a box while its planner appends to it; in idle moments carry what others have left."""
    carrier = Carrier(box, address)
    while True:
        complete = line.complete  # asked before reading, so that no line slips between
        carrier.fill()
        if carrier.has_work or (complete and not carrier.has_settled):
            carrier.attempt()
        elif complete:
            break
        elif next(leftovers, False) is None:
            continue
        if complete and carrier.failures >= (LAST_ATTEMPTS if line.finishing.is_set() else 1):
            break
        _pause(carrier, line, complete)
    carrier.note(replace(carrier.progress, done=True))


def _pause(carrier: Carrier, line: LifeLine, complete: bool) -> None:
    seconds = POLL_SECONDS
    if carrier.failures:
        seconds = min(0.5 * 2 ** (carrier.failures - 1), 1.0 if complete else LONGEST_WAIT_SECONDS)
    elif carrier.has_work or complete:
        return
    if line.changed.wait(seconds):
        line.changed.clear()


def carry_leftovers(boxes: Sequence[Path], address: Address, attempts: int = 1) -> Iterator[None]:
    """Deliver boxes that their planners have left, a batch at each step; end at the first that fails."""
    for box in boxes:
        lock = own_box(box)
        if lock is None:
            continue  # its planner lives, or somebody else delivers it
        try:
            try:
                carrier = Carrier(box, address)
                carrier.fill()
            except (OSError, ValueError, TypeError, KeyError):
                _logger.exception("%s is damaged", box)
                continue
            if not carrier.has_finish and not _is_running(carrier.study, box):
                # A study that died shows as running for ever, unless somebody says that it was killed.
                carrier.add("abandoned")
            while carrier.has_work or not carrier.has_settled:
                if not carrier.attempt():
                    if carrier.failures >= attempts:
                        return
                    time.sleep(0.5 * 2**carrier.failures)
                yield
            if carrier.has_delivered:
                remove_box(box)
        finally:
            lock.release()


def _is_running(study: str, but: Path) -> bool:
    others = [box for box in find_boxes(but.parent) if box != but and box.name.startswith(study[:16])]
    return any(is_owned(box) for box in others)


def is_refusal(error: Exception) -> bool:
    """Whether MLflow, or our own code, rejects what is delivered, and not the attempt."""
    code = getattr(error, "error_code", None)
    if isinstance(error, OSError):  # an answer that is no JSON is a ValueError too, and the server's fault
        return False
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


class MaskedStream(io.TextIOBase):
    """Passes text on without the secrets in it: MLflow tells whole URIs in its errors."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, masked."""
        self._stream.write(mask(text))
        return len(text)

    def flush(self) -> None:
        """Flush what was written."""
        self._stream.flush()


def main() -> None:
    """Carry what the order on stdin says."""
    sys.stderr = MaskedStream(sys.stderr)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    with suppress(OSError, AttributeError):
        os.nice(5)  # cells that train come first
    order = json.loads(sys.stdin.readline())
    address = Address(**order["address"])
    leftovers = [Path(box) for box in order["leftovers"]]
    if order["box"] is None:
        for _ in carry_leftovers(leftovers, address, LAST_ATTEMPTS):
            pass
        return
    line = LifeLine()
    threading.Thread(target=line.listen, args=(sys.stdin,), daemon=True).start()
    carry_own(Path(order["box"]), address, line, carry_leftovers(leftovers, address))


if __name__ == "__main__":
    main()
