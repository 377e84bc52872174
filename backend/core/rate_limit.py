"""Limits of requests: all windows of a caller are judged and spent at once, by one script that uses Redis's clock.

A window is fixed: it begins with its first request and ends its seconds later, so what is told of it is exact. A request that
one window refuses spends nothing of the others. Without Redis each caller of this module decides: a strict limiter of this
process alone, or none at all.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from redis.exceptions import RedisError

from backend.core import clock, queue
from backend.core.errors import Unavailable
from backend.core.logging import logger

# KEYS: one counter for each window. ARGV: for each window its limit and its milliseconds.
# Answers 1 or 0 (allowed), then for each window the count and the milliseconds until it ends.
_SPEND: Final = """
local counts, ends, allowed = {}, {}, 1
for i, key in ipairs(KEYS) do
  counts[i] = tonumber(redis.call('GET', key) or '0')
  ends[i] = redis.call('PTTL', key)
  if counts[i] >= tonumber(ARGV[2 * i - 1]) then allowed = 0 end
end
local answer = {allowed}
for i, key in ipairs(KEYS) do
  if allowed == 1 then
    counts[i] = counts[i] + 1
    if ends[i] > 0 then
      redis.call('INCR', key)
    else
      ends[i] = tonumber(ARGV[2 * i])
      redis.call('SET', key, 1, 'PX', ends[i])
      counts[i] = 1
    end
  end
  answer[2 * i] = counts[i]
  answer[2 * i + 1] = ends[i]
end
return answer
"""
_WORDS: Final = {60: "per minute", 3600: "per hour", 86_400: "per day"}
_SKIP_SECONDS: Final = 1.0
_MAX_LOCAL: Final = 20_000
# How many processes count for themselves while Redis is away is not known; each allows a part.
_STRICT_DIVISOR: Final = 2
_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` requests in each `seconds` that begin with the first of them. `name` is told in the headers."""

    name: str
    limit: int
    seconds: int

    @property
    def words(self) -> str:
        """Its length in words: per minute, per hour, per day."""
        return _WORDS.get(self.seconds, f"per {self.seconds} s")


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of a window is left, and in how many milliseconds it ends; 0 while it has not begun."""

    window: Window
    remaining: int
    ends_in_ms: int

    @property
    def ends_in_seconds(self) -> int:
        """The whole seconds after which it is free again: never too early."""
        return max(1, math.ceil(self.ends_in_ms / 1000))

    def ends_at(self) -> datetime | None:
        """When it ends; None while it has not begun."""
        return clock.now() + timedelta(milliseconds=self.ends_in_ms) if self.ends_in_ms else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request is within all windows, and where each stands after it; `is_local` while Redis is away."""

    allowed: bool
    standings: tuple[Standing, ...]
    is_local: bool = False

    @property
    def tightest(self) -> Standing:
        """The window with the least left; of a refusal the one that refuses for longest."""
        if not self.allowed:
            return max((s for s in self.standings if s.remaining < 1), key=lambda s: s.ends_in_ms)
        return min(self.standings, key=lambda s: (s.remaining, -s.ends_in_ms))


