"""`embexp ui` and `embexp sync`: open MLflow where the studies are, deliver what it has not heard yet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from embexp.command.arguments import Arguments
from embexp.command.compose import compose_arguments
from embexp.errors import StudyFailed, UserError

OUTBOX = "outbox"  # beside the store


def ui(arguments: Arguments) -> int:
    """Serve MLflow's interface until Ctrl-C; `name=STUDY` picks the study, `port=N` the port."""
    from embexp import tracking

    ports = [word for word in arguments.overrides if word.startswith("port=")]
    others = [word for word in arguments.overrides if word not in ports]
    port = _read_port(ports[-1]) if ports else None
    config = compose_arguments(replace(arguments, overrides=tuple(others)))
    named = any(word.startswith(("name=", "experiment=", "dataset=")) for word in others)
    tracking.ui(config.tracking, config.name if named else None, port)
    return 0


def sync(arguments: Arguments) -> int:
    """Deliver what is pending, and say what became of it."""
    from embexp import tracking

    config = compose_arguments(arguments)
    deliveries = tracking.sync(config.tracking, Path(config.store).parent / OUTBOX, print)
    if not deliveries:
        print("Nothing is pending: MLflow has heard everything.")
    if any(delivery.undelivered for delivery in deliveries):
        raise StudyFailed("some deliveries are still pending")
    return 0


def _read_port(word: str) -> int:
    text = word.partition("=")[2]
    if not text.isdecimal() or not 1024 <= int(text) <= 65535:
        raise UserError(f"{word}: a port is a number from 1024 to 65535; leave it out for a free one")
    return int(text)
