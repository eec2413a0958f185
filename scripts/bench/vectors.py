#!/usr/bin/env python
"""Speed of word vectors: training beside gensim called by hand, and a large file passing through.

    scripts/bench/vectors.py train     word2vec.exact=false against gensim's best: corpus_file, all cores
    scripts/bench/vectors.py load      a word2vec binary file of --words 3000000: time, peak memory

Both train on the same sentences with the same parameters. gensim by hand scans a corpus file that is there already;
embexp starts from token ids, so that it writes the file and knows the counts. Rounds alternate; imports
are not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from embexp.command.compose import compose_study
from embexp.config import Word2VecConfig
from embexp.engine.perform import peak_mb
from embexp.vectors.corpus import Corpus, write_lines


def main() -> int:
    """Run one of the two benchmarks and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=("train", "load"))
    parser.add_argument("--dataset", default="movie_reviews")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--words", type=int, default=3_000_000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures = bench_training(arguments) if arguments.job == "train" else bench_loading(arguments)
    for name, value in figures.items():
        print(f"{name:40} {value:,.3f}" if isinstance(value, float) else f"{name:40} {value}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


def bench_training(arguments: argparse.Namespace) -> dict[str, object]:
    """Train on the same texts by hand and through embexp, in turns."""
    from gensim.models import Word2Vec

    from embexp.vectors.training import train_vectors

    corpus = prepare_corpus(arguments.dataset)
    cores = len(os.sched_getaffinity(0))
    config = replace(Word2VecConfig(), epochs=arguments.epochs, exact=False)
    seconds: dict[str, list[float]] = {"gensim": [], "embexp": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.txt"
        write_lines(corpus, path)
        for _ in range(arguments.rounds):
            started = time.perf_counter()
            Word2Vec(
                corpus_file=str(path),
                sg=config.sg,
                vector_size=config.vector_size,
                window=config.window,
                negative=config.negative,
                min_count=config.min_count,
                epochs=config.epochs,
                sample=config.sample,
                alpha=config.alpha,
                min_alpha=config.min_alpha,
                workers=cores,
            )
            seconds["gensim"].append(time.perf_counter() - started)
            started = time.perf_counter()
            train_vectors(corpus, config, lambda *progress: None, cores=cores)
            seconds["embexp"].append(time.perf_counter() - started)
    ratios = [hand / ours for hand, ours in zip(seconds["gensim"], seconds["embexp"], strict=True)]
    words = corpus.tokens * arguments.epochs
    return {
        "running words": f"{corpus.tokens:,} x {arguments.epochs} epochs, {cores} threads",
        "gensim by hand, M words/s": words / statistics.median(seconds["gensim"]) / 1e6,
        "embexp exact=false, M words/s": words / statistics.median(seconds["embexp"]) / 1e6,
        "embexp / gensim, median of rounds": statistics.median(ratios),
        "embexp / gensim, each round": ", ".join(f"{ratio:.3f}" for ratio in ratios),
    }


def prepare_corpus(name: str) -> Corpus:
    """Tokenise the pool of a data set."""
    from embexp.text import prepare

    config = compose_study([f"dataset={name}"])
    folder = Path(tempfile.mkdtemp())
    prepare(config.dataset, config.text, folder, lambda *progress: None)
    words = (folder / "vocabulary.txt").read_text(encoding="utf-8").split("\n")[:-1]
    arrays = (np.load(folder / f"{part}.npy", mmap_mode="r") for part in ("pool_ids", "pool_offsets", "counts"))
    ids, offsets, counts = arrays
    return Corpus(ids, offsets, words, counts)


def bench_loading(arguments: argparse.Namespace) -> dict[str, object]:
    """Write a binary file like the Google News vectors and read what 30,000 words need of it."""
    from embexp.vectors.loading import load_for_vocabulary
    from embexp.vectors.sources import find_source

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "large.bin"
        write_large(path, arguments.words)
        started = time.perf_counter()
        source = find_source(Word2VecConfig(corpus="pretrained", file=str(path), vector_size=300))
        looked = time.perf_counter()
        (folder / "entry").mkdir()
        vocabulary = [f"word{number}" for number in range(0, arguments.words, max(1, arguments.words // 30_000))]
        load_for_vocabulary(source, vocabulary, folder / "entry", lambda *progress: None)
        ended = time.perf_counter()
        rows = np.load(folder / "entry" / "rows.npy")
        return {
            "file, GB": path.stat().st_size / 1e9,
            "words": f"{arguments.words:,}",
            "rows found": f"{len(rows):,} of {len(vocabulary):,}",
            "digest, seconds (once)": looked - started,
            "reading, seconds": ended - looked,
            "peak memory, GB": (peak_mb() or 0) / 1e3,
        }


def write_large(path: Path, words: int, size: int = 300) -> None:
    """Write a word2vec binary file of random vectors, a block at a time."""
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(f"{words} {size}\n".encode())
        for start in range(0, words, 10_000):
            block = rng.standard_normal((min(10_000, words - start), size), np.float32)
            file.write(
                b"".join(b"word%d " % (start + row) + vector.tobytes() + b"\n" for row, vector in enumerate(block))
            )


if __name__ == "__main__":
    sys.exit(main())
