"""What the planner hands to the tracking room, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class StudyInfo:
    """A study, as MLflow shows it.

    Two studies of the same fingerprint are the same study: the second finds the runs of the first.
    """

    name: str
    dataset: str
    fingerprint: str
    command: str  # reproduces the study
    config: Mapping[str, Any]  # resolved; secrets masked
    output: Path

    def as_json(self) -> dict[str, Any]:
        """Give plain values that JSON can hold."""
        return {**asdict(self), "config": dict(self.config), "output": str(self.output)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> StudyInfo:
        """Build the study that `as_json` described."""
        return cls(**{**values, "output": Path(values["output"])})


@dataclass(frozen=True)
class CellRecord:
    """A finished cell, as MLflow shows it."""

    strategy: str
    train_size: int
    seed: int
    fingerprint: str
    fold: int | None = None  # of a cross-validation
    word2vec_seed: int | None = None  # of several trainings of the word vectors
    params: Mapping[str, Any] = field(default_factory=dict)  # few and flat
    metrics: Mapping[str, float | None] = field(default_factory=dict)  # None is left out
    history: Sequence[Mapping[str, float]] = ()  # each with its `step`
    started: float | None = None  # epoch seconds
    ended: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Give plain values that JSON can hold."""
        # Not dataclasses.asdict: its deep copy of the history costs ten times the JSON.
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Delivery:
    """What of a study has reached MLflow."""

    delivered: int  # cells, and the study itself as one
    undelivered: int
    reason: str | None = None  # why something is undelivered
    address: str = ""  # the tracking URI without its secrets

    def sentence(self) -> str:
        """Say it in one sentence, with the way to go on."""
        if not self.address:
            return "MLflow: off (tracking=none)"
        if not self.undelivered:
            return f"MLflow: everything delivered to {self.address}; `embexp ui` shows it"
        return (
            f"MLflow: {self.undelivered} of {self.delivered + self.undelivered} deliveries to {self.address} "
            f"are pending ({self.reason or 'unknown reason'}); nothing is lost, `embexp sync` delivers them"
        )
