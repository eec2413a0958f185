"""`embexp word2vec`: a card on stdout, vectors and card in a folder, nothing trained twice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from gensim.models import KeyedVectors
from tiny_study import write_reviews

from embexp.command.arguments import read_arguments
from embexp.command.vectors import word2vec


def call(tmp_path: Path, *words: str) -> Path:
    overrides = [
        "dataset=csv",
        f"dataset.train={tmp_path / 'reviews.csv'}",
        "executor=serial",
        f"store={tmp_path / 'store'}",
        f"output={tmp_path / 'outputs'}",
        *("word2vec.min_count=1", "word2vec.vector_size=8", "word2vec.epochs=1"),
    ]
    assert word2vec(read_arguments([*overrides, *words])) == 0
    return tmp_path / "outputs" / "word2vec" / "latest"


def test_it_prints_the_card_and_leaves_vectors_that_others_read(tmp_path, capsys):
    write_reviews(tmp_path / "reviews.csv")
    folder = call(tmp_path, "word2vec.seeds=[1,2]")
    printed = capsys.readouterr().out
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    for line in [*card["card"]["lines"], *card["card"]["warnings"]]:
        assert line in printed
        assert line in (folder / "card.md").read_text(encoding="utf-8")
    assert "Stability: 2 trainings share" in printed
    read = KeyedVectors.load_word2vec_format(str(folder / "vectors.bin"), binary=True)
    assert len(read) == card["vectors"] == card["card"]["vectors"]
    first = np.array(read.vectors)
    assert len(list((tmp_path / "store").rglob("training.json"))) == 2
    again = KeyedVectors.load_word2vec_format(str(call(tmp_path, "word2vec.seeds=[1,2]") / "vectors.bin"), binary=True)
    np.testing.assert_array_equal(again.vectors, first)
    assert len(list((tmp_path / "store").rglob("training.json"))) == 2
