"""Logarithmic axes for quantities that are no train sizes."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10

from embexp.conclude.report.charts import Axis


def log_axis(label: str, values: Sequence[float], air: float = 1.3) -> Axis:
    """Return a logarithmic axis that holds positive values, with a tick at each power of ten."""
    low, high = min(values) / air, max(values) * air
    ticks = tuple(10.0**power for power in range(ceil(log10(low)), floor(log10(high)) + 1))
    return Axis(label, True, ticks, tuple(f"{tick:,.10g}" for tick in ticks), (low, high))
