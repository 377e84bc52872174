"""One attempt over HTTP: signed, timed, bounded in time and size, never redirected. What failed comes back as a class."""

from __future__ import annotations

import contextvars
import errno
import ssl
import time
import zlib
from typing import Any, Final

import aiohttp
from aiohttp.client_exceptions import ClientConnectorDNSError
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from backend import __version__
from backend.core import clock, signing
from backend.core.egress import EgressBlocked, EgressPolicy, GuardedConnector
from backend.core.egress_rules import address_of
from backend.deliveries.values import Claim, ErrorClass, Exchange, Target
from backend.webhooks import policy

BODY_LIMIT: Final = 64 * 1024
MASK: Final = "••••••"
USER_AGENT: Final = f"Crossdock/{__version__}"
_COMPRESSED_LIMIT: Final = 4 * BODY_LIMIT
_HEADERS_LIMIT: Final = 100
_ERROR_LIMIT: Final = 400
_STALE_RETRIES: Final = 2
_UNREACHABLE: Final = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.ENETDOWN})


class _Marks:
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


_marks: contextvars.ContextVar[_Marks] = contextvars.ContextVar("marks")


class _Context(ssl.SSLContext):
    """A TLS context that notes when a handshake begins: that is where the time to connect ends."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        marks = _marks.get(None)
        if marks is not None:
            marks.securing = time.perf_counter()
        return super().wrap_bio(*args, **kwargs)


class _Request(aiohttp.ClientRequest):
    """A request that notes which address it goes to."""

    async def send(self, conn: Any) -> aiohttp.ClientResponse:
        marks = _marks.get(None)
        if marks is not None and conn.transport is not None:
            peer = conn.transport.get_extra_info("peername")
            marks.address = peer[0] if isinstance(peer, tuple) else None
        return await super().send(conn)


class _Connector(GuardedConnector):
    """The guarded connector, noting when it resolves and connects. aiohttp's own tracing would cost each request, these only new connections."""

    async def _create_connection(self, req: aiohttp.ClientRequest, traces: list[Any], timeout: Any) -> Any:  # noqa: ASYNC109 - aiohttp's own
        marks = _marks.get()
        marks.connecting = time.perf_counter()
        made = await super()._create_connection(req, traces, timeout)
        marks.connected = time.perf_counter()
        return made

    async def _resolve_host(self, host: str, port: int, traces: Any = None) -> Any:
        if address_of(host) is not None:
            return await super()._resolve_host(host, port, traces)
        marks = _marks.get()
        marks.resolving = time.perf_counter()
        found = await super()._resolve_host(host, port, traces)
        marks.resolved = time.perf_counter()
        return found


