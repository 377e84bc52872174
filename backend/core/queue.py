"""Owns the way to Redis: its clients, the RQ queues, and the hints that wake workers and browsers.

Redis is a hint, never the truth: what is lost here is found again by the sweep. So every hint swallows an outage, logs it
once, and skips Redis for a moment instead of waiting for it at every call.
"""

# redis and RQ annotate what they take and give only in part.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from backend.core.logging import logger
from backend.settings import settings

if TYPE_CHECKING:
    from rq import Queue

DELIVER, JOBS = "deliver", "jobs"
WAKE_DELIVER = "crossdock:wake:deliver"
WAKE_DELIVER_FLAG = "crossdock:wake:deliver:flag"
INVALIDATIONS = "crossdock:invalidate"
SHIFT = "backend.deliveries.jobs.run_shift"

_CONNECT_SECONDS, _READ_SECONDS = 1.0, 2.0
_HEALTH_CHECK_SECONDS = 15
_SKIP_SECONDS = 1.0
_WAKE_FLAG_SECONDS = 5
_MOST_WAKES = 8

Result = TypeVar("Result")
_log = logger(__name__)
_clients: dict[int, Redis] = {}
_async_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[bool, AsyncRedis]] = weakref.WeakKeyDictionary()


class _Outage:
    """Whether Redis is away, as this process last saw it; logged when it begins and when it ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._skip_until: float | None = None

    def attempt(self, action: Callable[[], Result]) -> Result | None:
        """The result of `action`, or None while Redis is away."""
        if self._skip_until is not None and time.monotonic() < self._skip_until:
            return None
        try:
            result = action()
        except (RedisError, OSError) as error:
            self._begin(error)
            return None
        self._end()
        return result

    def forget(self) -> None:
        """Think nothing of what was seen."""
        self._skip_until = None

    def _begin(self, error: Exception) -> None:
        with self._lock:
            is_new, self._skip_until = self._skip_until is None, time.monotonic() + _SKIP_SECONDS
        if is_new:
            _log.warning("redis.away", error=type(error).__name__)

    def _end(self) -> None:
        with self._lock:
            was_away, self._skip_until = self._skip_until is not None, None
        if was_away:
            _log.info("redis.back")


_outage = _Outage()


def redis() -> Redis:
    """The Redis client of this process, made on first use: bytes in and out, timeouts of 1 and 2 seconds, thread-safe."""
    process = os.getpid()
    if process not in _clients:  # a client does not survive a fork
        _clients.clear()
        _clients[process] = connect(read_seconds=_READ_SECONDS)
    return _clients[process]


def forget_connections() -> None:
    """Close this process's client and remember no outage; the next call reads the settings anew. For tests and tools."""
    for client in _clients.values():
        client.close()
    _clients.clear()
    _outage.forget()


def connect(*, read_seconds: float | None) -> Redis:
    """A client of its own, for what blocks or reads for long; `read_seconds` bounds one answer."""
    return Redis.from_url(
        settings().redis_url,
        socket_connect_timeout=_CONNECT_SECONDS,
        socket_timeout=read_seconds,
        health_check_interval=_HEALTH_CHECK_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )


def async_redis(*, blocking: bool = False) -> AsyncRedis:
    """The client of the running event loop; `blocking` gives one without a read timeout, for BLPOP and subscriptions."""
    clients = _async_clients.setdefault(asyncio.get_running_loop(), {})
    if blocking not in clients:
        clients[blocking] = AsyncRedis.from_url(
            settings().redis_url,
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_timeout=None if blocking else _READ_SECONDS,
            health_check_interval=_HEALTH_CHECK_SECONDS,
        )
    return clients[blocking]


async def close_async() -> None:
    """Close the clients of the running event loop; before it ends."""
    for client in _async_clients.pop(asyncio.get_running_loop(), {}).values():
        await client.aclose()


def open_queue(name: str, connection: Redis | None = None) -> Queue:
    """The RQ queue `deliver` or `jobs`. Jobs are JSON: a function's path and plain arguments, never a pickle."""
    from rq import Queue  # noqa: PLC0415 - RQ is costly to import, and a request that only wakes needs none of it
    from rq.serializers import JSONSerializer  # noqa: PLC0415

    return Queue(name, connection=connection or redis(), serializer=JSONSerializer)


def enqueue(name: str, function: str, *args: Any, timeout: int = 600) -> bool:
    """Have a worker of queue `name` call `function` (`backend.feature.jobs.work`) for at most `timeout` seconds (-1: unbounded).

    Whether Redis took it; if not, the sweep must find the work in the database.
    """
    return _outage.attempt(lambda: _enqueue(name, function, args, timeout)) is not None


def enqueue_shift() -> None:
    """Ask for a delivery shift, unless one is waiting already: each idle worker takes the one that waits and asks for the next."""
    _outage.attempt(_enqueue_shift)


def wake_deliver() -> None:
    """Wake a waiting delivery shift: something is due. Repeated wakes within a moment cost one small command."""
    _outage.attempt(_wake_deliver)


def publish(workspace_id: str, topic: str) -> None:
    """Tell open consoles that `topic` of a workspace has changed; a hint, they poll besides."""
    _outage.attempt(lambda: redis().publish(f"ws:{workspace_id}", topic))


def publish_invalidation(identifiers: Iterable[str]) -> None:
    """Tell every process to forget what it cached about these keys or sessions."""
    message = json.dumps(list(identifiers))
    _outage.attempt(lambda: redis().publish(INVALIDATIONS, message))


def _enqueue(name: str, function: str, args: tuple[Any, ...], timeout: int) -> bool:
    open_queue(name).enqueue_call(function, args=args, timeout=timeout, result_ttl=0, failure_ttl=86_400, description=function)
    return True


def _enqueue_shift() -> None:
    if not redis().llen(f"rq:queue:{DELIVER}"):
        _enqueue(DELIVER, SHIFT, (), -1)


def _wake_deliver() -> None:
    if redis().set(WAKE_DELIVER_FLAG, 1, nx=True, ex=_WAKE_FLAG_SECONDS):
        pipe = redis().pipeline(transaction=False)
        pipe.lpush(WAKE_DELIVER, 1)
        pipe.ltrim(WAKE_DELIVER, 0, _MOST_WAKES - 1)
        pipe.execute()
