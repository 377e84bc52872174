"""The audit trail: one entry for each change, inserted in its transaction; found again by who, what and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, or_
from sqlmodel import Session, col, select

from backend.core import bulk, clock, ids, pagination, permissions
from backend.core.actor import Actor
from backend.core.errors import NotFound
from backend.core.pagination import Sought
from backend.models import AuditEntry

ID_PREFIX: Final = "aud"
_MANY: Final = bulk.Insert(
    "audit_entry",
    (
        "id", "created_at", "workspace_id", "action", "target_kind", "target_id", "target_name", "actor_kind", "actor_id", "actor_name",
        "ip", "request_id", "after",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries are meant; None does not restrict. `until` is exclusive; `action` may be the first word of one: `api_key`."""

    action: str | None = None
    target_kind: str | None = None
    target_id: str | None = None
    actor_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One of many entries that are noted together."""

    actor: Actor
    action: str
    target_kind: str
    target_id: str
    target_name: str = ""
    after: dict[str, Any] | None = None


def record_all(session: Session, entries: Sequence[Entry]) -> None:
    """Note many entries as `record` does each, in one statement."""
    connection = session.connection()
    now = bulk.moment(connection, clock.now())
    rows = [
        (
            ids.new(ID_PREFIX),
            now,
            each.actor.workspace_id,
            each.action,
            each.target_kind,
            each.target_id,
            each.target_name[:200],
            each.actor.kind,
            each.actor.id,
            each.actor.name[:200],
            each.actor.ip,
            each.actor.request_id,
            orjson.dumps(each.after).decode() if each.after is not None else None,
        )
        for each in entries
    ]
    _MANY.run(connection, rows)


def record(
    session: Session,
    *,
    actor: Actor,
    action: str,
    target_kind: str,
    target_id: str,
    target_name: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Note that `actor` did `action` (`api_key.revoked`) to a thing. The caller leaves secrets out of `before` and `after`."""
    session.add(
        AuditEntry(
            id=ids.new(ID_PREFIX),
            workspace_id=actor.workspace_id,
            action=action,
            target_kind=target_kind,
            target_id=target_id,
            target_name=target_name[:200],
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_name=actor.name[:200],
            ip=actor.ip,
            request_id=actor.request_id,
            before=before,
            after=after,
            reason=reason,
        )
    )


def list_entries(
    session: Session, *, actor: Actor, wanted: AuditFilter, limit: int = pagination.DEFAULT_LIMIT, cursor: str | None = None
) -> pagination.Page[AuditEntry]:
    """Entries of the workspace, newest first, sealed or not. Raises `Invalid`."""
    return pagination.sift(session, sought(actor, wanted), limit=limit, cursor=cursor)


def tail_entries(
    session: Session, *, actor: Actor, wanted: AuditFilter, cursor: str, limit: int = pagination.DEFAULT_LIMIT
) -> pagination.Tail[AuditEntry]:
    """What was added since `cursor`, oldest first. Raises `Invalid`."""
    return pagination.follow(session, sought(actor, wanted), limit=limit, cursor=cursor)


def sought(actor: Actor, wanted: AuditFilter) -> Sought[AuditEntry]:
    """The entries that a filter means."""
    permissions.require(actor, permissions.AUDIT_READ)
    query = select(AuditEntry).where(AuditEntry.workspace_id == actor.workspace_id)
    if wanted.target_id:
        query = query.where(AuditEntry.target_id == wanted.target_id)
    query = query.where(*pagination.between(col(AuditEntry.id), ID_PREFIX, wanted.since, wanted.until))
    q, action = (wanted.q or "").strip(), col(AuditEntry.action)
    conditions = [
        *([or_(action == wanted.action, action.startswith(f"{wanted.action}.", autoescape=True))] if wanted.action else []),
        *([col(AuditEntry.target_kind) == wanted.target_kind] if wanted.target_kind else []),
        *([col(AuditEntry.actor_id) == wanted.actor_id] if wanted.actor_id else []),
        *([_matches(q)] if q else []),
    ]
    return Sought(query, conditions, col(AuditEntry.id), ID_PREFIX)


def get_entry(session: Session, *, actor: Actor, entry_id: str) -> AuditEntry:
    """One entry of the workspace. Raises `NotFound`."""
    permissions.require(actor, permissions.AUDIT_READ)
    found = session.exec(select(AuditEntry).where(AuditEntry.workspace_id == actor.workspace_id, AuditEntry.id == entry_id)).first()
    if found is None:
        raise NotFound(f"There is no audit entry {entry_id} in this workspace. GET /api/v1/logs/audit lists them.")
    return found


def changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parts of two descriptions that differ."""
    names = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}


def _matches(q: str) -> ColumnElement[bool]:
    exact = (AuditEntry.id, AuditEntry.target_id, AuditEntry.actor_id, AuditEntry.ip, AuditEntry.request_id)
    texts = (AuditEntry.action, AuditEntry.target_name, AuditEntry.actor_name, AuditEntry.reason)
    return or_(*(col(column) == q for column in exact), *(col(column).icontains(q, autoescape=True) for column in texts))
