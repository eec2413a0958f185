"""What a lookup and a one-hot multiplication cost, over vocabulary sizes and batch shapes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from embexp.labs.lookup.layers import sparse_one_hot
from embexp.labs.lookup.timing import copy_bandwidth, devices, last_cache_bytes, matmul_rate, peak_bytes, seconds_of
from embexp.labs.parts import Row

FLOAT = 4  # bytes


@dataclass(frozen=True)
class Form:
    """What is measured.

    Attributes:
        vocabularies: Numbers of words.
        shapes: Texts and tokens of each text in a batch.
        vector_size: Columns of the matrix.
        cap_bytes: Largest one-hot matrix that is made; beyond it times are extrapolated.
    """

    vocabularies: tuple[int, ...]
    shapes: tuple[tuple[int, int], ...]
    vector_size: int
    cap_bytes: int
    reference: tuple[int, int] = (32, 32)  # the shape that figures and judgements are about


SMALL = Form((2, 10, 32, 100, 320, 1_000, 3_200, 10_000, 100_000, 1_000_000), ((32, 1), (32, 32)), 64, 128 * 10**6)
FULL = Form(
    (2, 4, 10, 18, 32, 56, 100, 320, 1_000, 3_200, 10_000, 32_000, 100_000, 320_000, 1_000_000),
    ((1, 1), (32, 1), (32, 32), (32, 256), (256, 256)),
    100,
    2 * 10**9,
)

Pass = Callable[[Tensor, Tensor], Tensor]


def one_hot(ids: Tensor, matrix: Tensor) -> Tensor:
    """Return the one-hot rows of token ids in the matrix's type, shape (tokens, vocabulary)."""
    return functional.one_hot(ids, len(matrix)).to(matrix.dtype)


METHODS: dict[str, Pass] = {
    "lookup, dense gradient": lambda ids, matrix: functional.embedding(ids, matrix),
    "lookup, sparse gradient": lambda ids, matrix: functional.embedding(ids, matrix, sparse=True),
    "one-hot matmul": lambda ids, matrix: one_hot(ids, matrix) @ matrix,
    "matmul, one-hot given": lambda given, matrix: given @ matrix,  # made beforehand, outside the time
    "sparse one-hot": lambda ids, matrix: sparse_one_hot(ids, len(matrix), matrix.dtype) @ matrix,
}
ONE_HOT, GIVEN = "one-hot matmul", "matmul, one-hot given"
DENSE, SPARSE = LOOKUPS = "lookup, dense gradient", "lookup, sparse gradient"


def one_hot_bytes(tokens: int, vocabulary: int) -> int:
    """Return the size of the one-hot matrix in float32, and of the int64 one it is made from."""
    return tokens * vocabulary * (FLOAT + 8)


def count_batches(tokens: int, vector_size: int) -> int:
    """Return how many batches in turn read more rows than the last cache holds twice, as far as there are rows."""
    wanted = 2 * (last_cache_bytes() or 32 * 2**20) // (tokens * vector_size * FLOAT)
    return max(16, min(4096, wanted))


def measure(method: str, shape: tuple[int, int], vocabulary: int, form: Form, device: str) -> Row:
    """Measure forward, and forward with backward, of one method; a step's gradient is dropped before the next."""
    tokens = shape[0] * shape[1]
    row: Row = {
        "device": device,
        "method": method,
        "texts": shape[0],
        "length": shape[1],
        "tokens": tokens,
        "vocabulary": vocabulary,
        "vector_size": form.vector_size,
        "forward_seconds": None,
        "step_seconds": None,
        "peak_bytes": None,
        "extrapolated": False,
    }
    if method in (ONE_HOT, GIVEN) and one_hot_bytes(tokens, vocabulary) > form.cap_bytes:
        return row | {"extrapolated": True}
    rng = torch.Generator().manual_seed(8)
    matrix = torch.randn(vocabulary, form.vector_size, generator=rng).to(device).requires_grad_()
    batches = torch.randint(0, vocabulary, (count_batches(tokens, form.vector_size), tokens), generator=rng)
    inputs = cycle([one_hot(batches[0].to(device), matrix)] if method == GIVEN else batches.to(device))
    upstream = torch.ones(tokens, form.vector_size, device=device)
    run = METHODS[method]

    def step() -> None:
        matrix.grad = None
        run(next(inputs), matrix).backward(upstream)  # type: ignore[no-untyped-call]

    with torch.no_grad():
        forward = seconds_of(lambda: run(next(inputs), matrix), device)
    seconds = seconds_of(step, device)
    matrix.grad = None  # or the next step's memory is counted less what it frees of the last one
    return row | {"forward_seconds": forward, "step_seconds": seconds, "peak_bytes": peak_bytes(step, device)}


