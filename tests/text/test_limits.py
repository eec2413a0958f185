"""What goes wrong while preparing leaves nothing that could be taken for whole; large parts are handled in pieces."""

import resource
import subprocess
import sys

import numpy as np
import pytest

from embexp.config import DatasetConfig, TextConfig
from embexp.errors import UserError
from embexp.text import count_tokens, counting, counts_of, open_dataset, prepare, tokens

ROWS = [f"word{i % 17} and word{i % 5} of text {i}" for i in range(60)]


@pytest.fixture
def dataset(tmp_path):
    file = tmp_path / "texts.csv"
    file.write_text("text,label\n" + "".join(f"{row},{'ab'[i % 2]}\n" for i, row in enumerate(ROWS)))
    return DatasetConfig("t", "csv", str(file))


def silent(*progress):
    """Take progress and say nothing."""


def made(dataset, folder, text=TextConfig()):  # noqa: B008 (a frozen value)
    counts = folder.with_name(folder.name + "-counts")
    folder.mkdir()
    counts.mkdir()
    prepare(dataset, text, folder, silent)
    count_tokens(folder, text, counts, silent)
    return open_dataset(folder, counts)


@pytest.mark.parametrize("piece", [1, 7, 100])
def test_pieces_of_any_length_give_the_same_arrays(dataset, tmp_path, monkeypatch, piece):
    monkeypatch.setattr(counting, "IDS_AT_A_TIME", piece)
    monkeypatch.setattr(tokens, "EXCHANGED_AT_A_TIME", piece)
    entry = made(dataset, tmp_path / "entry")
    expected = counts_of(entry.pool.ids, entry.pool.offsets, entry.vocabulary_size, 400)
    for name in ("indices", "counts", "offsets"):
        assert np.array_equal(getattr(entry.pool.bags, name), getattr(expected, name))


def test_a_vocabulary_of_limited_size_keeps_the_most_frequent(dataset, tmp_path):
    entry = made(dataset, tmp_path / "entry", TextConfig(min_count=1, max_size=3))
    assert entry.vocabulary_size == 3
    assert max(int(view.bags.indices.max()) for view in (entry.pool, entry.test)) == 2
    assert entry.sheet["max_size"] == 3


def test_texts_of_the_test_are_taken_out_of_the_pool_on_request(tmp_path):
    file = tmp_path / "texts.csv"
    lines = [f"text {i},{'ab'[i % 2]}\n" for i in range(40)] + [f" text {i} ,{'ab'[i % 2]}\n" for i in range(40)]
    file.write_text("text,label\n" + "".join(lines))
    kept = made(DatasetConfig("t", "csv", str(file)), tmp_path / "kept")
    clean = made(DatasetConfig("t", "csv", str(file), drop_overlap=True), tmp_path / "clean")
    assert kept.sheet["overlap"] > 0
    assert clean.sheet["overlap"] == 0
    assert clean.sheet["dropped_overlap"] == len(kept.pool) - len(clean.pool) > 0
    assert np.array_equal(clean.test.rows, kept.test.rows)


FULL = """
import resource, signal, sys
from pathlib import Path
from embexp.config import DatasetConfig, ExecutorConfig, GridConfig, StudyConfig
from embexp.engine.executors import open_executor
from embexp.engine.scheduler import carry_out
from embexp.engine.store import Store
from embexp.running import plan_study
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit fails, as on a full disk
grid = GridConfig(strategies=["random"], train_sizes=[10], seeds=1, controls=[])
config = StudyConfig("t", sys.argv[2], dataset=DatasetConfig("t", "csv", sys.argv[1]), grid=grid)
def fill_the_disk(event):
    if event.kind == "started":
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
with open_executor(ExecutorConfig(kind="serial")) as executor:
    outcome = carry_out([plan_study(config).dataset], Store(Path(config.store)), executor, on_event=fill_the_disk)
print(outcome.stopped, [failure.reason for failure in outcome.failed])
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs a limit on the size of files")
def test_a_full_disk_leaves_no_entry_and_the_next_run_makes_it(tmp_path):
    file, store = tmp_path / "texts.csv", tmp_path / "store"
    file.write_text("text,label\n" + "".join(f"{' '.join(ROWS)},{'ab'[i % 2]}\n" for i in range(100)))
    command = [sys.executable, "-c", FULL, str(file), str(store)]
    full = subprocess.run([*command, "20000"], capture_output=True, text=True, check=True)
    assert "File too large" in full.stdout, full
    assert not list((store / "entries").rglob("entry.json"))
    assert not [path for path in (store / "building").rglob("*") if path.is_file()]
    subprocess.run([*command, str(10**9)], capture_output=True, text=True, check=True)
    assert list((store / "entries").rglob("entry.json"))


def test_a_file_that_changes_while_it_is_read_is_refused(dataset, tmp_path):
    folder = tmp_path / "entry"
    folder.mkdir()

    def meddle(done, total, unit="", note=""):
        if note.startswith("tokenising"):
            with (tmp_path / "texts.csv").open("a") as file:
                file.write("one more,a\n")

    with pytest.raises(UserError, match="the file changed while it was being read"):
        prepare(dataset, TextConfig(), folder, meddle)
