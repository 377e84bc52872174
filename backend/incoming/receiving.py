"""`POST /api/v1/webhooks/incoming/{token}`: takes what a source posts, within the webhook's limit, and tells it what became of it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlmodel import Session

from backend.core import clock, problems, rate_limit, reading
from backend.core.errors import CrossdockError, NotFound, RateLimited
from backend.core.rate_limit import Limiter, Window
from backend.incoming import intake, plans, storage
from backend.incoming.inputs import ORDERS
from backend.incoming.intake import Answer
from backend.incoming.processing import CAPTURED, DUPLICATE, INCOMPLETE, RECEIVED, TOO_LARGE
from backend.incoming.schemes import Scheme
from backend.incoming.storage import Arrival

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

ROUTE: Final = "POST /api/v1/webhooks/incoming/{token}"
INSTANCE: Final = "/api/v1/webhooks/incoming"
REMEMBER_SECONDS: Final = 0.9
MAX_BODY: Final = 1024 * 1024
BODY_SECONDS: Final = 60.0
_READ_AT_MOST: Final = 2 * MAX_BODY
_KEPT: Final = 10_000
_STORED_AS: Final = b"x-incoming-request-id"
_MINUTE: Final = 60
# Sources that take an answer with a body for a mistake.
_EMPTY: Final = frozenset({Scheme.TWILIO, Scheme.XERO, Scheme.UBER_EATS})


@dataclass(frozen=True, slots=True)
class _Known:
    """What must be known of an address before a request is stored."""

    until: float
    workspace_id: str
    incoming_id: str
    rate_limit: int | None


@dataclass(frozen=True, slots=True)
class Body:
    """What a request held: `size` bytes, or as many as it says. `fault` is why nothing is kept of it; `is_whole` if all of it was read."""

    content: bytes
    size: int
    fault: str = ""
    is_whole: bool = True


class Receiver:
    """The ASGI application of this one call; the framework's way to it would cost as much as the storing."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._limiter = Limiter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        token = str(scope["path"]).rpartition("/")[2]
        headers: Headers = []
        is_read, stored, trace_id = False, "", str(scope["state"]["request_id"])
        try:
            known = await self._find(token)
            if known.incoming_id:
                scope["state"]["has_own_log"] = True
            await self._spend(known, headers)
            is_read = True
            body = await read(scope["headers"], receive)
            if not body.is_whole:
                headers.append((b"connection", b"close"))
            answer = await intake.committer.submit(_arrival(scope, token, body))
            stored = answer.request_id
            headers.append((_STORED_AS, stored.encode()))
            if answer.outcome.error is not None:
                raise answer.outcome.error
            await _send(send, *_told(answer, headers, trace_id))
        except CrossdockError as error:
            if not is_read and not (await read(scope["headers"], receive)).is_whole:
                headers.append((b"connection", b"close"))
            body = problems.render(error, instance=INSTANCE, request_id=stored or trace_id, trace_id=trace_id if stored else "")
            told = [(name.encode(), value.encode("latin-1", "replace")) for name, value in problems.headers(error).items()]
            await _send(send, error.status, body, [*told, *headers])

    async def _find(self, token: str) -> _Known:
        """The address, remembered for less than a second, unknown ones too. Raises `NotFound`."""
        place = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        found = self._known.get(place)
        if found is None or found.until < time.monotonic():
            until = time.monotonic() + REMEMBER_SECONDS
            found = _Known(until, "", "", None)
            if token.startswith(plans.TOKEN_PREFIX) and token.isascii() and len(token) < 100:
                found = await reading.together(lambda session: _look_up(session, token, until))
            self._known[place] = found
            self._known.move_to_end(place)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        if not found.incoming_id:
            raise NotFound(intake.NO_SUCH)
        return found

    async def _spend(self, known: _Known, headers: Headers) -> None:
        """Spend from the webhook's limit; `headers` get those that tell where it stands. Raises `RateLimited`."""
        if known.rate_limit is None:
            return
        window = Window("per_minute", known.rate_limit, _MINUTE)
        verdict = await self._limiter.spend(f"incoming:{known.incoming_id}", (window,), or_locally=True)
        headers += rate_limit.headers(verdict)
        if not verdict.allowed:
            wait = verdict.tightest.ends_in_seconds
            intake.note_limited(known.workspace_id, known.incoming_id)
            raise RateLimited(
                f"This incoming webhook takes {known.rate_limit:,} requests per minute. Try again in {wait} s.", wait, ("per_minute",)
            )


