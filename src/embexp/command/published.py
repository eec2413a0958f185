"""`embexp reproduce kim2014`: run the paper's protocol on its data sets, hold the scores against its table."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as Printed

from embexp.command.arguments import Arguments
from embexp.command.atlas import carry_out_all
from embexp.command.compose import compose_study
from embexp.conclude.report.tables import Cell, Table, latex_table, markdown_table, write_csv
from embexp.config import StudyConfig
from embexp.errors import StudyFailed, UserError
from embexp.given import ENDINGS, PACKED, SAVED, setting_words
from embexp.published import (
    DATA_SETS,
    FOLDED,
    MISSING,
    NOT_REPRODUCED,
    SOURCE,
    STRATEGIES,
    Figure,
    compare,
    content,
    deviations,
)

PRESET = "kim2014"
HUB = "hub"
OTHER_NAMES = {"sst5": ("sst1", "stsafine"), "sst2": ("stsabinary",), "cr": ("custrev",), "mr": ("rtpolarity",)}


def kim2014(arguments: Arguments) -> int:
    """Run the protocol on the data sets of a folder (`data=FOLDER`) or of the Hub (`data=hub`) and print the table.

    Raises:
        UserError: no data set was found, or a setting or file cannot be used.
        StudyFailed: tasks failed.
    """
    configs, missing = compose_published(arguments)
    runs = carry_out_all(list(configs.values()))
    results = {key: run.results for key, run in zip(configs, runs, strict=True) if run.results}
    figures, differing = compare(results), deviations(results)
    folder = _write(next(iter(configs.values())), figures, differing, missing, results)
    console = Console(highlight=False)
    console.print(printed(figures))
    for title, sentences in (("Deviations from the paper", differing), ("Data sets that are missing", missing)):
        if sentences:
            console.print(f"\n{title}:")
            for sentence in sentences:
                console.print(f"- {sentence}", markup=False)
    counts = Counter(figure.verdict for figure in figures if figure.verdict != MISSING)
    console.print("\n" + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()), markup=False)
    console.print(f"Table: {folder}", markup=False, soft_wrap=True)
    failed = [key for key, run in zip(configs, runs, strict=True) if not run.outcome.complete]
    if failed:
        raise StudyFailed(f"not all cells were finished: {', '.join(failed)}; the same command runs what is missing")
    return 0


def compose_published(arguments: Arguments) -> tuple[dict[str, StudyConfig], list[str]]:
    """Return the study of each data set that was found, and a sentence for each that was not.

    Raises:
        UserError: no data set was found, or a setting cannot be used.
    """
    place, settings = _read_words(arguments)
    config_dir = arguments.options.get("--config-dir")
    configs: dict[str, StudyConfig] = {}
    missing, problems = [], []
    for key, words in find_data_sets(place).items():
        if words is None:
            names = ", ".join(dict.fromkeys(_names(key)))
            missing.append(
                f"{DATA_SETS[key]}: nothing in {place} is called {names} (a folder, or a file such as {key}.csv)"
            )
            continue
        try:
            configs[key] = compose_study([f"experiment={PRESET}", *words, *settings], config_dir=config_dir)
        except UserError as error:
            problems += [f"{DATA_SETS[key]}: {problem}" for problem in error.problems]
    UserError.raise_if(dict.fromkeys(problems))
    if place == HUB:
        configs, unreachable = _reachable(configs)
        missing += unreachable
    if not configs:
        raise UserError(*missing, "reproduce kim2014: no data set was found; give data=FOLDER or data=hub")
    return configs, missing


def _read_words(arguments: Arguments) -> tuple[str, list[str]]:
    words = [word for word in arguments.overrides if word != PRESET]
    places = [word.removeprefix("data=") for word in words if word.startswith("data=")]
    settings = [word for word in words if not word.startswith("data=")]
    problems = [f"{word}: reproduce takes one preset" for word in settings if "=" not in word]
    problems += [
        f"{word}: the data sets are the paper's; data=FOLDER says where" for word in settings if _chooses(word)
    ]
    if len(places) != 1:
        problems.append(f"reproduce {PRESET}: the data is given with data=FOLDER, or data=hub reads it from the Hub")
    elif places[0] != HUB and not Path(places[0]).expanduser().is_dir():
        problems.append(f"data: {places[0]} is no folder; name the one that holds {', '.join(DATA_SETS)}, or data=hub")
    UserError.raise_if(problems)
    return places[0], settings


def _chooses(word: str) -> bool:
    return word.lstrip("+~").startswith(("dataset=", "dataset.train=", "dataset.path=", "experiment="))


def _reachable(configs: Mapping[str, StudyConfig]) -> tuple[dict[str, StudyConfig], list[str]]:
    """Part the studies whose data the Hub (or its copy on this machine) gives from those it does not."""
    from embexp.running import plan_study

    reached, missing = {}, []
    for key, config in configs.items():
        print(f"embexp: looking for {DATA_SETS[key]} on the Hub", file=sys.stderr, flush=True)
        try:
            plan_study(config)
        except UserError as error:
            missing.append(f"{DATA_SETS[key]}: {error.problems[0]}")
        else:
            reached[key] = config
    return reached, missing


# --- finding the data ---------------------------------------------------------------------------------------------


def find_data_sets(place: str) -> dict[str, list[str] | None]:
    """Return the words that name each data set of the paper; None for one that is not there.

    In a folder, a data set is a folder of its name (train.* and test.* files in it, one sub-folder a class, or what
    `save_to_disk` wrote), a file, or two files NAME.train.* and NAME.test.*.
    """
    if place == HUB:
        return {key: [f"dataset={key}"] for key in DATA_SETS}
    children = sorted(Path(place).expanduser().iterdir())
    return {key: _find(key, children) for key in DATA_SETS}


def _find(key: str, children: Sequence[Path]) -> list[str] | None:
    names = _names(key)
    for child in children:
        if _plain(child.name) in names and child.is_dir():
            return _folder_words(key, child)
    files = [child for child in children if child.is_file() and _kind(child)]
    named = {_plain(_stem(child)): child for child in files}
    for name in names:
        train = named.get(f"{name}train") or named.get(name)
        if train is not None:
            return _file_words(key, train, named.get(f"{name}test"))
    return None


def _folder_words(key: str, folder: Path) -> list[str]:
    parts = {_plain(_stem(file)): file for file in sorted(folder.iterdir()) if file.is_file() and _kind(file)}
    if "train" in parts and not any((folder / name).is_file() for name in SAVED):
        return _file_words(key, parts["train"], parts.get("test"))
    kind = "disk" if any((folder / name).is_file() for name in SAVED) else "folder"
    tested = (folder / "test").is_dir() or (folder / "dataset_dict.json").is_file()
    words = [f"dataset={kind}", *setting_words({"dataset.path": str(folder), "dataset.name": key})]
    return words + _folds(key, tested)


def _file_words(key: str, train: Path, test: Path | None) -> list[str]:
    settings = {"dataset.train": str(train), "dataset.name": key}
    if test is not None:
        settings["dataset.test"] = str(test)
    return [f"dataset={_kind(train)}", *setting_words(settings), *_folds(key, test is not None)]


def _folds(key: str, tested: bool) -> list[str]:
    return ["dataset.folds=10"] if key in FOLDED and not tested else []


def _names(key: str) -> tuple[str, ...]:
    return (key, _plain(DATA_SETS[key]), *OTHER_NAMES.get(key, ()))


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _stem(file: Path) -> str:
    name = file.name
    for ending in (*PACKED, *ENDINGS):
        name = name.removesuffix(ending)
    return name


def _kind(file: Path) -> str | None:
    endings = [ending for ending in file.suffixes if ending not in PACKED]
    return ENDINGS.get(endings[-1].lower()) if endings else None


# --- showing it ---------------------------------------------------------------------------------------------------


def _rows(figures: Sequence[Figure]) -> Iterator[tuple[str, ...]]:
    for figure in figures:
        ours, difference, interval = "", "", ""
        if figure.ours is not None and figure.difference is not None:
            ours, difference = f"{figure.ours:.1f}", f"{figure.difference:+.1f}".replace("-", "−")
        if figure.low is not None and figure.high is not None:
            interval = f"{figure.low:+.1f} to {figure.high:+.1f}".replace("-", "−")
        name = STRATEGIES[figure.strategy]
        yield DATA_SETS[figure.data_set], name, f"{figure.paper:.1f}", ours, difference, interval, figure.verdict


HEADER = ("data set", "CNN", "paper", "ours", "difference", "95 % interval", "verdict")


def printed(figures: Sequence[Figure]) -> Printed:
    """Return the table for a terminal, data sets that are missing left out."""
    table = Printed(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in HEADER:
        table.add_column(title, justify="left" if title in ("data set", "CNN", "verdict") else "right")
    for row in _rows([figure for figure in figures if figure.verdict != MISSING]):
        table.add_row(*row[:-1], f"[red]{row[-1]}[/red]" if row[-1] == NOT_REPRODUCED else row[-1])
    return table


def _write(
    config: StudyConfig,
    figures: Sequence[Figure],
    differing: Sequence[str],
    missing: Sequence[str],
    results: Mapping[str, Mapping[str, Any]],
) -> Path:
    """Write the table as JSON, CSV, LaTeX and Markdown below the output folder."""
    from embexp.engine.task import fingerprint_of
    from embexp.running import make_folder, point_latest

    needs = {key: str(each["study"]["fingerprint"]) for key, each in results.items()}
    folder = make_folder(Path(config.output), PRESET, fingerprint_of(PRESET, 1, {}, needs))
    whole = content(figures, differing, missing)
    (folder / f"{PRESET}.json").write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    caption = f"{SOURCE} and ours: test accuracy in percent, difference in points with the interval of ours."
    rows = tuple(tuple(map(Cell, row)) for row in _rows(figures))
    table = Table(PRESET, caption, HEADER, rows, tuple(whole["figures"]), texts=(0, 1, 6))
    write_csv(folder / f"{PRESET}.csv", table.records)
    (folder / f"{PRESET}.tex").write_text(latex_table(table), encoding="utf-8")
    listed = "\n".join(f"- {sentence}" for sentence in (*differing, *missing))
    text = f"# {caption}\n\n{markdown_table(table)}\n\n{listed}\n"
    (folder / f"{PRESET}.md").write_text(text, encoding="utf-8")
    point_latest(folder)
    return folder
