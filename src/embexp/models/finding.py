"""Where in a folder the files of a model are: its own folder, a study's, or one that MLflow wrote."""

from __future__ import annotations

from pathlib import Path

from embexp.errors import UserError
from embexp.models.folder import DESCRIPTION, is_model

MLMODEL = "MLmodel"


def find_model(folder: Path) -> Path:
    """Return the folder with model.json that a user means.

    Raises:
        UserError: If there is none; says what is there instead.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise UserError(
            f"MODEL: {folder} {what} (seen from {Path.cwd()}); name the folder of a model, such as "
            "outputs/quick/latest/model, or its address in MLflow, such as models:/NAME/1"
        )
    if is_model(folder):
        return folder
    if is_model(folder / "model"):
        return folder / "model"
    if (folder / MLMODEL).is_file():
        held = [path for path in sorted((folder / "data").glob("*")) if is_model(path)]
        if len(held) == 1:
            return held[0]
        raise UserError(f"MODEL: {folder} is a model of MLflow that embexp did not write; load it with mlflow.pyfunc")
    if (folder / "results.json").is_file():
        raise UserError(
            f"MODEL: {folder} is a study without a model; run it again with export=best, its cells are in the store"
        )
    raise UserError(f"MODEL: there is no {DESCRIPTION} in {folder}; name the folder of a model")
