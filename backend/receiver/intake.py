"""How requests reach the receiver's tables: those that arrive together share one commit, and a flood is answered, not kept."""

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

PER_INBOX: Final = (100.0, 200.0)  # kept per second, and at once
IN_ALL: Final = (500.0, 1000.0)
_MODE_SECONDS: Final = 1.0  # for which a flooded inbox answers by what it last knew
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
        self._modes: OrderedDict[str, tuple[Mode, float]] = OrderedDict()

    async def take(self, arrival: Arrival) -> Mode | None:
        """How to answer, once it is stored; None if there is no such inbox. Raises `RateLimited`, `Unavailable`.

        Above 100 per second an inbox answers without keeping, since it keeps only its last 200 anyway; so a sender that is
        tried out at full speed is not taught that its receiver is ill.
        """
        mode = self._modes.get(arrival.token)
        if not self._inbox.take(arrival.token) and mode is not None and time.monotonic() - mode[1] < _MODE_SECONDS:
            return mode[0]
        if not self._all.take(""):
            raise RateLimited(f"The receiver takes {IN_ALL[0]:.0f} requests per second. Send more slowly.", 1)
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
            for (arrival, future), mode in zip(group, modes, strict=True):
                self._remember(arrival.token, mode)
                if not future.done():
                    future.set_result(mode)

    def _remember(self, token: str, mode: Mode | None) -> None:
        if mode is not None:
            self._modes[token] = (mode, time.monotonic())
            self._modes.move_to_end(token)
            if len(self._modes) > _KEPT_BUCKETS:
                self._modes.popitem(last=False)

    @staticmethod
    async def _store(arrivals: list[Arrival]) -> list[Mode | None]:
        known = await web.in_transaction(service.known, arrivals=arrivals)
        wanted = [arrival for arrival in arrivals if arrival.token in known]
        if not wanted:
            return [None] * len(arrivals)
        modes = iter(await web.in_transaction(service.store, write=True, arrivals=wanted))
        return [next(modes) if arrival.token in known else None for arrival in arrivals]
