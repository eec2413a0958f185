"""docs/labs.md says what the full forms on record found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECORDS = sorted((ROOT / "results" / "evidence").glob("lab_*.json"))


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_the_page_has_the_headline_and_the_judgements_on_record(record: Path) -> None:
    lab = json.loads(record.read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "labs.md").read_text(encoding="utf-8")
    section = page.split(f"\n## {lab['lab']}\n")[1].split("\n## ")[0]
    assert lab["form"] == "full"
    assert f"> {lab['verdict'][0]}\n" in section
    assert f"results/evidence/{record.name}" in section
    assert lab["command"] in section
    met = [result["as_expected"] for result in lab["result"].values()]
    words = ("no", "one", "two", "three", "four", "five", "six")
    said = {True: "all"}.get(all(met), words[met.count(True)])
    assert f"{said} {'of ' if said != 'all' else ''}{words[len(met)]} parts as expected" in section.replace("\n", " ")
