"""The control every study runs: TF-IDF with logistic regression on the same labelled texts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embexp.bags import Bags

# Chosen on validation texts (docs/protocol.md): sublinear counts gain 2 to 5 points below 3,000 labels, C = 10
# between 0.4 and 1.4 points over scikit-learn's default of 1.
INVERSE_REGULARISATION = 10.0


def tfidf_predictions(
    labelled: Bags, labels: NDArray[np.int64], texts: Bags, vocabulary_size: int
) -> tuple[NDArray[np.int64], int]:
    """Fit TF-IDF and logistic regression on the labelled texts alone and classify other texts.

    Args:
        labelled: The labelled texts.
        labels: Their class numbers, int64.
        texts: The texts to classify.
        vocabulary_size: Number of columns.

    Returns:
        The class number of each text, int64, shape (texts,), and the number of fitted parameters.
    """
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression

    counts = _sparse(labelled, vocabulary_size)
    tfidf = TfidfTransformer(sublinear_tf=True).fit(counts)
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=1000)
    model.fit(tfidf.transform(counts), labels)
    predicted = model.predict(tfidf.transform(_sparse(texts, vocabulary_size)))
    return np.asarray(predicted, np.int64), int(model.coef_.size + model.intercept_.size)


def _sparse(bags: Bags, vocabulary_size: int) -> Any:
    from scipy.sparse import csr_matrix

    return csr_matrix((bags.counts, bags.indices, bags.offsets), shape=(len(bags), vocabulary_size))
