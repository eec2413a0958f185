"""`embexp word2vec`: train or load word vectors alone, judge them, and write them for reuse elsewhere."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from embexp.command.arguments import Arguments
from embexp.command.compose import compose_arguments
from embexp.command.studying import settle
from embexp.display import open_display
from embexp.errors import StudyFailed, UserError
from embexp.running import make_folder, plan_study, point_latest

LAB = "word2vec"


def word2vec(arguments: Arguments) -> int:
    """Bring the word vectors of a study into the store, print their card, and export vectors and card."""
    from embexp.engine.executors import open_executor
    from embexp.engine.scheduler import carry_out
    from embexp.engine.store import Store
    from embexp.study import PRELOAD
    from embexp.text import open_dataset
    from embexp.vectorcard import card_text, describe_word2vec, write_card
    from embexp.vectors.card import open_space
    from embexp.vectors.export import export
    from embexp.wordvectors import source_of

    config = compose_arguments(arguments)
    config = replace(config, grid=replace(config.grid, strategies=["frozen"], controls=[]))
    plan = plan_study(config)
    store = Store(Path(config.store))
    store.prepare()
    if plan.word2vec is None or plan.judge is None:
        raise ValueError("a study with a frozen cell needs word vectors")
    tasks = [plan.dataset, plan.counts, plan.word2vec, plan.judge]
    with open_display() as display, open_executor(config.executor, PRELOAD) as executor:
        outcome = carry_out(tasks, store, executor, on_event=display)
    settle(outcome)
    if not store.has(plan.judge.fingerprint):
        raise StudyFailed("the word vectors were not judged; start the same command again")
    dataset = open_dataset(store.path(plan.dataset.fingerprint), store.path(plan.counts.fingerprint))
    description = describe_word2vec(config, plan, store, dataset)
    folder = make_folder(Path(config.output), LAB, plan.judge.fingerprint)
    space = open_space(store.path(source_of(plan.word2vec).fingerprint))
    try:
        files = export(space, folder)
    except OSError as error:
        raise UserError(f"output: {folder} cannot be written ({error.strerror}); give another output=FOLDER") from error
    cards = write_card(description, config.dataset.name, folder)
    point_latest(folder)
    console = Console(highlight=False)
    names = ", ".join(path.name for path in (*files, *cards))
    for line in [*card_text(description, config.dataset.name), "", f"in {os.path.relpath(folder)}: {names}"]:
        console.print(line, markup=False, soft_wrap=True)
    return 0
