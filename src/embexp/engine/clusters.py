"""Find or start the Dask cluster that a configuration names: by address, by scheduler file, local, or Slurm.

executor=dask                                   worker processes here, for a try
executor=dask executor.address=tcp://head:8786  a scheduler that runs already
executor=dask executor.scheduler_file=FILE      the same, by the file it wrote
executor=slurm executor.slurm.jobs=8            jobs submitted to Slurm by dask-jobqueue
"""

from __future__ import annotations

import contextlib
import logging
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from embexp.config import ExecutorConfig, SlurmConfig
from embexp.engine.dask_executor import DaskExecutor
from embexp.engine.interrupts import SIGNALS
from embexp.errors import UserError

CONNECT_SECONDS = 10.0
CLUSTERS = ("local", "slurm")


@contextlib.contextmanager
def open_dask(config: ExecutorConfig, preload: Sequence[str], cores: int) -> Iterator[DaskExecutor]:
    """Open an executor on the configured cluster; a cluster that embexp started ends with the block.

    Args:
        config: Where the cluster is, or which to start.
        preload: Modules that the work imports.
        cores: Workers of a local cluster.

    Raises:
        UserError: If Dask is not installed, or the cluster cannot be reached or started.
    """
    _require("distributed")
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(_connect(config, cores))
        executor = DaskExecutor(
            client, tuple(preload), config.task_timeout_seconds, config.resources, config.worker_wait_seconds
        )
        try:
            yield executor
        except BaseException:
            executor.kill_workers()
            raise
        executor.shutdown(wait=not executor.lost)


def problems(config: ExecutorConfig) -> list[str]:
    """Return a sentence for each thing that is wrong with the settings of a Dask cluster."""
    found = []
    if config.cluster not in CLUSTERS:
        found.append(f"executor.cluster: {config.cluster!r} is unknown; possible: {', '.join(CLUSTERS)}")
    if config.address and config.scheduler_file:
        found.append("executor.address and executor.scheduler_file: both name a scheduler; give one of them")
    if config.address and not re.fullmatch(r"(tcp|tls|ws|wss|ucx|inproc)://[^\s/]+|[\w.\-]+:\d+", config.address):
        found.append(f"executor.address: {config.address!r} is no address; it looks like tcp://host:8786")
    for name, amount in config.resources.items():
        if not isinstance(amount, int | float) or isinstance(amount, bool) or not amount > 0:
            found.append(f"executor.resources.{name}: {amount!r} is no amount above 0, such as 1")
    if config.cluster == "slurm" and not (config.address or config.scheduler_file):
        found += _slurm_problems(config.slurm)
    return found


def job_script(config: ExecutorConfig) -> str | None:
    """Return the script of each job that would be submitted, or None where no jobs are; starts nothing."""
    if config.kind != "dask" or config.address or config.scheduler_file or config.cluster != "slurm":
        return None
    _require("dask_jobqueue")
    from dask_jobqueue.slurm import SLURMJob

    arguments = _slurm_arguments(config)
    del arguments["n_workers"]
    job = SLURMJob("tcp://<insert-scheduler-address-here>:8786", name="dummy-name", **arguments)
    script: str = job.job_script()
    return script


# ---- finding and starting


@contextlib.contextmanager
def _connect(config: ExecutorConfig, cores: int) -> Iterator[Any]:
    from distributed import Client

    _keep_quiet()
    with contextlib.ExitStack() as stack:
        where: dict[str, Any]
        if config.address:
            where, name = {"address": config.address}, f"executor.address: {config.address}"
        elif config.scheduler_file:
            if not Path(config.scheduler_file).is_file():
                raise UserError(
                    f"executor.scheduler_file: {config.scheduler_file!r} does not exist; `dask scheduler "
                    "--scheduler-file FILE` writes it when it starts"
                )
            where, name = {"scheduler_file": config.scheduler_file}, f"executor.scheduler_file: {config.scheduler_file}"
        else:
            with _signals_blocked():
                cluster = _start_slurm(config) if config.cluster == "slurm" else _start_local(cores)
            stack.callback(_close, cluster)
            where, name = {"address": cluster}, "executor"
        try:
            with _signals_blocked():
                client = Client(
                    **where,
                    timeout=min(CONNECT_SECONDS, config.worker_wait_seconds),
                    set_as_default=False,
                    name="embexp",
                )
        except (OSError, TimeoutError, ValueError) as error:
            raise UserError(
                f"{name}: no Dask scheduler answers there; see that it runs and can be reached from this machine"
            ) from error
        stack.callback(_close, client)
        yield client


