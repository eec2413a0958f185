"""Strategies look the same everywhere and stay apart, for colour-blind readers too."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from embexp.conclude.report.palette import DARK, FIXED, LIGHT, SPARE_COLOURS, Style, assign_styles

Array = npt.NDArray[np.float64]

# Machado, Oliveira, Fernandes 2009, severity 1, linear RGB.
VISION = {
    "full": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = TO_XYZ @ np.ones(3)
MAIN = ("random", "frozen", "finetuned")


def linear(colour: str) -> Array:
    values = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb: Array) -> Array:
    scaled = TO_XYZ @ np.clip(rgb, 0, 1) / WHITE
    x, y, z = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_strategies_stay_apart_for_every_vision(vision: str, theme: str) -> None:
    seen = [lab(VISION[vision] @ linear(getattr(FIXED[name], theme))) for name in MAIN]
    distances = [float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2)]
    assert min(distances) > 15  # 2.3 is just noticeable, 10 is seen at a glance


def test_lines_stand_out_from_the_page() -> None:
    colours = [(style.light, style.dark) for style in FIXED.values()] + list(SPARE_COLOURS)
    assert min(contrast(light, LIGHT.paper) for light, _ in colours) >= 3  # WCAG 2.2, graphics
    assert min(contrast(dark, DARK.paper) for _, dark in colours) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_quiet_text_is_readable(theme: object) -> None:
    assert contrast(theme.muted, theme.paper) >= 4.5
    assert contrast(theme.muted, theme.band) >= 4.5


def test_every_strategy_has_a_marker_of_its_own() -> None:
    assert len({style.marker for style in FIXED.values()}) == len(FIXED)


def test_styles_do_not_depend_on_order_or_company() -> None:
    assert assign_styles(["frozen"])["frozen"] == assign_styles(["zebra", "frozen", "random"])["frozen"]
    names = [f"strategy {place}" for place in range(12)]
    forth, back = assign_styles(names), assign_styles(reversed(names))
    assert forth == back
    looks = {(style.light, style.dash, style.marker) for style in forth.values()}
    assert len(looks) == len(names)


def test_long_names_lose_their_middle_unless_they_would_be_mixed_up() -> None:
    long = "a" * 20 + " first " + "b" * 20
    assert assign_styles([long])[long].label == "a" * 15 + "…" + "b" * 15
    other = long.replace("first", "other")
    assert {name: style.label for name, style in assign_styles([long, other]).items()} == {long: long, other: other}
    assert isinstance(assign_styles([long])[long], Style)
