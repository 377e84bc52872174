"""Whether the installation works, as told to anybody who asks: database, Redis, delivery. Says states and times, nothing of the inside."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from redis.exceptions import RedisError
from sqlalchemy import text
from sqlmodel import Session

from backend.core import clock, queue, web
from backend.core.errors import Unavailable
from backend.core.logging import logger
from backend.runs import service as runs

TIMEOUT_SECONDS: Final = 3.0
# Everybody may ask, so the answer is remembered: however many ask, each part is looked at once a second.
_STALE_SECONDS: Final = 1.0
_log = logger(__name__)


class State(StrEnum):
    """How a part or the whole is."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Check:
    """The state of one part and how many milliseconds it took to tell."""

    status: State
    ms: float


@dataclass(frozen=True, slots=True)
class Health:
    """The whole is down without its database, degraded without Redis or a delivery worker."""

    status: State
    checks: dict[str, Check]


class _Checks:
    """Looks at the parts, at most once a second, once at a time."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.Task[Health] | None = None
        self._until = 0.0

    async def look(self) -> Health:
        loop = asyncio.get_running_loop()
        looking = self._looking
        if looking is None or self._loop is not loop or (looking.done() and time.monotonic() > self._until):
            looking = loop.create_task(_look())
            looking.add_done_callback(self._looked)
            self._loop, self._looking = loop, looking
        return await asyncio.shield(looking)

    def _looked(self, _done: asyncio.Task[Health]) -> None:
        self._until = time.monotonic() + _STALE_SECONDS


_checks = _Checks()


async def look() -> Health:
    """The health of the installation, as of at most a second ago; answers within about 3 seconds, whatever hangs."""
    return await _checks.look()


async def _look() -> Health:
    database, redis, deliver = await asyncio.gather(_time(_database), _time(_redis), _time(_deliver))
    checks = {"database": database, "redis": redis, "deliver": deliver}
    if database.status is State.DOWN:
        return Health(State.DOWN, checks)
    worst = any(check.status is not State.OK for check in checks.values())
    return Health(State.DEGRADED if worst else State.OK, checks)


async def _time(part: Callable[[], Awaitable[bool]]) -> Check:
    begin = time.perf_counter()
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            works = await part()
    except (Unavailable, RedisError, OSError, TimeoutError) as error:
        _log.warning("health.part_down", part=part.__name__.strip("_"), error=type(error).__name__)
        works = False
    return Check(State.OK if works else State.DOWN, round((time.perf_counter() - begin) * 1000, 2))


async def _database() -> bool:
    await web.in_transaction(_select_one)
    return True


async def _redis() -> bool:
    connection: Any = queue.async_redis()
    return bool(await connection.ping())


async def _deliver() -> bool:
    return await web.in_transaction(_has_deliver_worker)


def _select_one(session: Session) -> None:
    session.connection().execute(text("SELECT 1"))


def _has_deliver_worker(session: Session) -> bool:
    return any(run.kind == queue.DELIVER for run in runs.alive(session, now=clock.now()))
