"""What people search events and deliveries by, beyond ids: a value in the payload, the idempotency key, the trace."""

from __future__ import annotations

import json
from typing import Final

from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from backend.models import Event

SEARCHED_EVENTS: Final = 10_000  # the newest, which are looked into


def events_with(workspace_id: str, text: str, *, before_event: str | None = None) -> SelectOfScalar[str]:
    """The ids of events, among the newest 10,000 (before the id `before_event`), that have `text` in them."""
    searched = select(Event.id, Event.body, Event.idempotency_key, Event.trace_id).where(col(Event.workspace_id) == workspace_id)
    if before_event is not None:
        searched = searched.where(col(Event.id) < before_event)
    newest = searched.order_by(col(Event.id).desc()).limit(SEARCHED_EVENTS).subquery()
    written = json.dumps(text, ensure_ascii=False)[1:-1]  # as it stands inside the JSON text
    found = or_(newest.c.body.contains(written, autoescape=True), newest.c.idempotency_key == text, newest.c.trace_id == text)
    return select(newest.c.id).where(found)
