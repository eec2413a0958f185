"""Whole studies as a user starts them: killed, side by side, in folders with odd names."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

GRID = ("grid.train_sizes=[10,20]", "grid.seeds=2")


pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # minutes: whole studies, killed and resumed


@pytest.fixture(scope="module")
def faults() -> ModuleType:
    """The script that makes the report of docs/reliability.md."""
    path = Path(__file__).parents[2] / "scripts" / "bench" / "faults.py"
    spec = importlib.util.spec_from_file_location("faults", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["faults"] = module
    spec.loader.exec_module(module)
    return module


def test_a_killed_planner_and_a_killed_worker_change_nothing(faults: ModuleType, tmp_path: Path) -> None:
    report = faults.disturb(tmp_path, kills=2, seed=1, grid=GRID)
    assert [victim for victim, _ in report.kills] == ["planner", "worker"]
    assert report.sound, report


@pytest.mark.parametrize("launcher", [("joblib", "hydra.launcher.n_jobs=2"), ("submitit_local",)], ids=lambda it: it[0])
def test_a_launcher_runs_studies_side_by_side_on_one_store(
    faults: ModuleType, tmp_path: Path, launcher: tuple[str, ...]
) -> None:
    faults.write_reviews(tmp_path / "reviews.csv")
    words = faults.command(tmp_path, "store", GRID)
    sweep = ["-m", f"hydra/launcher={launcher[0]}", *launcher[1:], "training.batch_size=16,32"]
    done = subprocess.run([*words, *sweep], capture_output=True, text=True, cwd=tmp_path, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    results = list(tmp_path.glob("outputs/faults/2*/results.json"))
    assert len(results) == 2
    entries = faults.entries(tmp_path / "store")
    stages = [
        re.search(r'"stage": "(\w+)"', path.read_text())[1] for path in tmp_path.glob("store/entries/*/*/entry.json")
    ]
    assert stages.count("prepare_dataset") == stages.count("train_word2vec") == 1
    assert stages.count("run_cell") == 4 * 2 * 2 * 2 + 2 * 2  # TF-IDF does not depend on the batch size
    assert len(entries) == len(stages)
    assert list((tmp_path / "store" / "building").iterdir()) == []


def test_a_study_in_a_folder_with_an_odd_name(faults: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s "odd" — 日本 $HOME'
    folder.mkdir()
    faults.write_reviews(folder / "reviews.csv")
    words = [word for word in faults.command(Path(), "store", GRID) if not word.startswith(("store=", "output="))]
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / "outputs" / "faults" / "latest" / "report.html").is_file()
