"""All figures of a report.

A later part adds its figure to MAKERS: a function that turns results into a chart, or None where there is
nothing to draw.
"""

from __future__ import annotations

from collections.abc import Callable

from embexp.conclude.report.charts import Figure
from embexp.conclude.report.curve_figures import costs, forecasts, learning_curves
from embexp.conclude.report.pair_figures import differences, label_equivalence
from embexp.conclude.report.reading import StudyResults
from embexp.conclude.report.timeline import timeline
from embexp.conclude.report.tuning_figures import expected_best, tuned_values

MAKERS: tuple[Callable[[StudyResults], Figure | None], ...] = (
    learning_curves,
    differences,
    label_equivalence,
    forecasts,
    tuned_values,
    expected_best,
    costs,
    timeline,
)


def prepare_figures(study: StudyResults) -> dict[str, Figure]:
    """Return the figures for which there is something to draw, by name."""
    made = (maker(study) for maker in MAKERS)
    return {figure.name: figure for figure in made if figure is not None}
