"""Turn what Hydra and OmegaConf raise into one sentence for the user."""

from __future__ import annotations

import difflib
import re
from typing import Any, get_args, get_origin

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException, ValidationError
from yaml import YAMLError  # type: ignore[import-untyped]

from embexp.command.conf import list_options
from embexp.errors import did_you_mean
from embexp.schema import field_of, keys, unknown_key

# What composing may raise for a user's mistake; ValueError, OSError and YAMLError come from Hydra's
# reading of overrides and files and mean a mistake only while no study has begun.
# TypeError: what Hydra 1.3 makes of a list of numbers where the name of an option belongs (classifier=[0]).
# AssertionError: what it makes of a word that names no key (+=auto).
COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, ValueError, OSError, YAMLError, TypeError, AssertionError)


def explain(error: Exception, override: str | None = None) -> str:
    """Return one sentence: what is wrong, the value, where it came from, what is allowed.

    Args:
        error: what Hydra raised while it composed.
        override: the word of the command line that brought the error about, if it was one.
    """
    if isinstance(error, OverrideParseException):
        return _unreadable(error.override)
    if isinstance(error, MissingConfigException):
        return _unknown_option(error, override)
    message = str(error)
    if override is not None:
        known = _known_pattern(message, override)
        if known:
            return known
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    if isinstance(cause, OmegaConfBaseException):
        return _wrong_value(cause, override)
    file = re.match(r"In '([^']+)': (\w+) raised while composing config:\s*(.*)", message, re.DOTALL)
    if file:
        return _wrong_file(file.group(1), file.group(3))
    where = f"{override}: " if override is not None else ""
    if isinstance(error, AssertionError):
        return f"{where}names no setting; one has the form KEY=VALUE, and `embexp --cfg job` shows all keys"
    if isinstance(error, TypeError):
        return f"{where}not a value that this setting can take; name one option, as `embexp --help` shows"
    return f"{where}{_flat(message) or type(error).__name__}; `embexp --help` has examples"


def _unreadable(word: str) -> str:
    if word.count("[") != word.count("]") or word.count("{") != word.count("}"):
        return (
            f"{word}: a bracket is missing; the shell parts a value at its spaces, so quote the whole "
            "('grid.train_sizes=[100, 300]') or leave the spaces out"
        )
    if "=" not in word:
        near = difflib.get_close_matches(word, [*keys()], n=1)
        example = f"{near[0]}=..." if near else "grid.seeds=5"
        return f"{word}: a setting has the form KEY=VALUE, such as {example}; `embexp --cfg job` shows all keys"
    key, _, value = word.partition("=")
    return (
        f"{word}: the value of {key} cannot be read; put quotes around special characters, for the shell "
        f"too: \"{key}='{value}'\""
    )


def _unknown_option(error: MissingConfigException, override: str | None) -> str:
    group, _, option = str(error.missing_cfg_file or "").rpartition("/")
    if not group:
        return f"--config-name {option}: there is no such configuration; leave the option out to use study"
    options = [str(name) for name in error.options or ()]
    named = override is None or override.lstrip("+").startswith(f"{group}=")
    where = "" if named else f" (named by {override})"
    return (
        f"{group}={option}: there is no such option{where}{did_you_mean(option, options) or ';'} "
        f"possible: {', '.join(options) if options else f'none, there is no group {group!r}'}"
    )


def _known_pattern(message: str, override: str) -> str | None:
    """Return the sentence for the mistakes that Hydra words in its own fixed way."""
    key, _, value = override.partition("=")
    bare = key.lstrip("+~")
    if "Ambiguous value for argument" in message:
        return (
            f"{override}: the commas can mean two things; write {key}=[{value}] for a list, or add -m to run "
            "one study per value"
        )
    if "requires --multirun" in message:
        return f"{override}: several values need -m, which runs one study per value"
    if "An item is already at" in message or "Multiple values for" in message:
        return f"{override}: {bare} is there already; leave out the + to change it: {override.lstrip('+')}"
    if override.startswith("~") and "Could not delete" not in message:
        return f"{override}: a setting cannot be removed; leave this out to have its default"
    if "Could not delete" in message:
        return f"{override}: {bare} cannot be removed, because it is not there; leave this out"
    if "must be a string or a list" in message:
        return f"{override}: {value} is not an option of the group {bare}; `embexp --help` lists the options"
    if "Could not override" in message:
        return _unknown_group_or_key(bare, override)
    return None


def _unknown_group_or_key(key: str, override: str) -> str:
    groups = list(list_options())
    group = did_you_mean(key, groups) if "." not in key else ""
    if "/" in key or group:
        return f"{override}: there is no group {key!r}{group or ';'} the groups are {', '.join(groups)}"
    return unknown_key(key)


def _wrong_value(error: OmegaConfBaseException, override: str | None) -> str:
    key = error.full_key or (override or "").partition("=")[0].lstrip("+~")
    key = re.sub(r"\[\d+\]$", "", key)
    place = f" (from {override})" if override is not None else ""
    if not isinstance(error, ValidationError):
        return f"{key}: {_flat(str(error))}{place}; `embexp --cfg job` shows what is possible"
    known = field_of(key)
    if known is None:
        return f"{key}: is a group of settings and takes no value{place}; set one of it, as {key}.KEY=VALUE"
    hint, default = known
    value = _value_in(str(error)) or repr((override or "").partition("=")[2])
    return f"{key}: {value} is not {_kind(hint)}{place}; the default is {_spell(default)}"


def _wrong_file(name: str, reason: str) -> str:
    """Return the sentence for a mistake inside a YAML file, such as a user's own preset."""
    key = re.search(r"full_key: (\S+)", reason)
    full = re.sub(r"\[\d+\]$", "", key.group(1)) if key else ""
    known = field_of(full) if full else None
    if full and known is None and full not in {name.partition(".")[0] for name in keys()}:
        return f"{name}.yaml: {unknown_key(full)}"
    value = _value_in(reason)
    if known and value:
        return f"{name}.yaml: {full}: {value} is not {_kind(known[0])}; the default is {_spell(known[1])}"
    return f"{name}.yaml: {_flat(reason.partition('full_key')[0])}; `embexp --cfg job` shows all keys"


def _value_in(message: str) -> str | None:
    found = re.match(r"Value '(.*?)' (?:of type|is not)", message, re.DOTALL)
    return repr(found.group(1)) if found else None


def _kind(hint: Any) -> str:
    """Return the words for a field's type."""
    options = [option for option in get_args(hint) if option is not type(None)]
    if get_origin(hint) is list:
        return "a list; write it as [a,b]"
    if options:
        return f"{_kind(options[0])} (or null)"
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    return words.get(hint, str(hint))


def _spell(value: object) -> str:
    """Write a value as the command line takes it."""
    if isinstance(value, list):
        return f"[{','.join(map(_spell, value))}]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _flat(message: str) -> str:
    """Return the first paragraph of a message in one line."""
    return " ".join(message.strip().partition("\n\n")[0].split()).rstrip(".")
