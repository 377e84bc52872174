"""A publisher over HTTP that notes what was answered 202, in a thread of its own.

Every second event has an idempotency key and is tried again until it is accepted: it must come out once. The others are tried
once; where no answer came they may or may not have been stored, and another is published instead.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import Counter
from typing import Any

import aiohttp

_AT_ONCE = 8
_PAUSE_SECONDS = 0.05
_TIMEOUT = aiohttp.ClientTimeout(total=30)
_KEPT_REFUSALS = 1000


class Publisher:
    """Publishes until `total` events are accepted, as far as `allow` opens the gate."""

    def __init__(self, address: str, key: str, total: int) -> None:
        self.total = total
        self.accepted: set[str] = set()  # ids of events that were answered 202
        self.keys: set[str] = set()  # and their idempotency keys, where they had one
        self.statuses: Counter[str] = Counter()  # of answers; "none" where none came
        self.refusals: list[tuple[int, dict[str, str], Any]] = []  # status, headers and body of what was not accepted
        self._url, self._headers = f"{address}/api/v1/events", {"authorization": f"Bearer {key}"}
        self._numbers = itertools.count(1)
        self._allowed = self._under_way = 0
        self._stopping = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="publisher", daemon=True)
        self._thread.start()

    @property
    def is_done(self) -> bool:
        """Whether everything is accepted."""
        return len(self.accepted) >= self.total and not self._under_way

    def allow(self, share: float) -> None:
        """Publish up to this share of the total."""
        self._allowed = max(self._allowed, round(self.total * share))

    def stop(self) -> None:
        """End, whatever is under way."""
        self._stopping = True
        self._thread.join(40)

    async def _run(self) -> None:
        async with aiohttp.ClientSession(headers=self._headers, timeout=_TIMEOUT) as client:
            await asyncio.gather(*(self._work(client) for _ in range(_AT_ONCE)))

    async def _work(self, client: aiohttp.ClientSession) -> None:
        while not self._stopping:
            if len(self.accepted) + self._under_way >= self._allowed:
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            self._under_way += 1
            try:
                await self._publish(client, next(self._numbers))
            finally:
                self._under_way -= 1

    async def _publish(self, client: aiohttp.ClientSession, number: int) -> None:
        body: dict[str, Any] = {"type": "order.created", "data": {"number": number}}
        key = f"chaos-{number}" if number % 2 else None
        if key is not None:
            body["idempotency_key"] = key
        while not self._stopping:
            identifier = await self._try(client, body)
            if identifier is not None:
                self.accepted.add(identifier)
                if key is not None:
                    self.keys.add(key)
                return
            await asyncio.sleep(_PAUSE_SECONDS)
            if key is None:
                return

    async def _try(self, client: aiohttp.ClientSession, body: dict[str, Any]) -> str | None:
        """The event's id if it was accepted."""
        try:
            async with client.post(self._url, json=body) as response:
                answer = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            self.statuses["none"] += 1
            return None
        self.statuses[str(response.status)] += 1
        if response.status == 202:
            return answer["id"]
        if len(self.refusals) < _KEPT_REFUSALS:
            self.refusals.append((response.status, {name.lower(): value for name, value in response.headers.items()}, answer))
        return None
