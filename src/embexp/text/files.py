"""Look at a user's file before any parser does, so that each trouble has a sentence of its own."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from embexp.errors import UserError
from embexp.text.wording import listed, nearest

BLOCK = 1 << 23
MAGIC = {  # first bytes of files that are often mistaken for text
    b"PK\x03\x04": ("a zip archive or a spreadsheet (xlsx)", "export the sheet as CSV in UTF-8, or unzip it"),
    b"\xd0\xcf\x11\xe0": ("an old spreadsheet (xls)", "export the sheet as CSV in UTF-8"),
    b"PAR1": ("a Parquet file", "read it with dataset=parquet"),
    b"ARROW1": ("an Arrow file", "read it with dataset=arrow"),
    b"BZh": ("bzip2-compressed", "unpack it with bunzip2, or compress it with gzip or zstd"),
    b"\xfd7zXZ": ("xz-compressed", "unpack it with unxz, or compress it with gzip or zstd"),
    b"\xff\xfe": ("UTF-16", "convert it with iconv -f UTF-16 -t UTF-8 {0.name} > {0.stem}.utf8.csv"),
    b"\xfe\xff": ("UTF-16", "convert it with iconv -f UTF-16 -t UTF-8 {0.name} > {0.stem}.utf8.csv"),
}


GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
LONGEST_START = 8


@dataclass(frozen=True)
class TextFile:
    """A file that was read once and is known to be whole; unless it is a binary format, it is UTF-8 text.

    Attributes:
        key: the configuration key that named it.
        path: where it lies.
        sha256: over its bytes.
        stamp: size, times and identity when it was read.
        starts: its first bytes, unpacked.
        packed: how it is compressed: gzip, zstd or nothing.
    """

    key: str
    path: Path
    sha256: str
    stamp: tuple[int, ...]
    starts: bytes
    packed: str = ""

    def check_unchanged(self) -> None:
        """Refuse a file that was written to since it was inspected: its digest is another's.

        Raises:
            UserError: size, time of change or identity differ.
        """
        if stamp_of(self.path) != self.stamp:
            raise UserError(f"{self}: the file changed while it was being read; run again when it is complete")

    def __str__(self) -> str:
        return f"{self.key}={self.path}"


def inspect(key: str, name: str, *, binary: bool = False) -> TextFile:
    """Read a file once: is it there, is it whole, is it text, what is its digest.

    Args:
        key: configuration key that names the file, for the sentences.
        name: path of the file, `~` allowed.
        binary: the file is of a format that says itself what stands in it.

    Raises:
        UserError: no such file, a folder, unreadable, empty, cut off, not text, not UTF-8, or with NUL bytes.
    """
    path = Path(name).expanduser()
    check_is_file(key, path)
    digest = hashlib.sha256()
    with readable(key, path):
        stamp = stamp_of(path)
        with path.open("rb") as file:
            start = file.read(LONGEST_START)
            packed = "gzip" if start.startswith(GZIP) else "zstd" if start.startswith(ZSTD) else ""
            file.seek(0)
            source: Any = _Overheard(file, digest) if packed else file
            with _unpack(source, packed) as content:
                starts = _scan(key, path, content, None if packed else digest, binary)
            if packed:  # what stands behind the last member belongs to the file too
                while source.read(BLOCK):
                    pass
    return TextFile(key, path, digest.hexdigest(), stamp, starts, packed)


@contextmanager
def readable(key: str, path: Path) -> Iterator[None]:
    """Turn what reading a file raises into a sentence."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(
            f"{key}: {path} is compressed and cannot be unpacked to its end ({error}): it was cut off or damaged;"
            f" fetch or write it again"
        ) from error
    except OSError as error:
        if error.errno is None:  # a parser's, not the file's
            raise
        raise UserError(f"{key}: {path} cannot be read ({error.strerror}); check disk and permissions") from error


@contextmanager
def open_text(file: TextFile) -> Iterator[BinaryIO]:
    """Open a file for reading from its start, unpacked."""
    with readable(file.key, file.path), file.path.open("rb") as stream, _unpack(stream, file.packed) as content:
        yield content


def _unpack(stream: BinaryIO, packed: str) -> BinaryIO:
    if packed == "gzip":
        return gzip.GzipFile(fileobj=stream)  # type: ignore[return-value]
    if packed == "zstd":
        return io.BufferedReader(_Zstd(stream), 1 << 20)
    return stream


class _Overheard(io.RawIOBase):
    """A file whose bytes are digested as they are read for the first time."""

    def __init__(self, file: BinaryIO, digest: Any) -> None:
        self._file, self._digest = file, digest

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self._digest.update(block)
        return block


