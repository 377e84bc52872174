"""The reads of webhooks that are more than one row: lists, counts by status, and figures from the roll-ups."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, func, or_
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from backend.core import clock
from backend.core.errors import FieldError, Invalid
from backend.core.pagination import COUNT_CAP
from backend.logs.latency import Times, of_row
from backend.models import Delivery, DeliveryRollup, Webhook
from backend.webhooks import policy

STATUSES = ("active", "failing", "paused", "disabled")
MAX_HOURS = 24 * 90
_HOUR, _MINUTE = 3600, 60
_MINUTES_UP_TO_HOURS = 3


@dataclass(frozen=True, slots=True)
class Point:
    """Attempts of one step of a series by outcome."""

    starts_at: datetime
    delivered: int = 0
    failed: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class WebhookStats:
    """How a webhook did over some hours. Counts are of attempts; latencies in milliseconds, read from buckets.

    `success_rate` is a percentage, None without attempts; `waiting` stops counting at 10,000.
    """

    total: int = 0
    delivered: int = 0
    failed: int = 0
    success_rate: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    waiting: int = 0
    series: list[Point] = field(default_factory=list[Point])


def matching(workspace_id: str, *, status: str | None, q: str | None) -> SelectOfScalar[Webhook]:
    """The workspace's webhooks with a status (any case) and a text in their name, URL, id or reference. Raises `Invalid`."""
    query = select(Webhook).where(col(Webhook.workspace_id) == workspace_id, col(Webhook.deleted_at).is_(None))
    if status:
        query = query.where(_has_status(status.lower()))
    if q and q.strip():
        text = q.strip()
        columns = (Webhook.name, Webhook.url, Webhook.id, Webhook.external_ref)
        query = query.where(or_(*(func.lower(col(column)).contains(text.lower(), autoescape=True) for column in columns)))
    return query


def counts(session: Session, workspace_id: str) -> dict[str, int]:
    """How many webhooks there are of each status, and under `all` together."""
    status = case(
        (and_(col(Webhook.state) == "active", col(Webhook.consecutive_failures) >= policy.FAILING_AFTER), "failing"),
        else_=col(Webhook.state),
    )
    query = (
        select(status, func.count()).where(col(Webhook.workspace_id) == workspace_id, col(Webhook.deleted_at).is_(None)).group_by(status)
    )
    found: dict[str, int] = dict(session.exec(query).all())
    return {"all": sum(found.values()), **{name: found.get(name, 0) for name in STATUSES}}


def names(session: Session, workspace_id: str, webhook_ids: Collection[str]) -> dict[str, str]:
    """The names of these webhooks of the workspace by id, deleted ones too."""
    if not webhook_ids:
        return {}
    query = select(Webhook.id, Webhook.name).where(col(Webhook.workspace_id) == workspace_id, col(Webhook.id).in_(webhook_ids))
    return dict(session.exec(query).all())


def stats(session: Session, webhooks: Sequence[Webhook], *, hours: int = 24) -> dict[str, WebhookStats]:
    """The figures of each of these webhooks of one workspace over the last `hours` (1 to 2,160), the current one included."""
    if not 1 <= hours <= MAX_HOURS:
        raise Invalid(FieldError("hours", f"{hours} is out of range.", f"Use 1 to {MAX_HOURS:,}."))
    if not webhooks:
        return {}
    width = _MINUTE if hours <= _MINUTES_UP_TO_HOURS else _HOUR
    steps = _steps(clock.now(), width, hours)
    query = select(DeliveryRollup).where(
        col(DeliveryRollup.workspace_id) == webhooks[0].workspace_id,
        col(DeliveryRollup.webhook_id).in_([webhook.id for webhook in webhooks]),
        col(DeliveryRollup.width) == width,
        col(DeliveryRollup.starts_at) >= steps[0],
    )
    rows: dict[str, list[DeliveryRollup]] = {}
    for row in session.exec(query).all():
        rows.setdefault(row.webhook_id, []).append(row)
    return {webhook.id: _figures(rows.get(webhook.id, []), steps, _waiting(session, webhook.id)) for webhook in webhooks}


def _has_status(status: str) -> ColumnElement[bool]:
    failing = col(Webhook.consecutive_failures) >= policy.FAILING_AFTER
    if status == "failing":
        return and_(col(Webhook.state) == "active", failing)
    if status == "active":
        return and_(col(Webhook.state) == "active", ~failing)
    if status in STATUSES:
        return col(Webhook.state) == status
    raise Invalid(FieldError("status", f"{status[:40]} is not a status of webhooks.", f"Use {', '.join(STATUSES)}."))


def _steps(now: datetime, width: int, hours: int) -> list[datetime]:
    last = int(now.timestamp()) // width * width
    number = hours * _HOUR // width
    first = datetime.fromtimestamp(last, UTC) - timedelta(seconds=width * (number - 1))
    return [first + timedelta(seconds=width * step) for step in range(number)]


def _waiting(session: Session, webhook_id: str) -> int:
    inner = select(Delivery.id).where(col(Delivery.webhook_id) == webhook_id, col(Delivery.due_at).is_not(None)).limit(COUNT_CAP).subquery()
    return session.exec(select(func.count()).select_from(inner)).one()


def _figures(rows: Sequence[DeliveryRollup], steps: Sequence[datetime], waiting: int) -> WebhookStats:
    delivered, failed = sum(row.delivered for row in rows), sum(row.failed for row in rows)
    times = Times.together(of_row(row) for row in rows)
    found = {row.starts_at: Point(row.starts_at, row.delivered, row.failed, row.dead) for row in rows}
    total = delivered + failed
    return WebhookStats(
        total=total,
        delivered=delivered,
        failed=failed,
        success_rate=round(100 * delivered / total, 2) if total else None,
        p50_ms=times.percentile(0.5),
        p95_ms=times.percentile(0.95),
        waiting=waiting,
        series=[found.get(step, Point(step)) for step in steps],
    )
