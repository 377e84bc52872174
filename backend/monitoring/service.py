"""A workspace at a glance, and the figures of the metrics route."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import func
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from backend.api_keys import access
from backend.api_keys.access import KeyStandings
from backend.core import pagination, permissions, queue
from backend.core.actor import Actor
from backend.logs import usage
from backend.models import ApiKey, Delivery, Event, Webhook
from backend.monitoring import attempts, attention
from backend.monitoring import backlog as queued
from backend.monitoring import workers as worker_runs
from backend.monitoring.attempts import Attempts
from backend.monitoring.backlog import Backlog
from backend.monitoring.values import Attention, FirstSteps, Overview
from backend.monitoring.workers import Workers

_HOURS: Final = 24
_RECENT_MINUTES: Final = 5
_MOST_FAILURES: Final = 8


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures of a workspace: the last 24 hours, all time, and what waits now; and the workers and queues of the installation.

    `attempts_delivered`, `attempts_failed` and `key_requests` count since the beginning. `queues` is None while Redis is away.
    """

    requests: usage.Usage
    delivered: int
    failed: int
    p95_ms: float | None
    backlog: Backlog
    attempts_delivered: int
    attempts_failed: int
    key_requests: int
    queues: dict[str, int] | None
    workers: Workers


def overview(session: Session, *, actor: Actor, hours: int = 24) -> Overview:
    """Everything that the first page shows, over the last `hours` (1 to 744). Raises `Invalid`.

    Reads roll-ups and index heads only, so it costs the same at any size.
    """
    permissions.require(actor, permissions.METRICS_READ)
    workspace_id = actor.workspace_id
    seen = attempts.read(session, workspace_id=workspace_id, hours=hours)
    total = seen.delivered + seen.failed
    return Overview(
        delivered_share=seen.delivered / total if total else None,
        delivered=seen.delivered,
        failed=seen.failed,
        p95_ms=seen.p95_ms,
        delivery_points=seen.points,
        oldest_waiting_seconds=queued.oldest_waiting(session, workspace_id),
        requests_per_minute=_requests_per_minute(session, workspace_id),
        request_points=usage.read(session, workspace_id=workspace_id, hours=hours).points,
        attention=attention.of(session, workspace_id=workspace_id),
        latest_failures=_latest_failures(session, workspace_id),
        first_steps=first_steps(session, actor=actor),
    )


def metrics(session: Session, *, actor: Actor) -> Metrics:
    """The figures of the workspace."""
    permissions.require(actor, permissions.METRICS_READ)
    mine = actor.workspace_id
    seen = attempts.read(session, workspace_id=mine, hours=_HOURS)
    sent = select(func.coalesce(func.sum(Webhook.success_count), 0), func.coalesce(func.sum(Webhook.failure_count), 0))
    delivered, failed = session.exec(sent.where(Webhook.workspace_id == mine)).one()
    asked = select(func.coalesce(func.sum(ApiKey.request_count), 0)).where(ApiKey.workspace_id == mine)
    return Metrics(
        requests=usage.read(session, workspace_id=mine, hours=_HOURS),
        delivered=seen.delivered,
        failed=seen.failed,
        p95_ms=seen.p95_ms,
        backlog=queued.read(session, actor=actor),
        attempts_delivered=int(delivered),
        attempts_failed=int(failed),
        key_requests=int(session.exec(asked).one()),
        queues=queue.depths(),
        workers=workers(session, actor=actor),
    )


def rate_limits(
    session: Session, *, actor: Actor, limit: int = pagination.DEFAULT_LIMIT, cursor: str | None = None
) -> pagination.Page[KeyStandings]:
    """Where each active key that has a limit stands now. Raises `Invalid`."""
    return access.all_standings(session, actor=actor, limit=limit, cursor=cursor)


def backlog(session: Session, *, actor: Actor) -> Backlog:
    """What waits in the workspace now, and how far behind the workers are."""
    return queued.read(session, actor=actor)


def throughput(session: Session, *, actor: Actor, hours: int) -> Attempts:
    """The attempts of the workspace in the last `hours` (1 to 744). Raises `Invalid`."""
    permissions.require(actor, permissions.METRICS_READ)
    return attempts.read(session, workspace_id=actor.workspace_id, hours=hours)


def ailing(session: Session, *, actor: Actor) -> list[Attention]:
    """The webhooks that fail or that a rule has disabled."""
    permissions.require(actor, permissions.METRICS_READ)
    return [item for item in attention.of(session, workspace_id=actor.workspace_id) if item.need in attention.WEBHOOK_NEEDS]


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


def _requests_per_minute(session: Session, workspace_id: str) -> float:
    """The mean of the last five whole minutes."""
    points = usage.read(session, workspace_id=workspace_id, hours=1).points[-_RECENT_MINUTES - 1 : -1]
    return round(sum(point.total for point in points) / _RECENT_MINUTES, 1)


def _latest_failures(session: Session, workspace_id: str) -> list[Delivery]:
    """The newest deliveries that are dead or whose last attempt failed."""
    found: list[Delivery] = []
    for status in ("dead", "retrying"):
        query = select(Delivery).where(Delivery.workspace_id == workspace_id, Delivery.status == status)
        found.extend(session.exec(query.order_by(col(Delivery.id).desc()).limit(_MOST_FAILURES)).all())
    return sorted(found, key=lambda delivery: delivery.last_attempt_at or delivery.created_at, reverse=True)[:_MOST_FAILURES]
