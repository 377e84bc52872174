"""The short line to Redis against a real Valkey: order, errors, lost connections, one that is frozen, answers in pieces."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from redis import Redis
from redis.exceptions import ResponseError

from backend import valkey
from backend.core import outage, queue
from backend.core.rate_limit import Limiter, Window
from backend.core.redis_line import NoScript, RedisLine, encode
from tests.waiting import eventually


def talking(url: str, talk: Callable[[RedisLine], Awaitable[Any]]) -> Any:
    """What a conversation on an event loop of its own comes to."""

    async def run() -> Any:
        line = RedisLine(lambda: url)
        try:
            return await talk(line)
        finally:
            await line.close()

    return asyncio.run(run())


@pytest.fixture
def frozen_later() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a Valkey of the test's own, and its process, that may be stopped."""
    with tempfile.TemporaryDirectory(prefix="xd-valkey-") as folder:
        path = Path(folder, "valkey.sock")
        process = subprocess.Popen(valkey.command(Path(folder), path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with Redis.from_url(f"unix://{path}") as client:
                eventually(lambda: path.exists() and client.ping())
            yield f"unix://{path}", process
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.wait(10)


def test_answers_come_in_the_order_of_the_questions_whoever_asked(redis: Redis, valkey_url: str):
    async def talk(line: RedisLine) -> list[Any]:
        return await asyncio.gather(*(line.ask(encode(b"ECHO", b"%d" % number)) for number in range(500)))

    assert talking(valkey_url, talk) == [b"%d" % number for number in range(500)]
    assert redis.ping()


def test_every_kind_of_answer_is_read_however_it_is_cut(redis: Redis, valkey_url: str):
    redis.set("big", b"x" * 300_000)

    async def talk(line: RedisLine) -> list[Any]:
        script = b"return {1, 'two', {3, false, {}}, redis.call('GET', 'big')}"
        return [
            await line.ask(encode(b"GET", b"nothing")),
            await line.ask(encode(b"SET", b"a\r\n", b"\r\n$5\r\n")),
            await line.ask(encode(b"GET", b"a\r\n")),
            await line.ask(encode(b"EVAL", script, b"0")),
        ]

    assert talking(valkey_url, talk) == [None, b"OK", b"\r\n$5\r\n", [1, b"two", [3, None, []], b"x" * 300_000]]


def test_an_error_is_the_asker_s_alone(redis: Redis, valkey_url: str):
    redis.set("word", "x")

    async def talk(line: RedisLine) -> list[Any]:
        asked = [encode(b"ECHO", b"1"), encode(b"INCR", b"word"), encode(b"EVALSHA", b"0" * 40, b"0"), encode(b"ECHO", b"2")]
        return await asyncio.gather(*(line.ask(command) for command in asked), return_exceptions=True)

    first, wrong, unknown, last = talking(valkey_url, talk)
    assert (first, last) == (b"1", b"2")
    assert isinstance(wrong, ResponseError)
    assert isinstance(unknown, NoScript)


def test_a_connection_that_was_lost_is_made_again(redis: Redis, valkey_url: str):
    async def talk(line: RedisLine) -> list[Any]:
        told = [await line.ask(encode(b"ECHO", b"1"))]
        redis.client_kill_filter(skipme=True)
        told.append(await line.ask(encode(b"ECHO", b"2")))
        return told

    assert talking(valkey_url, talk) == [b"1", b"2"]


def test_whoever_asks_while_it_connects_waits_for_the_one_connection(redis: Redis, valkey_url: str):
    def connections() -> int:
        listed: Any = redis.client_list()
        return len(listed)

    async def talk(line: RedisLine) -> int:
        before = connections()
        await asyncio.gather(*(line.ask(encode(b"PING")) for _ in range(20)))
        return connections() - before

    assert talking(valkey_url, talk) == 1


def test_the_number_of_the_database_in_the_address_counts(redis: Redis, valkey_url: str):
    redis.set("here", "0")

    async def talk(line: RedisLine) -> Any:
        return await line.ask(encode(b"EXISTS", b"here"))

    assert talking(f"{valkey_url}?db=3", talk) == 0
    assert talking(f"{valkey_url}?db=0", talk) == 1


def test_a_wrong_password_is_an_error_and_no_connection(redis: Redis, valkey_url: str):
    assert redis.ping()

    async def talk(line: RedisLine) -> Any:
        return await line.ask(encode(b"PING"))

    with pytest.raises(ResponseError):
        talking(valkey_url.replace("unix://", "unix://somebody:wrong@"), talk)


def test_a_frozen_redis_ends_every_wait_at_once_and_is_used_again_when_it_wakes(frozen_later: tuple[str, subprocess.Popen[bytes]]):
    url, process = frozen_later

    async def talk(line: RedisLine) -> list[Any]:
        await line.ask(encode(b"PING"))
        process.send_signal(signal.SIGSTOP)
        asked = await asyncio.gather(*(line.ask(encode(b"PING")) for _ in range(5)), return_exceptions=True)
        process.send_signal(signal.SIGCONT)
        return [*asked, await line.ask(encode(b"ECHO", b"again"))]

    *frozen, awake = talking(url, talk)
    assert [type(each) for each in frozen] == [TimeoutError] * 5
    assert awake == b"again"


def test_the_limiter_looks_at_a_frozen_redis_once_in_a_while_that_grows(
    frozen_later: tuple[str, subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
):
    url, process = frozen_later
    now, window = [1000.0], Window("per_minute", 1000, 60)

    class Ticking:
        def monotonic(self) -> float:
            return now[0]

    monkeypatch.setattr(outage, "time", Ticking())
    looked: list[float] = []
    line = RedisLine(lambda: url)

    class Noting:
        async def ask(self, command: bytes) -> Any:
            looked.append(now[0] - 1000)
            return await line.ask(command)

    monkeypatch.setattr(queue, "line", Noting)

    async def run() -> list[bool]:
        limiter = Limiter()
        told = [(await limiter.spend("a", [window], or_locally=True)).is_local]
        process.send_signal(signal.SIGSTOP)
        looked.clear()
        for _ in range(12):  # callers at the same time count once
            verdicts = await asyncio.gather(*(limiter.spend("a", [window], or_locally=True) for _ in range(3)))
            told += [verdict.is_local for verdict in verdicts]
            now[0] += 1.0
        process.send_signal(signal.SIGCONT)
        now[0] += 20.0
        told.append((await limiter.spend("a", [window], or_locally=True)).is_local)
        await line.close()
        return told

    with structlog.testing.capture_logs() as logs:
        told = asyncio.run(run())
    assert told == [False] + [True] * 36 + [False]
    assert looked == [0, 0, 0, 1, 3, 7, 32]
    assert [line["event"] for line in logs] == ["rate_limit.local", "rate_limit.shared"]
