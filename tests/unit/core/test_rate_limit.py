"""The limiter against a real Valkey: exact, all or nothing, truthful about what is left."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from redis import Redis

from backend.core import clock, queue, rate_limit
from backend.core.errors import Unavailable
from backend.core.rate_limit import Limiter, Verdict, Window
from backend.settings import settings
from tests.waiting import eventually

MINUTE = Window("per_minute", 3, 60)
HOUR = Window("per_hour", 5, 3600)


@pytest.fixture
def caller() -> str:
    return f"test:{uuid.uuid4()}"


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that nobody runs."""
    monkeypatch.setenv("REDIS_URL", "unix:///nonexistent/valkey.sock")
    settings.cache_clear()
    queue.forget_connections()


def spend(caller: str, windows: Sequence[Window], times: int = 1, limiter: Limiter | None = None) -> list[Verdict]:
    """The verdicts on so many requests, one after the other, in an event loop of their own."""
    limiter = limiter or Limiter()

    async def run() -> list[Verdict]:
        try:
            return [await limiter.spend(caller, windows, or_locally=True) for _ in range(times)]
        finally:
            await queue.close_async()

    return asyncio.run(run())


@pytest.mark.usefixtures("redis")
def test_a_limit_lets_through_exactly_as_many_and_counts_down(caller: str) -> None:
    verdicts = spend(caller, [MINUTE], 5)
    assert [verdict.allowed for verdict in verdicts] == [True] * 3 + [False] * 2
    assert [verdict.tightest.remaining for verdict in verdicts] == [2, 1, 0, 0, 0]
    assert not any(verdict.is_local for verdict in verdicts)


@pytest.mark.usefixtures("redis")
def test_the_window_begins_with_the_first_request_and_its_end_stays(caller: str) -> None:
    first, second = spend(caller, [HOUR], 2)
    assert first.tightest.ends_in_ms == 3_600_000
    assert 3_590_000 < second.tightest.ends_in_ms <= 3_600_000
    assert second.tightest.ends_in_seconds <= 3600


@pytest.mark.usefixtures("redis")
def test_a_window_that_has_ended_begins_anew(caller: str) -> None:
    short = Window("short", 1, 1)
    assert [verdict.allowed for verdict in spend(caller, [short], 2)] == [True, False]
    eventually(lambda: spend(caller, [short])[0].allowed)


@pytest.mark.usefixtures("redis")
@pytest.mark.parametrize("windows", [[MINUTE, HOUR], [HOUR, MINUTE]])
def test_a_refusal_by_one_window_spends_from_none(caller: str, windows: list[Window]) -> None:
    refused = spend(caller, windows, 7)[-1]
    assert not refused.allowed
    assert {standing.window.name: standing.remaining for standing in refused.standings} == {"per_minute": 0, "per_hour": 2}
    assert {each.window.name: each.remaining for each in rate_limit.peek(caller, windows)} == {"per_minute": 0, "per_hour": 2}


@pytest.mark.usefixtures("redis")
def test_callers_do_not_share_windows_and_names_separate_them(caller: str) -> None:
    one = Window("w", 1, 60)
    assert spend(caller, [one])[0].allowed
    assert spend(caller + "2", [one])[0].allowed
    assert spend(caller, [Window("v", 1, 60)])[0].allowed
    assert not spend(caller, [one])[0].allowed


@pytest.mark.usefixtures("redis")
def test_a_changed_limit_applies_to_what_was_counted(caller: str) -> None:
    spend(caller, [HOUR], 3)
    assert not spend(caller, [Window("per_hour", 3, 3600)])[0].allowed
    assert spend(caller, [Window("per_hour", 4, 3600)])[0].allowed


def test_looking_spends_nothing_and_starts_nothing(redis: Redis, caller: str) -> None:
    for _ in range(3):
        (standing,) = rate_limit.peek(caller, [MINUTE])
        assert (standing.remaining, standing.ends_at()) == (3, None)
    assert not list(redis.scan_iter(f"*{caller}*"))
    spend(caller, [MINUTE])
    (standing,) = rate_limit.peek(caller, [MINUTE])
    ends_at = standing.ends_at()
    assert ends_at is not None
    assert 55 < (ends_at - clock.now()).total_seconds() <= 60


