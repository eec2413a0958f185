"""Tell from the first bytes of a file which format of word vectors it is, or what else.

    word2vec_text      "words numbers" on the first line, then a word and its numbers a line (also fastText's .vec)
    word2vec_binary    the same first line, then word, blank and 32-bit numbers, one after the other
    glove_text         no first line of its own
    fasttext_bin       fastText's model with its subwords
    npy, safetensors   a matrix; the words stand in a file of their own

gzip, bzip2 and xz are unpacked on the way. Files that hold a pickle are refused: reading one runs what its writer
put in.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import struct
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from embexp.errors import UserError

FASTTEXT_MAGIC = 793712314
FASTTEXT_VERSIONS = (11, 12)
LOOK = 1 << 16  # bytes at the beginning that decide
OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
LARGEST_VECTOR = 1 << 16  # numbers; a header of more would have gigabytes read for a word
LONGEST_NUMBER = 18  # digits of a count; more is no count of words
CONTROL = bytes(range(9)) + bytes(range(14, 32))  # bytes that text does not hold and 32-bit numbers do
DTYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
TENSORS = ("vectors", "embedding.weight", "embeddings", "weight")


@dataclass(frozen=True)
class Format:
    """What a file of vectors is.

    Attributes:
        kind: The format.
        vector_size: Length of a vector.
        count: Words that the header promises; None where there is no header.
        start: First byte of the data, after the header.
        dtype: Of a matrix.
    """

    kind: str
    vector_size: int
    count: int | None = None
    start: int = 0
    dtype: str = "<f4"

    @property
    def words_apart(self) -> bool:
        """Whether the words stand in a file of their own."""
        return self.kind in ("npy", "safetensors")

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return asdict(self)


def open_stream(path: Path) -> BinaryIO:
    """Open a file for reading, unpacking it on the way if it is compressed."""
    with path.open("rb") as file:
        first = file.read(8)
    for magic, opener in OPENERS.items():
        if first.startswith(magic):
            return cast(BinaryIO, io.BufferedReader(cast(Any, opener(path, "rb")), 1 << 20))
    return path.open("rb", buffering=1 << 20)


def recognise(path: Path, name: str) -> Format:
    """Find out what a file of vectors is.

    Args:
        path: The file.
        name: What sentences call it.

    Raises:
        UserError: If it is nothing that can be read; says what it looks like and what to do.
    """
    try:
        with open_stream(path) as stream:
            first = stream.read(LOOK)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise UserError(f"{name} cannot be read: {error}; check that the file was fetched completely") from error
    if not first:
        raise UserError(f"{name} is empty (0 bytes); fetch or write it again")
    _refuse(path, first, name)
    if first.startswith(b"\x93NUMPY"):
        return _npy(path, name)
    if path.suffix == ".safetensors" or (first[8:9] == b"{" and struct.unpack("<Q", first[:8])[0] < 1 << 27):
        return _safetensors(path, name)
    if first[:4] == struct.pack("<i", FASTTEXT_MAGIC):
        return _fasttext(first, name)
    return _words_and_numbers(first, name)


def _refuse(path: Path, first: bytes, name: str) -> None:
    """Say what files are that are often taken for vectors, and what to do with them."""
    if first[:1] == b"\x80" and first[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        loader = "KeyedVectors.load({0!r})" if path.suffix in (".kv", ".wordvectors") else "Word2Vec.load({0!r}).wv"
        raise UserError(
            f"{name} holds a pickle at byte 0 (gensim's own .kv and .model files do), which is never read here, "
            "because reading one runs what its writer put in. If you trust it, these two lines convert it:\n"
            "    from gensim.models import KeyedVectors, Word2Vec\n"
            f"    {loader.format(path.name)}.save_word2vec_format({path.stem + '.bin'!r}, binary=True)"
        )
    if first.startswith(b"PK\x03\x04"):
        raise UserError(
            f"{name} is a zip archive (byte 0: PK); unpack it with `unzip {path.name}` and name the file inside. A "
            "PyTorch file is one too, and holds a pickle: write its matrix as .safetensors or .npy instead"
        )
    start = first.lstrip()[:200].lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        line = first[: len(first) - len(first.lstrip())].count(b"\n") + 1
        shown = first.lstrip().split(b"\n")[0][:60].decode("utf-8", "replace")
        raise UserError(
            f"{name}, line {line}: {shown!r} is a web page and no vectors; the download probably ended at a log-in or "
            "error page. Fetch it again, and look at the file first"
        )


def _npy(path: Path, name: str) -> Format:
    import numpy as np

    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OverflowError) as error:
        size = path.stat().st_size
        raise UserError(f"{name}: the .npy file of {size} bytes cannot be used: {error}") from error
    if matrix.ndim != 2 or matrix.dtype.kind != "f" or not matrix.size:
        raise UserError(
            f"{name}: holds {matrix.dtype} of shape {matrix.shape}; it must be a matrix of floats, a row for each word"
        )
    return Format("npy", matrix.shape[1], matrix.shape[0], 0, matrix.dtype.str)


def _safetensors(path: Path, name: str) -> Format:
    """Read where the matrix of a .safetensors file lies; nothing of the description is taken on trust."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > size - 8:
            raise UserError(
                f"{name}: the header at byte 0 promises {length} bytes of description, and the file has {size}; it is "
                "truncated or no .safetensors file"
            )
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError) as error:
            raise UserError(f"{name}: the description at byte 8 is no JSON ({error}); fetch the file again") from error
    tensors = {key: value for key, value in _described(header) if key != "__metadata__" and len(value["shape"]) == 2}
    chosen = next((key for key in TENSORS if key in tensors), next(iter(tensors)) if len(tensors) == 1 else None)
    if chosen is None:
        raise UserError(
            f"{name}: holds {len(tensors)} matrices ({', '.join(tensors) or 'none'}); which are the word vectors? "
            f"Write them to a file of their own, or name the matrix {TENSORS[0]}"
        )
    tensor = tensors[chosen]
    if tensor["dtype"] not in DTYPES:
        raise UserError(f"{name}: {chosen} is of type {tensor['dtype']}; {', '.join(DTYPES)} can be read")
    start, end = (8 + length + offset for offset in tensor["data_offsets"])
    rows, columns = tensor["shape"]
    needed = rows * columns * int(DTYPES[tensor["dtype"]][-1])
    if not needed or end - start != needed:
        raise UserError(
            f"{name}: {chosen} is described as {rows} x {columns} numbers of type {tensor['dtype']} in {end - start} "
            f"bytes, and they would take {needed}; fetch the file again"
        )
    if end > size:
        raise UserError(f"{name}: {chosen} should end at byte {end}, and the file ends at byte {size}; it is truncated")
    return Format("safetensors", columns, rows, start, DTYPES[tensor["dtype"]])


