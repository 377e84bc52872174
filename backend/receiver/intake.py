"""How requests reach the receiver's tables: those that arrive together share one commit, and nobody sends too many."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from backend.core import web
from backend.core.errors import RateLimited
from backend.receiver import service
from backend.receiver.service import Arrival, Mode

PER_INBOX: Final = (100.0, 200.0)  # requests per second, and at once
IN_ALL: Final = (500.0, 1000.0)
_GROUP: Final = 100
_KEPT_BUCKETS: Final = 1000


class Guard:
    """Token buckets by key, the least used forgotten first: `rate` per second, `burst` at once."""

    def __init__(self, rate: float, burst: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._now = rate, burst, now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> bool:
        """Whether one more is allowed now; if so it is counted."""
        now = self._now()
        left, at = self._buckets.pop(key, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        allowed = left >= 1
        self._buckets[key] = (left - 1 if allowed else left, now)
        if len(self._buckets) > _KEPT_BUCKETS:
            self._buckets.popitem(last=False)
        return allowed


class Intake:
    """Takes arrivals of one event loop and stores them in groups, so that a burst does not hold the writer for each."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Arrival, asyncio.Future[Mode | None]]] = []
        self._task: asyncio.Task[None] | None = None
        self._inbox, self._all = Guard(*PER_INBOX), Guard(*IN_ALL)

    async def take(self, arrival: Arrival) -> Mode | None:
        """How to answer, once it is stored; None if there is no such inbox. Raises `RateLimited`, `Unavailable`."""
        if not self._all.take("") or not self._inbox.take(arrival.token):
            raise RateLimited(f"This receiver takes {PER_INBOX[0]:.0f} requests per second. Send more slowly.", 1)
        future: asyncio.Future[Mode | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrival, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:_GROUP], self._waiting[_GROUP:]
            try:
                modes = await self._store([arrival for arrival, _ in group])
            except Exception as error:  # noqa: BLE001 - each of those who wait is told
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), mode in zip(group, modes, strict=True):
                if not future.done():
                    future.set_result(mode)

    @staticmethod
    async def _store(arrivals: list[Arrival]) -> list[Mode | None]:
        known = await web.in_transaction(service.known, arrivals=arrivals)
        wanted = [arrival for arrival in arrivals if arrival.token in known]
        if not wanted:
            return [None] * len(arrivals)
        modes = iter(await web.in_transaction(service.store, write=True, arrivals=wanted))
        return [next(modes) if arrival.token in known else None for arrival in arrivals]
