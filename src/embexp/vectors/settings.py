"""What the settings of the word vectors must satisfy together, as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embexp.config import Word2VecConfig

TRAINING_KEYS = (
    *("model", "sg", "vector_size", "window", "negative", "min_count", "epochs", "sample"),
    *("alpha", "min_alpha", "ns_exponent", "cbow_mean", "seed", "exact"),
)
SUBWORD_KEYS = ("min_n", "max_n", "bucket")


def training_settings(config: Word2VecConfig, seed: int) -> dict[str, Any]:
    """Return what moves the bytes of trained vectors, and nothing else, under gensim's names."""
    keys = [*TRAINING_KEYS, *(SUBWORD_KEYS if config.model == "fasttext" else ())]
    return {key: getattr(config, key) for key in keys} | {"seed": seed}


def check_settings(config: Word2VecConfig) -> Iterator[str]:
    """Yield a sentence for every combination that cannot work."""
    yield from _check_source(config)
    yield from _check_seeds(config)
    if config.vector_size is None and config.corpus != "pretrained":
        yield "word2vec.vector_size: null takes the size of a pre-trained file; give a number, 100 is the default"
    if config.model == "fasttext" and config.min_n > config.max_n:
        yield (
            f"word2vec.min_n: {config.min_n} exceeds word2vec.max_n, {config.max_n}; n-grams have min_n to max_n "
            "characters"
        )
    if config.unknown == "subword" and config.corpus != "pretrained" and config.model != "fasttext":
        yield (
            "word2vec.unknown: subword needs vectors of character n-grams, which model=word2vec does not learn; "
            "use word2vec=fasttext, or unknown=random, zero or mean"
        )


def _check_source(config: Word2VecConfig) -> Iterator[str]:
    named = "hub" if config.corpus == "hub" else "dataset"  # one key names what either reads
    needed = {"files": config.files, named: config.dataset, "pretrained": config.file}
    example = {
        "files": "files=[texts.txt]",
        "dataset": "dataset=movie_reviews",
        "hub": "dataset=stanfordnlp/imdb",
        "pretrained": "file=vectors.bin",
    }
    if config.corpus in needed and not needed[config.corpus]:
        example_key = example[config.corpus]
        yield (
            f"word2vec.corpus: {config.corpus} needs word2vec.{example_key.partition('=')[0]}; give for example "
            f"word2vec.{example_key}"
        )
    for corpus, value in needed.items():
        if value and config.corpus != corpus:
            key = example[corpus].partition("=")[0]
            yield (
                f"word2vec.{key}: is read with word2vec.corpus={corpus} only, and word2vec.corpus is {config.corpus}; "
                f"set word2vec.corpus={corpus} or leave word2vec.{key} out"
            )
    for name in config.files:
        if not Path(name).expanduser().is_file() and not any(mark in Path(name).name for mark in "*?["):
            what = "is a folder" if Path(name).is_dir() else f"does not exist (seen from {Path.cwd()})"
            yield f"word2vec.files: {name!r} {what}; give paths or patterns of files of texts"
    if config.vocabulary is not None and not Path(config.vocabulary).is_file():
        yield f"word2vec.vocabulary: {config.vocabulary!r} is no file; give the file with one word a line"


def _check_seeds(config: Word2VecConfig) -> Iterator[str]:
    seeds = config.seeds
    wanted = "it must be one, paired, or a list of seeds such as word2vec.seeds=[1,2,3]"
    if isinstance(seeds, list):
        wrong = [seed for seed in seeds if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32]
        if wrong or not seeds:
            yield f"word2vec.seeds: {seeds!r} is no list of whole numbers from 0 to 2^32 - 1; {wanted}"
        elif len(set(seeds)) < len(seeds):
            yield f"word2vec.seeds: {seeds!r} names a seed more than once; name each once"
    elif seeds not in ("one", "paired"):
        yield f"word2vec.seeds: {seeds!r} is not known; {wanted}"
    if seeds != "one" and config.corpus == "pretrained":
        yield "word2vec.seeds: a pre-trained file has one set of vectors; leave word2vec.seeds at one"
