"""How a key is used: over time, by outcome, by route, by address, and where it stands against its limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from backend.api_keys import access, service
from backend.api_keys.access import Standing
from backend.core import permissions
from backend.core.actor import Actor
from backend.logs import usage as requests
from backend.logs.usage import AddressUsage, RouteUsage, UsagePoint
from backend.models import ApiKey


@dataclass(frozen=True, slots=True)
class KeyStats:
    """The last 24 hours of a key, and all of its requests."""

    requests_total: int
    requests_24h: int
    errors_24h: int
    limited_24h: int
    p95_ms: float | None


@dataclass(frozen=True, slots=True)
class SecretUsage:
    """A secret of a key that still works, and from where it was used among the key's latest thousand requests."""

    id: str
    prefix: str
    last4: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    last_used_ip: str | None
    last_used_user_agent: str | None
    request_count: int
    addresses: list[AddressUsage]


@dataclass(frozen=True, slots=True)
class KeyUsage:
    """The use of a key since a time."""

    since: datetime
    total: int
    ok: int
    client_error: int
    limited: int
    server_error: int
    p50_ms: float | None
    p95_ms: float | None
    points: list[UsagePoint]
    routes: list[RouteUsage]
    addresses: list[AddressUsage]
    secrets: list[SecretUsage]
    limits: list[Standing]


def stats(session: Session, *, actor: Actor, key: ApiKey) -> KeyStats:
    """The key's last 24 hours in five numbers."""
    permissions.require(actor, permissions.API_KEYS_READ)
    day = requests.read(session, workspace_id=actor.workspace_id, caller_id=key.id)
    return KeyStats(key.request_count, day.total, day.client_error + day.server_error, day.limited, day.p95_ms)


def read(session: Session, *, actor: Actor, key_id: str, hours: int = 24) -> KeyUsage:
    """The key's last `hours` (1 to 720). Raises `NotFound`."""
    key = service.get(session, actor=actor, key_id=key_id)
    whose = {"workspace_id": actor.workspace_id, "caller_id": key.id}
    found = requests.read(session, **whose, hours=hours)
    return KeyUsage(
        since=found.since,
        total=found.total,
        ok=found.ok,
        client_error=found.client_error,
        limited=found.limited,
        server_error=found.server_error,
        p50_ms=found.p50_ms,
        p95_ms=found.p95_ms,
        points=found.points,
        routes=requests.by_route(session, **whose, hours=hours),
        addresses=requests.by_address(session, **whose),
        secrets=_secrets(session, actor, key),
        limits=access.standings(session, actor=actor, key_id=key.id),
    )


def _secrets(session: Session, actor: Actor, key: ApiKey) -> list[SecretUsage]:
    """Two while a rotation overlaps: which of them is still used, and from where."""
    uses = requests.by_secret(session, workspace_id=actor.workspace_id, caller_id=key.id)
    secrets = service.secrets_by_key(session, actor=actor, keys=[key])[key.id]
    return [SecretUsage(**secret.model_dump(include=_SHOWN), addresses=uses.get(secret.id, [])) for secret in secrets]


_SHOWN = {
    "id",
    "prefix",
    "last4",
    "created_at",
    "expires_at",
    "last_used_at",
    "last_used_ip",
    "last_used_user_agent",
    "request_count",
}
