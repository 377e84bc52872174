"""Requests as they are kept: sealed, bounded, opened again for a replay, and shown with their secrets cut out."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast
from urllib.parse import urlsplit

import orjson

from backend.core import crypto, redaction, texts
from backend.incoming import bodies
from backend.incoming.received import Received
from backend.models import IncomingRequest
from backend.settings import settings

MAX_HEADERS: Final = 100
MAX_HEADER: Final = 4096
MAX_SHOWN: Final = 64 * 1024
MAX_DEPTH: Final = 60
PATH: Final = "/api/v1/webhooks/incoming"
_SECRET_HEADERS: Final = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as it arrived at the address that `token` makes."""

    token: str = field(repr=False)
    method: str
    query: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    ip: str
    request_id: str
    at: datetime

    def received(self) -> Received:
        """The same for verification, with the addresses that the source may have called."""
        return Received(self.method, addresses(f"{PATH}/{self.token}", self.query), self.headers, self.body, self.at.timestamp())

    def header(self, name: str) -> str:
        """The first value of a header."""
        return next((value for each, value in self.headers if each == name), "")


def bounded(headers: Sequence[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    """Headers as they are judged and kept."""
    some = headers[:MAX_HEADERS]
    return tuple((name.decode("latin-1").lower()[:200], value.decode("latin-1")[:MAX_HEADER]) for name, value in some)


def addresses(path: str, query: str) -> tuple[str, ...]:
    """The public address of a path, with and without the port where either may have been signed."""
    base = settings().public_url
    tail = path + (f"?{query}" if query else "")
    parts = urlsplit(base)
    port = {"https": 443, "http": 80}.get(parts.scheme)
    other = f"{parts.scheme}://{parts.hostname}" if parts.port else f"{parts.scheme}://{parts.hostname}:{port}"
    return (base + tail, other + tail)


def seal(identifier: str, arrival: Arrival) -> str:
    """Headers and body under the encryption key, bound to the row."""
    head = orjson.dumps({"method": arrival.method, "query": arrival.query, "headers": arrival.headers})
    return crypto.keyring().encrypt(head + b"\n" + arrival.body, context=f"incoming_request:{identifier}")


def open_sealed(row: IncomingRequest) -> Received:
    """The request as it arrived; its address without the token, which is not kept."""
    head, _, body = crypto.keyring().decrypt(row.sealed, context=f"incoming_request:{row.id}").partition(b"\n")
    kept: dict[str, Any] = orjson.loads(head)
    headers = tuple((name, value) for name, value in kept["headers"])
    return Received(kept["method"], addresses(PATH, kept["query"]), headers, body, row.created_at.timestamp())


@dataclass(frozen=True, slots=True)
class Shown:
    """A request as somebody may look at it. `encoding` is text or base64; `payload` is the parsed body, None if it cannot be."""

    method: str
    query: str
    headers: list[tuple[str, str]]
    body: str
    encoding: str
    truncated: bool
    payload: Any


def show(row: IncomingRequest, *, secret_header: str = "") -> Shown:
    """The request with everything secret in it cut out: by the names of headers and fields, and by shape."""
    request = open_sealed(row)
    headers = [(texts.storable(name), _header(name, value, secret_header)) for name, value in request.headers]
    value = bodies.parse(request)
    payload = None if isinstance(value, bodies.Unreadable) else redacted(value)
    body, encoding = _text(request)
    if payload is not None and _names_secrets(value):
        body, encoding = json.dumps(payload, indent=2, ensure_ascii=False), "text"
    query = redaction.query(urlsplit(request.urls[0]).query)
    return Shown(request.method, query, headers, body[:MAX_SHOWN], encoding, len(body) > MAX_SHOWN, payload)


def redacted(value: Any, depth: int = 0) -> Any:
    """A payload that can be shown: the values of what is named like a password or a token replaced, and what is nested beyond 60 levels."""
    if depth > MAX_DEPTH:
        return "…"
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {
            texts.storable(name): redaction.HIDDEN if _is_secret(name, each) else redacted(each, depth + 1) for name, each in fields.items()
        }
    if isinstance(value, list):
        return [redacted(each, depth + 1) for each in cast("list[Any]", value)]
    if isinstance(value, str):
        return texts.storable(redaction.text(value))
    return value if not isinstance(value, int) or abs(value) < 2**63 else str(value)[:100]


def _is_secret(name: str, value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and redaction.is_secret_field(name)


def _names_secrets(value: Any) -> bool:
    """Whether anything in a payload, however deep, is named like a secret."""
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, dict):
            fields = cast("dict[str, Any]", item)
            if any(_is_secret(name, each) for name, each in fields.items()):
                return True
            rest.extend(fields.values())
        elif isinstance(item, list):
            rest.extend(cast("list[Any]", item))
    return False


def _header(name: str, value: str, secret_header: str) -> str:
    if name in _SECRET_HEADERS or (secret_header and name == secret_header.lower()):
        return redaction.HIDDEN
    return texts.storable(redaction.text(value))


def _text(request: Received) -> tuple[str, str]:
    try:
        text = request.body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(request.body).decode(), "base64"
    if request.header("content-type").startswith("application/x-www-form-urlencoded"):
        return redaction.query(texts.storable(text)), "text"
    return redaction.text(texts.storable(text)), "text"
