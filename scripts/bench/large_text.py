#!/usr/bin/env python
"""Prepare files from 10 MB to 5 GB: seconds, tokens per second and peak memory of a process of its own for each.

A file holds reviews of words drawn by Zipf's law from the vocabulary of movie_reviews, with their classes. The first
run reads it (plan, token ids, counts); the second finds the facts remembered and maps the entry.

    scripts/bench/large_text.py --megabytes 10 100 1000 5000 --json docs/bench/large_text.json
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

WORDS, LENGTH = 200_000, 200  # different words; words of a text
SETTLED = 2.5  # seconds until a new file's time can be trusted


def main() -> int:
    """Generate the files, prepare each in a process of its own, print the table and the slope."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--format", choices=["csv", "parquet"], default="csv")
    parser.add_argument("--folder", type=Path, help="where files and entries are made; needs twice the largest size")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", nargs=2, metavar=("FILE", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(*map(Path, arguments.one))))
        return 0
    rows = []
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        for size in arguments.megabytes:
            file = write(Path(name) / f"reviews.{arguments.format}", size)
            time.sleep(SETTLED)
            entry = Path(name) / "entry"
            entry.mkdir()
            runs = []
            for _ in range(2):
                command = [sys.executable, __file__, "--one", str(file), str(entry)]
                found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
                runs.append(json.loads(found.splitlines()[-1]))
            row = {"megabytes": file.stat().st_size / 1e6, **runs[0], "second_run_seconds": runs[1]["seconds"]}
            rows.append(row)
            print(
                f"{row['megabytes']:8,.0f} MB  {row['tokens'] / 1e6:8,.1f} M tokens  {row['seconds']:7.1f} s"
                f"  {row['tokens'] / row['seconds'] / 1e6:5.2f} M tokens/s"
                f"  {row['tokens'] / row['cpu_seconds'] / 1e6:5.2f} M a CPU second"
                f"  {row['peak_megabytes']:6,.0f} MB peak"
                f"  second run {row['second_run_seconds']:.2f} s",
                flush=True,
            )
            file.unlink()
            shutil.rmtree(entry)
    slopes = {key: slope(rows, key) for key in ("seconds", "cpu_seconds")} if len(rows) > 1 else {}
    for key, power in slopes.items():
        print(f"{key} grow as size to the power {power:.2f} (1 is linear; fixed costs weigh on the small files)")
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        figures = {"cores": os.cpu_count(), "slopes": slopes, "rows": rows}
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


def slope(rows: list[dict[str, Any]], key: str) -> float:
    """Return the power of the size with which a figure grows, by least squares on both logarithms."""
    sizes, figures = (np.log(np.array([row[name] for row in rows], float)) for name in ("megabytes", key))
    return float(np.polyfit(sizes, figures, 1)[0])


def write(path: Path, megabytes: int) -> Path:
    """Write a file of about so many megabytes of text."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    from pyarrow import csv

    generator = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
    words = pa.array(["".join(generator.choice(letters, length)) for length in generator.integers(2, 10, WORDS)])
    ranks = np.minimum(generator.zipf(1.2, 4_000_000) - 1, WORDS - 1)
    ends = pa.array(np.arange(0, 1_001 * LENGTH, LENGTH, dtype=np.int32))
    schema = pa.schema({"text": pa.string(), "label": pa.string()})
    sink: Any = csv.CSVWriter(str(path), schema) if path.suffix == ".csv" else pq.ParquetWriter(path, schema)
    written = 0
    with sink:
        while written < megabytes * 1_000_000:
            drawn = words.take(pa.array(generator.choice(ranks, 1_000 * LENGTH)))
            texts = pc.binary_join(pa.ListArray.from_arrays(ends, drawn), " ")
            labels = generator.choice(["good", "bad", "mixed"], len(texts))
            sink.write_table(pa.table([texts, pa.array(labels)], schema=schema))
            written += texts.nbytes
    return path


def measure(file: Path, folder: Path) -> dict[str, float]:
    """Do what a plan and its first two stages do, or only map what is there."""
    from embexp.config import DatasetConfig, TextConfig
    from embexp.engine.perform import peak_mb
    from embexp.text import count_tokens, open_dataset, peek, prepare

    started = time.perf_counter()
    dataset = DatasetConfig("reviews", file.suffix[1:], str(file), text="text", label="label")
    facts = peek(dataset, folder / "facts")
    texts, counts = folder / "texts", folder / "counts"
    if not counts.is_dir():
        texts.mkdir()
        prepare(dataset, TextConfig(), texts, lambda *progress: None, facts.digests)
        counts.mkdir()
        count_tokens(texts, TextConfig(), counts, lambda *progress: None)
    entry = open_dataset(texts, counts)
    tokens = len(entry.pool.ids) + len(entry.test.ids) + 0 * int(entry.pool.bags.indices[0])
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": seconds,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "tokens": tokens,
        "texts": len(entry.pool) + len(entry.test),
        "peak_megabytes": peak_mb() or 0.0,
    }


if __name__ == "__main__":
    sys.exit(main())
