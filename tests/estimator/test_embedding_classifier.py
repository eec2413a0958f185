"""EmbeddingClassifier: the classifier of a study by itself, and a good citizen of scikit-learn."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, learning_curve
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer
from tiny_study import tiny_study, write_reviews

from embexp import EmbeddingClassifier
from embexp.command.compose import compose_study
from embexp.command.conf import list_options
from embexp.config import GridConfig, Word2VecConfig
from embexp.engine.store import Store
from embexp.errors import UserError
from embexp.models import TrainedClassifier
from embexp.running import run_study
from embexp.text import nested_order, open_dataset

STRATEGIES = ["random", "frozen", "finetuned", "multichannel", "random_frozen"]


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    frame = pl.read_csv(write_reviews(tmp_path_factory.mktemp("reviews") / "reviews.csv", 200))
    return frame["text"].to_list(), frame["label"].to_list()


def small(strategy: str = "finetuned", **changes) -> EmbeddingClassifier:
    return EmbeddingClassifier(strategy, **({"vector_size": 8, "min_count": 1, "epochs": 2} | changes))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_learns(reviews, strategy):
    texts, labels = reviews
    model = small(strategy, vector_size=32, min_steps=200).fit(texts[:150], labels[:150])
    # rows that stay cannot single out the few words that tell, and two epochs of word2vec have not either
    assert model.score(texts[150:], labels[150:]) > (0.75 if strategy in ("random", "finetuned") else 0.6)
    probabilities = model.predict_proba(texts[150:])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert model.predict(texts[150:]).tolist() == model.classes_[probabilities.argmax(axis=1)].tolist()


@pytest.mark.parametrize("encoder", ["cnn", "lstm", "linear"])
def test_every_encoder_learns(reviews, encoder):
    texts, labels = reviews
    settings = {"classifier.maps": 8} if encoder == "cnn" else None
    model = small("random", encoder=encoder, hidden_size=8, settings=settings, min_steps=150)
    assert model.fit(texts[:150], labels[:150]).score(texts[150:], labels[150:]) > 0.7


@pytest.mark.parametrize("option", list_options()["classifier"])
def test_an_encoder_begins_as_in_a_study(option):
    own, composed = EmbeddingClassifier(encoder=option)._config(), compose_study([f"classifier={option}"])
    assert (own.classifier, own.training) == (composed.classifier, composed.training)


@pytest.mark.parametrize("encoder", ["gru", "../experiment/main", None])
def test_an_unknown_encoder_is_a_sentence(reviews, encoder):
    with pytest.raises(ValueError, match=r"classifier\.encoder"):
        small(encoder=encoder).fit(*reviews)


@pytest.mark.parametrize("case", ["random", "frozen", "finetuned", "cnn"])
def test_it_is_the_cell_of_a_study(tmp_path, case):
    """On the whole pool, in the order of the cell, the predictions are the study's own."""
    strategy = "random" if case == "cnn" else case
    write_reviews(tmp_path / "reviews.csv")
    vectors = tmp_path / "vectors.txt"
    rng = np.random.default_rng(0)
    words = ["fine", "lovely", "superb", "dull", "awful", *(f"word{n}" for n in range(30))]
    lines = [f"{word} {' '.join(f'{x:.4f}' for x in rng.normal(size=6))}" for word in words]
    vectors.write_text(f"{len(words)} 6\n" + "\n".join(lines) + "\n")
    composed = compose_study(["classifier=cnn", "classifier.maps=5"] if case == "cnn" else [])
    budget = replace(composed.training.budget, min_steps=20, passes=1)
    config = tiny_study(
        tmp_path,
        grid=GridConfig(strategies=[strategy], train_sizes=[120], seeds=[3], controls=[]),
        word2vec=Word2VecConfig(corpus="pretrained", file=str(vectors), vector_size=None),
        classifier=composed.classifier,
        training=replace(composed.training, budget=budget),
    )
    run = run_study(config)
    store = Store(tmp_path / "store")
    dataset = open_dataset(store.path(run.plan.dataset.fingerprint))
    frame = pl.read_csv(tmp_path / "reviews.csv")
    order = nested_order(np.asarray(dataset.pool.labels, np.int64), 3)
    rows = np.asarray(dataset.pool.rows)[order]
    model = EmbeddingClassifier(
        strategy,
        vectors=str(vectors),
        encoder=composed.classifier.encoder,
        vector_size=6,
        min_count=1,
        min_steps=20,
        passes=1,
        settings={"classifier.maps": 5} if case == "cnn" else None,
        random_state=3,
    )
    model.fit(frame["text"].gather(rows).to_list(), frame["label"].gather(rows).to_list())
    (cell,) = run.plan.cells
    predictions = np.load(store.path(cell.task.fingerprint) / "predictions.npy")
    found = model.predict(frame["text"].gather(np.asarray(dataset.test.rows)).to_list())
    assert found.tolist() == [dataset.classes[place] for place in predictions]


