"""The way to Redis: wakes and shifts that do not pile up, and an outage that costs nobody anything."""

# redis annotates its answers as awaitable or not.
# pyright: reportOperatorIssue=false, reportArgumentType=false, reportGeneralTypeIssues=false

from __future__ import annotations

import asyncio
import zlib
from pathlib import Path

import pytest
import structlog
from redis import Redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from backend.core import queue
from backend.settings import settings


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


def test_redis_is_used_again_when_it_is_back(redis: Redis, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(queue, "_SKIP_SECONDS", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(queue, "redis", lambda: Redis.from_url("unix:///nowhere/valkey.sock"))
        queue.wake_deliver()

    with structlog.testing.capture_logs() as logs:
        queue.wake_deliver()
    assert redis.llen(queue.WAKE_DELIVER) == 1
    assert [line["event"] for line in logs] == ["redis.back"]


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
