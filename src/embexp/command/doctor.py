"""`embexp doctor`: look the installation and the store over, and mend what can be mended."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from embexp.command.arguments import Arguments
from embexp.command.compose import compose_arguments
from embexp.errors import StudyFailed, UserError

COLOURS = {"ok": "green", "note": "yellow", "bad": "red", "repaired": "cyan"}


def doctor(arguments: Arguments) -> int:
    """Print a line for each check; the word `repair` also mends.

    Raises:
        StudyFailed: If a check found something that stands in the way of a study.
    """
    from rich.markup import escape

    from embexp.doctor import examine

    words = [word for word in arguments.overrides if "=" not in word]
    unknown = [word for word in words if word != "repair"]
    UserError.raise_if(f"doctor: {word!r} is not understood; possible: repair, and KEY=VALUE" for word in unknown)
    others = tuple(word for word in arguments.overrides if word not in words)
    config = compose_arguments(replace(arguments, overrides=others))
    console = Console(highlight=False)
    bad = 0
    for finding in examine(config, repair="repair" in words):
        bad += finding.verdict == "bad"
        colour = COLOURS[finding.verdict]
        line = f"[{colour}]{finding.verdict:<8}[/{colour}]  {finding.check:<9}  {escape(finding.text)}"
        console.print(line, soft_wrap=True)
    if bad:
        raise StudyFailed(f"{bad} of the checks found something that stands in the way")
    return 0
