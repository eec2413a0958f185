"""Everything that a study's measurements say, as JSON-able data.

    measurements ──► curves, areas, fits
                 ──► contrasts ──► crossovers, label equivalence, horizontal distances
                 ──► recommendations ──► verdict, warnings

Every interval is about new seeds and new texts of the same kind (docs/statistics.md).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from embexp.conclude.measurements import Measurements
from embexp.conclude.statistics.cautions import warnings
from embexp.conclude.statistics.contrasts import Rules, contrasts
from embexp.conclude.statistics.crossovers import crossovers
from embexp.conclude.statistics.curves import area_under_curves, curves
from embexp.conclude.statistics.equivalence import horizontal_distances, label_equivalence
from embexp.conclude.statistics.moments import Moments
from embexp.conclude.statistics.power_law import fits
from embexp.conclude.statistics.recommendations import GRID, recommendations
from embexp.conclude.statistics.verdict import Verdict
from embexp.errors import UserError


def conclude(
    measurements: Measurements, *, margin: float = 0.01, level: float = 0.95, points: int = GRID, draws: int = 0
) -> dict[str, Any]:
    """Draw all conclusions from the measurements of a study.

    Args:
        measurements: Per-text correctness of every cell.
        margin: Differences in accuracy up to this size do not matter; .01 is one point.
        level: Coverage of the intervals.
        points: Numbers of labels in `recommendations`, the study's sizes come on top.
        draws: With which every cell was tuned; 0 where one protocol serves all.

    Returns:
        JSON-able keys `rules`, `curves`, `area_under_curve`, `fits`, `contrasts`, `crossovers`, `label_equivalence`,
        `horizontal_distance`, `recommendations`, `advice` (what to do, in a headline), `verdict` (all sentences),
        `warnings`. A number that cannot be known is None.

    Raises:
        UserError: margin or level is out of range.
    """
    UserError.raise_if(_problems(margin, level, points))
    rules = Rules(margin=margin, level=level)
    moments = Moments(measurements)
    results: dict[str, Any] = {
        "curves": curves(moments, rules),
        "area_under_curve": area_under_curves(moments, rules),
        "fits": fits(moments, rules),
        "contrasts": contrasts(moments, rules),
        "crossovers": crossovers(moments, rules),
        "label_equivalence": label_equivalence(moments, rules),
        "horizontal_distance": horizontal_distances(moments, rules),
        "recommendations": recommendations(moments, rules, points),
    }
    results["rules"] = {**asdict(rules), "seeds": len(measurements.seeds), "texts": measurements.texts}
    verdict = Verdict(measurements, results, rules, draws)
    results["advice"] = verdict.advice()
    results["verdict"] = verdict.sentences()
    results["warnings"] = warnings(measurements, results["contrasts"], rules)
    return results


def _problems(margin: float, level: float, points: int) -> list[str]:
    problems = []
    if not 0 < margin < 1:
        problems.append(f"margin: {margin} is not a difference in accuracy; give one above 0 and below 1, as .01")
    if not 0.5 <= level < 1:
        problems.append(f"level: {level} is not the coverage of an interval; give one from .5 to below 1, as .95")
    if points < 2:
        problems.append(f"points: {points} is too few for a range of labels; give at least 2")
    return problems
