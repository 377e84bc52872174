"""Owns reading the timelines of all integrations as one log, those of deleted ones too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import or_
from sqlmodel import Session, col, select

from backend.core import pagination, permissions
from backend.core.actor import Actor
from backend.core.errors import NotFound
from backend.core.pagination import Sought
from backend.integrations import queries
from backend.integrations.timeline import EVENT_PREFIX
from backend.models import IntegrationEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which moments are meant; None does not restrict. `until` is exclusive. `q` is part of a sentence or a name, or a moment's id."""

    integration_id: str | None = None
    kind: str | None = None
    failed: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    q: str | None = None


ALL: Final = LogFilter()


def list_moments(
    session: Session, *, actor: Actor, wanted: LogFilter = ALL, limit: int = pagination.DEFAULT_LIMIT, cursor: str | None = None
) -> pagination.Page[IntegrationEvent]:
    """Moments of all timelines, newest first. Looks through a bounded number of rows."""
    return pagination.sift(session, sought(actor, wanted), limit=limit, cursor=cursor)


def tail_moments(
    session: Session, *, actor: Actor, wanted: LogFilter, cursor: str, limit: int = pagination.DEFAULT_LIMIT
) -> pagination.Tail[IntegrationEvent]:
    """What was added since `cursor`, oldest first."""
    return pagination.follow(session, sought(actor, wanted), limit=limit, cursor=cursor)


def get_moment(session: Session, *, actor: Actor, moment_id: str) -> IntegrationEvent:
    """One moment of the workspace. Raises `NotFound`."""
    permissions.require(actor, permissions.LOGS_READ)
    query = select(IntegrationEvent).where(IntegrationEvent.workspace_id == actor.workspace_id, IntegrationEvent.id == moment_id)
    found = session.exec(query).first()
    if found is None:
        raise NotFound("There is no such entry in the log of integrations. It may be older than the log is kept.")
    return found


def sought(actor: Actor, wanted: LogFilter) -> Sought[IntegrationEvent]:
    """The moments that a filter means."""
    permissions.require(actor, permissions.LOGS_READ)
    key, q = col(IntegrationEvent.id), (wanted.q or "").strip()
    query = queries.events(actor.workspace_id, wanted.integration_id)
    query = query.where(*pagination.between(key, EVENT_PREFIX, wanted.since, wanted.until))
    texts = (IntegrationEvent.summary, IntegrationEvent.next_step, IntegrationEvent.actor_name)
    conditions = [
        *([col(IntegrationEvent.kind) == wanted.kind] if wanted.kind else []),
        *([col(IntegrationEvent.ok).is_(not wanted.failed)] if wanted.failed is not None else []),
        *([or_(key == q, *(col(text).icontains(q, autoescape=True) for text in texts))] if q else []),
    ]
    return Sought(query, conditions, key, EVENT_PREFIX)
