"""The outbox: what MLflow has yet to hear, kept in files so that no crash can lose it.

    <outbox>/<study>-<random>/     a box: one study, carried out once
        study.json                 the study, its destination and experiment; written first, whole
        items.jsonl                one delivery a line, only ever appended to
        progress.json              how far the courier came; rewritten whole
        courier.log                what MLflow had to say
        model/                     the files of a model, where the study leaves one
        owner.lock                 held by the planner while it may still append

A box disappears when all of it has been delivered. Lines may be delivered again at any time: MLflow itself
is asked which of them it holds already (`delivery`), so a lost progress.json costs time and nothing else.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from embexp.tracking.address import mask_all
from embexp.tracking.record import StudyInfo

STUDY_FILE = "study.json"
ITEMS_FILE = "items.jsonl"
PROGRESS_FILE = "progress.json"
LOG_FILE = "courier.log"
OWNER_LOCK = "owner.lock"


@dataclass(frozen=True)
class Label:
    """What is written on a box: what is in it and where it goes."""

    study: StudyInfo
    experiment: str
    destination: str  # tracking URI without its secrets
    opened: float  # when the study began, epoch seconds

    def as_json(self) -> dict[str, Any]:
        """Give plain values that JSON can hold."""
        return {
            "study": self.study.as_json(),
            "experiment": self.experiment,
            "destination": self.destination,
            "opened": self.opened,
        }


@dataclass(frozen=True)
class Progress:
    """How far the courier came with a box."""

    delivered: int = 0
    refused: int = 0  # items that MLflow itself rejects, set aside
    error: str | None = None  # why the last attempt failed; None after a success
    done: bool = False  # the courier has stopped


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old text or the new one, never half of it."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def create_box(root: Path, label: Label) -> tuple[Path, FileLock]:
    """Make an empty box and own it; it becomes visible to others with its label on it."""
    name = f"{label.study.fingerprint[:16]}-{uuid.uuid4().hex[:12]}"
    building = root / f".{name}"
    building.mkdir(parents=True)
    (building / STUDY_FILE).write_text(json.dumps(mask_all(label.as_json()), default=str), encoding="utf-8")
    (building / ITEMS_FILE).touch()
    lock = FileLock(building / OWNER_LOCK)
    lock.acquire(timeout=0)  # holds on to the file, whatever the folder is called
    return building.rename(root / name), lock


def find_boxes(root: Path) -> list[Path]:
    """List the boxes in an outbox, oldest first."""
    found = [path.parent for path in root.glob(f"[!.]*/{STUDY_FILE}")]
    return sorted(found, key=lambda box: (box / STUDY_FILE).stat().st_mtime_ns)


def keep_files(box: Path, folder: Path) -> Path:
    """Keep the files of a folder in a box, so that they are there when they can be delivered.

    Linked where the file system can, so that a large model takes no room twice.
    """
    kept = box / folder.name
    kept.mkdir(exist_ok=True)
    for path in sorted(folder.iterdir()):
        target = kept / path.name
        target.unlink(missing_ok=True)
        try:
            target.hardlink_to(path)
        except OSError:
            shutil.copyfile(path, target)
    return kept.absolute()


def read_label(box: Path) -> Label:
    """Read what is written on a box."""
    values = json.loads((box / STUDY_FILE).read_text(encoding="utf-8"))
    return Label(**{**values, "study": StudyInfo.from_json(values["study"])})


def read_progress(box: Path) -> Progress:
    """Read how far the courier came; a missing or damaged file is no progress."""
    try:
        return Progress(**json.loads((box / PROGRESS_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Progress()


def write_progress(box: Path, progress: Progress) -> None:
    """Note how far the courier came."""
    write_whole(box / PROGRESS_FILE, json.dumps(asdict(progress)))


def own_box(box: Path) -> FileLock | None:
    """Take a box for oneself until the lock is released or the process dies; None if somebody has it."""
    lock = FileLock(box / OWNER_LOCK)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return None
    return lock


def is_owned(box: Path) -> bool:
    """Whether a planner or a courier has the box right now."""
    lock = own_box(box)
    if lock is None:
        return True
    lock.release()
    return False


def count_items(box: Path) -> int:
    """Count the deliveries in a box."""
    return sum(1 for _ in Reader(box).read_new())


def remove_box(box: Path) -> None:
    """Remove a delivered box; its label goes first, so that no half box can be found."""
    (box / STUDY_FILE).unlink(missing_ok=True)
    shutil.rmtree(box, ignore_errors=True)


class Writer:
    """Appends deliveries to a box. A line that could not be written is kept and tried with the next."""

    def __init__(self, box: Path) -> None:
        self._path = box / ITEMS_FILE
        # Unbuffered: a line is in the kernel's hands, and outlives our death, when write returns.
        self._file = self._path.open("ab", buffering=0)
        self._unwritten: list[bytes] = []
        self.written = 0
        self.error: str | None = None

    @property
    def unwritten(self) -> int:
        """How many deliveries wait in memory because the disk refused them."""
        return len(self._unwritten)

    def append(self, item: Mapping[str, Any]) -> None:
        """Append one delivery. Never raises for a disk that is full or gone."""
        self._unwritten.append(json.dumps(item, default=_plain, separators=(",", ":")).encode() + b"\n")
        while self._unwritten:
            if not self._write(self._unwritten[0]):
                return
            self._unwritten.pop(0)
            self.written += 1
        self.error = None

    def _write(self, line: bytes) -> bool:
        try:
            start = os.fstat(self._file.fileno()).st_size
            if self._file.write(line) == len(line):
                return True
            os.ftruncate(self._file.fileno(), start)  # a disk that fills up takes half a line
            self.error = "the disk took only part of a line"
        except OSError as error:
            self.error = f"{error.strerror or error}: {self._path}"
        return False

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _plain(value: Any) -> Any:
    """Turn NumPy scalars and paths, which JSON does not know, into plain values."""
    return value.item() if hasattr(value, "item") else str(value)


class Reader:
    """Reads the deliveries of a box as they come in; half a line is left for later."""

    def __init__(self, box: Path) -> None:
        self._path = box / ITEMS_FILE
        self._offset = 0

    def read_new(self) -> Iterator[dict[str, Any]]:
        """Give the deliveries that were appended since the last call."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                yield json.loads(line)
