"""`embexp run`: compose and check everything first, then let Hydra start the study or the studies."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from embexp.command.arguments import Arguments
from embexp.command.compose import HYDRA_VERSION_BASE, compose_jobs
from embexp.command.conf import conf_folder
from embexp.command.mistakes import COMPOSITION_ERRORS, explain
from embexp.config import StudyConfig
from embexp.errors import StudyFailed, UserError
from embexp.schema import freeze, register_schema
from embexp.tracking.address import mask

CarryOut = Callable[[StudyConfig], None]  # raises StudyFailed if a task failed


def run(arguments: Arguments) -> int:
    """Carry out the study or, with -m, the studies of a command line."""
    from embexp.command.studying import carry_out

    return run_with(carry_out, arguments)


def run_with(carry_out: CarryOut, arguments: Arguments) -> int:
    """Carry out with `carry_out` every study that the command line asks for.

    Raises:
        UserError: before anything is run, with a sentence for every mistake in any of the studies.
        StudyFailed: at the end, if tasks of a study failed.
    """
    if arguments.shows:
        return show(arguments)
    compose_jobs(arguments)
    jobs = _Jobs(carry_out, arguments.multirun, arguments.options_of_a_job())
    with _sweep_folder(arguments) as words:
        _start_hydra(words, jobs)
    return jobs.conclude()


def show(arguments: Arguments) -> int:
    """Let Hydra answer `--cfg`, `--info`, `--hydra-help` and `--shell-completion`."""

    def nothing(config: DictConfig) -> None:
        """Stand where Hydra wants a function; these options never call it."""

    try:
        with _kept_logging():
            _start_hydra(arguments.words(), nothing)
    except BrokenPipeError:
        raise
    except COMPOSITION_ERRORS as error:
        # Composing the same again finds all mistakes where Hydra stops at the first.
        compose_jobs(arguments)
        raise UserError(explain(error)) from error
    except SystemExit as stop:
        return 2 if stop.code else 0  # a part that --package names and that does not exist
    return 0


@contextmanager
def _kept_logging() -> Iterator[None]:
    """Leave logging as it was: `--info` sets it to tell everything, on the stdout of that moment."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers


@dataclass
class _Jobs:
    """What Hydra calls once per job; keeps what went wrong, so that all jobs run and all is told.

    Hydra itself would report the first failure of several. A launcher that runs jobs in processes
    of its own gets the exception instead, which it brings back.
    """

    carry_out: CarryOut
    multirun: bool
    options: tuple[str, ...] = ()
    process: int = field(default_factory=os.getpid)
    errors: list[Exception] = field(default_factory=list)

    def __call__(self, config: DictConfig) -> None:
        if self.multirun:
            overrides = list(HydraConfig.get().overrides.task)
            shown = mask(" ".join(overrides))
            print(f"embexp: study {HydraConfig.get().job.num + 1}: {shown}", file=sys.stderr, flush=True)
            sys.argv = [sys.argv[0], *self.options, *overrides]  # a study notes down the command that repeats it
        try:
            self.carry_out(freeze(config))
        except Exception as error:
            if os.getpid() != self.process:
                raise
            if self.multirun:
                _tell(error)
            self.errors.append(error)

    def conclude(self) -> int:
        """Return the exit code of all jobs, or raise the error of the only one."""
        if not self.errors:
            return 0
        if not self.multirun:
            raise self.errors[0]
        return 2 if all(isinstance(error, UserError) for error in self.errors) else 1


def _tell(error: Exception) -> None:
    if isinstance(error, UserError):
        for problem in error.problems:
            print(f"embexp: {problem}", file=sys.stderr)
    elif isinstance(error, StudyFailed):
        print(f"embexp: {error}", file=sys.stderr)
    else:
        traceback.print_exception(error)


@contextmanager
def _sweep_folder(arguments: Arguments) -> Iterator[list[str]]:
    """Yield the words for Hydra, its multirun.yaml sent to a folder that goes away afterwards.

    Launchers for clusters keep their own files beside it, so with one of them the folder of
    conf/study.yaml (or the user's) holds.
    """
    chosen = any(word.lstrip("+").startswith(("hydra/launcher", "hydra.sweep.dir")) for word in arguments.overrides)
    if not arguments.multirun or chosen:
        yield arguments.words()
        return
    with TemporaryDirectory(prefix="embexp-sweep-") as folder:
        own = f"hydra.sweep.dir='{Path(folder)}'"
        yield Arguments(arguments.options, (own, *arguments.overrides)).words()


def _start_hydra(words: Sequence[str], task: Callable[[DictConfig], None]) -> None:
    """Call hydra.main, which reads sys.argv, and have it raise what it would print."""
    register_schema()
    start = hydra.main(version_base=HYDRA_VERSION_BASE, config_path=str(conf_folder()), config_name="study")(task)
    argv, full_error = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = [argv[0], *words]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        start()
    finally:
        sys.argv = argv
        if full_error is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full_error
