"""The report of a study, made from the content of its results.json alone.

    results ──► reading.StudyResults ──► figures.Chart ──► draw_plotly (page), draw_matplotlib (files)
                                    └──► tables.Table  ──► CSV, LaTeX, Markdown, HTML
                                    └──► sections.SECTIONS ──► report.html, report.md

A part that wants a place in the report adds one `Section` to `sections.SECTIONS` and its two templates.
"""

from embexp.conclude.report.console import console_verdict
from embexp.conclude.report.page import ReportPaths, write_report

__all__ = ["ReportPaths", "console_verdict", "write_report"]
