"""From texts to tokens to token ids, on all cores.

polars finds the tokens of a chunk of texts with one regular expression; a dictionary gives new types the next
provisional id, chunk by chunk, so that one pass over the texts is enough and memory holds one chunk and the
vocabulary. When all counts are known, provisional ids are exchanged for final ones in the written file.

polars must not be used in a process that forks afterwards.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from embexp.config import TextConfig
from embexp.errors import UserError
from embexp.text.arrays import ArrayWriter
from embexp.text.segment import check_tokenizer, tokenise

if TYPE_CHECKING:
    import polars as pl

EXCHANGED_AT_A_TIME = 1 << 22  # ids


def check_text(text: TextConfig) -> None:
    """Refuse settings that cannot make tokens, all at once.

    Raises:
        UserError: a number is out of range, or the pattern is not a regular expression that works.
    """
    problems = []
    if text.min_count < 0:
        problems.append(
            f"text.min_count: {text.min_count} is below 0; 1 keeps every word of the pool, 0 also those that only texts"
            " to be classified hold"
        )
    if text.max_tokens < 1:
        problems.append(f"text.max_tokens: {text.max_tokens} keeps no token of a text; 400 is the default")
    try:
        check_tokenizer(text.tokenizer)
    except UserError as error:
        problems += error.problems
    if text.pattern != TextConfig.pattern:  # the default needs no import of polars to be known as good
        problems += _pattern_problems(text.pattern)
    UserError.raise_if(problems)


def _pattern_problems(pattern: str) -> list[str]:
    import polars as pl

    try:
        found = pl.Series(["a 1."]).str.extract_all(pattern).to_list()[0]
        empty = pl.Series(["", " "]).str.contains(f"^(?:{pattern})").any()
    except pl.exceptions.ComputeError as error:
        reason = " ".join(str(error).split())
        return [
            f"text.pattern: {pattern!r} is not a regular expression that polars understands ({reason});"
            f" look-around and back-references do not exist there. The default is {TextConfig.pattern!r}"
        ]
    if "" in found or empty:
        return [f"text.pattern: {pattern!r} matches the empty text or blanks; each match must be a token"]
    return []


@dataclass
class Vocabulary:
    """Types met so far, with provisional ids in the order they were met."""

    ids: dict[str, int] = field(default_factory=dict)
    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def add(self, types: list[str], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Count some types and return their provisional ids."""
        ids = np.fromiter((self.ids.setdefault(word, len(self.ids)) for word in types), np.int32, len(types))
        if len(self.ids) > len(self.counts):
            room = max(len(self.ids), 2 * len(self.counts))
            self.counts = np.concatenate([self.counts, np.zeros(room - len(self.counts), np.int64)])
        self.counts[ids] += counts
        return ids

    def find(self, types: list[str], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Return the ids of some types, -1 for those never met; count nothing."""
        return np.fromiter((self.ids.get(word, -1) for word in types), np.int32, len(types))

    def join(self, types: list[str], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Return the ids of some types; those never met take the next ones, and are not counted."""
        ids = np.fromiter((self.ids.setdefault(word, len(self.ids)) for word in types), np.int32, len(types))
        self.counts = np.concatenate([self.counts, np.zeros(len(self.ids) - len(self.counts), np.int64)])
        return ids

    def finish(self) -> tuple[list[str], npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Sort by descending count, then by code point, and take on the final ids.

        Returns:
            The types, their counts, and the final id of each provisional id.
        """
        import polars as pl

        words = list(self.ids)
        counts = self.counts[: len(words)]
        # polars compares strings as UTF-8, whose order is that of the code points
        frame = pl.DataFrame({"count": -counts, "word": pl.Series(words, dtype=pl.String)})
        order = frame.select(pl.arg_sort_by("count", "word")).to_series().to_numpy()
        final = np.empty(len(words), np.int32)
        final[order] = np.arange(len(words), dtype=np.int32)
        self.ids = {words[i]: place for place, i in enumerate(order.tolist())}
        self.counts = counts[order]
        return list(self.ids), self.counts, final


Numbering = Callable[[list[str], npt.NDArray[np.int64]], npt.NDArray[np.int32]]


def write_ids(
    chunks: Iterable[pl.Series], text: TextConfig, number_types: Numbering, path: Path
) -> npt.NDArray[np.int64]:
    """Write the token ids of all texts to a file and return where each text starts.

    Chunks are tokenised side by side, in threads (polars and Arrow release the interpreter's lock), and numbered
    one after the other in their order, so that threads move no byte.

    Args:
        chunks: the texts, some at a time.
        text: how a text becomes tokens.
        number_types: `Vocabulary.add` for the pool, `Vocabulary.find` or `Vocabulary.join` for other texts.
        path: int32 `.npy` file to write.

    Returns:
        int64, shape (texts + 1,).
    """
    import polars as pl

    lengths = [np.zeros(1, np.int64)]
    with ArrayWriter(path, np.int32) as file, ThreadPoolExecutor(pl.thread_pool_size()) as pool:
        for chunk in _in_order(pool, lambda texts: encode(texts, text), chunks, pl.thread_pool_size()):
            lengths.append(chunk.lengths)
            counts = np.bincount(chunk.codes, minlength=len(chunk.types)).astype(np.int64)
            file.append(number_types(chunk.types, counts)[chunk.codes])
    return np.cumsum(np.concatenate(lengths))


@dataclass(frozen=True)
class Encoded:
    """The tokens of some texts, numbered among themselves.

    Attributes:
        lengths: int64, tokens of each text.
        types: the different tokens.
        codes: int32, positions in `types`, of all tokens one after the other.
    """

    lengths: npt.NDArray[np.int64]
    types: list[str]
    codes: npt.NDArray[np.int32]


def encode(texts: pl.Series, text: TextConfig) -> Encoded:
    """Tokenise some texts and number their tokens; only the different ones become Python strings."""
    tokens = tokenise(texts, text)
    lengths = tokens.list.len().to_numpy().astype(np.int64)
    # Arrow's dictionary takes half the time of polars' unique and cast to Enum
    coded = tokens.filter(tokens.list.len() > 0).explode().to_arrow().dictionary_encode()
    return Encoded(lengths, coded.dictionary.to_pylist(), np.asarray(np.from_dlpack(coded.indices), np.int32))


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[pl.Series], Encoded], chunks: Iterable[pl.Series], ahead: int
) -> Iterator[Encoded]:
    """Yield the results in the order of the chunks, with no more than `ahead` of them waiting in memory."""
    waiting: deque[Future[Encoded]] = deque()
    for chunk in chunks:
        waiting.append(pool.submit(work, chunk))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def exchange_ids(path: Path, final: npt.NDArray[np.int32]) -> None:
    """Exchange provisional ids for final ones, inside the file."""
    start = _header_size(path)
    with path.open("r+b") as file:  # not mapped: pages of a large file would count as this process's memory
        while True:
            file.seek(start)
            piece = np.frombuffer(file.read(4 * EXCHANGED_AT_A_TIME), np.int32)
            if not len(piece):
                return
            file.seek(start)
            file.write(final[piece].data)
            start += piece.nbytes


def _header_size(path: Path) -> int:
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        return file.tell()


def read_vocabulary(path: Path) -> Iterator[str]:
    """Yield the types of a vocabulary file; only a line feed ends a line."""
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            yield line.removesuffix("\n")
