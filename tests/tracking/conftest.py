"""What the tests of tracking share: an empty MLflow database, made once, and a clean environment."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tracking_study import Served

from embexp.config import TrackingConfig
from embexp.tracking.address import check_address
from embexp.tracking.database import open_client
from embexp.tracking.serve import open_server


@pytest.fixture(autouse=True)
def no_foreign_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what the machine has set for MLflow out of the tests."""
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a database that MLflow has just created; copy it, do not write to it."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    client = open_client(check_address(f"sqlite:///{path}", "test"))
    client._tracking_client.store.engine.dispose()
    return path


@pytest.fixture(scope="session")
def served(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give a real tracking server on loopback and the SQLite file behind it."""
    database = Path(shutil.copy(empty_database, tmp_path_factory.mktemp("served") / "mlflow.db"))
    with open_server(check_address(f"sqlite:///{database}", "test")) as server:
        yield Served(server, database)


@pytest.fixture
def database(empty_database: Path, tmp_path: Path) -> Path:
    """Give a database of the test's own."""
    return Path(shutil.copy(empty_database, tmp_path / "mlflow.db"))


@pytest.fixture
def config(database: Path) -> TrackingConfig:
    """Give the settings that log to `database`."""
    return TrackingConfig(uri=f"sqlite:///{database}")