def series(rows: list[Row], method: str, shape: tuple[int, int], device: str) -> list[Row]:
    """Return the rows of one method, shape and device by ascending vocabulary."""
    return sorted(
        (
            row
            for row in rows
            if (row["method"], (row["texts"], row["length"]), row["device"]) == (method, shape, device)
        ),
        key=lambda row: row["vocabulary"],
    )


def fit_slope(line: list[Row], key: str, from_vocabulary: int = 320) -> float | None:
    """Return the slope of log time (or bytes) on log vocabulary from some size on: 1 is proportional, 0 constant."""
    measured = [row for row in line if row[key] and not row["extrapolated"] and row["vocabulary"] >= from_vocabulary]
    if len(measured) < 3:
        return None
    x = np.log([row["vocabulary"] for row in measured])
    return float(np.polyfit(x, np.log([row[key] for row in measured]), 1)[0])


def extrapolate(line: list[Row]) -> None:
    """Fill the rows beyond the memory cap in proportion to the largest vocabulary that was measured.

    The largest matrix is the one in which fixed costs weigh least; a fitted slope below 1 is theirs.
    """
    measured = [row for row in line if row["step_seconds"]]
    if not measured:
        return
    last = measured[-1]
    for row in line:
        if row["extrapolated"]:
            factor = row["vocabulary"] / last["vocabulary"]
            for key in ("forward_seconds", "step_seconds", "peak_bytes"):
                row[key] = last[key] * factor


def break_even(slow: list[Row], fast: list[Row], key: str) -> float | None:
    """Return the vocabulary below which the multiplication is faster, on lines between measurements in logs.

    The first crossing counts. None if the multiplication is slower from the smallest vocabulary on, infinite if it
    is faster at all.
    """
    gaps = [
        (math.log(a["vocabulary"]), math.log(a[key] / b[key]))
        for a, b in zip(slow, fast, strict=True)
        if a[key] and b[key]
    ]
    if not gaps or gaps[0][1] >= 0:
        return None
    for (x0, y0), (x1, y1) in pairwise(gaps):
        if y1 >= 0:
            return math.exp(x0 - y0 * (x1 - x0) / (y1 - y0))
    return math.inf


def judge_against_machine(rows: list[Row], device: str, bandwidth: float, flops: float) -> None:
    """Add to each forward pass the bytes and operations it needs, and its share of what the machine can do."""
    for row in rows:
        if row["device"] != device or not row["forward_seconds"]:
            continue
        tokens, size = row["tokens"], row["vector_size"]
        if row["method"] in LOOKUPS:
            moved = tokens * (8 + 2 * size * FLOAT)  # the id, the row read, the row written
            row["forward_bytes"] = moved
            row["share_of_copy_bandwidth"] = moved / row["forward_seconds"] / bandwidth
        elif row["method"] in (ONE_HOT, GIVEN) and not row["extrapolated"]:
            operations = 2 * tokens * row["vocabulary"] * size
            row["forward_operations"] = operations
            row["share_of_matmul_rate"] = operations / row["forward_seconds"] / flops


def measure_all(form: Form) -> tuple[list[Row], list[Row]]:
    """Measure every method on every device; return the rows, and what each device can do at most."""
    rows: list[Row] = []
    machine: list[Row] = []
    for device in devices():
        # Before and after, the better one counts: a machine that others use as well only seems slower.
        limits = [(copy_bandwidth(device, 256 * 10**6), matmul_rate(device, 1024))]
        for shape in form.shapes:
            for method in METHODS:
                line = [measure(method, shape, size, form, device) for size in form.vocabularies]
                extrapolate(line)
                rows += line
        limits.append((copy_bandwidth(device, 256 * 10**6), matmul_rate(device, 1024)))
        bandwidth, flops = map(max, zip(*limits, strict=True))
        machine.append(
            {
                "device": device,
                "copy_bytes_per_second": bandwidth,
                "matmul_operations_per_second": flops,
                "last_cache_bytes": last_cache_bytes() if device == "cpu" else None,
            }
        )
        judge_against_machine(rows, device, bandwidth, flops)
    return rows, machine
