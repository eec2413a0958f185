"""Saved views: how MLflow's interface shows a study when `embexp ui` opens it.

MLflow keeps a view of an experiment as one of its tags, `mlflow.sharedViewState.<key>`; an address that names
the key opens it, and since 3.17 it stands by its name in the menu "Views". A version that does not know the
form shows its plain chart view instead, in which the learning curves are drawn as well.
"""

from __future__ import annotations

import base64
import json
import uuid
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from embexp.tracking import layout
from embexp.tracking.record import StudyInfo

TAG_VIEW = "mlflow.sharedViewState."
CURVES_PREFIX = "embexp-"
LARGEST_TAG = 5000  # characters of an experiment's tag

_SHOW_ALL = "SHOW_ALL"
_LINE = {"lineSmoothness": 0, "useGlobalLineSmoothing": False, "useGlobalXaxisKey": True, "xAxisKey": "step"}


def curves_key(study_fingerprint: str) -> str:
    """Give the key of the view of a study's learning curves."""
    return f"{CURVES_PREFIX}{study_fingerprint[:16]}"


def cells_key(study_fingerprint: str) -> str:
    """Give the key of the view of a study's cells."""
    return f"{CURVES_PREFIX}{study_fingerprint[:16]}-cells"


def view_tags(study: StudyInfo, results: Mapping[str, Any], milliseconds: int) -> dict[str, str]:
    """Give the experiment tags that hold a study's views.

    Args:
        study: The study.
        results: What results.json holds; its pairs decide which charts there are.
        milliseconds: When the views were made, since the epoch.
    """
    short = study.fingerprint[:8]
    views = {
        curves_key(study.fingerprint): (f"Learning curves ({short})", _curves_state(study, results)),
        cells_key(study.fingerprint): (f"Cells ({short})", _cells_state(study)),
    }
    return {TAG_VIEW + key: _envelope(name, state, milliseconds) for key, (name, state) in views.items()}


def _envelope(name: str, state: Mapping[str, Any], milliseconds: int) -> str:
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode(), 9)).decode()
    view = {"name": name, "createdAt": milliseconds, "updatedAt": milliseconds, "state": f"deflate;{packed}"}
    return json.dumps(view)


def _curves_state(study: StudyInfo, results: Mapping[str, Any]) -> dict[str, Any]:
    sections = {name: _identify(study, name) for name in ("Learning curves", "Crossovers", "Label equivalence")}
    curves, crossovers, labels = sections.values()
    charts = [
        _line(study, curves, layout.ACCURACY, "Test accuracy over train size", x="log"),
        _bar(study, curves, layout.AREA, "Mean test accuracy over the sizes (area under the curve)"),
    ]
    keys = sorted({point.key for point in layout.conclusion_points(results)})
    for key in keys:
        name = key.removeprefix(f"{layout.ACCURACY}.")
        if key.startswith(layout.CROSSOVER):
            charts.append(_bar(study, crossovers, key, name))
        else:
            charts.append(_line(study, labels, key, name, x="log", y="log"))
    charts += [_line(study, curves, key, key, x="log") | {"deleted": True} for key in (layout.LOW, layout.HIGH)]
    state = _state(study, f"tags.`{layout.TAG_ROLE}` != 'cell'", charts, sections)
    state["compareRunSections"][0] |= {"columns": 2, "cardHeight": 520}
    return state


def _cells_state(study: StudyInfo) -> dict[str, Any]:
    sections = {name: _identify(study, f"cells/{name}") for name in ("Cells", "Model metrics")}
    cells, others = sections.values()
    parallel = {
        "type": "PARALLEL",
        "uuid": _identify(study, "parallel"),
        "metricSectionId": cells,
        "isGenerated": False,
        "deleted": False,
        "runsCountToCompare": 1000,
        "displayName": "Strategy, train size and seed against test accuracy",
        "selectedParams": ["strategy", "train_size", "seed"],
        "selectedMetrics": ["train_seconds", layout.ACCURACY],
        "showAllRuns": True,
    }
    charts = [parallel, _line(study, others, "train_loss", "Training loss over optimiser steps")]
    state = _state(study, f"tags.`{layout.TAG_ROLE}` = 'cell'", charts, sections)
    state["compareRunSections"][0] |= {"columns": 1, "cardHeight": 520}
    return state


def _state(study: StudyInfo, which: str, charts: list[dict[str, Any]], sections: Mapping[str, str]) -> dict[str, Any]:
    return {
        "searchFilter": f"tags.`{layout.TAG_STUDY}` LIKE '{study.fingerprint[:12]}%' AND {which}",
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "runsHiddenMode": _SHOW_ALL,
        "hideEmptyCharts": True,
        "compareRunCharts": charts,
        "compareRunSections": [
            {"uuid": key, "name": name, "display": True, "isReordered": True, "deleted": False, "isGenerated": True}
            for name, key in sections.items()
        ],
        "isAccordionReordered": True,
    }


def _line(
    study: StudyInfo, section: str, metric: str, title: str, x: str = "linear", y: str = "linear"
) -> dict[str, Any]:
    return _chart(study, "LINE", section, metric, title) | _LINE | {"xAxisScaleType": x, "scaleType": y}


def _bar(study: StudyInfo, section: str, metric: str, title: str) -> dict[str, Any]:
    return _chart(study, "BAR", section, metric, title)


def _chart(study: StudyInfo, kind: str, section: str, metric: str, title: str) -> dict[str, Any]:
    return {
        "type": kind,
        "uuid": _identify(study, f"{section}/{metric}"),
        "metricSectionId": section,
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "displayName": title,
        "isGenerated": False,
        "deleted": False,
        "runsCountToCompare": 20,
    }


def _identify(study: StudyInfo, name: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{study.fingerprint}/{name}").hex[:12]


def describe_experiment(views: Iterable[str]) -> str:
    """Write the description of an experiment: how to read it."""
    return (
        "Each run at the top is a strategy or a control of an embexp study; its metric test_accuracy has the "
        "train size as its step, so the chart view draws the learning curves. Its nested runs are the cells. "
        "The run named after the study holds the verdict, the report and results.json. "
        f"Views to open: {', '.join(views)}."
    )