def test_the_same_random_state_gives_the_same_bytes(reviews):
    texts, labels = reviews
    one, two, other = (small(random_state=seed).fit(texts, labels).predict_proba(texts) for seed in (5, 5, 6))
    assert one.tobytes() == two.tobytes() != other.tobytes()
    drawn = small(random_state=np.random.RandomState(1)).fit(texts, labels)
    assert drawn.predict_proba(texts).tobytes() != one.tobytes()


def test_unlabelled_texts_add_words(reviews):
    texts, labels = reviews
    model = small("frozen", unlabelled=["extraordinary fine fine"] * 5).fit(texts, labels)
    assert "extraordinary" in model.vocabulary_
    assert "extraordinary" not in small("frozen").fit(texts, labels).vocabulary_


def test_vectors_of_gensim_are_taken(reviews):
    from gensim.models import KeyedVectors

    texts, labels = reviews
    vectors = KeyedVectors(4)
    words = ["fine", "dull", "Awful", *(f"word{n}" for n in range(10))]
    vectors.add_vectors(words, np.random.default_rng(0).normal(size=(len(words), 4)).astype(np.float32))
    model = small("frozen", vectors=vectors).fit(texts, labels)
    assert model.model_.settings.vector_size == 4
    strange = KeyedVectors(4)
    strange.add_vectors(["здравствуй"], np.ones((1, 4), np.float32))
    with pytest.raises(ValueError, match="none of its words"):
        small("frozen", vectors=strange).fit(texts, labels)


@pytest.mark.parametrize(
    "labels", [[1, 7], [True, False], ["a", "ü"], [1.0, 2.0], np.array(["x", "y"], dtype=object)], ids=str
)
def test_saved_and_loaded_it_is_the_same(reviews, tmp_path, labels):
    texts, given = reviews
    y = np.array([labels[int(label == "good")] for label in given], dtype=getattr(labels, "dtype", None))
    model = small(passes=0.5).fit(texts, y)
    again = EmbeddingClassifier.load(model.save(tmp_path / "model"))
    assert again.get_params() == model.get_params()
    assert again.classes_.tolist() == model.classes_.tolist()
    assert [type(label) for label in again.predict(texts[:9])] == [type(label) for label in model.predict(texts[:9])]
    assert again.predict(texts).tolist() == model.predict(texts).tolist()
    assert again.predict_proba(texts).tobytes() == model.predict_proba(texts).tobytes()
    assert sorted(path.suffix for path in (tmp_path / "model").iterdir()) == [".json", ".safetensors", ".txt"]
    assert TrainedClassifier.load(tmp_path / "model").predict(texts[:3]) == [str(x) for x in model.predict(texts[:3])]


def test_numbers_of_numpy_can_be_saved(reviews, tmp_path):
    texts, labels = reviews
    model = small("random", hidden_size=np.int64(5), learning_rate=np.float64(0.01), passes=np.float32(0.5))
    again = EmbeddingClassifier.load(model.fit(texts, labels).save(tmp_path / "model"))
    assert again.model_.settings.classifier.hidden_size == 5
    assert again.predict(texts).tolist() == model.predict(texts).tolist()


def test_a_folder_whose_labels_were_changed_is_refused(reviews, tmp_path):
    texts, labels = reviews
    folder = small(passes=0.5).fit(texts, labels).save(tmp_path / "model")
    file = folder / "model.json"
    whole = file.read_text()
    for change in ('"kind": "V"', '"kind": ["U"]', '"kind": "U", "params": []', '"kind": "i"'):
        file.write_text(whole.replace('"kind": "U"', change))
        with pytest.raises(UserError, match="labels"):
            EmbeddingClassifier.load(folder)


