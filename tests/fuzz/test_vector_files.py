"""Whatever stands in a file of word vectors: vectors or a sentence, never a traceback nor a run of its code."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embexp.config import Word2VecConfig
from embexp.errors import UserError
from embexp.vectors.loading import load
from embexp.vectors.sources import find_source

WORDS = ["a", "b", "naïve", "東京", "don't", "1,5"]
VECTORS = np.arange(18, dtype=np.float32).reshape(6, 3) / 7 - 1
HUGE = st.sampled_from([0, -1, 5, 7, 10**6, 2**31, 2**63, 10**30])


def as_text(header: bool) -> bytes:
    """Write the sound vectors as word2vec or GloVe text."""
    rows = [f"{word} {' '.join(map(str, row))}" for word, row in zip(WORDS, VECTORS.tolist(), strict=True)]
    return "\n".join([*(["6 3"] if header else []), *rows, ""]).encode()


def as_binary() -> bytes:
    """Write the sound vectors as word2vec's binary file."""
    rows = [word.encode() + b" " + row.tobytes() + b"\n" for word, row in zip(WORDS, VECTORS, strict=True)]
    return b"6 3\n" + b"".join(rows)


def as_npy(matrix: np.ndarray) -> bytes:
    """Write an array; what it holds is the caller's affair."""
    stream = io.BytesIO()
    np.save(stream, matrix, allow_pickle=True)
    return stream.getvalue()


def as_safetensors(header: object = None) -> bytes:
    """Write the sound vectors as safetensors, or with a header of choice."""
    usual = {"vectors": {"dtype": "F32", "shape": [6, 3], "data_offsets": [0, 72]}}
    text = json.dumps(usual if header is None else header).encode()
    return struct.pack("<Q", len(text)) + text + VECTORS.tobytes()


def as_fasttext() -> bytes:
    """Write the sound vectors as fastText's model file, with four buckets of n-grams."""
    arguments = struct.pack("<12id", 3, 5, 5, 1, 5, 1, 2, 2, 4, 3, 6, 100, 1e-4)
    entries = b"".join(word.encode() + struct.pack("<bqb", 0, 1, 0) for word in WORDS)
    dictionary = struct.pack("<iiiqq", 6, 6, 0, 6, -1) + entries
    matrix = struct.pack("<?qq", False, 10, 3) + VECTORS.tobytes() + VECTORS[:4].tobytes()
    return struct.pack("<ii", 793712314, 12) + arguments + dictionary + matrix


SOUND = [
    as_text(True),
    as_text(False),
    as_binary(),
    as_npy(VECTORS),
    as_npy(VECTORS.astype(np.float64)),
    as_safetensors(),
    as_fasttext(),
]
OTHER_ARRAYS = [
    as_npy(np.array([{"a": 1}], dtype=object)),
    as_npy(np.arange(4)),
    as_npy(np.array(["x", "y"])),
    as_npy(np.full((6, 3), np.nan, np.float32)),
    as_npy(np.zeros((0, 3), np.float32)),
    as_npy(np.zeros((6, 3), np.complex64)),
]
JSON = st.recursive(
    st.none() | st.booleans() | HUGE | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
TENSOR = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "F16", "I8", "X", 3]),
        "shape": st.lists(HUGE, max_size=3) | JSON,
        "data_offsets": st.lists(HUGE, max_size=3) | JSON,
    }
)
LINE = st.one_of(
    st.lists(st.sampled_from(["a", "b", "1", "-2.5", "nan", "1e999", "", "x", "\x00", "\u2028"]), max_size=6).map(
        " ".join
    ),
    st.text(max_size=20),
)


def changed(content: bytes, place: int, what: bytes, cut: bool) -> bytes:
    """Cut a file off at a place, or put other bytes there."""
    place %= len(content) + 1
    return content[:place] if cut else content[:place] + what + content[place + len(what) :]


FILES = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([*SOUND, *OTHER_ARRAYS]),
    st.builds(changed, st.sampled_from(SOUND), st.integers(0, 10**4), st.binary(max_size=4), st.booleans()),
    st.lists(LINE, max_size=8).map(lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass")),
    st.builds(lambda count, size: f"{count} {size}\n".encode() + as_text(False), HUGE, HUGE),
    st.builds(lambda count, size: f"{count} {size}\n".encode() + as_binary()[4:], HUGE, HUGE),
    st.dictionaries(st.sampled_from(["vectors", "weight", "x", "__metadata__"]), TENSOR | JSON, max_size=2).map(
        as_safetensors
    ),
    st.binary(max_size=120).map(lambda rest: struct.pack("<ii", 793712314, 12) + rest),
    st.builds(changed, st.sampled_from([as_fasttext()]), st.integers(0, 10**4), st.binary(max_size=8), st.booleans()),
    st.binary(max_size=40).map(lambda rest: b"\x80\x04" + rest),
)
PACKED = st.one_of(
    FILES,
    st.builds(
        lambda content, pack, place, cut: changed(pack(content), place, b"\x00", cut),
        FILES,
        st.sampled_from([gzip.compress, bz2.compress, lzma.compress]),
        st.integers(0, 10**4),
        st.booleans(),
    ),
    FILES.map(gzip.compress),
)
NAMES = st.sampled_from(["v.txt", "v.bin", "v.npy", "v.safetensors", "v.vec", "v.gz", "v"])


@pytest.mark.parametrize("content", SOUND)
def test_the_files_that_are_damaged_below_are_sound(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    (tmp_path / "v").write_bytes(content)
    config = Word2VecConfig(corpus="pretrained", file=str(tmp_path / "v"), vector_size=3)
    loaded = load(find_source(config), set(), 10**6, lambda *progress: None)
    assert loaded.words == WORDS
    if loaded.subwords is None:
        np.testing.assert_array_equal(loaded.vectors, VECTORS)


def test_any_bytes_are_vectors_or_a_sentence(cases: settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    vocabulary = tmp_path / "words.txt"
    vocabulary.write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    outcomes = {"loaded": 0, "refused": 0}

    def check(content: bytes, name: str) -> None:
        file = tmp_path / name
        file.write_bytes(content)
        wanted = {"corpus": "pretrained", "file": str(file), "vector_size": None}
        if content.startswith(b"\x93NUMPY") or b"data_offsets" in content[:400]:
            wanted["vocabulary"] = str(vocabulary)
        try:
            loaded = load(find_source(Word2VecConfig(**wanted)), set(), 10**6, lambda *progress: None)
        except UserError as error:
            outcomes["refused"] += 1
            problems = error.problems
        else:
            outcomes["loaded"] += 1
            problems = ()
            assert loaded.vectors.shape[0] == len(loaded.words) <= loaded.read
            assert np.isfinite(loaded.vectors).all()
            assert not any("\n" in word for word in loaded.words)  # entries hold one a line
        assert all(sentence.startswith("word2vec.") and name in sentence for sentence in problems), problems

    cases(given(content=PACKED, name=NAMES)(check))()
    assert min(outcomes.values()) > 0, outcomes
