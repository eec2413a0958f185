"""Dask with a real scheduler and real workers: the same bytes, and nothing lost when a part of it dies."""

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import engine_stages as stages
import pytest
from dask_harness import Cluster

from embexp.config import ExecutorConfig, SlurmConfig
from embexp.engine.clusters import job_script, problems
from embexp.engine.dask_executor import NO_SCHEDULER
from embexp.engine.executors import open_executor
from embexp.engine.remote import Site, find_misfit, installed_versions
from embexp.engine.scheduler import carry_out
from embexp.engine.store import Store
from embexp.engine.task import Stage, Task
from embexp.engine.trouble import CannotGoOnError
from embexp.errors import UserError

FAKE_SBATCH = """#!/bin/sh
# Runs the job on this machine, and says what sbatch says.
cp "$1" {folder}/job.sh
setsid bash {folder}/job.sh > {folder}/job.log 2>&1 &
echo $! > {folder}/job.pid
echo "Submitted batch job 1"
"""


@pytest.fixture
def cluster(tmp_path):
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster = Cluster(folder)
    yield cluster
    cluster.close()


@contextlib.contextmanager
def on(cluster, **changes):
    settings = {"scheduler_file": str(cluster.scheduler_file), "worker_wait_seconds": 30.0} | changes
    with open_executor(ExecutorConfig(kind="dask", **settings)) as executor:
        yield executor


def contents(store, tasks):
    """Every byte of every entry but its timing."""
    return {
        (task.fingerprint, str(path.relative_to(store.path(task.fingerprint)))): path.read_bytes()
        for task in tasks
        for path in store.path(task.fingerprint).rglob("*")
        if path.is_file() and path.name != "timing.json"
    }


def tree(ledger, names="abcdef"):
    base = Task(Stage("wide", 1, stages.count, all_cores=True), {"name": "base", "ledger": str(ledger)}, title="base")
    return [base, *(stages.counted(name, ledger, [base], large=True) for name in names)]


def test_dask_gives_the_bytes_of_serial_and_a_failure_costs_its_own_task(cluster, tmp_path, serial):
    cluster.add_worker(0)
    cluster.add_worker(1)
    tasks = tree(tmp_path / "ledger")
    bad = [Task(stages.UNFORTUNATE, {"kind": kind}, title=kind) for kind in ("kill", "value error", "system exit")]
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    carry_out(tasks, here, serial)
    with on(cluster) as executor:
        outcome = carry_out([*tasks, *bad], there, executor)
    assert set(outcome.done) == set(tasks)
    reasons = {failure.task.title: failure.reason for failure in outcome.failed}
    assert reasons["value error"] == "ValueError: no such value"
    assert reasons["system exit"] == "SystemExit: 3"
    assert "killed by SIGKILL" in reasons["kill"]
    assert contents(here, tasks) == contents(there, tasks)
    assert list((there.root / "building").iterdir()) == []


def test_a_worker_killed_and_one_added_in_the_middle_lose_and_repeat_nothing(cluster, tmp_path):
    first = cluster.add_worker(0)
    gate = stages.gate("gate", tmp_path, tmp_path / "ledger", cost=100)
    quick = [stages.counted(f"quick{n}", tmp_path / "ledger") for n in range(4)]
    done = threading.Event()

    def hear(event):
        if event.kind == "done" and event.task is quick[-1]:
            done.set()

    outcomes = []
    with on(cluster) as executor:
        run = threading.Thread(
            target=lambda: outcomes.append(
                carry_out([gate, *quick], Store(tmp_path / "store"), executor, on_event=hear)
            )
        )
        run.start()
        stages.announced(gate)
        cluster.add_worker(1)
        assert done.wait(60), "the worker that joined did the quick tasks"
        first.kill()
        first.wait()
        stages.let_through(gate)  # its process outlives the worker, and keeps the lock of what it builds
        run.join(60)
    (outcome,) = outcomes
    assert {*outcome.done, *outcome.cached} == {gate, *quick}
    assert stages.executions(tmp_path / "ledger") == {task.title: 1 for task in (gate, *quick)}


