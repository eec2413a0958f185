import re
import sys
import unicodedata
from functools import cache

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from embexp.config import TextConfig
from embexp.errors import UserError
from embexp.text.arrays import ArrayWriter, map_array
from embexp.text.tokens import Vocabulary, check_text, exchange_ids, tokenise, write_ids

# Python's tables and those of the Rust regex crate may differ for characters that Python does not know yet
KNOWN = st.characters(exclude_categories=["Cs", "Cn"])
TEXTS = st.lists(st.text(KNOWN | st.sampled_from("aA1.'’ <br/>Σσİ"), max_size=40), max_size=8)


@cache
def reference_pattern():
    """The default pattern in Python's `re`, which has no \\p: the classes are written out."""

    def characters(kinds):
        return "".join(
            re.escape(chr(code)) for code in range(sys.maxunicode) if unicodedata.category(chr(code))[0] in kinds
        )

    word, digit = f"[{characters('LM')}]", f"[{characters('N')}]"
    return re.compile(f"{word}+(?:['’]{word}+)*|{digit}+|[.,!?;:]")


def reference_tokens(text, lower=True):
    text = unicodedata.normalize("NFC", re.sub(r"<br\s*/?>", " ", text, flags=re.IGNORECASE))
    return reference_pattern().findall(text.lower() if lower else text)


@given(TEXTS, st.booleans())
@example(["It's GOOD, isn’t it?<br /><br>Yes!<BR/>2nd", "", " \n", "ΟΔΟΣ ΣΑΣ", "e\u0301t\u00e9 ²½ Ⅷ x_y"], True)
@settings(deadline=None)
def test_tokens_equal_the_python_reference(texts, lower):
    tokens = tokenise(pl.Series(texts, dtype=pl.String), TextConfig(lower=lower)).to_list()
    assert tokens == [reference_tokens(text, lower) for text in texts]


def test_words_numbers_apostrophes_and_sentence_punctuation_are_kept():
    text = 'The "2nd" film wasn\'t bad: 10/10!<br /><br />See it; don’t (really) wait...'
    assert " ".join(tokenise(pl.Series([text]), TextConfig())[0]) == (
        "the 2 nd film wasn't bad : 10 10 ! see it ; don’t really wait . . ."
    )


def write(texts, text, number_types, path, chunk=3):
    chunks = [pl.Series(texts[start : start + chunk], dtype=pl.String) for start in range(0, len(texts), chunk)]
    return write_ids(chunks, text, number_types, path)


@given(TEXTS, TEXTS, st.integers(1, 4))
@settings(deadline=None, max_examples=50)
def test_ids_spell_the_texts_whatever_the_chunks(tmp_path_factory, pool, test, chunk):
    folder, text = tmp_path_factory.mktemp("ids"), TextConfig()
    vocabulary = Vocabulary()
    offsets = write(pool, text, vocabulary.add, folder / "pool.npy", chunk)
    words, counts, final = vocabulary.finish()
    exchange_ids(folder / "pool.npy", final)
    tokens = [reference_tokens(document) for document in pool]
    flat = [token for document in tokens for token in document]
    assert [words[i] for i in map_array(folder / "pool.npy")] == flat
    assert np.diff(offsets).tolist() == [len(document) for document in tokens]
    assert counts.tolist() == [flat.count(word) for word in words]
    assert words == sorted(set(flat), key=lambda word: (-flat.count(word), word))

    write(test, text, vocabulary.find, folder / "test.npy", chunk)
    known = {word: i for i, word in enumerate(words)}
    expected = [known.get(token, -1) for document in test for token in reference_tokens(document)]
    assert map_array(folder / "test.npy").tolist() == expected


@given(st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=9), max_size=9))
def test_pieces_make_the_file_that_numpy_would_write(tmp_path_factory, pieces):
    folder = tmp_path_factory.mktemp("arrays")
    with ArrayWriter(folder / "ours.npy", np.int32) as file:
        for piece in pieces:
            file.append(np.array(piece, np.int32))
    np.save(folder / "numpy.npy", np.array([value for piece in pieces for value in piece], np.int32))
    assert (folder / "ours.npy").read_bytes() == (folder / "numpy.npy").read_bytes()


def test_values_of_another_type_are_not_written(tmp_path):
    with ArrayWriter(tmp_path / "ids.npy", np.int32) as file, pytest.raises(TypeError, match="int32, not int64"):
        file.append(np.arange(3))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"pattern": "[a-z"}, r"text.pattern: '\[a-z' is not a regular expression"),
        ({"pattern": r"\w+(?=\s)"}, "look-around"),
        ({"pattern": r"\w*"}, "matches the empty text"),
        ({"pattern": r"\s+"}, "blanks"),
        ({"min_count": -1}, "text.min_count: -1"),
        ({"max_tokens": 0}, "text.max_tokens: 0"),
    ],
)
def test_text_settings_that_make_no_tokens_are_refused(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        check_text(TextConfig(**settings))


def test_all_problems_of_the_text_settings_come_together():
    with pytest.raises(UserError) as error:
        check_text(TextConfig(pattern="(", min_count=-1, max_tokens=-1))
    assert [problem.split(":")[0] for problem in error.value.problems] == [
        "text.min_count",
        "text.max_tokens",
        "text.pattern",
    ]


def test_the_default_and_a_group_pattern_are_accepted():
    check_text(TextConfig())
    check_text(TextConfig(pattern=r"(\w)\w*"))
    assert tokenise(pl.Series(["ab c"]), TextConfig(pattern=r"(\w)\w*")).to_list() == [["ab", "c"]]
