"""What the audit routes answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from backend.core.web import ListOut, Out, TailOut


class AuditOut(Out):
    """Who did what to what. `before` and `after` have what changed, without secrets."""

    id: str
    created_at: datetime
    action: str = Field(examples=["api_key.revoked"])
    target_kind: str
    target_id: str
    target_name: str
    actor_kind: str = Field(description="user, key or system")
    actor_id: str
    actor_name: str
    ip: str
    request_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str | None
    sequence: int | None = Field(description="Its number in the sealed chain; null until it is sealed, which takes some seconds.")
    sealed_at: datetime | None


class AuditList(ListOut[AuditOut]):
    """One page of entries, newest first."""


class AuditTail(TailOut[AuditOut]):
    """Entries that were added, oldest first."""
