"""The two ways in which embexp says no.

EmbexpError
├── UserError     a mistake of the user's: one sentence per problem, no traceback, exit code 2
└── StudyFailed   something failed although the input was right: exit code 1
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class EmbexpError(Exception):
    """Base of all errors that embexp raises on purpose."""


class UserError(EmbexpError):
    """A mistake of the user's, told in sentences: what, value, where from, allowed, next step.

    Several problems found together travel in one error, so that a user mends them in one go.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems: tuple[str, ...] = problems

    @classmethod
    def raise_if(cls, problems: Iterable[str]) -> None:
        """Raise one error that holds all problems, if there are any."""
        found = tuple(problems)
        if found:
            raise cls(*found)

    def __reduce__(self) -> tuple[type[UserError], tuple[str, ...]]:
        return type(self), self.problems


class StudyFailed(EmbexpError):
    """Tasks of a study failed; the summary has been printed already."""


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Return "; did you mean OPTION?" for the option that looks most like the word, else ""."""
    near = difflib.get_close_matches(word.lower(), list(options), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
