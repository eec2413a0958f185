"""Where finished outputs live: entries that appear whole or not at all.

    <root>/entries/<fp[:2]>/<fp>/   files of the stage, record.json, timing.json, entry.json
    <root>/building/<fp>.<owner>/   an entry being built, with <fp>.lock and <fp>.progress beside it
    <root>/damaged/<fp>.<number>/   entries whose checksums did not hold, kept for a look
    <root>/logs/<fp>.log            the last failure of a task

entry.json is the manifest: what the entry is (stage, version, config, needs), the size and sha256 of each
file, and a checksum of itself. It is written last, then the folder is renamed into place. timing.json is the
one file outside the manifest, so that two runs of one task give the same entry.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from embexp.engine.entries import (
    MANIFEST,
    RECORD,
    TIMING,
    DamagedEntryError,
    Identity,
    examine,
    is_file_name,
    read_manifest,
    read_timing,
)
from embexp.engine.locks import EntryLock
from embexp.engine.task import canonical_json
from embexp.engine.trouble import describe_trouble
from embexp.errors import UserError

SMALL_BYTES = 256 * 1024  # files up to this size are hashed by every check, larger ones by `verify`
DURABLE_SECONDS = 2.0  # work that took longer is flushed to the disk; shorter work is sooner done again
TRIAL_BYTES = 64 * 1024  # more than a file system keeps for small files; an empty file fits on a full disk
FOREIGN_SECONDS = 24 * 3600.0  # what another host left half-built is its own for this long

_FINGERPRINT = re.compile("[0-9a-f]{64}")

State = Literal["complete", "absent", "damaged"]


class Store:
    """A folder of entries, shared by any number of processes. Opening it touches nothing."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()
        self._entries = str(self.root / "entries")

    def path(self, fingerprint: str) -> Path:
        """Return the folder of an entry, whether it exists or not."""
        if not _FINGERPRINT.fullmatch(fingerprint):
            raise ValueError(f"{fingerprint!r} is no fingerprint")
        return Path(self._entries, fingerprint[:2], fingerprint)

    def log_path(self, fingerprint: str) -> Path:
        """Return the file that keeps a task's last failure."""
        return self.root / "logs" / f"{fingerprint}.log"

    def progress_path(self, fingerprint: str) -> Path:
        """Return the file through which a running task says how far it is."""
        return self.root / "building" / f"{fingerprint}.progress"

    # ---- reading

    def has(self, fingerprint: str) -> bool:
        """Whether a complete entry is there: all sizes right, small files also by checksum."""
        return self.check(fingerprint) == "complete"

    def check(self, fingerprint: str) -> State:
        """Tell complete from absent from damaged, cheaply; `verify` also hashes the large files."""
        return self._state(fingerprint, SMALL_BYTES)

    def verify(self, fingerprint: str) -> State:
        """Tell complete from absent from damaged by the checksum of every file."""
        return self._state(fingerprint, None)

    def problem(self, fingerprint: str) -> str | None:
        """Say what is wrong with an entry after hashing all of it, or None when it is whole."""
        try:
            examine(self.path(fingerprint), fingerprint, None)
        except (DamagedEntryError, FileNotFoundError) as error:
            return str(error)
        return None

    def read_manifest(self, fingerprint: str) -> dict[str, Any]:
        """Return entry.json, checked against its own checksum and against the fingerprint.

        Raises:
            FileNotFoundError: If there is no such entry.
            DamagedEntryError: If it is not what was written.
        """
        return read_manifest(self.path(fingerprint), fingerprint)

    def read_record(self, fingerprint: str) -> dict[str, Any]:
        """Return record.json, checked against the manifest.

        Raises:
            FileNotFoundError: If there is no such entry, or it has no record.
            DamagedEntryError: If it is not what was written.
        """
        folder = self.path(fingerprint)
        listed = read_manifest(folder, fingerprint)["files"].get(RECORD)
        if listed is None:
            raise FileNotFoundError(f"{folder} holds no {RECORD}")
        content = (folder / RECORD).read_bytes()
        if hashlib.sha256(content).hexdigest() != listed["sha256"]:
            raise DamagedEntryError(f"{folder / RECORD} does not match its checksum")
        record: dict[str, Any] = json.loads(content)
        return record

    def read_timing(self, fingerprint: str) -> dict[str, Any]:
        """Return timing.json: seconds, started, ended, worker, host, pid, versions and the stage's own."""
        return read_timing(self.path(fingerprint))

    def fingerprints(self) -> Iterator[str]:
        """Go through the fingerprints of all entries, in no particular order."""
        for shard in _listing(Path(self._entries)):
            for folder in _listing(shard):
                if _FINGERPRINT.fullmatch(folder.name):
                    yield folder.name

    # ---- writing

    def prepare(self) -> None:
        """Make the folders and try to write.

        Raises:
            UserError: If the store cannot be written.
        """
        try:
            for name in ("entries", "building", "logs"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            self._try_to_write()
        except OSError as error:
            raise UserError(
                f"store: cannot write in the folder {str(self.root)!r} ({error.strerror or error}); "
                "choose one that you may write to with store=FOLDER"
            ) from error

    def trouble(self) -> str | None:
        """Try to write as a task does; return why that cannot be done, for every task alike, or None."""
        try:
            self._try_to_write()
        except OSError as error:
            return describe_trouble(self.root, error)
        return None

    def _try_to_write(self) -> None:
        trial = self.root / "building" / f"trial.{_owner()}.{threading.get_ident()}"
        try:
            with trial.open("wb") as file:
                file.write(bytes(TRIAL_BYTES))
                file.flush()
                os.fsync(file.fileno())
        finally:
            with contextlib.suppress(OSError):
                trial.unlink()

    def lock(self, fingerprint: str) -> EntryLock | None:
        """Lock an entry for building, or return None when somebody alive is building it."""
        return EntryLock.acquire(self.root / "building" / f"{fingerprint}.lock")

    def is_being_built(self, fingerprint: str) -> bool:
        """Whether a live process holds the entry's lock."""
        lock = self.lock(fingerprint)
        if lock is None:
            return True
        lock.release()
        return False

    def begin(self, fingerprint: str, lock: EntryLock) -> Path:
        """Make the folder in which an entry is built, and clear away what a dead builder left of it.

        Args:
            fingerprint: Of the entry.
            lock: The entry's, held by the caller.
        """
        self._clear(fingerprint, lock)
        folder = self.root / "building" / f"{fingerprint}.{_owner()}"
        if folder.exists():  # left by a task of this same process that could not tidy up
            shutil.rmtree(folder)
        folder.mkdir()
        return folder

    def publish(self, folder: Path, identity: Identity, timing: Mapping[str, Any]) -> bool:
        """Complete a built folder and rename it into place.

        Returns:
            False when a whole entry of this name was there already: it stays, and ours is dropped.
        """
        fingerprint = identity.fingerprint
        durable = float(timing.get("seconds", 0.0)) >= DURABLE_SECONDS
        files = {name: _seal(folder / name, durable) for name in sorted(_file_names(folder))}
        _write_json(folder / TIMING, timing, durable)
        manifest = {
            "fingerprint": fingerprint,
            "stage": identity.stage,
            "version": identity.version,
            "config": identity.config,
            "needs": identity.needs,
            "files": files,
        }
        manifest["checksum"] = hashlib.sha256(canonical_json(manifest)).hexdigest()
        _write_json(folder / MANIFEST, manifest, durable)
        if durable:
            _flush_folder(folder)
        return self._rename(folder, fingerprint, durable)

    def set_aside(self, fingerprint: str) -> Path | None:
        """Move a damaged entry out of the way and return where it lies now.

        Returns:
            None when there is nothing to move: another study has mended it, or is mending it now.
        """
        lock = self.lock(fingerprint)
        if lock is None:
            return None
        with lock:
            return self._move_aside(fingerprint) if self.verify(fingerprint) == "damaged" else None

    def _move_aside(self, fingerprint: str) -> Path:
        kept = self.root / "damaged"
        kept.mkdir(exist_ok=True)
        number = 0
        while (target := kept / f"{fingerprint}.{number}").exists():
            number += 1
        self.path(fingerprint).rename(target)
        return target

    def sweep(self, fingerprint: str | None = None) -> list[str]:
        """Remove what dead processes left half-built, of one entry or of all; return the names removed."""
        if fingerprint is not None:
            names = {fingerprint}
        else:
            leftovers = (path.name.split(".", 1)[0] for path in _listing(self.root / "building"))
            names = {name for name in leftovers if _FINGERPRINT.fullmatch(name)}
        removed = []
        for name in sorted(names):
            lock = self.lock(name)
            if lock is not None:
                with lock:  # letting go of it takes a lock file away that a dead process left
                    removed += self._clear(name, lock)
        return removed

    def _clear(self, fingerprint: str, lock: EntryLock) -> list[str]:
        removed = []
        for leftover in sorted((self.root / "building").glob(f"{fingerprint}.*")):
            owner = leftover.name.removeprefix(f"{fingerprint}.")
            if owner != "lock" and _is_abandoned(leftover, owner, lock.real):
                _remove(leftover)
                removed.append(leftover.name)
        return removed

    def _rename(self, folder: Path, fingerprint: str, durable: bool) -> bool:
        target = self.path(fingerprint)
        target.parent.mkdir(exist_ok=True)
        for _ in range(3):  # another process may put its own there between our look and our rename
            try:
                folder.rename(target)
            except OSError:
                if not target.exists():
                    raise
            else:
                if durable:
                    _flush_folder(target.parent)
                return True
            if self.verify(fingerprint) == "complete":
                shutil.rmtree(folder)
                return False
            self._move_aside(fingerprint)
        raise DamagedEntryError(f"{target} could not be put in place")

    def _state(self, fingerprint: str, limit: int | None) -> State:
        try:
            examine(self.path(fingerprint), fingerprint, limit)
        except FileNotFoundError:
            return "absent"
        except DamagedEntryError:
            return "damaged"
        return "complete"


def _file_names(folder: Path) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        for name in (*names, *folders):
            path = Path(parent, name)
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise ValueError(f"the stage made {path.name!r}, which is no plain file")
        for name in names:
            relative = Path(parent, name).relative_to(folder).as_posix()
            if not is_file_name(relative):
                raise ValueError(f"the stage wrote a file {relative!r}, a name that an entry cannot hold")
            yield relative


def _seal(path: Path, durable: bool) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if durable:
            os.fsync(file.fileno())
        return {"sha256": digest, "size": os.fstat(file.fileno()).st_size}


def _write_json(path: Path, content: Mapping[str, Any], durable: bool) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(content, indent=1, sort_keys=True))
        if durable:
            file.flush()
            os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _listing(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _owner() -> str:
    return f"{socket.gethostname()}.{os.getpid()}"


def _is_abandoned(leftover: Path, owner: str, locks_are_real: bool) -> bool:
    """Whether the builder of a leftover is dead, given that its entry's lock is in our hands."""
    host, _, pid = owner.rpartition(".")
    if not pid.isdigit():  # a progress file has no owner in its name
        return locks_are_real or _age_seconds(leftover) > FOREIGN_SECONDS
    if host != socket.gethostname():  # locks may not reach across hosts
        return _age_seconds(leftover) > FOREIGN_SECONDS
    return locks_are_real or not _is_alive(int(pid))


def _age_seconds(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
