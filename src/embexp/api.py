"""A study from Python: the same composition, engine, store and fingerprints as the command line.

    Study(dataset=…, strategies=…, train_sizes=…, seeds=…).run()  ──►  StudyResult

What is given is put into the words of the command line, so nothing can be set here that cannot be set there, and a
study that the store knows from one side is known from the other.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from embexp.config import StudyConfig
from embexp.errors import StudyFailed, UserError
from embexp.given import data_words, is_data, setting_words
from embexp.study_result import StudyResult


class Study:
    """A grid of strategies, train sizes and seeds on one data set.

    Nothing is read or run before `run`, `plan` or `config` is asked for.

    Args:
        dataset: The name of a data set (`"bbc_news"`; None: that of the preset), a file or folder of labelled texts, a
            Hub name (`"stanfordnlp/imdb"`), or the texts themselves: a pandas or polars frame, a `datasets.Dataset`, an
            Arrow table, a list of (text, label) pairs or of mappings. A mapping of names to values sets `dataset.*`.
        text: Column of the texts; None guesses.
        label: Column of the labels; None guesses.
        test: The texts to score on, given as `dataset` is; None holds out `dataset.test_size` of them.
        strategies: Of `random`, `frozen`, `finetuned`, `multichannel`; None is the preset's choice, as below.
        train_sizes: Numbers of labelled texts, `"auto"`, or `"all"` for the whole pool alone.
        seeds: How many (0, 1, …), or a list of them.
        controls: Of `tfidf`, `random_frozen`.
        overrides: Words of the command line, such as `"classifier=cnn"`; they come after all else.
        config_dir: A folder with presets of one's own.
        **settings: Everything else by its key: `experiment="quick"`, `word2vec="glove"`, `word2vec={"epochs": 2}`,
            `training={"budget": {"passes": 5}}`, `store="/scratch/store"`, `tracking="none"`.

    Examples:
        >>> from embexp import Study
        >>> study = Study("reviews.csv", train_sizes=[10, 30], seeds=2, executor="serial", tracking="none")
        >>> print(study.command)
        embexp dataset=csv dataset.train=reviews.csv dataset.name=reviews 'grid.train_sizes=[10,30]' ...
        >>> result = study.run(progress=False)
        >>> result.recommend(n_labels=20).n_labels
        20
        >>> result.curves.to_pandas().columns[:3].to_list()
        ['strategy', 'train_size', 'n']
    """

    def __init__(
        self,
        dataset: Any = None,
        *,
        text: str | None = None,
        label: str | None = None,
        test: Any = None,
        strategies: Sequence[str] | None = None,
        train_sizes: Sequence[int] | str | None = None,
        seeds: int | Sequence[int] | None = None,
        controls: Sequence[str] | None = None,
        overrides: Sequence[str] = (),
        config_dir: str | os.PathLike[str] | None = None,
        **settings: Any,
    ) -> None:
        if isinstance(overrides, str):
            raise UserError(f"overrides: {overrides!r} is one word; give a list of them, such as ['classifier=cnn']")
        if test is not None and dataset is None:
            raise UserError("test: texts to score on need texts to learn from; give dataset too")
        grid = {"strategies": strategies, "train_sizes": train_sizes, "seeds": seeds, "controls": controls}
        self._dataset, self._test = dataset, test
        self._columns = {"dataset.text": text, "dataset.label": label}
        self._grid = {f"grid.{key}": value for key, value in grid.items() if value is not None}
        self._settings, self._overrides = settings, tuple(overrides)
        self._config_dir = None if config_dir is None else os.fspath(config_dir)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The study in words of the command line; texts that were given as objects are written to a file first."""
        columns = {key: value for key, value in self._columns.items() if value is not None}
        store = Path(str(self._settings.get("store", StudyConfig.store)))
        parts = [
            data_words(self._dataset, self._test, store.parent / "data", self._columns),
            setting_words(columns),
            setting_words(self._grid),
            setting_words(self._settings),
            self._overrides,
        ]
        return tuple(word for part in parts for word in part)

    @property
    def command(self) -> str:
        """The command line that carries out the same study."""
        options = [] if self._config_dir is None else ["--config-dir", self._config_dir]
        return shlex.join(["embexp", *options, *self.words])

    @cached_property
    def config(self) -> StudyConfig:
        """Every setting of the study, checked.

        Raises:
            UserError: with a sentence for every mistake.
        """
        from embexp.command.compose import compose_study

        return compose_study(self.words, config_dir=self._config_dir)

    @property
    def fingerprint(self) -> str:
        """Identity of the study's results: what `embexp plan` shows the first eight letters of."""
        from embexp.running import plan_study

        return plan_study(self.config).fingerprint

    def run(self, *, progress: bool = True) -> StudyResult:
        """Run what the store lacks, write the report, and return what was found.

        Args:
            progress: Show on stderr how far the study is.

        Raises:
            UserError: A mistake in settings or data, before any work.
            StudyFailed: Tasks failed; the others are in the store, and running again does only what is missing.
            KeyboardInterrupt: A signal ended the study early.
        """
        from embexp.display import open_display
        from embexp.running import run_study

        with contextlib.ExitStack() as stack:
            stack.enter_context(_apart_from_main())
            if progress:
                display = stack.enter_context(open_display())
                study = run_study(self.config, [display], say=display.say, command=self.command)
            else:
                study = run_study(self.config, command=self.command)
        outcome = study.outcome
        if outcome.interrupted:
            raise KeyboardInterrupt
        if not outcome.complete or study.folder is None:
            reasons = [f"{failure.task.title}: {failure.reason}" for failure in outcome.failed[:3]]
            what = outcome.stopped or f"{len(outcome.failed)} tasks failed: {'; '.join(reasons)}"
            raise StudyFailed(f"{what}; running the study again runs only what is missing")
        return StudyResult(study.results, study.folder)

    def __repr__(self) -> str:
        """Show the study as the command that carries it out; texts given as objects are not written for it."""
        if is_data(self._dataset) and "words" not in self.__dict__:
            return f"<Study of a {type(self._dataset).__name__}>"
        return f"<Study: {self.command}>"


@contextlib.contextmanager
def _apart_from_main() -> Iterator[None]:
    """Keep worker processes from importing the caller's script, which would start the study once more in each.

    They import embexp's own functions only, so a script needs no `if __name__ == "__main__"`.
    """
    main = sys.modules["__main__"]
    hidden: dict[str, Any] = {name: main.__dict__[name] for name in ("__file__", "__spec__") if name in main.__dict__}
    main.__dict__.pop("__file__", None)
    main.__dict__["__spec__"] = None
    try:
        yield
    finally:
        del main.__dict__["__spec__"]
        main.__dict__.update(hidden)
