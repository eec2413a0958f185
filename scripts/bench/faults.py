"""Kill a real study again and again, and see that it comes out as if nothing had happened.

    python scripts/bench/faults.py [--kills 25] [--seed 0]

A study of 60 cells on made-up reviews runs as a user starts it, with two workers. Its planner or one of its workers
is killed with SIGKILL after a random number of entries and a random part of a second; then the same command is given
again. After a kill of each kind the study runs to its end, its store is compared with that of an undisturbed run, byte
for byte, and a new round begins in an empty store. At the end two studies run at once on one store. Prints a report
in Markdown; exit code 1 if anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

GRID = ("grid.train_sizes=[10,20,40]", "grid.seeds=4")
LONGEST_SECONDS = 300.0
LONGEST_DELAY_SECONDS = 0.3  # a cell of this study takes about as long


@dataclass(frozen=True)
class Moment:
    """When to kill: so many entries are there, another is being built, and then so much later."""

    entries: int
    delay_seconds: float


@dataclass
class Report:
    """What the kills did."""

    cells: int = 0
    rounds: int = 0
    kills: list[tuple[str, int]] = field(default_factory=list)  # victim, entries there
    repeated: int = 0  # entries that were complete at a kill and were made again
    lost_cells: int = 0  # cells missing at the end of a round
    different: int = 0  # files that differ from the undisturbed run
    failures: int = 0  # tasks told as failed, with their reason
    leftovers: int = 0  # files left in `building` at the end of a round
    side_by_side: dict[str, int] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether all came out as undisturbed."""
        return not (self.repeated or self.lost_cells or self.different or self.leftovers)


