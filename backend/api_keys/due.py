"""What a key asks of the people who look after it: rotation, an end that comes near, no use, an old secret still in use. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from backend.core import clock
from backend.models import ApiKey, ApiKeySecret

WARN_DAYS: Final = (14, 7, 1)
UNUSED: Final = timedelta(days=90)


class Kind(StrEnum):
    """Why somebody should look at a key."""

    EXPIRING = "expiring"
    ROTATION = "rotation"
    OLD_SECRET = "old_secret"  # noqa: S105 - a word
    UNUSED = "unused"


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is due; `at` is when it is, or since when. The sentence says what to do."""

    kind: Kind
    at: datetime
    sentence: str


def reasons(key: ApiKey, secrets: Sequence[ApiKeySecret], now: datetime) -> list[Reason]:
    """What is due for an active key with these secrets that still work, newest first."""
    found = (_expiring(key, now), _rotation(key, secrets, now), _old_secret(secrets), _unused(key, now))
    return [reason for reason in found if reason is not None]


def warning(key: ApiKey, now: datetime) -> int | None:
    """The last of 14, 7 and 1 days before its end that a key has come to; those that were past when it was made do not count."""
    end = key.expires_at
    if end is None or end <= now:
        return None
    reached = [days for days in WARN_DAYS if end - timedelta(days=days) <= now and key.created_at <= end - timedelta(days=days)]
    return min(reached, default=None)


def rotation_due(key: ApiKey, secrets: Sequence[ApiKeySecret]) -> datetime | None:
    """When the key's newest secret is due to be replaced; None without `rotate_every_days`."""
    if key.rotate_every_days is None or not secrets:
        return None
    return secrets[0].created_at + timedelta(days=key.rotate_every_days)


def unused_since(key: ApiKey, now: datetime) -> datetime | None:
    """Since when the key has not been used, if that is 90 days or more."""
    last = key.last_used_at or key.created_at
    return last if now - last >= UNUSED else None


def _expiring(key: ApiKey, now: datetime) -> Reason | None:
    end = key.expires_at
    if end is None or not now < end <= now + timedelta(days=WARN_DAYS[0]):
        return None
    return Reason(Kind.EXPIRING, end, f"It expires at {clock.rfc3339(end)}. Give it a later end, or its users a new key before.")


def _rotation(key: ApiKey, secrets: Sequence[ApiKeySecret], now: datetime) -> Reason | None:
    at = rotation_due(key, secrets)
    if at is None or at > now:
        return None
    told = f"It is to be rotated every {key.rotate_every_days} days and was not since {clock.rfc3339(secrets[0].created_at)}. Rotate it."
    return Reason(Kind.ROTATION, at, told)


def _old_secret(secrets: Sequence[ApiKeySecret]) -> Reason | None:
    """The secret before the newest, if somebody used it after the newest was made."""
    if len(secrets) < 2:
        return None
    newest, old = secrets[0], secrets[1]
    if old.expires_at is None or old.last_used_at is None or old.last_used_at <= newest.created_at:
        return None
    used = f"was used at {clock.rfc3339(old.last_used_at)} from {old.last_used_ip or 'an unknown address'}"
    told = f"The secret before, {old.prefix}…{old.last4}, {used} and ends at {clock.rfc3339(old.expires_at)}. Give its user the new one."
    return Reason(Kind.OLD_SECRET, old.expires_at, told)


def _unused(key: ApiKey, now: datetime) -> Reason | None:
    since = unused_since(key, now)
    if since is None:
        return None
    told = f"It was not used since {clock.rfc3339(since)}." if key.last_used_at else "It was never used."
    return Reason(Kind.UNUSED, since, f"{told} Revoke it if nobody needs it.")
