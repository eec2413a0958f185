"""`embexp store`: what lies in the store, and what of it no study needs any more."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table

from embexp.command.arguments import Arguments
from embexp.command.compose import compose_arguments
from embexp.config import StudyConfig
from embexp.display import spell_seconds
from embexp.engine.housekeeping import Listed, closure, folder_bytes, list_entries, remove_entry
from embexp.engine.store import Store
from embexp.errors import StudyFailed, UserError

ACTIONS = ("list", "remove")
LISTED_ROWS = 60
PIPE_WIDTH = 160
KEPT_DAYS = 1.0  # a study that was interrupted has no results.json yet; its cells are this young
DAY_SECONDS = 86_400.0


@dataclass(frozen=True)
class _Words:
    """What a command line asks of the store."""

    action: str
    days: float
    agreed: bool
    everything: bool
    arguments: Arguments


def store(arguments: Arguments) -> int:
    """List the entries of the store, or remove those that no study needs."""
    words = _read_words(arguments)
    config = compose_arguments(words.arguments)
    where = Store(Path(config.store))
    entries = list_entries(where)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    if not entries:
        console.print(f"The store {config.store} is empty.", markup=False)
        return 0
    if words.action == "list":
        _show(console, entries, config, words.everything)
        return 0
    return _remove(console, where, entries, config, words)


def _show(console: Console, entries: Sequence[Listed], config: StudyConfig, everything: bool) -> None:
    needed = needed_entries(config, entries)
    shown = entries if everything else entries[:LISTED_ROWS]
    console.print(entry_table(shown, needed))
    if len(shown) < len(entries):
        console.print(f"and {len(entries) - len(shown)} older; `embexp store all` lists them too", markup=False)
    console.print()
    for line in summary(config, entries, needed):
        console.print(line, markup=False, soft_wrap=True)


def _remove(console: Console, where: Store, entries: Sequence[Listed], config: StudyConfig, words: _Words) -> int:
    needed = needed_entries(config, entries)
    oldest = time.time() - words.days * DAY_SECONDS
    young = closure((entry.fingerprint for entry in entries if entry.made > oldest), entries)
    leaving = [entry for entry in entries if entry.fingerprint not in needed | young]
    if not leaving:
        console.print(
            f"Nothing to remove: every entry is needed by a study in {config.output}, or younger than "
            f"{words.days:g} days (days=N).",
            markup=False,
            soft_wrap=True,
        )
        return 0
    console.print(entry_table(leaving, needed))
    size = spell_bytes(sum(entry.size_bytes for entry in leaving))
    console.print(f"\n{_count(leaving)}, {size}: no study in {config.output} needs them.", markup=False)
    if not (words.agreed or _ask()):
        console.print("Nothing was removed; `embexp store remove yes` removes them.", markup=False)
        return 0
    removed = [entry for entry in leaving if remove_entry(where, entry.fingerprint)]
    console.print(f"Removed {_count(removed)}.", markup=False)
    if len(removed) < len(leaving):
        raise StudyFailed(f"{len(leaving) - len(removed)} are being built by another study and stay")
    return 0


def needed_entries(config: StudyConfig, entries: Sequence[Listed]) -> set[str]:
    """Return what the studies and labs in the output folder need, and what that was made from."""
    return closure(named(config), entries)


def named(config: StudyConfig) -> set[str]:
    """Return the fingerprints that a results.json below the output folder names: cells, and what else it read."""
    found: set[str] = set()
    for file in sorted(Path(config.output).glob("*/*/results.json")):
        try:
            results = json.loads(file.read_text(encoding="utf-8"))
            found.update(str(cell["fingerprint"]) for cell in results.get("cells", ()))  # a lab's has none
            found.update(map(str, results.get("entries", ())))
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise UserError(
                f"{file}: cannot be read ({error}), so what its study needs is not known; mend or remove it, or "
                "name another output=FOLDER"
            ) from error
    return found


def entry_table(entries: Iterable[Listed], needed: set[str]) -> Table:
    """Return one row per entry: name, kind, title, size, age, where and how long it was made, needed or not."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("entry", "stage", "title", "size", "age", "made on", "in", "needed"):
        table.add_column(name, justify="right" if name in ("size", "age", "in") else "left", overflow="fold")
    now = time.time()
    for entry in entries:
        cells = (
            entry.fingerprint[:8],
            entry.stage.replace("_", " ") or "damaged",
            entry.title,
            spell_bytes(entry.size_bytes),
            spell_age(now - entry.made),
            entry.host,
            spell_seconds(entry.seconds),
            "yes" if entry.fingerprint in needed else "no",
        )
        table.add_row(*(_plain(cell) for cell in cells))
    return table


def summary(config: StudyConfig, entries: Sequence[Listed], needed: set[str]) -> list[str]:
    """Return the sizes by stage and in all, and what could be removed."""
    by_stage = sorted(entries, key=lambda entry: entry.stage)
    lines = []
    for stage, group in groupby(by_stage, key=lambda entry: entry.stage):
        members = list(group)
        lines.append(f"{stage.replace('_', ' ') or 'damaged'}: {_count(members)}, {spell_bytes(_size(members))}")
    lines.append(f"in all: {_count(entries)}, {spell_bytes(_size(entries))}, in {config.store}")
    free = [entry for entry in entries if entry.fingerprint not in needed]
    if free:
        lines.append(f"no study in {config.output} needs {_count(free)}, {spell_bytes(_size(free))}")
    damaged = Path(config.store) / "damaged"
    if damaged.is_dir():
        lines.append(f"set aside as damaged: {spell_bytes(folder_bytes(damaged))}, in {damaged}")
    return lines


def spell_bytes(size: float) -> str:
    """Return a size as people say it: 870 B, 12 kB, 1.2 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def spell_age(seconds: float) -> str:
    """Return an age in its largest unit, days at most."""
    for size, unit in ((DAY_SECONDS, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return spell_seconds(seconds)


def _size(entries: Iterable[Listed]) -> int:
    return sum(entry.size_bytes for entry in entries)


def _count(entries: Sequence[Listed]) -> str:
    return "1 entry" if len(entries) == 1 else f"{len(entries):,} entries"


def _plain(text: str) -> str:
    """Keep a title from a stranger's store from writing on the terminal what is no text."""
    from rich.markup import escape

    return escape("".join(letter if letter.isprintable() else "?" for letter in text))


def _ask() -> bool:
    if not sys.stdin.isatty():
        return False
    return input("Remove them? [y/N] ").strip().lower() in ("y", "yes")


def _read_words(arguments: Arguments) -> _Words:
    words = [word for word in arguments.overrides if "=" not in word]
    days = [word for word in arguments.overrides if word.startswith("days=")]
    others = tuple(word for word in arguments.overrides if word not in {*words, *days})
    actions = [word for word in words if word in ACTIONS] or ["list"]
    problems = [
        f"store: {word!r} is not understood; possible: list, all, remove, yes, days=N, and settings as KEY=VALUE"
        for word in words
        if word not in (*ACTIONS, "yes", "all")
    ]
    if len(actions) > 1:
        problems.append(f"store: {' and '.join(actions)} cannot go together; give one of them")
    age = KEPT_DAYS
    try:
        age = float(days[-1].partition("=")[2]) if days else KEPT_DAYS
        if not 0 <= age < float("inf"):
            raise ValueError
    except ValueError:
        problems.append(f"{days[-1]}: is no number of days; such as days=30")
    UserError.raise_if(problems)
    return _Words(actions[0], age, "yes" in words, "all" in words, replace(arguments, overrides=others))
