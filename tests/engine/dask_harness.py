"""A real Dask scheduler and real workers on loopback, as processes that a test may kill."""

import os
import subprocess
import sys
from pathlib import Path

from distributed import Client

HERE = Path(__file__).parent


class Cluster:
    """`dask scheduler` and `dask worker` as a user starts them."""

    def __init__(self, folder):
        self.folder = folder
        self.scheduler_file = folder / "scheduler.json"
        self._processes = []
        options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(self.scheduler_file)]
        self.scheduler = self._start("scheduler", options)
        while not self.scheduler_file.exists():
            assert self.scheduler.poll() is None
            try:
                self.scheduler.wait(0.05)
            except subprocess.TimeoutExpired:
                continue

    def add_worker(self, name, *options, before=(), **variables):
        """Start a worker and return once the scheduler knows it."""
        arguments = ["--scheduler-file", str(self.scheduler_file), "--nthreads", "1", "--no-nanny", "--no-dashboard"]
        process = self._start("worker", [*arguments, "--name", str(name), *options], before, variables)
        with Client(scheduler_file=str(self.scheduler_file), set_as_default=False) as client:
            while str(name) not in [str(worker["name"]) for worker in client.scheduler_info()["workers"].values()]:
                assert process.poll() is None, "the worker ended"
                try:
                    process.wait(0.05)
                except subprocess.TimeoutExpired:
                    continue
        return process

    def _start(self, what, options, before=(), variables=None):
        path = os.pathsep.join([*(variables or {}).pop("first", []), str(HERE), os.environ.get("PYTHONPATH", "")])
        environment = os.environ | {"PYTHONPATH": path} | (variables or {})
        command = [*before, sys.executable, "-m", f"distributed.cli.dask_{what}", *options]
        log = (self.folder / f"{what}.log").open("ab")
        process = subprocess.Popen(command, env=environment, cwd=self.folder, stdout=log, stderr=log)
        log.close()
        self._processes.append(process)
        return process

    def close(self):
        for process in reversed(self._processes):  # workers first, and politely: what they measure is then kept
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
