"""`embexp word2vec`: train or load word vectors alone, judge them, and write them for reuse elsewhere."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from embexp.command.arguments import Arguments
from embexp.command.compose import compose_arguments
from embexp.command.studying import settle
from embexp.display import open_display, spell_seconds
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
    from embexp.vectorcard import describe_word2vec
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
    (folder / "card.json").write_text(json.dumps(description, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    lines = list(card(description, config.dataset.name))
    (folder / "card.md").write_text("\n".join(["# Word vectors", "", *lines]) + "\n", encoding="utf-8")
    point_latest(folder)
    console = Console(highlight=False)
    names = ", ".join(path.name for path in (*files, folder / "card.json", folder / "card.md"))
    for line in [*lines, "", f"in {os.path.relpath(folder)}: {names}"]:
        console.print(line, markup=False, soft_wrap=True)
    return 0


def card(description: dict[str, Any], dataset: str) -> Iterator[str]:
    """Yield the card as lines of text that are Markdown too."""
    judged = description["card"]
    yield f"{judged['vectors']:,} vectors of {judged['vector_size']} numbers, {description['source']} ({dataset})."
    if judged["corpus_tokens"]:
        rate = judged["corpus_tokens"] * description["epochs"] / max(description["seconds"], 0.1)
        yield (
            f"{judged['corpus_tokens']:,} running words, {description['epochs']} epochs in "
            f"{spell_seconds(description['seconds'])} ({rate / 1e6:.2f} M words/s)."
        )
    if not description["reproducible"]:
        yield "Not reproducible: word2vec.exact=false trains on all cores at once, and each run gives other vectors."
    coverage = description["coverage"]
    yield (
        f"Coverage of the classifier's vocabulary of {coverage['vocabulary_size']:,} words: "
        f"{100 * coverage['types']:.1f} % of the types, {100 * coverage['tokens']:.1f} % of the tokens"
        + (f"; most frequent without a vector: {', '.join(coverage['missing'])}." if coverage["missing"] else ".")
    )
    yield ""
    yield from (f"- {line}" for line in judged["lines"])
    if judged["neighbours"]:
        yield ""
        yield "Nearest words of those that tell the classes apart:"
        yield ""
        for row in judged["neighbours"]:
            yield f"- {row['word']} ({row['class']}): {', '.join(row['neighbours'])}"
    if judged["warnings"]:
        yield ""
        yield from (f"Caution: {warning}" for warning in judged["warnings"])
