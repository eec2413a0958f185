"""`embexp sync`: deliver what MLflow has not heard yet."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from embexp.config import TrackingConfig
from embexp.errors import UserError
from embexp.tracking.address import Address, check_address, resolve_address
from embexp.tracking.outbox import Label, count_items, find_boxes, is_owned, read_label, read_progress
from embexp.tracking.post import start_courier
from embexp.tracking.record import Delivery

PATIENCE_SECONDS = 60.0  # without progress


@dataclass(frozen=True)
class Parcel:
    """A box and where it goes."""

    box: Path
    label: Label
    address: Address | None  # None: its URI holds a secret that only the user knows
    items: int


def sync(config: TrackingConfig, outbox: Path, report: Callable[[str], None] = lambda line: None) -> list[Delivery]:
    """Deliver every box whose planner has gone, each to where it was meant to go.

    A destination whose URI holds a password is not kept on disk with it: such a box is delivered when
    `tracking.uri` or MLFLOW_TRACKING_URI names the same place again. An explicit `tracking.uri` takes all.

    Args:
        config: The settings under tracking.
        outbox: Folder that keeps what MLflow has not heard yet.
        report: Called with a line for each box.

    Returns:
        What became of each box.

    Raises:
        UserError: `tracking.kind` is none, or the URI cannot be one.
    """
    if config.kind == "none":
        raise UserError("tracking.kind: 'none' sends nothing to MLflow; sync needs tracking=mlflow")
    here = resolve_address(config)
    deliveries = []
    for box in find_boxes(outbox):
        if is_owned(box):
            report(f"{box.name}: its study is still running and delivers by itself")
            continue
        try:
            parcel = _address_parcel(box, here, bool(config.uri))
        except (OSError, ValueError, TypeError, KeyError) as error:
            report(f"{box} is damaged and was left alone ({error}); its study delivers again when it is run again")
            continue
        delivery = _deliver(parcel)
        report(f"{parcel.label.study.name}: {delivery.sentence()}")
        deliveries.append(delivery)
    return deliveries


def _address_parcel(box: Path, here: Address, explicit: bool) -> Parcel:
    label = read_label(box)
    items = count_items(box)
    if explicit or here.shown == label.destination:
        return Parcel(box, label, here, items)
    if "***" in label.destination:
        return Parcel(box, label, None, items)
    return Parcel(box, label, check_address(label.destination, f"the outbox {box}"), items)


def _deliver(parcel: Parcel) -> Delivery:
    destination = parcel.label.destination
    if parcel.address is None:
        reason = f"its password is not kept; name {destination} with it in tracking.uri"
        return Delivery(0, parcel.items, reason, destination)
    with tempfile.TemporaryDirectory(prefix="embexp-sync-") as logs:
        courier = start_courier(parcel.address, None, [parcel.box], Path(logs))
        _await(courier, parcel.box)
    progress = read_progress(parcel.box)
    if not parcel.box.exists():
        return Delivery(parcel.items, 0, None, parcel.address.shown)
    reason = progress.error or "MLflow did not answer in time"
    return Delivery(progress.delivered, parcel.items - progress.delivered, reason, parcel.address.shown)


def _await(courier: subprocess.Popen[bytes], box: Path) -> None:
    seen, since = -1, time.monotonic()
    try:
        while courier.poll() is None and time.monotonic() - since < PATIENCE_SECONDS:
            delivered = read_progress(box).delivered
            if delivered != seen:
                seen, since = delivered, time.monotonic()
            try:
                courier.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
    finally:
        if courier.poll() is None:
            courier.kill()
            courier.wait()
        if courier.stdin is not None:
            courier.stdin.close()
