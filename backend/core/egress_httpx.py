"""httpx behind the egress guard: for OAuth, providers and everything that is not the delivery engine."""

from __future__ import annotations

import contextvars
import functools
import ssl
import time
from collections.abc import Iterable
from typing import Any, Final

import httpcore
import httpx

from backend.core.egress import EgressPolicy, lookup, to_ourselves

_MAX_CONNECTIONS: Final = 20
_KEEPALIVE_SECONDS: Final = 15.0
# The moment (monotonic) at which a call ends, whatever it is at: httpx's own timeouts begin again with every byte.
ends_at: contextvars.ContextVar[float | None] = contextvars.ContextVar("ends_at", default=None)


@functools.cache
def trusted() -> ssl.SSLContext:
    """The certificates that are trusted; reading them takes longer than a call on loopback, so it is done once."""
    return httpx.create_ssl_context(trust_env=False)


class GuardedTransport(httpx.HTTPTransport):
    """httpx's transport over connections whose address was judged; TLS names and Host stay those of the URL."""

    def __init__(self, policy: EgressPolicy, *, verify: ssl.SSLContext | None = None) -> None:
        context = verify or trusted()
        super().__init__(verify=context, trust_env=False)
        self._policy = policy
        # httpx has no parameter for httpcore's network backend, so its pool is replaced by one like it.
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=_MAX_CONNECTIONS,
            keepalive_expiry=_KEEPALIVE_SECONDS,
            network_backend=_Backend(policy),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request. Raises `EgressBlocked` or `UrlRefused` besides what httpx raises."""
        token = to_ourselves.set(_is_to_ourselves(self._policy, str(request.url)))
        try:
            return super().handle_request(request)
        finally:
            to_ourselves.reset(token)


def _is_to_ourselves(policy: EgressPolicy, url: str) -> bool:
    """Whether the request goes to one of our open paths; for the rest of our origin, judges its addresses anew.

    A kept-alive connection to our own receiver must not carry a request to the rest of our origin.
    """
    target = policy.check_url(url)
    if policy.is_own(target):
        return True
    if (target.host, target.port) in policy.own_origins:
        policy.permitted(target.host, lookup(target.host, target.port))
    return False


def _addresses(policy: EgressPolicy, host: str, port: int) -> list[str]:
    """Where to connect for a host. Raises `EgressBlocked`, or `httpcore.ConnectError` when it has no address."""
    try:
        found = lookup(host, port)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    return found if to_ourselves.get() else policy.permitted(host, found)


class _Backend(httpcore.NetworkBackend):
    """Connects to judged addresses, one after the other until one answers."""

    def __init__(self, policy: EgressPolicy) -> None:
        self._policy = policy
        self._network: httpcore.NetworkBackend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        *others, last = _addresses(self._policy, host, port)
        connect = functools.partial(
            self._network.connect_tcp,
            port=port,
            local_address=local_address,
            socket_options=socket_options,
        )
        for address in others:
            try:
                return _Stream(connect(address, timeout=_left(timeout)))
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return _Stream(connect(last, timeout=_left(timeout)))


class _Stream(httpcore.NetworkStream):
    """A connection whose reads and writes end with the call that they belong to."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(timeout: float | None) -> float | None:
    """The timeout, or what is left of the call if that is less. Raises `httpcore.ReadTimeout` where nothing is."""
    until = ends_at.get()
    if until is None:
        return timeout
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the call took too long")
    return left if timeout is None else min(timeout, left)
