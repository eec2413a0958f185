"""scikit-learn's own checks of an estimator.

Its checks hand over tables of numbers, and EmbeddingClassifier takes texts: `check_estimator` on the class itself runs
only what needs no table. So that the others run too, a small subclass spells each row of a table as a text, a word for
each number. What these checks say of fitting, cloning, parameters, labels, pickling, subsets, order of samples and
determinism is then said of our code; `ANSWERED_BY_THE_SPELLING` are those that say something of the table alone.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator
from sklearn.utils.validation import check_is_fitted, validate_data

from embexp.estimator import EmbeddingClassifier

# Passed, but by scikit-learn's validate_data in the subclass: texts have no sparse form, no NaN and no columns.
ANSWERED_BY_THE_SPELLING = {
    "check_complex_data": "a text is no number",
    "check_dtype_object": "objects that are no strings are refused, see test_wrong_texts_and_labels_are_refused",
    "check_estimators_dtypes": "a text has no dtype",
    "check_estimators_nan_inf": "a missing text is refused, see test_wrong_texts_and_labels_are_refused",
    "check_estimator_sparse_array": "a text has no sparse form",
    "check_estimator_sparse_matrix": "a text has no sparse form",
    "check_estimator_sparse_tag": "a text has no sparse form",
    "check_n_features_in": "a text has no number of features",
    "check_n_features_in_after_fitting": "a text has no number of features",
    "check_fit1d": "texts are one-dimensional",
    "check_fit2d_predict1d": "texts are one-dimensional",
    "check_fit2d_1feature": "a text has no columns",
    "check_estimators_empty_data_messages": "an empty list of texts: test_wrong_texts_and_labels_are_refused",
}


class RowsAsTexts(EmbeddingClassifier):
    """The estimator for tables: a row becomes a text whose words say column, sign and size of its numbers."""

    def fit(self, X, y):  # noqa: N803
        X, y = validate_data(self, X, y)  # noqa: N806
        return super().fit(spell(X), y)

    def predict_proba(self, X):  # noqa: N803
        check_is_fitted(self)
        return super().predict_proba(spell(validate_data(self, X, reset=False)))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.one_d_array = tags.input_tags.string = False
        return tags


def spell(table: np.ndarray) -> list[str]:
    """Return a text for each row."""
    return [
        " ".join(
            f"c{chr(97 + place % 26)}{'n' if value < 0 else 'p'}{'i' * int(min(2 * abs(value), 30))}"
            for place, value in enumerate(row)
        )
        for row in table
    ]


def small() -> RowsAsTexts:
    return RowsAsTexts(strategy="random", min_count=1, vector_size=8, min_steps=300)


CHECKS = [(check.func.__name__, estimator, check) for estimator, check in estimator_checks_generator(small())]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("estimator", "check"), [row[1:] for row in CHECKS], ids=[row[0] for row in CHECKS])
def test_scikit_learns_checks_pass(estimator, check):
    check(estimator)


def test_the_list_of_checks_without_meaning_names_checks():
    names = {name for name, _, _ in CHECKS}
    assert set(ANSWERED_BY_THE_SPELLING) <= names
    assert len(names) - len(ANSWERED_BY_THE_SPELLING) >= 30


@pytest.mark.filterwarnings("ignore:Can't test estimator")
def test_the_class_itself_passes_what_needs_no_table():
    results = check_estimator(EmbeddingClassifier())
    assert results
    assert {result["status"] for result in results} == {"passed"}
