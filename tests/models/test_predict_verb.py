"""`embexp predict`: any kind of file in, any kind out, rows in their order, memory that does not grow."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from embexp.cli import main
from embexp.models import TrainedClassifier
from embexp.text.unlabelled import open_unlabelled

ODD = ["fine, warm", 'a "dull" one', "", "two\nlines fine", "NA", "=1+1", "café superb"]


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def expected(exported, texts):
    return exported.model.predict(texts), exported.model.predict_proba(texts)


def write(path, texts):
    """Write texts under a name whose ending says how."""
    name = path.name
    if name.endswith(".parquet"):
        pl.DataFrame({"id": range(len(texts)), "text": texts}).write_parquet(path)
    elif name.endswith(".arrow"):
        pl.DataFrame({"text": texts}).write_ipc(path)
    elif name.endswith(".jsonl"):
        path.write_text("".join(json.dumps({"text": text, "n": 1}) + "\n" for text in texts))
    elif name.endswith(".txt"):
        path.write_text("".join(f"{text}\n" for text in texts))
    else:
        content = pl.DataFrame({"id": range(len(texts)), "text": texts}).write_csv(
            separator="\t" if ".tsv" in name else ",", quote_style="always"
        )
        path.write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.csv.gz", "a.jsonl", "a.parquet", "a.arrow", "a.txt"])
def test_every_kind_of_file_is_read_row_by_row(exported, tmp_path, capfd, name):
    texts = [text for text in ODD if "\n" not in text] if name.endswith(".txt") else ODD
    assert main(["predict", str(exported.folder), str(write(tmp_path / name, texts))]) == 0
    out, err = capfd.readouterr()
    labels, probabilities = expected(exported, texts)
    rows = read_csv(out)
    assert [row["label"] for row in rows] == labels
    found = np.array([[row["probability_bad"], row["probability_good"]] for row in rows], np.float32)
    np.testing.assert_array_equal(found, probabilities)
    assert f"{len(texts)} texts" in err


@pytest.mark.parametrize("name", ["o.csv", "o.tsv", "o.jsonl", "o.parquet"])
def test_every_kind_of_output_holds_the_same(exported, tmp_path, name):
    assert main(["predict", str(exported.run.folder), str(exported.reviews), f"output={tmp_path / name}"]) == 0
    labels, probabilities = expected(exported, exported.texts)
    if name.endswith(".parquet"):
        frame = pl.read_parquet(tmp_path / name)
    elif name.endswith(".jsonl"):
        frame = pl.read_ndjson(tmp_path / name).unnest("probabilities")
        frame = frame.rename({"bad": "probability_bad", "good": "probability_good"})
    else:
        frame = pl.read_csv(tmp_path / name, separator="\t" if name.endswith("tsv") else ",")
    assert frame.columns == ["label", "probability_bad", "probability_good"]
    assert frame["label"].to_list() == labels
    np.testing.assert_array_equal(frame[:, 1:].to_numpy().astype(np.float32), probabilities)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_labels_that_a_spreadsheet_would_run_are_guarded(exported, tmp_path, capfd):
    model = exported.model
    model.classes = ["=cmd()", "@sum"]
    model.save(tmp_path / "model")
    assert main(["predict", str(tmp_path / "model"), str(exported.reviews)]) == 0
    labels = {row["label"] for row in read_csv(capfd.readouterr().out)}
    assert labels == {"'=cmd()", "'@sum"}
    assert main(["predict", str(tmp_path / "model"), str(exported.reviews), f"output={tmp_path / 'o.jsonl'}"]) == 0
    assert set(pl.read_ndjson(tmp_path / "o.jsonl")["label"]) == {"=cmd()", "@sum"}  # JSON is no spreadsheet's


def test_lines_come_from_a_pipe_and_models_from_mlflow(exported):
    command = [sys.executable, "-m", "embexp.cli", "predict", "models:/tiny reviews/1", "-"]
    finished = subprocess.run(
        [*command, f"tracking.uri=sqlite:///{exported.database}"],
        input=b"fine lovely\r\n\ndull awful",
        capture_output=True,
        check=True,
    )
    labels, _ = expected(exported, ["fine lovely", "", "dull awful"])
    assert [row["label"] for row in read_csv(finished.stdout.decode())] == labels


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{model}"], "a model and a file are wanted"),
        (["{model}", "{file}", "{file}"], "3 are given"),
        (["{model}", "none.csv"], "none.csv"),
        (["{missing}", "{file}"], "does not exist"),
        (["{file}", "{file}"], "is a file"),
        (["{root}", "{file}"], "no model.json"),
        (["{model}", "{file}", "text=review"], "no column 'review'"),
        (["{model}", "{file}", "outptu=x.csv"], "did you mean output"),
        (["{model}", "{file}", "output=x.xlsx"], "does not say what to write"),
        (["{model}", "{file}", "output={file}"], "is the file that is read"),
        (["{model}", "{file}", "output=/none/x.csv"], "does not exist"),
        (["models:/tiny reviews/9", "{file}", "tracking.uri={uri}"], "cannot be fetched"),
        (["models:/tiny reviews/1", "{file}", "tracking.uri=sqlite:////none/none.db"], "no database"),
    ],
)
def test_mistakes_are_answered_with_a_sentence(exported, tmp_path, capfd, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    places = {
        "model": exported.folder,
        "file": exported.reviews,
        "missing": tmp_path / "missing",
        "root": tmp_path,
        "uri": f"sqlite:///{exported.database}",
    }
    assert main(["predict", *(word.format(**places) for word in words)]) == 2
    err = capfd.readouterr().err
    assert said in err
    assert "Traceback" not in err


def test_a_file_of_a_fault_leaves_no_output(exported, tmp_path, capfd):
    (tmp_path / "broken.jsonl").write_text('{"text": "fine"}\n' * 9000 + "oops\n")
    assert main(["predict", str(exported.folder), str(tmp_path / "broken.jsonl"), f"output={tmp_path / 'o.csv'}"]) == 2
    assert "line 9001" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["broken.jsonl"]


def test_a_text_on_an_endless_line_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("embexp.text.unlabelled.LONGEST_LINE", 1 << 20)
    (tmp_path / "long.txt").write_bytes(b"x" * (3 << 20))
    with pytest.raises(Exception, match="more than 1,048,576 bytes"):
        list(open_unlabelled(str(tmp_path / "long.txt")).read())


MEASURED = """
import sys
from embexp.cli import main
assert main(["predict", sys.argv[1], sys.argv[2], "output=" + sys.argv[3]]) == 0
# not ru_maxrss, which starts with what the parent had
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux' /proc")
def test_memory_does_not_grow_with_the_file(exported, tmp_path):
    peaks = []
    for times in (400, 2000):  # 60,000 and 300,000 texts: 5 and 27 MB, as Python strings and arrays ten times that
        (tmp_path / f"{times}.txt").write_text("".join(f"{text}\n" for text in exported.texts) * times)
        words = [str(exported.folder), str(tmp_path / f"{times}.txt"), str(tmp_path / f"{times}.csv")]
        done = subprocess.run([sys.executable, "-c", MEASURED, *words], capture_output=True, check=True, text=True)
        peaks.append(int(done.stdout) / 1024)
        with (tmp_path / f"{times}.csv").open() as file:
            assert sum(1 for _ in file) == times * len(exported.texts) + 1
    assert peaks[1] < peaks[0] + 50  # megabytes


def test_pieces_do_not_move_the_predictions(exported, monkeypatch):
    model = exported.model
    whole = model.predict_proba(exported.texts)
    monkeypatch.setattr("embexp.models.classifier.TEXTS_AT_A_TIME", 7)
    np.testing.assert_allclose(model.predict_proba(iter(exported.texts)), whole, atol=1e-6)
    assert isinstance(model, TrainedClassifier)
