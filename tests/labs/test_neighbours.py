"""The neighbours lab: measures against known truth, and the whole lab on a tiny study."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_study import BAD, GOOD, tiny_study

from embexp.config import ClassifierConfig, DatasetConfig, GridConfig, StudyConfig, Word2VecConfig
from embexp.engine.housekeeping import list_entries, remove_entry
from embexp.engine.store import Store
from embexp.errors import UserError
from embexp.labs.lookup.lab import run_lookup
from embexp.labs.neighbours import spaces as lab_spaces
from embexp.labs.neighbours.lab import run_neighbours
from embexp.labs.neighbours.measure import class_separation, own_class
from embexp.labs.neighbours.spaces import FINETUNED, RANDOM, WORD2VEC, Spaces, cka, overlap, procrustes, rotate_onto
from embexp.labs.transfer.lab import run_transfer
from embexp.running import run_study


def write_letters(path: Path) -> Path:
    """Write 150 reviews of words that are letters only: 30 that tell nothing, four that tell each class."""
    rng = np.random.default_rng(0)
    common = [f"{a}{b}x" for a in "abcdef" for b in "ghijk"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(150):
            words = [*rng.choice(common, 12), *rng.choice((GOOD, BAD)[number % 2], 2)]
            writer.writerow([" ".join(words), ("good", "bad")[number % 2]])
    return path


def turned(vectors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rotate, scale and shift: nothing that a space is made of changes."""
    rotation = np.linalg.qr(rng.standard_normal((vectors.shape[1],) * 2))[0]
    return (3 * vectors @ rotation + 1).astype(np.float32)


def test_a_turned_space_agrees_in_every_measure_and_a_permuted_one_in_none() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((400, 8)).astype(np.float32)
    same = turned(vectors, rng)
    assert procrustes(vectors, same) == pytest.approx(1, abs=1e-5)
    assert cka(vectors, same) == pytest.approx(1, abs=1e-5)
    assert overlap(vectors, vectors * 2) == 1
    np.testing.assert_allclose(rotate_onto(same, vectors), rotate_onto(vectors, vectors), atol=1e-5)
    permuted = same[rng.permutation(400)]
    assert procrustes(vectors, permuted) < 0.15
    assert cka(vectors, permuted) < 0.1
    assert overlap(vectors, permuted) == pytest.approx(10 / 399, abs=0.02)


def planted(mixed: bool) -> Spaces:
    """Two classes of 40 words whose vectors stand apart by class, or do not."""
    rng = np.random.default_rng(0)
    classes = np.repeat([0, 1], 40)
    noise = rng.standard_normal((80, 6)).astype(np.float32)
    apart = noise + (0 if mixed else 20) * (2 * classes[:, None] - 1) * np.eye(6, dtype=np.float32)[0]
    odds = np.where(classes == np.array([[0], [1]]), 5.0, -5.0)
    every = dict.fromkeys((WORD2VEC, FINETUNED, RANDOM), apart.astype(np.float32))
    return Spaces(
        train_size=100,
        words=[f"w{place}" for place in range(80)],
        vectors=every,
        moved={FINETUNED: np.ones(80), RANDOM: np.ones(80)},
        seen=np.full(80, 9),
        classes=("a", "b"),
        odds=odds,
        unseen_moved={FINETUNED: 0, RANDOM: 0},
    )


def test_planted_classes_are_found_among_the_neighbours_and_mixed_ones_are_not() -> None:
    assert own_class(planted(mixed=False))[0]["own_class"] == 1
    mixed = own_class(planted(mixed=True))[0]
    assert mixed["own_class"] == pytest.approx(mixed["chance"], abs=0.1)
    apart, together = planted(mixed=False), planted(mixed=True)
    places = list(range(80))
    assert class_separation(apart.vectors[RANDOM], apart.telling, places) > 0.9
    assert class_separation(together.vectors[RANDOM], together.telling, places) < 0.1


def test_the_whole_lab_on_a_tiny_study(tmp_path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_spaces, "TELLING", 0.5)
    reviews = write_letters(tmp_path / "letters.csv")
    config = tiny_study(
        tmp_path,
        dataset=DatasetConfig(name="letters", source="csv", train=str(reviews)),
        grid=GridConfig(train_sizes=[30, 90], seeds=2),
        word2vec=Word2VecConfig(vector_size=8, min_count=1, epochs=2),
    )
    run_neighbours(config, full=True, probes=("fine", "awful", "nowhere"))
    results = json.loads((tmp_path / "outputs" / "neighbours" / "latest" / "results.json").read_text())
    shown = [row for row in results["rows"] if row["part"] == "neighbours" and "word" in row]
    assert {row["word"] for row in shown} == {"fine", "awful"}
    assert "nowhere" in results["result"]["neighbours"]["notes"][0]
    sizes = {row["train_size"] for row in results["rows"] if "own_class" in row}
    assert sizes == {30, 90}
    agreement = [row for row in results["rows"] if row["part"] == "agreement"]
    assert [row["other"] for row in agreement[-2:]] == ["the same, another seed"] * 2
    movement = [row for row in results["rows"] if "unseen_rows_that_moved" in row]
    assert [row["unseen_rows_that_moved"] for row in movement] == [0, 0]  # Adagrad leaves rows without gradient alone
    capsys.readouterr()

    run_neighbours(config, full=True, probes=("fine",))
    assert "all in the store" in capsys.readouterr().err  # matrices are kept
    with pytest.raises(UserError, match="none of these words"):
        run_neighbours(config, full=False, probes=("nowhere",))


