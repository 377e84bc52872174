"""What the browser is told of API keys; nothing of it is secret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from backend.api_keys import service as api_keys
from backend.api_keys.access import Standing
from backend.api_keys.usage import SecretUsage
from backend.models import ApiKey, ApiKeySecret
from console import words

_MOST_PLACES: Final = 3


@dataclass
class KeyRow:
    """A key in the list."""

    id: str
    name: str
    masked: str
    status: str
    scopes: str
    limits: str
    last_used: str
    requests: str


@dataclass
class DueRow:
    """A key that somebody should look at, and why."""

    id: str
    name: str
    kind: str
    sentence: str


@dataclass
class SecretRow:
    """One secret of a key, and who uses it."""

    id: str
    masked: str
    is_newest: bool
    created: str
    ends: str
    last_used: str
    last_ip: str
    last_agent: str
    requests: str
    places: str


@dataclass
class LimitRow:
    """How much of one limit is used now."""

    window: str
    used: str
    percent: float
    tone: str
    resets: str


@dataclass
class UseRow:
    """A route or an address, and how often it was used."""

    name: str
    total: str
    hint: str


@dataclass
class KeyDetail:
    """A key on its own page."""

    id: str = ""
    name: str = ""
    description: str = ""
    status: str = "active"
    sentence: str = ""
    scopes: list[str] = field(default_factory=list)
    limits: str = ""
    per_minute: str = ""
    per_hour: str = ""
    per_day: str = ""
    allowed_ips: list[str] = field(default_factory=list)
    allowed_ips_text: str = ""
    expires: str = ""
    expires_date: str = ""
    rotate_every: str = ""
    metadata: str = ""
    owner: str = ""
    owner_id: str = ""
    created: str = ""
    updated: str = ""
    last_used: str = ""
    last_ip: str = ""
    last_agent: str = ""
    requests: str = ""


def masked(secrets: Sequence[ApiKeySecret | SecretUsage]) -> str:
    """`xdk_Ab3x…9fQ2` of the newest secret."""
    return f"{secrets[0].prefix}…{secrets[0].last4}" if secrets else "–"


def limits_text(key: ApiKey) -> str:
    """`100 a minute, 5,000 a day`."""
    given = ((key.limit_per_minute, "minute"), (key.limit_per_hour, "hour"), (key.limit_per_day, "day"))
    return ", ".join(f"{limit:,} a {unit}" for limit, unit in given if limit is not None) or "No limit"


def key_row(key: ApiKey, secrets: Sequence[ApiKeySecret], now: datetime) -> KeyRow:
    """A row of the list."""
    shown = ", ".join(key.scopes[:2])
    return KeyRow(
        id=key.id,
        name=key.name,
        masked=masked(secrets),
        status=api_keys.effective_status(key, now).value,
        scopes=f"{shown} +{len(key.scopes) - 2}" if len(key.scopes) > 2 else shown,
        limits=limits_text(key),
        last_used=words.moment(key.last_used_at),
        requests=words.number(key.request_count),
    )


def key_detail(key: ApiKey, metadata: str, owner: str, now: datetime) -> KeyDetail:
    """All of a key."""
    status = api_keys.effective_status(key, now).value
    return KeyDetail(
        id=key.id,
        name=key.name,
        description=key.description,
        status=status,
        sentence=_sentence(key, status, now),
        scopes=list(key.scopes),
        limits=limits_text(key),
        per_minute=str(key.limit_per_minute or ""),
        per_hour=str(key.limit_per_hour or ""),
        per_day=str(key.limit_per_day or ""),
        allowed_ips=list(key.allowed_ips),
        allowed_ips_text="\n".join(key.allowed_ips),
        expires=words.moment(key.expires_at),
        expires_date=key.expires_at.date().isoformat() if key.expires_at else "",
        rotate_every=str(key.rotate_every_days or ""),
        metadata=metadata,
        owner=owner,
        owner_id=key.owner_id or "",
        created=words.moment(key.created_at),
        updated=words.moment(key.updated_at),
        last_used=words.moment(key.last_used_at),
        last_ip=key.last_used_ip or "",
        last_agent=key.last_used_user_agent or "",
        requests=words.number(key.request_count),
    )


def due_row(found: api_keys.Due) -> DueRow:
    """A key of the list of what is due, with the most pressing reason and how many more there are."""
    first, more = found.reasons[0], len(found.reasons) - 1
    return DueRow(found.key.id, found.key.name, first.kind.value, f"{first.sentence}{f' And {more} more.' if more else ''}")


def secret_rows(secrets: Sequence[SecretUsage]) -> list[SecretRow]:
    """The secrets that still work, newest first."""
    return [
        SecretRow(
            id=secret.id,
            masked=masked([secret]),
            is_newest=number == 0,
            created=words.moment(secret.created_at),
            ends=words.moment(secret.expires_at),
            last_used=words.moment(secret.last_used_at),
            last_ip=secret.last_used_ip or "",
            last_agent=secret.last_used_user_agent or "",
            requests=words.number(secret.request_count),
            places=", ".join(f"{place.ip} ({words.number(place.total)})" for place in secret.addresses[:_MOST_PLACES]),
        )
        for number, secret in enumerate(secrets)
    ]


def limit_row(standing: Standing) -> LimitRow:
    """A bar of the key's standing."""
    used = standing.limit - standing.remaining
    share = 100 * used / standing.limit if standing.limit else 0.0
    return LimitRow(
        window=standing.window.removeprefix("per_").capitalize(),
        used=f"{used:,} of {standing.limit:,}",
        percent=round(share, 1),
        tone="red" if share >= 100 else "amber" if share >= 80 else "accent",
        resets=words.moment(standing.resets_at),
    )


def _sentence(key: ApiKey, status: str, now: datetime) -> str:
    if status == "revoked":
        return "Revoked for good. Every request with it is refused."
    if status == "disabled":
        return "Disabled. Requests with it are refused until it is enabled again."
    if status == "expired":
        return "Expired. Give it a later end under Settings to accept it again."
    if key.expires_at and (key.expires_at - now).days < 14:
        return f"Expires in {words.span((key.expires_at - now).total_seconds())}. Give it a later end, or hand out another in time."
    if key.last_used_at is None:
        return "Not used yet."
    return ""
