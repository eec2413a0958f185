"""Measure `embexp predict` on one core: texts a second by length, kind of output and encoder.

    taskset -c 0 python scripts/bench/predict.py --json docs/bench/predict.json

Each measurement is a process of its own (the command as users start it); what counts is the processor time and the
wall time between the first and the last text, told by a run on few texts and one on many: (many - few) / seconds.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from embexp.estimator import EmbeddingClassifier
from embexp.results import processor

FEW, MANY = 20_000, 400_000
CLASSES, WORDS = 4, 20_000
MEASURED = """
import json, resource, sys, time
from embexp.cli import main
clock = time.perf_counter()
assert main(["predict", *sys.argv[1:]]) == 0
used = resource.getrusage(resource.RUSAGE_SELF)
wall = time.perf_counter() - clock
print(json.dumps({"wall": wall, "cpu": used.ru_utime + used.ru_stime}))
"""


def write_texts(path: Path, texts: int, tokens: int, seed: int = 0) -> None:
    """Write a CSV file of made-up texts whose words are as frequent as Zipf has it."""
    rng = np.random.default_rng(seed)
    words = np.array([f"w{chr(97 + n % 26)}{n}" for n in range(WORDS)])
    share = 1 / np.arange(1, WORDS + 1)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        for first in range(0, texts, 10_000):
            count = min(10_000, texts - first)
            drawn = rng.choice(WORDS, (count, tokens), p=share / share.sum())
            writer.writerows([first + row, " ".join(words[ids])] for row, ids in enumerate(drawn))


def make_model(folder: Path, encoder: str) -> Path:
    """Train a small classifier with the default sizes on texts of the same words."""
    rng = np.random.default_rng(1)
    words = np.array([f"w{chr(97 + n % 26)}{n}" for n in range(WORDS)])
    texts = [" ".join(rng.permutation(words)[:400]) for _ in range(150)] + [" ".join(words)] * 2
    labels = [f"class {number % CLASSES}" for number in range(len(texts))]
    model = EmbeddingClassifier("random", encoder=encoder, min_count=1, min_steps=1, passes=0, max_tokens=400)
    return model.fit(texts, labels).save(folder / encoder)


def measure(model: Path, texts: Path, output: Path) -> dict[str, float]:
    """Predict one file in a process of its own."""
    words = [sys.executable, "-c", MEASURED, str(model), str(texts), f"output={output}"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def rate(folder: Path, encoder: str, tokens: int, few: int, many: int, suffix: str = ".csv") -> dict[str, float | str]:
    """Measure one encoder at one length of text."""
    model = make_model(folder, encoder)
    found = {}
    for count in (few, many):
        write_texts(folder / f"{count}.csv", count, tokens)
        found[count] = measure(model, folder / f"{count}.csv", folder / f"out{suffix}")
    cpu, wall = (found[many][key] - found[few][key] for key in ("cpu", "wall"))
    return {
        "encoder": encoder,
        "tokens": tokens,
        "texts": many,
        "output": suffix,
        "texts_per_cpu_second": round((many - few) / cpu),
        "texts_per_second": round((many - few) / wall),
        "tokens_per_cpu_second": round((many - few) * tokens / cpu),
        "started_seconds": round(found[few]["cpu"] - few * cpu / (many - few), 2),
    }


def main() -> None:
    """Measure, print, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    cases = [
        ("mean_pool", 20, FEW, MANY, ".csv"),
        ("mean_pool", 20, FEW, MANY, ".jsonl"),
        ("mean_pool", 20, FEW, MANY, ".parquet"),
        ("mean_pool", 250, 2_000, 42_000, ".csv"),
        ("linear", 20, FEW, MANY, ".csv"),
        ("cnn", 20, 2_000, 22_000, ".csv"),
        ("lstm", 20, 2_000, 22_000, ".csv"),
    ]
    rows = []
    with tempfile.TemporaryDirectory(prefix="embexp-bench-") as folder:
        for case in cases:
            rows.append(rate(Path(folder), *case))
            print(json.dumps(rows[-1]), flush=True)
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    about = {"processor": processor(), "cores": cores, "load": os.getloadavg(), "classes": CLASSES, "words": WORDS}
    about |= {"date": time.strftime("%Y-%m-%d")}
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps({"conditions": about, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
