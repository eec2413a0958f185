"""Look at a user's file before any parser does, so that each trouble has a sentence of its own."""

from __future__ import annotations

import codecs
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from embexp.errors import UserError
from embexp.text.wording import listed, nearest

BLOCK = 1 << 23
MAGIC = {  # first bytes of files that are often mistaken for text
    b"\x1f\x8b": ("gzip-compressed", "unpack it with gunzip"),
    b"PK\x03\x04": ("a zip archive or a spreadsheet (xlsx)", "export the sheet as CSV in UTF-8, or unzip it"),
    b"\x28\xb5\x2f\xfd": ("zstd-compressed", "unpack it with unzstd"),
    b"\xd0\xcf\x11\xe0": ("an old spreadsheet (xls)", "export the sheet as CSV in UTF-8"),
    b"PAR1": ("a Parquet file", "write it as CSV in UTF-8"),
    b"ARROW1": ("an Arrow file", "write it as CSV in UTF-8"),
    b"\xff\xfe": ("UTF-16", "convert it with iconv -f UTF-16 -t UTF-8 {0.name} > {0.stem}.utf8.csv"),
    b"\xfe\xff": ("UTF-16", "convert it with iconv -f UTF-16 -t UTF-8 {0.name} > {0.stem}.utf8.csv"),
}


@dataclass(frozen=True)
class TextFile:
    """A file that is known to be UTF-8 text.

    Attributes:
        key: the configuration key that named it.
        path: where it lies.
        sha256: over its bytes.
        quotes: number of double quotes in it.
        stamp: size and time of last change when it was read.
    """

    key: str
    path: Path
    sha256: str
    quotes: int
    stamp: tuple[int, int, int]

    def check_unchanged(self) -> None:
        """Refuse a file that was written to since it was inspected: its digest is another's.

        Raises:
            UserError: size, time of change or identity differ.
        """
        if _stamp(self.path) != self.stamp:
            raise UserError(f"{self}: the file changed while it was being read; run again when it is complete")

    def __str__(self) -> str:
        return f"{self.key}={self.path}"


def inspect(key: str, name: str) -> TextFile:
    """Read a file once: is it there, is it text, what is its digest.

    Args:
        key: configuration key that names the file, for the sentences.
        name: path of the file, `~` allowed.

    Raises:
        UserError: no such file, a folder, unreadable, empty, not text, not UTF-8, or with NUL bytes.
    """
    path = Path(name).expanduser()
    _check_is_file(key, path)
    try:
        stamp = _stamp(path)
        with path.open("rb") as file:
            sha256, quotes = _scan(key, path, file)
    except OSError as error:
        raise UserError(f"{key}: {path} cannot be read ({error.strerror}); check disk and permissions") from error
    return TextFile(key, path, sha256, quotes, stamp)


def _scan(key: str, path: Path, file: BinaryIO) -> tuple[str, int]:
    """Return digest and number of quotes of an open file, or refuse it at its first bad byte."""
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    size = quotes = lines = pending = 0
    try:
        while block := file.read(BLOCK):
            if size == 0:
                _check_start(key, path, block)
            digest.update(block)
            decoder.decode(block)
            if b"\0" in block:
                _refuse_nul(key, path, block, size, lines)
            size += len(block)
            quotes += block.count(b'"')
            lines += block.count(b"\n")
            pending = len(decoder.getstate()[0])  # bytes of a character that the next block completes
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        _refuse_encoding(key, path, error, size - pending, lines)
    if size == 0:
        raise UserError(f"{key}: {path} is empty; it needs a header and a line for each labelled text")
    return digest.hexdigest(), quotes


def _stamp(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino


def _check_is_file(key: str, path: Path) -> None:
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
