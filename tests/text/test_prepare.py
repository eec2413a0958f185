import csv
import hashlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from embexp.config import DatasetConfig, TextConfig
from embexp.errors import UserError
from embexp.text import count_tokens, counts_of, open_dataset, parts, peek, prepare

WORDS = ["the", "a", "film", "was", "good", "bad", "it's", "not", "very", "10", "slow", "fun", "plot", "end"]


def silent(done, total, unit="", note=""):
    """Take progress and say nothing."""


def reviews(count, seed, classes=("neg", "pos", "so-so")):
    """Make texts of random words; a text in ten is empty, a text in eight repeats an earlier one."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        text = " ".join(generator.choice(WORDS, generator.integers(1, 30)))
        text = "" if number % 10 == 9 else rows[number // 2][0] if number % 8 == 7 else text
        rows.append((text, classes[generator.choice(len(classes), p=[0.5, 0.3, 0.2])]))
    return rows


def write(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return str(path)


@pytest.fixture
def dataset(tmp_path):
    return DatasetConfig("mine", "csv", write(tmp_path / "reviews.csv", reviews(300, 1)), test_size=60)


def prepared(dataset, folder, text=TextConfig()):  # noqa: B008 (a frozen value)
    counts = folder.with_name(f"{folder.name} counts")
    for place in (folder, counts):
        place.mkdir()
    prepare(dataset, text, folder, silent)
    count_tokens(folder, text, counts, silent)
    return open_dataset(folder, counts)


def digests(*folders):
    files = (file for folder in folders for file in sorted(folder.iterdir()))
    return {f"{file.parent.name}/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def spell(view, vocabulary, text):
    ids = view.ids[view.offsets[text] : view.offsets[text + 1]]
    return " ".join("?" if i < 0 else vocabulary[i] for i in ids)


@pytest.mark.parametrize("evaluate", ["test", "validation"])
def test_entry_spells_the_source(dataset, tmp_path, evaluate):
    rows = reviews(300, 1)
    entry = prepared(DatasetConfig(**vars(dataset) | {"evaluate": evaluate}), tmp_path / "entry")
    for view in (entry.pool, entry.test):
        for text, row in enumerate(view.rows):
            assert entry.classes[view.labels[text]] == rows[row][1]
            assert spell(view, entry.vocabulary, text) == rows[row][0]
    sizes = {"test": (240, 60), "validation": (180, 60)}[evaluate]
    assert (len(entry.pool), len(entry.test)) == sizes
    assert not set(entry.pool.rows) & set(entry.test.rows)
    pool_tokens = Counter(token for row in entry.pool.rows for token in rows[row][0].split())
    assert entry.vocabulary == sorted(pool_tokens, key=lambda word: (-pool_tokens[word], word))
    assert entry.counts.tolist() == [pool_tokens[word] for word in entry.vocabulary]


def test_validation_writes_nothing_of_the_test_texts(tmp_path):
    train, test = reviews(300, 1), [("secret word", "pos") for i in range(40)]
    config = DatasetConfig("mine", "csv", write(tmp_path / "a.csv", train), write(tmp_path / "b.csv", test))
    entry = prepared(config, tmp_path / "test")
    assert spell(entry.test, entry.vocabulary, 0) == "? ?"  # unknown to the pool
    assert len(entry.test) == 40
    validation = prepared(DatasetConfig(**vars(config) | {"evaluate": "validation"}), tmp_path / "validation")
    assert len(validation.test) == 40
    assert [train[row][0] for row in validation.test.rows] == [
        spell(validation.test, validation.vocabulary, text) for text in range(40)
    ]
    other = [("another", "pos") for i in range(40)]
    write(tmp_path / "b.csv", other)
    again = prepared(DatasetConfig(**vars(config) | {"evaluate": "validation"}), tmp_path / "again")
    before, after = ([*digests(entry.folder).items()] for entry in (validation, again))
    differing = [name for (name, digest), (_, other) in zip(after, before, strict=True) if digest != other]
    assert differing == ["again/sheet.json"]  # which holds the digest of the test file


def test_bags_hold_the_counts_of_frequent_types_in_the_first_tokens(dataset, tmp_path):
    text = TextConfig(min_count=240, max_tokens=12)
    entry = prepared(dataset, tmp_path / "entry", text)
    assert 0 < entry.vocabulary_size < len(entry.vocabulary)
    assert entry.counts[entry.vocabulary_size - 1] >= 240 > entry.counts[entry.vocabulary_size]
    for view in (entry.pool, entry.test):
        expected = counts_of(view.ids, view.offsets, entry.vocabulary_size, 12)
        assert all(np.array_equal(getattr(view.bags, name), getattr(expected, name)) for name in vars(expected))
        assert view.bags.counts.sum() <= 12 * len(view)


def test_the_vocabulary_s_size_and_the_cut_move_nothing_but_the_counts(dataset, tmp_path):
    entry = prepared(dataset, tmp_path / "entry").folder
    other = prepared(dataset, tmp_path / "other", TextConfig(min_count=240, max_tokens=12)).folder
    assert list(digests(entry).values()) == list(digests(other).values())
    with pytest.raises(ValueError, match="opened without its counts"):
        _ = open_dataset(entry).pool.bags


def test_same_bytes_again_whatever_the_chunks_and_folders(dataset, tmp_path, monkeypatch):
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    first = prepared(dataset, tmp_path / "1" / "entry")
    monkeypatch.setattr(parts, "CHUNK_BYTES", 999)
    moved = tmp_path / "elsewhere.csv"
    Path(dataset.train).rename(moved)
    again = DatasetConfig(**vars(dataset) | {"train": str(moved), "name": "another"})
    second = prepared(again, tmp_path / "2" / "entry")
    assert digests(second.folder, second.counted) == digests(first.folder, first.counted)
    assert len(digests(first.folder, first.counted)) == 11 + 7


def test_split_seed_and_pattern_make_other_entries(dataset, tmp_path):
    first = prepared(dataset, tmp_path / "first")
    other = prepared(DatasetConfig(**vars(dataset) | {"split_seed": 5}), tmp_path / "seed")
    assert not np.array_equal(first.test.rows, other.test.rows)
    bare = prepared(dataset, tmp_path / "bare", TextConfig(pattern=r"\p{N}+"))
    assert bare.vocabulary == ["10"]


def test_peek_knows_what_preparing_finds(dataset, tmp_path):
    facts = peek(dataset)
    entry = prepared(dataset, tmp_path / "entry")
    assert (len(entry.pool), len(entry.test)) == (facts.pool_size, facts.test_size)
    assert (entry.classes, entry.sheet["digests"]) == (list(facts.classes), dict(facts.digests))


def test_a_file_that_changed_since_the_plan_is_refused(dataset, tmp_path):
    planned = peek(dataset).digests
    prepare(dataset, TextConfig(), tmp_path, silent, planned)
    write(Path(dataset.train), reviews(300, 2))
    with pytest.raises(UserError, match=r"dataset.train: .*reviews.csv changed after the study was planned"):
        prepare(dataset, TextConfig(), tmp_path, silent, planned)


def test_progress_ends_at_the_number_of_texts(dataset, tmp_path):
    said = []
    prepare(dataset, TextConfig(), tmp_path, lambda *progress: said.append(progress))
    tokenised = [done for done, total, unit, note in said if note.startswith("tokenising") and total == 300]
    assert tokenised == [240, 300]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TextConfig(pattern=r"\p{Han}+"), "finds no token in the pool .* dataset.text=text the column"),
        (TextConfig(pattern=r"(?s)film.good"), "makes tokens that hold a line break"),
    ],
)
def test_patterns_that_fit_no_text_are_refused(tmp_path, text, sentence):
    rows = [("film\ngood", "a"), ("film\ngood", "b")] * 20
    config = DatasetConfig("mine", "csv", write(tmp_path / "reviews.csv", rows))
    with pytest.raises(UserError, match=sentence):
        prepare(config, text, tmp_path, silent)


def test_a_class_that_would_be_held_out_whole_is_named(tmp_path):
    rows = [*reviews(50, 1), ("rarely seen", "rare")]
    config = DatasetConfig("mine", "csv", write(tmp_path / "reviews.csv", rows), test_size=0.6)
    for act in (peek, lambda config: prepare(config, TextConfig(), tmp_path, silent)):
        with pytest.raises(UserError, match=r"no text of 1 class in the pool \(rare\)"):
            act(config)


QUIET = """
import socket, sys
from pathlib import Path
def refuse(*arguments):
    raise AssertionError("the network was asked")
