"""Hydra's side of the settings: schemas to compose with, and the way back to frozen values.

Hydra refuses frozen dataclasses as schemas, and the rooms should not be able to change a setting.
So the frozen dataclasses of `embexp.config` are the one source: their mutable twins are registered
in the ConfigStore, and what Hydra composes is turned back into a frozen `StudyConfig`.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
import types
from collections.abc import Iterator, Mapping
from typing import Any, Optional, TypeGuard, TypeVar, Union, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from embexp.checks import check
from embexp.config import MISSING, StudyConfig
from embexp.errors import UserError

T = TypeVar("T")

SCHEMA_NAME = "schema"


@functools.cache
def register_schema() -> None:
    """Make the schema of a study known to Hydra; conf/study.yaml names it first."""
    from hydra.core.config_store import ConfigStore

    ConfigStore.instance().store(name=SCHEMA_NAME, node=mutable(StudyConfig), provider="embexp")


def mutable(frozen: type) -> type:
    """Return the dataclass with the fields, types and defaults of `frozen` that can be assigned to."""
    hints = get_type_hints(frozen)
    twins: list[tuple[str, Any, Any]] = []
    for field in dataclasses.fields(frozen):
        hint = hints[field.name]
        if _is_group(hint):
            twin = mutable(hint)
            twins.append((field.name, twin, dataclasses.field(default_factory=twin)))
        elif field.default_factory is not dataclasses.MISSING:
            twins.append((field.name, _hint(hint), dataclasses.field(default_factory=field.default_factory)))
        else:
            twins.append((field.name, _hint(hint), dataclasses.field(default=field.default)))
    return dataclasses.make_dataclass(frozen.__name__, twins, kw_only=True)


def _is_group(hint: Any) -> TypeGuard[type]:
    """Return whether a field's type is a group of settings."""
    return isinstance(hint, type) and dataclasses.is_dataclass(hint)


def _hint(hint: Any) -> Any:
    """Spell `X | None` as Optional[X], the only union OmegaConf knows around containers."""
    if get_origin(hint) in (types.UnionType, Union) and type(None) in get_args(hint):
        rest = [option for option in get_args(hint) if option is not type(None)]
        return Optional[rest[0]] if len(rest) == 1 else hint  # noqa: UP045  (X | None fails on lists)
    return hint


def keys(frozen: type = StudyConfig, prefix: str = "") -> Iterator[str]:
    """Yield every dotted key of a study, groups left out: `training.budget.passes`."""
    for field in dataclasses.fields(frozen):
        hint = get_type_hints(frozen)[field.name]
        if _is_group(hint):
            yield from keys(hint, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name


def field_of(key: str) -> tuple[Any, Any] | None:
    """Return (type, default) of a dotted key, or None for a group or a key that does not exist."""
    if key not in keys():
        return None
    owner: Any = StudyConfig
    *groups, name = key.split(".")
    for group in groups:
        owner = get_type_hints(owner)[group]
    field = next(field for field in dataclasses.fields(owner) if field.name == name)
    factory = field.default_factory
    return get_type_hints(owner)[name], field.default if factory is dataclasses.MISSING else factory()


def unknown_key(key: str) -> str:
    """Return the sentence for a key that no setting has, with the key that may have been meant."""
    if key.startswith("hydra."):
        return f"{key}: Hydra has no such key; `embexp --cfg hydra` shows its keys"
    known = list(keys())
    group, _, leaf = key.rpartition(".")
    leaves = [name.removeprefix(f"{group}.") for name in known if name.startswith(f"{group}.")]
    same_leaf = [name for name in known if name.rpartition(".")[2] == leaf]
    near = difflib.get_close_matches(leaf, leaves, n=1) if leaves else []
    if same_leaf:
        hint = f"did you mean {' or '.join(same_leaf)}?"
    elif near:
        hint = f"did you mean {group}.{near[0]}?"
    elif leaves:
        hint = f"{group} has {', '.join(leaves)};"
    else:
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.7)
        hint = f"did you mean {near[0]}?" if near else "perhaps it is misspelt;"
    return f"{key}: there is no such key; {hint} `embexp --cfg job` shows all"


def freeze(composed: DictConfig) -> StudyConfig:
    """Return the composed configuration as frozen, checked values.

    Raises:
        UserError: with one sentence for each key that the schema does not know (`+training.typo=1`
            gets past Hydra), each value that is missing or cannot work, and an interpolation that
            leads nowhere.
    """
    problems: list[str] = []
    try:
        values = OmegaConf.to_container(composed, resolve=True, throw_on_missing=False)
    except OmegaConfBaseException as error:
        problems.append(_wrong_interpolation(error))
        _build(StudyConfig, dict(OmegaConf.to_container(composed)), "", problems)  # type: ignore[arg-type]
        raise UserError(*problems) from error
    study = _build(StudyConfig, dict(values), "", problems)  # type: ignore[arg-type]
    if study is None:
        raise UserError(*problems)
    UserError.raise_if([*problems, *check(study)])
    return study


def _wrong_interpolation(error: OmegaConfBaseException) -> str:
    reason = str(error).splitlines()[0]
    missing = re.search(r"Missing mandatory value: (\S+)", reason)
    if missing:
        return f"{error.full_key}: is taken from {missing.group(1)}, which has no value"
    return (
        f"{error.full_key}: {reason[0].lower()}{reason[1:]}; what stands in ${{...}} must name an existing "
        "key (`embexp --cfg job` shows all)"
    )


def _build(frozen: type[T], values: Mapping[str, Any], prefix: str, problems: list[str]) -> T | None:
    """Return the dataclass filled with the values, or None where one of them is missing."""
    hints = get_type_hints(frozen)
    problems += [unknown_key(prefix + str(key)) for key in values if key not in hints]
    arguments: dict[str, Any] = {}
    for name, hint in hints.items():
        key, value = prefix + name, values.get(name, MISSING)
        if _is_group(hint) and isinstance(value, Mapping):
            built = _build(hint, value, f"{key}.", problems)
            if built is not None:
                arguments[name] = built
        elif value == MISSING or (value is None and _is_group(hint)):
            problems.append(f"{key}: has no value; give one on the command line ({key}=...) or in a preset")
        else:
            arguments[name] = value
    return frozen(**arguments) if len(arguments) == len(hints) else None
