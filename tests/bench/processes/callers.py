"""Concurrent requests, as cheap as Python allows, so that the server is what is measured: connections that stay open, each
waiting for its answer before it sends the next request.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

_WARM_SECONDS = 0.5


class Count:
    """Answers so far; those between two moments, on the monotonic clock, make the rate."""

    def __init__(self, begin: float, end: float) -> None:
        self.begin, self.end = begin, end
        self.timed = self.answers = 0

    def note(self) -> bool:
        """One more answer; whether another request should go out."""
        now = time.monotonic()
        self.answers += 1
        self.timed += self.begin <= now < self.end
        return now < self.end


class _Caller(asyncio.Protocol):
    def __init__(self, request: Callable[[], bytes], status: bytes, count: Count, done: asyncio.Future[None]) -> None:
        self._request, self._status, self._count, self._done = request, b"http/1.1 " + status, count, done
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        length = int(head[head.find(b"content-length:") + 15 :].split(b"\r\n", 1)[0])
        if len(self._buffer) < end + 4 + length:
            return
        assert self._transport is not None
        if not head.startswith(self._status):
            self._end(RuntimeError(self._buffer.decode("latin-1")))
            return
        self._buffer = b""
        if self._count.note():
            self._transport.write(self._request())
        else:
            self._end(None)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or ConnectionResetError("The server closed a connection."))

    def _end(self, error: Exception | None) -> None:
        if self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)


async def call(port: int, request: bytes | Callable[[], bytes], *, status: int, connections: int, seconds: float) -> Count:
    """Send `request`, or what it makes each time, for `seconds` after a moment to warm up.

    Raises `RuntimeError` for an answer whose status does not begin with `status`; 0 takes any.
    """
    loop = asyncio.get_running_loop()
    made = request if callable(request) else lambda: request
    begin = time.monotonic() + _WARM_SECONDS
    count = Count(begin, begin + seconds)
    callers: list[asyncio.Future[None]] = [loop.create_future() for _ in range(connections)]
    for done in callers:
        await loop.create_connection(lambda done=done: _Caller(made, str(status or "").encode(), count, done), "127.0.0.1", port)
    await asyncio.gather(*callers)
    return count
