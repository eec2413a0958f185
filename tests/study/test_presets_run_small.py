"""Every preset runs from end to end, on a few made-up reviews and with little training."""

from __future__ import annotations

import pytest
from tiny_study import write_reviews

from embexp.command.compose import compose_study
from embexp.command.conf import list_options
from embexp.running import run_study

SMALL = (
    *("dataset=csv", "dataset.train=reviews.csv", "grid.train_sizes=[20]", "grid.seeds=1", "grid.controls=[]"),
    *("word2vec.epochs=1", "word2vec.min_count=1", "training.budget.passes=1", "training.budget.min_steps=5"),
    *("executor=serial", "tracking=none"),
)


# The file of vectors takes seconds to read: one preset that wants it is enough. `atlas` is `main` (test_command_atlas).
OWN = {"kim2014": ("word2vec=skipgram", "word2vec.vector_size=6", "classifier.maps=3")}


@pytest.mark.parametrize("preset", sorted({*list_options()["experiment"]} - {"atlas"}))
def test_a_preset_runs_small(preset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_reviews(tmp_path / "reviews.csv", texts=60)
    study = run_study(compose_study([f"experiment={preset}", *OWN.get(preset, ()), *SMALL]))
    assert study.outcome.complete
    assert len(study.results["cells"]) == len(study.plan.cells) > 0
    assert study.folder.parent.name.startswith("csv" if preset == "main" else preset)
    assert (study.folder / "report.html").is_file()
