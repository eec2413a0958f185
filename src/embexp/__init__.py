"""embexp: should a text classifier learn its own word embeddings, or start from word2vec?

>>> from embexp import Study
>>> study = Study("reviews.csv", train_sizes=[10, 30], seeds=2, executor="serial", tracking="none")
>>> result = study.run(progress=False)
>>> sorted(result.strategies)
['finetuned', 'frozen', 'random', 'random_frozen', 'tfidf']
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embexp.api import Study
    from embexp.estimator import EmbeddingClassifier
    from embexp.models import TrainedClassifier
    from embexp.study_result import StudyResult

__version__ = "0.1.0"

__all__ = ["EmbeddingClassifier", "Study", "StudyResult", "TrainedClassifier", "__version__"]

# name: the module that holds it, imported when it is asked for, so that `import embexp` stays light
_LATE = {
    "EmbeddingClassifier": "embexp.estimator",
    "Study": "embexp.api",
    "StudyResult": "embexp.study_result",
    "TrainedClassifier": "embexp.models",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATE[name]), name)


def __dir__() -> list[str]:
    """List what can be imported from here."""
    return sorted({*globals(), *_LATE})
