"""The connections of attempts: guarded, and noting when each step of making one happened."""

from __future__ import annotations

import contextvars
import socket
import ssl
import time
from typing import Any, Final

import aiohttp

from backend.core.egress import GuardedConnector
from backend.core.egress_rules import address_of


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


current: Final[contextvars.ContextVar[Marks]] = contextvars.ContextVar("marks")


class _Context(ssl.SSLContext):
    """A TLS context that notes when a handshake begins: that is where the time to connect ends."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        marks = current.get(None)
        if marks is not None:
            marks.securing = time.perf_counter()
        return super().wrap_bio(*args, **kwargs)


class Request(aiohttp.ClientRequest):
    """A request that notes which address it goes to."""

    async def send(self, conn: Any) -> aiohttp.ClientResponse:
        marks = current.get(None)
        if marks is not None and conn.transport is not None:
            peer = conn.transport.get_extra_info("peername")
            marks.address = peer[0] if isinstance(peer, tuple) else None
        return await super().send(conn)


class Connector(GuardedConnector):
    """The guarded connector, noting when it resolves and connects. aiohttp's own tracing would cost each request, these only new connections."""

    async def _create_connection(self, req: aiohttp.ClientRequest, traces: list[Any], timeout: Any) -> Any:  # noqa: ASYNC109 - aiohttp's own
        marks = current.get()
        marks.connecting = time.perf_counter()
        made = await super()._create_connection(req, traces, timeout)
        marks.connected = time.perf_counter()
        return made

    def _socket(self, info: Any) -> socket.socket:
        marks = current.get(None)
        if marks is not None:
            marks.address = str(info[4][0])  # the one tried last, where none is connected to
        return super()._socket(info)

    async def _resolve_host(self, host: str, port: int, traces: Any = None) -> Any:
        if address_of(host) is not None:
            return await super()._resolve_host(host, port, traces)
        marks = current.get()
        marks.resolving = time.perf_counter()
        found = await super()._resolve_host(host, port, traces)
        marks.resolved = time.perf_counter()
        return found


def tls_context(*, verify: bool) -> ssl.SSLContext:
    """A context for HTTP/1.1 that checks certificates by the system's authorities, or not at all."""
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    if verify:
        context.load_default_certs()
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
