"""Studies on a real tracking server on loopback, whose connection breaks at any request."""

from __future__ import annotations

import http.server
import itertools
import multiprocessing
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tracking_study import (
    MEANS,
    SIZES,
    Served,
    expected_fingerprints,
    fingerprints,
    make_cells,
    make_folder,
    make_results,
    make_study,
)

from embexp.config import TrackingConfig
from embexp.tracking import open_tracker, sync
from embexp.tracking.address import check_address
from embexp.tracking.delivery import Desk
from embexp.tracking.outbox import Label, find_boxes

FORK = multiprocessing.get_context("fork")


def deliver_here(url: str, folder: Path, name: str, dies_at: int | None, answered: bool) -> None:
    """Deliver a study in this process, which dies at one request: before it is sent, or when it is answered."""
    import requests

    counter = itertools.count()
    send = requests.Session.send

    def dying_send(*arguments: object, **named: object) -> object:
        number = next(counter)
        if number == dies_at and not answered:
            os._exit(9)
        answer = send(*arguments, **named)  # type: ignore[arg-type]
        if number == dies_at:
            os._exit(9)
        return answer

    requests.Session.send = dying_send  # type: ignore[method-assign, assignment]
    study = make_study(folder, name)
    desk = Desk(check_address(url, "test"), Label(study, study.name, "", 1_700_000_000.0))
    cells = [{"kind": "cell", "noted": 1_700_000_009.0, **cell.as_json()} for cell in make_cells()[:4]]
    finish = {"kind": "finish", "results": make_results(), "folder": str(folder), "ended": 1_700_000_010.0}
    desk.deliver([{"kind": "study"}])
    desk.deliver(cells)
    desk.deliver([finish])
    desk.refresh()  # as the courier does: a request of the dead may have been carried out after ours
    os._exit(0)


def deliver(url: str, folder: Path, name: str, dies_at: int | None = None, answered: bool = False) -> int | None:
    process = FORK.Process(target=deliver_here, args=(url, folder, name, dies_at, answered))
    process.start()
    process.join(60)
    return process.exitcode


@pytest.mark.parametrize("answered", [False, True])
def test_death_at_any_request_leaves_each_cell_once(served: Served, tmp_path: Path, answered: bool) -> None:
    cells = make_cells()[:4]
    make_folder(tmp_path)
    died = 0
    for dies_at in range(4 + answered, 40, 9):
        name = f"dies-at-{dies_at}-{answered}"
        died += deliver(served.url, tmp_path, name, dies_at, answered) == 9
        assert deliver(served.url, tmp_path, name) == 0
        runs = served.runs_of(make_study(tmp_path, name))
        assert fingerprints(runs) == expected_fingerprints(cells)
        assert len(runs) == len(cells) + 4
        assert {run.status for run in runs} == {"FINISHED"}
        assert all(len(run.metrics["train_loss"]) == 3 for run in runs if run.tags["embexp.role"] == "cell")
        (random,) = [run for run in runs if run.name == "random"]
        assert random.metrics["test_accuracy"] == list(zip(SIZES, MEANS["random"], strict=True))
    assert died >= 3


def test_of_two_runs_of_a_cell_the_complete_one_stays(served: Served, tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    make_folder(tmp_path)
    study = make_study(tmp_path, "late")
    assert deliver(served.url, tmp_path, "late") == 0
    client = MlflowClient(served.url)
    for run in served.runs_of(study):
        if run.tags["embexp.role"] == "cell":  # the request of somebody dead, carried out late
            client.create_run(client.get_run(run.run_id).info.experiment_id, run.start, run.tags, run.name)
    assert deliver(served.url, tmp_path, "late") == 0
    cells = [run for run in served.runs_of(study) if run.tags["embexp.role"] == "cell"]
    assert fingerprints(cells) == expected_fingerprints(make_cells()[:4])
    assert all(run.status == "FINISHED" and run.metrics for run in cells)


@contextmanager
def forgetful_proxy(url: str) -> Iterator[str]:
    """Pass requests on to a server, but lose the answer of every fourth."""
    counter = itertools.count(1)

    class Forgetful(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline()
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            request = urllib.request.Request(url + self.path, body or None, headers, method=self.command)  # noqa: S310
            try:
                with urllib.request.urlopen(request) as answer:  # noqa: S310
                    code, text = answer.status, answer.read()
            except urllib.error.HTTPError as error:
                code, text = error.code, error.read()
            if next(counter) % 4 == 0:
                self.close_connection = True
                return
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forgetful) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_answers_that_get_lost_make_no_doubles(served: Served, tmp_path: Path) -> None:
    study = make_study(tmp_path, "forgetful")
    with (
        forgetful_proxy(served.url) as url,
        open_tracker(TrackingConfig(uri=url), study, tmp_path / "outbox") as tracker,
    ):
        for cell in make_cells():
            tracker.cell(cell)
        tracker.finish(make_results(), make_folder(tmp_path))
    sync(TrackingConfig(uri=served.url), tmp_path / "outbox")
    assert find_boxes(tmp_path / "outbox") == []
    assert fingerprints(served.runs_of(study)) == expected_fingerprints(make_cells())


def test_the_server_keeps_the_files_of_a_study(served: Served, tmp_path: Path) -> None:
    study = make_study(tmp_path, "files")
    with open_tracker(TrackingConfig(uri=served.url), study, tmp_path / "outbox") as tracker:
        tracker.cell(make_cells()[0])
        assert tracker.finish(make_results(), make_folder(tmp_path)).undelivered == 0
    (run,) = [run for run in served.runs_of(study) if run.name == "study files"]
    with urllib.request.urlopen(  # noqa: S310
        f"{served.url}/get-artifact?run_uuid={run.run_id}&path=figures/learning_curves.svg"
    ) as answer:
        assert answer.read() == b"<svg/>"
