"""Worker processes by themselves: they work, stop when asked, and outlive what Redis does to them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis
from sqlmodel import col, select

from backend import worker
from backend.core import db, lifecycle, queue
from backend.models import WorkerRun
from tests.acceptance.installation import ROOT
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("database", "redis")]


@contextlib.contextmanager
def process(kind: str, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process with this test's database and Redis; its lines go to `output`."""
    env = os.environ | {"CROSSDOCK_LOG_FORMAT": "json"}
    with output.open("wb") as file:
        started = subprocess.Popen([sys.executable, "-m", "backend", kind], cwd=ROOT, env=env, stdout=file, stderr=file)
        try:
            yield started
        finally:
            started.kill()
            started.wait()


def runs(kind: str) -> list[WorkerRun]:
    with db.transaction() as session:
        return list(session.exec(select(WorkerRun).where(col(WorkerRun.kind) == kind).order_by(col(WorkerRun.id))).all())


def events(output: Path) -> list[str]:
    return [json.loads(line)["event"] for line in output.read_text().splitlines() if line.startswith("{")]


def test_an_idle_worker_stops_at_once_and_ends_its_run(tmp_path: Path):
    with process("jobs", tmp_path / "log") as jobs:
        eventually(lambda: runs("jobs") and queue.redis().scard("rq:workers") == 1)
        begun = time.monotonic()
        jobs.send_signal(signal.SIGTERM)

        assert jobs.wait(10) == 0
        assert time.monotonic() - begun < 5
        (run,) = runs("jobs")
        assert run.ended_at is not None
        assert queue.redis().scard("rq:workers") == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_job_at_hand_hears_of_the_stop_and_ends_first(number: signal.Signals, tmp_path: Path):
    sign = tmp_path / "sign"
    with process("jobs", tmp_path / "log") as jobs:
        queue.enqueue(queue.JOBS, "tests.acceptance.chores.wait_for_stop", str(sign))
        eventually(lambda: sign.read_text() == "working")
        jobs.send_signal(number)

        assert jobs.wait(10) == 0
        assert sign.read_text() == "stopped"
        assert events(tmp_path / "log") == ["job.ended"]


def test_a_failing_job_is_logged_and_the_next_is_done(tmp_path: Path):
    sign = tmp_path / "sign"
    queue.enqueue(queue.JOBS, "tests.acceptance.chores.fail")
    queue.enqueue(queue.JOBS, "tests.acceptance.chores.write", str(sign))
    with process("jobs", tmp_path / "log"):
        eventually(lambda: sign.read_text() == "done")

        assert "this job always fails" in (tmp_path / "log").read_text()


def test_an_emptied_redis_does_not_stop_a_worker(redis: Redis, tmp_path: Path):
    sign = tmp_path / "sign"
    with process("jobs", tmp_path / "log") as jobs:
        eventually(lambda: redis.scard("rq:workers") == 1)
        redis.flushall()
        queue.enqueue(queue.JOBS, "tests.acceptance.chores.write", str(sign))

        eventually(lambda: sign.read_text() == "done")
        assert jobs.poll() is None


def test_a_deliver_worker_takes_up_shifts_again_after_redis_was_emptied(redis: Redis, tmp_path: Path):
    with process("deliver", tmp_path / "log") as deliver, process("cron", tmp_path / "cron"):
        eventually(lambda: redis.zcard("rq:wip:deliver") == 1)
        redis.flushall()
        # What is running still runs; when it ends, or the sweep misses it, the next one is asked for.
        eventually(lambda: redis.llen("rq:queue:deliver") or redis.zcard("rq:wip:deliver"), seconds=15)

        deliver.send_signal(signal.SIGTERM)
        assert deliver.wait(10) == 0


def test_a_cron_job_runs_in_one_process_at_a_time(monkeypatch: pytest.MonkeyPatch):
    running, most, calls = 0, 0, 0
    guard = threading.Lock()

    def chore(_function: str) -> None:
        nonlocal running, most, calls
        with guard:
            running += 1
            calls += 1
            most = max(most, running)
        time.sleep(0.02)
        with guard:
            running -= 1

    monkeypatch.setattr(worker, "_call", chore)
    monkeypatch.setattr(lifecycle, "wait", lambda seconds: time.sleep(min(seconds, 0.01)))
    stop = threading.Event()
    monkeypatch.setattr(lifecycle, "stop_requested", stop.is_set)
    job = worker.CronJob("chore", timedelta(seconds=0.01), "anything")
    threads = [threading.Thread(target=worker._repeat, args=(job,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    eventually(lambda: calls >= 20)
    stop.set()
    for thread in threads:
        thread.join()

    assert most == 1


def test_a_failing_cron_job_is_tried_again(monkeypatch: pytest.MonkeyPatch):
    calls: list[str] = []

    def chore(function: str) -> None:
        calls.append(function)
        raise RuntimeError("broken")

    stop = threading.Event()
    monkeypatch.setattr(worker, "_call", chore)
    monkeypatch.setattr(lifecycle, "wait", lambda _seconds: None)
    monkeypatch.setattr(lifecycle, "stop_requested", lambda: stop.is_set() or len(calls) >= 3)

    worker._repeat(worker.CronJob("chore", timedelta(seconds=1), "anything"))

    assert calls == ["anything"] * 3
