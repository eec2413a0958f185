"""`embexp atlas`: a study for each data set, one page for all; mistakes are told before any of them runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from command_harness import Embexp

from embexp.command.arguments import read_arguments
from embexp.command.atlas import compose_atlas
from embexp.command.compose import compose_study

sys.path.insert(0, str(Path(__file__).parents[1] / "study"))

from tiny_study import write_reviews

SMALL = (
    "grid.train_sizes=[10,30]",
    "grid.seeds=2",
    "grid.strategies=[random,frozen]",
    "grid.controls=[]",
    "word2vec.vector_size=8",
    "word2vec.min_count=1",
    "word2vec.epochs=1",
    "training.budget.min_steps=10",
    "tracking=none",
    "executor=serial",
)


def test_one_page_holds_a_study_of_each_data_set(embexp: Embexp) -> None:
    write_reviews(Path("one.csv"))
    write_reviews(Path("other.csv"), seed=1)
    said = embexp("atlas", "one.csv", "other.csv", *SMALL)
    assert said.code == 0, said.err
    assert "study 2 of 2: other" in said.err
    folder = Path("outputs/atlas/latest")
    content = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    assert [each["study"] for each in content["atlas"]["data_sets"]] == ["one", "other"]
    assert {claim["data_sets"] for claim in content["atlas"]["claims"]} == {2}
    assert content["command"].startswith("embexp atlas one.csv other.csv ")
    assert (folder / "figures" / "atlas.svg").is_file()
    again = embexp("atlas", "one.csv", "other.csv", *SMALL)
    assert again.err.count("nothing to run") == 2


def test_every_mistake_in_every_study_is_told_before_the_first_runs(embexp: Embexp) -> None:
    write_reviews(Path("one.csv"))
    said = embexp("atlas", "one.csv", "one.csv", "bbc_newz", "dataset=imdb", "grid.seeds=0", *SMALL[2:])
    assert said.code == 2
    for sentence in (
        "one.csv: is named twice",
        "did you mean bbc_news",
        "dataset=imdb: the data sets",
        "grid.seeds: 0",
    ):
        assert sentence in said.err
    assert not Path("outputs").exists()


def test_one_data_set_is_not_enough(embexp: Embexp) -> None:
    write_reviews(Path("one.csv"))
    said = embexp("atlas", "one.csv")
    assert said.code == 2
    assert "1 data set is at hand; name two or more" in said.err


@pytest.mark.parametrize("named", [(), ("movie_reviews", "rotten_tomatoes", "bbc_news")])
def test_without_names_every_packaged_data_set_has_its_default_study(named: tuple[str, ...]) -> None:
    configs = compose_atlas(read_arguments(named))
    assert configs == [compose_study([f"dataset={name}"]) for name in ("movie_reviews", "rotten_tomatoes", "bbc_news")]
