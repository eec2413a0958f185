"""What a command line runs, and how it ends."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import pytest
from command_harness import Embexp

from embexp.command.compose import compose_study
from embexp.config import StudyConfig
from embexp.errors import StudyFailed, UserError


def test_no_word_at_all_runs_the_main_experiment(embexp: Embexp) -> None:
    said = embexp()
    assert said.code == 0
    assert said.studies == [compose_study(["experiment=main"])]
    assert embexp("run").studies == said.studies


def test_overrides_reach_the_study(embexp: Embexp) -> None:
    [study] = embexp("run", "training.batch_size=64", "grid.seeds=3").studies
    assert (study.training.batch_size, study.grid.seeds) == (64, 3)


def test_options_may_stand_anywhere(embexp: Embexp) -> None:
    said = embexp("training.batch_size=32,64", "-m", "dataset=bbc_news,rotten_tomatoes")
    assert said.code == 0
    assert [(study.training.batch_size, study.dataset.name) for study in said.studies] == [
        (32, "bbc_news"),
        (32, "rotten_tomatoes"),
        (64, "bbc_news"),
        (64, "rotten_tomatoes"),
    ]


def test_presets_can_be_swept(embexp: Embexp) -> None:
    assert [study.name for study in embexp("-m", "experiment=quick,main").studies] == ["quick", "movie_reviews"]
    assert len(embexp("-m", "dataset=glob(*_news,exclude=ag_news)").studies) == 1
    assert len(embexp("-m", "dataset=glob(*_polarity)").studies) == 2


def test_hydra_writes_nothing_of_its_own(embexp: Embexp) -> None:
    embexp("grid.seeds=2")
    embexp("-m", "grid.seeds=2,3")
    assert list(Path.cwd().iterdir()) == []


def test_a_study_of_a_multirun_knows_the_command_that_repeats_it(embexp: Embexp, tmp_path: Path) -> None:
    commands = []
    embexp(
        "-m", "grid.seeds=2,3", "--config-dir", str(tmp_path), carry_out=lambda config: commands.append(sys.argv[1:])
    )
    assert commands == [["--config-dir", str(tmp_path), f"grid.seeds={seeds}"] for seeds in (2, 3)]


def test_the_process_is_left_as_it_was(embexp: Embexp) -> None:
    argv, environment = list(sys.argv), dict(os.environ)
    embexp("-m", "grid.seeds=2,3")
    embexp("dataset=imbd")
    assert (sys.argv, dict(os.environ)) == (argv, environment)


def fail(config: StudyConfig) -> None:
    raise StudyFailed("3 tasks failed")


def test_a_failed_study_ends_with_one_and_no_traceback(embexp: Embexp) -> None:
    said = embexp(carry_out=fail)
    assert said.code == 1
    assert said.err == "embexp: 3 tasks failed\n"


def test_a_mistake_found_by_the_study_ends_with_two(embexp: Embexp) -> None:
    def refuse(config: StudyConfig) -> None:
        raise UserError("dataset.label: no column 'stars'", "dataset.text: no column 'review'")

    said = embexp(carry_out=refuse)
    assert said.code == 2
    assert said.err == "embexp: dataset.label: no column 'stars'\nembexp: dataset.text: no column 'review'\n"


@pytest.mark.parametrize("bug", [ValueError("bug"), OSError("bug"), KeyError("bug")])
def test_a_bug_is_not_taken_for_a_mistake(embexp: Embexp, bug: Exception) -> None:
    def break_down(config: StudyConfig) -> None:
        raise bug

    with pytest.raises(type(bug), match="bug"):
        embexp(carry_out=break_down)


def test_ctrl_c_ends_with_130(embexp: Embexp) -> None:
    def interrupt(config: StudyConfig) -> None:
        raise KeyboardInterrupt

    said = embexp(carry_out=interrupt)
    assert said.code == 130
    assert "Traceback" not in said.err
    many = embexp("-m", "grid.seeds=2,3", carry_out=interrupt)
    assert (many.code, len(many.studies)) == (130, 1)


def test_all_studies_of_a_multirun_run_and_all_failures_are_told(embexp: Embexp) -> None:
    def fail_in_three_ways(config: StudyConfig) -> None:
        if config.grid.seeds == 2:
            raise StudyFailed("2 tasks failed")
        if config.grid.seeds == 3:
            raise UserError("dataset.label: no column 'stars'")
        if config.grid.seeds == 4:
            raise ZeroDivisionError("a bug")

    said = embexp("-m", "grid.seeds=2,3,4,5", carry_out=fail_in_three_ways)
    assert said.code == 1
    assert [study.grid.seeds for study in said.studies] == [2, 3, 4, 5]
    for part in ("2 tasks failed", "no column 'stars'", "ZeroDivisionError: a bug", "study 4: grid.seeds=5"):
        assert part in said.err


def test_the_composed_configuration_can_be_looked_at(embexp: Embexp) -> None:
    said = embexp("--cfg", "job", "-p", "grid", "grid.seeds=3")
    assert (said.code, said.studies) == (0, [])
    assert "seeds: 3\n" in said.out
    assert embexp("--cfg", "job", "-p", "nowhere").code == 2
    before = logging.getLogger().level, list(logging.getLogger().handlers)
    assert "movie_reviews" in embexp("--info", "defaults").out
    assert (logging.getLogger().level, list(logging.getLogger().handlers)) == before