def test_a_study_without_both_strategies_is_refused(tmp_path) -> None:
    config = tiny_study(tmp_path, grid=GridConfig(strategies=["random"], train_sizes=[10], seeds=1))
    with pytest.raises(UserError, match="must hold both"):
        run_neighbours(config, full=False)


def letters_study(folder: Path) -> StudyConfig:
    dataset = DatasetConfig(name="letters", source="csv", train=str(write_letters(folder / "letters.csv")))
    return tiny_study(folder, dataset=dataset, grid=GridConfig(train_sizes=[30, 90], seeds=2, controls=[]))


def test_a_study_reports_the_neighbours_at_its_largest_size(tmp_path) -> None:
    config = letters_study(tmp_path)
    study = run_study(config)
    reported = study.results["neighbours"]
    assert reported["train_size"] == 90
    assert {row["space"] for row in reported["rows"]} == {WORD2VEC, FINETUNED, RANDOM}
    assert "What the task changed in them" in (study.folder / "report.html").read_text()

    store = Store(Path(config.store))
    matrices = [entry.fingerprint for entry in list_entries(store) if entry.stage == "keep_matrix"]
    assert len(matrices) == 2  # of the first seed
    for matrix in matrices:
        remove_entry(store, matrix)
    again = run_study(config)
    assert again.results["neighbours"] == reported
    assert again.outcome.done == []  # matrices are made again only for who reads them


def test_the_neighbours_of_another_encoder_are_those_of_its_own_matrices(tmp_path) -> None:
    config = letters_study(tmp_path)
    means = run_study(config).results["neighbours"]
    convolved = run_study(replace(config, classifier=ClassifierConfig(encoder="cnn", maps=8)))
    found = convolved.results["neighbours"]
    near = [{row["word"]: row["nearest"] for row in each["rows"] if row["space"] == RANDOM} for each in (means, found)]
    assert near[0] != near[1]
    assert not convolved.outcome.failed


def test_a_study_without_both_matrices_says_nothing_of_neighbours(tmp_path) -> None:
    study = run_study(tiny_study(tmp_path, grid=GridConfig(strategies=["random"], train_sizes=[10], seeds=1)))
    assert "neighbours" not in study.results


@pytest.mark.parametrize(
    ("group", "settings", "sentence"),
    [
        ("dataset", {"folds": 3}, "dataset.folds: 3 folds"),
        ("word2vec", {"corpus": "labelled"}, "word2vec.corpus: with 'labelled'"),
        ("classifier", {"encoder": "cnn"}, "classifier.encoder: 'cnn' is not followed"),
        ("training", {"optimizer": "sgd"}, "training.optimizer: 'sgd' is not followed"),
    ],
)
def test_what_a_lab_would_not_follow_is_refused(tmp_path, group: str, settings: dict, sentence: str) -> None:
    config = tiny_study(tmp_path)
    config = replace(config, **{group: replace(getattr(config, group), **settings)})
    for run in (run_neighbours, run_lookup) if group in ("dataset", "word2vec") else (run_lookup,):
        with pytest.raises(UserError, match=re.escape(sentence)):
            run(config, full=False)
    with pytest.raises(UserError, match=re.escape(sentence)):
        run_transfer([config, config], full=False)


def test_the_small_form_trains_short_vectors_only_where_the_store_has_none(tmp_path, capsys) -> None:
    config = tiny_study(
        tmp_path,
        dataset=DatasetConfig(name="letters", source="csv", train=str(write_letters(tmp_path / "letters.csv"))),
        grid=GridConfig(train_sizes=[90], seeds=2, controls=[]),
        word2vec=Word2VecConfig(vector_size=8, min_count=1, epochs=4),
    )

    def epochs() -> int:
        capsys.readouterr()
        run_neighbours(config, full=False, probes=("fine",))
        results = json.loads((tmp_path / "outputs" / "neighbours" / "latest" / "results.json").read_text())
        return results["config"]["word2vec"]["epochs"]

    assert epochs() == 2
    assert "trained here for 2 epochs, not 4" in capsys.readouterr().out
    run_neighbours(config, full=True, probes=("fine",))
    assert epochs() == 4
    assert "trained here" not in capsys.readouterr().out