def test_a_lost_scheduler_stops_the_study_and_the_next_run_goes_on(cluster, tmp_path, serial):
    cluster.add_worker(0)
    store = Store(tmp_path / "store")
    quick = stages.counted("quick", tmp_path / "ledger", cost=200)
    gate = stages.gate("gate", tmp_path, tmp_path / "ledger", cost=100)
    rest = [stages.counted(f"rest{n}", tmp_path / "ledger") for n in range(3)]
    outcomes = []
    with on(cluster) as executor:
        run = threading.Thread(target=lambda: outcomes.append(carry_out([quick, gate, *rest], store, executor)))
        run.start()
        stages.announced(gate)
        cluster.scheduler.kill()
        run.join(60)
    (outcome,) = outcomes
    assert outcome.stopped.endswith("the same command then goes on where this one stopped")
    assert "Dask" in outcome.stopped
    assert (outcome.done, outcome.failed, set(outcome.left)) == ([quick], [], {gate, *rest})
    stages.let_go(gate)
    again = carry_out([quick, *rest], store, serial)
    assert again.complete
    assert stages.executions(tmp_path / "ledger")["quick"] == 1


def test_a_scheduler_that_dies_as_a_task_is_handed_over_stops_the_study(cluster, tmp_path):
    cluster.add_worker(0)
    tasks = tree(tmp_path / "ledger")
    with on(cluster) as executor:

        def slots():
            """Find a place, and have the scheduler die before it is taken."""
            cluster.scheduler.kill()
            with contextlib.suppress(CannotGoOnError):
                while True:
                    assert executor.workers
            return 1

        outcome = carry_out(tasks, Store(tmp_path / "store"), executor, slots=slots)
    assert outcome.stopped == NO_SCHEDULER
    assert (outcome.done, outcome.failed, set(outcome.left)) == ([], [], set(tasks))
    assert list((tmp_path / "store" / "building").iterdir()) == []


def test_a_study_whose_last_worker_is_gone_waits_so_long_and_no_longer(cluster, tmp_path):
    worker = cluster.add_worker(0)
    gate = stages.gate("gate", tmp_path, tmp_path / "ledger")
    outcomes = []
    with on(cluster, worker_wait_seconds=1.0) as executor:
        run = threading.Thread(target=lambda: outcomes.append(carry_out([gate], Store(tmp_path / "store"), executor)))
        run.start()
        stages.announced(gate)  # nothing else is left to be started
        worker.kill()
        run.join(60)
    (outcome,) = outcomes
    assert outcome.stopped.startswith("the cluster has had no worker for 1 s (executor.worker_wait_seconds)")
    assert (outcome.failed, outcome.left) == ([], [gate])
    stages.let_go(gate)


