"""One attempt over HTTP: signed, timed, bounded in time and size, never redirected. What failed comes back as a class."""

from __future__ import annotations

import asyncio
import errno
import ssl
import time
import zlib
from datetime import datetime
from typing import Any, Final

import aiohttp
from aiohttp.client_exceptions import ClientConnectorDNSError
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from backend import __version__
from backend.core import clock, signing, texts
from backend.core.egress import EgressBlocked, EgressPolicy
from backend.core.egress_tls import Certificate, read_certificate
from backend.deliveries.connections import Answer, Connections, Marks
from backend.deliveries.values import Claim, ErrorClass, Exchange, Target
from backend.webhooks import policy

BODY_LIMIT: Final = 64 * 1024
MASK: Final = "••••••"
USER_AGENT: Final = f"Crossdock/{__version__}"
_COMPRESSED_LIMIT: Final = 4 * BODY_LIMIT
_HEADERS_LIMIT: Final = 100
_ERROR_LIMIT: Final = 400
_STALE_RETRIES: Final = 2
_SHOWN_NAMES: Final = 5
_CERTIFICATE_SECONDS: Final = 3.0
# X509_V_ERR_* of OpenSSL whose sentence is worth another look at the certificate.
_NOT_YET_VALID, _EXPIRED, _HOST_MISMATCH, _ADDRESS_MISMATCH = 9, 10, 62, 64
_UNREACHABLE: Final = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.ENETDOWN})


class Sender:
    """Sends attempts over pooled connections, to where `egress` allows; close it when the shift ends."""

    def __init__(self, egress: EgressPolicy) -> None:
        self._egress = egress
        self._connections = Connections(egress)

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()

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
            marks = Marks()
            if not await self._once(exchange, marks, claim, {**custom, **ours} if custom else ours, begun, may_be_stale=chances > 0):
                break
        exchange.total_ms = _ms(begun, time.perf_counter()) or 0.0
        return exchange

    async def _once(
        self, exchange: Exchange, marks: Marks, claim: Claim, headers: dict[str, str], begun: float, *, may_be_stale: bool
    ) -> bool:
        """One request, its outcome in `exchange`. True if it met a pooled connection that the receiver had closed while it was idle.

        Then the same message may go out again, `webhook-id` making it idempotent (RFC 9110, section 9.2.2).
        """
        target = claim.target
        try:
            async with asyncio.timeout(max(target.timeout - (time.perf_counter() - begun), 0.001)):
                answer = await self._connections.post(target.url, headers, claim.body, verify=target.verify_ssl, marks=marks)
                try:
                    await _take(exchange, answer, begun)
                finally:
                    answer.release()
        except Exception as error:  # noqa: BLE001 - a hostile receiver must not end the shift
            if may_be_stale and marks.reused and _is_cut_off(error):
                return True
            exchange.error_class, text = _classify(error, marks, target)
            _time(exchange, marks)
            exchange.error = texts.storable(await self._about_certificate(error, marks, target, begun) or text)[:_ERROR_LIMIT]
        else:
            _time(exchange, marks)
        return False

    async def _about_certificate(self, error: Exception, marks: Marks, target: Target, begun: float) -> str | None:
        """What is wrong with a certificate in its own dates or names, None if that is not it or there is no time left to look."""
        cause = _tls_cause(error)
        if not isinstance(cause, ssl.SSLCertVerificationError) or not isinstance(error, aiohttp.ClientConnectorCertificateError):
            return None
        left = min(target.timeout - (time.perf_counter() - begun), _CERTIFICATE_SECONDS)
        wanted = {_NOT_YET_VALID, _EXPIRED, _HOST_MISMATCH, _ADDRESS_MISMATCH}
        if cause.verify_code not in wanted or marks.address is None or left <= 0:
            return None
        shown = await read_certificate(self._egress, marks.address, error.port or 443, error.host, seconds=left)
        return _certificate_problem(cause.verify_code, shown, error.host) if shown is not None else None


async def _take(exchange: Exchange, answer: Answer, begun: float) -> None:
    """Note what came back: the head, and of the body what is kept."""
    exchange.first_byte_ms = _ms(begun, time.perf_counter())
    exchange.status_code = status = answer.status
    exchange.response_headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.raw_headers[:_HEADERS_LIMIT]]
    if not 200 <= status <= 299:
        _refused(exchange, answer)
    try:
        if answer.content.is_eof():
            await _read(exchange, answer)
        else:
            with answer.ended_with_connection():
                await _read(exchange, answer)
    except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
        return  # the answer's status had come; what is missing is only what follows it


