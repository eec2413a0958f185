"""`embexp doctor` finds and mends; `embexp store remove` shows before it removes, and spares what is needed."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from embexp.cli import main
from embexp.config import ExecutorConfig, TrackingConfig
from embexp.doctor import (
    check_entries,
    check_executor,
    check_folder,
    check_leftovers,
    check_libraries,
    check_python,
    check_study,
    check_tracker,
    small_study,
)
from embexp.engine.entries import Identity
from embexp.engine.store import Store
from embexp.running import run_study

DAY_SECONDS = 86_400.0


def add_entry(store: Store, number: int, needs: dict[str, str] | None = None, days: float = 10.0) -> str:
    """Put an entry into a store, made so many days ago."""
    store.prepare()
    identity = Identity("cell" if needs else "texts", 1, {"number": number}, needs or {})
    folder = store.root / "building" / str(number)
    folder.mkdir()
    (folder / "data.bin").write_bytes(bytes(1000))
    timing = {"seconds": 1.0, "ended": time.time() - days * DAY_SECONDS, "title": f"entry {number}", "host": "here"}
    store.publish(folder, identity, timing)
    return identity.fingerprint


def test_damage_is_found_and_on_request_set_aside_but_not_removed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    names = [add_entry(store, number) for number in range(3)]
    assert check_entries(store, repair=False).verdict == "ok"
    (store.path(names[1]) / "data.bin").write_bytes(bytes(999) + b"\x01")
    finding = check_entries(store, repair=False)
    assert (finding.verdict, "1 damaged" in finding.text) == ("bad", True)
    assert store.path(names[1]).exists()
    assert check_entries(store, repair=True).verdict == "repaired"
    assert sorted(store.fingerprints()) == sorted([names[0], names[2]])
    assert (tmp_path / "damaged" / f"{names[1]}.0" / "data.bin").stat().st_size == 1000
    assert check_entries(store, repair=False).verdict == "ok"


def test_leftovers_of_the_dead_go_on_request_and_those_of_the_living_stay(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.prepare()
    assert check_leftovers(store, repair=False).verdict == "ok"
    dead = store.root / "building" / f"{'a' * 64}.{os.uname().nodename}.999999999"
    dead.mkdir()
    assert "1 from studies that died" in check_leftovers(store, repair=False).text
    assert dead.exists()
    with store.lock("b" * 64):
        assert "being built just now" in check_leftovers(store, repair=False).text
        assert check_leftovers(store, repair=True).verdict == "repaired"
        assert [path.name for path in (store.root / "building").iterdir()] == [f"{'b' * 64}.lock"]


def test_a_library_that_is_installed_and_broken_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_libraries().verdict == "ok"
    (tmp_path / "half_a_library.py").write_text("raise ImportError('libhalf.so.1: cannot open shared object file')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("embexp.doctor.LIBRARIES", ("scipy.stats", "half_a_library", "no_library"))
    finding = check_libraries()
    assert finding.verdict == "bad"
    assert "half_a_library (ImportError: libhalf.so.1: cannot open shared object file)" in finding.text
    assert "no_library (ModuleNotFoundError" in finding.text
    assert "scipy" not in finding.text


def test_what_cannot_be_written_or_reached_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert check_folder("store", tmp_path / "file" / "store").verdict == "bad"
    assert check_folder("store", tmp_path / "new" / "store").verdict in ("ok", "note")
    assert not (tmp_path / "new").exists()
    server = check_tracker(TrackingConfig(uri="http://ann:hush@127.0.0.1:9"))
    assert server.verdict == "bad"
    assert "hush" not in server.text
    scheduler = check_executor(ExecutorConfig(kind="dask", address="tcp://127.0.0.1:9", worker_wait_seconds=1.0))
    assert (scheduler.verdict, "no Dask scheduler answers" in scheduler.text) == ("bad", True)
    assert check_python().verdict == "ok"


def test_the_small_study_works_here() -> None:
    finding = check_study(ExecutorConfig(kind="serial"))
    assert finding.verdict == "ok", finding.text


def test_remove_shows_first_and_spares_what_a_study_needs_and_what_is_young(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / ".embexp" / "store")
    texts, other_texts = add_entry(store, 1), add_entry(store, 2)
    cell, old_cell = add_entry(store, 3, {"dataset": texts}), add_entry(store, 4, {"dataset": other_texts})
    card = add_entry(store, 6, {"dataset": texts})
    young = add_entry(store, 5, {"dataset": texts}, days=0.1)
    folder = tmp_path / "outputs" / "study" / "one"
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps({"cells": [{"fingerprint": cell}], "entries": [card]}))
    everything = sorted([texts, other_texts, cell, old_cell, card, young])

    assert main(["store"]) == 0
    assert "in all: 6 entries" in capsys.readouterr().out
    assert main(["store", "remove"]) == 0
    out = capsys.readouterr().out
    assert old_cell[:8] in out
    assert cell[:8] not in out
    assert "Nothing was removed" in out
    assert sorted(store.fingerprints()) == everything
    assert main(["store", "remove", "yes"]) == 0
    assert sorted(store.fingerprints()) == sorted([texts, cell, card, young])
    shutil.rmtree(tmp_path / "outputs")
    assert main(["store", "remove", "yes", "days=0"]) == 0
    assert list(store.fingerprints()) == []


def test_remove_spares_all_that_a_study_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = small_study(tmp_path, ExecutorConfig(kind="serial"))
    study = run_study(config)
    assert study.folder is not None
    where = [f"store={config.store}", f"output={config.output}"]
    used = {cell["fingerprint"] for cell in study.results["cells"]} | set(study.results["entries"])
    assert used == set(Store(Path(config.store)).fingerprints())
    assert main(["store", "remove", "yes", "days=0", *where]) == 0
    assert used == set(Store(Path(config.store)).fingerprints())
    assert run_study(config).outcome.done == []


@pytest.mark.parametrize("words", [["store", "purge"], ["store", "remove", "days=soon"], ["doctor", "heal"]])
def test_words_that_are_not_understood_are_a_sentence(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    assert capsys.readouterr().err.startswith("embexp: ")


def test_results_that_cannot_be_read_stop_a_removal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = add_entry(Store(tmp_path / ".embexp" / "store"), 1)
    folder = tmp_path / "outputs" / "study" / "one"
    folder.mkdir(parents=True)
    (folder / "results.json").write_text("{")
    assert main(["store", "remove", "yes", "days=0"]) == 2
    assert list(Store(tmp_path / ".embexp" / "store").fingerprints()) == [name]
