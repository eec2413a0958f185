"""Write the whole report of a study from the content of its results.json."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from embexp.conclude.report.blocks import Block, Material, Section
from embexp.conclude.report.draw_matplotlib import save_figures
from embexp.conclude.report.draw_plotly import dark_colours, specification
from embexp.conclude.report.escape import script_json
from embexp.conclude.report.figures import prepare_figures
from embexp.conclude.report.markdown_page import write_markdown
from embexp.conclude.report.palette import DARK, LIGHT
from embexp.conclude.report.reading import StudyResults
from embexp.conclude.report.sections import build_sections
from embexp.conclude.report.tables import save_tables, write_csv
from embexp.conclude.report.tabulation import prepare_tables

CELL_COLUMNS = (
    *("strategy", "train_size", "seed", "fold", "word2vec_seed", "test_accuracy", "test_macro_f1"),
    *("train_tokens", "train_seconds", "cached", "fingerprint"),
)
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class ReportPaths:
    """Where the parts of a report lie; figures and tables by name and file ending."""

    html: Path
    markdown: Path
    cells: Path
    figures: dict[str, dict[str, Path]]
    tables: dict[str, dict[str, Path]]


def write_report(results: Mapping[str, Any], folder: Path) -> ReportPaths:
    """Write report.html, report.md, cells.csv, figures/ and tables/ into `folder`.

    Args:
        results: The content of results.json; nothing else is read, so a report can be made again from it.
            Missing keys and null numbers leave out what rests on them.
        folder: Is made if need be. Files of an earlier report are replaced.

    Returns:
        The paths of all files. The same results give the same bytes.
    """
    study = StudyResults(results)
    material = Material(study, prepare_figures(study), prepare_tables(study))
    sections = build_sections(material)
    folder.mkdir(parents=True, exist_ok=True)
    paths = ReportPaths(
        html=folder / "report.html",
        markdown=folder / "report.md",
        cells=folder / "cells.csv",
        figures=save_figures(material.figures, folder / "figures"),
        tables=save_tables(material.tables, folder / "tables"),
    )
    write_csv(paths.cells, study.rows("cells"), first=CELL_COLUMNS)
    title = f"{study.study.get('name') or 'study'}: word embeddings, learned or word2vec?"
    paths.markdown.write_text(write_markdown(title, sections), encoding="utf-8")
    svgs = {name: files["svg"].read_bytes() for name, files in paths.figures.items()}
    paths.html.write_text(render_html(title, material, sections, svgs), encoding="utf-8")
    return paths


def render_html(
    title: str,
    material: Material,
    sections: Sequence[tuple[Section, Sequence[Block]]],
    svgs: Mapping[str, bytes],
) -> str:
    """Return the page; `svgs` are the drawn figures for print and for readers without scripts."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    plotly = compressed_plotly() if material.figures else Plotly("", "")
    data = {
        "figures": {name: specification(figure) for name, figure in material.figures.items()},
        "dark": dark_colours(list(material.figures.values())),
    }
    return environment.get_template("report.html.j2").render(
        title=title,
        sections=sections,
        light=LIGHT,
        dark=DARK,
        style=(TEMPLATES / "report.css").read_text(encoding="utf-8"),
        script=script,
        script_source=" ".join(filter(None, (content_source(script), plotly.source))),
        plotly=plotly.packed,
        data=script_json(data),
        images={name: base64.b64encode(svg).decode("ascii") for name, svg in svgs.items()},
    )


@dataclass(frozen=True)
class Plotly:
    """The drawing script, packed, and the word by which the page's policy lets it run."""

    packed: str
    source: str


@cache
def compressed_plotly() -> Plotly:
    """Return plotly.js as gzip in base64: 2.0 MB in place of 4.8 MB; the browser unpacks it."""
    from plotly.offline import get_plotlyjs

    script = get_plotlyjs()
    packed = gzip.compress(script.encode("utf-8"), compresslevel=9, mtime=0)
    return Plotly(base64.b64encode(packed).decode("ascii"), content_source(script))


def content_source(script: str) -> str:
    """Return the source expression of a content security policy that allows exactly this script."""
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
