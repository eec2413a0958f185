"""An installed embexp has its configuration, whatever the folder it is called from."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from embexp.command.conf import conf_folder

ROOT = Path(__file__).parents[2]


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    pytest.importorskip("hatchling")
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, source)
    for name in ("src", "conf"):
        shutil.copytree(ROOT / name, source / name)
    (source / "conf" / "local").mkdir(exist_ok=True)
    (source / "conf" / "local" / "default.yaml").write_text("store: /home/me/store\n")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    [built] = tmp_path.glob("*.whl")
    return built


def test_the_wheel_carries_conf_but_no_machine_settings(wheel: Path, tmp_path: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "conf").rglob("*.yaml")}
    shipped = {f"embexp/{path}" for path in ours if not path.startswith("conf/local/")}
    assert shipped == {name for name in names if name.startswith("embexp/conf/")}
    assert {"embexp/cli.py", "embexp/py.typed"} <= names

    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    ended = subprocess.run(
        [sys.executable, "-m", "embexp.cli", "--cfg", "job", "experiment=quick", "-p", "name"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stdout) == (0, "quick\n"), ended.stderr


def test_a_checkout_uses_its_own_conf() -> None:
    assert conf_folder() == ROOT / "conf"
