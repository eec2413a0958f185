"""Executors: what one task does to its worker costs no other task anything."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import CancelledError
from pathlib import Path

import engine_stages as stages
import pytest

from embexp.config import ExecutorConfig
from embexp.engine.executors import available_cores, open_executor, problems
from embexp.engine.lanes import LocalExecutor, TaskError, TaskTimeoutError, WorkerLostError
from embexp.engine.processes import THREAD_VARIABLES
from embexp.errors import UserError

MISFORTUNES = {
    "kill": WorkerLostError,
    "exit 0": WorkerLostError,
    "exit 3": WorkerLostError,
    "system exit": SystemExit,
    "value error": ValueError,
    "memory error": MemoryError,
    "end of file": EOFError,
    "unreadable error": TaskError,
    "unpicklable result": TaskError,
}


def test_each_misfortune_costs_its_own_task_only(local):
    kinds = [kind for bad in MISFORTUNES for kind in (bad, f"fine beside {bad}")]
    futures = {kind: local.submit(stages.misfortune, kind) for kind in kinds}
    for kind, future in futures.items():
        if kind in MISFORTUNES:
            assert type(future.exception(timeout=60)) is MISFORTUNES[kind], kind
        else:
            assert future.result(timeout=60) == kind


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("kill", "killed by SIGKILL; the system does that when memory runs out"),
        ("exit 0", "ended with exit code 0 in the middle of the task"),
        ("exit 3", "ended with exit code 3 in the middle of the task"),
    ],
)
def test_a_lost_worker_leaves_a_reason(local, kind, words):
    with pytest.raises(WorkerLostError, match=words):
        local.submit(stages.misfortune, kind).result(timeout=60)


def test_a_sibling_does_not_notice_a_death(local, tmp_path):
    pipes = [tmp_path / name for name in ("pid", "go")]
    for pipe in pipes:
        os.mkfifo(pipe)
    sibling = local.submit(_speak_and_wait, *map(str, pipes))
    pid = int(pipes[0].read_text())
    with pytest.raises(WorkerLostError):
        local.submit(stages.misfortune, "kill").result(timeout=60)
    assert local.submit(stages.misfortune, "fine").result(timeout=60) == "fine"
    assert not sibling.done()
    pipes[1].write_text("go")
    assert sibling.result(timeout=60) == pid


def _speak_and_wait(pid, go):
    Path(pid).write_text(str(os.getpid()))
    Path(go).read_text()
    return os.getpid()


def test_the_death_of_an_idle_worker_costs_nothing():
    with LocalExecutor(1) as executor:
        pid = executor.submit(os.getpid).result(timeout=60)
        (process,) = [child for child in multiprocessing.active_children() if child.pid == pid]
        process.kill()
        process.join()
        assert executor.submit(os.getpid).result(timeout=60) != pid


def test_a_task_over_its_time_limit_is_stopped_and_the_next_one_runs(tmp_path):
    os.mkfifo(tmp_path / "never")
    with open_executor(ExecutorConfig(workers=1, task_timeout_seconds=0.5)) as executor:
        stuck = executor.submit(Path.read_text, tmp_path / "never")
        with pytest.raises(TaskTimeoutError, match=r"time limit of 0\.5 s \(executor\.task_timeout_seconds\)"):
            stuck.result(timeout=60)
        assert executor.submit(stages.misfortune, "fine").result(timeout=60) == "fine"


MAIN = """
import os
from embexp.engine.lanes import LocalExecutor

if __name__ == "__main__":
    with LocalExecutor(1, ["slow_to_import"], timeout_seconds=0.5) as executor:
        print(executor.submit(os.getpid).result())
