"""Log a model folder as an MLflow model, exactly once, and register it if asked.

MLflow's folder holds our files under `data` and names the module that loads them: no pickle, and no code of its own.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

LOADER = "embexp.models.pyfunc"
TAG_MODEL = "embexp.model"  # digest of the model's files
DESCRIPTION = "model.json"
# What prediction runs on; MLflow adds itself.
REQUIREMENTS = ("embexp", "numba", "numpy", "pandas", "polars", "pyarrow", "safetensors", "scipy", "torch")


def log_model(client: Any, experiment: str, run_id: str, folder: Path, register: str | None, study: str) -> None:
    """Log a model on a study's run; one that stands there is completed or left alone.

    Args:
        client: MLflow's.
        experiment: The experiment's id.
        run_id: The study's run.
        folder: The files of the model.
        register: The name to register it under; None for none.
        study: Fingerprint of the study.
    """
    import mlflow
    from mlflow.entities import LoggedModelOutput

    mlflow.set_tracking_uri(client.tracking_uri)  # the registry looks a model up there, whatever its client was given
    digest = digest_files(folder)
    description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    held = client.search_logged_models([experiment], filter_string=f"tags.`{TAG_MODEL}` = '{digest}'")
    ours = sorted((each for each in held if each.source_run_id == run_id), key=lambda each: each.status != "READY")
    model = ours[0] if ours else None
    if model is None:
        about = description["about"]
        told = {"strategy": description["strategy"], "train_size": about.get("train_size"), "seed": about.get("seed")}
        model = client.create_logged_model(
            experiment,
            name=description["strategy"],
            source_run_id=run_id,
            tags={TAG_MODEL: digest, "embexp.study": study},
            params={name: str(value) for name, value in told.items()},
            model_type="text classifier",
        )
    if model.status != "READY":
        with tempfile.TemporaryDirectory(prefix="embexp-model-") as beside:
            path = Path(beside) / "model"
            write_mlflow_model(folder, path, description["classes"], run_id, model)
            client.log_model_artifacts(model.model_id, str(path))
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
        client.finalize_logged_model(model.model_id, "READY")
    if register:
        _register(client, register, model.model_id, run_id, digest)


def digest_files(folder: Path) -> str:
    """Return the sha256 over names and bytes of the files in a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            digest.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def write_mlflow_model(folder: Path, path: Path, classes: list[str], run_id: str, logged: Any) -> None:
    """Write the folder that MLflow loads and serves: MLmodel, requirements, an example, and our files under data."""
    import pandas as pd
    from mlflow import pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema

    outputs = [ColSpec("string", "label"), *(ColSpec("float", f"probability_{name}") for name in classes)]
    pyfunc.save_model(
        str(path),
        loader_module=LOADER,
        data_path=str(folder),
        mlflow_model=Model(artifact_path=logged.artifact_location, run_id=run_id, model_id=logged.model_id),
        signature=ModelSignature(inputs=Schema([ColSpec("string", "text")]), outputs=Schema(outputs)),
        input_example=pd.DataFrame({"text": ["a text to classify", "and another one"]}),
        # without the local part of a version, such as +cpu, which no index has
        pip_requirements=[f"{name}=={metadata.version(name).partition('+')[0]}" for name in REQUIREMENTS],
    )


def _register(client: Any, name: str, model_id: str, run_id: str, digest: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    quoted = name.replace("'", "''")
    with suppress(StopIteration):
        next(each for each in client.search_model_versions(f"name='{quoted}'") if each.tags.get(TAG_MODEL) == digest)
        return
    client.create_model_version(name, f"models:/{model_id}", run_id, {TAG_MODEL: digest}, model_id=model_id)