def _custom(target: Target, ours: dict[str, str]) -> dict[str, str]:
    """The webhook's own headers but those whose names, in any case, are ours."""
    taken = {name.lower() for name in ours}
    return {name: value for name, value in target.headers.items() if name.lower() not in taken}


def _refused(exchange: Exchange, answer: Answer) -> None:
    redirect = policy.error_class(answer.status) == "redirect"
    exchange.error_class = ErrorClass.REDIRECT if redirect else ErrorClass.STATUS
    exchange.error = texts.storable(f"The receiver answered {answer.status} {answer.reason or ''}".strip())[:_ERROR_LIMIT]
    exchange.retry_after = answer.headers.get("Retry-After")


async def _read(exchange: Exchange, answer: Answer) -> None:
    """Read the body up to the limit; a longer one is cut, and its connection closed instead of drained.

    What came is kept, however it ends.
    """
    content, came = answer.content, bytearray()
    encoding = answer.headers.get("Content-Encoding", "").strip().lower()
    limit = _COMPRESSED_LIMIT if encoding else BODY_LIMIT
    try:
        while chunk := await content.readany():
            came += chunk
            if len(came) > limit or (len(came) == limit and not content.at_eof()):
                exchange.truncated = True
                break
    except BaseException:
        exchange.truncated = True
        raise
    finally:
        exchange.body = bytes(came)
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
        return plain, bool(inflater.unconsumed_tail or inflater.unused_data) or not inflater.eof
    return data, False


def _is_cut_off(error: Exception) -> bool:
    cut = isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError)
    return cut and not isinstance(error, aiohttp.ClientConnectorError)


def _classify(error: Exception, marks: Marks, target: Target) -> tuple[ErrorClass, str]:  # noqa: PLR0911 - one line per class
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
    if isinstance(error, LineTooLong) or any(words in str(error).lower() for words in ("got more than", "too many headers")):
        return ErrorClass.TOO_LARGE, "The head of the receiver's answer is larger than 8 KiB a line or 128 lines."
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.ClientPayloadError | HttpProcessingError):
        return ErrorClass.PROTOCOL, f"The receiver's answer is not valid HTTP{_wrong(error)}."
    if isinstance(error, aiohttp.InvalidURL | ValueError):
        return ErrorClass.SETTINGS, f"The request cannot be made from the webhook's settings ({type(error).__name__})."
    return ErrorClass.PROTOCOL, f"The exchange failed ({type(error).__name__})."


def _wrong(error: Exception) -> str:
    """What the parser says of an answer, without the lines that only point at it."""
    lines = [line.strip().rstrip(":") for line in str(getattr(error, "message", "")).splitlines()]
    return "".join(f": {line}" for line in lines if line.strip("^"))


def _blocked(error: BaseException | None) -> EgressBlocked | None:
    """The guard's refusal, if `error` is one or came from one."""
    while error is not None and not isinstance(error, EgressBlocked):
        error = getattr(error, "os_error", None) or error.__cause__
    return error


def _timeout(marks: Marks, target: Target) -> tuple[ErrorClass, str]:
    within = f"within {target.timeout:g} s"
    if marks.resolving is not None and marks.resolved is None:
        return ErrorClass.DNS, f"The name was not resolved {within}."
    if marks.connecting is not None and marks.connected is None:
        step = "The TLS handshake did not end" if marks.securing is not None else "No connection was made"
        return ErrorClass.CONNECT_TIMEOUT, f"{step} {within}."
    return ErrorClass.READ_TIMEOUT, f"The receiver's answer was not complete {within}."


def _certificate_problem(code: int, shown: Certificate, host: str) -> str:
    said = "The receiver's certificate was not accepted:"
    if code == _EXPIRED:
        return f"{said} it expired on {_moment(shown.valid_until)}."
    if code == _NOT_YET_VALID:
        return f"{said} it is not yet valid, but from {_moment(shown.valid_from)}."
    names = ", ".join(shown.names[:_SHOWN_NAMES]) or "no host name"
    more = f" and {len(shown.names) - _SHOWN_NAMES} more" if len(shown.names) > _SHOWN_NAMES else ""
    return f"{said} mismatch of the host name, it is for {names}{more}, not for {host}."


def _moment(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y %H:%M} UTC"


def _tls_cause(error: Exception) -> Any:
    return getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error


def _tls(error: Exception) -> str:
    cause = _tls_cause(error)
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


def _time(exchange: Exchange, marks: Marks) -> None:
    exchange.address = marks.address
    exchange.dns_ms = _ms(marks.resolving, marks.resolved)
    begun = marks.resolved or marks.connecting
    exchange.connect_ms = _ms(begun, marks.securing or marks.connected)
    exchange.tls_ms = _ms(marks.securing, marks.connected)


def _ms(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round((end - start) * 1000, 3)
