"""Sources of every kind give the same labelled texts; what is wrong with them is said in a sentence."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import datasets
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from embexp.config import DatasetConfig
from embexp.errors import UserError
from embexp.text import peek
from embexp.text.sources import read

TEXTS = [f"text number {i} NA null" for i in range(40)]
LABELS = ["pos" if i % 3 else "neg" for i in range(40)]
ROWS = [{"text": text, "label": label} for text, label in zip(TEXTS, LABELS, strict=True)]
PACKERS = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def csv_bytes(rows=ROWS, mark=","):
    return "".join(
        f"{row['text']}{mark}{row['label']}\n" for row in [{"text": "text", "label": "label"}, *rows]
    ).encode()


def json_bytes(rows=ROWS):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def arrow_bytes(rows=ROWS, file=False):
    sink, table = pa.BufferOutputStream(), pa.Table.from_pylist(rows)
    with (pa.ipc.new_file if file else pa.ipc.new_stream)(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=7)
    return sink.getvalue().to_pybytes()


def parquet_bytes(rows=ROWS):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink, row_group_size=9)
    return sink.getvalue().to_pybytes()


def load(source, train="data", test=None, **settings):
    return read(DatasetConfig("mine", source, train, test, **settings))


def refused(source, content=None, **settings):
    if content is not None:
        Path("data").write_bytes(content)
    with pytest.raises(UserError) as error:
        load(source, **settings)
    return "\n".join(error.value.problems)


def spelt(part, classes):
    return [(text, classes[label]) for text, label in zip(part.to_list(), part.labels, strict=True)]


EXPECTED = list(zip(TEXTS, LABELS, strict=True))


@pytest.mark.parametrize("end", PACKERS)
@pytest.mark.parametrize(
    ("source", "content"),
    [
        ("csv", csv_bytes()),
        ("csv", csv_bytes(mark="\t")),
        ("csv", b"\xef\xbb\xbf" + csv_bytes(mark=";")),
        ("json", json_bytes()),
        ("json", b"\xef\xbb\xbf" + json_bytes() + b"\n\n"),
        ("arrow", arrow_bytes()),
    ],
)
def test_files_plain_and_packed_hold_the_same(source, content, end):
    Path(f"data{end}").write_bytes(PACKERS[end](content))
    raw = load(source, f"data{end}")
    assert spelt(raw.train, raw.classes) == EXPECTED
    assert spelt(raw.train, raw.classes) == EXPECTED  # and again, from the start


@pytest.mark.parametrize(("source", "content"), [("parquet", parquet_bytes()), ("arrow", arrow_bytes(file=True))])
def test_files_that_are_mapped(source, content):
    Path("data").write_bytes(content)
    raw = load(source)
    assert spelt(raw.train, raw.classes) == EXPECTED


def test_several_files_and_patterns_are_one_source():
    for number in range(4):
        Path(f"part-{number}.csv").write_bytes(csv_bytes(ROWS[number * 10 : number * 10 + 10]))
    listed = load("csv", [f"part-{number}.csv" for number in range(4)])
    matched = load("csv", "part-*.csv")
    assert spelt(listed.train, listed.classes) == spelt(matched.train, matched.classes) == EXPECTED
    assert listed.digests == matched.digests
    assert "no file matches zzz-*.csv" in refused("csv", train="zzz-*.csv")


def test_folders_with_one_sub_folder_a_class():
    for number, row in enumerate(ROWS):
        for part, some in (("train", number < 30), ("test", number >= 30)):
            file = Path("reviews", part, row["label"], f"{number:02d}.txt")
            file.parent.mkdir(parents=True, exist_ok=True)
            if some:
                file.write_text(row["text"])
    Path("reviews/train/loop").symlink_to("../train", target_is_directory=True)  # links are not followed
    raw = read(DatasetConfig("mine", "folder", path="reviews"))
    assert sorted(spelt(raw.train, raw.classes)) == sorted(EXPECTED[:30])
    assert sorted(spelt(raw.test, raw.classes)) == sorted(EXPECTED[30:])
    Path("reviews/train/pos/01.txt").write_bytes("café".encode("latin-1"))
    with pytest.raises(UserError, match=r"01\.txt is not UTF-8 \(byte 0xe9 at offset 3\)"):
        raw.train.to_list()
    with pytest.raises(UserError, match=r"a file changed while it was being read"):
        raw.check_unchanged()
    with pytest.raises(UserError, match=r"has no sub-folder; it holds the files 31\.txt"):
        read(DatasetConfig("mine", "folder", path="reviews/test/pos"))


def hub_layout(folder, **splits):
    """Lay a data set out as its repository on the Hub is: a card that names configurations, and Parquet files."""
    lines = ["---", "configs:", "- config_name: plain", "  data_files:"]
    features = datasets.Features(
        {"sentence": datasets.Value("string"), "label": datasets.ClassLabel(names=["pos", "neg"])}
    )
    (folder / "plain").mkdir(parents=True)
    for split, rows in splits.items():
        data = datasets.Dataset.from_list(rows, features=features)
        data.to_parquet(folder / "plain" / f"{split}-00000-of-00001.parquet")
        lines += [f"  - split: {split}", f"    path: plain/{split}-*"]
    (folder / "README.md").write_text("\n".join([*lines, "---", "# A data set", ""]))


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    rows = [{"sentence": text, "label": label == "neg"} for text, label in EXPECTED]
    rows = [row | {"label": int(row["label"])} for row in rows]
    unlabelled = [row | {"label": -1} for row in rows[30:]]
    hub_layout(tmp_path / "repository", train=rows[:20], validation=rows[20:30], test=unlabelled)
    return str(tmp_path / "repository")


def test_the_hub_s_layout_with_splits_configurations_and_class_names(hub):
    raw = read(DatasetConfig("mine", "hub", path=hub, configuration="plain"))
    assert raw.classes == ("pos", "neg")  # in the order of the ClassLabel, not of the alphabet
    assert spelt(raw.train, raw.classes) == EXPECTED[:20]
    assert spelt(raw.test, raw.classes) == EXPECTED[20:30]  # the test texts have no labels
    assert "test texts have no labels; its validation texts stand in their place" in raw.notes[0]
    joined = read(DatasetConfig("mine", "hub", "train+validation", path=hub, folds=5))
    assert (spelt(joined.train, joined.classes), joined.test) == (EXPECTED[:30], None)
    with pytest.raises(UserError, match=r"has no split 'trian'; did you mean 'train'\?"):
        read(DatasetConfig("mine", "hub", "trian", path=hub))
    with pytest.raises(UserError, match="BuilderConfig 'fancy' not found"):
        read(DatasetConfig("mine", "hub", path=hub, configuration="fancy"))


def test_what_save_to_disk_wrote(tmp_path):
    data = datasets.Dataset.from_list(ROWS)
    datasets.DatasetDict({"train": data.select(range(30)), "test": data.select(range(30, 40))}).save_to_disk(
        tmp_path / "d"
    )
    raw = read(DatasetConfig("mine", "disk", path="d"))
    assert (spelt(raw.train, raw.classes), spelt(raw.test, raw.classes)) == (EXPECTED[:30], EXPECTED[30:])
    data.save_to_disk(tmp_path / "one")
    one = read(DatasetConfig("mine", "disk", path="one"))
    assert (spelt(one.train, one.classes), one.test) == (EXPECTED, None)
    for file in Path("one").glob("*.arrow"):
        file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(UserError, match=r"is not whole or was not written by save_to_disk|cannot be read as Arrow"):
        read(DatasetConfig("mine", "disk", path="one"))


OFFLINE = """
from embexp.config import DatasetConfig
from embexp.errors import UserError
from embexp.text.sources import read
try:
    read(DatasetConfig("imdb", "hub", path="stanfordnlp/imdb"))
