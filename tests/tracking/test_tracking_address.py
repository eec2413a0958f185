"""Which MLflow is meant, what is a mistake, and what stays secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from embexp.config import TrackingConfig
from embexp.errors import UserError
from embexp.tracking.address import check_address, mask, resolve_address


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_default_is_a_file_of_ours_in_the_working_folder(tmp_path: Path) -> None:
    address = resolve_address(TrackingConfig())
    assert address.uri == f"sqlite:///{tmp_path}/.embexp/mlflow.db"
    assert address.artifacts == f"{tmp_path}/.embexp/mlartifacts"


def test_the_setting_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000/")
    assert resolve_address(TrackingConfig()).uri == "http://elsewhere:5000"
    assert resolve_address(TrackingConfig(uri="http://here:5000")).uri == "http://here:5000"


def test_a_relative_file_is_taken_from_the_working_folder(tmp_path: Path) -> None:
    assert resolve_address(TrackingConfig(uri="sqlite:///runs/my.db")).database == tmp_path / "runs" / "my.db"


def test_a_server_keeps_its_own_files() -> None:
    assert check_address("https://mlflow.example", "test").artifacts is None
    assert check_address("databricks://profile", "test").is_server


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("foo:/bar", "begins with 'foo', which MLflow does not know"),
        ("postgres://host/db", "did you mean postgresql?"),
        ("sqllite:///x.db", "did you mean sqlite?"),
        ("mlruns", "sqlite:///mlruns.db"),
        ("file:///tmp/mlruns", "MLflow no longer writes plain folders"),
        ("./runs.db", "sqlite:///"),
        ("sqlite://", "names no database file"),
        ("sqlite:///:memory:", "names no database file"),
        ("http://", "names no host"),
        ("http://host:port", "is no valid URI"),
        ("postgresql+nosuchdriver://host/db", "pip install nosuchdriver"),
    ],
)
def test_a_uri_that_cannot_be_one_is_told_at_once(uri: str, told: str) -> None:
    with pytest.raises(UserError) as caught:
        resolve_address(TrackingConfig(uri=uri))
    assert told in str(caught.value)
    assert str(caught.value).startswith("tracking.uri: ")


def test_a_folder_in_the_place_of_the_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder; name a file in it"):
        check_address(f"sqlite:///{tmp_path}", "tracking.uri")


def test_the_environment_is_named_where_it_is_to_blame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    with pytest.raises(UserError, match=r"^MLFLOW_TRACKING_URI: "):
        resolve_address(TrackingConfig())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:s3cret@db:5432/runs", "postgresql://***@db:5432/runs"),
        ("https://token@mlflow.example/x", "https://***@mlflow.example/x"),
        ("postgresql://db/runs?user=me&password=s3cret&x=1", "postgresql://db/runs?user=me&password=***&x=1"),
        ("two http://a:b@c and mysql+pymysql://d:e@f", "two http://***@c and mysql+pymysql://***@f"),
        ("sqlite:////tmp/a@b.db", "sqlite:////tmp/a@b.db"),
        ("postgresql://me:pass/word@host/db", "postgresql://***@host/db"),
    ],
)
def test_secrets_are_masked(text: str, shown: str) -> None:
    assert mask(text) == shown


def test_a_secret_never_shows_in_an_error() -> None:
    with pytest.raises(UserError) as caught:
        check_address("postgress://me:s3cret@db/runs", "tracking.uri")
    assert "s3cret" not in str(caught.value)
