"""Finds the addresses of an OAuth 2.0 provider from its metadata (RFC 8414; OpenID Connect Discovery 1.0)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlsplit, urlunsplit

from backend.core import permissions
from backend.core.actor import Actor
from backend.core.egress_calls import Caller, NoAnswer, Request
from backend.core.errors import FieldError, Invalid
from backend.integrations import drafts
from backend.integrations.connection import policy

_WELL_KNOWN: Final = "/.well-known/"
_NAMES: Final = ("oauth-authorization-server", "openid-configuration")
_LONGEST: Final = 400
_ADDRESS: Final = re.compile(r"https?://[^\s\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Discovered:
    """What a provider says of itself; an address that it does not name is empty."""

    issuer: str
    authorization_address: str
    token_address: str
    revocation_address: str
    test_address: str
    scopes: tuple[str, ...]
    pkce: bool


def discover(*, actor: Actor, url: str) -> Discovered:
    """The metadata of the provider whose issuer `url` is, or whose metadata is there. Called with no transaction open.

    Raises `Invalid` where there is none, or where it names another issuer than the one that was asked (RFC 8414, section 3.3).
    """
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        raise _wrong("is no address of a provider.", "Use its issuer, for example https://accounts.example.com.") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise _wrong("is no address of a provider.", "Use its issuer, for example https://accounts.example.com.")
    told = "There is no metadata at"
    with Caller(policy()) as caller:
        for issuer, address in _places(url.strip()):
            try:
                reply = caller.send(Request(method="GET", url=address, headers={"accept": "application/json"}))
            except NoAnswer as error:
                told = f"{error}"
                continue
            document = reply.json()
            if reply.status == 200 and isinstance(document, dict):
                return _read(cast("dict[str, Any]", document), issuer)
    raise _wrong(f"leads to no metadata. {told}".strip(), "Fill in the addresses from the provider's documentation.")


def _places(url: str) -> Iterator[tuple[str, str]]:
    """The issuers that may be meant, each with where its metadata would be, likeliest first."""
    if _WELL_KNOWN in url:
        parts = urlsplit(url)
        before, _, after = parts.path.partition(_WELL_KNOWN)
        name, _, path = after.partition("/")
        place = before if name == "openid-configuration" and before else f"/{path}" if path else before
        yield urlunsplit((parts.scheme, parts.netloc, place.rstrip("/"), "", "")), url
        return
    issuer = url.rstrip("/")
    parts = urlsplit(issuer)
    for name in _NAMES:
        yield issuer, urlunsplit((parts.scheme, parts.netloc, f"{_WELL_KNOWN}{name}{parts.path}", "", ""))
        if parts.path:
            yield issuer, f"{issuer}{_WELL_KNOWN}{name}"


def _read(document: dict[str, Any], issuer: str) -> Discovered:
    named = _text(document, "issuer")
    if named.rstrip("/") != issuer.rstrip("/"):
        raise _wrong(f"has metadata of another issuer: {named[:120]!r}.", "Use the issuer's own address.")
    authorization, token = _text(document, "authorization_endpoint"), _text(document, "token_endpoint")
    if not authorization or not token:
        raise _wrong("has metadata without an authorization or token endpoint.", "Fill in the addresses by hand.")
    methods = document.get("code_challenge_methods_supported")
    return Discovered(
        issuer=named,
        authorization_address=authorization,
        token_address=token,
        revocation_address=_text(document, "revocation_endpoint"),
        test_address=_text(document, "userinfo_endpoint"),
        scopes=tuple(_scopes(document)),
        pkce=isinstance(methods, list) and "S256" in methods,
    )


def _scopes(document: dict[str, Any]) -> list[str]:
    found = document.get("scopes_supported")
    told = cast("list[Any]", found)[:100] if isinstance(found, list) else []
    return [each for each in told if isinstance(each, str) and drafts.SCOPE.fullmatch(each)]


def _text(document: dict[str, Any], name: str) -> str:
    found = document.get(name)
    return found if isinstance(found, str) and len(found) <= _LONGEST and _ADDRESS.fullmatch(found) else ""


def _wrong(message: str, fix: str) -> Invalid:
    return Invalid(FieldError("url", message, fix))
