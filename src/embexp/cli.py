"""The command `embexp`: first word a verb or none, everything else plain Hydra.

This file and what it imports stay light: `embexp --help` answers before Hydra, torch or gensim
would be imported. Exit codes: 0 done, 1 something failed, 2 a mistake of the user's, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence

from embexp.command.arguments import read_arguments
from embexp.command.completion import complete
from embexp.command.help import general_help, verb_help
from embexp.command.verbs import VERBS, Verb
from embexp.errors import EmbexpError, UserError, did_you_mean

DONE, FAILED, MISTAKE, INTERRUPTED = 0, 1, 2, 130


def main(words: Sequence[str] | None = None, verbs: Mapping[str, Verb] = VERBS) -> int:
    """Carry out one command line and return its exit code.

    A mistake of the user's ends in sentences on stderr; with HYDRA_FULL_ERROR=1 in the environment
    the traceback stands before them. A real bug keeps its traceback, and Python's exit code 1.

    Args:
        words: the command line after `embexp`; by default that of this process.
        verbs: the verbs that may stand first.
    """
    try:
        return _carry_out(sys.argv[1:] if words is None else list(words), verbs)
    except UserError as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            traceback.print_exc()
        for problem in error.problems:
            print(f"embexp: {problem}", file=sys.stderr)
        return MISTAKE
    except EmbexpError as error:
        if str(error):
            print(f"embexp: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("embexp: interrupted; the same command goes on where this one stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has left (`embexp --help | head -3`). Python would complain once more
        # when it flushes stdout at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _carry_out(words: list[str], verbs: Mapping[str, Verb]) -> int:
    name, rest = _split_verb(words, verbs)
    if name is None and ("-h" in rest or "--help" in rest):
        print(general_help(verbs))
        return DONE
    verb = verbs[name or "run"]
    if "-h" in rest or "--help" in rest:
        print(verb_help(verb))
        return DONE
    if "--version" in rest:
        from embexp.version import describe

        print(describe())
        return DONE
    if "-sc" in rest or "--shell-completion" in rest:
        return complete(rest, verbs)
    return verb.load()(read_arguments(rest))


def _split_verb(words: list[str], verbs: Mapping[str, Verb]) -> tuple[str | None, list[str]]:
    """Return the verb, if the first word is one, and the words after it."""
    if not words or words[0].startswith(("-", "+", "~")) or "=" in words[0]:
        _refuse_late_verb(words, verbs)
        return None, words
    if words[0] not in verbs:
        near = did_you_mean(words[0], verbs)
        raise UserError(
            f"{words[0]}: there is no such command{near or ';'} possible: {', '.join(verbs)}, or settings as "
            "KEY=VALUE (`embexp --help` has examples)"
        )
    return words[0], words[1:]


def _refuse_late_verb(words: list[str], verbs: Mapping[str, Verb]) -> None:
    for word in words[1:]:
        if word in verbs and not any(flag in words for flag in ("-c", "--cfg", "-p", "--package", "-i", "--info")):
            others = " ".join(other for other in words if other != word)
            raise UserError(f"{word}: a command stands first: embexp {word} {others}")


if __name__ == "__main__":
    sys.exit(main())
