"""Whole studies whose word vectors come from elsewhere, several times, or from the labelled texts alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_study import BAD, COMMON, GOOD, tiny_study

from embexp.config import ClassifierConfig, DatasetConfig, GridConfig, StudyConfig, Word2VecConfig
from embexp.engine.store import Store
from embexp.errors import UserError
from embexp.running import plan_study, run_study
from embexp.vectors.export import write_binary
from embexp.vectors.settings import check_settings

TINY = {"vector_size": 8, "min_count": 1, "epochs": 2}
GRID = GridConfig(strategies=["random", "frozen"], train_sizes=[10, 30], seeds=2, controls=[])


def study(folder: Path, grid: GridConfig = GRID, **word2vec) -> StudyConfig:
    return tiny_study(folder, word2vec=Word2VecConfig(**(TINY | word2vec)), grid=grid)


def needs(config: StudyConfig, strategy: str) -> dict[tuple[int, int], str]:
    return {
        (cell.train_size, cell.seed): cell.task.needs["word2vec"].fingerprint
        for cell in plan_study(config).cells
        if cell.strategy == strategy and "word2vec" in cell.task.needs and not cell.beside
    }


def test_one_training_serves_all_cells_and_paired_ones_each_seed(tmp_path):
    assert len(set(needs(study(tmp_path), "frozen").values())) == 1
    paired = needs(study(tmp_path, seeds="paired"), "frozen")
    assert len(set(paired.values())) == 2
    assert all(paired[10, seed] == paired[30, seed] for seed in (0, 1))


def test_labelled_texts_alone_are_trained_on_for_each_size_and_seed(tmp_path):
    assert len(set(needs(study(tmp_path, corpus="labelled"), "frozen").values())) == 4


def test_settings_that_do_not_matter_to_a_training_move_no_fingerprint(tmp_path):
    def trained(**changes):
        return set(needs(study(tmp_path, **changes), "frozen").values())

    assert trained() == trained(min_n=2, max_n=4, bucket=10, unknown="zero", seeds="one")
    for moving in ({"exact": False}, {"sg": 0}, {"seed": 2}, {"cbow_mean": 0}, {"model": "fasttext", "bucket": 50}):
        assert trained() != trained(**moving)


def test_only_a_matched_initialisation_makes_random_cells_wait(tmp_path):
    assert needs(study(tmp_path), "random") == {}
    matched = replace(study(tmp_path), classifier=ClassifierConfig(initial="matched"))
    assert len(needs(matched, "random")) == 4


@pytest.mark.parametrize(("initial", "scale"), [("normal", 0.1), ("uniform", 0.25)])
def test_how_random_rows_start_does_not_move_cells_that_start_from_word2vec(tmp_path, initial, scale):
    config = study(tmp_path)
    other = replace(config, classifier=ClassifierConfig(initial=initial, initial_scale=scale))
    before, after = (
        {cell.task for cell in plan_study(each).cells if cell.strategy == "frozen"} for each in (config, other)
    )
    assert before == after


def test_a_study_without_extra_data(tmp_path):
    run = run_study(study(tmp_path, corpus="labelled", min_count=1))
    assert not run.outcome.failed
    told = run.results["word2vec"]
    assert (told["trainings"], told["source"]) == (4, "trained on each cell's own labelled texts, no other data")
    assert [row["train_size"] for row in told["coverage_by_train_size"]] == [10, 30]
    assert not any("word2vec and the pool" in sentence for sentence in run.results["verdict"])
    parameters = {cell["train_size"]: cell["parameters"] for cell in run.results["costs"]}
    assert parameters[10] < parameters[30]  # the vocabulary comes from the labelled texts too


def test_several_trainings_report_their_spread_apart(tmp_path):
    one = run_study(study(tmp_path, seeds=[1]))
    several = run_study(study(tmp_path, seeds=[1, 2, 3]))
    assert several.results["curves"] == one.results["curves"]
    rows = several.results["word2vec"]["spread"]
    assert [(row["strategy"], row["train_size"], row["word2vec_seeds"]) for row in rows] == [
        ("frozen", 10, [1, 2, 3]),
        ("frozen", 30, [1, 2, 3]),
    ]
    cells = [cell for cell in several.results["cells"] if cell["strategy"] == "frozen" and cell["train_size"] == 30]
    for place, own in enumerate((1, 2, 3)):
        scores = [cell["test_accuracy"] for cell in cells if cell["word2vec_seed"] == own]
        assert len(scores) == 2
        assert rows[1]["means"][place] == pytest.approx(np.mean(scores), abs=1e-6)
    assert several.results["word2vec"]["card"]["stability"]["trainings"] == 3


def test_with_folds_the_card_is_that_of_the_first(tmp_path):
    grid = replace(GRID, strategies=["frozen"], train_sizes=[10], seeds=1)
    config = study(tmp_path, grid)
    run = run_study(replace(config, dataset=replace(config.dataset, folds=2)))
    told = run.results["word2vec"]
    assert told["source"].endswith("; coverage and card are those of the first fold")
    assert told["trainings"] == 2
    first = Store(Path(config.store)).path(run.plan.folds[0].dataset.fingerprint)
    tokens = np.load(first / "pool_ids.npy").size
    assert told["card"]["corpus_tokens"] == tokens


def test_vectors_that_cannot_be_reproduced_are_marked_everywhere(tmp_path):
    run = run_study(study(tmp_path, exact=False, seeds="paired"))
    assert run.results["word2vec"]["reproducible"] is False
    assert any("word2vec.exact=false" in warning for warning in run.results["warnings"])
    assert "word2vec.exact=false" in (run.folder / "report.md").read_text(encoding="utf-8")


def test_vectors_from_files_and_with_subwords(tmp_path):
    text = tmp_path / "texts.txt"
    rng = np.random.default_rng(0)
    text.write_text("\n".join(" ".join(rng.choice([*COMMON[5:], "Lovely", "extra"], 30)) for _ in range(50)))
    config = study(tmp_path, corpus="files", files=[str(text)], model="fasttext", bucket=50, unknown="subword")
    run = run_study(config)
    assert not run.outcome.failed
    assert run.results["word2vec"]["coverage"]["types"] < 1
    assert "fine" in run.results["word2vec"]["coverage"]["missing"]
    moved = tmp_path / "elsewhere.txt"
    text.rename(moved)
    again = run_study(
        study(tmp_path, corpus="files", files=[str(moved)], model="fasttext", bucket=50, unknown="subword")
    )
    assert again.outcome.done == []


def test_pretrained_vectors_of_another_size_and_spelling(tmp_path):
    words = [word.capitalize() for word in (*GOOD, *BAD)]
    vectors = np.random.default_rng(0).standard_normal((8, 5)).astype(np.float32)
    write_binary(words, vectors, tmp_path / "v.bin")
    config = study(tmp_path, corpus="pretrained", file=str(tmp_path / "v.bin"), vector_size=None, unknown="zero")
    run = run_study(config)
    assert not run.outcome.failed
    told = run.results["word2vec"]
    assert told["spelling"] == {"exact": 0, "lower": 0, "capitalised": 8}
    assert told["format"] == "word2vec_binary"
    store = Store(Path(config.store))
    folder = store.path(run.plan.word2vec.fingerprint)
    assert len(np.load(folder / "rows.npy")) == 8


def test_the_studys_own_data_set_cannot_be_named_as_another(tmp_path):
    config = replace(
        study(tmp_path, corpus="dataset", dataset="bbc_news"), dataset=DatasetConfig(name="x", source="bbc_news")
    )
    with pytest.raises(UserError, match="test texts must stay unseen"):
        plan_study(config)
    other = plan_study(study(tmp_path, corpus="dataset", dataset="bbc_news"))
    titles = {task.title for task in other.word2vec.needs["word2vec"].needs.values()}
    assert titles == {"dataset bbc_news"}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"corpus": "files"}, "word2vec.corpus: files needs word2vec.files"),
        ({"corpus": "pretrained"}, "word2vec.corpus: pretrained needs word2vec.file"),
        ({"file": "v.bin"}, "word2vec.file: is read with word2vec.corpus=pretrained only"),
        ({"corpus": "files", "files": ["nowhere.txt"]}, "'nowhere.txt' does not exist"),
        ({"seeds": "twice"}, "word2vec.seeds: 'twice' is not known"),
        ({"seeds": [1, 1]}, "names a seed more than once"),
        ({"seeds": [-1]}, "is no list of whole numbers"),
        ({"corpus": "pretrained", "file": "v.bin", "seeds": "paired"}, "has one set of vectors"),
        ({"unknown": "subword"}, "model=word2vec does not learn"),
        ({"model": "fasttext", "min_n": 5, "max_n": 3}, "word2vec.min_n: 5 exceeds word2vec.max_n, 3"),
        ({"vector_size": None}, "word2vec.vector_size: null takes the size of a pre-trained file"),
        ({"vocabulary": "nowhere.txt"}, "word2vec.vocabulary: 'nowhere.txt' is no file"),
    ],
)
def test_settings_that_cannot_work_are_sentences(settings, sentence):
    found = list(check_settings(Word2VecConfig(**settings)))
    assert len(found) == 1
    assert sentence in found[0]
