"""Run by tests as a process of its own: a planner that can be killed or interrupted.

Arguments: folder, kind of executor, which plan, and the file of a Dask scheduler if one runs already.

Prints a line for each event, and at the end what became of the plan.
"""

import json
import sys
from pathlib import Path

from engine_stages import counted, gate

from embexp.config import ExecutorConfig
from embexp.engine.executors import open_executor
from embexp.engine.scheduler import carry_out
from embexp.engine.store import Store


def plan(folder):
    """Five quick tasks, two that wait in the middle, three that need those."""
    ledger = folder / "ledger"
    quick = [counted(f"quick{n}", ledger, cost=100) for n in range(5)]
    gates = [gate(f"gate{n}", folder, ledger, cost=10) for n in range(2)]
    after = [counted(f"after{n}", ledger, [quick[n]], cost=1) for n in range(3)]
    return quick, gates, after


def many(folder):
    """Forty quick tasks over one base."""
    base = counted("base", folder / "ledger")
    return [counted(f"task{n}", folder / "ledger", [base]) for n in range(40)]


def say(event):
    print(event.kind, event.task.title if event.task else "-", flush=True)


if __name__ == "__main__":
    where, kind, which = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    tasks = many(where) if which == "many" else [task for tasks in plan(where) for task in tasks]
    cluster = sys.argv[4] if len(sys.argv) > 4 else None
    with open_executor(ExecutorConfig(kind=kind, workers=2, scheduler_file=cluster)) as executor:
        outcome = carry_out(tasks, Store(where / "store"), executor, on_event=say)
    summary = {name: sorted(task.title for task in getattr(outcome, name)) for name in ("done", "left")}
    print(json.dumps({**summary, "interrupted": outcome.interrupted, "failed": len(outcome.failed)}))
