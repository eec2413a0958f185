"""Write the sections of a report as Markdown: one function for each kind of block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from embexp.conclude.report.blocks import Block, Section
from embexp.conclude.report.escape import markdown, markdown_code
from embexp.conclude.report.tables import markdown_table
from embexp.conclude.report.words import count


def write_markdown(title: str, sections: Sequence[tuple[Section, Sequence[Block]]]) -> str:
    """Return the report as Markdown, with figures by relative link."""
    parts = [f"# {markdown(title)}"]
    for section, blocks in sections:
        parts.append(f"## {markdown(section.title)}")
        parts += [part for block in blocks if (part := WRITERS[block.kind](block))]
    return "\n\n".join(parts) + "\n"


def _bullets(items: Sequence[str]) -> str:
    return "\n".join(f"- {markdown(item)}" for item in items)


def _verdict(block: Any) -> str:
    parts = [f"**{markdown(block.headline)}**", f"**{markdown(block.alarm)}**" if block.alarm else ""]
    parts.append(_bullets([f"{lead}{rest}" for lead, rest in (*block.sentences, *block.undecided)]))
    for strip in block.strips:
        spans = [f"{span.range} labels: {span.label}" for span in strip.spans]
        parts += [f"{markdown(strip.title)}:", _bullets(spans)]
    parts.append(markdown(" · ".join(block.facts)))
    return "\n\n".join(part for part in parts if part)


def _table(block: Any) -> str:
    return f"{markdown(block.table.caption)}\n\n{markdown_table(block.table)}"


def _figure(block: Any) -> str:
    name = block.figure.name
    return f"![{markdown(block.figure.alt)}](figures/{name}.svg)\n\n{markdown(block.caption)}"


def _facts(block: Any) -> str:
    title = f"### {markdown(block.folded)}\n\n" if block.folded else ""
    return title + "\n".join(f"- {markdown(term)}: {markdown(value)}" for term, value in block.pairs)


def _matrix(block: Any) -> str:
    header = ["a − b", *block.sizes]
    lines = [header, ["---"] + ["---:"] * len(block.sizes)]
    for a, b, cells in block.rows:
        texts = [f"{cell.difference} {cell.verdict}" if cell else "–" for cell in cells]
        lines.append([markdown(f"{a} − {b}"), *map(markdown, texts)])
    return markdown(block.caption) + "\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _bars(block: Any) -> str:
    shown = [f"{name}: {number}" for name, number, _ in block.bars[: block.shown]]
    rest = len(block.bars) - len(shown)
    return f"{markdown(block.title)}\n\n" + _bullets(shown + ([f"and {count(rest)} more"] if rest else []))


WRITERS: dict[str, Callable[[Any], str]] = {
    "text": lambda block: markdown(block.text),
    "heading": lambda block: f"### {markdown(block.text)}",
    "bullets": lambda block: _bullets(block.items),
    "facts": _facts,
    "code": lambda block: markdown_code(block.text),
    "table": _table,
    "figure": _figure,
    "verdict": _verdict,
    "planner": lambda block: markdown_table(block.table),
    "matrix": _matrix,
    "bars": _bars,
}
