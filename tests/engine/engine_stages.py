"""Stage functions for the tests: module-level, so that worker processes can import them.

`ledger` is a file outside the store that gets one line for each execution; `gate` and `announce` are named
pipes, with which a test knows where a task is and lets it go on, without sleeping.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

from embexp.engine.task import Stage, Task


def note(work, line):
    if "ledger" in work.config:
        descriptor = os.open(work.config["ledger"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, f"{line}\n".encode())
        os.close(descriptor)


def count(work):
    """Write a record, a small binary file and, if asked, a large one, all from the configuration alone."""
    note(work, work.config["name"])
    total = sum(json.loads((folder / "record.json").read_text())["value"] for folder in work.needs.values())
    value = total + work.config.get("value", 1)
    (work.folder / "record.json").write_text(json.dumps({"name": work.config["name"], "value": value}))
    (work.folder / "parts").mkdir()
    (work.folder / "parts" / "small.bin").write_bytes(bytes(range(256)) * 4)
    if work.config.get("large"):
        (work.folder / "large.bin").write_bytes(os.urandom(0) + b"embexp" * 100_000)
    work.timing["value"] = value


def trapped(work):
    """Fail while the file `trap` exists."""
    note(work, work.config["name"])
    if Path(work.config["trap"]).exists():
        raise ValueError(f"{work.config['name']} fell into the trap")
    (work.folder / "record.json").write_text('{"value": 7}')


def gated(work):
    """Announce this process, then wait to be let through."""
    note(work, work.config["name"])
    (work.folder / "half").write_text("half-built")
    Path(work.config["announce"]).write_text(str(os.getpid()))
    passed = Path(work.config["gate"]).read_text()
    (work.folder / "record.json").write_text(json.dumps({"value": passed}))


def talkative(work):
    """Say how far it is until the test has heard it."""
    while not Path(work.config["heard"]).exists():
        work.progress(3, 10, "steps", "and more")
    (work.folder / "record.json").write_text('{"value": 1}')


class UnreadableError(Exception):
    """Can be pickled, but not read again."""

    def __init__(self, first, second):
        super().__init__(first)


def misfortune(kind):
    """End in one of the ways in which work ends badly."""
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "exit 0":
        os._exit(0)
    elif kind == "exit 3":
        os._exit(3)
    elif kind == "system exit":
        sys.exit(3)
    elif kind == "value error":
        raise ValueError("no such value")
    elif kind == "memory error":
        raise MemoryError
    elif kind == "end of file":
        raise EOFError("nothing left")
    elif kind == "unreadable error":
        raise UnreadableError("one", "two")
    elif kind == "unpicklable result":
        return lambda: None
    return kind


def unfortunate(work):
    (work.folder / "half").write_text("half-built")
    misfortune(work.config["kind"])


def thread_variable():
    return os.environ["OMP_NUM_THREADS"], os.environ["POLARS_MAX_THREADS"]


def threads(work):
    record = {"variable": os.environ["OMP_NUM_THREADS"], "cores": work.cores, "pid": os.getpid()}
    (work.folder / "record.json").write_text(json.dumps(record))


def strange_name(work):
    (work.folder / "entry.json").write_text("{}")


def linked(work):
    (work.folder / "link").symlink_to("/etc/hostname")


def hinted(work):
    (work.folder / "record.json").write_text(json.dumps(work.hints))


def lose_the_store(work):
    building = Path(work.config["root"]) / "building"
    building.rename(building.with_name("gone"))
    building.write_text("in the way")


def remount(work):
    """Make the store read-only, and write."""
    root = work.config["root"]
    subprocess.run(["mount", "--bind", root, root], check=True)
    for _ in range(1000):  # refused as long as another worker has a file open for writing
        if subprocess.run(["mount", "-o", "remount,bind,ro", root], capture_output=True, check=False).returncode == 0:
            break
    (work.folder / "record.json").write_text("{}")


def hungry(work):
    """Use so much memory, give it back, and write down what `ru_maxrss` says was the most."""
    memory = bytearray(b"x") * work.config["bytes"]
    del memory
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    (work.folder / "record.json").write_text(json.dumps({"ru_maxrss_mb": most}))


def gluttonous(work):
    """Ask for more memory than the process may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 50_000_000, hard))
    try:
        bytearray(1_000_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def hang(work):
    Path(work.config["never"]).read_text()


COUNT = Stage("count", 1, count)
TRAPPED = Stage("trapped", 1, trapped)
GATED = Stage("gated", 1, gated)
HINTED = Stage("hinted", 1, hinted)
UNFORTUNATE = Stage("unfortunate", 1, unfortunate)


def counted(name, ledger, needs=(), *, cost=1.0, **config):
    """Make a task of stage `count`."""
    named = {f"need{number}": need for number, need in enumerate(needs)}
    return Task(COUNT, {"name": name, "ledger": str(ledger), **config}, named, title=name, cost=cost)


def gate(name, folder, ledger, *, cost=1.0):
    """Make a task of stage `gated` with its two pipes."""
    pipes = {}
    for end in ("announce", "gate"):
        path = folder / f"{name}.{end}"
        if not path.exists():
            os.mkfifo(path)
        pipes[end] = str(path)
    return Task(GATED, {"name": name, "ledger": str(ledger), **pipes}, title=name, cost=cost)


def announced(task):
    """Wait until a gated task runs; return the pid of its worker."""
    return int(Path(task.config["announce"]).read_text())


def let_through(task):
    """Let a gated task finish."""
    Path(task.config["gate"]).write_text("through")


def let_go(task):
    """Let a gated task finish if its process still lives; one that is gone meanwhile is not waited for."""
    descriptor = os.open(task.config["gate"], os.O_RDWR)  # waits for no reader; one that waits reads it all the same
    os.write(descriptor, b"through")
    os.close(descriptor)


def executions(ledger):
    """Return how often each task ran."""
    lines = Path(ledger).read_text().split() if Path(ledger).exists() else []
    return {name: lines.count(name) for name in lines}
