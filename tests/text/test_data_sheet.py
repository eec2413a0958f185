import copy
import csv
import io
import json

import pytest
from rich.console import Console

from embexp.command.preparing import sheet_table
from embexp.config import DatasetConfig, TextConfig
from embexp.text import count_tokens, prepare
from embexp.text.cautions import warnings_of

CLEAN = {
    "labels": ["a", "b"],
    "sizes": {"pool": 800, "test": 400},
    "class_counts": {"pool": [400, 400], "test": [200, 200]},
    "empty_texts": {"pool": 0, "test": 0},
    "duplicates": 0,
    "texts_with_two_labels": 0,
    "overlap": 0,
    "tokens": {"pool": 8000, "test": 4000},
    "tokens_in_vocabulary": {"pool": 7800, "test": 3600},
    "texts_without_known_token": {"pool": 0, "test": 0},
}


def test_sheet_counts_what_is_odd(tmp_path):
    train = [(f"review number {i} of a film", "ab"[i % 2]) for i in range(400)]
    train += [("", "a"), ("  ", "b"), ("", "a")]  # empty, not repeated
    train += [("twice", "a"), ("twice", "a"), (" twice", "b")]  # repeated; with two labels
    train += [("*** —", "a"), ("*** —", "a")]  # repeated; without a token
    test = [(f"review number {i} of a film", "a") for i in range(90, 100)] + [("new rare words", "b"), ("", "a")]
    for name, rows in (("train", train), ("test", test)):
        with (tmp_path / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
    config = DatasetConfig("mine", "csv", str(tmp_path / "train.csv"), str(tmp_path / "test.csv"))
    counts = tmp_path / "counts"
    counts.mkdir()
    prepare(config, TextConfig(), tmp_path, lambda done, total, unit="", note="": None)
    sheet = count_tokens(tmp_path, TextConfig(), counts, lambda done, total, unit="", note="": None)
    assert json.loads((counts / "sheet.json").read_text(encoding="utf-8")) == sheet
    expected = {
        "labels": ["a", "b"],
        "sizes": {"pool": 408, "test": 12},
        "class_counts": {"pool": [206, 202], "test": [11, 1]},
        "empty_texts": {"pool": 3, "test": 1},
        "duplicates": 3,
        "texts_with_two_labels": 1,
        "overlap": 10,
        "tokens": {"pool": 400 * 6 + 3, "test": 63},
        "tokens_in_vocabulary": {"pool": 400 * 5 + 3, "test": 50},
        "types": 400 + 5 + 1,  # the numbers, the five words around them, twice
        "vocabulary_size": 6,
        "median_tokens": {"pool": 6, "test": 6},
        "longest_tokens": {"pool": 6, "test": 6},
        "texts_cut": {"pool": 0, "test": 0},
        "texts_without_token": {"pool": 5, "test": 1},
        "texts_without_known_token": {"pool": 5, "test": 2},
    }
    assert {name: sheet[name] for name in expected} == expected


def test_clean_data_has_no_warning():
    assert warnings_of(CLEAN) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sizes.pool": 100, "sizes.test": 50}, "There are only 150 labelled texts"),
        ({"sizes.test": 100}, "With 100 test texts an accuracy near 80 % is known to ±7.8 points at best"),
        ({"class_counts.pool": [791, 9]}, "Classes with fewer than 10 texts in the pool: 'b' (9)."),
        ({"class_counts.test": [400, 0]}, "No test text is labelled 'b'"),
        ({"class_counts.pool": [600, 200]}, "the largest holds 600 texts of the pool, the smallest 200."),
        (
            {"class_counts.pool": [200, 600], "class_counts.test": [300, 100]},
            "Always answering the largest is right on 25.0 % of the test texts",
        ),
        ({"labels": ["Good ", "good"]}, "differ only in case or blanks count as different classes: 'Good ' and 'good'"),
        ({"empty_texts.pool": 5, "empty_texts.test": 2}, "Texts of nothing but blanks: 7 of 1,200. They were kept."),
        ({"duplicates": 40}, "Texts of the pool that repeat an earlier one: 40 of 800 (5.0 %)."),
        ({"overlap": 10}, "Test texts that stand in the pool too: 10 of 400 (2.5 %)."),
        ({"texts_with_two_labels": 1}, "in the pool under more than one label: 1 of 800 (0.1 %)."),
        (
            {"texts_without_known_token.test": 20},
            "Texts of the test without a token of the vocabulary: 20 of 400 (5.0 %).",
        ),
        ({"tokens_in_vocabulary.test": 3000}, "The vocabulary covers only 75.0 % of the test tokens"),
        (
            {
                "labels": [str(i) for i in range(16)],
                "class_counts.pool": [50] * 16,
                "class_counts.test": [25] * 16,
            },
            "The 16 labels are whole numbers and count as 16 unrelated classes",
        ),
    ],
)
def test_warnings_are_sentences_on_what_can_move_a_result(changes, sentence):
    sheet = copy.deepcopy(CLEAN)
    for path, value in changes.items():
        *outer, last = path.split(".")
        owner = sheet[outer[0]] if outer else sheet
        assert last in owner
        owner[last] = value
    warnings = warnings_of(sheet)
    assert any(sentence in warning for warning in warnings), warnings
    assert all(warning.endswith(".") for warning in warnings)


def test_a_few_repeated_texts_are_counted_without_a_warning():
    assert warnings_of(CLEAN | {"duplicates": 8, "overlap": 4}) == []


@pytest.mark.parametrize(("classes", "rows"), [(3, 3), (25, 25), (26, 1)])
def test_the_printed_sheet_names_each_class_with_its_texts(classes, rows):
    names = [f"[bold]{number}" for number in range(classes)]
    counts = {"pool": list(range(1000, 1000 + classes)), "test": list(range(classes))}
    table = sheet_table({"labels": names, "sizes": {"pool": 5, "test": 3}, "class_counts": counts})
    console = Console(width=400, file=io.StringIO())
    console.print(table)
    lines = console.file.getvalue().splitlines()[1:]
    assert len(lines) == 1 + rows
    if rows == classes:
        assert lines[2].split() == ["labelled", "[bold]1", "1,001", "1"]