def write_reviews(path: Path) -> None:
    """Write 150 made-up reviews."""
    draw = random.Random(0)  # noqa: S311 (no secret)
    lines = ["text,label"]
    for number in range(150):
        label = ("good", "bad")[number % 2]
        words = [f"word{draw.randrange(40)}" for _ in range(15)] + [f"{label}{draw.randrange(3)}"]
        lines.append(f"{' '.join(words)},{label}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def command(folder: Path, store: str, grid: tuple[str, ...] = GRID) -> list[str]:
    """Return the command of the study."""
    return [
        sys.executable,
        "-m",
        "embexp.cli",
        "dataset=csv",
        f"dataset.train={folder / 'reviews.csv'}",
        "name=faults",
        "tracking=none",
        "text.min_count=1",
        "word2vec.vector_size=8",
        "word2vec.min_count=1",
        "training.budget.min_steps=20",
        "executor.workers=2",
        *grid,
        f"store={folder / store}",
        f"output={folder / 'outputs'}",
    ]


def run(folder: Path, store: str, grid: tuple[str, ...] = GRID) -> tuple[int, str]:
    """Run the study to its end; return exit code and what it said on stderr."""
    done = subprocess.run(
        command(folder, store, grid), capture_output=True, text=True, cwd=folder, timeout=LONGEST_SECONDS, check=False
    )
    return done.returncode, done.stderr


def entries(store: Path) -> dict[str, str]:
    """Return a digest of each entry, timing.json apart."""
    found = {}
    for manifest in sorted(store.glob("entries/*/*/entry.json")):
        digest = hashlib.sha256()
        for file in sorted(path for path in manifest.parent.rglob("*") if path.is_file()):
            if file.name != "timing.json":
                digest.update(file.name.encode() + b"\0" + file.read_bytes())
        found[manifest.parent.name] = digest.hexdigest()
    return found


def made(store: Path) -> dict[str, float]:
    """Return when the work on each entry began."""
    files = store.glob("entries/*/*/timing.json")
    return {file.parent.name: json.loads(file.read_text(encoding="utf-8"))["started"] for file in files}


def workers_of(planner: int) -> list[int]:
    """Return the worker processes of a planner: what its fork server forked, and what it spawned itself."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        children.setdefault(parent, []).append(int(status.parent.name))
    servers = [pid for pid in children.get(planner, []) if b"forkserver" in _command_line(pid)]
    wide = [pid for pid in children.get(planner, []) if b"spawn_main" in _command_line(pid)]
    return [*wide, *(child for server in servers for child in children.get(server, []))]


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def strike(folder: Path, store: str, victim: str, moment: Moment, report: Report, grid: tuple[str, ...]) -> None:
    """Start the study, kill one of its processes at a moment of its work, and note what had been done by then."""
    with (folder / "planner.log").open("ab") as log:
        planner = subprocess.Popen(command(folder, store, grid), stdout=log, stderr=subprocess.PIPE, cwd=folder)
    began = time.monotonic()
    while planner.poll() is None and time.monotonic() - began < LONGEST_SECONDS:
        if count_entries(folder / store) >= moment.entries and _building(folder / store):
            break
        time.sleep(0.005)
    time.sleep(moment.delay_seconds)
    pids = [planner.pid] if victim == "planner" else workers_of(planner.pid)
    while not pids and planner.poll() is None:  # between two workers
        time.sleep(0.01)
        pids = workers_of(planner.pid)
    if planner.poll() is None and pids:
        there = made(folder / store)
        os.kill(random.choice(pids) if len(pids) > 1 else pids[0], signal.SIGKILL)  # noqa: S311
        report.kills.append((victim, len(there)))
        said = planner.communicate(timeout=LONGEST_SECONDS)[1].decode()
        report.failures += len(re.findall(r"^failed: ", said, re.MULTILINE)) // 2  # told at once and at the end
        now = made(folder / store)
        report.repeated += sum(now.get(name) != started for name, started in there.items())
        print(f"kill {len(report.kills)}: {victim}, {len(there)} entries; so far {report}", file=sys.stderr, flush=True)
    else:
        planner.communicate(timeout=LONGEST_SECONDS)


def count_entries(store: Path) -> int:
    """Return how many entries are there."""
    return sum(1 for _ in store.glob("entries/*/*/entry.json"))


def _building(store: Path) -> bool:
    folder = store / "building"
    return folder.is_dir() and any(path.is_dir() for path in folder.iterdir())


def disturb(folder: Path, kills: int, seed: int, grid: tuple[str, ...] = GRID) -> Report:
    """Kill the study so often, in as many rounds as that takes, and compare each round with an undisturbed run."""
    draw, report = random.Random(seed), Report()  # noqa: S311
    write_reviews(folder / "reviews.csv")
    code, said = run(folder, "undisturbed", grid)
    if code:
        raise RuntimeError(said)
    whole = entries(folder / "undisturbed")
    report.cells = len(whole)
    while len(report.kills) < kills:
        report.rounds += 1
        store = f"round{report.rounds}"
        for victim in ("planner", "worker"):  # a study goes on to its end without the worker: nothing is left to kill
            there = count_entries(folder / store)
            if len(report.kills) < kills and there < len(whole):
                moment = Moment(draw.randrange(there, len(whole)), draw.uniform(0, LONGEST_DELAY_SECONDS))
                strike(folder, store, victim, moment, report, grid)
        finished = made(folder / store)
        run(folder, store, grid)
        now, found = made(folder / store), entries(folder / store)
        report.repeated += sum(now.get(name) != started for name, started in finished.items())
        report.lost_cells += len(whole.keys() - found.keys())
        report.different += sum(found[name] != digest for name, digest in whole.items() if name in found)
        report.leftovers += len(list((folder / store / "building").iterdir()))
        shutil.rmtree(folder / store)
    return report


def run_side_by_side(folder: Path, report: Report, grid: tuple[str, ...] = GRID) -> None:
    """Start the study twice at once on one empty store: each task is done by one of them."""
    planners = [
        subprocess.Popen(command(folder, "common", grid), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=folder)
        for _ in range(2)
    ]
    done = []
    for planner in planners:
        said = planner.communicate(timeout=LONGEST_SECONDS)[1].decode()
        done += [int(count) for count in re.findall(r"(\d+) tasks? done", said)]
    whole, found = entries(folder / "undisturbed"), entries(folder / "common")
    report.side_by_side = {"tasks": len(whole), "done by the two": sum(done), "different": int(whole != found)}


def markdown(report: Report) -> str:
    """Return the report as a table and two sentences."""
    planners = sum(victim == "planner" for victim, _ in report.kills)
    lines = [
        "| what | measured |",
        "|---|---|",
        f"| entries of the study (its cells, texts, vectors) | {report.cells} |",
        f"| SIGKILL of the planner / of a worker | {planners} / {len(report.kills) - planners} |",
        f"| rounds from an empty store | {report.rounds} |",
        f"| entries there at the kills (of {report.cells}) | {', '.join(str(there) for _, there in report.kills)} |",
        f"| entries made again although they were complete | {report.repeated} |",
        f"| entries missing after the last run of a round | {report.lost_cells} |",
        f"| entries whose bytes differ from the undisturbed run | {report.different} |",
        f"| cells told as failed because their worker was killed | {report.failures} |",
        f"| locks and half-built entries left at the end of a round | {report.leftovers} |",
    ]
    if report.side_by_side:
        both = report.side_by_side
        lines.append(
            f"| two studies at once: tasks / done by the two together / bytes differ | {both['tasks']} / "
            f"{both['done by the two']} / {'yes' if both['different'] else 'no'} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Run, print, and say by the exit code whether all is sound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="embexp-faults-") as place:
        report = disturb(Path(place), arguments.kills, arguments.seed)
        run_side_by_side(Path(place), report)
    print(markdown(report))
    return 0 if report.sound and not report.side_by_side["different"] else 1


if __name__ == "__main__":
    sys.exit(main())
