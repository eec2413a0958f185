"""fastText's own model file (.bin, versions 11 and 12), its matrix mapped into memory and only needed rows read.

magic, version          int32
arguments               dim ws epoch minCount neg wordNgrams loss model bucket minn maxn lrUpdateRate int32, t float64
dictionary              size, words, labels int32; tokens, pruned int64; each entry: word, 0, int64 count, int8 kind
quantised               one byte
input matrix            rows, columns int64; float32, words first, then buckets of n-grams
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embexp.errors import UserError
from embexp.vectors.finite import first_broken_row
from embexp.vectors.formats import OPENERS
from embexp.vectors.loaded import Loaded
from embexp.vectors.sources import VectorSource
from embexp.vectors.subwords import Subwords

ARGUMENTS = "<12id"
NAMES = ("dim", "ws", "epoch", "minCount", "neg", "wordNgrams", "loss", "model", "bucket", "minn", "maxn", "rate", "t")
DICTIONARY = "<iiiqq"
SUPERVISED = 3
LONGEST_WORD = 1 << 16
LONGEST_NGRAM = 1000  # characters; no model comes near it


class _Reader:
    """A mapped file that is read from front to back; says where it ends too early."""

    def __init__(self, source: VectorSource) -> None:
        self.data = np.memmap(source.path, np.uint8, "r")
        if self.data[:8].tobytes().startswith(tuple(OPENERS)):
            raise UserError(f"{source} is compressed; unpack it first, so that its matrix can be mapped into memory")
        self.source, self.place = source, 8
        self.version = int(self.data[4])

    def take(self, layout: str, what: str) -> tuple[Any, ...]:
        """Read some numbers."""
        size = struct.calcsize(layout)
        self.expect(size, what)
        values = struct.unpack(layout, self.data[self.place : self.place + size].tobytes())
        self.place += size
        return values

    def word(self, what: str) -> bytes:
        """Read a word that ends with a zero byte."""
        piece = self.data[self.place : self.place + 256].tobytes()
        end = piece.find(b"\0")
        if end < 0:
            piece = self.data[self.place : self.place + LONGEST_WORD].tobytes()
            end = piece.find(b"\0")
        if end < 0:
            raise UserError(
                f"{self.source}: no end of {what} at byte {self.place:,}; the file is broken: fetch it again"
            )
        self.place += end + 1
        return piece[:end]

    def expect(self, size: int, what: str) -> None:
        """Refuse a file that ends too early."""
        if self.place + size > len(self.data):
            raise UserError(
                f"{self.source}: the file ends at byte {len(self.data):,}, inside {what} that begins at byte "
                f"{self.place:,} and needs {size:,} bytes; it is truncated: fetch it again"
            )


def load_model(source: VectorSource, wanted: set[str], first: int) -> Loaded:
    """Read the vectors of some words, and the n-gram vectors for words that the model does not know.

    A known word's vector is the mean of its own row and those of its n-grams, as fastText has it.
    """
    reader = _Reader(source)
    arguments = dict(zip(NAMES, reader.take(ARGUMENTS, "the arguments"), strict=True))
    if reader.version == 11 and arguments["model"] == SUPERVISED:
        arguments["maxn"] = 0  # as fastText reads it: such models had no n-grams then
    words = _dictionary(reader)
    if reader.take("<?", "the mark of quantisation")[0]:
        raise UserError(
            f"{source}, byte {reader.place - 1:,}: the model is quantised (.ftz); its full vectors are gone. Use the "
            ".bin or .vec file it was made from"
        )
    rows, columns = reader.take("<qq", "the size of the matrix")
    if columns != source.format.vector_size or rows < len(words) or not words:
        raise UserError(
            f"{source}, byte {reader.place - 16:,}: a matrix of {rows:,} x {columns} stands where {len(words):,} "
            f"words and n-grams of {source.format.vector_size} numbers are promised; fetch the file again"
        )
    reader.expect(4 * rows * columns, "the matrix")
    begin = reader.place
    matrix = np.memmap(source.path, "<f4", "r", begin, (rows, columns))
    broken = first_broken_row(lambda: np.memmap(source.path, "<f4", "r", begin, (rows, columns)))
    if broken is not None:
        what = f"word {broken + 1:,}, {words[broken]!r}" if broken < len(words) else "n-grams"
        raise UserError(
            f"{source}, byte {begin + 4 * columns * broken:,}: row {broken + 1:,} of the matrix, of {what}, holds a "
            "number that is not finite; fetch the file again"
        )
    if not 0 <= arguments["maxn"] <= LONGEST_NGRAM or arguments["minn"] < 0:
        raise UserError(
            f"{source}, byte 8: n-grams of {arguments['minn']} to {arguments['maxn']} characters; fetch the file again"
        )
    buckets = matrix[len(words) :] if arguments["maxn"] > 0 else matrix[:0]
    subwords = Subwords(buckets, arguments["minn"], arguments["maxn"])
    kept = [place for place, word in enumerate(words) if place < first or word in wanted]
    vectors = np.stack([_vector(matrix, subwords, words[place], place) for place in kept])
    return Loaded([words[place] for place in kept], vectors, len(words), subwords)


def _dictionary(reader: _Reader) -> list[str]:
    size, count, _, _, pruned = reader.take(DICTIONARY, "the dictionary")
    words: list[str] = []
    if size < 0:
        raise UserError(f"{reader.source}: the dictionary promises {size:,} entries; fetch the file again")
    for number in range(size):
        word = reader.word(f"word {number + 1:,} of {size:,}")
        _, kind = reader.take("<qb", f"the count of word {number + 1:,} of {size:,}")
        if b"\n" in word:
            raise UserError(f"{reader.source}: word {number + 1:,} of {size:,} holds a line feed; fetch the file again")
        if kind == 0:  # 1 is a label
            words.append(word.decode("utf-8", "backslashreplace"))
    reader.place += 8 * max(0, pruned)
    if len(words) != count:
        raise UserError(
            f"{reader.source}: the dictionary promises {count:,} words and holds {len(words):,} up to byte "
            f"{reader.place:,}; fetch the file again"
        )
    return words


def _vector(matrix: NDArray[np.float32], subwords: Subwords, word: str, place: int) -> NDArray[np.float32]:
    vector = np.array(matrix[place], np.float32)
    buckets = subwords.buckets_of(word) if word != "</s>" else []
    for bucket in buckets:
        vector += subwords.ngrams[bucket]
    vector /= np.float32(len(buckets) + 1)
    return vector
