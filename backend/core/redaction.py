"""What is taken out of everything that is recorded or logged: by its name, and by its shape wherever it stands."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import unquote, unquote_plus

HIDDEN: Final = "[redacted]"
_SECRET_NAMES: Final = re.compile(
    r"(?:^|[_\-.\[])(?:api[_-]?key|key|token|secret|password|passwd|pwd|auth|authorization|signature|sig|code|state|credentials?|session|jwt)(?:$|[_\-.\]])",
    re.IGNORECASE,
)
# The same in what others send as a payload, where a state, a code and a key of their own say nothing secret.
_SECRET_MEMBERS: Final = re.compile(
    r"(?:^|[_\-.])(?:(?:api|access|secret|private|signing|encryption)[_-]?key|token|secret|password|passwd|pwd|auth|authorization|signature|credentials?|session|jwt)(?:$|[_\-.])",
    re.IGNORECASE,
)
_MEMBER: Final = re.compile(r"""(["'])([A-Za-z0-9_.-]{1,60})\1(\s*:\s*)(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|[-+0-9.eE]+)""")
# Names of our own log lines; there `key`, `code` and `state` are ids and words of ours.
_SECRET_FIELDS: Final = re.compile(r"(?i)password|secret|token|cookie|authorization|api_?key$|signature|credential")
_WORD_BREAK: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Values that are secret whatever they are called: our keys and tokens, and JWTs.
_SECRET_VALUES: Final = re.compile(r"(?:xd[a-z]_|whsec_)[0-9A-Za-z+/=]{8,}|\beyJ[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]*")

# The same anywhere in a text: the last line of defence, for what other libraries write.
_IN_TEXT: Final = (
    (re.compile(r"\b(xd[a-z]_|wh(?:sec|pk|sk)_)[0-9A-Za-z+/=_-]{8,}"), r"\1…"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[0-9a-z._~+/=-]{8,}"), r"\1 …"),
    (re.compile(r"\beyJ[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+"), "…"),
    (re.compile(r"(?i)(['\"]?\b(?:set-)?cookie['\"]?\s*[:=]\s*)(['\"]).*?\2"), r"\1…"),
    (re.compile(r"(?i)\b((?:__Host-)?crossdock=)[0-9a-z._~+/=-]{8,}"), r"\1…"),
    (re.compile(r"(?i)(\b(?:api_key|apikey|token|secret|password|code|state|client_secret)=)[^&\s'\"]+"), r"\1…"),
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s:@]*:[^/\s@]+@"), r"\1…@"),
)


def text(value: str) -> str:
    """`value` with everything that reads like a key, a token, a cookie or a password cut out."""
    for pattern, replacement in _IN_TEXT:
        value = pattern.sub(replacement, value)
    return value


def keys(value: str) -> str:
    """`value` with every key and token of ours cut out: what a path or a sentence about it needs."""
    pattern, replacement = _IN_TEXT[0]
    return pattern.sub(replacement, value)


def query(value: str, *, hidden: Collection[str] = ()) -> str:
    """A query string with the values replaced of what is named like a secret, reads like one, or is named in `hidden`."""
    if not value:
        return ""
    return "&".join(f"{name}={HIDDEN}" if (name := part.partition("=")[0]) in hidden else _parameter(part) for part in value.split("&"))


def values(value: str, *, shown: Collection[str]) -> str:
    """A query string with every value replaced but those of the parameters `shown`."""
    parts = (query(part) if part.partition("=")[0] in shown else f"{part.partition('=')[0]}={HIDDEN}" for part in value.split("&"))
    return "&".join(parts) if value else ""


def is_secret_name(name: str) -> bool:
    """Whether a field, header or parameter of this name holds something secret: `api_key`, `accessToken`, `client-secret`."""
    return _SECRET_NAMES.search(_WORD_BREAK.sub("_", name)) is not None


def is_secret_member(name: str) -> bool:
    """Whether a member of a payload of somebody else holds something secret: `password`, `accessToken`; not `state`, `postal_code`."""
    return _SECRET_MEMBERS.search(_WORD_BREAK.sub("_", name)) is not None


def members(value: str) -> str:
    """A text that reads like JSON, broken or not, with the values replaced of members that are named like a secret."""

    def replaced(found: re.Match[str]) -> str:
        quote, name, between = found[1], found[2], found[3]
        return f'{quote}{name}{quote}{between}"{HIDDEN}"' if is_secret_member(name) else found[0]

    return _MEMBER.sub(replaced, value)


def is_secret_field(name: str) -> bool:
    """Whether a field of a log line is to be cut whatever its value is."""
    return _SECRET_FIELDS.search(name) is not None


def _parameter(part: str) -> str:
    name, equals, value = part.partition("=")
    if _SECRET_VALUES.search(unquote(name)):
        return HIDDEN
    # A plus is part of base64 here, although forms mean a space by it.
    if equals and (is_secret_name(unquote_plus(name)) or _SECRET_VALUES.search(unquote(value))):
        return f"{name}={HIDDEN}"
    return part
