"""What a stranger may hand over: it cannot run code, nor read or write outside its folder."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import pickle
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embexp.cli import main
from embexp.command.compose import compose_study
from embexp.config import DatasetConfig, ExecutorConfig, TrackingConfig, Word2VecConfig
from embexp.doctor import small_study
from embexp.engine.entries import DamagedEntryError, Identity, canonical_json
from embexp.engine.housekeeping import list_entries, remove_entry
from embexp.engine.store import Store
from embexp.errors import UserError
from embexp.text import peek
from embexp.text.arrays import map_array
from embexp.tracking.address import mask, resolve_address
from embexp.vectors.loading import load
from embexp.vectors.sources import find_source


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


@pytest.fixture
def sprung(tmp_path: Path) -> Path:
    """The file that would show that code has run."""
    return tmp_path / "sprung"


@pytest.fixture
def entry(tmp_path: Path) -> tuple[Store, str]:
    """A store with one entry."""
    store = Store(tmp_path / "store")
    store.prepare()
    identity = Identity("stage", 1, {}, {})
    folder = store.root / "building" / "one"
    folder.mkdir()
    (folder / "data.npy").write_bytes(b"data")
    store.publish(folder, identity, {"seconds": 1.0})
    return store, identity.fingerprint


def resign(manifest: dict[str, Any]) -> str:
    """Give a manifest a checksum that holds, as a stranger can."""
    import hashlib

    manifest.pop("checksum", None)
    return json.dumps(manifest | {"checksum": hashlib.sha256(canonical_json(manifest)).hexdigest()})


def pickled_array(file: Path, sprung: Path) -> None:
    """Write an object array, whose loading unpickles, and a bare pickle beside it."""
    np.save(file, np.array([Trap(sprung)], dtype=object), allow_pickle=True)
    assert pickle.dumps(Trap(sprung))


@pytest.mark.parametrize("form", ["object array", "bare pickle"])
def test_a_pickle_disguised_as_npy_is_refused_unread(tmp_path: Path, sprung: Path, form: str) -> None:
    file = tmp_path / "vectors.npy"
    if form == "object array":
        pickled_array(file, sprung)
    else:
        file.write_bytes(pickle.dumps(Trap(sprung)))
    (tmp_path / "words.txt").write_text("a\n")
    with pytest.raises(ValueError, match=r"(?i)pickle|magic|python objects"):
        map_array(file)
    with pytest.raises(UserError, match=r"vectors\.npy.*(pickle|Python objects)"):
        find_source(Word2VecConfig(corpus="pretrained", file=str(file), vocabulary=str(tmp_path / "words.txt")))
    assert not sprung.exists()


@pytest.mark.parametrize("name", ["vectors.kv", "model.bin", "vectors.txt", "model.pt"])
def test_a_pickle_under_any_name_of_vectors_is_refused_unread(tmp_path: Path, sprung: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(UserError, match="pickle"):
        find_source(Word2VecConfig(corpus="pretrained", file=str(tmp_path / name)))
    assert not sprung.exists()


@pytest.mark.parametrize("start", ["", "2 3\n", "2 999999999999\n", "a 1 2 3\n"])
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_small_file_that_unpacks_to_one_endless_line_is_refused_without_unpacking_it(
    tmp_path: Path, pack: Callable[[bytes], bytes], start: str
) -> None:
    unpacked = start.encode() + b"7" * 50_000_000
    (tmp_path / "vectors").write_bytes(pack(unpacked))
    tracemalloc.start()
    config = Word2VecConfig(corpus="pretrained", file=str(tmp_path / "vectors"), vector_size=None)
    with pytest.raises(UserError, match=r"vectors, line [12]"):
        load(find_source(config), set(), 10, lambda *progress: None)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20_000_000


@pytest.mark.parametrize("name", ["vectors.npz", "vectors.txt", "model.bin"])
def test_an_archive_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("../../outside.txt", "a 1 2 3\n")
    with pytest.raises(UserError, match="zip archive"):
        find_source(Word2VecConfig(corpus="pretrained", file=name))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert not (tmp_path.parents[1] / "outside.txt").exists()


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../outside", "C:\\outside", "a\\b"])
def test_an_entry_that_names_files_outside_its_folder_is_damaged(entry: tuple[Store, str], name: str) -> None:
    store, fingerprint = entry
    path = store.path(fingerprint) / "entry.json"
    manifest = json.loads(path.read_text())
    manifest["files"][name] = {"size": 1, "sha256": "0" * 64}
    path.write_text(resign(manifest))
    assert store.verify(fingerprint) == "damaged"
    assert "which an entry cannot hold" in str(store.problem(fingerprint))


def test_an_entry_that_claims_to_be_another_is_damaged(entry: tuple[Store, str]) -> None:
    store, fingerprint = entry
    path = store.path(fingerprint) / "entry.json"
    manifest = json.loads(path.read_text()) | {"config": {"a": 1}}
    path.write_text(resign(manifest))
    with pytest.raises(DamagedEntryError, match="belongs to another entry"):
        store.read_manifest(fingerprint)


@pytest.mark.parametrize("file", ["data.npy", "entry.json", "timing.json"])
@pytest.mark.parametrize("target", ["/dev/zero", "/etc/passwd", "pipe"])
def test_links_pipes_and_devices_in_an_entry_are_damage_and_never_followed(
    entry: tuple[Store, str], file: str, target: str
) -> None:
    store, fingerprint = entry
    place = store.path(fingerprint) / file
    place.unlink()
    if target == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(target)
    assert store.verify(fingerprint) == "damaged"
    assert len(list_entries(store)) == 1


def test_removing_an_entry_leaves_what_its_links_point_at(entry: tuple[Store, str], tmp_path: Path) -> None:
    store, fingerprint = entry
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_text("mine")
    (store.path(fingerprint) / "link").symlink_to(outside, target_is_directory=True)
    assert remove_entry(store, fingerprint)
    assert (outside / "mine").read_text() == "mine"


def test_yaml_tags_in_a_preset_build_no_object(tmp_path: Path, sprung: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "presets" / "experiment"
    folder.mkdir(parents=True)
    call = f"!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['{sprung}']]"
    for text in (f"# @package _global_\nname: {call}\n", "# @package _global_\nname: !!python/name:os.system\n"):
        (folder / "mine.yaml").write_text(text)
        with pytest.raises(UserError):
            compose_study(["experiment=mine"], config_dir=str(folder.parent))
    assert not sprung.exists()


def test_a_target_in_a_preset_is_an_unknown_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "presets" / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("# @package _global_\ntraining:\n  _target_: os.system\n")
    with pytest.raises(UserError, match="_target_"):
        compose_study(["experiment=mine"], config_dir=str(folder.parent))


@pytest.mark.parametrize("name", ["../../outside", "/etc/x", "a/b", "..", ".hidden", "a\nb", ""])
def test_no_name_of_a_study_leads_out_of_the_output_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="name"):
        compose_study([f"name='{name}'"])


def test_formulas_and_markup_in_labels_are_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    labels = ["=cmd|'/c calc'!A1", "<script>alert(1)</script>", "../../up"]
    rows = [f'"text {number} words","{labels[number % 3]}"' for number in range(30)]
    (tmp_path / "mine.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    facts = peek(DatasetConfig(name="mine", source="csv", train="mine.csv"))
    assert set(facts.classes) == set(labels)


@pytest.mark.parametrize(
    "uri",
    ["postgresql://ann:hush@db.example/mlflow", "https://ann:hush@mlflow.example", "https://h.example/?token=hush"],
)
def test_secrets_of_a_tracking_uri_are_masked(uri: str) -> None:
    assert "hush" not in mask(f"cannot reach {uri}: refused")
    try:
        shown = resolve_address(TrackingConfig(uri=uri)).shown
    except UserError as error:
        shown = str(error)
    assert "hush" not in shown


def test_a_password_on_the_command_line_is_written_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nor said: not in config.yaml, results.json, the reports, the outbox or a log, though the server is asked."""
    monkeypatch.chdir(tmp_path)
    small = small_study(tmp_path, ExecutorConfig(kind="serial"))
    words = [
        "dataset=csv",
        f"dataset.train={small.dataset.train}",
        "tracking.uri=http://ann:hush@127.0.0.1:9",
        "grid.train_sizes=[10]",
        "grid.seeds=2",
        "grid.strategies=[random]",
        "executor=serial",
    ]
    monkeypatch.setattr(sys, "argv", ["embexp", *words])
    assert main(["plan", *words]) == 0
    assert main(words) == 0
    said = "".join(capfd.readouterr())
    assert "127.0.0.1:9" in said  # it was told that the server does not answer
    written = {
        path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    }
    assert b"***@127.0.0.1:9" in next(text for name, text in written.items() if name.endswith("config.yaml"))
    assert [name for name, text in written.items() if b"hush" in text] == []
    assert "hush" not in said


def test_the_checks_look_for_unsafe_calls() -> None:
    root = Path(__file__).parents[2]
    unsafe = "import pickle\n\n\ndef load(data: bytes) -> object:\n    return pickle.loads(data)\n"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--stdin-filename",
            str(root / "src/embexp/x.py"),
            "--select",
            "S",
            "-",
        ],
        input=unsafe,
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
    )
    assert "S301" in done.stdout
    assert '"S"' in (root / "pyproject.toml").read_text()
