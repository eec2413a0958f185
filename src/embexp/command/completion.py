"""Tab completion: Hydra completes groups and keys, embexp the verbs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from embexp.command.arguments import read_arguments

if TYPE_CHECKING:
    from embexp.command.verbs import Verb


def complete(words: Sequence[str], verbs: Mapping[str, Verb]) -> int:
    """Answer `-sc install=bash` and the queries of a shell, whose line stands in COMP_LINE.

    Hydra knows no verbs: they are offered as the first word, and taken out of the line before
    Hydra reads it.
    """
    from embexp.command.jobs import show

    line = os.environ.get("COMP_LINE", "")
    program, *typed = line.split() or [""]
    first_is_open = not typed or (len(typed) == 1 and not line[-1].isspace())
    if any(word.startswith("query=") for word in words):
        if first_is_open:
            start = typed[0] if typed else ""
            print("\n".join(name for name in verbs if name.startswith(start)))
        elif typed[0] in verbs:
            tail = " " if line[-1].isspace() else ""
            os.environ["COMP_LINE"] = " ".join([program, *typed[1:]]) + tail
    return show(read_arguments(words))
