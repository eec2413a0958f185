"""Numbers and names as a reader wants them: percent, points, intervals, sizes, durations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MISSING = "–"


def count(value: float | None) -> str:
    """Write a whole number with thousands separators: 20,000."""
    return MISSING if value is None else f"{round(value):,}"


def percent(value: float | None, digits: int = 1) -> str:
    """Write a share in percent without the sign: .8274 is 82.7."""
    return MISSING if value is None else f"{100 * value:.{digits}f}"


def points(value: float | None, digits: int = 1) -> str:
    """Write a difference of shares in points with its sign: +8.0, −0.4."""
    if value is None:
        return MISSING
    text = f"{100 * value:+.{digits}f}"
    return text.replace("-", "−") if float(text) else f"{0:.{digits}f}"


def plural_points(value: float) -> str:
    """Write a margin: 1 point, 0.5 points."""
    return f"{100 * value:g} point{'' if value == 0.01 else 's'}"


def percent_interval(low: float | None, high: float | None) -> str:
    """Write an interval of shares: 82.1 to 83.5; empty where there is none."""
    return "" if low is None or high is None else f"{percent(low)} to {percent(high)}"


def points_interval(low: float | None, high: float | None) -> str:
    """Write an interval of differences: +6.0 to +10.1; empty where there is none."""
    return "" if low is None or high is None else f"{points(low)} to {points(high)}"


def half_width(row: Mapping[str, Any]) -> float | None:
    """Return half the length of a row's interval, None where it has none."""
    low, high = row.get("ci_low"), row.get("ci_high")
    return None if low is None or high is None else (high - low) / 2


def mean_and_half_width(row: Mapping[str, Any] | None) -> str:
    """Write a point of a curve as 82.7 ± 0.6."""
    if row is None:
        return MISSING
    half = half_width(row)
    return percent(row["mean"]) if half is None else f"{percent(row['mean'])} ± {percent(half)}"


def rough(value: float | None) -> str:
    """Write a size that was estimated, not chosen: two digits, 1,082 is 1,100."""
    return MISSING if value is None else count(float(f"{value:.2g}"))


def size_interval(low: float | None, high: float | None) -> str:
    """Write an interval of train sizes whose open ends are None."""
    if low is None and high is None:
        return "open at both ends"
    if low is None:
        return f"up to {rough(high)}, open below"
    if high is None:
        return f"from {rough(low)}, open above"
    return f"{rough(low)} to {rough(high)}"


def ratio_interval(low: float | None, high: float | None) -> str:
    """Write an interval of ratios whose open ends are None."""
    if low is None or high is None:
        return MISSING if low is high else f"{ratio(low)} or more" if high is None else f"{ratio(high)} or less"
    return f"{ratio(low)} to {ratio(high)}"


def sentence(text: str) -> str:
    """Give a fragment its capital letter and its full stop."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", ":")) else f"{text}."


def ratio(value: float | None) -> str:
    """Write how many times: 3.2×, 16×."""
    if value is None:
        return MISSING
    return f"{value:.2f}×" if value < 1 else f"{value:.1f}×" if value < 10 else f"{value:,.0f}×"


def p_value(value: float | None) -> str:
    """Write a p-value: .004, < .001."""
    if value is None:
        return MISSING
    if value < 0.001:
        return "< .001"
    return "1" if value >= 0.9995 else f"{value:.3f}".lstrip("0")


def duration(seconds: float | None) -> str:
    """Write seconds: 0.34 s, 12.1 s, 4 min 05 s, 2 h 03 min."""
    if seconds is None:
        return MISSING
    if seconds < 1:
        return f"{seconds:.2g} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def size_in_bytes(value: float | None) -> str:
    """Write a size of memory: 812 kB, 1.4 GB."""
    if value is None:
        return MISSING
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError  # GB always returns


def listed(names: Sequence[str]) -> str:
    """Join names in a sentence: a, b and c."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1] if names else ""


def plural(number: int, noun: str) -> str:
    """Write a counted noun: 1 seed, 10 seeds."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
