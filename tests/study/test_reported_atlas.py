"""What is reported of the atlas follows from what is reported of its studies."""

from __future__ import annotations

import json

import pytest

from embexp import reproduce
from embexp.command.compose import compose_study
from embexp.conclude.report.atlas import records
from embexp.conclude.report.comparison import Comparison
from embexp.running import plan_study


def reported(name: str) -> dict:
    return json.loads((reproduce.results_folder() / f"{name}.json").read_bytes())


def test_its_findings_are_those_of_its_studies():
    atlas = reported("atlas")
    studies = [reported(preset) for preset in atlas["presets"]]
    found = records(Comparison(studies, atlas["presets"]))
    assert found["claims"] == atlas["claims"]
    for row, again in zip(atlas["data_sets"], found["data_sets"], strict=True):
        assert (row["study"], row["crossovers"], row["label_ratio"]) == (
            again["study"],
            again["crossovers"],
            again["label_ratio"],
        )


def test_its_name_stands_for_its_studies():
    assert reproduce.presets_of("atlas") == reported("atlas")["presets"]
    assert reproduce.presets_of("quick") == ["quick"]
    assert reproduce.presets_of("nothing") == ["nothing"]


@pytest.mark.parametrize(
    "preset", sorted(path.stem for path in reproduce.results_folder().glob("*.json") if "cells" in reported(path.stem))
)
def test_a_preset_is_still_the_study_that_was_reported(preset, tmp_path, monkeypatch):
    """A changed default or stage shows here, without running anything."""
    monkeypatch.chdir(tmp_path)
    fingerprint = reported(preset)["study"]["fingerprint"]
    assert plan_study(compose_study(reproduce.words_of(preset))).fingerprint == fingerprint
    assert plan_study(reproduce.read_reported(preset).config).fingerprint == fingerprint  # what `reproduce` runs
