"""Text from the data stays text in every language of the report."""

from __future__ import annotations

import csv
import html
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from embexp.conclude.report.escape import latex, markdown, markdown_code, plotly_text, script_json
from embexp.conclude.report.reading import clean
from embexp.conclude.report.tables import write_csv

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60).map(clean)
SIGNS = st.text("\\`*_[]()<>|&~$#+-=.!{}%^\"'1 a\n", max_size=30)
READER = MarkdownIt("commonmark").enable("table")


def shown(source: str) -> str:
    """Return the text that a reader of rendered HTML sees."""
    return html.unescape(re.sub(r"<[^>]*>", "", source)).strip()


def squeezed(text: str) -> str:
    return " ".join(text.split())


@given(TEXTS | SIGNS)
def test_markdown_shows_the_text_as_it_is(text: str) -> None:
    assert squeezed(shown(READER.render(f"before {markdown(text)} after"))) == squeezed(f"before {text} after")


@given(TEXTS | SIGNS)
def test_markdown_line_is_one_paragraph_of_plain_text(text: str) -> None:
    rendered = READER.render(markdown(text))
    assert set(re.findall(r"<(\w+)", rendered)) <= {"p"}
    assert squeezed(shown(rendered)) == squeezed(text)


@given(TEXTS | SIGNS)
def test_markdown_cell_stays_one_cell(text: str) -> None:
    rendered = READER.render(f"| a | b |\n| --- | --- |\n| {markdown(text)} | end |\n")
    cells = re.findall(r"<td>(.*?)</td>", rendered, flags=re.DOTALL)
    assert [squeezed(shown(cell)) for cell in cells] == [squeezed(text), "end"]


@given(st.text("`~ab\n", max_size=30))
def test_markdown_code_cannot_be_closed_from_inside(text: str) -> None:
    rendered = READER.render(f"{markdown_code(text)}\n\nafter\n")
    assert rendered.endswith("</code></pre>\n<p>after</p>\n")


@given(st.recursive(TEXTS | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_script_json_is_json_without_a_way_out_of_the_script(value: object) -> None:
    written = script_json(value)
    assert json.loads(written) == value
    assert not set("<>&'") & set(written)


@given(st.lists(st.tuples(TEXTS | SIGNS, st.floats(allow_nan=False, allow_infinity=False)), min_size=1))
def test_csv_comes_back_and_no_text_starts_a_formula(tmp_path_factory: pytest.TempPathFactory, rows: list) -> None:
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    write_csv(path, [{"text": text, "number": number} for text, number in rows])
    with path.open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    for (text, number), row in zip(rows, read, strict=True):
        assert float(row["number"]) == number
        assert row["text"].removeprefix("'") == text.removeprefix("'")
        assert not row["text"].startswith(("=", "+", "-", "@", "\t", "\r"))


def test_csv_numbers_below_zero_stay_numbers(tmp_path: Path) -> None:
    write_csv(tmp_path / "table.csv", [{"difference": -0.5, "note": "-0.5"}])
    assert (tmp_path / "table.csv").read_text(encoding="utf-8") == "difference,note\n-0.5,'-0.5\n"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("50 % & more_1 #2", r"50 \% \& more\_1 \#2"),
        (r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("a^2 ~ $x$", r"a\textasciicircum{}2 \textasciitilde{} \$x\$"),
        ("−1.5 ± 0.2\n<b>", r"$-$1.5 $\pm$ 0.2 \textless{}b\textgreater{}"),
    ],
)
def test_latex_escapes_what_latex_would_read(text: str, written: str) -> None:
    assert latex(text) == written


def test_plotly_text_is_no_markup() -> None:
    assert plotly_text("<b>a</b> & $b$") == "&lt;b&gt;a&lt;/b&gt; &amp; &#36;b&#36;"


def test_clean_leaves_what_documents_can_hold() -> None:
    dirty = {"a\x1b[31m": ["\ud800", "ok\t\n", float("nan"), float("-inf"), 1.5, True, None, "\x00"]}
    assert clean(dirty) == {"a�[31m": ["�", "ok\t\n", None, None, 1.5, True, None, "�"]}
