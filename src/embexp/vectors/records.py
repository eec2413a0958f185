"""Words and numbers one after the other, out of a text or binary file that is read once from start to end."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from embexp.errors import UserError
from embexp.vectors.formats import is_number, open_stream
from embexp.vectors.sources import VectorSource

BLOCK = 1 << 24
LONGEST_WORD = 1 << 16  # bytes; beyond it the place is lost
LONGEST_NUMBER = 64  # bytes, its blank included


@dataclass(frozen=True)
class Record:
    """A word with its numbers, still as they stand in the file.

    Attributes:
        word: UTF-8.
        numbers: Text or little-endian 32-bit floats.
        place: Line of a text file, first byte in a binary one.
    """

    word: bytes
    numbers: bytes
    place: int


def read_records(source: VectorSource) -> Iterator[Record]:
    """Yield every word of a text or binary file.

    Raises:
        UserError: Where the file does not hold what its first line promises; names line or byte.
    """
    records = _binary if source.format.kind == "word2vec_binary" else _text
    try:
        with open_stream(source.path) as stream:
            yield from records(source, stream)
    except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        raise UserError(f"{source} cannot be read to its end: {error}; fetch the file again") from error


def where(source: VectorSource, record: Record) -> str:
    """Return the place of a record as a sentence has it."""
    return f"{'byte' if source.format.kind == 'word2vec_binary' else 'line'} {record.place:,}"


def parse(source: VectorSource, record: Record) -> NDArray[np.float32]:
    """Return the numbers of a record, float32, shape (vector_size,).

    Raises:
        UserError: If one of them is no finite number.
    """
    if source.format.kind == "word2vec_binary":
        vector = np.frombuffer(record.numbers, "<f4").astype(np.float32)
    else:
        fields = record.numbers.split()
        wrong = next((field for field in fields if not is_number(field)), None)
        if wrong is not None:
            raise UserError(
                f"{source}, {where(source, record)}: {wrong[:40].decode('utf-8', 'replace')!r} among the numbers of "
                f"{show(record.word)} is no number; mend the line or fetch the file again"
            )
        if len(fields) != source.format.vector_size:  # blanks were counted: two in a row hide a missing number
            raise _wrong_count(source, record.word, len(fields), record.place)
        with np.errstate(over="ignore"):  # a number beyond 32 bits is told as infinite
            vector = np.array([float(field) for field in fields], np.float32)
    if not np.isfinite(vector).all():
        value = vector[~np.isfinite(vector)][0]
        raise UserError(
            f"{source}, {where(source, record)}: the vector of {show(record.word)} holds {value}; every number must be "
            "finite. Remove the word or fetch the file again"
        )
    return vector


def show(word: bytes) -> str:
    """Return a word as sentences quote it."""
    return repr(word[:60].decode("utf-8", "backslashreplace"))


def _text(source: VectorSource, stream: BinaryIO) -> Iterator[Record]:
    size, count = source.format.vector_size, source.format.count
    found = 0
    longest = LONGEST_WORD + LONGEST_NUMBER * size  # a small packed file may unpack to one line of gigabytes
    for number, line in enumerate(iter(lambda: stream.readline(longest), b""), 1):
        if number == 1 and count is not None:
            continue
        if len(line) == longest and not line.endswith(b"\n"):
            raise UserError(
                f"{source}, line {number:,}: is longer than {longest:,} bytes, and each line holds a word and {size} "
                "numbers; fetch the file again"
            )
        line = line.rstrip()
        if not line:
            raise UserError(f"{source}, line {number:,}: is empty; each line holds a word and {size} numbers")
        blanks = line.count(b" ")
        if blanks == size:
            word, _, numbers = line.partition(b" ")
        else:
            word, numbers = _odd_line(source, line, number)
        found += 1
        yield Record(word, numbers, number)
    _check_count(source, found)


def _odd_line(source: VectorSource, line: bytes, number: int) -> tuple[bytes, bytes]:
    """Split a line with more or fewer blanks than numbers: words of GloVe 840B hold blanks."""
    size = source.format.vector_size
    parts = line.split()
    if len(parts) > size + 1:
        word = b" ".join(parts[: len(parts) - size])
        if not all(map(is_number, parts[1 : len(parts) - size])):
            return word, b" ".join(parts[len(parts) - size :])
    elif len(parts) == size + 1:  # several blanks in a row, or tabs
        return parts[0], b" ".join(parts[1:])
    raise _wrong_count(source, parts[0], len(parts) - 1, number)


def _wrong_count(source: VectorSource, word: bytes, found: int, line: int) -> UserError:
    size = source.format.vector_size
    said = f"the header on line 1 says {size}" if source.format.count is not None else f"line 1 has {size}"
    return UserError(
        f"{source}, line {line:,}: {show(word)} has {found} numbers, and {said}; mend or remove the line, or fetch "
        "the file again"
    )


def _check_count(source: VectorSource, found: int) -> None:
    promised = source.format.count
    if promised is not None and found != promised:
        raise UserError(
            f"{source}, line 1: the header promises {promised:,} words, and {found:,} lines follow; the file is "
            f"{'truncated' if found < promised else 'longer than its header says'}: fetch it again, or mend line 1"
        )


def _binary(source: VectorSource, stream: BinaryIO) -> Iterator[Record]:
    size, count = source.format.vector_size, source.format.count or 0
    length = 4 * size
    stream.read(source.format.start)
    data, place, base = b"", 0, source.format.start  # base: the file's byte at which data begins
    for number in range(1, count + 1):
        end = data.find(b" ", place)
        if end < 0 or end + 1 + length > len(data):
            base += place
            data, place = data[place:] + stream.read(BLOCK), 0
            end = data.find(b" ", place, LONGEST_WORD)
            if end < 0 or end + 1 + length > len(data):
                raise _broken(source, number, data, end, base)
        word = data[place:end].lstrip(b"\n")  # some writers end a vector with a line feed, others do not
        if b"\n" in word:
            raise UserError(
                f"{source}, byte {base + end - len(word):,}: the word {show(word)}, number {number:,} of {count:,}, "
                f"holds a line feed, so the vectors before are hardly {size} numbers long; fetch the file again"
            )
        yield Record(word, data[end + 1 : end + 1 + length], base + end - len(word))
        place = end + 1 + length
    rest = (data[place:] + stream.read(BLOCK)).strip(b"\n")
    if rest:
        raise UserError(
            f"{source}, byte {base + place:,}: the header on line 1 promises {count:,} words, and more data follows "
            "them; mend line 1 or fetch the file again"
        )


def _broken(source: VectorSource, number: int, data: bytes, end: int, base: int) -> UserError:
    """Return the sentence for a binary file that stops, or goes astray, in word `number`."""
    size, count = source.format.vector_size, source.format.count or 0
    if end < 0 and len(data) >= LONGEST_WORD:
        return UserError(
            f"{source}, byte {base:,}: no word begins here (number {number:,} of {count:,}), so the vectors before are "
            f"not {size} numbers long as the header on line 1 says; mend line 1 or fetch the file again"
        )
    inside = f"the vector of {show(data[:end].strip())}" if end >= 0 else "the word"
    return UserError(
        f"{source}: the file ends at byte {base + len(data):,}, inside {inside}, number {number:,} of the {count:,} "
        "that line 1 promises; it is truncated: fetch it again"
    )
