"""What rules do once the moment in a record's field has come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, select

from backend.core import actor as actors
from backend.core import clock
from backend.models import RecordDue
from backend.records import announcing, definition, writing
from backend.records.definition import Definition
from backend.records.rules import NOW, Rule, When
from backend.records.writing import Stored


def waiting(session: Session, now: datetime, *, limit: int = 100) -> list[RecordDue]:
    """The moments that have come, oldest first."""
    return list(session.exec(select(RecordDue).where(col(RecordDue.due_at) <= now).order_by(col(RecordDue.due_at)).limit(limit)).all())


def forget(session: Session, due: RecordDue) -> bool:
    """Delete a moment; whether it was there."""
    gone = delete(RecordDue).where(col(RecordDue.record_id) == due.record_id, col(RecordDue.field) == due.field)
    return session.exec(gone.where(col(RecordDue.due_at) == due.due_at)).rowcount > 0


def act(session: Session, due: RecordDue) -> None:
    """Do what the rules say about a record at this moment, once. Nothing if the moment was moved, or the record is gone."""
    module = definition.by_id(session, due.workspace_id, due.module_id)
    stored = writing.locked(session, module, due.record_id) if module is not None else None
    if not forget(session, due) or module is None or stored is None:
        return
    if stored.values.get(due.field) != clock.rfc3339(due.due_at):
        return
    for rule in module.rules:
        if rule.when is When.DUE and rule.field == due.field:
            stored = _apply(session, module, stored, rule)


def _apply(session: Session, module: Definition, stored: Stored, rule: Rule) -> Stored:
    actor = actors.system(module.workspace_id)
    is_ready = all(stored.values.get(key) not in (None, "", []) for key in rule.requires)
    now = clock.rfc3339(clock.now())
    written = rule.set if is_ready else rule.otherwise_set
    after: dict[str, Any] = {**stored.values, **{key: now if value == NOW else value for key, value in written}}
    if after != stored.values:
        body = writing.change(session, module, stored, after)
        announcing.announce(session, module, announcing.UPDATED, stored.id, after, actor=actor, before=stored.values)
        stored = Stored(stored.id, body, after, stored.created_at)
    name = rule.publish if is_ready else rule.otherwise
    if name:
        announcing.publish(session, module, [name], module.data(stored.id, after), actor=actor)
    return stored
