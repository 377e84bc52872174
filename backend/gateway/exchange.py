"""One request at the door and its answer: what the log will say of it, and the headers that every answer gets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from backend.core import client_ip, clock, ids, problems, redaction
from backend.core.actor import Actor
from backend.core.errors import CrossdockError, Forbidden, RateLimited, TooLarge, Unauthenticated
from backend.gateway.credentials import without_key
from backend.gateway.table import Call, NoCall
from backend.logs.batches import RequestEntry

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_READ: Final = frozenset(
    (b"authorization", b"x-api-key", b"content-length", b"content-type", b"transfer-encoding", b"user-agent", b"x-forwarded-for")
)
# An answer of the API is data: nothing may frame it, run in it, guess its type or keep it.
_SECURITY: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
_CLIENT_LEFT: Final = 499
_SEARCHED: Final = frozenset({"q"})
_SHOWN_OF_RECORDS: Final = frozenset({"limit", "sort", "confirm"})
_SECRET_PATH: Final = "/api/v1/webhooks/incoming/"  # noqa: S105 - where a token follows
# How much of the body of a refused request is read for the client's sake, and for how long.
_DRAIN_BYTES: Final = 2 * 1024 * 1024
_DRAIN_SECONDS: Final = 2.0


class Exchange:
    """A request and its answer. The door fills in who calls; the application's messages pass through `send`."""

    __slots__ = (
        "_began",
        "_extra",
        "_is_read",
        "_limit",
        "_max_body",
        "_receive",
        "_received",
        "_send",
        "actor",
        "call",
        "error",
        "headers",
        "ip",
        "is_too_large",
        "limit_name",
        "limit_remaining",
        "receive",
        "refusal",
        "request_id",
        "scope",
        "secret_id",
        "started_at",
        "status",
        "user_agent",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, trusted: client_ip.Networks, https: bool) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send
        self._began = time.perf_counter()
        self.started_at = clock.now()
        self.request_id = ids.new("req")
        self.headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in _READ:
                self.headers[name] = self.headers[name] + b", " + value if name in self.headers else value
        self._is_read = b"transfer-encoding" not in self.headers and self.headers.get(b"content-length", b"0") == b"0"
        self.receive: Receive = receive if self._is_read else self._read
        peer = scope.get("client")
        self.ip = client_ip.resolve(peer[0] if peer else "", self.headers.get(b"x-forwarded-for", b"").decode("latin-1"), trusted)
        self.user_agent = self.headers.get(b"user-agent", b"").decode("latin-1")[:400]
        self.actor: Actor | None = None
        self.secret_id: str | None = None
        self.call: Call | NoCall | None = None
        self.refusal: str | None = None
        self.error: str | None = None
        self.status = 0
        self.limit_name: str | None = None
        self.limit_remaining: int | None = None
        self._limit: Headers = []
        self._extra = (*_SECURITY, _HSTS) if https else _SECURITY
        self._max_body = self._received = 0
        self.is_too_large = False
        scope["state"] = {**(scope.get("state") or {}), "request_id": self.request_id, "ip": self.ip}

    @property
    def shown_path(self) -> str:
        """The path as answers and logs may have it: where a part of it is a secret, its template; a key or token of ours is cut out."""
        path: str = self.scope["path"]
        return f"{_SECRET_PATH}{{token}}" if path.startswith(_SECRET_PATH) else redaction.keys(path)

    @property
    def has_own_log(self) -> bool:
        """Whether whoever served the request has logged it."""
        return bool(self.scope["state"].get("has_own_log"))

    def bound_body(self, most: int) -> None:
        """Refuse a body of unknown length once it has grown beyond `most` bytes."""
        inner, self._max_body = self.receive, most

        async def receive() -> Message:
            message = await inner()
            self._received += len(message.get("body", b""))
            if self._received > self._max_body:
                self.is_too_large = True
                raise too_large(most)
            return message

        self.receive = receive

    def note_limit(self, name: str, remaining: int, headers: Headers) -> None:
        """The caller's standing after this request, for the answer and the log."""
        self.limit_name, self.limit_remaining, self._limit = name, remaining, headers

    def announce(self, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        """Have the answer carry these too, whatever it is."""
        if headers:
            self._extra = (*self._extra, *headers)

    def let_in(self, actor: Actor | None, query: bytes | None) -> None:
        """Tell the application who calls; a key in the query goes no further."""
        self.scope["state"]["actor"] = actor
        if query is not None:
            self.scope["query_string"] = without_key(query)

    async def send(self, message: Message) -> None:
        """Pass on a message of the answer, its first with the door's headers. A body that grew too large is answered 413."""
        if message["type"] == "http.response.start":
            if self.is_too_large:
                return await self.refuse(too_large(self._max_body))
            self.status = message["status"]
            headers: Headers = list(message.get("headers", ()))
            present = {name for name, _ in headers}
            headers.extend(header for header in self._extra if header[0] not in present)
            headers.append((b"x-request-id", self.request_id.encode()))
            headers.extend(self._limit)
            if not await self._drain() and self.scope["http_version"] != "2":
                headers.append((b"connection", b"close"))
            message["headers"] = headers
        elif self.is_too_large:
            return None
        return await self._send(message)

    async def refuse(self, error: CrossdockError) -> None:
        """Answer with a problem and note it; nothing if an answer has begun."""
        if self.status:
            return
        self.status = error.status
        self.refusal, self.error = reason_of(error), problems.told(error)
        is_read = await self._drain()
        body = problems.render(error, instance=self.shown_path, request_id=self.request_id)
        headers: Headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in problems.headers(error).items()]
        headers.append((b"content-length", str(len(body)).encode()))
        headers.append((b"x-request-id", self.request_id.encode()))
        headers.extend(self._extra)
        headers.extend(self._limit)
        if not is_read and self.scope["http_version"] != "2":
            headers.append((b"connection", b"close"))
        await self._send({"type": "http.response.start", "status": self.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def _read(self) -> Message:
        """A part of the body; whether more follows is noted for `_drain`."""
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._is_read = True
        return message

    async def _drain(self) -> bool:
        """Read what comes of the body that nobody wants; whether that was all of it.

        A server that answers before the body has come closes the connection, and a client that is still sending, or sends
        its next request, then finds no answer. So a body of moderate size is taken in, and of a larger one it is told.
        """
        if self._is_read:
            return True
        length = self.headers.get(b"content-length")
        if length is not None and (not length.isdigit() or len(length) > 9 or int(length) > _DRAIN_BYTES):
            return False
        size = 0
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                while size <= _DRAIN_BYTES and not self._is_read:
                    size += len((await self._read()).get("body", b""))
        except TimeoutError:
            pass
        return self._is_read

    def entry(self, called: str | None = None) -> RequestEntry:
        """What the request log keeps of it; `called` is the path that was called, where an older one led here: it answers 400 for 422."""
        call, (actor, secret_id) = self.call, self._caller()
        query, error = self.scope["query_string"], self.error or self.scope["state"].get("error")
        return RequestEntry(
            id=self.request_id,
            started_at=self.started_at,
            method=self.scope["method"],
            path=redaction.keys(called or self.shown_path),
            status_code=(400 if called and self.status == 422 else self.status) or _CLIENT_LEFT,
            duration_ms=round((time.perf_counter() - self._began) * 1000, 3),
            ip=self.ip,
            user_agent=self.user_agent,
            query=_logged(query.decode("latin-1"), call) if query else "",
            route=call.route if isinstance(call, Call) else "",
            workspace_id=actor.workspace_id if actor else "",
            caller_kind=actor.kind if actor else "",
            caller_id=actor.id if actor else "",
            secret_id=secret_id,
            refusal=self.refusal,
            error=redaction.keys(error) if error else error,
            limit_name=self.limit_name,
            limit_remaining=self.limit_remaining,
        )

    def _caller(self) -> tuple[Actor | None, str | None]:
        """Who called and by which secret: as the door found, or as the application did for a token."""
        return self.scope["state"].get("caller", (None, None)) if self.actor is None else (self.actor, self.secret_id)


def _logged(query: str, call: Call | NoCall | None) -> str:
    """A query as the log keeps it: what is searched for, and what records are looked for by, may be personal, so it is not."""
    if isinstance(call, Call) and call.permission.also:
        return redaction.values(query, shown=_SHOWN_OF_RECORDS)
    return redaction.query(query, hidden=_SEARCHED)


def reason_of(error: CrossdockError) -> str:
    """The word that the log has for a refusal."""
    if isinstance(error, Unauthenticated | Forbidden):
        return error.reason
    if isinstance(error, RateLimited):
        return "rate_limit"
    return error.code


def too_large(most: int) -> TooLarge:
    """The refusal of a body of more than `most` bytes."""
    return TooLarge(f"The body is larger than {most:,} bytes, the most that this call takes. Send less, or in parts.")