"""


def test_the_start_of_a_worker_is_no_part_of_a_tasks_time(tmp_path):
    # In a process of its own: the fork server lives as long as the process that started it.
    pipe, main = tmp_path / "imported", tmp_path / "main.py"
    os.mkfifo(pipe)
    (tmp_path / "slow_to_import.py").write_text(f"import pathlib\npathlib.Path({str(pipe)!r}).read_text()\n")
    main.write_text(MAIN)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen([sys.executable, str(main)], env=environment, stdout=subprocess.PIPE) as planner:
        with pytest.raises(subprocess.TimeoutExpired):
            planner.wait(1.0)  # twice the limit of a task
        pipe.write_text("at last")
        assert int(planner.stdout.read()) > 0


def test_workers_have_one_thread_and_wide_tasks_several(local):
    before = dict(os.environ)
    assert local.submit(stages.thread_variable).result(timeout=60) == ("1", "1")
    assert local.submit_wide(3, stages.thread_variable).result(timeout=60) == ("3", "3")
    assert local.submit(stages.thread_variable).result(timeout=60) == ("1", "1")
    assert dict(os.environ) == before


def test_serial_has_one_thread_and_leaves_the_environment_as_it_was():
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    with open_executor(ExecutorConfig(kind="serial")) as executor:
        assert executor.submit(stages.thread_variable).result() == ("1", "1")
    assert {name: os.environ.get(name) for name in THREAD_VARIABLES} == before


def test_preloaded_modules_are_there_before_the_first_task():
    # In a process of its own: the fork server lives as long as the process that started it.
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("preloading.py"))],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["True", "False"]


def test_workers_ignore_the_signals_of_the_terminal(local):
    pid = local.submit(os.getpid).result(timeout=60)
    os.kill(pid, signal.SIGINT)
    os.kill(pid, signal.SIGTERM)
    pids = {local.submit(os.getpid).result(timeout=60) for _ in range(4)}
    assert pid in pids


def test_shutdown_finishes_what_waits_unless_told_otherwise():
    executor = LocalExecutor(1)
    futures = [executor.submit(stages.misfortune, number) for number in range(5)]
    executor.shutdown()
    assert [future.result(timeout=60) for future in futures] == list(range(5))
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(os.getpid)


def test_killing_the_workers_ends_all_calls(tmp_path):
    for name in ("pid", "go"):
        os.mkfifo(tmp_path / name)
    executor = LocalExecutor(1)
    running = executor.submit(_speak_and_wait, str(tmp_path / "pid"), str(tmp_path / "go"))
    waiting = executor.submit(os.getpid)
    assert int((tmp_path / "pid").read_text()) > 0
    executor.kill_workers()
    with pytest.raises(WorkerLostError):
        running.result(timeout=60)
    with pytest.raises(CancelledError):
        waiting.result(timeout=60)


def test_an_error_of_the_planners_own_leaves_no_worker_behind(tmp_path):
    for name in ("pid", "go"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(ZeroDivisionError), open_executor(ExecutorConfig(workers=1)) as executor:  # noqa: PT012
        running = executor.submit(_speak_and_wait, str(tmp_path / "pid"), str(tmp_path / "go"))
        pid = int((tmp_path / "pid").read_text())
        raise ZeroDivisionError
    with pytest.raises(WorkerLostError):
        running.result(timeout=60)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (ExecutorConfig(kind="clouds"), "executor.kind: 'clouds' is unknown; choose one of serial, local, dask"),
        (ExecutorConfig(workers=0), "executor.workers: 0 is below 1"),
        (ExecutorConfig(task_timeout_seconds=0.0), "executor.task_timeout_seconds: 0.0 is not above 0"),
    ],
)
def test_settings_that_make_no_executor_are_told(config, sentence):
    with pytest.raises(UserError) as told, open_executor(config):
        pass
    assert [problem.startswith(sentence) for problem in told.value.problems] == [True]


def test_an_executor_that_nobody_used_starts_no_process():
    before = len(multiprocessing.active_children()), threading.active_count()
    with open_executor(ExecutorConfig(workers=2)):
        assert (len(multiprocessing.active_children()), threading.active_count()) == before


def test_all_problems_of_the_configuration_come_at_once():
    config = ExecutorConfig(kind="lokal", workers=0, task_timeout_seconds=-1.0)
    assert len(problems(config)) == 3
    with (
        pytest.raises(UserError, match=r"executor\.kind: 'lokal' is unknown; choose one of serial, local"),
        open_executor(config),
    ):
        pass


def test_there_is_at_least_one_core_and_no_more_than_the_machine_has():
    assert 1 <= available_cores() <= os.cpu_count()
