"""Studies on a real PostgreSQL, started for these tests where it is installed."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tracking_study import expected_fingerprints, make_cells, make_folder, make_results, make_study

from embexp.config import TrackingConfig
from embexp.tracking import open_tracker
from embexp.tracking.address import check_address
from embexp.tracking.database import open_client
from embexp.tracking.tracker import MlflowTracker

FORK = multiprocessing.get_context("fork")
SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
BINARIES = SERVERS[-1] if SERVERS else Path(shutil.which("initdb") or "").parent

pytestmark = [
    pytest.mark.skipif(not (BINARIES / "initdb").exists(), reason="PostgreSQL's server is not installed"),
    pytest.mark.skipif(
        not any(importlib.util.find_spec(name) for name in ("psycopg2", "psycopg")),
        reason="no driver for PostgreSQL is installed: pip install psycopg2-binary",
    ),
]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # files of a study go into the working folder


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """Start a PostgreSQL with an empty database; give the URI of it, password and all."""
    user: dict[str, Any] = {"user": "postgres"} if os.geteuid() == 0 else {}  # it refuses to run as root
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        (folder / "password").write_text("s3cret", encoding="utf-8")
        for path in (folder, folder / "password"):
            shutil.chown(path, **user) if user else None
        data = ["-D", folder / "data"]
        secret = ["-A", "scram-sha-256", "--pwfile", folder / "password", "-U", "embexp"]
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off"
        quiet: dict[str, Any] = {"check": True, "cwd": "/", "stdout": subprocess.DEVNULL, **user}
        subprocess.run([BINARIES / "initdb", *data, *secret, "--no-sync", "-E", "UTF8"], **quiet)
        subprocess.run([BINARIES / "pg_ctl", *data, "-w", "-o", options, "-l", folder / "log", "start"], **quiet)
        try:
            yield f"postgresql://embexp:s3cret@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([BINARIES / "pg_ctl", *data, "-m", "immediate", "stop"], **quiet)


def track(uri: str, folder: Path, name: str, outbox: Path) -> None:
    with open_tracker(TrackingConfig(uri=uri), make_study(folder, name), outbox) as tracker:
        for cell in make_cells():
            tracker.cell(cell)
        delivery = tracker.finish(make_results(), folder)
    sys.exit(delivery.undelivered)


def read_cells(uri: str, name: str) -> list[str]:
    client = open_client(check_address(uri, "test"))
    try:
        experiment = client.get_experiment_by_name(name)
        cells = "tags.`embexp.role` = 'cell'"
        runs = client.search_runs([experiment.experiment_id], cells, max_results=1000)
        assert {run.info.status for run in runs} == {"FINISHED"}
        return sorted(run.data.tags["embexp.fingerprint"] for run in runs)
    finally:
        client._tracking_client.store.engine.dispose()


def test_processes_that_start_on_an_empty_database_lose_nothing(postgres: str, tmp_path: Path) -> None:
    make_folder(tmp_path)
    outboxes = [("one", "a"), ("two", "a"), ("two", "b")]
    processes = [
        FORK.Process(target=track, args=(postgres, tmp_path / "output", name, tmp_path / outbox))
        for name, outbox in outboxes
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    for name in ("one", "two"):
        assert read_cells(postgres, name) == expected_fingerprints(make_cells())


def test_the_password_is_written_nowhere(postgres: str, tmp_path: Path) -> None:
    with open_tracker(TrackingConfig(uri=postgres), make_study(tmp_path), tmp_path / "outbox") as tracker:
        assert isinstance(tracker, MlflowTracker)
        assert tracker._courier is not None
        arguments = Path(f"/proc/{tracker._courier.pid}/cmdline").read_text(encoding="utf-8")
        kept = [path.read_text(encoding="utf-8") for path in (tmp_path / "outbox").rglob("*") if path.is_file()]
        delivery = tracker.finish(make_results(), make_folder(tmp_path))
    assert delivery.undelivered == 0
    assert "s3cret" not in "".join([arguments, delivery.sentence(), *kept])
