"""Limits of requests: all windows of a caller are judged and spent at once, by one script that uses Redis's clock.

A window is fixed: it begins with its first request and ends its seconds later, so what is told of it is exact. A request that
one window refuses spends nothing of the others. Without Redis each caller of this module decides: a strict limiter of this
process alone, or none at all.
"""

from __future__ import annotations

import functools
import hashlib
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from redis.exceptions import RedisError

from backend.core import clock, queue, redis_line
from backend.core.errors import Unavailable
from backend.core.outage import Outage
from backend.core.redis_line import NoScript

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
_WHOLE: Final = (b"EVAL", _SPEND.encode())
_BY_DIGEST: Final = (b"EVALSHA", hashlib.sha1(_WHOLE[1], usedforsecurity=False).hexdigest().encode())
_WORDS: Final = {60: "per minute", 3600: "per hour", 86_400: "per day"}
_MAX_LOCAL: Final = 20_000
# How many processes count for themselves while Redis is away is not known; each allows a part.
_STRICT_DIVISOR: Final = 2


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
    """Spends from windows on the running event loop's Redis; one that is away, or frozen, is skipped for a while that grows."""

    def __init__(self) -> None:
        self._outage = Outage("rate_limit.local", "rate_limit.shared")
        self._local: dict[str, tuple[int, float]] = {}

    async def spend(self, caller: str, windows: Sequence[Window], *, or_locally: bool) -> Verdict:
        """Spend one request of `caller` from each window, or none of any.

        Without Redis: by half of each limit in this process alone if `or_locally`, else raises `Unavailable`.
        """
        turn = self._outage.turn()
        if turn:
            try:
                answer = await _run(caller, tuple(windows))
            except (RedisError, OSError) as error:
                self._outage.begin(turn, error)
            else:
                if self._outage.end():
                    self._local.clear()
                return _verdict(answer, windows)
        if not or_locally:
            raise Unavailable("Requests cannot be counted for now, so this one is refused. Try again in a moment.")
        return self._spend_locally(caller, windows)

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
    counters = [_counter(caller, window) for caller, windows in callers for window in windows]

    def look(client: Any) -> list[Any]:
        pipe = client.pipeline(transaction=False)
        for counter in counters:
            pipe.get(counter).pttl(counter)
        return pipe.execute()

    found = queue.attempt(look)
    if found is None:
        raise Unavailable("The standing against the limits cannot be read for now. Try again in a moment.")
    answer: Iterator[Any] = iter(found)
    return [[_standing(window, next(answer), next(answer)) for window in windows] for _, windows in callers]


def _standing(window: Window, count: Any, ends_in_ms: int) -> Standing:
    return Standing(window, max(0, window.limit - int(count or 0)), max(0, ends_in_ms))


def headers(verdict: Verdict) -> list[tuple[bytes, bytes]]:
    """What an answer tells of the standing: the older fields of the tightest window, and the IETF ones with one item per window.

    draft-ietf-httpapi-ratelimit-headers, sections 3 and 4: `t` is in seconds from now.
    """
    tightest, standings = verdict.tightest, verdict.standings
    standing = ", ".join([f'"{s.window.name}";r={s.remaining};t={s.ends_in_seconds}' for s in standings])
    second, millisecond = divmod(int(clock.now().timestamp() * 1000) + tightest.ends_in_ms, 1000)
    return [
        (b"x-ratelimit-limit", b"%d" % tightest.window.limit),
        (b"x-ratelimit-remaining", b"%d" % tightest.remaining),
        (b"x-ratelimit-reset", b"%b.%03dZ" % (_written(second), millisecond)),
        (b"ratelimit-policy", _policy(tuple([s.window for s in standings]))),
        (b"ratelimit", standing.encode()),
    ]


@functools.lru_cache(1024)
def _written(second: int) -> bytes:
    """A second as RFC 3339 writes it, up to its fraction. A window ends when it ends, so all its answers tell the same."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()


@functools.lru_cache(1024)
def _policy(windows: tuple[Window, ...]) -> bytes:
    return ", ".join(f'"{window.name}";q={window.limit};w={window.seconds}' for window in windows).encode()


async def _run(caller: str, windows: tuple[Window, ...]) -> list[int]:
    line = queue.line()
    try:
        return await line.ask(_command(_BY_DIGEST, caller, windows))
    except NoScript:
        return await line.ask(_command(_WHOLE, caller, windows))


@functools.lru_cache(8192)
def _command(script: tuple[bytes, bytes], caller: str, windows: tuple[Window, ...]) -> bytes:
    """The script's call. Callers come again and again, so it is kept."""
    keys = [_counter(caller, window).encode() for window in windows]
    arguments = [b"%d" % number for window in windows for number in (window.limit, window.seconds * 1000)]
    return redis_line.encode(*script, b"%d" % len(keys), *keys, *arguments)


def _verdict(answer: Sequence[int], windows: Sequence[Window]) -> Verdict:
    standings = tuple(
        Standing(window, max(0, window.limit - count), max(0, end))
        for window, count, end in zip(windows, answer[1::2], answer[2::2], strict=True)
    )
    return Verdict(bool(answer[0]), standings)


def _counter(caller: str, window: Window) -> str:
    # The braces keep a caller's counters on one node of a cluster.
    return f"rl:{{{caller}}}:{window.name}:{window.seconds}"
