"""How far one planner goes: plan and carry out many tasks that do almost nothing.

    python scripts/bench/scale.py [--tasks 20000] [--run 20000]

Prints a table in Markdown: seconds to plan, to look all tasks up in an empty and in a full store, planner time for
each task when a `serial` executor does nothing but write an empty entry, memory at the peak. The planner's own share
is measured with an executor that answers without doing anything, and beside two worker processes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from embexp.config import ExecutorConfig
from embexp.engine.executors import SerialExecutor, open_executor
from embexp.engine.perform import Report, peak_mb
from embexp.engine.plan import survey
from embexp.engine.scheduler import carry_out
from embexp.engine.store import Store
from embexp.engine.task import Stage, Task, Work


def write_nothing(work: Work) -> None:
    """Leave a record, as a cell does."""
    (work.folder / "record.json").write_text('{"value": 1}', encoding="utf-8")


NOTHING = Stage("nothing", 1, write_nothing)


class FreeExecutor(Executor):
    """Answers at once without doing anything: what is left is the planner's own time."""

    workers = 8

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Return a report of a task that took no time."""
        future: Future[Any] = Future()
        future.set_result([Report("done") for _ in args[0]])
        return future


def make_tasks(count: int) -> list[Task]:
    """Return the plan of a study: texts, vectors, and cells with the settings that real ones have."""
    texts = Task(NOTHING, {"name": "texts"})
    vectors = Task(NOTHING, {"name": "vectors"}, {"dataset": texts}, cost=60)
    settings = {
        "classifier": {"encoder": "mean_pool", "hidden_size": 64},
        "training": {"batch_size": 32, "rate": 0.002},
    }
    return [
        Task(
            NOTHING,
            {"strategy": ("random", "frozen", "finetuned")[n % 3], "seed": n, "train_size": 100, **settings},
            {"dataset": texts, "word2vec": vectors} if n % 3 else {"dataset": texts},
            title=f"cell {n}",
        )
        for n in range(count - 2)
    ]


def measure_local(tasks: list[Task], store: Store) -> list[tuple[str, str]]:
    """Return what the planner spends on a task that two worker processes do; theirs is not in it."""
    with open_executor(ExecutorConfig(kind="local", workers=2)) as executor:
        clock, own = time.perf_counter(), time.process_time()
        outcome = carry_out(tasks, store, executor)
        wall, own = time.perf_counter() - clock, time.process_time() - own
    count = len(outcome.done)
    return [
        (f"planner's processor time a task, {count:,} done by two local workers", f"{1000 * own / count:.2f} ms"),
        ("wall time a task of these", f"{1000 * wall / count:.2f} ms"),
    ]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--run", type=int, default=20_000)
    arguments = parser.parse_args()
    rows: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory(prefix="embexp-scale-") as place:
        store = Store(Path(place))
        clock = time.perf_counter()
        tasks = make_tasks(arguments.tasks)
        rows.append((f"{arguments.tasks:,} tasks made and fingerprinted", f"{time.perf_counter() - clock:.2f} s"))
        clock = time.perf_counter()
        survey(tasks, store)
        rows.append(("looked up in an empty store", f"{time.perf_counter() - clock:.2f} s"))
        clock = time.process_time()
        carry_out(tasks, store, FreeExecutor())
        each = (time.process_time() - clock) / arguments.tasks
        rows.append(("planner's processor time a task, tasks free of charge", f"{1000 * each:.3f} ms"))
        clock, own = time.perf_counter(), time.process_time()
        carry_out(tasks[: arguments.run], store, SerialExecutor())
        count = min(arguments.run, len(tasks)) + 2
        rows.append(
            (f"{count:,} entries written by `serial`, a task", f"{1000 * (time.perf_counter() - clock) / count:.2f} ms")
        )
        rows.append(("of that processor time", f"{1000 * (time.process_time() - own) / count:.2f} ms"))
        clock = time.perf_counter()
        survey(tasks, store)
        rows.append((f"looked up in a store of {count:,} entries", f"{time.perf_counter() - clock:.2f} s"))
        rows += measure_local(tasks[: arguments.run], Store(Path(place) / "local"))
    rows.append(("memory at the peak", f"{peak_mb() or 0:.0f} MB"))
    print("| what | measured |\n|---|---|")
    for name, value in rows:
        print(f"| {name} | {value} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
