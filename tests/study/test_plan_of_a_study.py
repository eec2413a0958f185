"""The plan: which tasks a study has, and what moves their fingerprints."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tiny_study import tiny_study, write_reviews

from embexp.config import GridConfig
from embexp.errors import UserError
from embexp.running import plan_study


def fingerprints(config):
    plan = plan_study(config)
    cells = {(cell.strategy, cell.train_size, cell.seed): cell.task.fingerprint for cell in plan.cells}
    return plan.dataset.fingerprint, plan.word2vec and plan.word2vec.fingerprint, cells


def test_a_plan_has_every_cell_once_and_the_controls(tmp_path):
    plan = plan_study(tiny_study(tmp_path))
    strategies = ["random", "frozen", "finetuned", "tfidf", "random_frozen"]
    expected = [(strategy, size, seed) for strategy in strategies for size in (10, 30) for seed in (0, 1)]
    assert [(cell.strategy, cell.train_size, cell.seed) for cell in plan.cells] == expected
    assert len({cell.task.fingerprint for cell in plan.cells}) == len(expected)


def test_only_cells_that_start_from_word2vec_wait_for_it(tmp_path):
    plan = plan_study(tiny_study(tmp_path))
    waiting = {cell.strategy for cell in plan.cells if "word2vec" in cell.task.needs}
    assert waiting == {"frozen", "finetuned"}
    without = plan_study(tiny_study(tmp_path, grid=GridConfig(strategies=["random"], train_sizes=[10], seeds=1)))
    assert without.word2vec is None


def test_what_does_not_move_bytes_moves_no_fingerprint(tmp_path):
    config = tiny_study(tmp_path)
    moved = replace(
        config,
        name="other",
        output=str(tmp_path / "elsewhere"),
        store=str(tmp_path / "another store"),
        executor=replace(config.executor, kind="local", workers=2),
        tracking=replace(config.tracking, kind="mlflow"),
        dataset=replace(config.dataset, name="renamed"),
    )
    assert fingerprints(config) == fingerprints(moved)


@pytest.mark.parametrize(
    ("group", "change", "moved"),
    [
        ("dataset", {"split_seed": 1}, {"dataset", "word2vec", "random", "frozen", "finetuned", "tfidf"}),
        ("text", {"min_count": 2}, {"random", "frozen", "finetuned", "tfidf"}),
        ("text", {"max_tokens": 9}, {"random", "frozen", "finetuned", "tfidf"}),
        ("text", {"lower": False}, {"dataset", "word2vec", "random", "frozen", "finetuned", "tfidf"}),
        ("word2vec", {"epochs": 3}, {"word2vec", "frozen", "finetuned"}),
        ("training", {"learning_rate": 0.1}, {"random", "frozen", "finetuned", "random_frozen"}),
        ("classifier", {"hidden_size": 3}, {"random", "frozen", "finetuned", "random_frozen"}),
    ],
)
def test_a_setting_moves_what_it_changes_and_nothing_else(tmp_path, group, change, moved):
    config = tiny_study(tmp_path)
    changed = replace(config, **{group: replace(getattr(config, group), **change)})
    before, after = fingerprints(config), fingerprints(changed)
    differing = {name for name, place in (("dataset", 0), ("word2vec", 1)) if before[place] != after[place]}
    differing |= {key[0] for key in before[2] if before[2][key] != after[2][key]}
    assert differing - {"random_frozen"} == moved - {"random_frozen"}


def test_a_file_is_known_by_its_content_wherever_it_lies(tmp_path):
    config = tiny_study(tmp_path)
    before = fingerprints(config)
    moved = (tmp_path / "reviews.csv").rename(tmp_path / "moved.csv")
    assert fingerprints(replace(config, dataset=replace(config.dataset, train=str(moved)))) == before


def test_a_changed_file_is_another_data_set(tmp_path):
    config = tiny_study(tmp_path)
    before = fingerprints(config)
    write_reviews(tmp_path / "reviews.csv", seed=1)
    after = fingerprints(config)
    assert before[0] != after[0]
    assert set(before[2].values()).isdisjoint(after[2].values())


def test_train_sizes_must_fit_the_pool_and_all_problems_come_at_once(tmp_path):
    config = tiny_study(tmp_path, grid=GridConfig(train_sizes=[1, 30, 500], seeds=1))
    with pytest.raises(UserError) as caught:
        plan_study(config)
    assert len(caught.value.problems) == 2
    assert "500 exceeds the 120 labelled texts of dataset 'reviews'" in caught.value.problems[0]
    assert "1 is smaller than the 2 classes" in caught.value.problems[1]


def test_auto_sizes_end_with_the_whole_pool(tmp_path):
    plan = plan_study(tiny_study(tmp_path, grid=GridConfig(seeds=1)))
    assert plan.train_sizes[-1] == plan.facts.pool_size == 120


def test_an_encoder_whose_numbers_moved_is_computed_anew_and_no_other(tmp_path):
    for encoder, version in (("linear", {"encoder_version": 2}), ("mean_pool", {}), ("cnn", {})):
        config = tiny_study(tmp_path)
        plan = plan_study(replace(config, classifier=replace(config.classifier, encoder=encoder)))
        versions = [
            {key: value for key, value in cell.task.config.items() if key == "encoder_version"} for cell in plan.cells
        ]
        assert versions == [{} if cell.strategy == "tfidf" else version for cell in plan.cells]
