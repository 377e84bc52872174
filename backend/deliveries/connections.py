"""One POST over a pooled connection, noting when each step of making one happened.

It stands on aiohttp's connector and parser and not on its session, whose layers cost more than both. What is the same for all
requests to a URL is prepared once; nothing here follows redirects, keeps cookies or decompresses.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import socket
import ssl
import time
from collections.abc import Generator
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import RawResponseMessage
from yarl import URL

from backend.core.egress import EgressPolicy, GuardedConnector
from backend.core.egress_rules import address_of

_UNBOUNDED: Final = aiohttp.ClientTimeout(total=None, ceil_threshold=3600)  # whoever calls bounds a whole attempt
_SCHEMES: Final = frozenset({"http", "https"})
_KEPT_DOORS: Final = 10_000
_END_OF_HEAD: Final = b"\r\n\r\n"


class Marks:
    """When the steps of one attempt happened, on the monotonic clock; None for a step that did not."""

    __slots__ = ("address", "connected", "connecting", "resolved", "resolving", "securing")

    def __init__(self) -> None:
        self.resolving: float | None = None
        self.resolved: float | None = None
        self.connecting: float | None = None
        self.securing: float | None = None
        self.connected: float | None = None
        self.address: str | None = None

    @property
    def reused(self) -> bool:
        """Whether the connection was there already."""
        return self.connecting is None


_marks: Final[contextvars.ContextVar[Marks]] = contextvars.ContextVar("marks")


class _Context(ssl.SSLContext):
    """A TLS context that notes when a handshake begins: that is where the time to connect ends."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        marks = _marks.get(None)
        if marks is not None:
            marks.securing = time.perf_counter()
        return super().wrap_bio(*args, **kwargs)


class _Reader(ResponseHandler):
    """aiohttp's reader of answers, given a head apart from what follows it: an answer whose status came counts, whatever follows."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._awaits_head = True

    def set_response_params(self, **how: Any) -> None:
        """Begin with the answer to another request."""
        self._awaits_head = True
        super().set_response_params(**how)

    def feed_data(self, data: tuple[RawResponseMessage, aiohttp.StreamReader], size: int = 0) -> None:
        """Take a head that was read; after an interim one another follows."""
        self._awaits_head = _is_interim(data[0])
        super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        """Read what came, head by head; a body whose framing is invalid ends, which aiohttp leaves waiting."""
        begin = 0  # a place, since cutting off each of a flood of interim heads would copy what is left as often
        while self._awaits_head and self.exception() is None:
            end = data.find(_END_OF_HEAD, begin) + len(_END_OF_HEAD)
            if not begin + len(_END_OF_HEAD) <= end < len(data):
                break
            super().data_received(data[begin:end])
            begin = end
        super().data_received(data[begin:])
        if self.exception() is not None and self._payload is not None and not self._payload.is_eof():
            self._payload.set_exception(aiohttp.ClientPayloadError("The framing of the answer is invalid."))


class _Connector(GuardedConnector):
    """The guarded connector, noting when it resolves and connects. aiohttp's own tracing would cost each request, these only new connections."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._factory = functools.partial(_Reader, loop=self._loop)

    async def _create_connection(self, req: aiohttp.ClientRequest, traces: list[Any], timeout: Any) -> Any:  # noqa: ASYNC109 - aiohttp's own
        marks = _marks.get()
        marks.connecting = time.perf_counter()
        made = await super()._create_connection(req, traces, timeout)
        marks.connected = time.perf_counter()
        return made

    def _socket(self, info: Any) -> socket.socket:
        marks = _marks.get(None)
        if marks is not None:
            marks.address = str(info[4][0])  # the one tried last, where none is connected to
        return super()._socket(info)

    async def _resolve_host(self, host: str, port: int, traces: Any = None) -> Any:
        if address_of(host) is not None:
            return await super()._resolve_host(host, port, traces)
        marks = _marks.get()
        marks.resolving = time.perf_counter()
        found = await super()._resolve_host(host, port, traces)
        marks.resolved = time.perf_counter()
        return found


class Answer:
    """What a receiver answered: its head, and its body as a stream. To be released once no more of it is wanted."""

    __slots__ = ("_connection", "_protocol", "content", "headers", "raw_headers", "reason", "status")

    def __init__(self, connection: aiohttp.connector.Connection, message: RawResponseMessage, content: aiohttp.StreamReader) -> None:
        self.status = message.code
        self.reason = message.reason
        self.headers = message.headers
        self.raw_headers = message.raw_headers
        self.content = content
        self._connection = connection
        self._protocol = connection.protocol

    def release(self) -> None:
        """Keep the connection for another request; close it where this answer is not read to its end, or asked for that."""
        transport = self._connection.transport
        if transport is None or transport.get_write_buffer_size() > 0:  # it answered before it had the whole request
            self._connection.close()
        else:
            self._connection.release()

    @contextlib.contextmanager
    def ended_with_connection(self) -> Generator[None]:
        """End the reading of the body with its connection: aiohttp leaves one waiting whose framing turns out to be invalid."""
        content, closed = self.content, self._protocol.closed if self._protocol is not None else None
        if closed is None:
            yield
            return

        def end(_closed: object) -> None:
            if not content.is_eof() and content.exception() is None:
                content.set_exception(aiohttp.ClientPayloadError("The connection was closed in the middle of the answer."))

        closed.add_done_callback(end)
        try:
            yield
        finally:
            closed.remove_done_callback(end)
            closed.remove_done_callback(_heard)
            closed.add_done_callback(_heard)


