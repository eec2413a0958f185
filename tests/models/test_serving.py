"""`mlflow models serve` on loopback answers with what `embexp predict` writes."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from embexp.cli import main

STARTING_SECONDS = 120


@contextmanager
def served(uri: str, database: Path, folder: Path) -> Iterator[str]:
    """Start MLflow's scoring server in this environment, wait until it answers, and stop it with its children."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", uri, "--env-manager", "local"]
    environment = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{database}", "MLFLOW_DISABLE_TELEMETRY": "true"}
    bin_folder = str(Path(sys.executable).parent)  # mlflow starts `uvicorn` by its name
    environment["PATH"] = bin_folder + os.pathsep + environment.get("PATH", "")
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "-h", "127.0.0.1", "-p", str(port), "--workers", "1"],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + STARTING_SECONDS
        while not answers(url):
            try:
                server.wait(0.2)
            except subprocess.TimeoutExpired:
                assert time.monotonic() < deadline, (folder / "server.log").read_text()
            else:
                raise AssertionError((folder / "server.log").read_text())
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ping", timeout=2):  # noqa: S310
            return True
    except OSError:
        return False


def ask(url: str, content: object) -> list[dict[str, object]]:
    request = urllib.request.Request(  # noqa: S310
        f"{url}/invocations", json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        found: list[dict[str, object]] = json.loads(answer.read())["predictions"]
    return found


def test_the_server_answers_with_labels_and_probabilities_of_predict(exported, tmp_path, capfd):
    texts = [*exported.texts[:20], "", 'a "dull, flat" one', "café"]
    (tmp_path / "texts.txt").write_text("".join(f"{text}\n" for text in texts))
    assert main(["predict", str(exported.folder), str(tmp_path / "texts.txt")]) == 0
    rows = list(csv.DictReader(io.StringIO(capfd.readouterr().out)))
    with served("models:/tiny reviews/1", exported.database, tmp_path) as url:
        answers = [
            ask(url, {"dataframe_split": {"columns": ["text"], "data": [[text] for text in texts]}}),
            ask(url, {"inputs": [{"text": text} for text in texts]}),
            ask(url, {"dataframe_records": [{"text": text} for text in texts]}),
        ]
        with pytest.raises(urllib.error.HTTPError) as error:
            ask(url, {"inputs": [{"title": "no text"}]})
        assert error.value.code == 400
    for answer in answers:
        assert [row["label"] for row in answer] == [row["label"] for row in rows]
        for column in ("probability_bad", "probability_good"):
            served_values = np.array([row[column] for row in answer], np.float32)
            np.testing.assert_allclose(served_values, np.array([row[column] for row in rows], np.float32), atol=1e-6)


def test_mlflow_loads_it_as_a_function(exported):
    import mlflow
    import pandas as pd

    (place,) = Path(exported.database.parent).glob("mlartifacts/models/*/artifacts")
    model = mlflow.pyfunc.load_model(str(place))
    found = model.predict(pd.DataFrame({"text": exported.texts}))
    assert found["label"].tolist() == exported.model.predict(exported.texts)
    np.testing.assert_array_equal(
        found[["probability_bad", "probability_good"]].to_numpy(), exported.model.predict_proba(exported.texts)
    )
    assert model.metadata.get_input_schema().input_names() == ["text"]
    assert model.metadata.get_output_schema().input_names() == ["label", "probability_bad", "probability_good"]
    assert model.input_example["text"].map(type).eq(str).all()
