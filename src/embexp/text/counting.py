"""From token ids to the counts that classifiers read: what `text.min_count` and `text.max_tokens` decide.

They stand apart from the token ids, so that another vocabulary or another cut reads no text and trains no word2vec.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from embexp.config import TextConfig
from embexp.text.arrays import ArrayWriter, map_array, read_range
from embexp.text.bags import counts_of
from embexp.text.cautions import warnings_of
from embexp.text.entry import Dataset, TextsView, open_dataset
from embexp.text.parts import Progress
from embexp.text.sheet import write_sheet

IDS_AT_A_TIME = 1 << 22


def count_tokens(entry: Path, text: TextConfig, folder: Path, progress: Progress) -> dict[str, Any]:
    """Write the token counts of each text into a folder, and the completed data sheet, and return the sheet.

    Args:
        entry: the dataset entry.
        text: `min_count` and `max_tokens`; how texts became tokens is settled in the entry.
        folder: an empty folder.
        progress: told how many texts are done.
    """
    dataset = open_dataset(entry)
    size = vocabulary_size(dataset, text)
    parts = (dataset.pool, dataset.test)
    total = sum(map(len, parts))
    known = {}
    for part in parts:
        progress(0 if part is parts[0] else len(parts[0]), total, "texts", f"counting the {part.name}")
        known[part.name] = write_bags(part, size, text.max_tokens, folder)
    sheet = complete_sheet(dataset, size, known, text, folder)
    write_sheet(sheet, folder)
    progress(total, total, "texts")
    return sheet


def vocabulary_size(dataset: Dataset, text: TextConfig) -> int:
    """Return how many types of the pool classifiers know: a prefix of the vocabulary."""
    size = int(np.searchsorted(-dataset.counts, -text.min_count, side="right"))
    return size if text.max_size is None else min(size, text.max_size)


def write_bags(part: TextsView, size: int, max_tokens: int, folder: Path) -> int:
    """Write the token counts of a part, some texts at a time, as `Bags.save` would; return its known tokens."""
    name = f"{part.name}_bag"
    offsets, known = [np.zeros(1, np.int64)], 0
    indices = ArrayWriter(folder / f"{name}_indices.npy", np.int32)
    counts = ArrayWriter(folder / f"{name}_counts.npy", np.float32)
    with indices, counts:
        for start, stop in _pieces(part):
            borders = np.asarray(part.offsets[start : stop + 1])
            ids = read_range(part.folder / f"{part.name}_ids.npy", int(borders[0]), int(borders[-1]))
            known += int(((ids >= 0) & (ids < size)).sum())
            bags = counts_of(ids, borders - borders[0], size, max_tokens)
            indices.append(bags.indices)
            counts.append(bags.counts)
            offsets.append(np.diff(bags.offsets))
    np.save(folder / f"{name}_offsets.npy", np.cumsum(np.concatenate(offsets)))
    return known


def _pieces(part: TextsView) -> Iterator[tuple[int, int]]:
    """Yield ranges of texts that hold about `IDS_AT_A_TIME` tokens."""
    borders = np.arange(0, int(part.offsets[-1]) + IDS_AT_A_TIME, IDS_AT_A_TIME)
    cuts = np.unique(np.append(np.searchsorted(part.offsets, borders[1:]), len(part))).clip(max=len(part))
    start = 0
    for stop in np.unique(cuts).tolist():
        if stop > start:
            yield start, stop
            start = stop


def complete_sheet(
    dataset: Dataset, size: int, known: Mapping[str, int], text: TextConfig, folder: Path
) -> dict[str, Any]:
    """Return the data sheet with what the vocabulary's size decides (`known` tokens), and with its warnings."""
    sheet = {key: value for key, value in dataset.sheet.items() if key != "notes"}
    sheet |= {"vocabulary_size": size, "min_count": text.min_count, "max_tokens": text.max_tokens}
    if text.max_size is not None:
        sheet["max_size"] = text.max_size
    sheet["tokens_in_vocabulary"] = dict(known)
    for part in (dataset.pool, dataset.test):
        for name, value in known_texts(part, text, folder).items():
            sheet.setdefault(name, {})[part.name] = value
    return sheet | {"notes": dataset.sheet["notes"], "warnings": warnings_of(sheet)}


def known_texts(part: TextsView, text: TextConfig, folder: Path) -> dict[str, int]:
    """Count the texts of a part that are cut, and those of which a classifier sees nothing."""
    known_per_text = np.diff(map_array(folder / f"{part.name}_bag_offsets.npy"))
    return {
        "texts_cut": int((np.diff(part.offsets) > text.max_tokens).sum()),
        "texts_without_known_token": int((known_per_text == 0).sum()),
    }
