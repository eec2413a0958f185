"""Cells of a study that are trained as a group leave the entries that each would have left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_study import tiny_study

from embexp.config import ExecutorConfig
from embexp.engine.events import Event
from embexp.engine.executors import open_executor
from embexp.engine.scheduler import carry_out
from embexp.engine.store import Store
from embexp.engine.task import Task
from embexp.running import plan_study, run_study
from embexp.study import PRELOAD, Cell


def carry_out_grouped(cells: list[Cell], store: Store, workers: int, spoil: Task | None = None) -> list[Event]:
    """Run cells of the CPU in groups by size, which on the CPU they never are; return what was said."""
    tasks = []
    for cell in cells:
        config, group = cell.task.config, "" if cell.strategy == "tfidf" else f"size {cell.train_size}"
        if cell.task == spoil:
            config = {**config, "classifier": {**config["classifier"], "hidden_size": 0}}
        tasks.append(Task(cell.task.stage, config, cell.task.needs, title=cell.task.title, group=group))
    events: list[Event] = []
    with open_executor(ExecutorConfig(kind="local", workers=workers), PRELOAD) as executor:
        carry_out(tasks, store, executor, on_event=events.append)
    return events


@pytest.mark.parametrize("encoder", ["mean_pool", "linear"])
def test_a_group_leaves_the_entries_of_its_cells(tmp_path, encoder):
    config = tiny_study(tmp_path)
    config = replace(config, classifier=replace(config.classifier, encoder=encoder))
    plan, alone, grouped = plan_study(config), Store(tmp_path / "store"), Store(tmp_path / "grouped")
    run_study(config)
    events = carry_out_grouped(list(plan.cells), grouped, 2)
    assert not [event for event in events if event.kind in ("failed", "apart")]
    for cell in plan.cells:
        name = cell.task.fingerprint
        assert grouped.verify(name) == "complete"
        entries = [store.read_record(name) for store in (alone, grouped)]
        expected, found = ({key: value for key, value in entry.items() if key != "history"} for entry in entries)
        assert found == expected
        losses = [[point["train_loss"] for point in entry["history"]] for entry in entries]
        np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3, atol=1e-4)
        predictions = [np.load(store.path(name) / "predictions.npy") for store in (alone, grouped)]
        assert predictions[0].dtype == predictions[1].dtype
        np.testing.assert_array_equal(*predictions)
        assert grouped.read_timing(name).keys() == alone.read_timing(name).keys()


def test_a_cell_that_cannot_be_trained_is_named_and_its_group_goes_on(tmp_path):
    plan, store = plan_study(tiny_study(tmp_path)), Store(tmp_path / "grouped")
    spoilt = next(cell.task for cell in plan.cells if cell.strategy == "random" and cell.train_size == 30)
    events = carry_out_grouped(list(plan.cells), store, 1, spoil=spoilt)
    assert [event.task.title for event in events if event.kind == "failed" and event.task] == [spoilt.title]
    assert any("failed together" in event.reason for event in events if event.kind == "apart")
    missing = [cell.task for cell in plan.cells if not store.has(cell.task.fingerprint)]
    assert missing == [spoilt]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", ["serial", "local"])
def test_a_study_on_a_gpu_agrees_with_the_cpu(tmp_path, kind):
    config = tiny_study(tmp_path)
    here = run_study(config)
    there = run_study(
        replace(
            config,
            training=replace(config.training, device="cuda"),
            executor=ExecutorConfig(kind=kind, workers=None if kind == "serial" else 2),
        )
    )
    assert there.outcome.complete
    for cpu, gpu in zip(here.results["cells"], there.results["cells"], strict=True):
        assert (cpu["strategy"], cpu["train_size"], cpu["seed"]) == (gpu["strategy"], gpu["train_size"], gpu["seed"])
        assert abs(cpu["test_accuracy"] - gpu["test_accuracy"]) <= 0.05  # 38 test texts: at most one falls otherwise
