"""`/receiver/{token}`: takes any request of anybody, keeps it, and answers as the inbox was told to."""

from __future__ import annotations

import asyncio
import re
import weakref
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from fastapi import APIRouter
from starlette.routing import Route

from backend.core import problems
from backend.core.errors import CrossdockError, NotFound, Unavailable
from backend.receiver import reset
from backend.receiver.intake import Intake
from backend.receiver.service import PATH, TOKEN_PREFIX, Arrival, Mode

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

HANG_SECONDS: Final = 35.0
MAX_HANGING: Final = 100
MAX_BODY: Final = 272 * 1024  # the largest event: 256 KiB of data and what stands around it
_MAX_READ: Final = 4 * MAX_BODY
_READ_SECONDS: Final = 15.0
_MAX_HEADERS: Final = 100
_MAX_HEADER: Final = 4096
_TOKEN: Final = re.compile(TOKEN_PREFIX + r"[0-9A-Za-z]{20,40}", re.ASCII)
_ANSWERS: Final[dict[Mode, tuple[int, bytes]]] = {
    Mode.OK: (200, b'{"received":true}'),
    Mode.HANG: (200, b'{"received":true}'),
    Mode.FAIL: (500, b'{"error":"This inbox is told to fail."}'),
    Mode.GONE: (410, b'{"error":"This inbox is told to be gone."}'),
    Mode.REDIRECT: (302, b'{"error":"This inbox is told to redirect."}'),
}


class Receiver:
    """The ASGI endpoint. Whoever hangs holds no thread and no transaction, and no more than 100 hang at a time."""

    def __init__(self) -> None:
        self._intakes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Intake] = weakref.WeakKeyDictionary()
        self._hanging = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Take one request."""
        try:
            arrival = await _read(scope, receive)
            mode = await self._intakes.setdefault(asyncio.get_running_loop(), Intake()).take(arrival)
            if mode is None:
                raise NotFound("There is no such inbox.")
            if mode is Mode.HANG and self._hanging >= MAX_HANGING:
                raise Unavailable(f"{MAX_HANGING} requests hang here already. Try again later.", retry_after=35)
        except CrossdockError as error:
            body = problems.render(error, instance=scope["path"], request_id="")
            extra = [(name.encode(), value.encode()) for name, value in problems.headers(error).items()]
            return await _answer(scope, send, error.status, body, extra)
        if mode is Mode.HANG and not await self._hang(receive):
            return None
        if mode is Mode.RESET:
            return await _reset(scope, send)
        status, body = _ANSWERS[mode]
        extra: Headers = [(b"content-type", b"application/json")]
        if mode is Mode.REDIRECT:
            extra.append((b"location", f"{PATH}{arrival.token}?redirected=1".encode()))
        return await _answer(scope, send, status, body, extra)

    async def _hang(self, receive: Receive) -> bool:
        """Wait; whether somebody is still there to be answered."""
        self._hanging += 1
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            return not (await asyncio.wait({gone}, timeout=HANG_SECONDS))[0]
        finally:
            gone.cancel()
            self._hanging -= 1


async def _read(scope: MutableMapping[str, Any], receive: Receive) -> Arrival:
    """The request, its body as far as it is kept; what is too long is read on for a while, so that the sender hears us."""
    token: str = scope["path"].removeprefix(PATH).partition("/")[0]
    if _TOKEN.fullmatch(token) is None:
        raise NotFound("There is no such inbox.")
    body, read, more = bytearray(), 0, True
    try:
        async with asyncio.timeout(_READ_SECONDS):
            while more and read < _MAX_READ:
                message = await receive()
                if message["type"] == "http.disconnect":
                    break
                chunk: bytes = message.get("body", b"")
                read += len(chunk)
                body += chunk[: MAX_BODY - len(body)]
                more = bool(message.get("more_body"))
    except TimeoutError:
        more = True
    headers = tuple(
        (name.decode("latin-1")[:_MAX_HEADER], value.decode("latin-1")[:_MAX_HEADER].replace("\0", ""))
        for name, value in scope["headers"][:_MAX_HEADERS]
    )
    remote = str((scope.get("client") or ("",))[0])
    return Arrival(token, scope["method"], headers, bytes(body), more or read > len(body), remote)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _reset(scope: MutableMapping[str, Any], send: Send) -> None:
    if reset.close_connection(scope.get("client")):
        return
    # Behind something that hides the connection: an answer that breaks off is the nearest to none.
    await send({"type": "http.response.start", "status": 500, "headers": [(b"content-length", b"1")]})
    await send({"type": "http.response.body", "body": b"", "more_body": True})


async def _answer(scope: MutableMapping[str, Any], send: Send, status: int, body: bytes, extra: Headers) -> None:
    headers = [(b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store"), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


router = APIRouter()
router.routes.append(Route(PATH + "{token:path}", Receiver(), include_in_schema=False))
