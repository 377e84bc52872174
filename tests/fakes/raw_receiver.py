"""A receiver of webhooks on loopback that answers with the very bytes it is told, well or badly; in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawReceiver:
    """What arrived, and how it answers: raw bytes, or a coroutine that writes them."""

    port: int = 0
    scheme: str = "http"
    answer: bytes | Answer = OK
    received: list[Received] = field(default_factory=list[Received])
    open_now: int = 0
    most_open: int = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"

    def ids(self) -> list[str]:
        """The message ids that arrived, in order, repeated ones too."""
        return [each.headers["webhook-id"] for each in list(self.received)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the other side ends it."""
        try:
            while True:
                await self._request(await reader.readuntil(b"\r\n\r\n"), reader, writer)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def _request(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}
        received = Received(first.split(" ")[1], headers, await reader.readexactly(int(headers.get("content-length", "0"))))
        self.received.append(received)
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        try:
            if callable(self.answer):
                await self.answer(received, writer)
            else:
                writer.write(self.answer)
            await writer.drain()
        finally:
            self.open_now -= 1


@contextlib.contextmanager
def running(answer: bytes | Answer = OK, *, port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[RawReceiver]:
    """A receiver that runs during the block."""
    receiver = RawReceiver(scheme="https" if tls else "http", answer=answer)
    ready, loop = threading.Event(), asyncio.new_event_loop()

    connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections[loop.create_task(receiver.serve(reader, writer))] = writer

    async def serve() -> None:
        server = await asyncio.start_server(accept, "127.0.0.1", port, ssl=tls, limit=1 << 20)
        receiver.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await over.wait()
        for task, writer in connections.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*connections, return_exceptions=True)
        await asyncio.sleep(0)  # what was aborted is closed by the loop's next round

    over = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), name="raw-receiver", daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield receiver
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


def answering(status: str, *headers: str, body: bytes = b"") -> bytes:
    """A whole answer: `answering("503 Service Unavailable", "Retry-After: 2")`."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body
