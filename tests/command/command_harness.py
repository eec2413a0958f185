"""What a command line led to, when it ran in the process of the test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from embexp.config import StudyConfig


@dataclass
class Said:
    """Exit code, output, and the studies that were carried out."""

    code: int
    out: str
    err: str
    studies: list[StudyConfig] = field(default_factory=list)


Embexp: TypeAlias = Callable[..., Said]
