"""A device that is none: `meta` tensors that hold numbers, to see on any machine what a GPU would refuse.

`stand_in()` makes torch compute with device "meta" as it would with "cuda", on the CPU: every tensor that is made there
or moved there is marked, an operation on marked and unmarked tensors raises (numbers without dimensions and copies
apart, as on a GPU), and a marked tensor gives no NumPy array before it comes back with `.cpu()`. It does not know which
kernels a GPU lacks, and it is no faster than the CPU.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = "meta"
COPIES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)


class MixedDevicesError(RuntimeError):
    """An operation got tensors from here and from there."""


class There(torch.Tensor):
    """A tensor on the stand-in device; `numbers` is the tensor on the CPU that computes in its place."""

    @staticmethod
    def __new__(cls, numbers: torch.Tensor) -> There:
        return torch.Tensor._make_wrapper_subclass(
            cls, numbers.shape, strides=numbers.stride(), dtype=numbers.dtype, device=DEVICE
        )

    def __init__(self, numbers: torch.Tensor) -> None:
        self.numbers = numbers

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        raise MixedDevicesError(f"{function} outside of stand_in()")


class _Mode(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        tensors = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, torch.Tensor)]
        there = any(isinstance(value, There) for value in tensors)
        here = any(not isinstance(value, There) and value.ndim > 0 for value in tensors)
        if there and here and function not in COPIES:
            raise MixedDevicesError(f"{function} got tensors on two devices")
        wanted = kwargs.get("device")
        if wanted is not None:
            kwargs["device"] = torch.device("cpu")
            there = torch.device(wanted).type == DEVICE
        if there:
            self.calls[str(function)] += 1
        result = function(*tree_map(_numbers, args), **tree_map(_numbers, kwargs))
        if function._schema.is_mutable:  # in place: what came in goes out
            return args[0] if isinstance(result, torch.Tensor) else result
        if not there:
            return result
        return tree_map(lambda value: There(value) if isinstance(value, torch.Tensor) else value, result)


def _numbers(value):
    return value.numbers if isinstance(value, There) else value


@contextmanager
def stand_in() -> Iterator[Counter[str]]:
    """Let torch compute on the stand-in device; yields how often it was asked for each operation there."""
    with _Mode() as mode:
        yield mode.calls