socket.socket.connect = socket.getaddrinfo = refuse
from embexp.config import DatasetConfig, TextConfig
from embexp.text import open_dataset, peek, prepare
heavy = {"polars", "datasets", "pyarrow", "pandas", "scipy", "numba", "torch"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
config = DatasetConfig("mine", "csv", sys.argv[1])
peek(config)
assert not heavy & set(sys.modules) - {"pyarrow"}, heavy & set(sys.modules)
prepare(config, TextConfig(), Path(sys.argv[2]), lambda *progress: None)
assert "torch" not in sys.modules
"""


def test_preparing_is_silent_and_leaves_nothing_behind(dataset, tmp_path):
    home, entry = tmp_path / "home", tmp_path / "entry"
    home.mkdir()
    entry.mkdir()
    command = [sys.executable, "-c", QUIET, dataset.train, str(entry)]
    environment = os.environ | {"HOME": str(home), "TMPDIR": str(home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=home)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(home.iterdir()) == []
    assert not [name for name in os.listdir(entry) if not name.endswith((".npy", ".txt", ".json"))]  # noqa: PTH208


def test_opening_an_entry_needs_none_of_the_heavy_libraries(dataset, tmp_path):
    entry = prepared(dataset, tmp_path / "entry")
    command = """
import sys
from pathlib import Path
from embexp.text import open_dataset
entry = open_dataset(Path(sys.argv[1]), Path(sys.argv[2]))
assert entry.pool.bags.counts.sum() and entry.vocabulary and entry.test.labels.size
assert not {"polars", "datasets", "pyarrow", "pandas"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", command, str(entry.folder), str(entry.counted)], check=True)


def test_words_of_the_test_texts_alone_join_on_request(tmp_path):
    def texts(name, rows):
        return write(tmp_path / name, [(row, "ab"[number % 2]) for number, row in enumerate(rows * 20)])

    source = DatasetConfig(
        "mine",
        "csv",
        texts("train.csv", ["good film", "bad plot film"]),
        texts("test.csv", ["good end", "fun end film"]),
    )
    usual = prepared(source, tmp_path / "usual", TextConfig(min_count=1))
    joined = prepared(source, tmp_path / "joined", TextConfig(min_count=0))
    assert joined.vocabulary == [*usual.vocabulary, "end", "fun"]
    assert joined.counts.tolist() == [*usual.counts.tolist(), 0, 0]
    assert joined.pool.ids.tobytes() == usual.pool.ids.tobytes()
    assert joined.sheet["types"] == usual.sheet["types"] == usual.vocabulary_size == joined.vocabulary_size - 2
    assert [spell(joined.test, joined.vocabulary, text) for text in (0, 1)] == ["good end", "fun end film"]
    assert (usual.test.ids < 0).sum() == 60
    assert (joined.test.ids < 0).sum() == 0
    tokens = usual.sheet["tokens_in_vocabulary"]
    assert joined.sheet["tokens_in_vocabulary"] == tokens | {"test": tokens["test"] + 60}