class Sender:
    """Sends attempts over pooled connections, to where `egress` allows; close it when the shift ends."""

    def __init__(self, egress: EgressPolicy) -> None:
        self._session = aiohttp.ClientSession(
            connector=_Connector(egress, limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            request_class=_Request,
        )
        self._verified = _context(verify=True)
        self._unverified = _context(verify=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def send(self, claim: Claim) -> Exchange:
        """Make one attempt. Never raises but when cancelled; whatever fails is the exchange's error class and sentence."""
        target = claim.target
        started_at = clock.now()
        if target.problem is not None:
            return Exchange(started_at, 0.0, {}, error_class=ErrorClass.SETTINGS, error=target.problem)
        ours = signing.delivery_headers(
            signing.Delivery(
                claim.event_id,
                claim.event_type,
                claim.id,
                claim.attempt_count + 1,
                int(started_at.timestamp()),
                is_replay=claim.kind == "replay",
            ),
            claim.body,
            secrets=target.secrets,
            style=target.style,
            user_agent=USER_AGENT,
        )
        custom = _custom(target, ours) if target.headers else {}
        exchange = Exchange(started_at, 0.0, {**dict.fromkeys(custom, MASK), **ours} if custom else ours)
        begun, chances = time.perf_counter(), 1 + _STALE_RETRIES
        while chances:
            chances -= 1
            marks = _Marks()
            if not await self._once(exchange, marks, claim, {**custom, **ours} if custom else ours, begun, may_be_stale=chances > 0):
                break
        exchange.total_ms = _ms(begun, time.perf_counter()) or 0.0
        return exchange

    async def _once(
        self, exchange: Exchange, marks: _Marks, claim: Claim, headers: dict[str, str], begun: float, *, may_be_stale: bool
    ) -> bool:
        """One request, its outcome in `exchange`. True if it met a pooled connection that the receiver had closed while it was idle.

        Then the same message may go out again, `webhook-id` making it idempotent (RFC 9110, section 9.2.2).
        """
        target = claim.target
        _marks.set(marks)
        try:
            await self._exchange(exchange, target, headers, claim.body, begun)
        except Exception as error:  # noqa: BLE001 - a hostile receiver must not end the shift
            if may_be_stale and marks.reused and _is_cut_off(error):
                return True
            exchange.error_class, text = _classify(error, marks, target)
            exchange.error = text[:_ERROR_LIMIT]
        _time(exchange, marks)
        return False

    async def _exchange(self, exchange: Exchange, target: Target, headers: dict[str, str], body: bytes, begun: float) -> None:
        left = max(target.timeout - (time.perf_counter() - begun), 0.001)
        async with self._session.post(
            target.url,
            data=body,
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=left, ceil_threshold=3600),
            ssl=self._verified if target.verify_ssl else self._unverified,
        ) as response:
            exchange.first_byte_ms = _ms(begun, time.perf_counter())
            exchange.status_code = status = response.status
            exchange.response_headers = [
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers[:_HEADERS_LIMIT]
            ]
            if not 200 <= status <= 299:
                _refused(exchange, response)
            try:
                await _read(exchange, response)
            except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                exchange.truncated = True  # the answer's status had come; what is missing is only what follows it


def _custom(target: Target, ours: dict[str, str]) -> dict[str, str]:
    """The webhook's own headers but those whose names, in any case, are ours."""
    taken = {name.lower() for name in ours}
    return {name: value for name, value in target.headers.items() if name.lower() not in taken}


def _context(*, verify: bool) -> ssl.SSLContext:
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    if verify:
        context.load_default_certs()
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _refused(exchange: Exchange, response: aiohttp.ClientResponse) -> None:
    redirect = policy.error_class(response.status) == "redirect"
    exchange.error_class = ErrorClass.REDIRECT if redirect else ErrorClass.STATUS
    exchange.error = f"The receiver answered {response.status} {response.reason or ''}".strip()[:_ERROR_LIMIT]
    exchange.retry_after = response.headers.get("Retry-After")


async def _read(exchange: Exchange, response: aiohttp.ClientResponse) -> None:
    """Read the body up to the limit; a longer one is cut, and its connection closed instead of drained."""
    content, size = response.content, 0
    chunks: list[bytes] = []
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    limit = _COMPRESSED_LIMIT if encoding else BODY_LIMIT
    while chunk := await content.readany():
        chunks.append(chunk)
        size += len(chunk)
        exchange.body = b"".join(chunks) if len(chunks) > 1 else chunk
        if size > limit or (size == limit and not content.at_eof()):
            exchange.truncated = True
            response.close()
            break
    if encoding in ("gzip", "x-gzip", "deflate"):
        exchange.body, more = _inflate(exchange.body)
        exchange.truncated |= more
    if len(exchange.body) > BODY_LIMIT:
        exchange.body, exchange.truncated = exchange.body[:BODY_LIMIT], True


def _inflate(data: bytes) -> tuple[bytes, bool]:
    """At most the limit of what `data` decompresses to, and whether there was more. What is no gzip or deflate stays as it is."""
    for window in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):  # gzip or zlib by its header, else raw deflate
        try:
            inflater = zlib.decompressobj(window)
            plain = inflater.decompress(data, BODY_LIMIT)
        except zlib.error:
            continue
        return plain, bool(inflater.unconsumed_tail) or not inflater.eof
    return data, False


