"""Entries appear whole or not at all, and damage is noticed."""

import errno
import fcntl
import hashlib
import itertools
import json
import os
import shutil
import time
from pathlib import Path

import engine_stages as stages
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embexp.engine.entries import DamagedEntryError, Identity
from embexp.engine.scheduler import carry_out
from embexp.engine.store import FOREIGN_SECONDS, Store
from embexp.engine.task import Task, canonical_json
from embexp.errors import UserError

SMALL_FILES = ["record.json", "parts/small.bin", "entry.json"]


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


def swap_for_a_link(path):
    twin = path.parent.parent.parent / "twin"
    path.rename(twin)
    path.symlink_to(twin)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *itertools.product(
            ["record.json", "parts/small.bin", "large.bin"],
            [truncate, flip_a_bit, empty, Path.unlink, swap_for_a_link],
        ),
        *itertools.product(["entry.json"], [truncate, flip_a_bit, empty, Path.unlink]),
        *itertools.product(["timing.json"], [truncate, empty, Path.unlink]),  # no checksum covers it
    ],
)
def test_damage_is_noticed_set_aside_and_made_again(store, ledger, serial, name, damage):
    need = stages.counted("need", ledger, large=True)
    carry_out([need], store, serial)
    entry = store.path(need.fingerprint)
    before = {path: path.read_bytes() for path in entry.rglob("*") if path.is_file()}
    damage(entry / name)
    assert store.verify(need.fingerprint) == "damaged"
    assert name in store.problem(need.fingerprint)

    events = []
    target = stages.counted("target", ledger, [need])
    outcome = carry_out([target], store, serial, on_event=events.append)

    assert outcome.done == [need, target]
    assert stages.executions(ledger) == {"need": 2, "target": 1}
    (damaged,) = [event for event in events if event.kind == "damaged"]
    assert name in damaged.reason
    assert str(store.root / "damaged") in damaged.reason
    for path, content in before.items():
        if path.name != "timing.json":
            assert path.read_bytes() == content


@pytest.mark.parametrize("name", SMALL_FILES)
def test_a_flipped_bit_in_a_small_file_is_noticed_by_the_cheap_check(store, ledger, serial, name):
    task = stages.counted("task", ledger)
    carry_out([task], store, serial)
    flip_a_bit(store.path(task.fingerprint) / name)
    assert not store.has(task.fingerprint)


def test_reading_a_damaged_record_raises(store, ledger, serial):
    task = stages.counted("task", ledger)
    carry_out([task], store, serial)
    assert store.read_record(task.fingerprint) == {"name": "task", "value": 1}
    flip_a_bit(store.path(task.fingerprint) / "record.json")
    with pytest.raises(DamagedEntryError, match=r"record\.json does not match its checksum"):
        store.read_record(task.fingerprint)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_any_bytes_for_a_manifest_are_damage_and_no_traceback(tmp_path, content):
    store = Store(tmp_path / "store")
    task = Task(stages.COUNT, {"name": "fuzz"})
    folder = store.path(task.fingerprint)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "entry.json").write_bytes(content)
    assert store.check(task.fingerprint) == "damaged"


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "a/../../b", "", "timing.json", "c:x", "a\\b"])
def test_a_manifest_cannot_name_a_file_outside_its_entry(store, ledger, serial, name):
    task = stages.counted("task", ledger)
    carry_out([task], store, serial)
    path = store.path(task.fingerprint) / "entry.json"
    manifest = json.loads(path.read_text())
    del manifest["checksum"]
    manifest["files"][name] = {"size": 0, "sha256": "0" * 64}
    manifest["checksum"] = hashlib.sha256(canonical_json(manifest)).hexdigest()
    path.write_text(json.dumps(manifest))
    assert "which an entry cannot hold" in store.problem(task.fingerprint)


def test_an_entry_copied_to_another_name_is_damaged(store, ledger, serial):
    one, other = stages.counted("one", ledger), stages.counted("other", ledger)
    carry_out([one], store, serial)
    store.path(other.fingerprint).parent.mkdir(exist_ok=True)
    shutil.copytree(store.path(one.fingerprint), store.path(other.fingerprint))
    assert "belongs to another entry" in store.problem(other.fingerprint)


