"""Whether a key may pass, decided in one order: status, expiry, address, scope. Pure; the door and the access check share it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from backend.core import clock
from backend.core.actor import Actor, ActorKind
from backend.core.errors import CrossdockError, Forbidden, Unauthenticated
from backend.core.permissions import Permission, require
from backend.core.rate_limit import Window

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class KeyState(StrEnum):
    """What is stored of a key's status."""

    ACTIVE = "active"
    DISABLED = "disabled"
    REVOKED = "revoked"


class KeyStatus(StrEnum):
    """A key's status as people see it; expired follows from its end."""

    ACTIVE = "active"
    DISABLED = "disabled"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """All that the door needs to know of a key and the secret by which it was recognised."""

    key_id: str
    secret_id: str
    workspace_id: str
    name: str
    state: KeyState
    state_since: datetime | None
    expires_at: datetime | None
    secret_expires_at: datetime | None
    scopes: frozenset[str]
    networks: tuple[Network, ...]
    limits: tuple[Window, ...]
    is_mac_current: bool

    def actor(self, *, ip: str = "", user_agent: str = "", request_id: str = "") -> Actor:
        """The actor that this key is."""
        return Actor(
            ActorKind.KEY,
            self.key_id,
            self.workspace_id,
            name=self.name,
            scopes=self.scopes,
            ip=ip,
            user_agent=user_agent,
            request_id=request_id,
        )


WINDOW_SECONDS: Final = {"per_minute": 60, "per_hour": 3600, "per_day": 86_400}


def windows(per_minute: int | None, per_hour: int | None, per_day: int | None) -> tuple[Window, ...]:
    """The limits that are set, shortest window first."""
    given = {"per_minute": per_minute, "per_hour": per_hour, "per_day": per_day}
    return tuple(Window(name, limit, WINDOW_SECONDS[name]) for name, limit in given.items() if limit is not None)


def status_of(state: str, expires_at: datetime | None, now: datetime) -> KeyStatus:
    """The status of a key that is stored as `state` and ends at `expires_at`."""
    if state == KeyState.ACTIVE and expires_at is not None and expires_at <= now:
        return KeyStatus.EXPIRED
    return KeyStatus(state)


def refusal_of_key(record: KeyRecord, *, now: datetime) -> CrossdockError | None:
    """Why the key itself may not pass now: `reason` is revoked, disabled, expired or replaced."""
    if record.state is KeyState.REVOKED:
        return Unauthenticated(f"This API key was revoked{_since(record)}. Ask its owner for a new one.", "revoked")
    if record.state is KeyState.DISABLED:
        return Unauthenticated(f"This API key is disabled{_since(record)}. Ask its owner to enable it.", "disabled")
    if record.expires_at is not None and record.expires_at <= now:
        when = clock.rfc3339(record.expires_at)
        return Unauthenticated(f"This API key expired at {when}. Ask its owner for a new one or a later end.", "expired")
    if record.secret_expires_at is not None and record.secret_expires_at <= now:
        when = clock.rfc3339(record.secret_expires_at)
        return Unauthenticated(f"This API key was replaced, and the old one ended at {when}. Use the new one.", "replaced")
    return None


def refusal_of_address(record: KeyRecord, ip: str) -> CrossdockError | None:
    """Why the key may not be used from `ip`; an address that cannot be read is on no list."""
    if not record.networks or _is_listed(record.networks, ip):
        return None
    return Forbidden(
        f"This API key may not be used from {ip or 'an unknown address'}. Call from an address on its allowlist, or add this one.",
        reason="ip",
    )


def refusal_of_scope(actor: Actor, permission: Permission) -> CrossdockError | None:
    """Why the actor may not do what `permission` stands for."""
    try:
        require(actor, permission)
    except Forbidden as refusal:
        return refusal
    return None


def _is_listed(networks: tuple[Network, ...], ip: str) -> bool:
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


def _since(record: KeyRecord) -> str:
    return f" at {clock.rfc3339(record.state_since)}" if record.state_since is not None else ""
