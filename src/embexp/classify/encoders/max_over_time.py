"""Window sums and their maximum over time, compiled: what remains of a convolution once each token met each filter.

Forward and backward visit what there is and no more: no padding, and only the place of each maximum gets a gradient.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba as nb
import numpy as np
import torch
from numba import types
from numpy.typing import NDArray
from torch import Tensor

_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy"}
_matrix = types.float32[:, ::1]
_read = types.Array(types.float32, 2, "C", readonly=True)
_numbers = types.Array(types.int64, 1, "C", readonly=True)


@nb.njit(types.void(_read, _numbers, _numbers, _numbers, types.int64, _matrix, types.int64[:, ::1]), **_OPTIONS)
def _forward(products, ids, offsets, windows, maps, highest, places):
    """Fill `highest` and the `places` of the maxima, both shape (texts, windows x maps).

    A place counts from the text's first token; it is negative where the window begins in the padding. An empty text
    has the sum 0 and the place -window, at which no token stands.
    """
    total = np.empty(maps, np.float32)
    for text in range(offsets.size - 1):
        start, length = offsets[text], offsets[text + 1] - offsets[text]
        column = 0
        for number in range(windows.size):
            window, feature = windows[number], number * maps
            if length == 0:
                for m in range(maps):
                    highest[text, feature + m] = 0
                    places[text, feature + m] = -window
            for place in range(1 - window, length):
                total[:] = 0
                for k in range(max(0, -place), min(window, length - place)):
                    row, first = ids[start + place + k], column + k * maps
                    for m in range(maps):
                        total[m] += products[row, first + m]
                for m in range(maps):
                    if place == 1 - window or total[m] > highest[text, feature + m]:
                        highest[text, feature + m] = total[m]
                        places[text, feature + m] = place
            column += window * maps


@nb.njit(types.void(_read, types.int64[:, ::1], _numbers, _numbers, _numbers, types.int64, _matrix), **_OPTIONS)
def _backward(errors, places, ids, offsets, windows, maps, gradient):
    """Add d loss / d maximum to the products whose sum was the maximum."""
    for text in range(offsets.size - 1):
        start, length = offsets[text], offsets[text + 1] - offsets[text]
        column = 0
        for number in range(windows.size):
            window = windows[number]
            for m in range(maps):
                place, error = places[text, number * maps + m], errors[text, number * maps + m]
                if error != 0:
                    for k in range(max(0, -place), min(window, length - place)):
                        gradient[ids[start + place + k], column + k * maps + m] += error
            column += window * maps


class _MaxOverTime(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, products: Tensor, ids: Any, offsets: Any, windows: Any, maps: int) -> Tensor:
        shape = (len(offsets) - 1, len(windows) * maps)
        highest, places = np.empty(shape, np.float32), np.empty(shape, np.int64)
        _forward(products.detach().numpy(), ids, offsets, windows, maps, highest, places)
        ctx.visited, ctx.shape = (places, ids, offsets, windows, maps), products.shape
        return torch.from_numpy(highest)

    @staticmethod
    def backward(ctx: Any, *errors: Tensor) -> tuple[Tensor, None, None, None, None]:
        gradient = np.zeros(ctx.shape, np.float32)
        _backward(errors[0].contiguous().numpy(), *ctx.visited, gradient)
        return torch.from_numpy(gradient), None, None, None, None


def max_over_time(
    products: Tensor,
    ids: NDArray[np.integer[Any]],
    offsets: NDArray[np.int64],
    windows: Sequence[int],
    maps: int,
) -> Tensor:
    """Return the largest window sum of each text and filter, float32, shape (texts, windows x maps).

    Args:
        products: Of each distinct token with each filter, float32, shape (rows, sum of windows x maps); the columns
            are by window, then by place in the window, then by map.
        ids: Rows of `products`, shape (tokens,).
        offsets: int64, shape (texts + 1,): text t owns ids[offsets[t]:offsets[t + 1]].
        windows: Tokens that a filter sees.
        maps: Filters of each window.
    """
    numbers = np.ascontiguousarray(ids, np.int64)
    result: Tensor = _MaxOverTime.apply(
        products.contiguous(), numbers, np.ascontiguousarray(offsets), np.array(windows, np.int64), maps
    )  # type: ignore[no-untyped-call]
    return result
