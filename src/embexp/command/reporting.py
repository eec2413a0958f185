"""`embexp report`: write the report of a finished study again, or hold several studies side by side.

Nothing but each study's results.json is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from embexp.command.arguments import Arguments
from embexp.command.compose import compose_arguments
from embexp.errors import UserError

RESULTS = "results.json"
COMPARISON = "comparison"


def report(arguments: Arguments) -> int:
    """Write report.html, report.md, figures and tables of a study again, or those of a comparison of several.

    Words without '=' are studies: folders or results.json files. Without one it is the latest study of the
    configuration.
    """
    from embexp.conclude.report import console_verdict, write_report

    named = [word for word in arguments.overrides if is_place(word)]
    files = [results_file(Path(word)) for word in named] or [results_file(latest_study(arguments))]
    results = read_all(files)
    if len(files) > 1:
        return compare(arguments, named, files, results)
    paths = write_report(results[0], files[0].parent)
    Console(highlight=False).print(console_verdict(results[0], paths.html))
    return 0


def is_place(word: str) -> bool:
    """Return whether a word names a folder or file rather than giving a key its value."""
    return "=" not in word or Path(word).exists()


def latest_study(arguments: Arguments) -> Path:
    """Return the folder of the latest study that the overrides describe."""
    config = compose_arguments(arguments)
    return Path(config.output) / config.name / "latest"


def results_file(place: Path) -> Path:
    """Return the results.json that a folder or file stands for."""
    return place if place.is_file() else place / RESULTS


def compare(
    arguments: Arguments, named: Sequence[str], files: Sequence[Path], results: Sequence[Mapping[str, Any]]
) -> int:
    """Write the comparison of several studies below the output folder, and print what it found."""
    from embexp.conclude.report import console_verdict, write_comparison
    from embexp.engine.task import fingerprint_of
    from embexp.running import command_line, make_folder, point_latest

    UserError.raise_if(doubles(named, results))
    overrides = tuple(word for word in arguments.overrides if not is_place(word))
    output = Path(compose_arguments(replace(arguments, overrides=overrides)).output)
    needs = {str(place): str(each["study"]["fingerprint"]) for place, each in enumerate(results)}
    fingerprint = fingerprint_of(COMPARISON, 1, {}, needs)
    folder = make_folder(output, COMPARISON, fingerprint)
    places = [str(file.parent if file.name == RESULTS else file) for file in files]
    paths = write_comparison(results, places, folder, fingerprint, command_line())
    point_latest(folder)
    Console(highlight=False).print(console_verdict({"verdict": list(paths.findings)}, paths.html))
    return 0


def doubles(named: Sequence[str], results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each study that is named twice, be it in two folders."""
    first: dict[str, str] = {}
    problems = []
    for word, each in zip(named, results, strict=True):
        fingerprint = str(each["study"]["fingerprint"])
        if fingerprint in first:
            problems.append(
                f"{word}: is the same study as {first[fingerprint]} (fingerprint {fingerprint[:8]}), so there is "
                "nothing to compare; name each study once"
            )
        first.setdefault(fingerprint, word)
    return problems


def read_all(files: Sequence[Path]) -> list[dict[str, Any]]:
    """Return the content of several results.json.

    Raises:
        UserError: with a sentence for each that cannot be read.
    """
    found: list[dict[str, Any]] = []
    problems: list[str] = []
    for file in files:
        try:
            found.append(read_results(file))
        except UserError as error:
            problems += error.problems
    UserError.raise_if(problems)
    return found


def read_results(file: Path) -> dict[str, Any]:
    """Return the content of a study's results.json.

    Raises:
        UserError: if there is none, it cannot be read, or it is not that of a study in this version's form.
    """
    from embexp.results import SCHEMA_VERSION

    advice = "name the folder of a finished study, such as outputs/quick/latest"
    if not file.is_file():
        missing = f"there is no {RESULTS} in it" if file.parent.is_dir() else "there is no such folder"
        raise UserError(f"{file.parent}: {missing}; {advice}, or run one with `embexp experiment=quick`")
    try:
        results = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); {advice}") from error
    except ValueError as error:
        raise UserError(f"{file}: is not JSON ({error}); run the study again, its cells are in the store") from error
    if not isinstance(results, dict) or "schema_version" not in results:
        raise UserError(f"{file}: is not the results.json of a study; {advice}")
    if "lab" in results:
        raise UserError(f"{file}: is what the lab '{results['lab']}' found, not a study; {advice}")
    if results["schema_version"] != SCHEMA_VERSION:
        raise UserError(
            f"{file}: is written in schema_version {results['schema_version']}, and this embexp reads "
            f"{SCHEMA_VERSION}; run the study again, its cells are in the store"
        )
    if not isinstance(results.get("study"), dict) or not results["study"].get("fingerprint"):
        raise UserError(f"{file}: is not the results.json of a study (it names no study and fingerprint); {advice}")
    return results
