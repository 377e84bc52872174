"""A workspace at a glance, and the figures of the metrics route."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sql
from sqlalchemy import func
from sqlmodel import Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from backend.core import clock, ids, permissions
from backend.core.actor import Actor
from backend.logs import usage
from backend.logs.batches import starts_at
from backend.logs.latency import BUCKETS, percentile
from backend.models import ApiKey, Delivery, Event, Webhook
from backend.monitoring import attention
from backend.monitoring import workers as worker_runs
from backend.monitoring.values import DeliveryPoint, FirstSteps, Overview
from backend.monitoring.workers import Workers

_DELIVERIES: Final = SQLModel.metadata.tables["delivery_rollup"]
_HOURS: Final = 24
_RECENT_MINUTES: Final = 5
_MOST_FAILURES: Final = 8
_UNFINISHED: Final = ("waiting", "sending", "retrying")


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures of a workspace: the last 24 hours, and what is unfinished now (counted up to 10,000 each); and the workers of all."""

    requests: usage.Usage
    delivered: int
    failed: int
    p95_ms: float | None
    unfinished: dict[str, int]
    oldest_waiting_seconds: float | None
    workers: Workers


def overview(session: Session, *, actor: Actor) -> Overview:
    """Everything that the first page shows. Reads roll-ups and index heads only, so it costs the same at any size."""
    permissions.require(actor, permissions.METRICS_READ)
    workspace_id = actor.workspace_id
    points, (delivered, failed, p95) = _deliveries(session, workspace_id)
    day = usage.read(session, workspace_id=workspace_id, hours=_HOURS)
    return Overview(
        delivered_share=delivered / (delivered + failed) if delivered + failed else None,
        delivered=delivered,
        failed=failed,
        p95_ms=p95,
        delivery_points=points,
        oldest_waiting_seconds=_oldest_waiting(session, workspace_id),
        requests_per_minute=_requests_per_minute(session, workspace_id),
        request_points=day.points,
        attention=attention.of(session, workspace_id=workspace_id),
        latest_failures=_latest_failures(session, workspace_id),
        first_steps=first_steps(session, actor=actor),
    )


def metrics(session: Session, *, actor: Actor) -> Metrics:
    """The figures of the workspace."""
    permissions.require(actor, permissions.METRICS_READ)
    _, (delivered, failed, p95) = _deliveries(session, actor.workspace_id)
    return Metrics(
        requests=usage.read(session, workspace_id=actor.workspace_id, hours=_HOURS),
        delivered=delivered,
        failed=failed,
        p95_ms=p95,
        unfinished={status: _count(session, actor.workspace_id, status) for status in _UNFINISHED},
        oldest_waiting_seconds=_oldest_waiting(session, actor.workspace_id),
        workers=workers(session, actor=actor),
    )


def workers(session: Session, *, actor: Actor) -> Workers:
    """The worker processes of the installation by their heartbeats, and how many deliveries were recovered from lost ones."""
    return worker_runs.read(session, actor=actor)


def first_steps(session: Session, *, actor: Actor) -> FirstSteps:
    """Which of the first steps the workspace has taken."""
    permissions.require(actor, permissions.METRICS_READ)
    mine = actor.workspace_id
    return FirstSteps(
        has_key=_any(session, select(ApiKey.id).where(ApiKey.workspace_id == mine)),
        has_webhook=_any(session, select(Webhook.id).where(Webhook.workspace_id == mine, col(Webhook.deleted_at).is_(None))),
        has_event=_any(session, select(Event.id).where(Event.workspace_id == mine, Event.kind == "event")),
        has_delivered=_any(session, select(Delivery.id).where(Delivery.workspace_id == mine, Delivery.status == "delivered")),
    )


def _any(session: Session, query: SelectOfScalar[str]) -> bool:
    return session.exec(query.limit(1)).first() is not None


def _deliveries(session: Session, workspace_id: str) -> tuple[list[DeliveryPoint], tuple[int, int, float | None]]:
    """The attempts of the last 24 hours by hour, and their sums with the latency of 95 %."""
    now = clock.now()
    since = starts_at(now - timedelta(hours=_HOURS - 1), usage.HOUR)
    columns = _DELIVERIES.c
    query = (
        sql.select(columns.starts_at, *(func.sum(columns[name]) for name in ("delivered", "failed", *BUCKETS)))
        .where(columns.workspace_id == workspace_id, columns.width == usage.HOUR, columns.starts_at >= since)
        .group_by(columns.starts_at)
    )
    by_start: dict[datetime, list[int]] = {
        start: [int(value) for value in values] for start, *values in session.connection().execute(query)
    }
    hours = [since + timedelta(hours=number) for number in range(_HOURS)]
    sums = [sum(column) for column in zip(*by_start.values(), strict=True)] or [0] * (2 + len(BUCKETS))
    return [_point(hour, by_start.get(hour)) for hour in hours], (sums[0], sums[1], percentile(sums[2:], 0.95))


def _point(hour: datetime, values: Sequence[int] | None) -> DeliveryPoint:
    return DeliveryPoint(hour, values[0], values[1], percentile(values[2:], 0.95)) if values else DeliveryPoint(hour)


def _requests_per_minute(session: Session, workspace_id: str) -> float:
    """The mean of the last five whole minutes."""
    points = usage.read(session, workspace_id=workspace_id, hours=1).points[-_RECENT_MINUTES - 1 : -1]
    return round(sum(point.total for point in points) / _RECENT_MINUTES, 1)


def _oldest_waiting(session: Session, workspace_id: str) -> float | None:
    # The smallest id of each status is one look into an index; of several at once it would be a sort.
    heads = [
        session.exec(
            select(Delivery.id).where(Delivery.workspace_id == workspace_id, Delivery.status == status).order_by(col(Delivery.id)).limit(1)
        ).first()
        for status in ("waiting", "sending", "retrying")
    ]
    oldest = min((head for head in heads if head is not None), default=None)
    return None if oldest is None else max(round(clock.now().timestamp() - ids.created_ms(oldest) / 1000, 3), 0.0)


def _latest_failures(session: Session, workspace_id: str) -> list[Delivery]:
    """The newest deliveries that are dead or whose last attempt failed."""
    found: list[Delivery] = []
    for status in ("dead", "retrying"):
        query = select(Delivery).where(Delivery.workspace_id == workspace_id, Delivery.status == status)
        found.extend(session.exec(query.order_by(col(Delivery.id).desc()).limit(_MOST_FAILURES)).all())
    return sorted(found, key=lambda delivery: delivery.last_attempt_at or delivery.created_at, reverse=True)[:_MOST_FAILURES]


def _count(session: Session, workspace_id: str, status: str) -> int:
    some = select(Delivery.id).where(Delivery.workspace_id == workspace_id, Delivery.status == status).limit(10_000)
    return session.exec(select(func.count()).select_from(some.subquery())).one()
