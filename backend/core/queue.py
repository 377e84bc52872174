"""Owns the way to Redis: its clients, the RQ queues, and the hints that wake workers and browsers.

Redis is a hint, never the truth: what is lost here is found again by the sweep. So every hint waits for half a second at
most, swallows an outage, logs it once, and then skips Redis for a while that grows: one call per such while looks whether it
is back.
"""

# redis and RQ annotate what they take and give only in part.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import asyncio
import json
import os
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from backend.core.outage import Outage
from backend.core.redis_line import RedisLine
from backend.settings import settings

if TYPE_CHECKING:
    from rq import Queue

DELIVER, JOBS = "deliver", "jobs"
WAKE_DELIVER = "crossdock:wake:deliver"
WAKE_DELIVER_FLAG = "crossdock:wake:deliver:flag"
INVALIDATIONS = "crossdock:invalidate"
SHIFT = "backend.deliveries.jobs.run_shift"
WAKE_ROUTES_FLAG = "crossdock:wake:routes:flag"
ROUTES = "backend.routing.jobs.work"

_CONNECT_SECONDS, _READ_SECONDS = 1.0, 2.0
_HINT_SECONDS = 0.4  # a Redis that is there answers within a few milliseconds
_HEALTH_CHECK_SECONDS = 15
_WAKE_FLAG_SECONDS = 5
_MOST_WAKES = 8

Result = TypeVar("Result")
_clients: dict[tuple[int, bool], Redis] = {}
_lines: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, RedisLine] = weakref.WeakKeyDictionary()
_async_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[bool, AsyncRedis]] = weakref.WeakKeyDictionary()


_outage = Outage("redis.away", "redis.back")


def attempt(action: Callable[[Redis], Result]) -> Result | None:
    """The result of `action` on a client that waits for 0.4 s at most; None while Redis is away."""
    turn = _outage.turn()
    if not turn:
        return None
    try:
        result = action(_client(hints=True))
    except (RedisError, OSError) as error:
        _outage.begin(turn, error)
        return None
    _outage.end()
    return result


def redis() -> Redis:
    """The Redis client of this process, made on first use: bytes in and out, timeouts of 1 and 2 seconds, thread-safe."""
    return _client(hints=False)


def forget_connections() -> None:
    """Close this process's client and remember no outage; the next call reads the settings anew. For tests and tools."""
    for client in _clients.values():
        client.close()
    _clients.clear()
    _outage.forget()


def connect(*, read_seconds: float | None, connect_seconds: float = _CONNECT_SECONDS, retries_timeouts: bool = True) -> Redis:
    """A client of its own, for what blocks or reads for long; `read_seconds` bounds one answer.

    A connection that is lost is made once more; an answer that does not come is waited for once more if `retries_timeouts`.
    """
    retried = (RedisConnectionError, RedisTimeoutError) if retries_timeouts else (RedisConnectionError,)
    return Redis.from_url(
        settings().redis_url,
        socket_connect_timeout=connect_seconds,
        socket_timeout=read_seconds,
        health_check_interval=_HEALTH_CHECK_SECONDS if retries_timeouts else 0,
        retry=Retry(NoBackoff(), 1, supported_errors=retried),
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
            retry=AsyncRetry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        )
    return clients[blocking]


def line() -> RedisLine:
    """The short line of the running event loop, for what every request asks: no answer is waited for longer than 0.4 s."""
    loop = asyncio.get_running_loop()
    found = _lines.get(loop)
    if found is None:
        found = _lines[loop] = RedisLine(lambda: settings().redis_url)
    return found


async def close_async() -> None:
    """Close the clients of the running event loop; before it ends."""
    short = _lines.pop(asyncio.get_running_loop(), None)
    if short is not None:
        await short.close()
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
    return attempt(lambda client: _enqueue(client, name, function, args, timeout)) is not None


def depths() -> dict[str, int] | None:
    """How many jobs wait in each queue; None while Redis is away."""
    return attempt(lambda client: {name: cast("int", client.llen(f"rq:queue:{name}")) for name in (DELIVER, JOBS)})


def enqueue_shift() -> None:
    """Ask for a delivery shift, unless one is waiting already: each idle worker takes the one that waits and asks for the next."""
    attempt(_enqueue_shift)


def wake_deliver() -> None:
    """Wake a waiting delivery shift: something is due. Repeated wakes within a moment cost one small command."""
    attempt(_wake_deliver)


def wake_routes() -> None:
    """Have a jobs worker carry out runs of routes, unless one was asked for a moment ago and has not begun."""
    attempt(_wake_routes)


def note_routes_awake() -> None:
    """Say that a worker looks for runs of routes from now on: who makes one later asks anew."""
    attempt(lambda client: client.delete(WAKE_ROUTES_FLAG))


def publish(workspace_id: str, topic: str) -> None:
    """Tell open consoles that `topic` of a workspace has changed; a hint, they poll besides."""
    attempt(lambda client: client.publish(f"ws:{workspace_id}", topic))


def publish_invalidation(identifiers: Iterable[str]) -> None:
    """Tell every process to forget what it cached about these keys or sessions."""
    message = json.dumps(list(identifiers))
    attempt(lambda client: client.publish(INVALIDATIONS, message))


def _client(*, hints: bool) -> Redis:
    place = (os.getpid(), hints)
    if place not in _clients:
        for other in [each for each in _clients if each[0] != place[0]]:  # a client does not survive a fork
            del _clients[other]
        made = connect(read_seconds=_HINT_SECONDS, connect_seconds=_HINT_SECONDS, retries_timeouts=False) if hints else None
        _clients[place] = made or connect(read_seconds=_READ_SECONDS)
    return _clients[place]


def _enqueue(client: Redis, name: str, function: str, args: tuple[Any, ...], timeout: int) -> bool:
    queue = open_queue(name, client)
    queue.enqueue_call(function, args=args, timeout=timeout, result_ttl=0, failure_ttl=86_400, description=function)
    return True


def _enqueue_shift(client: Redis) -> None:
    if not client.llen(f"rq:queue:{DELIVER}"):
        _enqueue(client, DELIVER, SHIFT, (), -1)


def _wake_deliver(client: Redis) -> None:
    if client.set(WAKE_DELIVER_FLAG, 1, nx=True, ex=_WAKE_FLAG_SECONDS):
        pipe = client.pipeline(transaction=False)
        pipe.lpush(WAKE_DELIVER, 1)
        pipe.ltrim(WAKE_DELIVER, 0, _MOST_WAKES - 1)
        pipe.execute()


def _wake_routes(client: Redis) -> None:
    if client.set(WAKE_ROUTES_FLAG, 1, nx=True, ex=_WAKE_FLAG_SECONDS):
        _enqueue(client, JOBS, ROUTES, (), 600)