class _Zstd(io.RawIOBase):
    """Unpacks frame after frame, and notices when the last one is cut off, as Arrow's own reader does not."""

    def __init__(self, file: BinaryIO) -> None:
        import zstandard

        self._file, self._new = file, zstandard.ZstdDecompressor().decompressobj
        self._error = zstandard.ZstdError
        self._frame = self._new()
        self._begun = False
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            if not (block := self._file.read(1 << 20)):
                if self._begun:
                    raise EOFError("the last frame has no end")
                return 0
            self._left = self._unpack(block)
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size

    def _unpack(self, block: bytes) -> bytes:
        found = []
        while block:
            try:
                found.append(self._frame.decompress(block))
            except self._error as error:
                raise EOFError(str(error)) from error
            self._begun = not self._frame.eof
            block = self._frame.unused_data if self._frame.eof else b""
            if self._frame.eof:
                self._frame = self._new()
        return b"".join(found)


def _scan(key: str, path: Path, file: BinaryIO, digest: Any, binary: bool) -> bytes:
    """Digest an open file and return its first bytes, or refuse it at its first bad byte."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    size = lines = pending = 0
    starts = b""
    try:
        while block := file.read(BLOCK):
            starts = starts or block[:LONGEST_START]
            if digest is not None:
                digest.update(block)
            if binary:
                size += len(block)
                continue
            if size == 0:
                _check_start(key, path, block)
            decoder.decode(block)
            if b"\0" in block:
                _refuse_nul(key, path, block, size, lines)
            size += len(block)
            lines += block.count(b"\n")
            pending = len(decoder.getstate()[0])  # bytes of a character that the next block completes
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        _refuse_encoding(key, path, error, size - pending, lines)
    if size == 0:
        raise UserError(f"{key}: {path} is empty; it needs a header and a line for each labelled text")
    return starts


def stamp_of(path: Path) -> tuple[int, ...]:
    """Return what changes when a file is written to or replaced."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def check_is_file(key: str, path: Path) -> None:
    """Refuse a name that leads to no file.

    Raises:
        UserError: a folder, a link that leads nowhere, no permission, or nothing at all, with the nearest name.
    """
    try:
        if path.is_dir():
            inside = sorted(child.name for child in path.iterdir() if child.is_file())
            there = f"; it holds {listed(inside, len(inside))}" if inside else ""
            raise UserError(f"{key}: {path} is a folder, and a file is needed{there}")
        if path.is_file():
            return
        if path.exists():
            raise UserError(f"{key}: {path} is not a regular file; write its content to a file first")
        if path.is_symlink():
            raise UserError(f"{key}: {path} is a link that leads to no file ({path.readlink()}); name the file itself")
        folder = path.parent
        siblings = [child.name for child in folder.iterdir()] if folder.is_dir() else []
    except OSError as error:  # no permission, a loop of links, a name that is too long
        raise UserError(f"{key}: {path} cannot be read ({error.strerror})") from error
    if not folder.is_dir():
        raise UserError(f"{key}: there is no file {path}: the folder {folder} does not exist")
    near = nearest(path.name, siblings)
    hint = f"; did you mean {folder / near}?" if near else f" (looked in {folder.resolve()})"
    raise UserError(f"{key}: there is no file {path}{hint}")


def _check_start(key: str, path: Path, block: bytes) -> None:
    for magic, (kind, remedy) in MAGIC.items():
        if block.startswith(magic):
            raise UserError(f"{key}: {path} is {kind}, not UTF-8 text; {remedy.format(path)}")


def _refuse_encoding(key: str, path: Path, error: UnicodeDecodeError, start: int, lines: int) -> NoReturn:
    offset = start + error.start
    line = lines + bytes(error.object[: error.start]).count(b"\n") + 1
    if error.reason == "unexpected end of data":
        raise UserError(
            f"{key}: {path} ends at offset {offset} (line {line}) in the middle of a UTF-8 character: it was cut off;"
            f" fetch or write it again"
        ) from None
    raise UserError(
        f"{key}: {path} is not UTF-8: byte 0x{error.object[error.start]:02x} at offset {offset} (line {line}) is not"
        f" valid there. It may be Windows-1252 or Latin-1; convert it with"
        f" iconv -f WINDOWS-1252 -t UTF-8 {path.name} > {path.stem}.utf8{path.suffix}"
    ) from None


def _refuse_nul(key: str, path: Path, block: bytes, before: int, lines: int) -> NoReturn:
    place = block.index(b"\0")
    if block[:1000].count(b"\0") > len(block[:1000]) // 3:
        kind, remedy = MAGIC[b"\xff\xfe"]
        raise UserError(f"{key}: {path} looks like {kind}, every other byte is NUL; {remedy.format(path)}")
    raise UserError(
        f"{key}: {path} holds a NUL byte at offset {before + place} (line {lines + block.count(10, 0, place) + 1}),"
        f" which no text has: the file is damaged or not text. Remove such bytes with"
        f" tr -d '\\000' < {path.name} > {path.stem}.clean{path.suffix}"
    )
