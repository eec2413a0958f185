"""What is installed, exactly: embexp's version and commit, Python, and the packages that numbers depend on."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata
from pathlib import Path

from embexp import __version__

PACKAGES = ("torch", "gensim", "numpy", "scipy", "scikit-learn", "numba", "polars", "datasets", "hydra-core", "mlflow")
KEPT = "COMMIT"  # beside this file in a wheel, written by hatch_build.py


def describe() -> str:
    """Return the lines of `embexp --version`."""
    known = commit()
    lines = [f"embexp {__version__}" + (f" (commit {known})" if known else ""), f"python {platform.python_version()}"]
    return "\n".join([*lines, *(f"{name} {_version_of(name)}" for name in PACKAGES)])


def commit() -> str | None:
    """Return the commit that runs, with "and changes" where files differ from it; None where it is not known.

    A wheel carries it in a file; a checkout asks git.
    """
    here = Path(__file__).resolve().parent
    if (here / KEPT).is_file():
        return (here / KEPT).read_text(encoding="utf-8").strip() or None
    return commit_of(here.parents[1])


def commit_of(folder: Path) -> str | None:
    """Return the commit of a checkout, None where the folder is not the top of one."""
    if not (folder / ".git").exists():
        return None
    try:
        found = _git(folder, "rev-parse", "--short=12", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None  # no git on this machine, or a repository that it refuses to read
    return f"{found} and changes" if changed else found


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603
    return ended.stdout.strip()


def _version_of(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "is not installed"
