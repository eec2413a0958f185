"""What the tests of models share: one study that left a model behind, read by many tests."""

from __future__ import annotations

import csv
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "study"))

from tiny_study import tiny_study, write_reviews

from embexp.config import StudyConfig, TrackingConfig, Word2VecConfig
from embexp.models import TrainedClassifier
from embexp.running import StudyRun, run_study


@dataclass(frozen=True)
class Exported:
    """A study with its model, and the MLflow database that holds both."""

    config: StudyConfig
    run: StudyRun
    database: Path

    @property
    def folder(self) -> Path:
        """The model's folder."""
        assert self.run.folder is not None
        return self.run.folder / "model"

    @property
    def model(self) -> TrainedClassifier:
        """The model, loaded."""
        return TrainedClassifier.load(self.folder)

    @property
    def reviews(self) -> Path:
        """The texts that the study read."""
        return Path(str(self.config.dataset.train))

    @property
    def texts(self) -> list[str]:
        """All of them, in the order of the file."""
        with self.reviews.open(newline="", encoding="utf-8") as file:
            return [row["text"] for row in csv.DictReader(file)]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Carry out a tiny study with export=finetuned, logged to a database of its own and registered."""
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        del os.environ[name]
    folder = tmp_path_factory.mktemp("exported")
    write_reviews(folder / "reviews.csv")
    database = folder / "mlflow.db"
    config = tiny_study(
        folder,
        export="finetuned",
        export_register="tiny reviews",
        word2vec=Word2VecConfig(vector_size=8, min_count=1, epochs=2),
        tracking=TrackingConfig(uri=f"sqlite:///{database}"),
    )
    run = run_study(config)
    assert run.outcome.complete
    assert run.delivery.undelivered == 0, run.delivery.sentence()
    return Exported(config, run, database)
