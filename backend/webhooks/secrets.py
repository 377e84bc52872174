"""The secrets of a webhook at rest: its signing secret, the one before it during an overlap, and the values of its headers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import orjson

from backend.core import crypto
from backend.models import Webhook

# Column of an encrypted value, and what its context begins with; the row's id follows. Re-encryption reads this.
CONTEXTS: Final[Mapping[str, str]] = {
    "secret_encrypted": "webhook.secret",
    "previous_secret_encrypted": "webhook.previous_secret",
    "headers_encrypted": "webhook.headers",
}


def encrypt(column: str, webhook_id: str, value: str) -> str:
    """`value` sealed for one column of one webhook."""
    return crypto.keyring().encrypt(value.encode(), context=f"{CONTEXTS[column]}:{webhook_id}")


def encrypt_headers(webhook_id: str, headers: Mapping[str, str]) -> str | None:
    """All custom headers as one sealed value; None if there are none."""
    return encrypt("headers_encrypted", webhook_id, orjson.dumps(dict(headers)).decode()) if headers else None


def current(webhook: Webhook) -> str:
    """The secret that is valid from now on. Raises `crypto.CryptoError` if the stored value cannot be opened."""
    return _open("secret_encrypted", webhook, webhook.secret_encrypted)


def previous(webhook: Webhook, now: datetime) -> str | None:
    """The secret before the last rotation while its overlap lasts, else None."""
    ends = webhook.previous_secret_expires_at
    if webhook.previous_secret_encrypted is None or ends is None or ends <= now:
        return None
    return _open("previous_secret_encrypted", webhook, webhook.previous_secret_encrypted)


def sending_secrets(webhook: Webhook, now: datetime) -> list[str]:
    """The secrets that a delivery is signed with at `now`: the current one first, then the previous one during an overlap.

    The older header holds one value: it takes the last of these, so that it keeps the old secret until the overlap ends.
    """
    before = previous(webhook, now)
    return [current(webhook)] if before is None else [current(webhook), before]


def headers(webhook: Webhook) -> dict[str, str]:
    """The custom headers with their values."""
    if webhook.headers_encrypted is None:
        return {}
    return dict(orjson.loads(_open("headers_encrypted", webhook, webhook.headers_encrypted)))


def _open(column: str, webhook: Webhook, token: str) -> str:
    return crypto.keyring().decrypt(token, context=f"{CONTEXTS[column]}:{webhook.id}").decode()
