"""The help of `embexp`, written from the verbs and the files of conf/, without Hydra."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from embexp.command.conf import list_options
from embexp.command.verbs import Verb

WIDTH = 80


def general_help(verbs: Mapping[str, Verb]) -> str:
    """Return the help of the command; it fits a terminal of 80 by 24."""
    summaries = "\n".join(f"  {verb.name:<10} {verb.summary}" for verb in verbs.values())
    groups = "\n".join(
        _shortened(f"  {group:<10} {' '.join(names)}") for group, names in list_options().items() if len(names) > 1
    )
    return f"""\
embexp [VERB] [KEY=VALUE ...]: word2vec or embeddings learned with the task?

{summaries}

  embexp experiment=quick                      a study within minutes
  embexp dataset=csv dataset.train=mine.csv    your texts (columns text, label)
  embexp -m dataset=bbc_news,rotten_tomatoes   one study for each
  embexp --cfg job                             every setting and its value

Groups of settings, GROUP=OPTION:
{groups}

Also VERB --help, --version, --hydra-help, -sc install=bash (tab completion)."""


def verb_help(verb: Verb) -> str:
    """Return the help of one verb."""
    return f"{verb.usage}\n\n{verb.summary[0].upper()}{verb.summary[1:]}.\n\n{verb.details}"


def _shortened(line: str) -> str:
    """Cut a line that the terminal would break, at a blank; tab completion has the rest."""
    return textwrap.shorten(line, WIDTH, placeholder=" ...") if len(line) > WIDTH else line