def test_it_works_in_a_pipeline_and_a_grid_search(reviews):
    texts, labels = reviews
    pipeline = Pipeline([("strip", FunctionTransformer(lambda x: [t.strip() for t in x])), ("model", small(passes=1))])
    grid = {"model__strategy": ["random", "finetuned"], "model__learning_rate": [0.004, 0.02]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(texts[:100], labels[:100])
    assert set(search.best_params_) == set(grid)
    assert search.best_estimator_.score(texts[100:], labels[100:]) > 0.6
    numpy_grid = {"hidden_size": np.array([4, 8]), "learning_rate": np.logspace(-3, -2, 2)}
    assert (
        len(
            GridSearchCV(small("random"), numpy_grid, cv=2, error_score="raise")
            .fit(texts, labels)
            .cv_results_["rank_test_score"]
        )
        == 4
    )


def test_it_works_in_cross_validation_and_learning_curves(reviews):
    texts, labels = reviews
    scores = cross_val_score(small("random"), texts, labels, cv=3, error_score="raise")
    assert len(scores) == 3
    assert min(scores) > 0.6
    sizes, _, test = learning_curve(
        small("random"), np.array(texts, object), labels, train_sizes=[20, 100], cv=2, error_score="raise"
    )
    assert sizes.tolist() == [20, 100]
    assert test.mean(axis=1)[1] > 0.6


def test_it_stands_beside_scikit_learns_own_text_models(reviews):
    texts, labels = reviews
    other = Pipeline([("union", FeatureUnion([("tfidf", TfidfVectorizer())])), ("model", LogisticRegression())])
    assert other.fit(texts, labels).predict(texts).shape == small().fit(texts, labels).predict(texts).shape


def test_all_that_holds_strings_is_taken(reviews):
    texts, labels = reviews
    expected = small().fit(texts, labels).predict_proba(texts).tobytes()
    for make in (
        tuple,
        np.array,
        pd.Series,
        pl.Series,
        lambda x: np.array(x, dtype=object),
        lambda x: pd.Series(x, index=range(5, 205)),
    ):
        model = small().fit(make(texts), np.array(labels))
        assert model.predict_proba(make(texts)).tobytes() == expected


def test_cloning_and_parameters(reviews):
    model = small(settings={"training.schedule": "constant"})
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert copy.set_params(strategy="random", hidden_size=3).get_params()["hidden_size"] == 3
    texts, labels = reviews
    assert copy.fit(texts, labels).model_.settings.classifier.hidden_size == 3
    assert "hidden_size=3" in repr(copy)
    with pytest.raises(NotFittedError):
        model.predict(texts)
    with pytest.raises(NotFittedError):
        model.save("nowhere")


@pytest.mark.parametrize(
    ("texts", "labels", "said"),
    [
        ("one text", ["a"], "one value of type str"),
        ([], [], "0 samples"),
        (["a b", None], ["x", "y"], r"X\[1\] is 'None'"),
        (["a b", float("nan")], ["x", "y"], r"X\[1\] is 'nan'"),
        ([b"a b", b"c"], ["x", "y"], "bytes"),
        (np.zeros((2, 2)), ["x", "y"], "Reshape your data"),
        (["a b", "a c"], ["x"], "2 texts, and y 1 labels"),
        (["a b", "a c"], [0.5, 1.7], "continuous"),
        (["!?", "..."] * 3, ["x", "y"] * 3, None),
        (["", ""], ["x", "y"], "no word"),
        (["solo", "words"], ["x", "y"], "min_count"),
        (None, ["x"], "X is None"),
    ],
)
def test_wrong_texts_and_labels_are_refused(texts, labels, said):
    model = EmbeddingClassifier("random", vector_size=4)
    if said is None:
        assert model.fit(texts, labels).predict(texts).shape == (6,)
        return
    with pytest.raises(ValueError, match=said):
        model.fit(texts, labels)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"strategy": "finetune"}, "did you mean finetuned"),
        ({"encoder": "transformer"}, "classifier.encoder"),
        ({"batch_size": 0}, "training.batch_size: 0 is out of range"),
        ({"batch_size": "many"}, "no value of its kind"),
        ({"settings": {"training.shedule": "constant"}}, "did you mean schedule"),
        ({"settings": {"optimiser.rate": 1}}, "is no group"),
        ({"settings": {"classifier.windows": [3]}}, "no effect"),
        ({"random_state": -1}, "random_state"),
        ({"vectors": "/none/vectors.bin"}, "there is no file"),
        ({"word2vec_min_count": 10_000}, "no word of the corpus occurs"),
    ],
)
def test_wrong_settings_are_refused_when_fitted(reviews, changes, said):
    model = EmbeddingClassifier(**({"vector_size": 4} | changes))
    with pytest.raises(ValueError, match=said):
        model.fit(*reviews)


def test_importing_embexp_stays_light_and_the_docstring_is_true():
    code = (
        "import sys, embexp; assert not {'torch', 'sklearn', 'numpy', 'polars'} & sys.modules.keys();"
        "import doctest, embexp.estimator; print(doctest.testmod(embexp.estimator))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "failed=0, attempted=5" in done.stdout
