"""Which headers a webhook may add to its deliveries, and what their names and values may hold."""

from __future__ import annotations

import re
from typing import Final

MAXIMUM_VALUE_LENGTH: Final = 4096

# RFC 9110 sections 5.1 and 5.6.2: a name is a token.
_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}", re.ASCII)
# RFC 9110 section 5.5 without obs-text: visible ASCII with inner spaces and tabs.
_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?", re.ASCII)

_HOP_BY_HOP: Final = "It belongs to the connection, not to the message (RFC 9110 section 7.6.1)."
_SET_BY_US: Final = "Crossdock sets it on every delivery."
_SIGNATURE: Final = "Names of signature headers are reserved, so that a receiver can trust them."
_FRAMING: Final = "It describes the body, which Crossdock writes."
_ORIGIN: Final = "It says where a request comes from, which a receiver may rely on."

_FORBIDDEN: Final = {
    **dict.fromkeys(
        ("connection", "keep-alive", "te", "trailer", "trailers", "transfer-encoding", "upgrade", "http2-settings"),
        _HOP_BY_HOP,
    ),
    **dict.fromkeys(("proxy-authenticate", "proxy-authorization", "proxy-connection"), _HOP_BY_HOP),
    **dict.fromkeys(("host", "user-agent", "accept-encoding", "expect", "date"), _SET_BY_US),
    **dict.fromkeys(("forwarded", "via", "x-real-ip", "true-client-ip", "cf-connecting-ip"), _ORIGIN),
}
_FORBIDDEN_PREFIXES: Final = (
    ("content-", _FRAMING),
    ("webhook-", _SIGNATURE),
    ("x-webhook-", _SIGNATURE),
    ("svix-", _SIGNATURE),
    ("x-svix-", _SIGNATURE),
    ("x-crossdock-", _SIGNATURE),
    ("x-forwarded-", _ORIGIN),
    ("sec-", _ORIGIN),
    ("proxy-", _HOP_BY_HOP),
)


def forbidden_header(name: str) -> str | None:
    """Why a webhook may not set this header, or None when it may. Any spelling of the name, `_` for `-` included."""
    # Many servers hand both spellings to the application under one name.
    canonical = name.strip().lower().replace("_", "-")
    reason = _FORBIDDEN.get(canonical)
    if reason is not None:
        return reason
    return next((why for prefix, why in _FORBIDDEN_PREFIXES if canonical.startswith(prefix)), None)


def header_problem(name: str, value: str) -> str | None:
    """What is wrong with a custom header, as a sentence that never repeats its value; None when it may be sent."""
    if _NAME.fullmatch(name) is None:
        return "A header name is 1 to 128 letters, digits or one of ! # $ % & ' * + - . ^ _ ` | ~."
    reason = forbidden_header(name)
    if reason is not None:
        return f"{name} cannot be set. {reason}"
    if "\r" in value or "\n" in value or "\0" in value:
        return f"The value of {name} holds a line break, which would start another header. Write it in one line."
    if len(value) > MAXIMUM_VALUE_LENGTH:
        return f"The value of {name} has {len(value)} characters; {MAXIMUM_VALUE_LENGTH} are accepted."
    if value and _VALUE.fullmatch(value) is None:
        return f"The value of {name} may hold visible ASCII characters, with spaces between them only."
    return None