def _start_local(cores: int) -> Any:
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=cores,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        memory_limit=0,  # Dask would pause and restart workers by their size; a lane's death is told as it is
        silence_logs=logging.CRITICAL,
    )


def _start_slurm(config: ExecutorConfig) -> Any:
    _require("dask_jobqueue")
    from dask_jobqueue import SLURMCluster

    Path(config.slurm.log_folder).mkdir(parents=True, exist_ok=True)
    cluster = SLURMCluster(
        **_slurm_arguments(config),
        scheduler_options={"dashboard": False, "interface": config.slurm.interface},
        silence_logs=logging.CRITICAL,
    )
    cluster.scale(jobs=config.slurm.jobs)
    return cluster


def _slurm_arguments(config: ExecutorConfig) -> dict[str, Any]:
    """Return the settings in dask-jobqueue's words. All are given, so that no file of Dask's own changes them."""
    slurm = config.slurm
    resources = ",".join(f"{name}={amount:g}" for name, amount in config.resources.items())
    return {
        "n_workers": 0,
        "queue": slurm.partition,
        "account": slurm.account,
        "cores": slurm.workers_per_job,
        "processes": slurm.workers_per_job,
        "memory": slurm.memory,
        "walltime": slurm.time,
        "interface": slurm.interface,
        "job_name": "embexp",
        "job_extra_directives": list(slurm.directives),
        "job_script_prologue": Path(slurm.prologue).read_text(encoding="utf-8").splitlines() if slurm.prologue else [],
        "log_directory": str(Path(slurm.log_folder).absolute()),
        "python": sys.executable,
        "worker_extra_args": ["--resources", f"'{resources}'"] if resources else [],
        "death_timeout": 300,
        "shebang": "#!/usr/bin/env bash",
        "nanny": True,
        "protocol": "tcp://",
        "security": None,
        "config_name": "slurm",
    }


def _slurm_problems(slurm: SlurmConfig) -> list[str]:
    """Every setting lands in a shell script: one line each, and directives only where directives stand."""
    found = []
    for key in ("partition", "account", "memory", "time", "interface"):
        value = getattr(slurm, key)
        if value is not None and not re.fullmatch(r"[\w.:,@+\-]+", value):
            found.append(
                f"executor.slurm.{key}: {value!r} holds what no {key} of Slurm has; letters, digits and .:,@+-"
            )
    for line in slurm.directives:
        if not re.fullmatch(r"--?[A-Za-z][^\n\r]*", line):
            found.append(
                f"executor.slurm.directives: {line!r} is no option of sbatch on one line, such as --gres=gpu:1"
            )
    if slurm.prologue is not None and not Path(slurm.prologue).is_file():
        found.append(f"executor.slurm.prologue: {slurm.prologue!r} does not exist; it names a file of shell lines")
    if re.search(r"[\n\r'\"]", slurm.log_folder):
        found.append(f"executor.slurm.log_folder: {slurm.log_folder!r} holds a quote or a line break")
    return found


def _require(module: str) -> None:
    try:
        __import__(module)
    except ImportError as error:
        raise UserError(
            f"executor: Dask is not installed ({error.name} is missing); install it with `pip install 'embexp[dask]'`"
        ) from error


def _keep_quiet() -> None:
    """Dask logs each worker that comes and goes, with tracebacks; what matters is said by the executor.

    Its own configuration gives the client's logger a level of its own.
    """
    for name in ("distributed", "distributed.client", "tornado.application", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Start threads and processes deaf to Ctrl-C and SIGTERM, which a terminal sends to all of them.

    The planner alone decides what a signal means; threads and processes inherit the mask of who starts them.
    """
    resource_tracker.ensure_running()  # else Dask starts it, and it unblocks the signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _close(what: Any) -> None:
    with contextlib.suppress(Exception):  # a cluster that is gone already
        what.close(timeout=5)