def test_the_loss_of_the_scheduler_is_one_sentence_and_no_traceback(cluster, tmp_path):
    cluster.add_worker(0)
    command = [sys.executable, str(Path(__file__).with_name("planner.py")), str(tmp_path), "dask", "plan"]
    command += [str(cluster.scheduler_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as planner:
        import planner as plans

        _, gates, _ = plans.plan(tmp_path)
        stages.announced(gates[0])
        cluster.scheduler.kill()
        told, trouble = planner.communicate()
        stages.let_go(gates[0])
    assert "stopped" in told
    assert trouble == ""


def test_a_worker_without_embexp_stops_the_study_before_any_work(cluster, tmp_path):
    (tmp_path / "hollow" / "embexp").mkdir(parents=True)
    (tmp_path / "hollow" / "embexp" / "__init__.py").write_text("")
    cluster.add_worker(0, first=[str(tmp_path / "hollow")])
    with on(cluster) as executor, pytest.raises(UserError, match=r"cannot run embexp .*install the same versions"):
        carry_out(tree(tmp_path / "ledger"), Store(tmp_path / "store"), executor)
    assert not (tmp_path / "ledger").exists()


def test_a_worker_with_other_versions_stops_the_study_before_any_work(cluster, tmp_path):
    fake = tmp_path / "fake" / "gensim-0.0.1.dist-info"
    fake.mkdir(parents=True)
    (fake / "METADATA").write_text("Metadata-Version: 2.1\nName: gensim\nVersion: 0.0.1\n")
    cluster.add_worker(0, first=[str(fake.parent)])
    with on(cluster) as executor, pytest.raises(UserError, match=r"has gensim 0\.0\.1 instead of \d"):
        carry_out(tree(tmp_path / "ledger"), Store(tmp_path / "store"), executor)
    assert not (tmp_path / "ledger").exists()


def test_a_worker_with_other_versions_that_joins_later_stops_the_study(cluster, tmp_path):
    fake = tmp_path / "fake" / "scipy-0.0.1.dist-info"
    fake.mkdir(parents=True)
    (fake / "METADATA").write_text("Metadata-Version: 2.1\nName: scipy\nVersion: 0.0.1\n")
    cluster.add_worker(0)
    gate = stages.gate("gate", tmp_path, tmp_path / "ledger", cost=100)
    rest = [stages.counted(f"rest{n}", tmp_path / "ledger") for n in range(3)]
    stopped, outcomes = threading.Event(), []

    def hear(event):
        if event.kind == "stopped":
            stopped.set()

    with on(cluster) as executor:
        run = threading.Thread(
            target=lambda: outcomes.append(carry_out([gate, *rest], Store(tmp_path / "store"), executor, on_event=hear))
        )
        run.start()
        stages.announced(gate)
        cluster.add_worker(1, first=[str(fake.parent)])
        assert stopped.wait(60)
        stages.let_through(gate)  # what runs on the other worker is finished
        run.join(60)
    (outcome,) = outcomes
    assert "a worker that joined the cluster has scipy 0.0.1 instead of" in outcome.stopped
    assert (outcome.done, outcome.failed, set(outcome.left)) == ([gate], [], set(rest))


def test_a_second_signal_drops_what_runs_on_the_workers_and_leaves_them_there(cluster, tmp_path):
    worker = cluster.add_worker(0)
    command = [sys.executable, str(Path(__file__).with_name("planner.py")), str(tmp_path), "dask", "plan"]
    with subprocess.Popen([*command, str(cluster.scheduler_file)], stdout=subprocess.PIPE, text=True) as planner:
        import planner as plans

        _, gates, _ = plans.plan(tmp_path)
        pid = stages.announced(gates[0])
        planner.send_signal(signal.SIGINT)
        for line in planner.stdout:
            if line.startswith("interrupted"):
                break
        planner.send_signal(signal.SIGTERM)
        summary = json.loads(planner.stdout.read().splitlines()[-1])
    assert (summary["done"], summary["failed"]) == ([f"quick{n}" for n in range(5)], 0)
    assert "gate0" in summary["left"]
    with contextlib.suppress(ProcessLookupError):
        while True:
            os.kill(pid, 0)  # its process is on the way out
    with on(cluster) as executor:
        assert carry_out([stages.counted("next", tmp_path / "ledger")], Store(tmp_path / "store"), executor).complete
    assert worker.poll() is None


@pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode != 0,
    reason="needs a mount namespace",
)
def test_a_worker_that_does_not_see_the_store_stops_the_study_before_any_work(cluster, tmp_path):
    root = tmp_path / "store"
    root.mkdir()
    script = 'mount -t tmpfs none "$0" && exec "$@"'
    cluster.add_worker(0, before=["unshare", "-m", "sh", "-c", script, str(root)])
    with on(cluster) as executor, pytest.raises(UserError, match=r"does not see the store .*store=FOLDER"):
        carry_out(tree(tmp_path / "ledger"), Store(root), executor)
    assert not (tmp_path / "ledger").exists()


def test_another_folder_under_the_same_name_is_no_shared_store(tmp_path):
    store = Store(tmp_path)
    store.prepare()
    (tmp_path / "building" / "mark").write_text("somebody else's")
    site = Site((), None, installed_versions(), str(tmp_path), "ours", "mark")
    assert "sees another folder under the name of the store" in find_misfit(site)


def test_resources_are_looked_for_before_any_work(cluster, tmp_path):
    cluster.add_worker(0, "--resources", "GPU=2")
    tasks = tree(tmp_path / "ledger", "a")
    with (
        on(cluster, resources={"GPU": 3}) as executor,
        pytest.raises(UserError, match=r"executor\.resources\.GPU: each task asks for 3, and no worker declares more"),
    ):
        carry_out(tasks, Store(tmp_path / "store"), executor)
    with on(cluster, resources={"GPU": 2}) as executor:
        assert carry_out(tasks, Store(tmp_path / "store"), executor).complete


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"cluster": "kubernetes"}, "executor.cluster: 'kubernetes' is unknown; possible: local, slurm"),
        ({"address": "tcp://a:1", "scheduler_file": "b"}, "executor.address and executor.scheduler_file: both name a"),
        ({"address": "no address"}, "executor.address: 'no address' is no address; it looks like tcp://host:8786"),
        ({"resources": {"GPU": 0}}, "executor.resources.GPU: 0 is no amount above 0"),
        ({"resources": {"GPU": True}}, "executor.resources.GPU: True is no amount above 0"),
    ],
)
def test_settings_that_make_no_cluster_are_told_before_anything_starts(changes, sentence):
    with pytest.raises(UserError) as told, open_executor(ExecutorConfig(kind="dask", **changes)):
        pass
    (problem,) = told.value.problems
    assert problem.startswith(sentence)


