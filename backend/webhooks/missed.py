"""What a webhook missed: deliveries that wait while it is disabled, and events that it was skipped for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import String, cast, func, insert
from sqlmodel import Session, col, select, update

from backend.core import clock, filters, ids
from backend.core.errors import Conflict
from backend.models import Delivery, Event, Lane, Webhook, WebhookChange
from backend.webhooks import policy

MAX_EVENTS = 10_000  # of skipped events that enabling sends in its own transaction
DRAIN_RATE = 20.0  # deliveries per second while a webhook catches up
DELETED = "The webhook was deleted."  # why what waited for it was cancelled
SKIPPED_DISABLED = "disabled"  # the reason in `event.skips`
_BATCH = 100
_ID_MARGIN = timedelta(minutes=1)


def hold(session: Session, webhook: Webhook) -> None:
    """Stop the webhook's lane; what is due stays where it is."""
    values = {"paused": True, "blocked_reason": "paused"}
    session.exec(update(Lane).where(col(Lane.webhook_id) == webhook.id).values(**values))


def release(session: Session, webhook: Webhook) -> None:
    """Start the webhook's lane again; what has gathered drains at a capped rate."""
    # Locked first: whoever adds a delivery moves the lane before they commit, so either they wait or we see it.
    lane = session.get_one(Lane, webhook.id, with_for_update=True, populate_existing=True)
    earliest = session.exec(select(func.min(col(Delivery.due_at))).where(*_waiting(webhook))).one()
    lane.paused, lane.blocked_until, lane.due_at = False, None, earliest
    lane.drain_rate = DRAIN_RATE if earliest is not None else None
    lane.blocked_reason = "draining" if earliest is not None else None
    lane.tokens, lane.tokens_at = 0.0, clock.now()


def restart(session: Session, webhook: Webhook) -> None:
    """Make everything that was held due now, at the start of its retry policy."""
    statement = update(Delivery).where(*_waiting(webhook)).values(due_at=clock.now(), failure_count=0)
    session.exec(statement.execution_options(synchronize_session=False))


def cancel(session: Session, webhook: Webhook, reason: str) -> int:
    """Cancel everything that waits for this webhook; how many. What is being sent at this moment ends by its outcome."""
    return _cancel(session, reason, *_waiting(webhook))


def cancel_left_behind(session: Session, *, since: datetime) -> int:
    """Cancel what waits for a webhook that was deleted after `since`: accepted or sent while it went. For the sweep."""
    gone = select(Webhook.id).where(col(Webhook.deleted_at) > since)
    return _cancel(session, DELETED, col(Delivery.webhook_id).in_(gone), col(Delivery.due_at).is_not(None))


def send_skipped(session: Session, webhook: Webhook) -> int:
    """Make deliveries of the events that were skipped since the webhook, which still is, was disabled; how many.

    The filter decides as it stands now. Raises `Conflict` above 10,000.
    """
    made, max_attempts = 0, policy.parse(webhook.retry_policy).max_attempts
    for batch in _skipped(session, webhook):
        made += len(batch)
        if made > MAX_EVENTS:
            raise Conflict(
                f"More than {MAX_EVENTS:,} events were skipped while the webhook was disabled, too many to send at once. "
                "Enable it with missed=skip, then replay the events you need."
            )
        session.exec(insert(Delivery), params=[_delivery(webhook, event, max_attempts) for event in batch])
        statement = update(Event).where(col(Event.id).in_([event.id for event in batch]))
        session.exec(statement.values(deliveries=col(Event.deliveries) + 1).execution_options(synchronize_session=False))
    return made


def _skipped(session: Session, webhook: Webhook) -> Iterator[list[Event]]:
    """Events that name this webhook among their skips as disabled, since it last was not, oldest first, in batches."""
    enabled = select(func.max(WebhookChange.revision)).where(
        col(WebhookChange.webhook_id) == webhook.id, col(WebhookChange.state) != webhook.state
    )
    revision: int = session.exec(enabled).one() or 0
    # The revision is exact; the time only spares reading older events. Ids are made a moment before they are stored.
    since = (webhook.disabled_at or webhook.created_at) - _ID_MARGIN
    last = ids.floor("evt", int(since.timestamp() * 1000))
    condition = filters.parse(webhook.filter) if webhook.filter else None
    while True:
        query = (
            select(Event)
            .where(
                col(Event.workspace_id) == webhook.workspace_id,
                col(Event.id) > last,
                col(Event.webhooks_revision) > revision,
                cast(col(Event.skips), String).contains(webhook.id, autoescape=True),
            )
            .order_by(col(Event.id))
            .limit(_BATCH)
        )
        rows = session.exec(query).all()
        if not rows:
            return
        last = rows[-1].id
        batch = [event for event in rows if _names(event.skips, webhook.id)]
        if condition is not None:
            batch = [event for event in batch if filters.evaluate(condition, orjson.loads(event.body)).matched]
        if batch:
            yield batch


def _names(skips: list[dict[str, Any]], webhook_id: str) -> bool:
    return any(entry.get("webhook_id") == webhook_id and entry.get("reason") == SKIPPED_DISABLED for entry in skips)


def _delivery(webhook: Webhook, event: Event, max_attempts: int) -> dict[str, Any]:
    now = clock.now()
    return {
        "id": ids.new("dlv"),
        "created_at": now,
        "workspace_id": webhook.workspace_id,
        "event_id": event.id,
        "webhook_id": webhook.id,
        "event_type": event.type,
        "kind": "event",
        "status": "waiting",
        "attempt_count": 0,
        "failure_count": 0,
        "max_attempts": max_attempts,
        "due_at": now,
        "trigger": "event",
        "trace_id": event.trace_id,
    }


def _waiting(webhook: Webhook) -> tuple[Any, ...]:
    return col(Delivery.webhook_id) == webhook.id, col(Delivery.due_at).is_not(None)


def _cancel(session: Session, reason: str, *where: Any) -> int:
    values = {"status": "cancelled", "due_at": None, "finished_at": clock.now(), "error": reason[:400]}
    statement = update(Delivery).where(*where).values(**values).execution_options(synchronize_session=False)
    return session.exec(statement).rowcount
