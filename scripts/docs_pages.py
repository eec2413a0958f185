"""Pages of the documentation that are written from the code: every setting, the command.

mkdocs calls the functions named on_*; `python scripts/docs_pages.py` prints the pages.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

from embexp import checks, config
from embexp.command.conf import conf_folder, list_options
from embexp.command.verbs import VERBS

TOP = Path(__file__).resolve().parents[1]
DOCS = TOP / "docs"


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages to those of docs/."""
    from mkdocs.structure.files import File

    for path, content in pages().items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Turn links that leave docs/ into the names of the files: the site holds docs/ alone."""
    folder = (DOCS / page.file.src_uri).parent

    def plain(match: re.Match[str]) -> str:
        target = (folder / match[2].partition("#")[0]).resolve()
        outside = "://" not in match[2] and not match[2].startswith("#") and not target.is_relative_to(DOCS)
        return f"{match[1]} (`{target.relative_to(TOP)}`)" if outside else match[0]

    return re.sub(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)", plain, markdown)


def pages() -> dict[str, str]:
    """Return the content of each generated page by its path in docs/."""
    return {"reference/settings.md": settings_page(), "reference/command.md": command_page()}


# --- every setting ------------------------------------------------------------------------------------------------


def settings_page() -> str:
    """Return every key with type, default, what is allowed and what it means, from config.py and checks.py."""
    lines = [
        "# Every setting",
        "",
        "Written from `src/embexp/config.py`, `checks.py` and the files of `conf/`. `embexp --cfg job` prints them "
        "with the values of a study. `key=value` on the command line sets one; so does a preset.",
    ]
    options = list_options()
    for group, owner in groups():
        lines += ["", f"## {group or 'study'}", "", first_sentence(owner)]
        if group in options:
            lines += [
                "",
                "Options:",
                "",
                *(f"- `{group}={name}` {option_words(group, name)}" for name in options[group]),
            ]
        lines += ["", "| key | type | default | allowed | |", "|---|---|---|---|---|", *setting_rows(group, owner)]
    lines += ["", "## experiment", "", "Presets; one holds what differs from the default study.", ""]
    lines += [f"- `experiment={name}` {option_words('experiment', name)}" for name in options["experiment"]]
    return "\n".join(lines) + "\n"


def groups(owner: type = config.StudyConfig, prefix: str = "") -> Iterator[tuple[str, type]]:
    """Yield (dotted name, dataclass) of the study and of each group in it."""
    yield prefix, owner
    for name, hint in get_type_hints(owner).items():
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            yield from groups(hint, f"{prefix}.{name}".lstrip("."))


def setting_rows(group: str, owner: type) -> Iterator[str]:
    """Yield a row of the table for each key of a group."""
    hints, said = get_type_hints(owner), comments(owner)
    for field in dataclasses.fields(owner):
        if dataclasses.is_dataclass(hints[field.name]):
            continue
        key = f"{group}.{field.name}".lstrip(".")
        default = field.default if field.default is not dataclasses.MISSING else field.default_factory()
        shown = "mandatory" if default == config.MISSING else f"`{'null' if default is None else default}`"
        cells = (f"`{key}`", f"`{type_words(owner, field.name)}`", shown, allowed(key), said.get(field.name, ""))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def type_words(owner: type, name: str) -> str:
    """Return a field's annotation as it is written."""
    return str(owner.__annotations__[name]).replace("typing.", "")


def allowed(key: str) -> str:
    """Return which values a key may have, as checks.py has them."""
    if key in checks.CHOICES:
        return ", ".join(f"`{option}`" for option in checks.CHOICES[key])
    if key in checks.POSITIVE:
        return "above 0"
    if key in checks.RANGES:
        low, high = checks.RANGES[key]
        return f"from {low}" + ("" if high is None else f" to {high}")
    return ""


def comments(owner: type) -> dict[str, str]:
    """Return the comment behind each field of a dataclass; one that stands below its line counts too."""
    lines = inspect.getsource(owner).splitlines()
    [body] = [node for node in ast.walk(ast.parse("\n".join(lines))) if isinstance(node, ast.ClassDef)]
    found = {}
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            told = [line.partition("  # ")[2] for line in lines[node.lineno - 1 : node.end_lineno]]
            found[node.target.id] = " ".join(filter(None, told))
    return found


def first_sentence(owner: type) -> str:
    """Return the docstring of a group."""
    return " ".join(inspect.getdoc(owner).split())


def option_words(group: str, name: str) -> str:
    """Return the comment at the top of an option's file."""
    text = (conf_folder() / group / f"{name}.yaml").read_text(encoding="utf-8")
    told = [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]
    words = " ".join(line for line in told if not line.startswith("@package"))
    return words.replace("<", "&lt;").replace("[", "\\[")


# --- the command --------------------------------------------------------------------------------------------------


def command_page() -> str:
    """Return the help of every verb."""
    from embexp.command.help import general_help, verb_help

    lines = ["# The command", "", "What `embexp --help` and `embexp VERB --help` print.", ""]
    lines += ["```text", general_help(VERBS), "```"]
    for verb in VERBS.values():
        lines += ["", f"## {verb.name}", "", "```text", verb_help(verb), "```"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write("\n".join(pages().values()))