def _is_cut_off(error: Exception) -> bool:
    cut = isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError)
    return cut and not isinstance(error, aiohttp.ClientConnectorError)


def _classify(error: Exception, marks: _Marks, target: Target) -> tuple[ErrorClass, str]:  # noqa: PLR0911 - one line per class
    blocked = _blocked(error)
    if blocked is not None:
        marks.address = blocked.address
        return ErrorClass.BLOCKED, str(blocked)
    if isinstance(error, TimeoutError):
        return _timeout(marks, target)
    if isinstance(error, ClientConnectorDNSError):
        return ErrorClass.DNS, f"The name {error.host} cannot be resolved."
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError | ssl.SSLError):
        return ErrorClass.TLS, _tls(error)
    if isinstance(error, aiohttp.ClientConnectorError):
        return _connect(error)
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError | ConnectionError):
        return ErrorClass.RESET, "The receiver closed the connection without an answer."
    if isinstance(error, LineTooLong) or "got more than" in str(error).lower():
        return ErrorClass.TOO_LARGE, "The head of the receiver's answer is larger than 8 KiB a line."
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.ClientPayloadError | HttpProcessingError):
        return ErrorClass.PROTOCOL, "The receiver's answer is not HTTP."
    if isinstance(error, aiohttp.InvalidURL | ValueError):
        return ErrorClass.SETTINGS, f"The request cannot be made from the webhook's settings ({type(error).__name__})."
    return ErrorClass.PROTOCOL, f"The exchange failed ({type(error).__name__})."


def _blocked(error: BaseException | None) -> EgressBlocked | None:
    """The guard's refusal, if `error` is one or came from one."""
    while error is not None and not isinstance(error, EgressBlocked):
        error = getattr(error, "os_error", None) or error.__cause__
    return error


def _timeout(marks: _Marks, target: Target) -> tuple[ErrorClass, str]:
    within = f"within {target.timeout:g} s"
    if marks.resolving is not None and marks.resolved is None:
        return ErrorClass.DNS, f"The name was not resolved {within}."
    if marks.connecting is not None and marks.connected is None:
        step = "The TLS handshake did not end" if marks.securing is not None else "No connection was made"
        return ErrorClass.CONNECT_TIMEOUT, f"{step} {within}."
    return ErrorClass.READ_TIMEOUT, f"The receiver's answer was not complete {within}."


def _tls(error: Exception) -> str:
    cause: Any = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"The receiver's certificate was not accepted: {cause.verify_message}."
    return f"TLS failed: {_reason(cause)}."


def _connect(error: aiohttp.ClientConnectorError) -> tuple[ErrorClass, str]:
    cause = error.os_error
    if isinstance(cause, ssl.SSLError):
        return ErrorClass.TLS, _tls(cause)
    if cause.errno == errno.ETIMEDOUT:
        return ErrorClass.CONNECT_TIMEOUT, "The receiver's machine does not answer."
    if cause.errno in _UNREACHABLE:
        return ErrorClass.UNREACHABLE, f"There is no way to the receiver: {_reason(cause)}."
    if cause.errno == errno.ECONNRESET:
        return ErrorClass.RESET, "The receiver closed the connection while it was being made."
    return ErrorClass.REFUSED, f"The receiver refused the connection at {error.host} port {error.port}."


def _reason(error: BaseException | None) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return str(error.reason).replace("_", " ").lower()
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).strip().rstrip(".")


def _time(exchange: Exchange, marks: _Marks) -> None:
    exchange.address = marks.address
    exchange.dns_ms = _ms(marks.resolving, marks.resolved)
    begun = marks.resolved or marks.connecting
    exchange.connect_ms = _ms(begun, marks.securing or marks.connected)
    exchange.tls_ms = _ms(marks.securing, marks.connected)


def _ms(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round((end - start) * 1000, 3)
