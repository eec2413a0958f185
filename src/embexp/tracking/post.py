"""Start couriers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from embexp.tracking.address import Address
from embexp.tracking.outbox import LOG_FILE

REQUEST_TIMEOUT_SECONDS = 10

# MLFLOW_RUN_ID would put everything into one foreign run; the others are decided by our settings.
_MISLEADING = ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_TRACKING_URI")


def start_courier(
    address: Address, box: Path | None, leftovers: Sequence[Path], log_folder: Path
) -> subprocess.Popen[bytes]:
    """Start a courier for a box, and for boxes that others have left.

    The order travels by pipe: the URI may hold a password, and everybody can read the arguments of a process.
    """
    with (log_folder / LOG_FILE).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "embexp.tracking.courier"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=quiet_environment(),
            start_new_session=True,  # Ctrl-C is for the planner, who then tells the courier
        )
    order = {
        "address": asdict(address),
        "box": None if box is None else str(box),
        "leftovers": [str(path) for path in leftovers],
    }
    say(process, json.dumps(order))
    return process


def say(process: subprocess.Popen[bytes], text: str) -> None:
    """Send a line to a courier; one that has died hears nothing, which shows elsewhere."""
    if process.stdin is None:
        return
    try:
        process.stdin.write(text.encode() + b"\n")
        process.stdin.flush()
    except OSError:
        return


def quiet_environment() -> dict[str, str]:
    """Give the environment in which MLflow does what we say and nothing else."""
    environment = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    environment |= {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        # MLflow repeats a request whose answer got lost, and so creates a run twice: repeating is for the
        # courier, which looks first whether the run is there.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "OMP_NUM_THREADS": "1",
        "MLFLOW_UV_AUTO_DETECT": "false",  # a model has our requirements, not those of the folder we were started in
    }
    environment.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(REQUEST_TIMEOUT_SECONDS))
    return environment
