"""What a webhook missed: deliveries that wait while it is disabled, and events that it was skipped for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import String, cast, func, insert
from sqlmodel import Session, col, select, update
from sqlmodel.sql.expression import SelectOfScalar

from backend.core import clock, db, filters, ids, jsjson, queue
from backend.core.actor import Actor
from backend.models import Delivery, Event, Lane, Replay, Webhook, WebhookChange
from backend.webhooks import policy

MAX_EVENTS = 10_000  # of skipped events that enabling sends in its own transaction
DRAIN_RATE = 20.0  # deliveries per second while a webhook catches up
DELETED = "The webhook was deleted."  # why what waited for it was cancelled
SKIPPED_DISABLED = "disabled"  # the reason in `event.skips`
MISSED = "missed"  # the kind of replay that makes the rest of what was missed
_BATCH = 100
_ID_MARGIN = timedelta(minutes=1)

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A stretch of what a webhook was skipped for, the id after which to go on, and whether there is nothing beyond."""

    events: list[Event]
    after: str
    is_end: bool


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


def send_skipped(session: Session, webhook: Webhook, actor: Actor) -> tuple[int, Replay | None]:
    """Make deliveries of the events that were skipped since the webhook, which still is, was disabled; how many.

    The filter decides as it stands now. Beyond 10,000 a replay, given back, makes the rest at the capped rate.
    """
    made, max_attempts = 0, policy.parse(webhook.retry_policy).max_attempts
    revision, after = _disabled_since(session, webhook)
    while made < MAX_EVENTS:
        found = skipped(session, webhook, revision=revision, after=after, limit=min(_BATCH, MAX_EVENTS - made))
        after = found.after
        if found.events:
            made += len(found.events)
            session.exec(insert(Delivery), params=[_delivery(webhook, event, max_attempts) for event in found.events])
            statement = update(Event).where(col(Event.id).in_([event.id for event in found.events]))
            session.exec(statement.values(deliveries=col(Event.deliveries) + 1).execution_options(synchronize_session=False))
        if found.is_end:
            return made, None
    return made, _replay_the_rest(session, webhook, actor, revision, after)


def skipped(session: Session, webhook: Webhook, *, revision: int, after: str, upto: str | None = None, limit: int = _BATCH) -> Skipped:
    """Events after an id, accepted above a revision, that name this webhook as disabled and that its filter lets through; oldest first.

    At most `limit` are looked at.
    """
    rows = session.exec(_naming(select(Event), webhook, revision, after, upto).order_by(col(Event.id)).limit(limit)).all()
    events = [event for event in rows if _names(event.skips, webhook.id)]
    if webhook.filter:
        condition = filters.parse(webhook.filter)
        events = [event for event in events if filters.evaluate(condition, jsjson.parse(event.body)).matched]
    return Skipped(events, rows[-1].id if rows else after, len(rows) < limit)


def end_replays(session: Session, webhook: Webhook) -> None:
    """Cancel the replays that still make deliveries of what this webhook missed."""
    ended = (
        update(Replay)
        .where(
            col(Replay.workspace_id) == webhook.workspace_id,
            col(Replay.webhook_id) == webhook.id,
            col(Replay.kind) == MISSED,
            col(Replay.status).in_(("running", "paused")),
        )
        .values(status="cancelled", finished_at=clock.now())
    )
    session.exec(ended.execution_options(synchronize_session=False))
    _announce_replays(session, webhook.workspace_id)


def _disabled_since(session: Session, webhook: Webhook) -> tuple[int, str]:
    """The last revision at which the webhook was not disabled, and an id of before it was."""
    enabled = select(func.max(WebhookChange.revision)).where(
        col(WebhookChange.webhook_id) == webhook.id, col(WebhookChange.state) != webhook.state
    )
    revision: int = session.exec(enabled).one() or 0
    # The revision is exact; the time only spares reading older events. Ids are made a moment before they are stored.
    since = (webhook.disabled_at or webhook.created_at) - _ID_MARGIN
    return revision, ids.floor("evt", int(since.timestamp() * 1000))


def _naming(query: SelectOfScalar[Row], webhook: Webhook, revision: int, after: str, upto: str | None) -> SelectOfScalar[Row]:
    query = query.where(
        col(Event.workspace_id) == webhook.workspace_id,
        col(Event.id) > after,
        col(Event.webhooks_revision) > revision,
        cast(col(Event.skips), String).contains(webhook.id, autoescape=True),
    )
    return query if upto is None else query.where(col(Event.id) <= upto)


def _replay_the_rest(session: Session, webhook: Webhook, actor: Actor, revision: int, after: str) -> Replay | None:
    upto = ids.new("evt")
    total = session.exec(_naming(select(func.count()).select_from(Event), webhook, revision, after, upto)).one()
    if not total:
        return None
    replay = Replay(
        id=ids.new("rpl"),
        workspace_id=webhook.workspace_id,
        kind=MISSED,
        webhook_id=webhook.id,
        filter={"webhook_id": webhook.id, "revision": revision},
        rate=DRAIN_RATE,
        reason="Missed while the webhook was disabled.",
        total=total,
        cursor=after,
        upto=upto,
        created_by=actor.id,
        created_by_name=actor.name[:200],
    )
    session.add(replay)
    _announce_replays(session, webhook.workspace_id)
    return replay


def _announce_replays(session: Session, workspace_id: str) -> None:
    db.after_commit(session, lambda: queue.publish(workspace_id, "replays"), key=("replays", workspace_id))


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
