"""NumPy files that are written piece by piece and read by memory map."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt


class ArrayWriter:
    """Write a one-dimensional `.npy` file whose length is known only at the end.

    The header is written twice; NumPy pads it so that any length fits. The bytes are those of `np.save`.
    """

    def __init__(self, path: Path, dtype: npt.DTypeLike) -> None:
        self.path = path
        self.dtype = np.dtype(dtype)
        self.length = 0
        self._file: BinaryIO

    def __enter__(self) -> ArrayWriter:
        self._file = self.path.open("wb")
        self._write_header()
        return self

    def append(self, values: npt.NDArray[Any]) -> None:
        """Add values at the end; they must have the file's dtype already."""
        if values.dtype != self.dtype:
            raise TypeError(f"{self.path.name} holds {self.dtype}, not {values.dtype}")
        self._file.write(np.ascontiguousarray(values).data)
        self.length += len(values)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                self._file.seek(0)
                self._write_header()

    def _write_header(self) -> None:
        header = {
            "descr": np.lib.format.dtype_to_descr(self.dtype),
            "fortran_order": False,
            "shape": (self.length,),
        }
        np.lib.format.write_array_header_1_0(self._file, header)


def read_range(path: Path, start: int, stop: int) -> npt.NDArray[Any]:
    """Read some values of a one-dimensional `.npy` file; pages of a map would count as this process's memory."""
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        _, _, dtype = np.lib.format.read_array_header_1_0(file)
        file.seek(start * dtype.itemsize, 1)
        values: npt.NDArray[Any] = np.fromfile(file, dtype, stop - start)
    return values


def map_array(path: Path, mode: Literal["r", "r+"] = "r") -> npt.NDArray[Any]:
    """Map a `.npy` file into memory. Never reads a pickle."""
    array: npt.NDArray[Any] = np.load(path, mmap_mode=mode, allow_pickle=False)
    return array
