"""One escape for each language that text from the data is written into (HTML is jinja2's own)."""

from __future__ import annotations

import html
import re
from typing import Any

LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    '"': "''",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": r"$-$",
    "–": "--",
}
LATEX_SPECIAL = re.compile("|".join(map(re.escape, LATEX)))
MARKDOWN_SPECIAL = re.compile(r"([\\`*_\[\]<>|&~$])")
MARKDOWN_LINE_START = re.compile(r"^(\s*)([#+=-]|\d+(?=[.)](?:\s|$)))")
FORMULA_START = ("=", "+", "-", "@", "\t", "\r")


class Verbatim(str):
    """Text that is Markdown already and is not escaped again."""

    __slots__ = ()


def latex(text: str) -> str:
    """Escape text for LaTeX; the signs ±, ×, − become their commands."""
    return LATEX_SPECIAL.sub(lambda found: LATEX[found[0]], " ".join(text.split()))


def markdown(value: Any) -> str:
    """Escape text for a line or table cell of Markdown; Verbatim passes unchanged."""
    if isinstance(value, Verbatim):
        return value
    line = MARKDOWN_SPECIAL.sub(r"\\\1", " ".join(str(value).split()))
    # A digit cannot be escaped, the mark behind it can: "1. text" would start a list.
    return MARKDOWN_LINE_START.sub(lambda m: m[1] + (f"{m[2]}\\" if m[2].isdigit() else f"\\{m[2]}"), line, count=1)


def markdown_code(text: str) -> Verbatim:
    """Fence text as a code block that its own back-ticks cannot close."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Verbatim(f"{fence}\n{text}\n{fence}")


def csv_cell(value: Any) -> Any:
    """Guard a text that a spreadsheet would run as a formula; numbers stay numbers."""
    if isinstance(value, str) and value.startswith(FORMULA_START):
        return "'" + value
    return "" if value is None else value


def plotly_text(text: str) -> str:
    """Escape text for Plotly, whose texts are a small HTML, and where $ means mathematics."""
    return html.escape(text, quote=False).replace("$", "&#36;")


def script_json(value: Any) -> str:
    """Write JSON that may stand inside a script element: no <, >, & or ' appears in it."""
    from jinja2.utils import htmlsafe_json_dumps

    return str(htmlsafe_json_dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")))
