"""The speed that docs/how-to/models.md states is the one that was measured."""

from __future__ import annotations

import json
import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_states_what_was_measured_and_the_target_is_met():
    measured = json.loads((DOCS / "bench" / "predict.json").read_text(encoding="utf-8"))
    page = (DOCS / "how-to" / "models.md").read_text(encoding="utf-8")
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if "tokens |" in line]
    assert table
    stated = [[cell.replace(",", "") for cell in row] for row in table if re.search(r"\d", "".join(row))]
    rows = [
        [row["encoder"], f"{row['tokens']} tokens", row["output"], str(row["texts_per_cpu_second"])]
        for row in measured["rows"]
    ]
    assert [row[:4] for row in stated] == rows
    short = [row for row in measured["rows"] if row["encoder"] in ("mean_pool", "linear") and row["tokens"] == 20]
    assert len(short) == 4
    assert min(row["texts_per_cpu_second"] for row in short) >= 20_000
    assert measured["conditions"]["cores"] is None or len(measured["conditions"]["cores"]) == 1
