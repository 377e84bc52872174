"""Requests as the door notes them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from backend.core import clock, ids
from backend.core.actor import Actor
from backend.logs.batches import RequestEntry


def entry(actor: Actor | None, *, caller: str = "", started_at: datetime | None = None, **values: Any) -> RequestEntry:
    """An accepted request of `actor` (None: of nobody known), or of the key `caller` in its workspace."""
    known = {
        "workspace_id": actor.workspace_id,
        "caller_kind": "key" if caller else actor.kind.value,
        "caller_id": caller or actor.id,
        "route": "GET /api/v1/events",
    } if actor else {}  # fmt: skip
    given = {
        "method": "GET",
        "path": "/api/v1/events",
        "status_code": 200,
        "duration_ms": 7.5,
        "ip": "203.0.113.7",
        "user_agent": "tests/1",
    }
    return RequestEntry(id=ids.new("req"), started_at=started_at or clock.now(), **{**given, **known, **values})
