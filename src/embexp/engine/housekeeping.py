"""Look through a store: what lies in it, which entries something needs, and how one is removed.

Reading and removing are safe beside running studies: an entry leaves by a rename under its lock, so nobody ever
sees half of one, and a study that finds it gone makes it again.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from embexp.engine.entries import DamagedEntryError
from embexp.engine.store import Store


@dataclass(frozen=True)
class Listed:
    """One entry as a list shows it.

    Attributes:
        fingerprint: Its name.
        stage: Kind of work; empty if the manifest cannot be read.
        title: What it was called when it was made.
        size_bytes: Of all its files.
        made: When it was finished, in seconds since 1970.
        host: Where it was made.
        seconds: How long that took.
        needs: Fingerprints of the entries that it was made from.
        problem: What is wrong with its manifest or timing; empty if nothing.
    """

    fingerprint: str
    stage: str
    title: str
    size_bytes: int
    made: float
    host: str
    seconds: float
    needs: tuple[str, ...] = ()
    problem: str = ""


def list_entries(store: Store) -> list[Listed]:
    """Return all entries, the newest first. Reads manifests and timings only; nothing is hashed."""
    found = []
    for name in store.fingerprints():
        try:
            manifest, timing = store.read_manifest(name), store.read_timing(name)
            size = sum(listed["size"] for listed in manifest["files"].values())
            needs = tuple(str(need) for need in manifest["needs"].values())
            made, seconds = float(timing.get("ended", 0.0)), float(timing.get("seconds", 0.0))
            title, host = str(timing.get("title", "")), str(timing.get("host", ""))
            found.append(Listed(name, str(manifest["stage"]), title, size, made, host, seconds, needs))
        except FileNotFoundError:  # removed meanwhile
            continue
        except (DamagedEntryError, TypeError, ValueError) as error:
            folder = store.path(name)
            found.append(Listed(name, "", "", folder_bytes(folder), _age_mark(folder), "", 0.0, (), str(error)))
    return sorted(found, key=lambda entry: (-entry.made, entry.fingerprint))


def closure(roots: Iterable[str], entries: Iterable[Listed]) -> set[str]:
    """Return the roots and all that they were made from, through any number of steps."""
    needs: Mapping[str, tuple[str, ...]] = {entry.fingerprint: entry.needs for entry in entries}
    reached: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(needs.get(name, ()))
    return reached


def remove_entry(store: Store, fingerprint: str) -> bool:
    """Remove an entry; False when it is not there or somebody is at it just now."""
    lock = store.lock(fingerprint)
    if lock is None:
        return False
    with lock:
        leaving = store.begin(fingerprint, lock)
        try:
            store.path(fingerprint).rename(leaving / "leaving")
        except FileNotFoundError:
            return False
        finally:
            shutil.rmtree(leaving, ignore_errors=True)
    return True


def folder_bytes(folder: Path) -> int:
    """Return the size of all plain files below a folder; links are not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _age_mark(folder: Path) -> float:
    try:
        return folder.lstat().st_mtime
    except OSError:
        return time.time()
