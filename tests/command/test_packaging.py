"""sdist and wheel build, and an embexp installed from them into an empty environment has all it needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from embexp import __version__
from embexp.command.conf import conf_folder
from embexp.version import commit_of, describe

ROOT = Path(__file__).parents[2]
FILES = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore", "mkdocs.yml", "constraints.txt")
FOLDERS = ("src", "conf", "results", "docs")
COMMIT = "0123456789ab"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build an sdist of a copy that holds a machine's own settings and a commit, and a wheel of that sdist."""
    place = tmp_path_factory.mktemp("packaging")
    source = place / "source"
    source.mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, source)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    (source / "conf" / "local").mkdir(exist_ok=True)
    (source / "conf" / "local" / "default.yaml").write_text("store: /home/me/store\n")
    (source / "COMMIT").write_text(f"{COMMIT}\n")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(place / "dist")]
    ended = subprocess.run(command, cwd=source, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return place / "dist"


@pytest.fixture(scope="module")
def environment(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel, and nothing else, into a new environment; return its folder."""
    place = tmp_path_factory.mktemp("installed") / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    [wheel] = built.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)], check=True)
    return place


def run(environment: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(environment / "bin" / "embexp"), *words]
    return subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)


def test_the_wheel_carries_conf_results_and_templates_but_no_machine_settings(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "conf").rglob("*.yaml")}
    shipped = {f"embexp/{path}" for path in ours if not path.startswith("conf/local/")}
    assert shipped == {name for name in names if name.startswith("embexp/conf/")}
    templates = {path.name for path in (ROOT / "src/embexp/conclude/report/templates").iterdir()}
    assert {f"embexp/conclude/report/templates/{name}" for name in templates} <= names
    assert {"embexp/cli.py", "embexp/py.typed", "embexp/results/main.json", "embexp/COMMIT"} <= names
    assert [path.suffix for path in sorted(built.iterdir())] == [".whl", ".gz"]


def test_an_empty_environment_runs_a_study(environment: Path, tmp_path: Path) -> None:
    """Help needs no dependency at all; the dependencies, which a test does not download, are then lent."""
    assert "embexp experiment=quick" in run(environment, tmp_path, "--help").stdout
    [site] = (environment / "lib").glob("python*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")  # its own .pth files are not read
    version = run(environment, tmp_path, "--version").stdout
    assert version.startswith(f"embexp {__version__} (commit {COMMIT})\npython {sys.version.split()[0]}\n")
    shown = run(environment, tmp_path, "--cfg", "job", "experiment=quick", "-p", "name")
    assert (shown.returncode, shown.stdout) == (0, "quick\n"), shown.stderr
    reported = sorted(path.stem for path in (ROOT / "results").glob("*.json"))
    assert f"there is {', '.join(reported)}" in run(environment, tmp_path, "reproduce", "nothing").stderr
    rows = [f"{'good warm' if n % 2 else 'dull flat'} word{n % 7},{'good' if n % 2 else 'bad'}" for n in range(60)]
    (tmp_path / "mine.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    small = ("grid.train_sizes=[20]", "grid.seeds=2", "word2vec.min_count=1", "executor=serial", "tracking=none")
    ended = run(environment, tmp_path, "dataset=csv", "dataset.train=mine.csv", *small)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "outputs" / "csv" / "latest" / "report.html").is_file()


def test_a_checkout_uses_its_own_conf_and_asks_git(tmp_path: Path) -> None:
    assert conf_folder() == ROOT / "conf"
    assert commit_of(tmp_path) is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=me", "-c", "user.email=me@example.org"]
    (tmp_path / "file").write_text("one")
    for words in (["init", "-q"], ["add", "file"], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *words], check=True)
    found = commit_of(tmp_path)
    assert found is not None
    assert len(found) == 12
    (tmp_path / "file").write_text("two")
    assert commit_of(tmp_path) == f"{found} and changes"
    assert describe().splitlines()[1] == f"python {sys.version.split()[0]}"
