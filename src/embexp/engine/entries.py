"""One finished entry: what its manifest says, and whether the files are what was written.

Nothing here trusts the folder: a manifest that names a file outside it, a link in place of a file, or any
byte that changed makes the entry damaged.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embexp.engine.task import canonical_json, fingerprint_of
from embexp.errors import EmbexpError

MANIFEST = "entry.json"
RECORD = "record.json"
TIMING = "timing.json"

LARGEST_JSON_BYTES = 64 * 1024 * 1024


class DamagedEntryError(EmbexpError):
    """An entry of the store is not what was written."""


@dataclass(frozen=True)
class Identity:
    """What an entry is: the parts of its fingerprint."""

    stage: str
    version: int
    config: Mapping[str, Any]
    needs: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """The name of the entry."""
        return fingerprint_of(self.stage, self.version, self.config, self.needs)


def examine(folder: Path, fingerprint: str, limit: int | None) -> None:
    """Compare an entry with its manifest.

    Args:
        folder: The entry.
        fingerprint: What it must be.
        limit: Files up to this many bytes are hashed, larger ones are only measured; None hashes all.

    Raises:
        FileNotFoundError: If there is no such entry.
        DamagedEntryError: If it is not what was written.
    """
    files = read_manifest(folder, fingerprint)["files"]
    read_timing(folder)
    base = f"{folder}{os.sep}"
    for name, listed in files.items():
        _examine_file(base + name, listed, limit)


def read_timing(folder: Path) -> dict[str, Any]:
    """Return an entry's timing.json. It stands in no checksum; it must only be there and be readable."""
    try:
        timing = json.loads(_read_plain(folder / TIMING))
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedEntryError(f"{folder / TIMING} cannot be read: {error}") from error
    if not isinstance(timing, dict):
        raise DamagedEntryError(f"{folder / TIMING} is no JSON object")
    return timing


def read_manifest(folder: Path, fingerprint: str) -> dict[str, Any]:
    """Return an entry's manifest, checked against its own checksum and against the fingerprint.

    Raises:
        FileNotFoundError: If there is no such entry.
        DamagedEntryError: If it is not what was written.
    """
    path = folder / MANIFEST
    try:
        content = _read_plain(path)
    except OSError as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError) and not os.path.lexists(folder):
            raise FileNotFoundError(f"there is no entry {folder}") from None
        raise DamagedEntryError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        manifest: dict[str, Any] = json.loads(content)
        checksum = manifest.pop("checksum")
        whole = hashlib.sha256(canonical_json(manifest)).hexdigest() == checksum
        identity = Identity(*(manifest[key] for key in ("stage", "version", "config", "needs")))
        right = manifest["fingerprint"] == fingerprint == identity.fingerprint
        strange = [
            name
            for name, listed in manifest["files"].items()
            if not (is_file_name(name) and isinstance(listed["size"], int) and len(listed["sha256"]) == 64)
        ]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedEntryError(f"{path} cannot be read: {error}") from error
    if not whole:
        raise DamagedEntryError(f"{path} does not match its checksum")
    if not right:
        raise DamagedEntryError(f"{path} belongs to another entry")
    if strange:
        raise DamagedEntryError(f"{path} lists the file {strange[0]!r}, which an entry cannot hold")
    return manifest


def _read_plain(path: Path) -> bytes:
    """Read a small file that must be a plain one: a link could lead anywhere, a pipe or a device never ends."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with open(descriptor, "rb") as file:  # noqa: PTH123 (a descriptor, not a path)
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST_JSON_BYTES:
            raise OSError(errno.EINVAL, "is no plain file of a sensible size", str(path))
        return file.read()


def is_file_name(name: str) -> bool:
    """Whether an entry may hold a file of this name: inside its folder, on any system, and not the engine's."""
    parts = name.split("/")
    return (
        all(part not in ("", ".", "..") for part in parts)
        and not set(name) & set("\\:\0")
        and name not in (MANIFEST, TIMING)
    )


def _examine_file(path: str, listed: Mapping[str, Any], limit: int | None) -> None:
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode):
            raise DamagedEntryError(f"{path} is no plain file")
        if found.st_size != listed["size"]:
            raise DamagedEntryError(f"{path} has {found.st_size} bytes, {listed['size']} were written")
        if (limit is None or found.st_size <= limit) and _digest(path) != listed["sha256"]:
            raise DamagedEntryError(f"{path} does not match its checksum")
    except (OSError, ValueError) as error:
        raise DamagedEntryError(f"{path} cannot be read: {error}") from error


def _digest(path: str) -> str:
    with open(path, "rb") as file:  # noqa: PTH123 (500 entries are checked at each start: Path costs half)
        return hashlib.file_digest(file, "sha256").hexdigest()
