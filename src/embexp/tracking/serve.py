"""`embexp ui`: MLflow's own interface, on the right database, opened where a study answers its question."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embexp.config import TrackingConfig
from embexp.errors import EmbexpError, UserError
from embexp.tracking.address import Address, mask, resolve_address
from embexp.tracking.post import quiet_environment
from embexp.tracking.views import last_finished, newest_view

START_SECONDS = 60.0
CHARTS = "workflowType=machine_learning&compareRunsMode=CHART"


@dataclass(frozen=True)
class Server:
    """A running MLflow server."""

    url: str
    process: subprocess.Popen[bytes] | None  # None: somebody else's


def ui(
    config: TrackingConfig,
    study: str | None = None,
    port: int | None = None,
    announce: Callable[[str], None] = print,
) -> None:
    """Serve MLflow's interface until Ctrl-C.

    Args:
        config: The settings under tracking.
        study: Name of the study to open; None takes the experiment that changed last.
        port: Port on 127.0.0.1; None takes a free one.
        announce: Called with the lines for the user.

    Raises:
        UserError: There is no database, no such study, or the port is taken.
    """
    address = resolve_address(config)
    try:
        with open_server(address, port) as server:
            announce(f"Learning curves: {study_address(server, config.experiment or study)}")
            if server.process is not None:
                announce(f"MLflow serves {address.shown} at {server.url}; stop it with Ctrl-C")
                server.process.wait()
    except KeyboardInterrupt:
        announce("stopped")


@contextmanager
def open_server(address: Address, port: int | None = None) -> Iterator[Server]:
    """Start MLflow's server on a database, or take the one that the address names; stop it at the end."""
    if address.is_server:
        yield Server(address.uri, None)
        return
    with writable_uri(address) as uri, tempfile.TemporaryDirectory(prefix="embexp-ui-") as folder:
        port = _check_port(port) if port else _free_port()
        log = Path(folder) / "server.log"
        process = _start(uri, address, port, log)
        try:
            _await_server(process, f"http://127.0.0.1:{port}/health", log)
            yield Server(f"http://127.0.0.1:{port}", process)
        finally:
            _stop(process)


def study_address(server: Server, experiment: str | None) -> str:
    """Give the address that opens the run charts of a study.

    Raises:
        UserError: MLflow holds no such experiment, or none at all.
    """
    found = _find_experiment(server, experiment)
    address = f"{server.url}/#/experiments/{found['experiment_id']}/runs?{CHARTS}"
    view = newest_view(_tags(found))
    return f"{address}&viewStateShareKey={view}" if view else address


def _find_experiment(server: Server, name: str | None) -> dict[str, Any]:
    answer = _ask(f"{server.url}/api/2.0/mlflow/experiments/search", {"max_results": 1000})
    experiments: list[dict[str, Any]] = [one for one in answer.get("experiments", []) if one["name"] != "Default"]
    if not experiments:
        raise UserError(f"tracking: MLflow at {server.url} holds no study yet; run `embexp` first")
    if name is None:
        return max(experiments, key=_finished)
    for experiment in experiments:
        if experiment["name"] == name:
            return experiment
    known = ", ".join(sorted(one["name"] for one in experiments[:20]))
    raise UserError(f"name: MLflow holds no study {name!r}; it holds {known}")


def _finished(experiment: dict[str, Any]) -> tuple[int, int]:
    """When the last study of an experiment finished; experiments without a finished study come after."""
    return last_finished(_tags(experiment)), int(experiment.get("creation_time", 0))


def _tags(experiment: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in experiment.get("tags", [])}


def _ask(url: str, body: dict[str, Any]) -> dict[str, Any]:
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - http of our own server
        return dict(json.load(answer))


@contextmanager
def writable_uri(address: Address) -> Iterator[str]:
    """Give a URI that the server may write to: of a database that is read-only, that of a copy."""
    database = address.database
    if database is None:
        yield address.uri
        return
    if not database.is_file():
        raise UserError(
            f"{address.origin}: there is no MLflow database {database} yet; run `embexp` first, "
            f"or name another one in tracking.uri"
        )
    with database.open("rb") as file:
        if not file.read(16).startswith(b"SQLite format 3"):
            raise UserError(f"{address.origin}: {database} is no SQLite database; name another one in tracking.uri")
    if os.access(database, os.W_OK) and os.access(database.parent, os.W_OK):
        yield address.uri
        return
    with tempfile.TemporaryDirectory(prefix="embexp-ui-") as folder:
        copy = Path(folder) / "mlflow.db"
        copy_database(database, copy)
        yield f"sqlite:///{copy}"


def copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite file as it stands between two transactions."""
    quoted = urllib.parse.quote(str(source.absolute()))
    with (
        closing(sqlite3.connect(f"file:{quoted}?mode=ro", uri=True)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _check_port(port: int) -> int:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UserError(f"port: {port} cannot be used ({error.strerror}); leave it out for a free one") from None
    return port


def _start(uri: str, address: Address, port: int, log: Path) -> subprocess.Popen[bytes]:
    environment = quiet_environment() | {
        "MLFLOW_BACKEND_STORE_URI": uri,  # not an argument: those can be read by everybody
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # its queue is for other uses, and slow to start
    }
    options = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    # Else files that somebody logs through this server would land in the working folder.
    options += ["--artifacts-destination", str(address.artifacts)]
    with log.open("wb") as file:
        return subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-m", "mlflow", "server", *options],
            stdout=file,
            stderr=file,
            stdin=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )


def _await_server(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - http of our own server
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise EmbexpError("MLflow's server did not start: " + (mask(" | ".join(lines[-3:])) or "it said nothing"))


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the server and the workers it has started."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
