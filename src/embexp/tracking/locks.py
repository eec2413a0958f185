"""Locks between processes of one machine and user."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock


def machine_lock(name: str, timeout: float = -1) -> FileLock:
    """Give a lock that all processes of this user on this machine know by its name.

    It lies in the machine's temporary folder, so that nothing is left beside a user's database. Between
    machines nothing is locked; there, doubles are found and deleted afterwards.
    """
    return FileLock(_lock_path(name), timeout=timeout)


@contextmanager
def take_turn(name: str, who: str, timeout: float) -> Iterator[bool]:
    """Hold a machine lock; give whether somebody else held it since `who` did.

    Raises:
        filelock.Timeout: Somebody else held it for longer than `timeout` seconds.
    """
    with machine_lock(name, timeout):
        note = _lock_path(name).with_suffix(".last")
        try:
            last = note.read_text(encoding="utf-8")
        except OSError:
            last = ""
        if last != who:
            note.write_text(who, encoding="utf-8")
        yield last != who


def _lock_path(name: str) -> Path:
    user = getattr(os, "getuid", lambda: 0)()
    folder = Path(tempfile.gettempdir()) / f"embexp-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.lock"
