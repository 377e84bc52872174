"""What a request presents to say who it is: read from its headers and query, judged by its shape alone. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import unquote_plus

from backend.core import tokens
from backend.core.errors import Unauthenticated

MAX_LENGTH: Final = 4096
_QUERY_NAMES: Final = (b"api_key", b"apiKey", b"apikey")
_BEARER: Final = "bearer "
HOW: Final = (
    "Send an API key as `Authorization: Bearer xdk_…` or `X-API-Key: xdk_…`, or a user's access token from POST /api/v1/auth/token."
)


class Kind(StrEnum):
    """What kind of credential it is."""

    KEY = "key"
    ACCESS_TOKEN = "access_token"  # noqa: S105 - the kind's name


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential of good shape, and whether it came in the query."""

    kind: Kind
    text: str
    in_query: bool = False


def read(authorization: bytes | None, api_key: bytes | None, query: bytes) -> Credential | None:
    """The credential of a request: `Authorization` before `X-API-Key` before the query parameter `api_key`; None if there is none.

    Raises `Unauthenticated` with reason `malformed` for one that nobody can have been given.
    """
    if authorization is not None:
        text = authorization.decode("latin-1").strip()
        if text[: len(_BEARER)].lower() != _BEARER:
            raise Unauthenticated(f"The Authorization header is not of the form `Bearer …`. {HOW}", "malformed")
        return _judge(text[len(_BEARER) :].strip(), in_query=False)
    if api_key is not None:
        return _judge(api_key.decode("latin-1").strip(), in_query=False)
    if query and (found := from_query(query)) is not None:
        return _judge(found, in_query=True)
    return None


def from_query(query: bytes) -> str | None:
    """The value of the query parameter `api_key`."""
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if name in _QUERY_NAMES:
            return unquote_plus(value.decode("latin-1")).strip()
    return None


def without_key(query: bytes) -> bytes:
    """`query` without the parameter that carried the key, so that nothing behind the door can record it."""
    return b"&".join(part for part in query.split(b"&") if part.partition(b"=")[0] not in _QUERY_NAMES)


def _judge(text: str, *, in_query: bool) -> Credential:
    if tokens.is_well_formed(text):
        return Credential(Kind.KEY, text, in_query)
    if text.count(".") == 2 and len(text) <= MAX_LENGTH and not in_query:
        return Credential(Kind.ACCESS_TOKEN, text)
    if text.startswith(tokens.API_KEY_PREFIX):
        raise Unauthenticated(
            "This is not a key that was ever issued: its checksum does not fit. Copy it again, whole: xdk_ and 52 characters.",
            "malformed",
        )
    raise Unauthenticated(f"This is neither an API key nor an access token. {HOW}", "malformed")
