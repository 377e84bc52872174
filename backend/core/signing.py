"""Signatures of outgoing webhooks: their secrets, and every header of a delivery.

Two schemes travel together. Standard Webhooks 1.0 signs `id.timestamp.body` with the decoded bytes of the secret. The
older `X-Webhook-Signature` signs the raw body with the UTF-8 of the whole secret text, prefix included.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the public prefix, not a secret
MINIMUM_KEY_BYTES: Final = 24
MAXIMUM_KEY_BYTES: Final = 64
MAXIMUM_SECRET_LENGTH: Final = 256
_NEW_SECRET_BYTES: Final = 32
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII)


class SignatureStyle(StrEnum):
    """How `X-Webhook-Signature` is written: bare hex digits, or with `sha256=` before them."""

    HEX = "hex"
    SHA256 = "sha256"


class BadWebhookSecret(ValueError):
    """A webhook secret that a caller gave cannot be used; the text says what would do, and never repeats the secret."""


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """A secret as it was handed out, and the bytes that key the Standard Webhooks signature."""

    text: str = field(repr=False)
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the headers of one attempt say. `timestamp` is unix seconds of this attempt, `attempt` counts from 1.

    `is_replay` marks what somebody had sent again, for receivers that treat it otherwise.
    """

    event_id: str
    event_type: str
    delivery_id: str
    attempt: int
    timestamp: int
    is_replay: bool = False


def new_webhook_secret() -> str:
    """A new secret: `whsec_` and the base64 of 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(os.urandom(_NEW_SECRET_BYTES)).decode()


@lru_cache(maxsize=1024)
def parse_secret(text: str) -> WebhookSecret:
    """The secret with its key. Raises `BadWebhookSecret`.

    A secret with the prefix `whsec_` must be base64 of 24 to 64 bytes (Standard Webhooks 1.0, "Signature scheme"). One
    that a caller brings from another system may be any printable ASCII text of 24 to 256 characters. Its key is what the
    official libraries make of it, the bytes decoded from base64; if it is no base64, which they refuse as text, the key
    is its UTF-8, and a receiver hands their constructor those bytes.
    """
    if not text.isascii() or not text.isprintable() or " " in text:
        raise BadWebhookSecret("A webhook secret is made of printable ASCII characters without spaces.")
    if not text.startswith(SECRET_PREFIX):
        if not MINIMUM_KEY_BYTES <= len(text) <= MAXIMUM_SECRET_LENGTH:
            raise BadWebhookSecret(f"The secret has {len(text)} characters; {MINIMUM_KEY_BYTES} to {MAXIMUM_SECRET_LENGTH} are accepted.")
        return WebhookSecret(text, _decode(text) or text.encode())
    key = _decode(text.removeprefix(SECRET_PREFIX))
    if key is None:
        raise BadWebhookSecret("What follows whsec_ is not base64. Copy the whole secret, or leave it out to get one.")
    if not MINIMUM_KEY_BYTES <= len(key) <= MAXIMUM_KEY_BYTES:
        raise BadWebhookSecret(f"The secret holds {len(key)} bytes; {MINIMUM_KEY_BYTES} to {MAXIMUM_KEY_BYTES} are needed after decoding.")
    return WebhookSecret(text, key)


def _decode(text: str) -> bytes | None:
    """Bytes of standard base64, padded or not; None when it is something else."""
    if _BASE64.fullmatch(text) is None:
        return None
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        return None


def standard_signature(key: bytes, event_id: str, timestamp: int | str, body: bytes) -> str:
    """One Standard Webhooks signature: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`."""
    digest = hmac.digest(key, f"{event_id}.{timestamp}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(digest).decode()


def older_signature(secret: str, body: bytes, style: SignatureStyle = SignatureStyle.HEX) -> str:
    """The value of `X-Webhook-Signature`: HMAC-SHA256 of the raw body, keyed with the UTF-8 of the whole secret."""
    digest = hmac.digest(secret.encode(), body, "sha256").hex()
    return f"sha256={digest}" if style is SignatureStyle.SHA256 else digest


def delivery_headers(
    delivery: Delivery,
    body: bytes,
    *,
    secrets: Sequence[str],
    style: SignatureStyle = SignatureStyle.HEX,
    user_agent: str,
    custom: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """All headers of one attempt; the signed ones win over `custom`, whatever its names are.

    `secrets` holds the current secret and, while a rotation overlaps, the previous one after it. `webhook-signature`
    then lists a signature of each, and `X-Webhook-Signature`, which holds one value, keeps the previous secret's.
    Raises `BadWebhookSecret` and, without any secret, `ValueError`.
    """
    if not secrets:
        raise ValueError("A delivery is signed with one secret at least.")
    parsed = [parse_secret(secret) for secret in secrets]
    timestamp = str(delivery.timestamp)
    ours = {
        "Content-Type": "application/json",
        "User-Agent": user_agent,
        "webhook-id": delivery.event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(standard_signature(secret.key, delivery.event_id, timestamp, body) for secret in parsed),
        "X-Webhook-Signature": older_signature(parsed[-1].text, body, style),
        "X-Webhook-Event": delivery.event_type,
        "X-Webhook-Delivery": delivery.delivery_id,
        "X-Webhook-Timestamp": timestamp,
        "X-Webhook-Attempt": str(delivery.attempt),
    }
    if delivery.is_replay:
        ours["X-Webhook-Replay"] = "true"
    if not custom:
        return ours
    taken = {name.lower() for name in ours}
    return {name: value for name, value in custom.items() if name.lower() not in taken} | ours
