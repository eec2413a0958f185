"""`embexp report`: write the report of a finished study again, from its results.json alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from embexp.command.arguments import Arguments
from embexp.command.compose import compose_arguments
from embexp.errors import UserError

RESULTS = "results.json"


def report(arguments: Arguments) -> int:
    """Write report.html, report.md, figures and tables again, and print the verdict.

    Words without '=' are folders of studies; without one it is the latest study of the configuration.
    """
    from embexp.conclude.report import console_verdict, write_report

    for folder in study_folders(arguments):
        results = read_results(folder)
        paths = write_report(results, folder)
        Console(highlight=False).print(console_verdict(results, paths.html))
    return 0


def study_folders(arguments: Arguments) -> list[Path]:
    """Return the folders named, or the latest of the study that the overrides describe."""
    named = [Path(word) for word in arguments.overrides if "=" not in word]
    if named:
        return named
    config = compose_arguments(arguments)
    return [Path(config.output) / config.name / "latest"]


def read_results(folder: Path) -> dict[str, Any]:
    """Return the content of a study's results.json.

    Raises:
        UserError: if the folder holds none, or one that cannot be read.
    """
    file = folder / RESULTS
    if not file.is_file():
        raise UserError(
            f"{folder}: there is no {RESULTS} in it; name the folder of a finished study, such as "
            "outputs/quick/latest, or run one with `embexp experiment=quick`"
        )
    try:
        results = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{file}: is not JSON ({error}); run the study again, its cells are in the store") from error
    if not isinstance(results, dict) or "schema_version" not in results:
        raise UserError(f"{file}: is not the results.json of a study; name the folder of a finished study")
    return results
