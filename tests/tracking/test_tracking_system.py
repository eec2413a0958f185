"""System metrics, cells of folds, and a database with many writers or one that does not let go."""

from __future__ import annotations

import dataclasses
import multiprocessing
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from test_tracking_once import track_in_process
from tracking_study import (
    expected_fingerprints,
    fingerprints,
    make_cells,
    make_folder,
    make_results,
    make_study,
    read_runs,
)

from embexp.config import TrackingConfig
from embexp.tracking import open_tracker, sync
from embexp.tracking.outbox import find_boxes
from embexp.tracking.system import Sampler

FORK = multiprocessing.get_context("fork")
SAMPLED = {
    "system/cpu_utilization_percentage",
    "system/system_memory_usage_megabytes",
    "system/system_memory_usage_percentage",
    "system/disk_usage_percentage",
    "system/disk_usage_megabytes",
    "system/disk_available_megabytes",
}


def test_system_metrics_stand_on_the_study_once(config: TrackingConfig, database: Path, tmp_path: Path) -> None:
    pytest.importorskip("psutil")
    watching = dataclasses.replace(config, system_metrics=True)
    for times in (1, 2):
        with open_tracker(watching, make_study(tmp_path), tmp_path / "outbox") as tracker:
            tracker.cell(make_cells()[0])
            delivery = tracker.finish(make_results(), make_folder(tmp_path))
        assert delivery.undelivered == 0, delivery.sentence()
        (study,) = [run for run in read_runs(database) if run.tags["embexp.role"] == "study"]
        sampled = {name: values for name, values in study.metrics.items() if name.startswith("system/")}
        assert set(sampled) >= SAMPLED
        assert [step for step, _ in sampled["system/cpu_utilization_percentage"]] == list(range(times))
        assert all(0 <= value <= 100 for name in sampled if "percentage" in name for _, value in sampled[name])
        assert sampled["system/system_memory_usage_megabytes"][0][1] > 50
        cells = [run for run in read_runs(database) if run.tags["embexp.role"] == "cell"]
        assert not any(name.startswith("system/") for run in cells for name in run.metrics)


def test_samples_that_are_delivered_twice_stand_there_once(
    config: TrackingConfig, database: Path, tmp_path: Path
) -> None:
    down = TrackingConfig(uri="http://127.0.0.1:9", system_metrics=True)
    with open_tracker(down, make_study(tmp_path), tmp_path / "outbox") as tracker:
        tracker.finish(make_results(), make_folder(tmp_path))
    (box,) = find_boxes(tmp_path / "outbox")
    lines = (box / "items.jsonl").read_bytes()
    (box / "items.jsonl").write_bytes(lines + lines)
    (delivery,) = sync(config, tmp_path / "outbox")
    assert delivery.undelivered == 0, delivery.sentence()
    (study,) = [run for run in read_runs(database) if run.tags["embexp.role"] == "study"]
    assert len(study.metrics["system/cpu_utilization_percentage"]) == 1


def test_a_sampler_goes_on_until_it_is_stopped() -> None:
    pytest.importorskip("psutil")
    samples: list[dict[str, float]] = []
    third = threading.Event()

    def note(sample: dict[str, float]) -> None:
        samples.append(sample)
        if len(samples) == 3:
            third.set()

    sampler = Sampler(note, seconds=0.01)
    assert third.wait(20)
    sampler.stop()
    count = len(samples)
    sampler.stop()
    assert len(samples) == count >= 4


def test_cells_of_folds_and_of_several_trainings_have_names_and_parameters_of_their_own(
    config: TrackingConfig, database: Path, tmp_path: Path
) -> None:
    (cell, *_) = make_cells()
    marked = [
        dataclasses.replace(cell, fingerprint=f"{fold}{word2vec_seed}" * 8, fold=fold, word2vec_seed=word2vec_seed)
        for fold in (0, 1)
        for word2vec_seed in (None, 7)
    ]
    with open_tracker(config, make_study(tmp_path), tmp_path / "outbox") as tracker:
        for each in marked:
            tracker.cell(each)
        assert tracker.finish(make_results(), make_folder(tmp_path)).undelivered == 0
    runs = {run.name: run for run in read_runs(database) if run.tags["embexp.role"] == "cell"}
    plain = "random n=00100 s=0"
    assert set(runs) == {f"{plain} f=0", f"{plain} v=7 f=0", f"{plain} f=1", f"{plain} v=7 f=1"}
    assert runs[f"{plain} v=7 f=1"].params["fold"] == "1"
    assert runs[f"{plain} v=7 f=1"].params["word2vec_seed"] == "7"
    assert "word2vec_seed" not in runs[f"{plain} f=0"].params


def test_eight_processes_on_one_database_lose_nothing(database: Path, tmp_path: Path) -> None:
    make_folder(tmp_path)
    names = [f"study {number % 4}" for number in range(8)]
    processes = [
        FORK.Process(
            target=track_in_process, args=(f"sqlite:///{database}", tmp_path / "output", name, tmp_path / f"box{place}")
        )
        for place, name in enumerate(names)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(200)
    for place in range(8):  # a process whose patience ended has kept what is missing
        sync(TrackingConfig(uri=f"sqlite:///{database}"), tmp_path / f"box{place}")
        assert find_boxes(tmp_path / f"box{place}") == []
    runs = read_runs(database)
    assert fingerprints(runs) == sorted(expected_fingerprints(make_cells()) * 4)
    assert len(runs) == 4 * (len(make_cells()) + 4)
    assert {run.status for run in runs} == {"FINISHED"}


@pytest.mark.slow
def test_a_database_that_is_locked_for_a_minute_gets_everything(
    config: TrackingConfig, database: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(database, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(60, other.rollback)
        release.start()
        began = time.monotonic()
        with open_tracker(config, make_study(tmp_path), tmp_path / "outbox") as tracker:
            for cell in make_cells():
                tracker.cell(cell)
            noted = time.monotonic() - began
            delivery = tracker.finish(make_results(), make_folder(tmp_path))
        waited = time.monotonic() - began
        release.join()
    assert noted < 5  # the study itself is not kept waiting
    assert waited < 60  # nor is its end, for longer than the courier's patience
    assert delivery.undelivered == 13
    (later,) = sync(config, tmp_path / "outbox")
    assert later.undelivered == 0, later.sentence()
    runs = read_runs(database)
    assert fingerprints(runs) == expected_fingerprints(make_cells())
    assert find_boxes(tmp_path / "outbox") == []