def test_a_folder_without_a_manifest_is_no_entry(store, ledger, serial):
    task = stages.counted("task", ledger)
    store.path(task.fingerprint).mkdir(parents=True)
    assert store.check(task.fingerprint) == "damaged"
    assert carry_out([task], store, serial).done == [task]


def build(store, name, content, seconds=0.0):
    folder = store.root / "building" / name
    folder.mkdir()
    (folder / "data").write_bytes(content)
    return folder, {"seconds": seconds}


def test_the_second_of_two_equal_entries_is_dropped(store):
    # As two studies do it on a file system without locks.
    store.prepare()
    identity = Identity("stage", 1, {}, {})
    assert store.publish(*_with(build(store, "one", b"same"), identity))
    first = store.read_timing(identity.fingerprint)
    assert not store.publish(*_with(build(store, "two", b"same", seconds=3.0), identity))
    assert store.read_timing(identity.fingerprint) == first
    assert not list((store.root / "building").iterdir())


def _with(built, identity):
    return built[0], identity, built[1]


def test_an_entry_takes_the_place_of_a_damaged_one(store):
    store.prepare()
    identity = Identity("stage", 1, {}, {})
    store.publish(*_with(build(store, "one", b"good"), identity))
    flip_a_bit(store.path(identity.fingerprint) / "data")
    assert store.publish(*_with(build(store, "two", b"good"), identity))
    assert store.verify(identity.fingerprint) == "complete"
    assert len(list((store.root / "damaged").iterdir())) == 1


def test_long_work_is_flushed_to_the_disk(store, monkeypatch):
    flushed = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (flushed.append(descriptor), fsync(descriptor)))
    store.prepare()
    flushed.clear()
    store.publish(*_with(build(store, "short", b"x", seconds=0.5), Identity("stage", 1, {}, {})))
    assert not flushed
    store.publish(*_with(build(store, "long", b"x", seconds=60.0), Identity("stage", 2, {}, {})))
    assert len(flushed) == 5  # data, timing.json, entry.json, the folder, the folder above


def test_a_lock_is_held_once_and_leaves_nothing_behind(store):
    store.prepare()
    name = "a" * 64
    lock = store.lock(name)
    assert lock.real
    assert store.lock(name) is None
    assert store.is_being_built(name)
    lock.release()
    assert not store.is_being_built(name)
    assert not list((store.root / "building").iterdir())


def refuse_locks(monkeypatch):
    """Make this a file system without locks, as some network mounts are."""

    def no_locks(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)


def test_without_locks_an_entry_is_still_built(store, ledger, serial, monkeypatch):
    refuse_locks(monkeypatch)
    task = stages.counted("task", ledger)
    assert carry_out([task], store, serial).done == [task]
    assert carry_out([task], store, serial).cached == [task]


def test_without_locks_the_process_tells_whether_a_half_built_entry_is_abandoned(store, monkeypatch):
    store.prepare()
    building = store.root / "building"
    host, name = os.uname().nodename, "a" * 64
    ours, dead = building / f"{name}.{host}.{os.getpid()}", building / f"{name}.{host}.999999999"
    others, progress = building / f"{name}.{host}.1", building / f"{name}.progress"  # init, that of another user
    for folder in (ours, dead, others):
        folder.mkdir()
    progress.write_text("{}")
    refuse_locks(monkeypatch)
    assert store.sweep() == [dead.name]
    assert sorted(building.iterdir()) == sorted([ours, others, progress])
    long_ago = time.time() - FOREIGN_SECONDS - 60
    os.utime(progress, (long_ago, long_ago))  # nobody has said anything for a day
    assert store.sweep() == [progress.name]


def test_what_another_host_left_half_built_goes_after_a_day(store):
    store.prepare()
    old, new = (store.root / "building" / f"{letter * 64}.elsewhere.example.7" for letter in "ab")
    long_ago = time.time() - FOREIGN_SECONDS - 60
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (long_ago, long_ago))
    assert store.sweep() == [old.name]
    assert new.exists()


