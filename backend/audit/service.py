"""The audit trail: one entry for each change, inserted in its transaction."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from backend.core import ids
from backend.core.actor import Actor
from backend.models import AuditEntry


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
            id=ids.new("aud"),
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


def changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parts of two descriptions that differ."""
    names = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}
