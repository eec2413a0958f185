"""Sort the words of a command line into Hydra's options and the user's overrides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from embexp.errors import UserError, did_you_mean

# option: its long name, and whether a value follows it
OPTIONS = {
    "--help": ("--help", False),
    "-h": ("--help", False),
    "--multirun": ("--multirun", False),
    "-m": ("--multirun", False),
    "--run": ("--run", False),
    "-r": ("--run", False),
    "--cfg": ("--cfg", True),
    "-c": ("--cfg", True),
    "--package": ("--package", True),
    "-p": ("--package", True),
    "--resolve": ("--resolve", False),
    "--info": ("--info", False),  # its value is optional, see _value_of_info
    "-i": ("--info", False),
    "--shell-completion": ("--shell-completion", False),
    "-sc": ("--shell-completion", False),
    "--hydra-help": ("--hydra-help", False),
    "--config-name": ("--config-name", True),
    "-cn": ("--config-name", True),
    "--config-dir": ("--config-dir", True),
    "-cd": ("--config-dir", True),
    "--version": ("--version", False),
}
INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
CFG = ("job", "hydra", "all")
SHOWING = ("--cfg", "--info", "--shell-completion", "--hydra-help")
REFUSED = {
    "--config-path": "it would replace all of embexp's configuration; add presets of your own with --config-dir FOLDER",
    "-cp": "it would replace all of embexp's configuration; add presets of your own with --config-dir FOLDER",
    "--experimental-rerun": "it would read a pickle file; give the overrides again instead",
}


@dataclass(frozen=True)
class Arguments:
    """A command line without its verb: options (value "" for a flag) and overrides, in their order."""

    options: dict[str, str] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()

    @property
    def multirun(self) -> bool:
        """Whether one study per combination of the comma-separated values is wanted."""
        return "--multirun" in self.options

    @property
    def shows(self) -> bool:
        """Whether Hydra only shows something and no study is carried out."""
        return any(option in self.options for option in SHOWING)

    @property
    def config_name(self) -> str:
        """Name of the primary configuration."""
        return self.options.get("--config-name", "study")

    def options_of_a_job(self) -> tuple[str, ...]:
        """Return the options that say which configuration is meant, as one study's command needs them."""
        kept = [name for name in ("--config-name", "--config-dir") if name in self.options]
        return tuple(word for name in kept for word in (name, self.options[name]))

    def words(self) -> list[str]:
        """Return the command line as Hydra reads it, every option before the first override."""
        options = [word for name, value in self.options.items() for word in (name, value) if word]
        return [*options, *self.overrides]


def read_arguments(words: Sequence[str]) -> Arguments:
    """Sort the words that follow the verb; Hydra itself wants its options on one side of the overrides.

    Raises:
        UserError: for each unknown option and each option whose value is missing or unknown.
    """
    options: dict[str, str] = {}
    overrides: list[str] = []
    problems: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        name, _, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if not word.startswith("-") or word == "-":  # a bare - is a file's name: standard input
            overrides.append(word)
        elif name not in OPTIONS:
            problems.append(_unknown_option(name))
        else:
            long, takes_value = OPTIONS[name]
            if takes_value and not value:
                value = waiting.pop(0) if waiting else ""
                if not value:
                    problems.append(f"{name}: a value must follow, such as `{name} {_example(long)}`")
            if long == "--info" and not value:
                value = waiting.pop(0) if waiting and waiting[0] in INFO else "all"
            options[long] = value
    UserError.raise_if([*problems, *_check_options(options)])
    return Arguments(options, tuple(overrides))


def _unknown_option(name: str) -> str:
    if name in REFUSED:
        return f"{name}: this option is not taken; {REFUSED[name]}"
    near = did_you_mean(name, [option for option in OPTIONS if option.startswith("--")])
    return f"{name}: there is no such option{near or ';'} `embexp --help` names the usual ones"


def _check_options(options: dict[str, str]) -> list[str]:
    problems = []
    for name, allowed in (("--cfg", CFG), ("--info", INFO)):
        if options.get(name) and options[name] not in allowed:
            problems.append(f"{name} {options[name]}: not a part of the configuration; possible: {', '.join(allowed)}")
    folder = options.get("--config-dir")
    if folder and not Path(folder).is_dir():
        problems.append(f"--config-dir {folder}: there is no such folder; name one with presets of your own")
    modes = [name for name in ("--run", "--multirun", *SHOWING) if name in options]
    if len(modes) > 1:
        problems.append(f"{' and '.join(modes)}: only one of them at a time; leave out the others")
    return problems


def _example(option: str) -> str:
    return {"--cfg": "job", "--package": "training", "--config-name": "study"}.get(option, "FOLDER")
