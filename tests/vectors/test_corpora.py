"""Texts for word2vec from files of any kind and from the Hub, as a stream: the same texts are the same corpus."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_study import COMMON, tiny_study

from embexp.config import DatasetConfig, GridConfig, TextConfig, Word2VecConfig
from embexp.errors import UserError
from embexp.running import plan_study, run_study
from embexp.text.plain_files import digest_files, expand_files, prepare_files, write_corpus
from embexp.text.streams import HubStream, find_stream
from embexp.vectors.settings import check_settings

TEXTS = [" ".join(np.random.default_rng(seed).choice([*COMMON, "extra", "Ünïcode"], 30)) for seed in range(40)]
ARRAYS = ("pool_ids.npy", "pool_offsets.npy", "counts.npy", "vocabulary.txt")


def write_files(folder: Path) -> dict[str, list[str]]:
    """The same texts in files of every kind, and what names them."""
    numbered = [{"number": number, "text": text} for number, text in enumerate(TEXTS)]
    (folder / "a.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    for number in range(4):
        piece = "\n".join(TEXTS[number * 10 : number * 10 + 10]) + "\n"
        (folder / f"part-{number}.txt.gz").write_bytes(gzip.compress(piece.encode()))
    rows = "".join(f'{row["number"]},"{row["text"]}"\n' for row in numbered)
    (folder / "a.csv").write_text("number,text\n" + rows, encoding="utf-8")
    (folder / "a.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, numbered)).encode()))
    for number in range(2):
        half = numbered[number * 20 : number * 20 + 20]
        pq.write_table(pa.Table.from_pylist(half), folder / f"half-{number}.parquet")
    with pa.OSFile(str(folder / "a.arrow"), "wb") as sink, pa.ipc.new_file(sink, pa.schema({"text": "string"})) as file:
        file.write_table(pa.table({"text": TEXTS}))
    return {
        "lines": ["a.txt"],
        "packed lines": ["part-*.txt.gz"],
        "csv": ["a.csv"],
        "json": ["a.jsonl.gz"],
        "parquet": ["half-*.parquet"],
        "arrow": ["a.arrow"],
        "mixed": ["part-[01].txt.gz", "half-1.parquet"],
    }


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A data set as its repository on the Hub is laid out: a card that names the splits, and Parquet files."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "repository"
    (folder / "plain").mkdir(parents=True)
    lines = ["---", "configs:", "- config_name: plain", "  data_files:"]
    for split, texts in {"train": TEXTS, "other": ["nothing but these words"] * 3}.items():
        table = pa.table({"text": texts, "label": [number % 2 for number in range(len(texts))]})
        pq.write_table(table, folder / "plain" / f"{split}-00000-of-00001.parquet", row_group_size=7)
        lines += [f"  - split: {split}", f"    path: plain/{split}-*"]
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]))
    return str(folder)


def arrays(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in ARRAYS}


def test_the_same_texts_are_the_same_corpus_wherever_they_stand(tmp_path, monkeypatch, repository):
    monkeypatch.chdir(tmp_path)
    found = {}
    for kind, names in write_files(tmp_path).items():
        files, folder = expand_files(names), tmp_path / kind
        folder.mkdir()
        prepare_files(files, digest_files(files), TextConfig(), folder, lambda *progress: None)
        found[kind] = arrays(folder)
    (tmp_path / "hub").mkdir()
    stream = find_stream(repository, "plain", None, "train", None)
    write_corpus(stream.read(), "hub", TextConfig(), tmp_path / "hub")
    assert all(each == found["lines"] for each in found.values())
    assert arrays(tmp_path / "hub") == found["lines"]
    assert (tmp_path / "lines" / "vocabulary.txt").read_text(encoding="utf-8").split().count("ünïcode") == 1


def study(folder: Path, **word2vec):
    grid = GridConfig(strategies=["frozen"], train_sizes=[10], seeds=1, controls=[])
    settings = Word2VecConfig(**({"vector_size": 8, "min_count": 1, "epochs": 1} | word2vec))
    return tiny_study(folder, word2vec=settings, grid=grid)


def corpus_of(config) -> str:
    return plan_study(config).word2vec.needs["word2vec"].needs["corpus"].fingerprint


def test_a_study_learns_its_vectors_from_a_stream(tmp_path, repository):
    hub = {"corpus": "hub", "dataset": repository, "configuration": "plain"}
    run = run_study(study(tmp_path, **hub))
    assert not run.outcome.failed
    assert run.results["word2vec"]["source"] == "trained on repository, split train"
    assert run.results["word2vec"]["held_fixed"].startswith("the word vectors: one training on repository (train)")
    moved = Path(repository).rename(tmp_path / "moved")
    again = run_study(study(tmp_path, **hub | {"dataset": str(moved)}))
    assert again.outcome.done == []
    before = corpus_of(study(tmp_path, **hub | {"dataset": str(moved)}))
    assert corpus_of(study(tmp_path, **hub | {"dataset": str(moved), "split": "other"})) != before
    pq.write_table(pa.table({"text": TEXTS[1:], "label": [0, 1, 2] * 13}), next(moved.glob("plain/train-*")))
    assert corpus_of(study(tmp_path, **hub | {"dataset": str(moved)})) != before


def test_a_file_is_known_by_content_and_by_how_it_is_read(tmp_path):
    for name in ("one.txt", "two.txt", "one.csv"):
        (tmp_path / name).write_text("text\n" + "good film\n" * 5)
    one, two, table = (
        corpus_of(study(tmp_path, corpus="files", files=[str(tmp_path / name)]))
        for name in ("one.txt", "two.txt", "one.csv")
    )
    assert one == two != table


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"split": "all"}, r"word2vec\.split: .*repository has no split 'all'; its splits are train, other"),
        ({"text": "body"}, r"word2vec\.text: .*repository has no column 'body'.* Its columns are 'text', 'label'"),
        ({"configuration": "fancy"}, r"word2vec\.dataset: .*cannot be loaded \(.*fancy.*word2vec\.configuration"),
    ],
)
def test_what_a_data_set_does_not_have_is_named(repository, settings, sentence):
    asked = {"configuration": "plain", "revision": None, "split": "train", "text": None} | settings
    with pytest.raises(UserError, match=sentence):
        find_stream(repository, **asked)


def test_a_copy_that_changes_after_the_plan_is_refused(repository):
    stream = find_stream(repository, "plain", None, "train", "text")
    (Path(repository) / "README.md").write_text("---\n---\n")
    with pytest.raises(UserError, match=r"word2vec\.dataset: .*repository changed after the study was planned"):
        HubStream.from_hints(stream.hints())


def test_settings_of_a_corpus_that_go_wrong_are_sentences(tmp_path, repository):
    (problem,) = check_settings(Word2VecConfig(corpus="hub"))
    assert problem.startswith("word2vec.corpus: hub needs word2vec.dataset")
    with pytest.raises(UserError, match=r"word2vec\.files: no file matches .*none-\*\.txt"):
        plan_study(study(tmp_path, corpus="files", files=[str(tmp_path / "none-*.txt")]))
    own = DatasetConfig("own", "hub", path=repository)
    config = tiny_study(tmp_path, word2vec=Word2VecConfig(corpus="hub", dataset=repository))
    with pytest.raises(UserError, match=r"is the data set of this study, whose test texts must stay unseen"):
        plan_study(type(config)(**vars(config) | {"dataset": own}))


OFFLINE = """
from embexp.errors import UserError
from embexp.text.streams import find_stream
try:
    find_stream("stanfordnlp/imdb", None, None, "unsupervised", None)
except UserError as error:
    print(error)
"""


@pytest.mark.parametrize("network", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}])
def test_without_a_network_there_is_a_sentence(network, tmp_path):
    environment = os.environ | {"HF_HOME": str(tmp_path / "home")} | network
    done = subprocess.run([sys.executable, "-c", OFFLINE], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("word2vec.dataset: 'stanfordnlp/imdb' cannot be fetched"), done
    assert "HF_ENDPOINT" in done.stdout
