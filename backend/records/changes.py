"""Records by when they changed: what has to be told to others since a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_
from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from backend.core import pagination, permissions
from backend.core.actor import Actor
from backend.models import Record
from backend.records import definition
from backend.records.definition import Definition
from backend.records.service import RecordInfo


@dataclass(frozen=True, slots=True)
class Span:
    """Changes after `since` (None: all) and up to `until`; `after` is the last one that is done, as its time and id."""

    since: datetime | None
    until: datetime
    after: tuple[datetime, str] | None = None


def page(session: Session, *, actor: Actor, module: str, span: Span, limit: int) -> list[tuple[datetime, RecordInfo]]:
    """The next records of a span with when each changed, the earliest first. Raises `NotFound`, `Forbidden`."""
    found = definition.of(session, actor.workspace_id, module)
    permissions.require(actor, permissions.RECORDS_READ.of(found.name))
    query = select(Record.updated_at, Record.id, Record.body).where(*_within(found, span))
    rows = session.exec(query.order_by(col(Record.updated_at), col(Record.id)).limit(limit)).all()
    return [(at, RecordInfo(identifier, found.document(body))) for at, identifier, body in rows]


def some(session: Session, *, actor: Actor, module: str, record_ids: Sequence[str]) -> list[RecordInfo]:
    """Those of these records that are there. Raises as `page`."""
    found = definition.of(session, actor.workspace_id, module)
    permissions.require(actor, permissions.RECORDS_READ.of(found.name))
    query = select(Record.id, Record.body).where(
        Record.workspace_id == found.workspace_id, Record.module_id == found.id, col(Record.id).in_(record_ids)
    )
    return [RecordInfo(identifier, found.document(body)) for identifier, body in session.exec(query).all()]


def count(session: Session, *, actor: Actor, module: str, span: Span) -> int:
    """How many records a span has; the count stops one above `pagination.COUNT_CAP`. Raises as `page`."""
    found = definition.of(session, actor.workspace_id, module)
    permissions.require(actor, permissions.RECORDS_READ.of(found.name))
    some: SelectOfScalar[str] = select(Record.id).where(*_within(found, span)).limit(pagination.COUNT_CAP + 1)
    return session.exec(select(func.count()).select_from(some.subquery())).one()


def _within(found: Definition, span: Span) -> list[Any]:
    conditions: list[Any] = [
        Record.workspace_id == found.workspace_id,
        Record.module_id == found.id,
        col(Record.updated_at) <= span.until,
    ]
    if span.since is not None:
        conditions.append(col(Record.updated_at) > span.since)
    if span.after is not None:
        at, identifier = span.after
        conditions.append(or_(col(Record.updated_at) > at, and_(col(Record.updated_at) == at, col(Record.id) > identifier)))
    return conditions
