from __future__ import annotations

import json
from pathlib import Path

from report_example import make_results

from embexp.conclude.report import write_report


def test_report_comes_again_from_results_json(tmp_path: Path) -> None:
    results = make_results()
    first = write_report(results, tmp_path / "first")
    second = write_report(json.loads(json.dumps(results)), tmp_path / "second")
    for one in sorted(path for path in first.html.parent.rglob("*") if path.is_file()):
        other = second.html.parent / one.relative_to(first.html.parent)
        assert one.read_bytes() == other.read_bytes(), one.name
