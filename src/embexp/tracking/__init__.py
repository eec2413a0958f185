"""Tracking: studies in MLflow, each cell exactly once, without slowing the study.

    planner ── Tracker ──► outbox (files) ──► courier (a process of its own) ──► MLflow

`layout` says how a study stands in MLflow, `delivery` writes it there.
"""

from embexp.tracking.record import CellRecord, Delivery, StudyInfo
from embexp.tracking.serve import ui
from embexp.tracking.sync import sync
from embexp.tracking.tracker import Tracker, open_tracker

__all__ = ["CellRecord", "Delivery", "StudyInfo", "Tracker", "open_tracker", "sync", "ui"]