class _Door:
    """A URL as requests go to it: what the connector wants to know of it, and the first lines of a head. Raises `InvalidURL`."""

    __slots__ = ("first_lines", "request")

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        parsed = URL(url)
        if parsed.scheme not in _SCHEMES:
            raise aiohttp.InvalidURL(url)
        self.request = aiohttp.ClientRequest("POST", parsed, ssl=context)
        self.first_lines = f"POST {parsed.raw_path_qs} HTTP/1.1\r\nHost: {self.request.headers['Host']}\r\n"


class Connections:
    """Connections to wherever `egress` allows, kept open by host, for one event loop. Close them at its end."""

    def __init__(self, egress: EgressPolicy) -> None:
        self._connector = _Connector(egress, limit=0)
        self._contexts = {verify: _context(verify=verify) for verify in (True, False)}
        self._doors: dict[tuple[str, bool], _Door] = {}

    async def close(self) -> None:
        """Close them all."""
        await self._connector.close()

    async def post(self, url: str, headers: dict[str, str], body: bytes, *, verify: bool, marks: Marks) -> Answer:
        """Send one request, noting its steps in `marks`; what comes back, past interim answers. Whoever calls bounds its time.

        Raises what aiohttp raises (`InvalidURL`, `ClientConnectorError`, `ServerDisconnectedError`, `HttpProcessingError`, …),
        `EgressBlocked`, and `ValueError` for a header that would end its line.
        """
        _marks.set(marks)
        door = self._doors.get((url, verify)) or self._open(url, verify=verify)
        head = _head(door.first_lines, headers, len(body))
        connection = await self._connect(door, marks)
        try:
            protocol, transport = _ends(connection)
            peer = transport.get_extra_info("peername")
            marks.address = peer[0] if isinstance(peer, tuple) else None
            protocol.set_response_params(read_until_eof=True, auto_decompress=False)
            transport.write(head + body)
            while True:
                message, content = await protocol.read()
                if not _is_interim(message):
                    return Answer(connection, message, content)
        except BaseException:
            connection.close()
            raise

    async def _connect(self, door: _Door, marks: Marks) -> aiohttp.connector.Connection:
        """A connection over which nothing came while it was idle: that would be taken for the answer to what is sent next."""
        while True:
            connection = await self._connector.connect(door.request, [], _UNBOUNDED)
            if not marks.reused or connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()

    def _open(self, url: str, *, verify: bool) -> _Door:
        if len(self._doors) >= _KEPT_DOORS:
            self._doors.clear()
        door = self._doors[url, verify] = _Door(url, self._contexts[verify])
        return door


def _is_interim(message: RawResponseMessage) -> bool:
    """Whether another answer follows this one (RFC 9110, section 15.2); after 101 there is no HTTP any more."""
    return 100 <= message.code <= 199 and message.code != 101


def _heard(closed: asyncio.Future[None]) -> None:
    """Take notice of how a connection ended, which asyncio logs as an error where nobody does."""
    if not closed.cancelled():
        closed.exception()


def _ends(connection: aiohttp.connector.Connection) -> tuple[ResponseHandler, asyncio.Transport]:
    """What reads and what writes. Raises `ServerDisconnectedError` if the receiver has closed the connection meanwhile."""
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None or transport.is_closing():
        raise aiohttp.ServerDisconnectedError
    return protocol, transport


def _head(first_lines: str, headers: dict[str, str], length: int) -> bytes:
    """The head of a request. Raises `ValueError` for a name or value with a line break or a NUL in it."""
    lines = "\r\n".join([f"{name}: {value}" for name, value in headers.items()])
    breaks = len(headers) - 1
    if lines.count("\n") != breaks or lines.count("\r") != breaks or "\0" in lines:
        raise ValueError("A header holds a line break or a NUL.")
    return f"{first_lines}{lines}\r\nContent-Length: {length}\r\n\r\n".encode()


def _context(*, verify: bool) -> ssl.SSLContext:
    """A context for HTTP/1.1 that checks certificates by the system's authorities, or not at all."""
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    if verify:
        context.load_default_certs()
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
