"""Concurrent publishers, as cheap as Python allows, so that the server is what is measured.

`publishers PORT PATH KEY CONNECTIONS SECONDS BATCH` sends the same event, or batches of it, over connections that stay open,
each waiting for its answer, and prints `{"rate": events accepted per second, "accepted": how many in all}`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

_EVENT = '{"type":"order.created","data":{"order_id":"4711","total":17,"currency":"EUR","lines":[{"sku":"A-1","quantity":2}]}}'
_WARM_SECONDS = 0.5


class _Count:
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


class _Publisher(asyncio.Protocol):
    def __init__(self, request: bytes, count: _Count, done: asyncio.Future[None]) -> None:
        self._request, self._count, self._done = request, count, done
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

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
        if not head.startswith(b"http/1.1 202"):
            self._end(RuntimeError(self._buffer.decode("latin-1")))
            return
        self._buffer = b""
        if self._count.note():
            self._transport.write(self._request)
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


async def main(port: int, path: str, key: str, connections: int, seconds: float, batch: int) -> None:
    """Publish for `seconds` after a moment to warm up, and print the events accepted per second."""
    body = (_EVENT if batch == 1 else '{"events":[' + ",".join([_EVENT] * batch) + "]}").encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    begin = time.monotonic() + _WARM_SECONDS
    count = _Count(begin, begin + seconds)
    publishers: list[asyncio.Future[None]] = [loop.create_future() for _ in range(connections)]
    for done in publishers:
        await loop.create_connection(lambda done=done: _Publisher(head.encode() + body, count, done), "127.0.0.1", port)
    await asyncio.gather(*publishers)
    sys.stdout.write(json.dumps({"rate": count.timed * batch / seconds, "accepted": count.answers * batch}) + "\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]), int(sys.argv[6])))
