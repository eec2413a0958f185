"""The cost of a lookup in words, figures and tables."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import isinf
from typing import Any

from embexp.conclude.report import words
from embexp.conclude.report.charts import Chart, Series
from embexp.conclude.report.palette import Style
from embexp.labs.axes import log_axis
from embexp.labs.lookup import cost
from embexp.labs.lookup.cost import DENSE, GIVEN, LOOKUPS, METHODS, ONE_HOT, SPARSE, Form, break_even, fit_slope, series
from embexp.labs.parts import Expectation, Part, Row, Shown, table

EXPECTATION = Expectation(
    "cost",
    "What does the lookup save?",
    "The multiplication's time and memory grow in proportion to the vocabulary, those of a lookup with a sparse "
    "gradient not at all; with a dense gradient the lookup's backward pass grows as well, because it fills a whole "
    "matrix with zeros. For tiny vocabularies the multiplication is faster. A lookup does no arithmetic: it is "
    "limited by memory, and its forward pass comes within a factor of ten of a plain copy.",
)
LOOKS = {
    DENSE: Style(DENSE, "#0072B2", "#56B4E9", marker="square"),
    SPARSE: Style(SPARSE, "#009E73", "#8FD3A8", marker="diamond"),
    ONE_HOT: Style(ONE_HOT, "#D55E00", "#F2894A", marker="circle"),
    GIVEN: Style(GIVEN, "#B07800", "#E69F00", marker="pentagon"),
    "sparse one-hot": Style("sparse one-hot", "#B6609A", "#DE93C1", marker="triangle-up"),
}


def run_cost(full: bool) -> Part:
    """Measure every method on every device, and say how cost grows with the vocabulary."""
    form = cost.FULL if full else cost.SMALL
    return make_part(EXPECTATION, form, *cost.measure_all(form))


def make_part(expectation: Expectation, form: Form, rows: list[Row], machine: list[Row]) -> Part:
    """Describe what was measured."""
    slopes = fit_slopes(form, rows, machine)
    breaks = find_breaks(form, rows, machine)
    largest = form.reference
    near = [
        row
        for row in rows
        if row["method"] == SPARSE and (row["texts"], row["length"]) == largest and row["device"] == "cpu"
    ]
    closest = max(row["share_of_copy_bandwidth"] for row in near)
    found = tuple(_found(form, rows, slopes, breaks, largest, near))
    return Part(
        expectation,
        met=_as_expected(slopes, breaks, largest, closest),
        found=found,
        rows=(*rows, *slopes, *breaks, *machine),
        shown=tuple(_shown(form, rows, slopes, breaks, machine, largest)),
        notes=(
            f"One-hot matrices beyond {words.size_in_bytes(form.cap_bytes)} (float32 and the int64 matrix it is made "
            "from) are not made: their time and memory are extrapolated in proportion to the vocabulary from the "
            "largest one measured, and are marked so.",
            "One thread; the shortest of repeated calls, each on other token ids; a step is forward "
            "and backward, no optimiser. A given one-hot matrix is not counted in memory. Making the one-hot "
            "matrix is part of the multiplication. Slopes are fitted from 320 words on, measured points only.",
        ),
        numbers={
            "slope_one_hot": slopes_of(slopes, ONE_HOT, largest) or 0.0,
            "slope_lookup_sparse": slopes_of(slopes, SPARSE, largest) or 0.0,
            "lookup_share_of_copy_bandwidth": closest,
        },
    )


def fit_slopes(form: Form, rows: list[Row], machine: list[Row]) -> list[Row]:
    """Fit how time and memory of each method grow with the vocabulary."""
    return [
        {
            "device": device["device"],
            "method": method,
            "texts": shape[0],
            "length": shape[1],
            **{f"slope_{key}": fit_slope(line, key) for key in ("forward_seconds", "step_seconds", "peak_bytes")},
        }
        for device in machine
        for shape in form.shapes
        for method in METHODS
        if (line := series(rows, method, shape, device["device"]))
    ]


def slopes_of(slopes: list[Row], method: str, shape: tuple[int, int], key: str = "step_seconds") -> float | None:
    """Return a fitted slope on the CPU."""
    for row in slopes:
        if (row["method"], (row["texts"], row["length"]), row["device"]) == (method, shape, "cpu"):
            value: float | None = row[f"slope_{key}"]
            return value
    return None


def find_breaks(form: Form, rows: list[Row], machine: list[Row]) -> list[Row]:
    """Find the vocabulary below which each multiplication is faster than each lookup."""
    found: list[Row] = []
    for device in machine:
        for shape in form.shapes:
            for slow, fast in product((ONE_HOT, GIVEN), LOOKUPS):
                lines = [series(rows, method, shape, device["device"]) for method in (slow, fast)]
                row: Row = {"device": device["device"], "texts": shape[0], "length": shape[1]}
                row |= {"multiplication": slow, "against": fast}
                for key in ("forward", "step"):
                    at = break_even(lines[0], lines[1], f"{key}_seconds")
                    row[f"break_even_{key}"] = None if at is None or isinf(at) else at
                    row[f"{key}_in_words"] = _break_words(at, form)
                found.append(row)
    return found


def _break_words(at: float | None, form: Form) -> str:
    if at is None:
        return f"below {form.vocabularies[0]}"
    return "everywhere" if isinf(at) else words.rough(at)


def _as_expected(slopes: list[Row], breaks: list[Row], largest: tuple[int, int], closest: float) -> bool:
    """Hold the measurements of the largest batch against the expectation: within .25 of slopes 1 and 0."""
    one_hot = slopes_of(slopes, ONE_HOT, largest)
    sparse, dense = slopes_of(slopes, SPARSE, largest), slopes_of(slopes, DENSE, largest)
    faster = [row for row in breaks if row["break_even_forward"] or row["break_even_step"]]
    return (
        one_hot is not None
        and sparse is not None
        and dense is not None
        and abs(one_hot - 1) < 0.25
        and abs(sparse) < 0.25
        and dense > 0.25
        and bool(faster)
        and closest > 0.1
    )


def _found(
    form: Form, rows: list[Row], slopes: list[Row], breaks: list[Row], largest: tuple[int, int], near: list[Row]
) -> list[str]:
    shape = f"{largest[0]} texts of {largest[1]} tokens"
    top = form.vocabularies[-1]
    at_top = {
        method: next(row for row in series(rows, method, largest, "cpu") if row["vocabulary"] == top)
        for method in METHODS
    }
    spoken = [f"{method} {_spell_slope(slopes_of(slopes, method, largest))}" for method in METHODS]
    one_hot = at_top[ONE_HOT]
    mark = " (extrapolated)" if one_hot["extrapolated"] else ""
    best = max(near, key=lambda row: row["share_of_copy_bandwidth"])
    worst = min(near, key=lambda row: row["share_of_copy_bandwidth"])
    return [
        f"How a step's time grows with the vocabulary (slope in logs, {shape}): {', '.join(spoken)}.",
        f"At {top:,} words a step takes {words.duration(at_top[SPARSE]['step_seconds'])} by lookup with a sparse "
        f"gradient, {words.duration(at_top[DENSE]['step_seconds'])} with a dense one, and "
        f"{words.duration(one_hot['step_seconds'])}{mark} by multiplication, in "
        f"{words.size_in_bytes(at_top[SPARSE]['peak_bytes'])}, {words.size_in_bytes(at_top[DENSE]['peak_bytes'])} and "
        f"{words.size_in_bytes(one_hot['peak_bytes'])}{mark} of memory.",
        "Vocabulary below which the multiplication is the faster whole step, against a lookup with a dense gradient: "
        + "; ".join(
            f"{row['step_in_words']} words at {row['texts']} x {row['length']} tokens"
            + (" with the one-hot matrix given" if row["multiplication"] == GIVEN else "")
            for row in breaks
            if row["device"] == "cpu" and row["against"] == DENSE
        )
        + ".",
        f"A lookup's forward pass moves {best['share_of_copy_bandwidth']:.0%} of the bytes a second of a plain copy at "
        f"{best['vocabulary']:,} words, and {worst['share_of_copy_bandwidth']:.0%} at {worst['vocabulary']:,}: above "
        "100 % the rows come from the cache.",
    ]


def _spell_slope(slope: float | None) -> str:
    return "–" if slope is None else f"{slope:.2f}"


def _shown(
    form: Form, rows: list[Row], slopes: list[Row], breaks: list[Row], machine: list[Row], largest: tuple[int, int]
) -> list[Shown]:
    shown = []
    for device in machine:
        name = device["device"]
        for key, title, unit, factor in (
            ("step_seconds", "Time of a step", "milliseconds", 1e3),
            ("peak_bytes", "Memory of a step", "megabytes", 1e-6),
        ):
            chart = draw(rows, form, largest, name, key, title, unit, factor)
            shown.append(
                Shown(chart, "Dashed: extrapolated, the one-hot matrix would not fit the cap. Both axes in logs.")
            )
    columns = {"multiplication": "multiplication", "against": "against", "device": "device", "texts": "texts"}
    columns |= {"length": "tokens each", "forward_in_words": "forward", "step_in_words": "step"}
    shown.append(
        Shown(table("break_even", "Break-even vocabulary: below it the multiplication is faster.", columns, breaks, 3))
    )
    columns = {"device": "device", "method": "method", "texts": "texts", "length": "tokens each"}
    columns |= {"slope_forward_seconds": "forward", "slope_step_seconds": "step", "slope_peak_bytes": "memory"}
    shown.append(
        Shown(
            table("slopes", "Slopes of time and memory on the vocabulary, in logs.", columns, slopes, 2),
            folded="All slopes",
        )
    )
    columns = {
        "device": "device",
        "method": "method",
        "texts": "texts",
        "length": "tokens each",
        "vocabulary": "words",
        "forward_seconds": "forward, s",
        "step_seconds": "step, s",
        "peak_bytes": "bytes",
        "extrapolated": "extrapolated",
        "share_of_copy_bandwidth": "of copy bandwidth",
        "share_of_matmul_rate": "of matmul rate",
    }
    shown.append(Shown(table("cost", "All measurements.", columns, rows, 2), folded="All measurements"))
    columns = {
        "device": "device",
        "copy_bytes_per_second": "copy, bytes a second",
        "matmul_operations_per_second": "matmul, operations a second",
        "last_cache_bytes": "last cache, bytes",
    }
    return [*shown, Shown(table("machine", "What this machine can do, measured.", columns, machine))]


def draw(
    rows: list[Row], form: Form, shape: tuple[int, int], device: str, key: str, title: str, unit: str, factor: float
) -> Chart:
    """Draw one quantity of all methods against the vocabulary."""
    lines = []
    for method in METHODS:
        line = [row for row in series(rows, method, shape, device) if row[key]]
        measured = [row for row in line if not row["extrapolated"]]
        beyond = [*measured[-1:], *(row for row in line if row["extrapolated"])]
        lines.append(_series(method, LOOKS[method], measured, key, unit, factor))
        if len(beyond) > 1:
            look = replace(LOOKS[method], label=f"{method}, extrapolated", dash="dot", marker="circle")
            lines.append(_series(f"{method}, extrapolated", look, beyond, key, unit, factor))
    values = [y for line in lines for y in line.y]
    return Chart(
        name=f"{key.partition('_')[0]}_{device}",
        title=f"{title} on the {device.upper()}, {shape[0]} texts of {shape[1]} tokens, {form.vector_size} dimensions",
        alt=f"{title} in {unit} against the vocabulary for {', '.join(METHODS)}.",
        x=log_axis("words in the vocabulary", form.vocabularies),
        y=log_axis(unit, values, air=1.5),
        series=tuple(lines),
        by_size=False,
    )


def _series(name: str, look: Style, rows: list[Row], key: str, unit: str, factor: float) -> Series:
    y: tuple[Any, ...] = tuple(row[key] * factor for row in rows)
    return Series(
        keys=(name,),
        style=look,
        x=tuple(row["vocabulary"] for row in rows),
        y=y,
        low=(None,) * len(rows),
        high=(None,) * len(rows),
        hover=tuple(
            f"{name}, {row['vocabulary']:,} words: {value:.3g} {unit}" for row, value in zip(rows, y, strict=True)
        ),
    )
