"""From token ids to the counts that classifiers read: what `text.min_count` and `text.max_tokens` decide.

They stand apart from the token ids, so that another vocabulary or another cut reads no text and trains no word2vec.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from embexp.config import TextConfig
from embexp.text.arrays import map_array
from embexp.text.bags import counts_of
from embexp.text.cautions import warnings_of
from embexp.text.entry import Dataset, TextsView, open_dataset
from embexp.text.parts import Progress
from embexp.text.sheet import write_sheet

IDS_AT_A_TIME = 1 << 24


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
    for part in parts:
        progress(0 if part is parts[0] else len(parts[0]), total, "texts", f"counting the {part.name}")
        counts_of(part.ids, part.offsets, size, text.max_tokens).save(folder, f"{part.name}_bag")
    sheet = complete_sheet(dataset, size, text, folder)
    write_sheet(sheet, folder)
    progress(total, total, "texts")
    return sheet


def vocabulary_size(dataset: Dataset, text: TextConfig) -> int:
    """Return how many types of the pool classifiers know: a prefix of the vocabulary."""
    return int(np.searchsorted(-dataset.counts, -text.min_count, side="right"))


def complete_sheet(dataset: Dataset, size: int, text: TextConfig, folder: Path) -> dict[str, Any]:
    """Return the data sheet with what the vocabulary's size decides, and with its warnings."""
    sheet = {key: value for key, value in dataset.sheet.items() if key != "notes"}
    sheet |= {"vocabulary_size": size, "min_count": text.min_count, "max_tokens": text.max_tokens}
    for part in (dataset.pool, dataset.test):
        for name, value in known_tokens(part, size, text, folder).items():
            sheet.setdefault(name, {})[part.name] = value
    return sheet | {"notes": dataset.sheet["notes"], "warnings": warnings_of(sheet)}


def known_tokens(part: TextsView, size: int, text: TextConfig, folder: Path) -> dict[str, int]:
    """Count the tokens and texts of a part that a classifier sees."""
    pieces = np.array_split(part.ids, len(part.ids) // IDS_AT_A_TIME + 1)
    known_per_text = np.diff(map_array(folder / f"{part.name}_bag_offsets.npy"))
    return {
        "tokens_in_vocabulary": sum(int(((piece >= 0) & (piece < size)).sum()) for piece in pieces),
        "texts_cut": int((np.diff(part.offsets) > text.max_tokens).sum()),
        "texts_without_known_token": int((known_per_text == 0).sum()),
    }
