"""What waits in a workspace now: by status, what could be sent this moment, and how far behind the workers are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from backend.core import clock, ids, pagination, permissions
from backend.core.actor import Actor
from backend.models import Delivery, Lane

UNFINISHED = ("waiting", "sending", "retrying")


@dataclass(frozen=True, slots=True)
class Backlog:
    """`unfinished` by status and `due` stop counting at 10,000. Due is what could go this moment, its webhook neither paused nor held.

    `oldest_due_seconds` is how long the first of them has been due, `oldest_waiting_seconds` how long ago the oldest unfinished
    delivery was accepted; None without any. `lanes_held` counts webhooks with something due that is held back: paused, throttled,
    or at their receiver's wish.
    """

    unfinished: dict[str, int]
    due: int
    oldest_due_seconds: float | None
    oldest_waiting_seconds: float | None
    lanes_held: int


def read(session: Session, *, actor: Actor) -> Backlog:
    """The backlog of the workspace. Reads heads of indexes and counts that stop, so it costs the same at any size."""
    permissions.require(actor, permissions.METRICS_READ)
    workspace_id, now = actor.workspace_id, clock.now()
    free = col(Lane.paused).is_(False), or_(col(Lane.blocked_until).is_(None), col(Lane.blocked_until) <= now)
    lanes = select(Lane.webhook_id).where(Lane.workspace_id == workspace_id, col(Lane.due_at).is_not(None))
    open_lanes = lanes.where(*free)
    ready = select(Delivery.id).where(col(Delivery.webhook_id).in_(open_lanes), col(Delivery.due_at) <= now)
    first = select(func.min(Delivery.due_at)).where(col(Delivery.webhook_id) == col(Lane.webhook_id), col(Delivery.due_at).is_not(None))
    heads = session.exec(select(first.correlate(Lane).scalar_subquery()).where(col(Lane.webhook_id).in_(open_lanes))).all()
    due_since = min((head for head in heads if head is not None and head <= now), default=None)
    held = session.exec(select(func.count()).select_from(lanes.where(col(Lane.due_at) <= now, ~(free[0] & free[1])).subquery())).one()
    return Backlog(
        unfinished={status: count(session, workspace_id, status) for status in UNFINISHED},
        due=session.exec(select(func.count()).select_from(ready.limit(pagination.COUNT_CAP).subquery())).one(),
        oldest_due_seconds=None if due_since is None else _seconds(now, due_since.timestamp()),
        oldest_waiting_seconds=oldest_waiting(session, workspace_id),
        lanes_held=held,
    )


def count(session: Session, workspace_id: str, status: str) -> int:
    """How many deliveries of the workspace have a status; stops at 10,000."""
    some = select(Delivery.id).where(Delivery.workspace_id == workspace_id, Delivery.status == status).limit(pagination.COUNT_CAP)
    return session.exec(select(func.count()).select_from(some.subquery())).one()


def oldest_waiting(session: Session, workspace_id: str) -> float | None:
    """The age of the oldest unfinished delivery in seconds; None without any."""
    # The smallest id of each status is one look into an index; of several at once it would be a sort.
    heads = [
        session.exec(
            select(Delivery.id).where(Delivery.workspace_id == workspace_id, Delivery.status == status).order_by(col(Delivery.id)).limit(1)
        ).first()
        for status in UNFINISHED
    ]
    oldest = min((head for head in heads if head is not None), default=None)
    return None if oldest is None else _seconds(clock.now(), ids.created_ms(oldest) / 1000)


def _seconds(now: datetime, since: float) -> float:
    return max(round(now.timestamp() - since, 3), 0.0)
