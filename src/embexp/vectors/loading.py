"""Read the vectors that a vocabulary needs from a pre-trained file: once, and no row more than is used.

Kept are the words of the data set in every spelling that the alignment looks up, the words of the benchmarks, and
the 30,000 first words, among which analogies are answered.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embexp.errors import UserError
from embexp.vectors.alignment import align, all_spellings
from embexp.vectors.benchmarks import ANALOGY_WORDS, benchmark_words
from embexp.vectors.entries import read_words, write_alignment, write_words
from embexp.vectors.finite import RecordCheck, first_broken_row
from embexp.vectors.loaded import Loaded
from embexp.vectors.records import Record, parse, read_records, show, where
from embexp.vectors.sources import VectorSource

OnProgress = Callable[[float, float, str, str], None]
SAY_EVERY = 1 << 14  # words


def load_for_vocabulary(source: VectorSource, vocabulary: Sequence[str], folder: Path, on_progress: OnProgress) -> None:
    """Read what a data set needs of a file of vectors, and write it as an entry (`embexp.vectors.entries`).

    Raises:
        UserError: If the file is broken; names file, line or byte and what was found there.
    """
    wanted = all_spellings(vocabulary) | all_spellings(benchmark_words())
    loaded = load(source, wanted, ANALOGY_WORDS, on_progress)
    alignment = align(vocabulary, loaded.words)
    if not len(alignment.rows):
        raise UserError(
            f"{source}: none of its {loaded.read:,} words is in the vocabulary of the data set; is it of another "
            "language, or does text.pattern cut words otherwise?"
        )
    write_words(folder / "words.txt", loaded.words)
    np.save(folder / "vectors.npy", loaded.vectors)
    write_alignment(folder, alignment, None)
    if loaded.subwords is not None:
        loaded.subwords.write_composed(folder, vocabulary, alignment.rows)
    about = {"read": loaded.read, "kept": len(loaded.words)}
    (folder / "loading.json").write_text(json.dumps(about), encoding="utf-8")


def load(source: VectorSource, wanted: set[str], first: int, on_progress: OnProgress) -> Loaded:
    """Read the rows of some words, and the first ones whatever they are.

    Args:
        source: The file.
        wanted: Words to keep.
        first: Number of words at the beginning that are kept too.
        on_progress: Called with (bytes or words done, in all, unit, note).
    """
    kind = source.format.kind
    if kind == "fasttext_bin":
        from embexp.vectors.fasttext_model import load_model

        return load_model(source, wanted, first)
    if source.format.words_apart:
        return _load_matrix(source, wanted, first)
    return _load_records(source, {word.encode() for word in wanted}, first, on_progress)


def _load_records(source: VectorSource, wanted: set[bytes], first: int, on_progress: OnProgress) -> Loaded:
    words: list[str] = []
    vectors = array("f")
    hashes = array("q")  # of all words, eight bytes each: three million words as a set would be some 300 MB
    promised, check = source.format.count or 0, RecordCheck(source)
    for number, record in enumerate(read_records(source)):
        hashes.append(hash(record.word))
        if number < first or record.word in wanted:
            words.append(record.word.decode("utf-8", "backslashreplace"))
            vectors.frombytes(parse(source, record).tobytes())
        else:
            check.add(record)
        if number % SAY_EVERY == 0:
            on_progress(number, max(promised, number), "words", f"{len(words):,} kept")
    check.finish()
    _refuse_repeats(source, np.frombuffer(hashes, np.int64))
    matrix = np.frombuffer(vectors, np.float32).reshape(-1, source.format.vector_size)
    return Loaded(words, matrix, len(hashes))


def _refuse_repeats(source: VectorSource, hashes: NDArray[np.int64]) -> None:
    """Refuse a file in which a word stands twice; equal hashes are looked up in a second pass."""
    order = np.argsort(hashes, kind="stable")
    equal = np.flatnonzero(hashes[order][1:] == hashes[order][:-1])
    if not len(equal):
        return
    suspects = set(order[equal].tolist()) | set(order[equal + 1].tolist())
    met: dict[bytes, Record] = {}
    for number, record in enumerate(read_records(source)):
        if number in suspects and met.setdefault(record.word, record) is not record:
            raise UserError(
                f"{source}, {where(source, record)}: the word {show(record.word)} stands there a second time, after "
                f"{where(source, met[record.word])}; which of the vectors is meant? Remove one of them"
            )


def _load_matrix(source: VectorSource, wanted: set[str], first: int) -> Loaded:
    words = _read_vocabulary(source)
    rows = source.format.count or 0
    if len(words) != rows:
        raise UserError(
            f"word2vec.vocabulary: {source.vocabulary} has {len(words):,} lines, and {source.name} {rows:,} rows; line "
            "by line they must belong together"
        )
    place_of: dict[str, int] = {}
    for place, word in enumerate(words):
        if place_of.setdefault(word, place) != place:
            raise UserError(
                f"word2vec.vocabulary: {source.vocabulary}, line {place + 1:,}: the word {word!r} stands there a "
                f"second time, after line {place_of[word] + 1:,}; remove one of the rows"
            )
    kept = [place for place, word in enumerate(words) if place < first or word in wanted]
    with np.errstate(over="ignore"):  # a number beyond 32 bits is told as infinite
        vectors = open_matrix(source)[kept].astype(np.float32)
    broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    wrong = kept[int(broken[0])] if len(broken) else first_broken_row(lambda: open_matrix(source))
    if wrong is not None:
        raise UserError(
            f"{source}, row {wrong + 1:,}: the vector of {words[wrong]!r} holds a number that is not finite; remove "
            "the row or write the file again"
        )
    return Loaded([words[place] for place in kept], vectors, len(words))


def open_matrix(source: VectorSource) -> NDArray[np.floating]:
    """Map the matrix of a .npy or .safetensors file into memory, shape (words, vector_size)."""
    if source.format.kind == "npy":
        matrix: NDArray[np.floating] = np.load(source.path, mmap_mode="r", allow_pickle=False)
        return matrix
    shape = (source.format.count or 0, source.format.vector_size)
    return np.memmap(source.path, source.format.dtype, "r", source.format.start, shape)


def _read_vocabulary(source: VectorSource) -> list[str]:
    path = source.vocabulary
    if path is None:
        raise ValueError(f"{source} has no file of words")
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return [str(word) for word in pq.read_table(path).column(0).to_pylist()]
    try:
        return read_words(path)
    except UnicodeDecodeError as error:
        raise UserError(f"word2vec.vocabulary: {path}, byte {error.start:,}: is not UTF-8; convert the file") from error