def test_a_task_that_could_not_tidy_up_does_not_stand_in_its_own_way(store):
    store.prepare()
    name = "a" * 64
    with store.lock(name) as lock:
        left = store.begin(name, lock)
        (left / "half").write_text("half-built")
        again = store.begin(name, lock)
    assert (again, list(again.iterdir())) == (left, [])


def test_an_entry_that_is_damaged_again_and_again_keeps_every_copy(store, ledger, serial):
    task = stages.counted("task", ledger)
    for _ in range(3):
        carry_out([task], store, serial)
        flip_a_bit(store.path(task.fingerprint) / "record.json")
    assert store.set_aside(task.fingerprint).name == f"{task.fingerprint}.2"
    assert sorted(path.name[-1] for path in (store.root / "damaged").iterdir()) == ["0", "1", "2"]
    assert store.set_aside(task.fingerprint) is None


def test_what_another_study_is_mending_is_not_set_aside(store, ledger, serial):
    task = stages.counted("task", ledger)
    carry_out([task], store, serial)
    flip_a_bit(store.path(task.fingerprint) / "record.json")
    with store.lock(task.fingerprint):
        assert store.set_aside(task.fingerprint) is None
    assert store.set_aside(task.fingerprint) is not None


def test_a_record_that_was_tampered_with_is_not_read(store, ledger, serial):
    task = stages.counted("task", ledger)
    carry_out([task], store, serial)
    record = store.path(task.fingerprint) / "record.json"
    record.write_text(record.read_text().replace("1", "2"))
    with pytest.raises(DamagedEntryError, match=r"record\.json does not match its checksum"):
        store.read_record(task.fingerprint)


def test_sweeping_spares_what_is_alive(store):
    store.prepare()
    building = store.root / "building"
    abandoned, alive, foreign = ("a" * 64, "b" * 64, "c" * 64)
    host = os.uname().nodename
    (building / f"{abandoned}.{host}.999999999").mkdir()
    (building / f"{abandoned}.progress").write_text("{}")
    (building / f"{abandoned}.lock").write_text("")
    (building / f"{alive}.{host}.{os.getpid()}").mkdir()
    (building / f"{foreign}.elsewhere.example.7").mkdir()
    (building / "something else").mkdir()
    with store.lock(alive):
        store.sweep()
        kept = {path.name for path in building.iterdir()}
    assert kept == {
        f"{alive}.{host}.{os.getpid()}",
        f"{alive}.lock",
        f"{foreign}.elsewhere.example.7",
        "something else",
    }


@pytest.mark.parametrize("place", ["file/store", "file", "proc"])
def test_an_unwritable_store_is_a_sentence_that_names_folder_and_key(tmp_path, serial, ledger, place):
    (tmp_path / "file").write_text("in the way")
    root = Path("/proc/embexp") if place == "proc" else tmp_path / place
    with pytest.raises(UserError) as caught:
        carry_out([stages.counted("task", ledger)], Store(root), serial)
    (sentence,) = caught.value.problems
    assert sentence.startswith("store: cannot write in the folder")
    assert str(root) in sentence
    assert "store=FOLDER" in sentence


def test_looking_into_a_store_that_is_not_there_makes_nothing(tmp_path):
    store = Store(tmp_path / "nothing")
    assert store.check("0" * 64) == "absent"
    assert list(store.fingerprints()) == []
    assert store.sweep() == []
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("name", ["..", "0" * 63, "G" * 64, "../" + "0" * 61])
def test_only_fingerprints_name_entries(store, name):
    with pytest.raises(ValueError, match="no fingerprint"):
        store.path(name)


@pytest.mark.parametrize("name", ["with space", "quote'and\"", "ünï — 日本", "new\nline", "%s {x} $HOME"])
def test_any_folder_will_do(tmp_path, executor, name):
    folder = tmp_path / name
    folder.mkdir()
    store = Store(folder / "store")
    tasks = [stages.counted(f"task{number}", folder / "ledger") for number in range(3)]
    assert set(carry_out(tasks, store, executor).done) == set(tasks)
    assert carry_out(tasks, store, executor).cached == tasks
    assert sorted(store.fingerprints()) == sorted(task.fingerprint for task in tasks)
