"""The session's cookie: `__Host-` bound, HttpOnly, Secure, SameSite=Lax (RFC 6265bis, section 4.1.3.2)."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from http.cookies import CookieError, SimpleCookie

NAME = "__Host-crossdock"
_ATTRIBUTES = "Path=/; HttpOnly; Secure; SameSite=Lax"


def read(cookie_header: str) -> str:
    """The session token in a raw Cookie header, an empty text if there is none."""
    try:
        morsel = SimpleCookie(cookie_header).get(NAME)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def issue(token: str, expires_at: datetime) -> str:
    """The Set-Cookie value that signs in."""
    return f"{NAME}={token}; Expires={format_datetime(expires_at, usegmt=True)}; {_ATTRIBUTES}"


def clear() -> str:
    """The Set-Cookie value that signs out."""
    return f"{NAME}=; Max-Age=0; {_ATTRIBUTES}"
