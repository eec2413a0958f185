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
from contextlib import suppress
from typing import Any

from embexp.tracking import layout
from embexp.tracking.record import StudyInfo

TAG_VIEW = "mlflow.sharedViewState."
KEY_PREFIX = "embexp-"
CARD_HEIGHT = 430  # pixels: on a laptop's screen the legend below the curves is still to be seen
KEPT_STUDIES = 12  # MLflow takes 50 views of an experiment, and each study has three

_SHOW_ALL = "SHOW_ALL"
# MLflow loads 100 runs at a time: by seed, the first of them are whole grids.
_BY_SEED = {"orderByKey": "params.`seed`", "orderByAsc": True}


def view_key(study_fingerprint: str, view: str) -> str:
    """Give the key of a study's view: "curves", "grouped" or "parallel"."""
    return f"{KEY_PREFIX}{study_fingerprint[:16]}-{view}"


def view_tags(study: StudyInfo, results: Mapping[str, Any], milliseconds: int) -> dict[str, str]:
    """Give the experiment tags that hold a study's views.

    Args:
        study: The study.
        results: What results.json holds; its pairs decide which charts there are.
        milliseconds: When the views were made, since the epoch.
    """
    views = {
        "curves": ("Learning curves", _curves_state(study, results)),
        "grouped": ("Cells by strategy and train size", _grouped_state(study)),
        "parallel": ("Cells in parallel coordinates", _parallel_state(study)),
    }
    return {
        TAG_VIEW + view_key(study.fingerprint, key): _envelope(f"{name} ({study.fingerprint[:8]})", state, milliseconds)
        for key, (name, state) in views.items()
    }


def newest_view(tags: Mapping[str, str]) -> str | None:
    """Find the key of the curves of the study that finished last, in the tags of an experiment."""
    curves = {key: made for key, made in _made(tags).items() if key.endswith("-curves")}
    return max(curves, key=lambda key: curves[key]) if curves else None


def last_finished(tags: Mapping[str, str]) -> int:
    """Give when the last study of an experiment finished, in milliseconds; 0 if none did."""
    return max(_made(tags).values(), default=0)


def outdated(tags: Mapping[str, str], study: StudyInfo) -> list[str]:
    """Give the tags of views that must go so that MLflow's limit on their number is kept; never the study's."""
    made = _made(tags)
    studies: dict[str, int] = {}
    for key, milliseconds in made.items():
        stem = key.rpartition("-")[0]
        studies[stem] = max(studies.get(stem, 0), milliseconds)
    studies.pop(view_key(study.fingerprint, "").rstrip("-"), None)
    kept = sorted(studies, key=lambda stem: studies[stem], reverse=True)[: KEPT_STUDIES - 1]
    return [TAG_VIEW + key for key in made if key.rpartition("-")[0] in studies.keys() - set(kept)]


def _made(tags: Mapping[str, str]) -> dict[str, int]:
    """Give our views among an experiment's tags, with the time at which each was made."""
    found = {}
    for name, value in tags.items():
        if name.startswith(TAG_VIEW + KEY_PREFIX):
            with suppress(ValueError, KeyError, TypeError):
                found[name.removeprefix(TAG_VIEW)] = int(json.loads(value)["updatedAt"])
    return found


def _envelope(name: str, state: Mapping[str, Any], milliseconds: int) -> str:
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode(), 9)).decode()
    view = {"name": name, "createdAt": milliseconds, "updatedAt": milliseconds, "state": f"deflate;{packed}"}
    return json.dumps(view)