def test_a_scheduler_file_that_is_not_there_is_told_with_who_writes_it(tmp_path):
    config = ExecutorConfig(kind="dask", scheduler_file=str(tmp_path / "none.json"))
    told = r"none\.json' does not exist; `dask scheduler --scheduler-file FILE` writes it"
    with pytest.raises(UserError, match=told), open_executor(config):
        pass


def test_a_cluster_that_is_not_there_is_one_sentence(tmp_path):
    config = ExecutorConfig(kind="dask", address="tcp://127.0.0.1:1", worker_wait_seconds=1.0)
    with pytest.raises(UserError, match="no Dask scheduler answers there"), open_executor(config):
        pass


def test_ctrl_c_on_a_local_cluster_finishes_what_is_in_flight(tmp_path):
    command = [sys.executable, str(Path(__file__).with_name("planner.py")), str(tmp_path), "dask", "plan"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as planner:
        import planner as plans

        _, gates, _ = plans.plan(tmp_path)
        for gate in gates:
            stages.announced(gate)
        os.killpg(planner.pid, signal.SIGINT)  # as a terminal does: to every process
        for line in planner.stdout:
            if line.startswith("interrupted"):
                break
        for gate in gates:
            stages.let_through(gate)
        summary = planner.stdout.read().splitlines()[-1]
    assert '"interrupted": true' in summary
    assert '"failed": 0' in summary
    assert '"gate0", "gate1"' in summary


def test_slurm_jobs_work_and_are_the_script_that_plan_shows(tmp_path, monkeypatch):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("sbatch", FAKE_SBATCH.format(folder=tmp_path)), ("scancel", "#!/bin/sh\n")):
        (programs / name).write_text(text)
        (programs / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    (tmp_path / "prologue.sh").write_text("export FROM_PROLOGUE=1\n")
    slurm = SlurmConfig(
        partition="long",
        interface="lo",
        directives=["--gres=gpu:1"],
        prologue=str(tmp_path / "prologue.sh"),
        log_folder=str(tmp_path / "logs"),
    )
    config = ExecutorConfig(kind="dask", cluster="slurm", resources={"GPU": 1}, slurm=slurm, worker_wait_seconds=60.0)
    try:
        with open_executor(config) as executor:
            assert carry_out(tree(tmp_path / "ledger", "ab"), Store(tmp_path / "store"), executor).complete
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int((tmp_path / "job.pid").read_text()), signal.SIGKILL)
    ran, shown = (tmp_path / "job.sh").read_text().splitlines(), job_script(config).splitlines()
    assert shown[:12] == [
        "#!/usr/bin/env bash",
        "",
        "#SBATCH -J embexp",
        f"#SBATCH -e {tmp_path}/logs/embexp-%J.err",
        f"#SBATCH -o {tmp_path}/logs/embexp-%J.out",
        "#SBATCH -p long",
        "#SBATCH -n 1",
        "#SBATCH --cpus-per-task=1",
        "#SBATCH --mem=4G",
        "#SBATCH -t 01:00:00",
        "#SBATCH --gres=gpu:1",
        "export FROM_PROLOGUE=1",
    ]
    assert ran[:12] == shown[:12]
    assert shown[-1].split()[:3] == [sys.executable, "-m", "distributed.cli.dask_worker"]
    assert "--resources 'GPU=1'" in shown[-1]
    assert len(ran) == len(shown)
    assert [len(line.split()) for line in ran] == [len(line.split()) for line in shown]


@pytest.mark.parametrize(
    ("slurm", "key"),
    [
        (SlurmConfig(partition="a\nrm -rf ~"), "partition"),
        (SlurmConfig(account="$(id)"), "account"),
        (SlurmConfig(memory="4GB; id"), "memory"),
        (SlurmConfig(directives=["--x\nid"]), "directives"),
        (SlurmConfig(directives=["id"]), "directives"),
        (SlurmConfig(prologue="/nowhere/file"), "prologue"),
        (SlurmConfig(log_folder="a\nid"), "log_folder"),
    ],
)
def test_no_setting_of_slurm_carries_a_command_into_the_script(slurm, key):
    (sentence,) = problems(ExecutorConfig(kind="dask", cluster="slurm", slurm=slurm))
    assert sentence.startswith(f"executor.slurm.{key}: ")
