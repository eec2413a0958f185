"""What every lab leaves behind: results.json in its contract, a page, a run in MLflow with numbers and files."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_study import tiny_study

from embexp.config import TrackingConfig
from embexp.engine.task import Stage, Task, Work
from embexp.labs.carrying import Lab, finish
from embexp.labs.parts import Expectation, Part


def do_nothing(work: Work) -> None:
    """Stand for the work of a lab."""


def logged(database: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("name", ["lookup", "neighbours", "transfer"])
def test_a_lab_leaves_results_a_page_and_a_run_in_mlflow(name: str, tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    uri = f"sqlite:///{database}"
    config = replace(tiny_study(tmp_path), tracking=TrackingConfig(uri=uri))
    needed = Task(Stage("base", 1, do_nothing), {})
    task = Task(Stage("work", 1, do_nothing), {"lab": name}, {"base": needed})
    expected = Expectation("part", "Is it so?", "It is.")
    part = Part(expected, False, ("It is not.",), ({"value": 3},), numbers={"found": 0.25})
    lab = Lab(name, "A claim", "small", config, time.monotonic())

    folder = finish(lab, [part], "It is not so.", ("made up",), [task])

    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert results["expectation"] == {"part": "It is."}
    assert results["result"]["part"]["as_expected"] is False
    assert results["rows"] == [{"part": "part", "value": 3}]
    assert results["entries"] == [needed.fingerprint, task.fingerprint]
    assert (folder.parent / "latest").resolve() == folder == tmp_path / "outputs" / name / folder.name
    assert "It is not so." in (folder / "report.html").read_text(encoding="utf-8")

    assert (name,) in logged(database, "select name from experiments")
    assert logged(database, "select name, status from runs") == [(f"study {name}", "FINISHED")]
    assert ("found", 0.25) in logged(database, "select key, value from metrics")
    kept = {path.name for path in (tmp_path / "mlartifacts").rglob("*")}
    assert {"results.json", "report.html", "report.md"} <= kept
