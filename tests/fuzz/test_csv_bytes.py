"""Whatever stands in a CSV file: a prepared data set or sentences, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embexp.config import DatasetConfig, TextConfig
from embexp.errors import UserError
from embexp.text import peek
from embexp.text.prepare import prepare

TEXT = st.text(max_size=30)
CELL = st.one_of(
    TEXT,
    st.sampled_from(
        ["", "NA", "null", "=cmd|'/c calc'!A1", "<script>alert(1)</script>", '"', '""', "\r", "\n", "\x00"]
    ),
)
ROW = st.tuples(CELL, st.sampled_from(["a", "b", "c", "", "=1+1", "a,b", '"a"'])).map(",".join)
SOUND = st.lists(
    st.tuples(st.text("abc d,.", max_size=20), st.sampled_from("ab")).map(",".join), min_size=4, max_size=30
)
FILES = st.one_of(
    st.binary(max_size=300),
    st.binary(max_size=200).map(lambda body: b"text,label\n" + body),
    st.lists(ROW, max_size=12).map(lambda rows: "\n".join(["text,label", *rows]).encode("utf-8", "surrogatepass")),
    SOUND.map(lambda rows: "\n".join(["text,label", *rows]).encode()),
    SOUND.map(lambda rows: "\r\n".join(["label;text;", *rows]).encode("utf-16")),
)
NO_PROGRESS = lambda *args: None  # noqa: E731


def test_any_bytes_are_texts_or_sentences(cases: settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file, numbers = tmp_path / "file.csv", iter(range(10**9))
    outcomes = {"prepared": 0, "refused": 0}
    reasons: list[str] = []

    def check(content: bytes) -> None:
        file.write_bytes(content)
        dataset = DatasetConfig(name="fuzz", source="csv", train=str(file))
        folder = tmp_path / f"entry{next(numbers)}"
        folder.mkdir()
        try:
            facts = peek(dataset)
            prepare(dataset, TextConfig(min_count=1), folder, NO_PROGRESS)
        except UserError as error:
            outcomes["refused"] += 1
            problems = error.problems
            reasons.append(problems[0])
        else:
            outcomes["prepared"] += 1
            problems = ()
            assert facts.pool_size >= len(facts.classes) >= 2
        assert all("file.csv" in sentence or "dataset." in sentence for sentence in problems), problems

    cases(given(content=FILES)(check))()
    assert min(outcomes.values()) > 0, (outcomes, reasons)
