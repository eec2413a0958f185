"""What conf/ composes to, compared whole."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import pytest
from omegaconf import OmegaConf

from embexp.checks import CHOICES, POSITIVE, RANGES, check
from embexp.command.compose import compose_study
from embexp.command.conf import list_options
from embexp.config import BudgetConfig, DatasetConfig, StudyConfig, TrainingConfig
from embexp.schema import field_of, keys, mutable

MORE_CLASSES = TrainingConfig(  # what classifier=mean_pool adds to the defaults
    budget=BudgetConfig(classes_power=1, frozen_classes_power=1.5),
    classes_power=-0.75,
    embedding_classes_power=0.75,
    frozen_classes_power=1.5,
)
MAIN = StudyConfig(
    name="movie_reviews",
    dataset=DatasetConfig(name="movie_reviews", source="movie_reviews", test_size=5000),
    training=MORE_CLASSES,
)
QUICK: dict[str, Any] = {
    "name": "quick",
    "grid.train_sizes": [100, 300, 1000, 3000],
    "word2vec.epochs": 2,
}


NEEDED = {
    **{f"dataset={kind}": ["dataset.train=mine.csv"] for kind in ("csv", "json", "parquet", "arrow")},
    "dataset=folder": ["dataset.path=."],
    "dataset=disk": ["dataset.path=."],
    "dataset=hub": ["dataset.path=stanfordnlp/imdb"],
    "word2vec=hub": ["word2vec.dataset=stanfordnlp/imdb"],
    "word2vec=files": ["word2vec.files=[mine.csv]"],
    "word2vec=wiki8": ["word2vec.files=[mine.csv]"],
    "word2vec=pretrained": ["word2vec.file=vectors.bin"],
}


def flat(config: StudyConfig) -> dict[str, Any]:
    composed = OmegaConf.create(asdict(config))
    return {key: OmegaConf.select(composed, key) for key in keys()}


def test_the_default_study_is_every_default_on_the_movie_reviews() -> None:
    assert asdict(compose_study()) == asdict(MAIN)
    assert asdict(compose_study(["experiment=main"])) == asdict(MAIN)


def test_quick_differs_from_main_in_these_settings_alone() -> None:
    quick, main = flat(compose_study(["experiment=quick"])), flat(MAIN)
    assert {key: value for key, value in quick.items() if value != main[key]} == QUICK


@pytest.mark.parametrize(
    "override",
    [f"{group}={option}" for group, options in list_options().items() for option in options],
)
def test_every_option_of_every_group_composes_clean(override: str) -> None:
    Path("mine.csv").write_text("text,label\n")
    assert check(compose_study([override, *NEEDED.get(override, ())])) == []


def test_values_take_the_types_of_the_settings() -> None:
    config = compose_study(
        ["training.learning_rate=1", "grid.seeds=[3,4]", "grid.strategies=[frozen]", "executor.workers=2"]
    )
    assert type(config.training.learning_rate) is float
    assert config.grid.seeds == [3, 4]
    assert type(config.grid.seeds) is list
    assert config.grid.strategies == ["frozen"]
    assert config.executor.workers == 2


def test_schemas_hold_the_defaults_of_the_frozen_settings() -> None:
    schema = OmegaConf.structured(mutable(StudyConfig))
    assert OmegaConf.to_container(schema) == asdict(StudyConfig())


def test_the_command_line_beats_the_preset_and_the_preset_the_machine(tmp_path: Path) -> None:
    local = tmp_path / "mine" / "local"
    local.mkdir(parents=True)
    (local / "default.yaml").write_text("# @package _global_\nexecutor:\n  workers: 7\nword2vec:\n  epochs: 9\n")
    folder = str(tmp_path / "mine")
    assert compose_study(config_dir=folder).word2vec.epochs == 9
    quick = compose_study(["experiment=quick"], config_dir=folder)
    assert (quick.executor.workers, quick.word2vec.epochs) == (7, QUICK["word2vec.epochs"])
    assert compose_study(["experiment=quick", "word2vec.epochs=4"], config_dir=folder).word2vec.epochs == 4


def test_presets_of_ones_own_stand_beside_the_shipped_ones(tmp_path: Path) -> None:
    folder = tmp_path / "it's mine"  # a path that Hydra's grammar needs quoted
    (folder / "experiment").mkdir(parents=True)
    (folder / "experiment" / "mine.yaml").write_text("# @package _global_\nname: mine\ngrid:\n  seeds: 3\n")
    config = compose_study(["experiment=mine"], config_dir=str(folder))
    assert (config.name, config.grid.seeds) == ("mine", 3)


def test_every_number_has_its_range() -> None:
    numbers = {key for key in keys() if {int, float} & {field_of(key)[0], *get_args(field_of(key)[0])}}
    checked_by_the_text_room = {"text.min_count", "text.max_tokens"}
    lists = {"learning_rate", "embedding_learning_rate", "budget_factor", "inverse_regularisation", "ngrams"}
    checked_as_lists = {"classifier.windows", *(f"tuning.{name}" for name in lists)}
    assert numbers == {*RANGES, *POSITIVE, *checked_by_the_text_room, *checked_as_lists}


def test_every_default_stands_among_its_choices() -> None:
    assert all(field_of(key)[1] in options for key, options in CHOICES.items())