class Limiter:
    """Spends from windows on the running event loop's Redis; remembers for a second that it is away."""

    def __init__(self) -> None:
        self._away_until = 0.0
        self._was_away = False
        self._local: dict[str, tuple[int, float]] = {}

    async def spend(self, caller: str, windows: Sequence[Window], *, or_locally: bool) -> Verdict:
        """Spend one request of `caller` from each window, or none of any.

        Without Redis: by half of each limit in this process alone if `or_locally`, else raises `Unavailable`.
        """
        if time.monotonic() >= self._away_until:
            try:
                answer = await _run(caller, windows)
            except (RedisError, OSError) as error:
                self._away(error)
            else:
                self._back()
                return _verdict(answer, windows)
        if not or_locally:
            raise Unavailable("Requests cannot be counted for now, so this one is refused. Try again in a moment.")
        return self._spend_locally(caller, windows)

    def _away(self, error: Exception) -> None:
        self._away_until = time.monotonic() + _SKIP_SECONDS
        if not self._was_away:
            self._was_away = True
            _log.warning("rate_limit.local", error=type(error).__name__)

    def _back(self) -> None:
        if self._was_away:
            self._was_away = False
            self._local.clear()
            _log.info("rate_limit.shared")

    def _spend_locally(self, caller: str, windows: Sequence[Window]) -> Verdict:
        now = time.monotonic()
        if len(self._local) > _MAX_LOCAL:
            self._local = {name: kept for name, kept in self._local.items() if kept[1] > now}
        strict = [Window(window.name, max(1, window.limit // _STRICT_DIVISOR), window.seconds) for window in windows]
        found = [self._local.get(_counter(caller, window), (0, 0.0)) for window in strict]
        kept = [(count, end) if end > now else (0, now + window.seconds) for (count, end), window in zip(found, strict, strict=True)]
        allowed = all(count < window.limit for (count, _), window in zip(kept, strict, strict=True))
        standings: list[Standing] = []
        for (count, end), window in zip(kept, strict, strict=True):
            spent = count + allowed
            self._local[_counter(caller, window)] = (spent, end)
            standings.append(Standing(window, max(0, window.limit - spent), max(1, int((end - now) * 1000))))
        return Verdict(allowed, tuple(standings), is_local=True)


def peek(caller: str, windows: Sequence[Window]) -> list[Standing]:
    """Where `caller` stands in each window; looking spends nothing. Raises `Unavailable` without Redis."""
    return peek_all([(caller, windows)])[0]


def peek_all(callers: Sequence[tuple[str, Sequence[Window]]]) -> list[list[Standing]]:
    """Where each of these callers stands in each of its windows, in one exchange. Raises `Unavailable` without Redis."""
    try:
        client: Any = queue.redis()
        pipe = client.pipeline(transaction=False)
        for caller, windows in callers:
            for window in windows:
                pipe.get(_counter(caller, window)).pttl(_counter(caller, window))
        answer: Iterator[Any] = iter(pipe.execute())
    except (RedisError, OSError):
        raise Unavailable("The standing against the limits cannot be read for now. Try again in a moment.") from None
    return [[_standing(window, next(answer), next(answer)) for window in windows] for _, windows in callers]


def _standing(window: Window, count: Any, ends_in_ms: int) -> Standing:
    return Standing(window, max(0, window.limit - int(count or 0)), max(0, ends_in_ms))


def headers(verdict: Verdict) -> list[tuple[bytes, bytes]]:
    """What an answer tells of the standing: the older fields of the tightest window, and the IETF ones with one item per window.

    draft-ietf-httpapi-ratelimit-headers, sections 3 and 4: `t` is in seconds from now.
    """
    tightest = verdict.tightest
    policy = ", ".join(f'"{s.window.name}";q={s.window.limit};w={s.window.seconds}' for s in verdict.standings)
    standing = ", ".join(f'"{s.window.name}";r={s.remaining};t={s.ends_in_seconds}' for s in verdict.standings)
    reset = clock.rfc3339(clock.now() + timedelta(milliseconds=tightest.ends_in_ms))
    return [
        (b"x-ratelimit-limit", b"%d" % tightest.window.limit),
        (b"x-ratelimit-remaining", b"%d" % tightest.remaining),
        (b"x-ratelimit-reset", reset.encode()),
        (b"ratelimit-policy", policy.encode()),
        (b"ratelimit", standing.encode()),
    ]


async def _run(caller: str, windows: Sequence[Window]) -> list[int]:
    client: Any = queue.async_redis()
    keys = [_counter(caller, window) for window in windows]
    arguments = [number for window in windows for number in (window.limit, window.seconds * 1000)]
    return await client.register_script(_SPEND)(keys=keys, args=arguments)


def _verdict(answer: Sequence[int], windows: Sequence[Window]) -> Verdict:
    standings = tuple(
        Standing(window, max(0, window.limit - count), max(0, end))
        for window, count, end in zip(windows, answer[1::2], answer[2::2], strict=True)
    )
    return Verdict(bool(answer[0]), standings)


def _counter(caller: str, window: Window) -> str:
    # The braces keep a caller's counters on one node of a cluster.
    return f"rl:{{{caller}}}:{window.name}:{window.seconds}"
