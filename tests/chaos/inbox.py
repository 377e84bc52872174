"""The receiver of a run: answers after a moment, and counts every request that it saw."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator

from tests.fakes import raw_receiver
from tests.fakes.raw_receiver import RawReceiver, Received

_SETTLING_ROUNDS = 20


class Inbox:
    """What arrived: requests by delivery, and the events that they were of. `seconds` is how long an answer takes."""

    def __init__(self, seconds: float) -> None:
        self.by_delivery: Counter[str] = Counter()
        self.events: set[str] = set()
        self.seconds = seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._receiver = RawReceiver()

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._receiver.url

    @property
    def total(self) -> int:
        """Every request so far."""
        return self.by_delivery.total()

    @property
    def duplicates(self) -> int:
        """Requests beyond the first of each delivery."""
        return self.total - len(self.by_delivery)

    def settle(self) -> None:
        """Return once every request that was on its way when this was called is counted."""
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._rounds(), self._loop).result(10)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Receive during the block."""
        with raw_receiver.running(self._answer) as self._receiver:
            yield

    async def _answer(self, received: Received, writer: asyncio.StreamWriter) -> None:
        self._loop = asyncio.get_running_loop()
        self.by_delivery[received.headers["x-webhook-delivery"]] += 1
        self.events.add(received.headers["webhook-id"])
        self._receiver.received.clear()  # it is counted; ten thousands of bodies need not be kept
        await asyncio.sleep(self.seconds)
        writer.write(raw_receiver.OK)

    @staticmethod
    async def _rounds() -> None:
        # What the kernel holds is read in the first round; parsing takes a few more.
        until = time.monotonic() + 0.03
        for _ in range(_SETTLING_ROUNDS):
            await asyncio.sleep(0)
        await asyncio.sleep(max(until - time.monotonic(), 0))
