"""The way to Redis: wakes and shifts that do not pile up, and an outage that costs nobody anything."""

# redis annotates its answers as awaitable or not.
# pyright: reportOperatorIssue=false, reportArgumentType=false, reportGeneralTypeIssues=false

from __future__ import annotations

import asyncio
import signal
import subprocess
import tempfile
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from redis import Redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from backend import valkey
from backend.core import outage, queue
from backend.settings import settings
from tests.waiting import eventually


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that does not answer."""
    monkeypatch.setenv("REDIS_URL", f"unix://{tmp_path}/nobody.sock")
    settings.cache_clear()
    queue.forget_connections()


def test_repeated_wakes_leave_one_until_it_is_taken(redis: Redis):
    for _ in range(50):
        queue.wake_deliver()
    assert redis.llen(queue.WAKE_DELIVER) == 1

    redis.brpop(queue.WAKE_DELIVER)
    redis.delete(queue.WAKE_DELIVER_FLAG)
    queue.wake_deliver()
    assert redis.llen(queue.WAKE_DELIVER) == 1


def test_a_wake_that_nobody_takes_is_repeated_but_never_piles_up(redis: Redis):
    for _ in range(30):
        queue.wake_deliver()
        redis.delete(queue.WAKE_DELIVER_FLAG)

    assert 1 < redis.llen(queue.WAKE_DELIVER) <= 8
    assert redis.ttl(queue.WAKE_DELIVER_FLAG) < 0
    queue.wake_deliver()
    assert 0 < redis.ttl(queue.WAKE_DELIVER_FLAG) <= 5


@pytest.mark.usefixtures("redis")
def test_one_shift_waits_at_most():
    for _ in range(5):
        queue.enqueue_shift()

    (job,) = queue.open_queue(queue.DELIVER).jobs
    assert (job.func_name, job.timeout) == (queue.SHIFT, -1)


def test_a_job_is_json_and_reaches_a_worker(redis: Redis, monkeypatch: pytest.MonkeyPatch):
    # Its signal handlers would outlast the test and keep this test run from being stopped.
    monkeypatch.setattr(SimpleWorker, "_install_signal_handlers", lambda _worker: None)
    assert queue.enqueue(queue.JOBS, "builtins.sorted", [3, 1, 2], timeout=5)

    (job,) = queue.open_queue(queue.JOBS).jobs
    assert zlib.decompress(redis.hget(job.key, "data")) == b'["builtins.sorted", null, [[3, 1, 2]], {}]'
    worker = SimpleWorker([queue.open_queue(queue.JOBS)], connection=queue.connect(read_seconds=None), serializer=JSONSerializer)
    assert worker.work(burst=True, logging_level="ERROR")
    assert worker.failed_job_count == 0


def test_a_published_topic_reaches_the_workspaces_subscribers(redis: Redis):
    with redis.pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe("ws:wsp_1", queue.INVALIDATIONS)
        subscription.get_message(timeout=1)

        queue.publish("wsp_1", "deliveries")
        queue.publish("wsp_2", "deliveries")
        queue.publish_invalidation(["key_1"])

        received = [message for _ in range(6) if (message := subscription.get_message(timeout=0.2))]
    assert [(message["channel"], message["data"]) for message in received] == [
        (b"ws:wsp_1", b"deliveries"),
        (queue.INVALIDATIONS.encode(), b'["key_1"]'),
    ]


@pytest.mark.usefixtures("away")
def test_no_hint_raises_while_redis_is_away_and_the_log_says_so_once():
    with structlog.testing.capture_logs() as logs:
        for _ in range(20):
            queue.wake_deliver()
            queue.publish("wsp_1", "deliveries")
            queue.publish_invalidation(["key_1"])
            queue.enqueue_shift()
            assert not queue.enqueue(queue.JOBS, "builtins.print")

    assert [line["event"] for line in logs] == ["redis.away"]


class Ticking:
    """A clock that stands until a test moves it, in the place of `time`."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> Ticking:
    clock = Ticking()
    monkeypatch.setattr(outage, "time", clock)
    return clock


