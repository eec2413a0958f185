"""Fetch a model that MLflow holds, by the address under which MLflow knows it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from embexp.config import TrackingConfig
from embexp.errors import UserError
from embexp.tracking.address import mask, resolve_address

ADDRESS = re.compile(r"[a-z][a-z0-9+.\-]*:/", re.IGNORECASE)


def is_model_address(name: str) -> bool:
    """Return whether a name is an address such as models:/reviews/1 or runs:/RUN/model, and no path."""
    return ADDRESS.match(name) is not None and not Path(name).exists()


def fetch_model(name: str, config: TrackingConfig, folder: Path) -> Path:
    """Copy the files of a model into a folder; nothing of them is loaded or run.

    Args:
        name: models:/NAME/VERSION, models:/NAME@ALIAS, models:/m-ID, runs:/RUN/..., or the address of a folder.
        config: Says which MLflow knows it.
        folder: An empty folder.

    Raises:
        UserError: If MLflow does not have it, or cannot be reached.
    """
    address = resolve_address(config)
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
    import mlflow
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    from embexp.tracking.database import open_client

    if address.database is not None and not address.database.exists():
        raise UserError(f"MODEL: {name} is an address in MLflow, and there is no database {address.database}")
    open_client(address)
    mlflow.set_tracking_uri(address.uri)
    mlflow.set_registry_uri(address.uri)
    try:
        return Path(download_artifacts(artifact_uri=name, dst_path=str(folder)))
    except (MlflowException, OSError) as error:
        reason = mask(str(error).strip().splitlines()[0])[:300] if str(error).strip() else type(error).__name__
        raise UserError(
            f"MODEL: {name} cannot be fetched from {address.shown} ({reason}); `embexp ui` shows the models, and "
            "tracking.uri=URI names another MLflow"
        ) from error
