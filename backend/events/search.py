"""Events as people look for them: found by id, value, key or trace; what became of each in numbers; who published it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from backend.core import ids, pagination, permissions
from backend.core.actor import Actor, ActorKind
from backend.deliveries import payloads
from backend.models import ApiKey, Delivery, Event, Membership, User

_PREFIX, _DELIVERY = "evt_", "dlv_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which events are meant; None or empty does not restrict. `until` is exclusive.

    `q` is the beginning of an event's or a delivery's id; or a value in the payload, an idempotency key or a trace id, which
    are looked for in the newest 10,000 events.
    """

    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many deliveries of an event stand where, replays counted too; `waiting` includes those being sent."""

    delivered: int = 0
    waiting: int = 0
    retrying: int = 0
    dead: int = 0
    cancelled: int = 0


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who published an event: `kind` is key, user or system. `name` is empty for a member who has left."""

    kind: str
    id: str
    name: str


def matching(workspace_id: str, wanted: Filter) -> SelectOfScalar[Event]:
    """The events of a workspace that a filter means; test sends are not among them."""
    query = select(Event).where(Event.workspace_id == workspace_id, Event.kind == "event")
    if wanted.type:
        query = query.where(Event.type == wanted.type)
    if wanted.since:
        query = query.where(Event.id >= ids.floor("evt", int(wanted.since.timestamp() * 1000)))
    if wanted.until:
        query = query.where(Event.id < ids.floor("evt", int(wanted.until.timestamp() * 1000)))
    if wanted.q and wanted.q.strip():
        query = query.where(_found(workspace_id, wanted.q.strip()))
    return query


def count(session: Session, *, actor: Actor, wanted: Filter) -> pagination.Count:
    """How many events a filter means; stops at 10,000."""
    permissions.require(actor, permissions.EVENTS_READ)
    return pagination.count(session, matching(actor.workspace_id, wanted), col(Event.id))


def tallies(session: Session, *, actor: Actor, events: Sequence[Event]) -> dict[str, Tally]:
    """What became of the deliveries of each of these events of the workspace, by the event's id."""
    permissions.require(actor, permissions.EVENTS_READ)
    if not events:
        return {}
    query = (
        select(Delivery.event_id, Delivery.status, func.count())
        .where(col(Delivery.event_id).in_([event.id for event in events]), col(Delivery.workspace_id) == actor.workspace_id)
        .group_by(col(Delivery.event_id), col(Delivery.status))
    )
    found: dict[str, Counter[str]] = {event.id: Counter() for event in events}
    for event_id, status, number in session.exec(query).all():
        found[event_id]["waiting" if status == "sending" else status] += number
    return {event_id: Tally(**counted) for event_id, counted in found.items()}


def publisher(session: Session, *, actor: Actor, event: Event) -> Publisher:
    """Who published an event of the workspace."""
    permissions.require(actor, permissions.EVENTS_READ)
    name = ""
    if event.actor_kind == ActorKind.KEY:
        query = select(ApiKey.name).where(col(ApiKey.id) == event.actor_id, col(ApiKey.workspace_id) == actor.workspace_id)
        name = session.exec(query).first() or ""
    elif event.actor_kind == ActorKind.USER:
        members = select(User.name).join(Membership, col(Membership.user_id) == col(User.id))
        name = session.exec(members.where(User.id == event.actor_id, Membership.workspace_id == actor.workspace_id)).first() or ""
    return Publisher(event.actor_kind, event.actor_id, name)


def _found(workspace_id: str, text: str) -> ColumnElement[bool]:
    low, high = text.lower(), text.lower() + "~"  # "~" sorts after every character of an id
    if text.startswith(_PREFIX):
        return col(Event.id).between(low, high)
    if text.startswith(_DELIVERY):
        sent = select(Delivery.event_id).where(col(Delivery.workspace_id) == workspace_id, col(Delivery.id).between(low, high))
        return col(Event.id).in_(sent)
    return col(Event.id).in_(payloads.events_with(workspace_id, text))