@pytest.fixture
def freezable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A Valkey of the test's own, the one of the settings, that may be stopped."""
    with tempfile.TemporaryDirectory(prefix="xd-valkey-") as folder:
        path = Path(folder, "valkey.sock")
        process = subprocess.Popen(valkey.command(tmp_path, path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            monkeypatch.setenv("REDIS_URL", f"unix://{path}")
            settings.cache_clear()
            queue.forget_connections()
            eventually(lambda: path.exists() and queue.redis().ping())
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.wait(10)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the commands that were tried on Redis."""
    tried: list[str] = []
    execute = Redis.execute_command

    def noted(client: Redis, *arguments: Any, **options: Any) -> Any:
        tried.append(arguments[0])
        return execute(client, *arguments, **options)

    monkeypatch.setattr(Redis, "execute_command", noted)
    return tried


def test_a_frozen_redis_is_looked_at_once_in_a_while_that_grows(freezable: subprocess.Popen[bytes], commands: list[str], ticking: Ticking):
    queue.publish("wsp_1", "deliveries")
    freezable.send_signal(signal.SIGSTOP)
    commands.clear()
    looked: list[float] = []
    for _ in range(80):
        before = len(commands)
        queue.publish("wsp_1", "deliveries")
        queue.wake_deliver()
        looked += [ticking.now - 1000] * (len(commands) - before)
        ticking.now += 0.5
    assert looked == [0, 1, 3, 7, 15, 30]


def test_a_redis_that_wakes_up_is_used_again(freezable: subprocess.Popen[bytes], commands: list[str], ticking: Ticking):
    freezable.send_signal(signal.SIGSTOP)
    queue.wake_deliver()
    freezable.send_signal(signal.SIGCONT)
    with structlog.testing.capture_logs() as logs:
        ticking.now += 1
        queue.wake_deliver()
    assert [line["event"] for line in logs] == ["redis.back"]
    commands.clear()
    queue.publish("wsp_1", "deliveries")
    assert commands == ["PUBLISH"]


def test_a_redis_that_was_restarted_costs_no_hint(redis: Redis):
    queue.wake_deliver()
    redis.delete(queue.WAKE_DELIVER, queue.WAKE_DELIVER_FLAG)
    redis.client_kill_filter(skipme=True)
    with structlog.testing.capture_logs() as logs:
        queue.wake_deliver()
    assert redis.llen(queue.WAKE_DELIVER) == 1
    assert logs == []


@pytest.mark.usefixtures("away")
def test_one_caller_at_a_time_looks_whether_redis_is_back(monkeypatch: pytest.MonkeyPatch, ticking: Ticking, commands: list[str]):
    queue.wake_deliver()
    ticking.now += 1
    commands.clear()
    looking, seen = threading.Event(), threading.Event()
    execute = Redis.execute_command

    def slow(client: Redis, *arguments: Any, **options: Any) -> Any:
        looking.set()
        seen.wait(10)
        return execute(client, *arguments, **options)

    monkeypatch.setattr(Redis, "execute_command", slow)
    other = threading.Thread(target=queue.wake_deliver)
    other.start()
    assert looking.wait(10)
    for _ in range(5):
        queue.publish("wsp_1", "deliveries")  # at once, although somebody still waits for Redis
    seen.set()
    other.join()
    assert commands == ["SET"]


def test_each_event_loop_has_clients_of_its_own(redis: Redis):
    async def ask() -> bool:
        assert queue.async_redis() is queue.async_redis()
        assert queue.async_redis() is not queue.async_redis(blocking=True)
        await queue.async_redis().set("asked", 1)
        answered = await queue.async_redis(blocking=True).blpop(["nothing"], timeout=0.05)
        await queue.close_async()
        return answered is None

    assert asyncio.run(ask())
    assert asyncio.run(ask())
    assert redis.get("asked") == b"1"
