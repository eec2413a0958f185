"""Every broken file ends in a sentence with file, line or byte, and what was found there."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from vector_files import load_all, make_vectors, source_of

from embexp.errors import UserError
from embexp.vectors.entries import write_words
from embexp.vectors.export import write_binary, write_safetensors, write_text
from embexp.vectors.loading import load

LINES = 40_010


def text_file(path, change=lambda lines: None, header=True):
    """A text file of 40,010 words of three numbers, with lines changed (line 1 is the header)."""
    lines = [f"{LINES} 3"] if header else []
    lines += [f"w{number} {number} 0.5 -1" for number in range(LINES)]
    change(lines)
    path.write_text("\n".join(lines) + "\n")


def refused(path, *patterns):
    with pytest.raises(UserError) as caught:
        load_all(path)
    (sentence,) = caught.value.problems
    assert sentence.startswith(f"word2vec.file: {path}")
    for pattern in patterns:
        assert re.search(pattern, sentence), sentence


def replacing(number, line):
    def change(lines):
        lines[number - 1] = line

    return change


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize(("line", "found"), [("x 1 2", "has 2 numbers"), ("x 1 2 3 4", "has 4 numbers")])
def test_wrong_dimension_on_line_40000(tmp_path, header, line, found):
    path = tmp_path / "v.txt"
    text_file(path, replacing(40_000, line), header)
    said = "the header on line 1 says 3" if header else "line 1 has 3"
    refused(path, "line 40,000: 'x'", found, said)


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        ("x 1 nan 3", r"line 40,000: the vector of 'x' holds nan"),
        ("x 1 2 -inf", r"line 40,000: the vector of 'x' holds -inf"),
        ("x 1 two 3", r"line 40,000: 'two' among the numbers of 'x' is no number"),
        ("", r"line 40,000: is empty"),
        ("w7 1 2 3", r"line 40,000: the word 'w7' stands there a second time, after line 9"),
    ],
)
def test_a_line_that_cannot_be_used(tmp_path, line, pattern):
    text_file(tmp_path / "v.txt", replacing(40_000, line))
    refused(tmp_path / "v.txt", pattern)


@pytest.mark.parametrize(
    ("header", "patterns"),
    [
        (f"{LINES + 5} 3", ["line 1: the header promises 40,015 words, and 40,010 lines follow", "truncated"]),
        (f"{LINES - 5} 3", ["line 1: the header promises 40,005 words, and 40,010 lines follow", "longer"]),
        (f"{LINES} 4", ["line 2: 'w0' has 3 numbers, and the header on line 1 says 4"]),
        ("0 3", ["line 1: the header '0 3' promises no vectors"]),
        ("word vectors", ["line 1: found 'word vectors'"]),
    ],
)
def test_a_header_that_lies(tmp_path, header, patterns):
    text_file(tmp_path / "v.txt", replacing(1, header))
    refused(tmp_path / "v.txt", *patterns)


def test_a_truncated_binary_file_names_byte_and_word(tmp_path):
    words, vectors = make_vectors()
    path = tmp_path / "v.bin"
    write_binary(words, vectors, path)
    whole = path.read_bytes()
    for size in (len(whole) - 2, len(whole) - 20, len(whole) // 2, 40):
        path.write_bytes(whole[:size])
        refused(path, f"ends at byte {size:,}, inside the (vector of |word)", r"number \d+ of the 50", "truncated")


def test_a_binary_header_that_lies(tmp_path):
    words, vectors = make_vectors()
    path = tmp_path / "v.bin"
    write_binary(words, vectors, path)
    body = path.read_bytes().split(b"\n", 1)[1]
    path.write_bytes(b"51 7\n" + body)
    refused(path, f"ends at byte {len(body) + 5:,}, inside the word, number 51 of the 51")
    path.write_bytes(b"49 7\n" + body)
    refused(path, r"byte 1,\d+: the header on line 1 promises 49 words, and more data follows")
    path.write_bytes(b"50 9\n" + body)
    refused(path, r"ends at byte|byte \d+")


def test_nan_and_repeats_in_a_binary_file(tmp_path):
    words, vectors = make_vectors()
    broken = vectors.copy()
    broken[3, 2] = np.nan
    write_binary(words, broken, tmp_path / "v.bin")
    refused(tmp_path / "v.bin", r"byte 101: the vector of 'w3' holds nan")
    write_binary([*words[:-1], "w3"], vectors, tmp_path / "v.bin")
    refused(tmp_path / "v.bin", r"byte [\d,]+: the word 'w3' stands there a second time, after byte 101")


@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        (b"", "is empty"),
        (b"\n<!DOCTYPE html>\n<html>Not found</html>", r"line 2: '<!DOCTYPE html>' is a web page"),
        (b"<html><body>log in", r"line 1: '<html><body>log in' is a web page"),
        (b"PK\x03\x04rest", r"zip archive .*unzip"),
        (b"\x00\x01\x02 something binary", "line 1: found"),
        (b"\x1f\x8b\x08\x00broken", "cannot be read"),
    ],
)
def test_files_that_are_something_else(tmp_path, content, pattern):
    path = tmp_path / "vectors.txt"
    path.write_bytes(content)
    refused(path, pattern)


def test_numbers_of_rows_that_nobody_needs_are_looked_at_too(tmp_path, monkeypatch):
    words, vectors = make_vectors()
    for bad in (np.nan, -np.inf):
        broken = vectors.copy()
        broken[33, 2] = bad
        write_binary(words, broken, tmp_path / "v.bin")
        write_text(words, broken, tmp_path / "v.txt")
        write_text(words, broken, tmp_path / "glove.txt", header=False)
        np.save(tmp_path / "v.npy", broken)
        write_safetensors(broken, tmp_path / "v.safetensors")
        write_words(tmp_path / "vocabulary.txt", words)
        for piece in (1, 100, 1 << 23):
            monkeypatch.setattr("embexp.vectors.finite.AT_A_TIME", piece)
            for name, place in PLACES.items():
                source = source_of(tmp_path / name, vocabulary=str(tmp_path / "vocabulary.txt"))
                with pytest.raises(UserError, match=rf"{re.escape(name)}, {place}: the vector of 'w33' holds"):
                    load(source, {"w3"}, 5, lambda *progress: None)
    write_binary(words, vectors, tmp_path / "v.bin")
    kept = load(source_of(tmp_path / "v.bin"), {"w40"}, 5, lambda *progress: None)
    assert (kept.words, kept.read) == (["w0", "w1", "w2", "w3", "w4", "w40"], 50)


PLACES = {
    "v.bin": r"byte 1,\d+",
    "v.txt": "line 35",
    "glove.txt": "line 34",
    "v.npy": "row 34",
    "v.safetensors": "row 34",
}


def test_broken_matrices(tmp_path):
    words, vectors = make_vectors()
    write_words(tmp_path / "vocabulary.txt", words)
    for name, write in (
        ("v.npy", lambda path: np.save(path, vectors)),
        ("v.safetensors", lambda p: write_safetensors(vectors, p)),
    ):
        path = tmp_path / name
        write(path)
        whole = path.read_bytes()
        path.write_bytes(whole[:-10])
        refused(
            path,
            str(len(whole) - 10)
            if name == "v.npy"
            else f"should end at byte {len(whole)}.*ends at byte {len(whole) - 10}",
        )
    np.save(tmp_path / "v.npy", vectors[0])
    refused(tmp_path / "v.npy", r"shape \(7,\)")
    broken = vectors.copy()
    broken[4] = np.inf
    np.save(tmp_path / "v.npy", broken)
    refused(tmp_path / "v.npy", r"row 5: the vector of 'w4'")


def test_a_vocabulary_that_does_not_belong_to_the_matrix(tmp_path):
    words, vectors = make_vectors()
    np.save(tmp_path / "v.npy", vectors)
    for names, pattern in (
        (words[:-1], "has 49 lines, and .* 50 rows"),
        ([*words[:-1], "w1"], "line 50: the word 'w1'"),
    ):
        write_words(tmp_path / "vocabulary.txt", names)
        with pytest.raises(UserError, match=pattern):
            load_all(tmp_path / "v.npy")


def test_truncated_and_quantised_fasttext_models(tmp_path):
    from gensim.test.utils import datapath

    whole = Path(datapath("crime-and-punishment.bin")).read_bytes()
    path = tmp_path / "model.bin"
    for size in (len(whole) // 3, 4_000, 70, 30):
        path.write_bytes(whole[:size])
        refused(path, f"ends at byte {size:,}, inside|no end of word", "byte")
    path.write_bytes(whole[:4] + b"\x0a\0\0\0" + whole[8:])
    refused(path, "version 10 at byte 4")


def test_a_fasttext_model_with_a_number_that_is_none(tmp_path):
    from gensim.test.utils import datapath

    whole = bytearray(Path(datapath("crime-and-punishment.bin")).read_bytes())
    path = tmp_path / "model.bin"
    path.write_bytes(bytes(whole))
    model = load(source_of(path), set(), 1, lambda *progress: None)
    start = len(whole) - 17 - 2 * 20 * model.read - 4 * model.subwords.ngrams.size  # an output matrix ends the file
    for row, what in ((7, "word 8"), (model.read + 3, "n-grams")):
        changed = whole.copy()
        changed[start + 20 * row : start + 20 * row + 4] = np.float32(np.nan).tobytes()
        path.write_bytes(bytes(changed))
        with pytest.raises(UserError, match=rf"byte [\d,]+: row {row + 1:,} of the matrix, of {what}"):
            load(source_of(path), set(), 1, lambda *progress: None)


def test_a_text_file_that_a_writer_left_in_the_middle_of_a_line(tmp_path):
    words, vectors = make_vectors()
    path = tmp_path / "v.txt"
    write_text(words, vectors, path)
    path.write_text(path.read_text(encoding="utf-8")[:-30], encoding="utf-8")
    refused(path, r"line 51: .* has \d numbers, and the header on line 1 says 7")
