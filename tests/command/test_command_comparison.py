"""`embexp report STUDY STUDY`: where it goes, and one sentence for each study that cannot be taken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_harness import Embexp


def write(folder: str, fingerprint: str, **changes: Any) -> str:
    """Write a small results.json by hand; return its folder."""
    path = Path(folder)
    path.mkdir(parents=True)
    curves = [
        {"strategy": name, "train_size": size, "mean": mean, "ci_low": mean - 0.02, "ci_high": mean + 0.02}
        for name, means in {"random": (0.6, 0.8), "frozen": (0.7, 0.75)}.items()
        for size, mean in zip((100, 300), means, strict=True)
    ]
    results: dict[str, Any] = {
        "schema_version": 1,
        "study": {"name": path.name, "dataset": path.name, "fingerprint": fingerprint * 8},
        "curves": curves,
        "verdict": ["With fewer than 200 labels, start from word2vec."],
    }
    (path / "results.json").write_text(json.dumps(results | changes), encoding="utf-8")
    return folder


def test_the_comparison_stands_in_the_output_folder_and_is_the_latest(embexp: Embexp) -> None:
    one, other = write("outputs/one", "aaaaaaaa"), write("outputs/two", "bbbbbbbb")
    said = embexp("report", one, f"{other}/results.json", "output=elsewhere")
    assert (said.code, said.err) == (0, "")
    latest = Path("elsewhere/comparison/latest").resolve()
    content = json.loads((latest / "comparison.json").read_text(encoding="utf-8"))
    assert latest.name.endswith(content["fingerprint"][:8])
    assert [study["folder"] for study in content["studies"]] == ["outputs/one", "outputs/two"]
    assert f"Report: {(latest / 'report.html').relative_to(Path.cwd())}" in said.out
    assert {path.name for path in Path("outputs/one").iterdir()} == {"results.json"}


def test_one_study_writes_its_own_report_again_from_folder_or_file(embexp: Embexp) -> None:
    folder = write("outputs/one", "aaaaaaaa")
    for word in (folder, f"{folder}/results.json"):
        assert embexp("report", word).code == 0
        (Path(folder) / "report.html").unlink()
    assert not Path("outputs/comparison").exists()


def test_every_study_that_cannot_be_taken_has_its_sentence(embexp: Embexp) -> None:
    good = write("good", "aaaaaaaa")
    Path("empty").mkdir()
    words = [
        good,
        "empty",
        "nowhere",
        write("newer", "cccccccc", schema_version=7),
        write("lab", "dddddddd", lab="lookup"),
        write("odd", "eeeeeeee", study={}),
    ]
    said = embexp("report", *words)
    assert said.code == 2
    for sentence in (
        "empty: there is no results.json in it",
        "nowhere: there is no such folder",
        "newer/results.json: is written in schema_version 7, and this embexp reads 1",
        "lab/results.json: is what the lab 'lookup' found, not a study",
        "odd/results.json: is not the results.json of a study",
    ):
        assert sentence in said.err
    assert "Traceback" not in said.err
    assert not Path("outputs").exists()


@pytest.mark.parametrize("again", ["same", "copy"])
def test_a_study_is_compared_with_others_not_with_itself(embexp: Embexp, again: str) -> None:
    folder = write("one", "aaaaaaaa")
    other = folder if again == "same" else write("copy", "aaaaaaaa")
    said = embexp("report", folder, other)
    assert said.code == 2
    assert f"{other}: is the same study as one (fingerprint aaaaaaaa)" in said.err
