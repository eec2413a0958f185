"""From texts to tokens: Unicode made alike, then one of several ways to find the tokens.

pattern      all matches of a regular expression (the default)
treebank     English as the Penn Treebank has it, and GloVe's words: do n't, it 's, and every sign a token
icu          word boundaries by Unicode's rules, with ICU's dictionaries for Chinese, Japanese, Thai, Khmer, Lao and
Burmese, which write no blanks
FILE.json    a tokenizer that the Hugging Face library `tokenizers` saved
NAME         one that it finds on the Hub
"""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embexp.config import TextConfig
from embexp.errors import UserError
from embexp.text.files import check_is_file

if TYPE_CHECKING:
    import polars as pl

BREAKS = r"(?i)<br\s*/?>"  # HTML line breaks, common in reviews that were taken from web pages
BEFORE_NOT = r"(?i)(\p{L})(n['’]t)\b"
TREEBANK = (
    r"(?i:n't\b|'(?:s|re|ve|ll|d|m)\b)|(?:\p{L}\.){2,}|[\p{L}\p{M}]+|\p{N}+(?:[.,]\p{N}+)*|\.\.\.|--|``|''"
    r"|[^\s\p{L}\p{M}\p{N}]"
)
INSTALL = "pip install 'embexp[languages]'"
Tokenise = Callable[[list[str]], list[list[str]]]


def tokenise(texts: pl.Series, text: TextConfig) -> pl.Series:
    """Split texts into tokens: HTML breaks dropped, Unicode composed, lower-cased or folded if asked.

    Args:
        texts: strings without nulls.
        text: pattern or tokenizer, and case.

    Returns:
        A series of lists of strings, one list a text.
    """
    import polars as pl

    texts = compose(texts.str.replace_all(BREAKS, " "), text.fold)
    if text.lower and not text.fold:
        texts = texts.str.to_lowercase()
    if text.tokenizer == "pattern":
        return texts.str.extract_all(text.pattern)
    if text.tokenizer == "treebank":
        apart = texts.str.replace_all(BEFORE_NOT, "${1} ${2}").str.replace_all("’", "'", literal=True)
        return apart.str.extract_all(TREEBANK)
    return pl.Series(find_tokenizer(text.tokenizer)(texts.to_list()), dtype=pl.List(pl.String))


def compose(texts: pl.Series, fold: bool) -> pl.Series:
    """Bring texts into Unicode's composed form (NFC), and fold their case if asked (ß becomes ss).

    ASCII texts are composed already; only the others become Python strings.
    """
    if fold:
        texts = texts.str.to_lowercase()  # all that folding means for ASCII
    odd = (texts.str.len_bytes() != texts.str.len_chars()).arg_true()
    if not len(odd):
        return texts
    alike = [_compose(value, fold) for value in texts.gather(odd).to_list()]
    return texts.scatter(odd, alike)


def _compose(value: str, fold: bool) -> str:
    value = unicodedata.normalize("NFC", value)
    return unicodedata.normalize("NFC", value.casefold()) if fold else value


@functools.lru_cache(maxsize=4)
def find_tokenizer(name: str) -> Tokenise:
    """Return the tokenizer of this name.

    Raises:
        UserError: its library is not installed, or it cannot be read.
    """
    return _icu() if name == "icu" else _hugging_face(name)


def _icu() -> Tokenise:
    try:
        from icu4py.breakers import WordBreaker
    except ImportError:
        raise UserError(f"text.tokenizer: icu needs the package icu4py; {INSTALL} installs it") from None
    spoken = re.compile(
        r"\w|[.,!?;:。、，．！？；：…]"
    )  # as the default pattern: words, numbers, punctuation of sentences

    def tokenise(texts: list[str]) -> list[list[str]]:
        return [[word for word in map(str, WordBreaker(text, "en")) if spoken.search(word)] for text in texts]

    return tokenise


def _hugging_face(name: str) -> Tokenise:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise UserError(f"text.tokenizer: {name!r} needs the package tokenizers; {INSTALL} installs it") from None
    try:
        found = Tokenizer.from_file(str(Path(name).expanduser())) if is_file(name) else Tokenizer.from_pretrained(name)
    except Exception as error:  # the library raises bare Exceptions
        raise UserError(
            f"text.tokenizer: {name!r} cannot be loaded ({str(error).splitlines()[0][:200]}); give pattern, treebank,"
            f" icu, the path of a tokenizer.json, or the name of one on the Hub"
        ) from error
    found.no_truncation()
    found.no_padding()

    def tokenise(texts: list[str]) -> list[list[str]]:
        return [encoding.tokens for encoding in found.encode_batch(texts, add_special_tokens=False)]

    return tokenise


def is_file(name: str) -> bool:
    """Tell whether a tokenizer's name is the path of a file."""
    return name.endswith(".json")


def check_tokenizer(name: str) -> None:
    """Refuse a tokenizer that cannot be had, as far as can be told without loading it.

    Raises:
        UserError: a misspelt name, no such file, or a library that is not installed.
    """
    from importlib.util import find_spec

    if name in ("pattern", "treebank"):
        return
    near = get_close_matches(name, ("pattern", "treebank", "icu"), n=1, cutoff=0.8)
    if near and near[0] != name:  # else it would be looked for on the Hub
        raise UserError(f"text.tokenizer: {name!r} is unknown; did you mean {near[0]}?")
    needed = "icu4py" if name == "icu" else "tokenizers"
    if find_spec(needed) is None:
        raise UserError(f"text.tokenizer: {name!r} needs the package {needed}; {INSTALL} installs it")
    if is_file(name):
        check_is_file("text.tokenizer", Path(name).expanduser())


def token_identity(text: TextConfig) -> dict[str, Any]:
    """Return what decides how texts become tokens: a tokenizer's file by its content, wherever it lies."""
    tokenizer = text.tokenizer
    if is_file(tokenizer):
        tokenizer = hashlib.sha256(Path(tokenizer).expanduser().read_bytes()).hexdigest()
    identity = {"pattern": text.pattern, "lower": text.lower, "fold": text.fold, "tokenizer": tokenizer}
    return identity | ({"min_count": 0} if text.min_count == 0 else {})  # 0: the test texts' words join