def test_what_is_stored_ends_with_its_window(redis: Redis, caller: str) -> None:
    spend(caller, [MINUTE, HOUR], 2)
    left: list[Any] = sorted(redis.ttl(key) for key in redis.scan_iter(f"*{caller}*"))
    assert 0 < left[0] <= 60 < left[1] <= 3600


def test_a_script_that_the_server_forgot_is_loaded_again(redis: Redis, caller: str) -> None:
    spend(caller, [MINUTE])
    redis.script_flush()
    assert spend(caller, [MINUTE])[0].tightest.remaining == 1


def _count(url: str, caller: str, windows: list[Window]) -> int:
    os.environ["REDIS_URL"] = url
    return sum(verdict.allowed for verdict in spend(caller, windows, 300))


def test_four_processes_together_get_exactly_the_limit(redis: Redis, valkey_url: str, caller: str) -> None:
    assert redis.ping()
    windows = [Window("per_minute", 500, 60), Window("per_hour", 800, 3600)]
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        granted = pool.starmap(_count, [(valkey_url, caller, windows)] * 4)
    assert sum(granted) == 500
    assert [each.remaining for each in rate_limit.peek(caller, windows)] == [0, 300]


@pytest.mark.usefixtures("redis")
def test_headers_tell_the_tightest_window_and_every_window(caller: str) -> None:
    told = dict(rate_limit.headers(spend(caller, [MINUTE, HOUR])[0]))
    reset = told.pop(b"x-ratelimit-reset").decode()
    assert told == {
        b"x-ratelimit-limit": b"3",
        b"x-ratelimit-remaining": b"2",
        b"ratelimit": b'"per_minute";r=2;t=60, "per_hour";r=4;t=3600',
        b"ratelimit-policy": b'"per_minute";q=3;w=60, "per_hour";q=5;w=3600',
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", reset)
    assert datetime.fromisoformat(reset) > datetime.now(UTC)


@pytest.mark.usefixtures("redis")
def test_a_refusal_tells_the_window_that_refuses_longest(caller: str) -> None:
    windows = [Window("per_minute", 2, 60), Window("per_hour", 2, 3600), Window("per_day", 50, 86_400)]
    refused = spend(caller, windows, 3)[-1]
    assert refused.tightest.window.name == "per_hour"
    assert refused.tightest.ends_in_seconds == 3600


@pytest.mark.usefixtures("redis")
def test_a_wait_is_a_second_at_least(caller: str) -> None:
    assert spend(caller, [Window("short", 1, 1)], 2)[-1].tightest.ends_in_seconds == 1


@pytest.mark.usefixtures("away")
def test_without_redis_a_process_goes_on_by_half_of_each_limit_and_says_so(caller: str) -> None:
    verdicts = spend(caller, [Window("per_minute", 8, 60), Window("per_hour", 6, 3600)], 5)
    assert [verdict.allowed for verdict in verdicts] == [True] * 3 + [False] * 2
    assert all(verdict.is_local for verdict in verdicts)
    assert [standing.remaining for standing in verdicts[-1].standings] == [1, 0]
    assert verdicts[-1].tightest.ends_in_seconds == 3600


@pytest.mark.usefixtures("away")
def test_without_redis_the_smallest_limit_still_grants_one(caller: str) -> None:
    assert [verdict.allowed for verdict in spend(caller, [Window("w", 1, 60)], 2)] == [True, False]


@pytest.mark.usefixtures("away")
def test_without_redis_a_closed_limit_refuses_and_nobody_stands_anywhere(caller: str) -> None:
    async def run() -> None:
        try:
            await Limiter().spend(caller, [MINUTE], or_locally=False)
        finally:
            await queue.close_async()

    with pytest.raises(Unavailable, match="Try again"):
        asyncio.run(run())
    with pytest.raises(Unavailable):
        rate_limit.peek(caller, [MINUTE])


@pytest.mark.usefixtures("away")
def test_when_redis_is_back_the_shared_count_decides_again(caller: str, valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = Limiter()
    assert spend(caller, [MINUTE], limiter=limiter)[0].is_local
    monkeypatch.setenv("REDIS_URL", valkey_url)
    settings.cache_clear()
    queue.forget_connections()
    eventually(lambda: not spend(caller, [MINUTE], limiter=limiter)[0].is_local)
    assert rate_limit.peek(caller, [MINUTE])[0].remaining == 2
