"""How busy this machine is while a study runs, in MLflow's own names: its tab "System metrics" draws them.

Sampled by the planner into the outbox, like everything else that MLflow hears, so that a broken tracker costs nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from embexp.errors import UserError

SECONDS = 10.0  # between samples, as MLflow has it
PREFIX = "system/"
MEGABYTE = 1e6


def check_psutil() -> None:
    """Refuse system metrics where psutil is missing.

    Raises:
        UserError: it is not installed.
    """
    from importlib.util import find_spec

    if find_spec("psutil") is None:
        raise UserError(
            "tracking.system_metrics: true needs the package psutil, which is not installed; "
            "pip install 'embexp[system-metrics]' installs it"
        )


class Sampler:
    """Samples processor, memory, disk and network in a thread of its own until it is stopped."""

    def __init__(self, note: Callable[[dict[str, Any]], None], seconds: float = SECONDS) -> None:
        """Take the first sample and go on.

        Args:
            note: Called with each sample, {metric: value}, in the sampler's thread or that of `stop`.
            seconds: Between samples.
        """
        import psutil

        self._psutil = psutil
        self._note = note
        self._seconds = seconds
        self._stopping = threading.Event()
        self._sent = psutil.net_io_counters()
        psutil.cpu_percent(interval=None)  # the first answer is about nothing
        self._thread = threading.Thread(target=self._go, name="system-metrics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take the last sample; may be called again."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._thread.join()
            self._note(self.sample())

    def _go(self) -> None:
        while not self._stopping.wait(self._seconds):
            self._note(self.sample())

    def sample(self) -> dict[str, float]:
        """Measure once; the processor since the last time, the network since the start."""
        memory, disk = self._psutil.virtual_memory(), self._psutil.disk_usage("/")
        found = {
            "cpu_utilization_percentage": self._psutil.cpu_percent(interval=None),
            "system_memory_usage_megabytes": memory.used / MEGABYTE,
            "system_memory_usage_percentage": memory.percent,
            "disk_usage_percentage": disk.percent,
            "disk_usage_megabytes": disk.used / MEGABYTE,
            "disk_available_megabytes": disk.free / MEGABYTE,
        }
        now = self._psutil.net_io_counters()
        if now is not None and self._sent is not None:  # None where the system tells nothing
            found["network_receive_megabytes"] = (now.bytes_recv - self._sent.bytes_recv) / MEGABYTE
            found["network_transmit_megabytes"] = (now.bytes_sent - self._sent.bytes_sent) / MEGABYTE
        return {PREFIX + name: round(float(value), 3) for name, value in found.items()}
