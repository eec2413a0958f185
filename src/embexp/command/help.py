"""The help of `embexp`, written from the verbs and the files of conf/, without Hydra."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping

from embexp.command.conf import list_options
from embexp.command.verbs import Verb

WIDTH = 80


def general_help(verbs: Mapping[str, Verb]) -> str:
    """Return the help of the command; it fits a terminal of 80 by 24."""
    options = list_options()
    listed = "\n".join(_hanging(f"  {group:<11} ", names) for group, names in options.items())
    summaries = "\n".join(f"  {verb.name:<10} {verb.summary}" for verb in verbs.values())
    return f"""\
embexp [VERB] [KEY=VALUE ...]: word2vec or embeddings learned with the task?

{summaries}

  embexp experiment=quick                        a study within minutes
  embexp dataset=csv dataset.train=mine.csv      your texts (columns text, label)
  embexp -m dataset=bbc_news,rotten_tomatoes     one study per value
  embexp --cfg job                               every setting; --cfg job -p grid

{listed}

Also --version, VERB --help, --hydra-help, -sc install=bash (tab completion)."""


def verb_help(verb: Verb) -> str:
    """Return the help of one verb."""
    return f"{verb.usage}\n\n{verb.summary[0].upper()}{verb.summary[1:]}.\n\n{verb.details}"


def _hanging(head: str, words: Iterable[str]) -> str:
    return textwrap.fill(" ".join(words), WIDTH - 1, initial_indent=head, subsequent_indent=" " * len(head))
