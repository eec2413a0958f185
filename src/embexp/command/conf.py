"""Where conf/ lies: inside an installed package, or at the top of a checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

PRIMARY = "study.yaml"
_GLOBAL = "# @package _global_"  # Hydra's word for a file that sets more groups than its own
_HIDDEN_GROUPS = ("local",)


@cache
def conf_folder() -> Path:
    """Return the folder of the configuration, whatever the working folder is.

    A wheel carries it as embexp/conf; an editable install finds it beside src/. `pkg://` would
    find only the first.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "conf", package.parent.parent / "conf"):
        if (folder / PRIMARY).is_file():
            return folder
    raise FileNotFoundError(f"embexp is installed without its configuration: no {PRIMARY} beside {package}")


def list_options() -> dict[str, list[str]]:
    """Return the options of each group of conf/, read from the file names."""
    groups = sorted(path for path in conf_folder().iterdir() if path.is_dir() and path.name not in _HIDDEN_GROUPS)
    return {group.name: sorted(file.stem for file in group.glob("*.yaml")) for group in groups}


def read_option(group: str, name: str) -> dict[str, Any]:
    """Return what an option's file sets, by group and key; nothing where there is no such option."""
    from omegaconf import OmegaConf

    if name not in list_options()[group]:
        return {}
    file = conf_folder() / group / f"{name}.yaml"
    values: Any = OmegaConf.to_container(OmegaConf.load(file))
    return values if file.read_text(encoding="utf-8").startswith(_GLOBAL) else {group: values}
