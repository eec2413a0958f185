"""Carry out the lookup lab."""

from __future__ import annotations

import time

from embexp.config import StudyConfig
from embexp.labs.carrying import Lab, expect, finish, run_tasks
from embexp.labs.parts import Part
from embexp.labs.settings import check_settings

TITLE = "Is an embedding layer a linear layer, and what is it for?"
SMALL_SEEDS, FULL_SEEDS = 3, 10
SMALL_SIZES = (100, 1_000)


def run_lookup(config: StudyConfig, *, full: bool) -> None:
    """Compare lookup and multiplication, then the task with and without an embedding layer.

    What needs data goes through the engine first, so that nothing else runs while times are measured.

    Args:
        config: The study whose data set and protocol are used.
        full: All vocabulary sizes, shapes, train sizes and ten seeds, in place of a form of under a minute.
    """
    from embexp.labs.lookup import cost_words, equality, numbers, optimisers, purpose, touched
    from embexp.running import plan_study
    from embexp.text import open_dataset

    check_settings(config)
    modules = (equality, numbers, optimisers, cost_words, touched, purpose)
    expect(module.EXPECTATION for module in modules)
    lab = Lab("lookup", TITLE, "full" if full else "small", config, time.monotonic())
    plan = plan_study(config)
    sizes = plan.train_sizes if full else tuple(size for size in SMALL_SIZES if size <= plan.facts.pool_size)
    sizes = sizes or plan.train_sizes[-1:]
    tasks = purpose.make_tasks(config, plan, sizes, FULL_SEEDS if full else SMALL_SEEDS, full)
    store = run_tasks(config, list(tasks.values()))
    dataset = open_dataset(store.path(plan.dataset.fingerprint), store.path(plan.counts.fingerprint))
    parts = [
        *measure_layers(full),
        touched.run_touched(dataset, config, plan.train_sizes),
        purpose.run_purpose(tasks, store, plan.facts.pool_size),
    ]
    finish(
        lab,
        parts,
        headline(parts),
        (dataset.sheet["name"], f"{sizes[0]:,} to {sizes[-1]:,} labels"),
        list(tasks.values()),
    )


def measure_layers(full: bool) -> list[Part]:
    """Run the parts that need no data, with one thread, as cells do."""
    import torch

    from embexp.labs.lookup import cost_words, equality, numbers, optimisers

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.sparse.check_sparse_tensor_invariants.disable()  # type: ignore[no-untyped-call]  # else it warns that it is
    try:
        return [
            equality.run_equality(full),
            numbers.run_numbers(full),
            optimisers.run_optimisers(full),
            cost_words.run_cost(full),
        ]
    finally:
        torch.set_num_threads(threads)


def headline(parts: list[Part]) -> str:
    """Answer the lab's question from what was measured."""
    layers = parts[0]
    holds, all_of_them = layers.numbers["comparisons_that_hold"], layers.numbers["comparisons"]
    met = sum(part.met is True for part in parts)
    answer = "An embedding layer is" if holds == all_of_them else "An embedding layer is not quite"
    return (
        f"{answer} a linear layer on one-hot vectors: {holds:.0f} of {all_of_them:.0f} comparisons agree. "
        f"Of {len(parts)} expectations {met} were met."
    )
