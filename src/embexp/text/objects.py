"""Python objects as a source: they are kept as a Parquet file, so that a plan can know them by their content."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from embexp.config import DatasetConfig
from embexp.errors import UserError


def keep(
    data: Any, folder: Path, *, name: str = "data", text: str | None = None, label: str | None = None
) -> DatasetConfig:
    """Write labelled texts into a folder and return the settings that read them.

    Args:
        data: a `datasets.Dataset`, a pandas or polars frame, an Arrow table, or a list of (text, label) pairs or of
            mappings.
        folder: is made; the same content gives the same file.
        name: what reports call it.
        text: column of the texts; None guesses.
        label: column of the labels; None guesses.

    Raises:
        UserError: the object is none of these.
    """
    import pyarrow.parquet as pq

    table = _table(data)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.parquet"
    pq.write_table(table, path)
    return DatasetConfig(name, "parquet", str(path), text=text, label=label)


def _table(data: Any) -> Any:
    """Return an Arrow table."""
    import pyarrow as pa

    if isinstance(data, pa.Table):
        return data
    if type(data).__module__.startswith("datasets."):
        return data.with_format("arrow")[:]
    if type(data).__module__.startswith("polars"):
        return data.to_arrow()
    if type(data).__module__.startswith("pandas"):
        return pa.Table.from_pandas(data, preserve_index=False)
    if isinstance(data, Iterable) and not isinstance(data, str):
        rows = list(data)
        if rows and all(isinstance(row, dict) for row in rows):
            return pa.Table.from_pylist(rows)
        if rows and all(isinstance(row, list | tuple) and len(row) == 2 for row in rows):
            texts, labels = ([row[place] for row in rows] for place in (0, 1))
            return pa.table({"text": pa.array(texts, pa.large_string()), "label": pa.array(map(str, labels))})
    raise UserError(
        f"data: a {type(data).__name__} cannot be read as labelled texts; give a datasets.Dataset, a pandas or polars"
        f" frame, an Arrow table, or a list of (text, label) pairs"
    )
