#!/usr/bin/env python
"""A whole study by the clock: from an empty store, from a full one, and its cells on one and two workers.

    cold      `embexp` in an empty folder: prepare, word2vec, all cells, report, MLflow
    cached    the same command again
    cells     only the cells, the texts and vectors there already: serial, one local worker, two

Each figure is a process of its own; `speedup` is serial over two workers, pair by pair.

    scripts/bench/study.py --json docs/bench/study.json
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from embexp.results import environment

WAYS = {
    "serial": ["executor=serial"],
    "one worker": ["executor=local", "executor.workers=1"],
    "two workers": ["executor=local", "executor.workers=2"],
}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*", help="of the study; default: the default study")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(Path(scratch), arguments.overrides, arguments.rounds)
    for name, value in found["seconds"].items():
        print(f"{name:32s}{value['median']:9.1f} s   ({value['min']:.1f} to {value['max']:.1f})")
    print(f"{'speedup, two workers':32s}{found['speedup']:9.2f} x")
    print(f"{'word2vec of it':32s}{found['word2vec_seconds']:9.1f} s")
    print(f"{'engine, a cell (two workers)':32s}{1000 * found['overhead_seconds_per_cell']:9.2f} ms")
    print(f"{'tracking, share of cold':32s}{100 * found['tracking_share']:9.1f} %")
    for strategy, value in found["largest_cells"].items():
        print(f"{strategy + ', ' + format(found['largest_size'], ',') + ' texts':32s}{value:9.2f} s")
    print(f"{'largest worker':32s}{found['worker_peak_mb']:9.0f} MB")
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


def measure(scratch: Path, overrides: list[str], rounds: int) -> dict:
    """Run every way and return the figures."""
    seconds: dict[str, list[float]] = {}
    seconds["cold"] = [run(scratch, overrides)]
    seconds["cached"] = [run(scratch, overrides) for _ in range(rounds)]
    results = json.loads(next(scratch.glob("outputs/*/latest/results.json")).read_bytes())
    store = scratch / ".embexp" / "store"
    shared = [path for path in entries(store) if manifest(path)["stage"] != "run_cell"]
    overheads, peaks = [], []
    for _ in range(rounds):
        for name, way in WAYS.items():
            copy = scratch / "copy"
            for path in shared:
                shutil.copytree(path, copy / "store" / path.relative_to(store), dirs_exist_ok=True)
            quiet = [*overrides, *way, f"store={copy / 'store'}", f"output={copy / 'outputs'}", "tracking=none"]
            run(scratch, quiet)
            done = json.loads(next(copy.glob("outputs/*/latest/results.json")).read_bytes())["timeline"]
            wall = max(row["ended"] for row in done) - min(row["started"] for row in done)
            seconds.setdefault(f"cells, {name}", []).append(wall)
            if name == "two workers":
                busy = sum(row["ended"] - row["started"] for row in done)
                overheads.append((2 * wall - busy) / len(done))
            peaks.append(peak_mb(copy / "store"))
            shutil.rmtree(copy)
    without = run(scratch, [*overrides, "tracking=none"])
    pairs = zip(seconds["cells, serial"], seconds["cells, two workers"], strict=True)
    return {
        "machine": environment() | {"date": time.strftime("%Y-%m-%d")},
        "seconds": {
            name: {"median": statistics.median(values), "min": min(values), "max": max(values)}
            for name, values in seconds.items()
        },
        "speedup": statistics.median(serial / two for serial, two in pairs),
        "word2vec_seconds": results["word2vec"]["seconds"],
        "overhead_seconds_per_cell": statistics.median(overheads),
        "tracking_share": max(0.0, statistics.median(seconds["cached"]) - without) / seconds["cold"][0],
        "largest_size": max(row["train_size"] for row in results["costs"]),
        "largest_cells": largest_cells(results["costs"]),
        "worker_peak_mb": max(peaks),
        "cells": len(results["cells"]),
    }


def largest_cells(costs: list[dict]) -> dict[str, float]:
    """Return the median training seconds of each strategy at the largest size, from mapped data to final weights."""
    largest = max(row["train_size"] for row in costs)
    return {row["strategy"]: row["train_seconds"] for row in costs if row["train_size"] == largest}


def run(folder: Path, overrides: list[str]) -> float:
    """Run one study as a process of its own and return its wall seconds."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "embexp.cli", *overrides]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    return time.perf_counter() - started


def entries(store: Path) -> list[Path]:
    """Return the folders of all entries."""
    return [path.parent for path in store.glob("entries/*/*/entry.json")]


def manifest(entry: Path) -> dict:
    """Return an entry's manifest."""
    return json.loads((entry / "entry.json").read_bytes())


def peak_mb(store: Path) -> float:
    """Return the largest resident memory that a worker had while it trained a cell."""
    timings = (json.loads((path / "timing.json").read_bytes()) for path in entries(store))
    return max((timing["peak_mb"] for timing in timings if "peak_mb" in timing), default=0.0)


if __name__ == "__main__":
    sys.exit(main())
