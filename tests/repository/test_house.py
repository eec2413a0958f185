"""The house in order: who may import whom, what is imported late, links and numbers of the README."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
SOURCE = TOP / "src" / "embexp"
DOMAIN = {"text", "vectors", "classify"}
ROOMS = DOMAIN | {"engine", "conclude", "tracking", "labs", "command"}
# What each room may import of the others; leaves such as config, errors and bags are open to all.
ALLOWED = {
    "text": set(),
    "vectors": set(),
    "classify": set(),
    "engine": set(),
    "conclude": set(),
    "tracking": set(),
    "labs": DOMAIN | {"engine", "conclude", "tracking"},
    "command": ROOMS,
}


def imported_rooms(path: Path) -> set[str]:
    """Return the rooms of embexp that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found |= {name.split(".")[1] for name in names if name.startswith("embexp.")} & ROOMS
    return found


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_imports_go_one_way(room):
    wrong = {}
    for path in (SOURCE / room).rglob("*.py"):
        extra = imported_rooms(path) - ALLOWED[room] - {room}
        if extra:
            wrong[str(path.relative_to(SOURCE))] = sorted(extra)
    assert wrong == {}


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from embexp.cli import main; main(['--help']);"
        "heavy = {'hydra', 'torch', 'gensim', 'datasets', 'mlflow', 'matplotlib', 'plotly', 'numpy', 'polars'};"
        "print(sorted(heavy & sys.modules.keys()), file=sys.stderr)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stderr.strip() == "[]"


GENERATED = {TOP / "docs" / "reference" / name for name in ("settings.md", "command.md")}  # by scripts/docs_pages.py


def markdown_files() -> list[Path]:
    return [*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md")]


@pytest.mark.parametrize("path", markdown_files(), ids=lambda path: path.name)
def test_relative_links_lead_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    places = {link: (path.parent / link).resolve() for link in links if "://" not in link}
    missing = [link for link, place in places.items() if not place.exists() and place not in GENERATED]
    assert missing == []


def test_the_numbers_of_the_readme_are_the_reported_ones():
    finished = subprocess.run([sys.executable, TOP / "scripts" / "publish", "--check"], check=False)
    assert finished.returncode == 0


def test_every_command_of_the_readme_composes():
    from embexp.command.compose import compose_study

    text = (TOP / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"`(embexp (?:plan )?[\w.]+=[^`]*)`", text)
    assert len(commands) >= 3
    for command in commands:
        compose_study([word for word in command.split()[1:] if "=" in word])
