"""Shapes of the secrets that are handed out: API keys with a checksum, and prefixed random tokens."""

from __future__ import annotations

import re
import secrets
import zlib
from typing import Final

BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
API_KEY_PREFIX: Final = "xdk_"
API_KEY_RANDOM_LENGTH: Final = 46
CHECKSUM_LENGTH: Final = 6
API_KEY_LENGTH: Final = len(API_KEY_PREFIX) + API_KEY_RANDOM_LENGTH + CHECKSUM_LENGTH
DISPLAY_PREFIX_LENGTH: Final = len(API_KEY_PREFIX) + 4

API_KEY_PATTERN: Final = r"xdk_[0-9A-Za-z]{52}"
"""The published expression by which leak scanners find API keys in text."""

_API_KEY: Final = re.compile(API_KEY_PATTERN, re.ASCII)


def base62(number: int, length: int) -> str:
    """`number` in base 62 (digits 0-9A-Za-z), most significant first, zero-padded to `length`."""
    digits: list[str] = []
    while number:
        number, digit = divmod(number, 62)
        digits.append(BASE62[digit])
    return "".join(reversed(digits)).rjust(length, "0")


def checksum(text: str) -> str:
    """CRC-32 of an ASCII text as six base62 characters, the form that GitHub's tokens made common."""
    return base62(zlib.crc32(text.encode("ascii")), CHECKSUM_LENGTH)


def new_api_key() -> str:
    """A new API key: `xdk_`, 46 random base62 characters (273 bits), and the checksum of all before it."""
    body = API_KEY_PREFIX + "".join(secrets.choice(BASE62) for _ in range(API_KEY_RANDOM_LENGTH))
    return body + checksum(body)


def is_well_formed(token: str) -> bool:
    """Whether `token` has the shape and the checksum of an API key. Costs no look-up; any text may be given."""
    if len(token) != API_KEY_LENGTH or _API_KEY.fullmatch(token) is None:
        return False
    return checksum(token[:-CHECKSUM_LENGTH]) == token[-CHECKSUM_LENGTH:]


def display_prefix(token: str) -> str:
    """The part of an API key that may be stored and shown: `xdk_` and four of its 46 random characters."""
    return token[:DISPLAY_PREFIX_LENGTH]


def last4(token: str) -> str:
    """The last four characters of a token, for display."""
    return token[-4:]


def new_secret(prefix: str, nbytes: int = 32) -> str:
    """`prefix` and `nbytes` random bytes in base62, which a double click selects whole.

    For session ids, set-up tokens, invitations and incoming webhooks' tokens. Raises `ValueError` below 16 bytes.
    """
    if nbytes < 16:
        raise ValueError(f"{nbytes} random bytes can be guessed; ask for 16 at least.")
    # 62 ** n >= 256 ** nbytes, so every value has the same length.
    length = next(n for n in range(nbytes, 2 * nbytes) if 62**n >= 256**nbytes)
    return prefix + base62(int.from_bytes(secrets.token_bytes(nbytes), "big"), length)
