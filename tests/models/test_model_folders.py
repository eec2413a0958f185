"""A model's folder is checked before it is used: what a stranger hands over, a damaged copy, another version."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tiny_study import BAD, COMMON, GOOD

from embexp.errors import UserError
from embexp.models import TrainedClassifier

DESCRIPTION, WEIGHTS, VOCABULARY = "model.json", "weights.safetensors", "vocabulary.txt"


@pytest.fixture
def folder(exported, tmp_path) -> Path:
    """A copy of a model to damage."""
    return Path(shutil.copytree(exported.folder, tmp_path / "model"))


def describe(folder: Path, *path: str, value: object) -> None:
    """Change one value of model.json."""
    file = folder / DESCRIPTION
    content = json.loads(file.read_text())
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    file.write_text(json.dumps(content))


def refusal(folder: Path) -> str:
    with pytest.raises(UserError) as error:
        TrainedClassifier.load(folder)
    return str(error.value)


def test_saved_and_loaded_it_predicts_the_same_bytes(exported, tmp_path):
    model = exported.model
    again = TrainedClassifier.load(model.save(tmp_path / "again"))
    assert again.predict_proba(exported.texts).tobytes() == model.predict_proba(exported.texts).tobytes()
    assert again.classes == model.classes == ["bad", "good"]
    assert again.about == model.about
    assert {path.name for path in (tmp_path / "again").iterdir()} == {DESCRIPTION, WEIGHTS, VOCABULARY}


def test_only_the_rows_of_the_vocabulary_are_kept(exported):
    model = exported.model
    assert load_file(exported.folder / WEIGHTS)["embedding.weight"].shape == (len(model.vocabulary), 8)
    assert set(model.vocabulary) == {"word", *map(str, range(len(COMMON))), *GOOD, *BAD}  # word7 is two tokens


@pytest.mark.parametrize("name", [DESCRIPTION, WEIGHTS, VOCABULARY])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    assert name in refusal(folder)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("format",), 1, "format 1"),
        (("strategy",), "tfidf", "strategy 'tfidf' is unknown"),
        (("vector_size",), 10**9, "out of range"),
        (("vector_size",), 9, "shape (49, 8)"),
        (("vector_size",), True, "vector_size is missing or no int"),
        (("classes",), ["bad", "bad"], "different names"),
        (("classes",), ["bad", 3], "different names"),
        (("classes",), ["a", "b", "c"], "output.weight"),
        (("text", "tokenizer"), "../../secret/tokenizer.json", "no file of this model"),
        (("text", "tokenizer"), "/etc/tokenizer.json", "no file of this model"),
        (("text", "pattern"), "(", "text.pattern"),
        (("text", "max_tokens"), "many", "max_tokens"),
        (("text", "more"), 1, "text.more is not known"),
        (("classifier", "encoder"), "transformer", "classifier.encoder 'transformer' is unknown"),
        (("classifier", "hidden_size"), 10**9, "describes a network of"),
        (("classifier", "hidden_size"), 32, "hidden.weight"),
        (("classifier", "layers"), 10**6, "more layers"),
        (("classifier", "layers"), 2, "deeper.0.weight"),
        (("classifier", "windows"), [], "windows"),
        (("classifier", "pooling"), "last", "classifier.pooling: last needs"),
        (("classifier", "dropout"), "NaN", "dropout"),
        (("classifier", "hidden_size"), 0, "out of range"),
    ],
)
def test_a_changed_description_is_refused(folder, path, value, said):
    describe(folder, *path, value=value)
    assert said in refusal(folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"null", b"[" * 100_000, b'{"format": 2}'])
def test_a_description_that_is_none_is_refused(folder, content):
    (folder / DESCRIPTION).write_bytes(content)
    assert DESCRIPTION in refusal(folder)


def test_a_description_of_endless_length_is_not_read(folder):
    with (folder / DESCRIPTION).open("r+b") as file:
        file.truncate(1 << 40)
    assert "16 MiB" in refusal(folder)


@pytest.mark.parametrize("promised", [1 << 21, 1 << 62, 10**6])
def test_weights_that_promise_a_large_header_are_not_read(folder, promised):
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", promised) + b"{}" + bytes(2 << 20))
    said = refusal(folder)
    assert WEIGHTS in said


@pytest.mark.parametrize("cut", [0, 7, 9, 300, -5])
def test_weights_that_were_cut_off_are_refused(folder, cut):
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[:cut])
    assert WEIGHTS in refusal(folder)


def test_weights_of_other_names_types_and_values_are_refused(folder):
    whole = load_file(folder / WEIGHTS)
    for change, said in (
        ({"../evil": np.zeros(3, np.float32)}, "../evil"),
        ({"output.bias": np.zeros(2, np.float64)}, "float64"),
        ({"output.bias": np.array([np.nan, 0], np.float32)}, "not finite"),
        ({"embedding.weight": np.zeros((3, 8), np.float32)}, "shape (3, 8)"),
    ):
        save_file(whole | change, folder / WEIGHTS)
        assert said in refusal(folder)


@pytest.mark.parametrize("content", [b"", b"one\none\n", b"\xff\n", b"one\n"])
def test_a_vocabulary_that_does_not_fit_is_refused(folder, content):
    (folder / VOCABULARY).write_bytes(content)
    assert VOCABULARY in refusal(folder)


def test_a_folder_with_other_things_is_not_written_into(exported, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="no model"):
        exported.model.save(tmp_path)
    with pytest.raises(UserError, match="in the way"):
        exported.model.save(tmp_path / "thesis.tex")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_texts_must_be_strings(exported):
    with pytest.raises(TypeError, match=r"texts\[1\] is 3"):
        exported.model.predict(["fine", 3])
    with pytest.raises(TypeError, match="one string"):
        exported.model.predict("fine")
    assert exported.model.predict([]) == []
    assert exported.model.predict_proba([]).shape == (0, 2)
    assert np.isfinite(exported.model.predict_proba(["", "zzz unknown"])).all()
