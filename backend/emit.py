"""Owns `crossdock emit`: publishing one event from the command line, as the system, in a workspace named by a person."""

from __future__ import annotations

import json
from typing import Any, cast

from sqlmodel import Session, col, or_, select

from backend.core import actor, db
from backend.core.errors import FieldError, Invalid
from backend.events import service as events
from backend.models import Workspace


def emit(event_type: str, data: str, *, workspace: str = "", idempotency_key: str | None = None) -> events.Published:
    """Publish `data` (JSON text of an object). Raises `Invalid`, and what publishing raises."""
    try:
        payload: object = json.loads(data)
    except ValueError as error:
        raise Invalid(FieldError("data", f"is not JSON ({error}).", "Quote it: --data '{\"id\": 1}'.")) from None
    if not isinstance(payload, dict):
        raise Invalid(FieldError("data", "is not a JSON object.", "Write it as --data '{\"id\": 1}'."))
    with db.transaction(write=True) as session:
        caller = actor.system(_find(session, workspace).id, "command line")
        command = events.command(actor=caller, type=event_type, data=cast("dict[str, Any]", payload), idempotency_key=idempotency_key)
        return events.publish_all(session, [command])[0]


def _find(session: Session, named: str) -> Workspace:
    query = select(Workspace).order_by(col(Workspace.id)).limit(20)
    if named:
        query = query.where(or_(col(Workspace.id) == named, col(Workspace.name) == named))
    found = session.exec(query).all()
    if len(found) == 1:
        return found[0]
    choices = ", ".join(f"{row.name} ({row.id})" for row in found)
    raise Invalid(
        FieldError(
            "workspace",
            "fits more than one workspace." if found else "is not the name or id of a workspace.",
            f"Give the id of one: {choices}." if found else "`crossdock up` prints the link that makes the first.",
        )
    )
