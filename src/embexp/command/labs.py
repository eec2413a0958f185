"""`embexp lookup`, `embexp neighbours`, `embexp transfer`: what the three share as commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from embexp.command.arguments import Arguments
from embexp.command.compose import compose_arguments
from embexp.config import StudyConfig
from embexp.errors import UserError, did_you_mean

FORMS = ("small", "full")


@dataclass(frozen=True)
class Words:
    """The words of a lab's command line that are no settings of a study.

    Attributes:
        form: small (under a minute on two cores) or full.
        lists: Further words whose values are lists, by name, such as probes=good,bad.
    """

    form: str
    lists: Mapping[str, tuple[str, ...]]

    @property
    def full(self) -> bool:
        """Whether the full form is wanted."""
        return self.form == "full"


def read_words(arguments: Arguments, names: tuple[str, ...] = ()) -> tuple[Words, Arguments]:
    """Take the lab's own words out of a command line; what is left is Hydra's.

    Args:
        arguments: The command line.
        names: Names of the lab's words whose values are lists.

    Raises:
        UserError: The form is unknown, or a list is empty.
    """
    own = {
        word.partition("=")[0]: word.partition("=")[2].strip("[]")
        for word in arguments.overrides
        if word.partition("=")[0] in ("form", *names) and "=" in word
    }
    problems = []
    form = own.get("form", "small")
    if form not in FORMS:
        near = did_you_mean(form, FORMS)
        problems.append(f"form={form}: there is no such form{near or ';'} possible: {', '.join(FORMS)}")
    lists = {name: tuple(filter(None, map(str.strip, own[name].split(",")))) for name in names if name in own}
    problems += [
        f"{name}=: names nothing; give values with commas between them" for name, found in lists.items() if not found
    ]
    UserError.raise_if(problems)
    others = tuple(word for word in arguments.overrides if word.partition("=")[0] not in own)
    return Words(form, lists), replace(arguments, overrides=others)


def run_lab(
    arguments: Arguments, names: tuple[str, ...], carry_out: Callable[[StudyConfig, Words, Arguments], None]
) -> int:
    """Read a lab's command line and carry the lab out; return the exit code."""
    words, rest = read_words(arguments, names)
    carry_out(compose_arguments(rest), words, rest)
    return 0


def lookup(arguments: Arguments) -> int:
    """Compare an embedding layer with a linear layer, and with none."""

    def carry_out(config: StudyConfig, words: Words, rest: Arguments) -> None:
        from embexp.labs.lookup.lab import run_lookup

        run_lookup(config, full=words.full)

    return run_lab(arguments, (), carry_out)


def neighbours(arguments: Arguments) -> int:
    """Show what a task changed in the word vectors."""

    def carry_out(config: StudyConfig, words: Words, rest: Arguments) -> None:
        from embexp.labs.neighbours.lab import run_neighbours

        run_neighbours(config, full=words.full, probes=words.lists.get("probes", ()))

    return run_lab(arguments, ("probes",), carry_out)


def transfer(arguments: Arguments) -> int:
    """Use the embedding layer of one task for another."""

    def carry_out(config: StudyConfig, words: Words, rest: Arguments) -> None:
        from embexp.labs.transfer.lab import run_transfer

        datasets = words.lists.get("datasets")
        if datasets is not None and any(word.startswith("dataset=") for word in rest.overrides):
            raise UserError("dataset= and datasets= were both given; leave dataset= out")
        configs = [
            compose_arguments(replace(rest, overrides=(*rest.overrides, f"dataset={name}")))
            for name in datasets or default_datasets(words.full)
        ]
        run_transfer(configs, full=words.full)

    return run_lab(arguments, ("datasets",), carry_out)


def default_datasets(full: bool) -> tuple[str, ...]:
    """Return the tasks of the transfer lab: the smaller two, or all three."""
    return ("movie_reviews", "rotten_tomatoes", "bbc_news") if full else ("rotten_tomatoes", "bbc_news")
