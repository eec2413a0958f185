"""The report of a study, made from the content of its results.json alone.

    results ──► reading.StudyResults ──► figures.Chart ──► draw_plotly (page), draw_matplotlib (files)
                                    └──► tables.Table  ──► CSV, LaTeX, Markdown, HTML
                                    └──► sections.SECTIONS ──► report.html, report.md

    results of several ──► comparison.Comparison ──► a page, a figure and a table of the same kinds

A part that wants a place in the report adds one `Section` to `sections.SECTIONS` and its two templates.
"""

from embexp.conclude.report.comparison_page import ComparisonPaths, write_comparison
from embexp.conclude.report.console import console_verdict
from embexp.conclude.report.page import ReportPaths, write_report

__all__ = ["ComparisonPaths", "ReportPaths", "console_verdict", "write_comparison", "write_report"]
