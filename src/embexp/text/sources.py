"""Every source ends here as Hugging Face data sets: `train` and perhaps `test`, columns text and label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from embexp.config import DatasetConfig
from embexp.errors import UserError
from embexp.text.csv_files import load_csv
from embexp.text.raw import Raw, as_datasets
from embexp.text.samples import SAMPLES, load_sample
from embexp.text.wording import did_you_mean

if TYPE_CHECKING:
    import datasets

NAMES = (*SAMPLES, "csv")


@dataclass(frozen=True)
class Source:
    """Labelled texts, ready to be split.

    Attributes:
        parts: `train` and perhaps `test`; text is a string, label a ClassLabel.
        digests: sha256 of each file, under the name of its part.
        origin: where the texts come from, without paths.
        notes: sentences on what is odd in the files.
    """

    parts: datasets.DatasetDict
    digests: Mapping[str, str]
    origin: str
    notes: tuple[str, ...]


def read(dataset: DatasetConfig) -> Raw:
    """Read the labelled texts of a source that lies on this machine.

    Raises:
        UserError: the source is unknown, or its content cannot be used as it is.
    """
    if dataset.source == "csv":
        return load_csv(dataset)
    if dataset.source in SAMPLES:
        return load_sample(dataset.source)
    raise UserError(
        f"dataset.source: {dataset.source!r} is not known{did_you_mean(dataset.source, NAMES)}"
        f" There are {', '.join(NAMES)}"
    )


def load(dataset: DatasetConfig) -> Source:
    """Load a source as Hugging Face data sets."""
    raw = read(dataset)
    return Source(as_datasets(raw), raw.digests, raw.origin, raw.notes)
