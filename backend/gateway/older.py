"""A call by an older system's path: led to the call that answers it now, its bodies translated on the way in and out."""

from __future__ import annotations

from typing import Any, cast

import orjson

from backend.core import problems, redaction
from backend.gateway import older_names, older_table
from backend.gateway.exchange import Message, Receive, Scope, Send
from backend.gateway.older_table import Older


class OlderCall:
    """One call. `scope` is that of the call which answers it; `receive` and `send` translate the bodies."""

    def __init__(self, row: Older, scope: Scope, send: Send) -> None:
        called: str = scope["path"]
        path = row.target + called.removeprefix(row.path)
        query = older_names.query(row, path, scope["query_string"].decode("latin-1"))
        self.scope: Scope = {
            **scope,
            "method": row.methods[1] if row.methods is not None else scope["method"],
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode("latin-1", "replace"),
        }
        self.called = called
        self._row, self._path, self._send = row, path, send
        self._held: Message | None = None
        self._parts: list[bytes] = []

    async def send(self, message: Message) -> None:
        """Pass on a message of the answer; JSON is held until it is whole, then translated."""
        if message["type"] == "http.response.start":
            if not _is_json(message):
                return await self._send(message)
            self._held = message
            return None
        if self._held is None:
            return await self._send(message)
        self._parts.append(message.get("body", b""))
        if message.get("more_body", False):
            return None
        start, self._held = self._held, None
        start["status"], text = self._translated(start["status"], b"".join(self._parts))
        length = str(len(text)).encode()
        headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        start["headers"] = [*headers, (b"content-length", length)]
        await self._send(start)
        return await self._send({"type": "http.response.body", "body": text})

    def reading(self, receive: Receive) -> Receive:
        """`receive` with the body of the request whole, and under our names."""
        is_read = False

        async def read() -> Message:
            nonlocal is_read
            if is_read:
                return await receive()
            is_read, parts, is_whole = True, list[bytes](), False
            while not is_whole:
                message = await receive()
                if message["type"] != "http.request":
                    return message
                parts.append(message.get("body", b""))
                is_whole = not message.get("more_body", False)
            return {"type": "http.request", "body": self._asked(b"".join(parts)), "more_body": False}

        return read

    def _asked(self, text: bytes) -> bytes:
        try:
            return orjson.dumps(older_names.body(self._row, self._path, orjson.loads(text)))
        except (ValueError, TypeError):
            return text  # what it is, its route says better

    def _translated(self, status: int, text: bytes) -> tuple[int, bytes]:
        try:
            given = orjson.loads(text)
        except ValueError:
            return status, text
        if status >= 400 and isinstance(given, dict) and "statusCode" in given:
            told = older_names.problem(
                cast("dict[str, Any]", given), called=redaction.keys(self.called), answered=redaction.keys(self._path)
            )
            return (400 if status == 422 else status), orjson.dumps(told)
        return status, orjson.dumps(older_names.answer(self._row, self._path, given))


def call_of(scope: Scope, send: Send) -> OlderCall | None:
    """The call as one by an older path, if its path is one."""
    row = older_table.find(scope["method"], scope["path"])
    return OlderCall(row, scope, send) if row is not None else None


def answered_at(method: str, path: str) -> tuple[str, str]:
    """The method and path by which a call is answered: its own, unless the path is an older one."""
    row = older_table.find(method, path)
    if row is None:
        return method, path
    return (row.methods[1] if row.methods is not None else method), row.target + path.removeprefix(row.path)


def _is_json(message: Message) -> bool:
    kind = next((value for name, value in message.get("headers", ()) if name.lower() == b"content-type"), b"")
    media = kind.partition(b";")[0].strip().decode("latin-1")
    return media in {"application/json", problems.MEDIA_TYPE}
