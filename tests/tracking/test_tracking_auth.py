"""A real `mlflow server` that wants a name and a password, as a company has it."""

from __future__ import annotations

import configparser
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tracking_study import (
    expected_fingerprints,
    fingerprints,
    make_cells,
    make_folder,
    make_results,
    make_study,
    read_runs,
)

from embexp.config import TrackingConfig
from embexp.tracking import open_tracker, sync
from embexp.tracking.outbox import find_boxes
from embexp.tracking.post import quiet_environment

pytest.importorskip("flask_wtf")
pytestmark = pytest.mark.slow  # 0.2 s of hashing for each of 150 requests
NAME, PASSWORD = "admin", "a-long-password-1"
CELLS = make_cells()[:1]  # every request hashes the password, which is slow on purpose


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[tuple[str, Path]]:
    """Start `mlflow server --app-name basic-auth`; give host:port and the database behind it."""
    folder = tmp_path_factory.mktemp("guarded")
    database = folder / "mlflow.db"
    database.write_bytes(empty_database.read_bytes())
    settings = configparser.ConfigParser()
    settings["mlflow"] = {
        "default_permission": "READ",
        "database_uri": f"sqlite:///{folder / 'users.db'}",
        "admin_username": NAME,
        "admin_password": PASSWORD,
        "authorization_function": "mlflow.server.auth:authenticate_request_basic_auth",
    }
    with (folder / "auth.ini").open("w") as file:
        settings.write(file)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = quiet_environment() | {
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "only for this test",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{database}",
    }
    command = [sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth", "--workers", "1"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--artifacts-destination", str(folder / "artifacts")]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + 120
    while not answers(f"http://127.0.0.1:{port}/health"):
        try:
            server.wait(0.2)
        except subprocess.TimeoutExpired:
            assert time.monotonic() < deadline, (folder / "server.log").read_text()
        else:
            raise AssertionError((folder / "server.log").read_text())
    yield f"127.0.0.1:{port}", database
    os.killpg(server.pid, 15)
    server.wait(20)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def track(config: TrackingConfig, tmp_path: Path, name: str):
    with open_tracker(config, make_study(tmp_path, name), tmp_path / "outbox") as tracker:
        for cell in CELLS:
            tracker.cell(cell)
        return tracker.finish(make_results(), make_folder(tmp_path))


def test_a_study_is_delivered_with_name_and_password_in_the_address(guarded: tuple[str, Path], tmp_path: Path) -> None:
    host, database = guarded
    uri = f"http://{NAME}:{PASSWORD}@{host}"
    study = make_study(tmp_path, "guarded")
    delivery = track(TrackingConfig(uri=uri), tmp_path, study.name)
    assert PASSWORD not in delivery.sentence()
    # passwords are hashed at every request: on a busy machine the study's own patience may end before
    for later in sync(TrackingConfig(uri=uri), tmp_path / "outbox"):
        assert later.undelivered == 0, later.sentence()
    runs = [run for run in read_runs(database) if run.tags.get("embexp.study") == study.fingerprint]
    assert fingerprints(runs) == expected_fingerprints(CELLS)


def test_a_wrong_password_in_the_environment_is_told_and_nothing_is_lost(
    guarded: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, database = guarded
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", NAME)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "wrong")
    config = TrackingConfig(uri=f"http://{host}")
    study = make_study(tmp_path, "mistyped")
    delivery = track(config, tmp_path, study.name)
    assert delivery.undelivered == len(CELLS) + 1
    assert "401" in delivery.sentence() or "not authenticated" in delivery.sentence().lower()
    kept = [
        path.read_text(errors="replace")
        for box in find_boxes(tmp_path / "outbox")
        for path in box.iterdir()
        if path.is_file()
    ]
    assert not any(PASSWORD in text for text in kept)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    (later,) = sync(config, tmp_path / "outbox")
    assert later.undelivered == 0, later.sentence()
    runs = [run for run in read_runs(database) if run.tags.get("embexp.study") == study.fingerprint]
    assert fingerprints(runs) == expected_fingerprints(CELLS)
