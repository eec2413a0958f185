"""What the engine runs: a stage is a kind of work, a task one instance of it, named by its fingerprint.

A fingerprint is the sha256 of the canonical JSON of {stage, version, config, fingerprints of the needs}:
all that moves the bytes of an output, and nothing else. Titles and costs are for people and for the order
of work; they are no part of it.

    prepare = Stage("prepare_dataset", 1, prepare_dataset, all_cores=True)
    dataset = Task(prepare, {"name": "movie_reviews"}, title="movie_reviews", cost=4)
    cell = Task(train, {"seed": 0, "train_size": 100}, {"dataset": dataset}, title="random, 100, seed 0")
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

PROGRESS_SECONDS = 0.25  # a task is heard at most this often


def plain(value: Any, where: str = "config") -> JSON:
    """Copy a value into plain JSON types; tuples become lists.

    Raises:
        TypeError: If something in it is no JSON (a NumPy number, a key that is not a string, …); says where.
        ValueError: If a float is not finite: JSON has no word for it.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{where} is {value}, which JSON cannot hold")
        return float(value)
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}[{number}]") for number, item in enumerate(value)]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{where} has the key {key!r}; JSON keys are strings")
        return {str.__str__(key): plain(item, f"{where}.{key}") for key, item in value.items()}
    raise TypeError(f"{where} is {value!r} of type {type(value).__name__}, which is not JSON")


def canonical_json(value: Any) -> bytes:
    """Write plain JSON so that equal values give equal bytes: keys sorted, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def fingerprint_of(stage: str, version: int, config: Any, needs: Mapping[str, str]) -> str:
    """Return the sha256 hex digest that names an output.

    Args:
        stage: Name of the stage.
        version: Version of the stage; raised whenever its code moves numbers.
        config: Plain JSON.
        needs: Fingerprint of each need by its name.
    """
    identity = {"stage": stage, "version": version, "config": config, "needs": dict(needs)}
    return hashlib.sha256(canonical_json(identity)).hexdigest()


@dataclass(frozen=True)
class Progress:
    """How far a running task has come."""

    done: float
    total: float
    unit: str = ""
    note: str = ""


class Work:
    """What a stage function receives, in the worker that runs it.

    Attributes:
        config: The task's configuration, plain JSON.
        needs: The folder of each finished need; read-only by agreement.
        hints: What helps to find the input, such as a path; must not move the output's bytes.
        folder: The entry being built: write files here. `record.json` is the JSON result.
        timing: Free numbers that end up in timing.json, outside fingerprint and checksum.
        cores: How many cores the function may use; 1 unless its stage says `all_cores`.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        needs: Mapping[str, Path],
        folder: Path,
        *,
        hints: Mapping[str, Any] | None = None,
        cores: int = 1,
        hear: Callable[[Progress], None] | None = None,
    ) -> None:
        self.config = config
        self.needs = needs
        self.hints: Mapping[str, Any] = hints or {}
        self.folder = folder
        self.cores = cores
        self.timing: dict[str, float] = {}
        self._hear = hear
        self._heard = time.monotonic()

    def progress(self, done: float, total: float, unit: str = "", note: str = "") -> None:
        """Say how far the work is. Cheap enough for every step: it is passed on a few times a second."""
        now = time.monotonic()
        if self._hear is not None and now - self._heard >= PROGRESS_SECONDS:
            self._heard = now
            self._hear(Progress(done, total, unit, note))


@dataclass(frozen=True)
class Stage:
    """A kind of work.

    Attributes:
        name: Stands in fingerprints and in the store.
        version: Raised whenever the code moves numbers, so that old entries are not mistaken for new ones.
        function: Module-level function that fills `work.folder`; workers import it by its name.
        all_cores: The function uses `work.cores` cores. It is given all that are free, in a process of its
            own whose libraries may use as many threads; everything else runs with one thread.
        together: Module-level function that fills the folders of several works of one group, and yields those whose
            folders are filled, some at a time, in the order given; None: each work is by itself.
    """

    name: str
    version: int
    function: Callable[[Work], None]
    all_cores: bool = False
    together: Callable[[Sequence[Work]], Iterator[Sequence[Work]]] | None = None

    def __post_init__(self) -> None:
        for function in (self.function, self.together):
            if function is not None and "<" in getattr(function, "__qualname__", "<"):
                raise ValueError(f"stage {self.name!r}: {function!r} is no module-level function")


@dataclass(frozen=True, eq=False)
class Task:
    """One piece of work with its configuration and what it needs; equal tasks have equal fingerprints.

    Attributes:
        stage: The kind of work.
        config: All that moves the output's bytes; copied into plain JSON.
        needs: The tasks whose entries it reads, by the name under which `Work.needs` has them.
        title: For people.
        cost: Estimated seconds, for the order of work only.
        hints: Plain JSON that the worker needs beside, such as where a file lies; no part of the fingerprint.
        group: Tasks of one stage and group may be given to a worker together, if the stage can take them so; empty:
            by itself. No part of the fingerprint.
        fingerprint: The identity of the output.
    """

    stage: Stage
    config: Mapping[str, Any]
    needs: Mapping[str, Task] = field(default_factory=dict)
    title: str = ""
    cost: float = 1.0
    hints: Mapping[str, Any] = field(default_factory=dict)
    group: str = ""
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        config = plain(self.config, f"config of stage {self.stage.name!r}")
        if not isinstance(config, dict):
            raise TypeError(f"config of stage {self.stage.name!r} is no mapping")
        needs = dict(self.needs)
        digests = {name: need.fingerprint for name, need in needs.items()}
        for name, value in (
            ("config", config),
            ("needs", needs),
            ("hints", plain(self.hints, f"hints of stage {self.stage.name!r}")),
            ("title", self.title or self.stage.name),
            ("fingerprint", fingerprint_of(self.stage.name, self.stage.version, config, digests)),
        ):
            object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Task) and other.fingerprint == self.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"<Task {self.title!r} {self.fingerprint[:8]}>"
