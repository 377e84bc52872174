"""Requests as they are kept: sealed, bounded, opened again for a replay, and shown with their secrets cut out."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast
from urllib.parse import urlsplit

import orjson

from backend.core import crypto, redaction, texts
from backend.incoming import bodies
from backend.incoming.received import Received
from backend.incoming.schemes import Scheme, Verification
from backend.models import IncomingRequest
from backend.settings import settings

MAX_HEADERS: Final = 100
MAX_HEADER: Final = 4096
MAX_SHOWN: Final = 64 * 1024
MAX_DEPTH: Final = 60
UNREADABLE: Final = "[masked: the body cannot be read, so what is personal in it cannot be told apart]"
PATH: Final = "/api/v1/webhooks/incoming"
_SECRET_HEADERS: Final = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
_UNVERIFIED: Final = Verification(Scheme.NONE)
# Of one request alone, and what is looked at first when a source is refused.
_SIGNED: Final = re.compile(r"signature|hmac|idempotency")


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as it arrived at the address that `token` makes. `fault` says why there is nothing of a body of `size` bytes."""

    token: str = field(repr=False)
    method: str
    query: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    ip: str
    request_id: str
    at: datetime
    size: int = 0
    fault: str = ""

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


def seal(identifier: str, arrival: Arrival, verification: Verification = _UNVERIFIED, *, refused: bool = False) -> str:
    """Headers and body under the encryption key, bound to the row, with the name of the header that holds the secret, if one does.

    The token is kept of a refused request alone whose signature covers the address, so that it can be verified anew after a fix.
    """
    head: dict[str, Any] = {"method": arrival.method, "query": arrival.query, "headers": arrival.headers}
    if verification.header:
        head["secret_header"] = verification.header.lower()
    if refused and verification.signature is not None and verification.signature.is_of_url:
        head["token"] = arrival.token
    return crypto.keyring().encrypt(orjson.dumps(head) + b"\n" + arrival.body, context=f"incoming_request:{identifier}")


def open_sealed(row: IncomingRequest) -> Received:
    """The request as it arrived; without an address if the token is not kept. Raises `CryptoError`."""
    kept, body = _opened(row)
    urls = addresses(f"{PATH}/{kept['token']}", kept["query"]) if "token" in kept else ()
    return _received(row, kept, body, urls)


def _opened(row: IncomingRequest) -> tuple[dict[str, Any], bytes]:
    head, _, body = crypto.keyring().decrypt(row.sealed, context=f"incoming_request:{row.id}").partition(b"\n")
    return orjson.loads(head), body


def _received(row: IncomingRequest, kept: dict[str, Any], body: bytes, urls: tuple[str, ...] = ()) -> Received:
    headers = tuple((name, value) for name, value in kept["headers"])
    return Received(kept["method"], urls, headers, body, row.created_at.timestamp())


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


def show(row: IncomingRequest, *, secret_header: str = "", hide: Callable[[Any], Any] | None = None) -> Shown:
    """The request with everything secret in it cut out: by the names of headers and fields, and by shape.

    `hide` takes out of a payload what is personal; of a body that cannot be read nothing is shown then.
    """
    kept, content = _opened(row)
    request = _received(row, kept, content)
    secret_headers = {secret_header.lower(), kept.get("secret_header", "")}
    headers = [(texts.storable(name), _header(name, value, secret_headers)) for name, value in request.headers]
    value = bodies.parse(request)
    payload = None if isinstance(value, bodies.Unreadable) else redacted(value)
    body, encoding = _text(request)
    bare = payload if hide is None else hide(payload)
    if payload is not None and (_names_secrets(value) or bare != payload):
        body, encoding = json.dumps(bare, indent=2, ensure_ascii=False), "text"
    if isinstance(value, bodies.Unreadable) and hide is not None and body:
        body, encoding = UNREADABLE, "text"
    query = redaction.query(kept["query"])
    return Shown(request.method, query, headers, body[:MAX_SHOWN], encoding, len(body) > MAX_SHOWN, bare)


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
    """Whether a member of a payload is a secret: a text or a number, or a list of such, that is named like one."""
    some = cast("list[Any]", value) if isinstance(value, list) else [value]
    is_plain = bool(some) and all(isinstance(each, str | int | float) and not isinstance(each, bool) for each in some)
    return is_plain and redaction.is_secret_member(name)


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


def _header(name: str, value: str, secret_headers: set[str]) -> str:
    if name in _SECRET_HEADERS or name in secret_headers or (redaction.is_secret_name(name) and _SIGNED.search(name) is None):
        return redaction.HIDDEN
    return texts.storable(redaction.text(value))


def _text(request: Received) -> tuple[str, str]:
    try:
        text = request.body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(request.body).decode(), "base64"
    if request.header("content-type").startswith("application/x-www-form-urlencoded"):
        return redaction.query(texts.storable(text)), "text"
    return redaction.text(redaction.members(texts.storable(text))), "text"
