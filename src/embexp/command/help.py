"""The help of `embexp`, written from the verbs and the files of conf/, without Hydra."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from embexp.command.conf import list_options
from embexp.command.verbs import Verb

WIDTH = 80


def general_help(verbs: Mapping[str, Verb]) -> str:
    """Return the help of the command; it fits a terminal of 80 by 24."""
    summaries = "\n".join(
        f"  {verb.name:<10} {verb.summary}" for verb in verbs.values() if not (verb.upkeep or verb.lab)
    )
    upkeep = ", ".join(verb.name for verb in verbs.values() if verb.upkeep)
    labs = ", ".join(verb.name for verb in verbs.values() if verb.lab)
    options = {group: names for group, names in list_options().items() if len(names) > 1}
    groups = "\n".join(_packed(f"{group}={'|'.join(names)}" for group, names in options.items()))
    return f"""\
embexp [VERB] [KEY=VALUE ...]: word2vec or embeddings learned with the task?

{summaries}
  labs:      {labs} (claims put to the test)
  upkeep:    {upkeep} (VERB --help says more)

  embexp experiment=quick                      a study within minutes
  embexp dataset=csv dataset.train=mine.csv    your texts (columns text, label)
  embexp -m dataset=bbc_news,rotten_tomatoes   one study for each
  embexp --cfg job                             every setting and its value

Groups of settings:
{groups}
Also VERB --help, --version, --hydra-help, -sc install=bash (tab completion)."""


def verb_help(verb: Verb) -> str:
    """Return the help of one verb."""
    return f"{verb.usage}\n\n{verb.summary[0].upper()}{verb.summary[1:]}.\n\n{verb.details}"


def _packed(words: Iterable[str]) -> list[str]:
    """Put words into lines of the terminal's width, cut to half of it; tab completion has the rest."""
    longest = WIDTH // 2 - 2
    lines: list[str] = []
    for word in words:
        cut = word if len(word) <= longest else word[: longest - 4].rpartition("|")[0] + "|..."
        if lines and len(lines[-1]) + 2 + len(cut) <= WIDTH:
            lines[-1] += f"  {cut}"
        else:
            lines.append(f"  {cut}")
    return lines