def _look_up(session: Session, token: str, until: float) -> _Known:
    door = plans.by_tokens(session, [token]).get(token)
    if door is None:
        return _Known(until, "", "", None)
    return _Known(until, door.plan.workspace_id, door.plan.id, door.plan.rate_limit)


def _arrival(scope: Scope, token: str, body: Body) -> Arrival:
    return Arrival(
        token=token,
        method=scope["method"],
        query=scope["query_string"].decode("latin-1")[:4000],
        headers=storage.bounded(scope["headers"]),
        body=body.content,
        size=body.size,
        fault=body.fault,
        ip=str(scope["state"].get("ip", "")),
        request_id=str(scope["state"].get("request_id", "")),
        at=clock.now(),
    )


async def read(headers: Sequence[tuple[bytes, bytes]], receive: Receive) -> Body:
    """The body of a request, or why it is not taken. One that is somewhat too large is read to its end, so that its sender hears why."""
    lengths = [int(value) for name, value in headers if name == b"content-length" and value.isdigit()]
    declared = lengths[0] if lengths else None
    if declared is not None and declared > _READ_AT_MOST:
        return Body(b"", declared, TOO_LARGE, is_whole=False)
    parts: list[bytes] = []
    size, has_more = 0, True
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BODY_SECONDS):
            while has_more and size <= _READ_AT_MOST:
                message = await receive()
                if message["type"] != "http.request":
                    break
                part: bytes = message.get("body", b"")
                size += len(part)
                has_more = message.get("more_body", False)
                if size <= MAX_BODY:
                    parts.append(part)
    if size > MAX_BODY:
        return Body(b"", max(size, declared or 0), TOO_LARGE, is_whole=not has_more)
    if has_more or (declared is not None and declared != size):
        return Body(b"", size, INCOMPLETE, is_whole=False)
    return Body(b"".join(parts), size)


def _told(answer: Answer, headers: Headers, trace_id: str) -> tuple[int, bytes, Headers]:
    """Status, body and headers of an answer to what was taken."""
    outcome, plan = answer.outcome, answer.plan
    record_id = outcome.record_ids[0] if outcome.record_ids else None
    extra = [*headers]
    if record_id is not None:
        extra.append((b"x-record-id", record_id.encode()))
    if outcome.challenge is not None:
        return 200, outcome.challenge.encode("utf-8", "replace"), [(b"content-type", b"text/plain; charset=utf-8"), *extra]
    if plan.verification.scheme in _EMPTY:
        return 200, b"", extra
    document: dict[str, Any] = {
        "success": True,
        "status": outcome.status,
        "id": record_id,
        "ids": list(outcome.record_ids),
        "action": outcome.outcome,
        "module": plan.module or ORDERS,
        "request_id": answer.request_id,
        "trace_id": trace_id,
    }
    if outcome.status in {CAPTURED, DUPLICATE, RECEIVED}:
        document["detail"] = outcome.sentence
    status = 202 if outcome.status in {CAPTURED, RECEIVED} else 201 if outcome.outcome == "created" and outcome.status != DUPLICATE else 200
    return status, orjson.dumps(document), [(b"content-type", b"application/json"), *extra]


async def _send(send: Send, status: int, body: bytes, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", str(len(body)).encode()), *headers]})
    await send({"type": "http.response.body", "body": body})
