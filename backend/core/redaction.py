"""What is taken out before anything of a request is recorded."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, unquote_plus

HIDDEN: Final = "[redacted]"
_SECRET_NAMES: Final = re.compile(
    r"(?:^|[_\-.\[])(?:api[_-]?key|key|token|secret|password|passwd|pwd|auth|authorization|signature|sig|code|state|credentials?|session|jwt)(?:$|[_\-.\]])",
    re.IGNORECASE,
)
_WORD_BREAK: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Values that are secret whatever they are called: our keys and tokens, and JWTs.
_SECRET_VALUES: Final = re.compile(r"(?:xd[a-z]_|whsec_)[0-9A-Za-z+/=]{8,}|\beyJ[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]*")


def query(text: str) -> str:
    """A query string with the values of what is named like a secret, or reads like one, replaced."""
    return "&".join(_parameter(part) for part in text.split("&")) if text else ""


def is_secret_name(name: str) -> bool:
    """Whether a field, header or parameter of this name holds something secret: `api_key`, `accessToken`, `client-secret`."""
    return _SECRET_NAMES.search(_WORD_BREAK.sub("_", name)) is not None


def _parameter(part: str) -> str:
    name, equals, value = part.partition("=")
    if _SECRET_VALUES.search(unquote(name)):
        return HIDDEN
    # A plus is part of base64 here, although forms mean a space by it.
    if equals and (is_secret_name(unquote_plus(name)) or _SECRET_VALUES.search(unquote(value))):
        return f"{name}={HIDDEN}"
    return part
