"""Unicode and tokenizers: equal spellings are one word, and languages without blanks have words too."""

import unicodedata

import polars as pl
import pytest

from embexp.config import DatasetConfig, TextConfig
from embexp.errors import UserError
from embexp.text import check_text, open_dataset, prepare, token_identity
from embexp.text.segment import tokenise


def tokens(text, **settings):
    return tokenise(pl.Series([text]), TextConfig(**settings)).to_list()[0]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_composed_and_decomposed_spellings_are_one_word(form):
    assert tokens(unicodedata.normalize(form, "Café Ångström Việt 한국"), pattern=r"\p{L}+") == [
        "café",
        "ångström",
        "việt",
        "한국",
    ]


@pytest.mark.parametrize(
    ("text", "lower", "folded"),
    [("Straße", "straße", "strasse"), ("ΣΊΣΥΦΟΣ", "σίσυφος", "σίσυφοσ"), ("ABC ﬁn", "abc ﬁn", "abc fin")],
)
def test_full_case_folding_on_request(text, lower, folded):
    assert " ".join(tokens(text)) == lower
    assert " ".join(tokens(text, fold=True)) == folded == unicodedata.normalize("NFC", text.casefold())
    assert tokens(text, lower=False) == text.split()


def test_the_default_pattern_takes_unbroken_script_as_one_word():
    assert tokens("我爱北京天安门。") == ["我爱北京天安门"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我爱北京天安门。", ["我", "爱", "北京", "天安门", "。"]),
        ("東京都に住む", ["東京", "都", "に", "住む"]),
        ("ฉันรักภาษาไทยมาก", ["ฉัน", "รัก", "ภาษา", "ไทย", "มาก"]),
        ("Don't panic (it's 3.14)!", ["don't", "panic", "it's", "3.14", "!"]),
    ],
)
def test_icu_finds_words_where_no_blank_is_written(text, expected):
    pytest.importorskip("icu4py")
    assert tokens(text, tokenizer="icu") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't think it's John's.", "i do n't think it 's john 's ."),
        ("They'd've CAN’T won't", "they 'd 've ca n't wo n't"),
        ("do n't , 's `` well '' (u.s.) 3.14", "do n't , 's `` well '' ( u.s. ) 3.14"),
        ("'some' well-known café… $5 --", "' some ' well - known café … $ 5 --"),
    ],
)
def test_treebank_splits_contractions_and_keeps_every_sign(text, expected):
    assert tokens(text, tokenizer="treebank") == expected.split()
    assert tokens(expected, tokenizer="treebank") == expected.split()  # what is split already stays as it is


def test_treebank_keeps_case_on_request():
    assert tokens("DON'T Don't", tokenizer="treebank", lower=False) == ["DO", "N'T", "Do", "n't"]


@pytest.fixture
def saved(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    words = {"[UNK]": 0, "film": 1, "good": 2, "##ish": 3}
    model = tokenizers.Tokenizer(tokenizers.models.WordPiece(words, unk_token="[UNK]"))
    model.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    path = tmp_path / "tokenizer.json"
    model.save(str(path))
    return path


def test_a_saved_hugging_face_tokenizer_is_used_and_known_by_its_content(saved, tmp_path):
    assert tokens("film goodish zzz", tokenizer=str(saved)) == ["film", "good", "##ish", "[UNK]"]
    moved = tmp_path / "elsewhere.json"
    moved.write_bytes(saved.read_bytes())
    text, same = TextConfig(tokenizer=str(saved)), TextConfig(tokenizer=str(moved))
    assert token_identity(text) == token_identity(same)
    moved.write_text(moved.read_text() + " ")
    assert token_identity(text) != token_identity(same)


def test_an_entry_can_be_made_with_each(saved, tmp_path):
    file = tmp_path / "texts.csv"
    file.write_text("text,label\n" + "film good,a\ngood film,b\n" * 20)
    for number, tokenizer in enumerate(("icu", str(saved))):
        folder = tmp_path / str(number)
        folder.mkdir()
        prepare(DatasetConfig("t", "csv", str(file)), TextConfig(tokenizer=tokenizer), folder, lambda *progress: None)
        assert sorted(open_dataset(folder).vocabulary) == ["film", "good"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nowhere.json", "text.tokenizer: there is no file nowhere.json"),
        ("broken.json", "cannot be loaded"),
        ("treebnk", "text.tokenizer: 'treebnk' is unknown; did you mean treebank"),
    ],
)
def test_a_tokenizer_that_cannot_be_had(name, sentence, tmp_path, monkeypatch):
    pytest.importorskip("tokenizers")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.json").write_text("{}")

    def use():
        check_text(TextConfig(tokenizer=name))
        tokens("a text", tokenizer=name)

    with pytest.raises(UserError, match=sentence):
        use()