def _described(header: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the tensors of a .safetensors file whose description is whole."""
    for key, value in header.items() if isinstance(header, dict) else ():
        if isinstance(value, dict) and isinstance(value.get("dtype"), str):
            numbers = value.get("shape"), value.get("data_offsets")
            whole = [
                isinstance(each, list) and all(type(number) is int and number >= 0 for number in each)
                for each in numbers
            ]
            if all(whole) and len(value["data_offsets"]) == 2:
                yield key, value


def _fasttext(first: bytes, name: str) -> Format:
    if len(first) < 12:
        raise UserError(f"{name}: the fastText model ends at byte {len(first)}, before its size; fetch it again")
    version, vector_size = struct.unpack("<ii", first[4:12])
    if version not in FASTTEXT_VERSIONS:
        raise UserError(f"{name}: fastText model of version {version} at byte 4; versions 11 and 12 are read")
    if vector_size < 1:
        raise UserError(f"{name}: fastText model with vectors of {vector_size} numbers at byte 8; fetch it again")
    return Format("fasttext_bin", vector_size)


def _words_and_numbers(first: bytes, name: str) -> Format:
    line, _, rest = first.partition(b"\n")
    fields = line.split()
    if len(fields) == 2 and all(field.isdigit() and len(field) <= LONGEST_NUMBER for field in fields):
        count, vector_size = map(int, fields)
        if not count or not vector_size:
            raise UserError(f"{name}, line 1: the header {line.decode()!r} promises no vectors; fetch the file again")
        if vector_size > LARGEST_VECTOR:
            raise UserError(
                f"{name}, line 1: the header promises vectors of {vector_size:,} numbers, and at most "
                f"{LARGEST_VECTOR:,} are read; fetch the file again"
            )
        kind = "word2vec_binary" if rest.translate(None, CONTROL) != rest else "word2vec_text"
        return Format(kind, vector_size, count, len(line) + 1)
    if len(fields) > 2 and line.translate(None, CONTROL) == line and all(map(is_number, fields[1:])):
        return Format("glove_text", len(fields) - 1)
    shown = line[:60].decode("utf-8", "backslashreplace")
    raise UserError(
        f"{name}, line 1: found {shown!r}; a text file of vectors begins with 'words numbers' or with a word and its "
        "numbers. Read are word2vec (text, binary), GloVe, fastText (.bin, .vec), .safetensors and .npy"
    )


def is_number(field: bytes) -> bool:
    """Return whether a field of a text file is a number."""
    try:
        float(field)
    except ValueError:
        return False
    return True