def _curves_state(study: StudyInfo, results: Mapping[str, Any]) -> dict[str, Any]:
    sections = {name: _identify(study, name) for name in ("Learning curves", "Crossovers", "Label equivalence")}
    curves, crossovers, labels = sections.values()
    charts = [
        _line(study, curves, [layout.ACCURACY], x="log"),
        _bar(study, curves, [layout.AREA]),
        # Named here, so that MLflow does not add charts of their own for them.
        *(_line(study, curves, [key]) | {"deleted": True} for key in (layout.LOW, layout.HIGH)),
    ]
    for stem, keys in _group_bounds(layout.conclusion_points(results)).items():
        if stem.startswith(layout.CROSSOVER):
            charts.append(_bar(study, crossovers, keys))
        else:
            charts.append(_line(study, labels, keys, x="log", y="log"))
        charts += [_bar(study, curves, [key]) | {"deleted": True} for key in keys if key != stem]
    state = _state(study, f"tags.`{layout.TAG_ROLE}` != 'cell'", charts, sections)
    for section in state["compareRunSections"]:
        section["columns"] = 2
    state["compareRunSections"][0]["cardHeight"] = CARD_HEIGHT
    return state


def _group_bounds(points: Iterable[layout.Point]) -> dict[str, list[str]]:
    """Put each estimate and its interval bounds together: {"x": ["x", "x_low", "x_high"]}."""
    groups: dict[str, list[str]] = {}
    for key in dict.fromkeys(point.key for point in points):
        groups.setdefault(key.removesuffix("_low").removesuffix("_high"), []).append(key)
    return groups


def _grouped_state(study: StudyInfo) -> dict[str, Any]:
    sections = {"Model metrics": _identify(study, "grouped")}
    section = sections["Model metrics"]
    charts = [_line(study, section, [key], x=x) for key, x in ((layout.ACCURACY, "log"), ("train_loss", "linear"))]
    keys = [{"mode": "param", "groupByData": name} for name in ("strategy", "train_size")]
    groups = {"aggregateFunction": "average", "groupByKeys": keys}
    state = _state(study, f"tags.`{layout.TAG_ROLE}` = 'cell'", charts, sections)
    return state | _BY_SEED | {"groupBy": groups}


def _parallel_state(study: StudyInfo) -> dict[str, Any]:
    sections = {name: _identify(study, f"parallel/{name}") for name in ("Parallel coordinates", "Model metrics")}
    section = sections["Parallel coordinates"]
    parallel = _chart(study, "PARALLEL", section, "cells") | {
        "selectedParams": ["strategy", "train_size"],
        "selectedMetrics": ["train_seconds", layout.ACCURACY],
        "showAllRuns": True,
    }
    state = _state(study, f"tags.`{layout.TAG_ROLE}` = 'cell'", [parallel], sections)
    state["compareRunSections"][0] |= {"columns": 1, "cardHeight": CARD_HEIGHT}
    # MLflow folds nested runs until they are opened, and would hide the chart until then.
    return state | _BY_SEED | {"hideEmptyCharts": False}


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


def _line(study: StudyInfo, section: str, metrics: list[str], x: str = "linear", y: str = "linear") -> dict[str, Any]:
    return (
        _chart(study, "LINE", section, metrics[0])
        | {"metricKey": metrics[0], "selectedMetricKeys": metrics, "xAxisScaleType": x, "scaleType": y}
        | {"xAxisKey": "step", "useGlobalXaxisKey": True}
        | {"lineSmoothness": 0, "useGlobalLineSmoothing": False}
    )


def _bar(study: StudyInfo, section: str, metrics: list[str]) -> dict[str, Any]:
    return _chart(study, "BAR", section, metrics[0]) | {
        "metricKey": metrics[0],
        "selectedMetricKeys": metrics,
    }


def _chart(study: StudyInfo, kind: str, section: str, name: str) -> dict[str, Any]:
    return {
        "type": kind,
        "uuid": _identify(study, f"{section}/{name}"),
        "metricSectionId": section,
        "isGenerated": False,
        "deleted": False,
        "runsCountToCompare": 1000,
    }


def _identify(study: StudyInfo, name: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{study.fingerprint}/{name}").hex[:12]


EXPERIMENT_NOTE = (
    "Learning curves over the train size: open them under *Views*, at the top. "
    "Cells are nested below their strategy; the study's own run has the verdict and the report."
)
