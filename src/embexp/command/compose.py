"""Compose a study from conf/ and the command line, and find all mistakes in it at once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser

from embexp.command.arguments import Arguments
from embexp.command.conf import conf_folder
from embexp.command.mistakes import COMPOSITION_ERRORS, explain
from embexp.config import StudyConfig
from embexp.errors import UserError
from embexp.schema import freeze, register_schema

HYDRA_VERSION_BASE = "1.3"


def compose_study(
    overrides: Sequence[str] = (), *, config_name: str = "study", config_dir: str | None = None
) -> StudyConfig:
    """Return the study that `embexp` would carry out with these overrides; nothing is run or written.

    Args:
        overrides: as on the command line, such as `experiment=quick`.
        config_name: the primary configuration in conf/.
        config_dir: a folder with presets of the user's own, searched after conf/.

    Raises:
        UserError: with a sentence for every mistake.
    """
    with composing():
        return _compose(config_name, [*searching(config_dir), *overrides])


def compose_arguments(arguments: Arguments) -> StudyConfig:
    """Return the one study that a command line describes.

    Raises:
        UserError: with a sentence for every mistake, `-m` among them.
    """
    if arguments.multirun:
        raise UserError("--multirun: this command takes one study; leave -m out and give one value per key")
    config_dir = arguments.options.get("--config-dir")
    return compose_study(arguments.overrides, config_name=arguments.config_name, config_dir=config_dir)


def compose_jobs(arguments: Arguments) -> list[StudyConfig]:
    """Return every study that a command line asks for: one, or with -m one per combination of values.

    Checking all of them before the first begins costs tens of milliseconds each; finding the
    mistake in the last one after the others have run would cost their time.

    Raises:
        UserError: with a sentence for every mistake in any of them.
    """
    if not arguments.multirun:
        return [compose_arguments(arguments)]
    studies: list[StudyConfig] = []
    problems: list[str] = []
    search = searching(arguments.options.get("--config-dir"))
    with composing():
        for job in _expand(list(arguments.overrides)):
            try:
                studies.append(_compose(arguments.config_name, [*search, *job]))
            except UserError as error:
                problems += error.problems
    UserError.raise_if(dict.fromkeys(problems))
    return studies


@contextmanager
def composing() -> Iterator[None]:
    """Initialise Hydra on conf/ with the schema registered, and leave no global state behind."""
    register_schema()
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_folder()), job_name="embexp", version_base=HYDRA_VERSION_BASE):
        yield


def searching(config_dir: str | None) -> list[str]:
    """Return the override that does what Hydra's --config-dir does."""
    if config_dir is None:
        return []
    path = str(Path(config_dir).absolute()).replace("'", "\\'")
    return [f"hydra.searchpath=['file://{path}']"]


def _compose(config_name: str, overrides: Sequence[str]) -> StudyConfig:
    try:
        composed = compose(config_name, list(overrides))
    except COMPOSITION_ERRORS as error:
        raise UserError(*_find_mistakes(config_name, overrides, error)) from error
    return freeze(composed)


def _find_mistakes(config_name: str, overrides: Sequence[str], error: Exception) -> list[str]:
    """Return every mistake, where Hydra stops at the first: compose with each override by itself.

    Overrides of Hydra's own settings stay together, because one may need the other (a launcher
    and its number of jobs).
    """
    context = [word for word in overrides if word.lstrip("+~").startswith("hydra")]
    others = [word for word in overrides if word not in context]
    try:
        sound = compose(config_name, context)
    except COMPOSITION_ERRORS as own:
        return [explain(own, context[-1] if context else None)]
    problems: list[str] = []
    kept: list[str] = []
    for word in others:
        own_error = error if len(others) == 1 else _try(config_name, [*context, word])
        if own_error is None:
            kept.append(word)
        else:
            problems.append(explain(own_error, word))
    try:
        freeze(compose(config_name, [*context, *kept]) if kept else sound)
    except UserError as own:
        problems += own.problems
    except COMPOSITION_ERRORS as own:
        problems.append(explain(own))
    return problems or [explain(error)]


def _try(config_name: str, overrides: Sequence[str]) -> Exception | None:
    """Return what Hydra raises on these overrides."""
    try:
        compose(config_name, list(overrides))
    except COMPOSITION_ERRORS as error:
        return error
    return None


def _expand(overrides: list[str]) -> Iterator[list[str]]:
    """Yield the overrides of each job of a multirun.

    A sweep over an interval is left out: its values are chosen while it runs.
    """
    loader = GlobalHydra.instance().config_loader()
    parser = OverridesParser.create(config_loader=loader)
    choices: list[list[str]] = []
    for word in overrides:
        try:
            override = parser.parse_override(word)
            override.config_loader = loader
            if not override.is_sweep_override():
                choices.append([word])
            elif override.is_discrete_sweep():
                key = override.get_key_element()
                choices.append([f"{key}={value}" for value in override.sweep_string_iterator()])
        except COMPOSITION_ERRORS:
            choices.append([word])  # composing it says what is wrong
    yield from map(list, itertools.product(*choices))