except UserError as error:
    print(error)
"""


@pytest.mark.parametrize("network", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}])
def test_without_a_network_a_sentence_names_the_ways_on(network, tmp_path):
    environment = os.environ | {"HF_HOME": str(tmp_path / "home")} | network
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith("dataset.path: 'stanfordnlp/imdb' cannot be fetched"), done
    assert "a mirror (HF_ENDPOINT=" in done.stdout
    assert "a packaged sample" in done.stdout


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([0, 1], ("0", "1")),
        ([True, False], ("false", "true")),
        ([10, 9], ("9", "10")),
        (["NA", "null"], ("NA", "null")),
        ([0.5, 1.0], ("0.5", "1.0")),
    ],
)
@pytest.mark.parametrize(
    ("source", "write"), [("parquet", parquet_bytes), ("json", json_bytes), ("arrow", arrow_bytes)]
)
def test_labels_of_any_type_keep_their_names(source, write, values, classes):
    rows = [{"text": text, "label": values[i % 2]} for i, text in enumerate(TEXTS)]
    Path("data").write_bytes(write(rows))
    raw = load(source)
    assert raw.classes == tuple(name.replace("1.0", "1") if source != "json" else name for name in classes)
    assert len(set(raw.train.labels.tolist())) == 2


# ---- what is refused


@pytest.mark.parametrize(
    ("source", "content", "sentence"),
    [
        ("csv", gzip.compress(csv_bytes() * 50)[:-20], "is compressed and cannot be unpacked to its end"),
        ("json", zstandard.compress(json_bytes() * 50)[:-20], "is compressed and cannot be unpacked to its end"),
        ("parquet", parquet_bytes()[:-30], "it cannot be read as Parquet"),
        ("parquet", gzip.compress(parquet_bytes()), "a Parquet file inside gzip; unpack it"),
        ("parquet", csv_bytes(), "it is no Parquet file"),
        ("arrow", arrow_bytes()[:400], "it cannot be read as Arrow"),
        ("arrow", arrow_bytes(file=True)[:-40], "it cannot be read as Arrow"),
        ("json", b'{"text": "a", "label": 1}\nnonsense\n', "line 2 is not JSON"),
        ("json", b'[{"text": "a", "label": 1}]', "line 1 is an array, not an object with names"),
        ("json", json_bytes([{"text": ["a"], "label": 1}, *ROWS]), "'text' is an array in line 1"),
        ("json", json_bytes([{"text": "a"}, *ROWS]), "column 'label' holds no label for 1 of 41 texts (row 1)"),
        ("json", csv_bytes(), "line 1 is not JSON"),
        ("json", json_bytes().replace(b"7", b"\0", 1), "holds a NUL byte"),
        (
            "parquet",
            parquet_bytes([{"text": {"a": row["text"]}, "label": row["label"]} for row in ROWS]),
            "struct<a: string>",
        ),
        ("parquet", parquet_bytes([{"text": row["text"], "label": [row["label"]]} for row in ROWS]), "list<"),
        ("parquet", parquet_bytes([{"text": "a", "label": None}, *ROWS]), "holds no label for 1 of 41 texts (row 1)"),
        ("csv", parquet_bytes(), "read it with dataset=parquet"),
        ("csv", arrow_bytes(file=True), "read it with dataset=arrow"),
    ],
)
def test_damaged_and_mistaken_files(source, content, sentence):
    assert sentence in refused(source, content)


@pytest.mark.parametrize("source", ["csv", "json", "parquet", "arrow"])
def test_a_folder_where_a_file_is_expected_and_loops(source):
    Path("folder").mkdir()
    Path("loop").symlink_to("loop")
    assert "is a folder, and a file is needed" in refused(source, train="folder")
    assert "is a link that leads to no file" in refused(source, train="loop")


@pytest.mark.parametrize(
    ("source", "settings", "sentence"),
    [
        ("hub", {}, "dataset.path: nothing is named; dataset=hub needs dataset.path=stanfordnlp/imdb"),
        ("disk", {}, "dataset.path: nothing is named"),
        ("disk", {"path": "nowhere"}, "dataset.path: nowhere does not exist"),
        ("folder", {}, "dataset.path: no folder is named"),
        ("folder", {"path": "nowhere"}, "dataset.path: nowhere does not exist"),
        (
            "json",
            {},
            "dataset.train: no file is named; dataset=json reads labelled texts from dataset.train=FILE.jsonl",
        ),
        ("csv", {"folds": 5, "train": "a", "test": "b"}, "dataset.folds: every text is tested on once in its fold"),
    ],
)
def test_settings_that_name_nothing(source, settings, sentence):
    with pytest.raises(UserError) as error:
        read(DatasetConfig("mine", source, **settings))
    assert any(sentence in problem for problem in error.value.problems)


# ---- columns that nobody named


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (("text", "label"), ("text", "label", 0)),
        (("id", "Review", "Sentiment"), ("Review", "Sentiment", 2)),
        (("a", "b", "c"), ("b", "c", 2)),
    ],
)
def test_columns_are_guessed_and_the_guess_is_said(header, expected):
    cells = {"id": "{i}", "a": "{i}", "b": "some words of text {i}", "c": "{kind}"}
    cells |= {"text": cells["b"], "Review": cells["b"], "label": "{kind}", "Sentiment": "{kind}"}
    lines = [",".join(cells[name].format(i=i, kind="xy"[i % 2]) for name in header) for i in range(30)]
    Path("mine.csv").write_text("\n".join([",".join(header), *lines]))
    facts = peek(DatasetConfig("mine", "csv", "mine.csv"))
    assert (facts.text, facts.label, len(facts.guesses)) == expected
    for key, guess in zip(("label", "text"), facts.guesses, strict=False):
        assert guess.startswith(f"dataset.{key}={getattr(facts, key)} is a guess")
        assert guess.endswith(f"dataset.{key}=COLUMN changes it")


def test_columns_that_cannot_be_guessed_are_asked_for():
    assert "none of them holds 2 to 150 values that repeat" in refused(
        "csv", b"a,b\n" + b"".join(b"%d,x y z %d\n" % (i, i) for i in range(30))
    )
    assert "none of them holds texts of several words" in refused(
        "csv", b"a,b\n" + b"".join(b"%d,%d\n" % (i, i % 2) for i in range(30))
    )


# ---- what is remembered


def test_facts_of_a_file_are_remembered_until_it_changes(tmp_path, monkeypatch):
    Path("mine.csv").write_bytes(csv_bytes())
    os.utime("mine.csv", (1e9, 1e9))
    module = sys.modules["embexp.text.peek"]
    monkeypatch.setattr(module, "SETTLED_SECONDS", -1.0)
    config, memory = DatasetConfig("mine", "csv", "mine.csv"), tmp_path / "memory"
    first = peek(config, memory)
    monkeypatch.setattr(module, "read", None)  # to read it again would now fail
    assert peek(config, memory) == first == peek(DatasetConfig("renamed", "csv", "mine.csv"), memory)
    monkeypatch.setattr(module, "read", read)
    Path("mine.csv").write_bytes(csv_bytes(ROWS[1:]))
    os.utime("mine.csv", (1e9, 1e9))  # the same time, another size
    assert peek(config, memory).digests != first.digests
    for file in memory.iterdir():
        file.write_text("{")
    assert peek(config, memory).pool_size == 31


def test_a_file_written_just_now_is_not_trusted(tmp_path):
    Path("mine.csv").write_bytes(csv_bytes())
    peek(DatasetConfig("mine", "csv", "mine.csv"), tmp_path / "memory")
    assert not (tmp_path / "memory").exists()


# ---- splits


def test_the_source_s_own_parts_are_used(tmp_path):
    for name, some in (("train", ROWS[:20]), ("dev", ROWS[20:30]), ("test", ROWS[30:])):
        Path(f"{name}.jsonl").write_bytes(json_bytes(some))
    config = DatasetConfig("mine", "json", "train.jsonl", "test.jsonl", "dev.jsonl")
    facts = peek(config)
    assert (facts.pool_size, facts.test_size) == (20, 10)
    validation = peek(DatasetConfig(**vars(config) | {"evaluate": "validation"}))
    assert (validation.pool_size, validation.test_size) == (20, 10)


def test_facts_of_folds_cover_every_text():
    Path("mine.jsonl").write_bytes(json_bytes())
    facts = peek(DatasetConfig("mine", "json", "mine.jsonl", folds=7))
    assert (facts.pool_size, facts.test_size) == (40 - 6, 40)


def test_frames_and_lists_become_a_source(tmp_path):
    from embexp.text.objects import keep

    frame = pl.DataFrame(ROWS)
    for number, data in enumerate(
        [
            frame,
            frame.to_pandas() if "pandas" in sys.modules else frame,
            datasets.Dataset.from_list(ROWS),
            EXPECTED,
            ROWS,
        ]
    ):
        config = keep(data, tmp_path / f"kept{number}")
        raw = read(config)
        assert spelt(raw.train, raw.classes) == EXPECTED
    assert np.array_equal(raw.train.labels, [0 if label == "neg" else 1 for label in LABELS])
