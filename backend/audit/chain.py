"""What the chain of audit entries is made of: the text of an entry that is sealed, and the MACs over it and over the head. Pure."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from backend.core.crypto import Keyring, Mac, digest_equal
from backend.models import AuditEntry, AuditHead

_ENTRY: Final = "audit"
_HEAD: Final = "audit-head"
# In this order for good: a sealed entry is verified by the same text.
_SEALED: Final = (
    "sequence", "previous_mac", "id", "workspace_id", "action", "target_kind", "target_id", "target_name", "actor_kind", "actor_id",
    "actor_name", "ip", "request_id", "before", "after", "reason",
)  # fmt: skip


def seal(entry: AuditEntry, keyring: Keyring) -> Mac:
    """The MAC of an entry that has its sequence and the MAC before it."""
    return keyring.mac(_ENTRY, _text(entry))


def is_whole(entry: AuditEntry, keyring: Keyring) -> bool:
    """Whether an entry is what was sealed, under whichever of the configured keys."""
    return _matches(keyring, _ENTRY, _text(entry), entry.mac)


def seal_head(head: AuditHead, keyring: Keyring) -> Mac:
    """The MAC of the place where a chain ends."""
    return keyring.mac(_HEAD, _head_text(head))


def is_head_whole(head: AuditHead, keyring: Keyring) -> bool:
    """Whether the place where a chain ends is what was sealed."""
    return _matches(keyring, _HEAD, _head_text(head), head.mac)


def _matches(keyring: Keyring, label: str, text: bytes, mac: str | None) -> bool:
    return mac is not None and any(digest_equal(each.digest_hex, mac) for each in keyring.macs(label, text))


def _text(entry: AuditEntry) -> bytes:
    values: list[Any] = [getattr(entry, name) for name in _SEALED]
    return _canonical([_moment(entry.created_at), _moment(entry.sealed_at), *values])


def _head_text(head: AuditHead) -> bytes:
    return _canonical([head.workspace_id, head.sequence, head.entry_mac])


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")


def _canonical(values: list[Any]) -> bytes:
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()
