"""Time, memory and the machine's limits, measured with one thread (or on one GPU)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

MIN_SECONDS, MIN_REPEATS, MAX_REPEATS = 0.03, 4, 2000


def devices() -> list[str]:
    """Return the kinds of devices to measure on: the CPU, and a GPU where there is one."""
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def seconds_of(action: Callable[[], object], device: str, min_seconds: float = MIN_SECONDS) -> float:
    """Return the shortest time of one call, after one call to warm up.

    What else the machine does can only make a call longer, so the shortest is nearest to what the call takes.
    """
    action()
    _wait(device)
    times: list[float] = []
    while len(times) < MIN_REPEATS or (sum(times) < min_seconds and len(times) < MAX_REPEATS):
        started = time.perf_counter()
        action()
        _wait(device)
        times.append(time.perf_counter() - started)
    return min(times)


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def peak_bytes(action: Callable[[], object], device: str) -> int:
    """Return the most memory that one call holds at once beyond what stood before it, in bytes."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        action()
        return int(torch.cuda.max_memory_allocated() - before)
    from torch.profiler import ProfilerActivity, profile

    with _silent(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        action()
    held = peak = 0
    for event in profiled.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak


@contextmanager
def _silent() -> Iterator[None]:
    """Send stderr away: the profiler's C++ side writes there that it starts and stops."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)


def copy_bandwidth(device: str, size_bytes: int) -> float:
    """Return the bytes a copy of a large buffer moves in a second, read and written counted."""
    source = torch.ones(size_bytes // 4, device=device)
    target = torch.empty_like(source)
    return 2 * size_bytes / seconds_of(lambda: target.copy_(source), device)


def matmul_rate(device: str, side: int) -> float:
    """Return the floating-point operations a second of a product of two square float32 matrices."""
    a, b = torch.ones(side, side, device=device), torch.ones(side, side, device=device)
    return float(2 * side**3 / seconds_of(lambda: a @ b, device))


def last_cache_bytes() -> int | None:
    """Return the size of the processor's last cache; None where the system does not say."""
    found = 0
    for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = path.read_text().strip()
        factor = {"K": 1024, "M": 1024**2}.get(text[-1:], 1)
        found = max(found, int(text.rstrip("KM")) * factor)
    return found or None
