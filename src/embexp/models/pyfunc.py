"""A model as MLflow serves it: MLflow's file MLmodel names this module, so that no object has to be pickled.

POST /invocations {"inputs": [{"text": "A lovely film."}]}
{"predictions": [{"label": "pos", "probability_neg": ..., "probability_pos": ...}]}
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from embexp.models.classifier import TrainedClassifier

if TYPE_CHECKING:
    import pandas as pd

TEXT, LABEL = "text", "label"


def probability_columns(classes: list[str]) -> list[str]:
    """Return the names of the columns that hold the probabilities of classes."""
    return [f"probability_{name}" for name in classes]


class ServedClassifier:
    """What MLflow calls: a frame with the column `text` in, labels and probabilities out."""

    def __init__(self, model: TrainedClassifier) -> None:
        self.model = model

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return a row for each text: its label, then the probability of each class.

        Args:
            model_input: A frame with the column `text`, or with a single one; or a sequence of texts. A missing text
                counts as an empty one.
            params: None are known.

        Raises:
            ValueError: If a frame has several columns and none of them is `text`.
        """
        import pandas as pd

        texts = model_input
        if isinstance(model_input, pd.DataFrame):
            if TEXT not in model_input.columns and len(model_input.columns) != 1:
                raise ValueError(f"there is no column {TEXT!r}; given are {', '.join(map(str, model_input.columns))}")
            texts = model_input[TEXT if TEXT in model_input.columns else model_input.columns[0]]
        texts = pd.Series(texts, dtype=object)
        probabilities = self.model.predict_proba(texts.where(texts.notna(), "").tolist())
        found = pd.DataFrame(probabilities, columns=probability_columns(self.model.classes))
        found.insert(0, LABEL, [self.model.classes[place] for place in probabilities.argmax(axis=1)])
        return found


def _load_pyfunc(data_path: str) -> ServedClassifier:
    """Load what `embexp.models.folder` wrote; MLflow looks for this name."""
    return ServedClassifier(TrainedClassifier.load(Path(data_path)))
