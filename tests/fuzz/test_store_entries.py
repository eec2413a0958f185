"""Whatever stands in a store: a whole entry, or one that is known to be damaged; never a traceback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from embexp.engine.entries import Identity
from embexp.engine.housekeeping import list_entries
from embexp.engine.store import Store

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
FILES = ("entry.json", "timing.json", "record.json", "data.bin")
NAMES = st.sampled_from(
    ["../x", "/etc/passwd", "a/../../b", "", ".", "C:\\x", "entry.json", "data.bin", "\x00", "x" * 300]
)
DAMAGE = st.one_of(
    st.tuples(st.just("bytes"), st.sampled_from(FILES), st.binary(max_size=200)),
    st.tuples(st.just("flip"), st.sampled_from(FILES), st.integers(0, 10**6)),
    st.tuples(st.just("cut"), st.sampled_from(FILES), st.integers(0, 10**6)),
    st.tuples(st.just("json"), st.sampled_from(["entry.json", "timing.json"]), JSON),
    st.tuples(st.just("key"), st.sampled_from(["stage", "version", "config", "needs", "files", "checksum"]), JSON),
    st.tuples(st.just("file"), NAMES, JSON),
    st.tuples(st.just("link"), st.sampled_from(FILES), st.sampled_from(["/etc/passwd", "/dev/zero", ".", "nowhere"])),
    st.tuples(st.just("folder"), st.sampled_from(FILES), st.none()),
    st.tuples(st.just("gone"), st.sampled_from(FILES), st.none()),
)


def damage(folder: Path, kind: str, where: str, what: Any) -> None:
    """Do to an entry what happens on disks, and what a stranger might do."""
    file = folder / where
    if kind == "bytes":
        file.write_bytes(what)
    elif kind in ("flip", "cut"):
        content = bytearray(file.read_bytes())
        if kind == "cut":
            content = content[: what % len(content)]
        else:
            content[what % len(content)] ^= 1 << (what % 8)
        file.write_bytes(content)
    elif kind == "json":
        file.write_text(json.dumps(what))
    elif kind in ("key", "file"):
        manifest = json.loads((folder / "entry.json").read_text())
        if kind == "key":
            manifest[where] = what
        else:
            manifest["files"][where] = what
        (folder / "entry.json").write_text(json.dumps(manifest))
    else:
        file.unlink()
        if kind == "link":
            file.symlink_to(what)
        elif kind == "folder":
            file.mkdir()


def content_of(file: Path) -> Any:
    """What a plain file says: a manifest by its meaning, anything else by its bytes; None for no plain file."""
    if file.is_symlink() or not file.is_file():
        return None
    content = file.read_bytes()
    if file.name != "entry.json":
        return content
    try:
        return json.dumps(json.loads(content), sort_keys=True)
    except (ValueError, RecursionError):
        return content


def test_any_damage_is_found_and_never_raises(cases: settings, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.prepare()
    identity = Identity("stage", 1, {"a": 1}, {})
    name, whole = identity.fingerprint, tmp_path / "whole"
    building = store.root / "building" / "one"
    building.mkdir()
    (building / "data.bin").write_bytes(bytes(range(256)))
    (building / "record.json").write_text('{"value": 1}')
    store.publish(building, identity, {"seconds": 1.0, "ended": 2.0, "title": "x", "host": "y"})
    shutil.copytree(store.path(name), whole)

    def check(harm: tuple[str, str, Any]) -> None:
        shutil.rmtree(store.path(name))
        shutil.copytree(whole, store.path(name))
        damage(store.path(name), *harm)
        same = all(
            content_of(store.path(name) / file) == content_of(whole / file) for file in FILES if file != "timing.json"
        )
        found = store.verify(name)
        assert found in ("complete", "damaged")
        if not same:
            assert found == "damaged"
        assert (store.problem(name) is None) is (found == "complete")
        assert len(list_entries(store)) == 1

    cases(given(harm=DAMAGE)(check))()
