"""Numbers on their way into JSON."""

from __future__ import annotations

from math import isfinite
from typing import SupportsFloat


def number(value: SupportsFloat | None) -> float | None:
    """Return a plain float, or None for NaN and infinity: never a number in place of a missing one."""
    if value is None:
        return None
    plain = float(value)
    return plain if isfinite(plain) else None
