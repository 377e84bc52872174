"""Making the items of a replay: each a new delivery, or the sentence that says why there is none. Several rows per statement."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session, col, select, update

from backend.core import bulk, db, ids, queue
from backend.events import service as events
from backend.models import Delivery, Event, Replay, Webhook
from backend.replays import policy, queries
from backend.replays.queries import Candidate
from backend.replays.values import Kind
from backend.webhooks import policy as sending

TOPIC: Final = "replays"

_ITEM: Final = bulk.Insert(
    "replay_item",
    ("id", "created_at", "workspace_id", "replay_id", "event_id", "webhook_id", "source_id", "delivery_id", "skip_reason"),
)
_DELIVERY: Final = bulk.Insert(
    "delivery",
    (
        "id",
        "created_at",
        "workspace_id",
        "event_id",
        "webhook_id",
        "event_type",
        "kind",
        "status",
        "attempt_count",
        "failure_count",
        "max_attempts",
        "due_at",
        "trigger",
        "triggered_by",
        "replay_of",
        "replay_reason",
        "replay_id",
        "trace_id",
    ),
)


@dataclass(frozen=True, slots=True)
class _Target:
    state: str
    disabled_reason: str
    max_attempts: int


def make(session: Session, replay: Replay, wanted: Sequence[Candidate], now: datetime) -> None:
    """Make an item of each of these, the deliveries due at once, and count them in the replay's row, which the caller has locked."""
    targets = _targets(session, replay.workspace_id, {each.webhook_id for each in wanted})
    connection, at = session.connection(), bulk.moment(session.connection(), now)
    items: list[tuple[Any, ...]] = []
    made: list[tuple[Any, ...]] = []
    due: set[str] = set()
    for each in wanted:
        target = targets.get(each.webhook_id)
        refusal = policy.refusal(
            webhook_state=target and target.state,
            disabled_reason=target.disabled_reason if target else "",
            source_status=each.source_status,
        )
        delivery_id = None
        if target is not None and refusal is None:
            delivery_id = ids.new("dlv")
            made.append(_delivery(replay, each, delivery_id, target.max_attempts, at))
            due.add(each.webhook_id)
        items.append(
            (ids.new("rpi"), at, replay.workspace_id, replay.id, each.event_id, each.webhook_id, each.source_id, delivery_id, refusal)
        )
    _ITEM.run(connection, items)
    _DELIVERY.run(connection, made)
    if replay.kind == Kind.MISSED:
        _count_first_sends(session, [each.event_id for each in wanted])
    replay.queued += len(made)
    replay.skipped += len(items) - len(made)
    if due:
        events.make_due(session, due)


def announce(session: Session, workspace_id: str) -> None:
    """Tell open consoles, once this is committed, that replays of the workspace have changed."""
    db.after_commit(session, lambda: queue.publish(workspace_id, TOPIC), key=(TOPIC, workspace_id))


def cancel_waiting(session: Session, replay_ids: Collection[str], now: datetime, *, left_behind: bool = False) -> int:
    """Cancel the deliveries of these replays that wait; how many. What is being sent at this moment ends by its outcome.

    `left_behind`: those that came back after their replay was cancelled; not what a person has retried since.
    """
    values = {"status": "cancelled", "due_at": None, "finished_at": now, "error": "The replay was cancelled."}
    statement = update(Delivery).where(*queries.waiting(replay_ids)).values(**values)
    if left_behind:
        statement = statement.where(queries.RETURNED)
    return session.exec(statement.execution_options(synchronize_session=False)).rowcount


def _targets(session: Session, workspace_id: str, webhook_ids: Collection[str]) -> dict[str, _Target]:
    query = select(Webhook).where(
        col(Webhook.id).in_(webhook_ids), col(Webhook.workspace_id) == workspace_id, col(Webhook.deleted_at).is_(None)
    )
    return {
        row.id: _Target(row.state, row.disabled_reason or "", sending.parse(row.retry_policy).max_attempts)
        for row in session.exec(query).all()
    }


def _delivery(replay: Replay, wanted: Candidate, delivery_id: str, max_attempts: int, at: Any) -> tuple[Any, ...]:
    # What was missed goes out for the first time: a receiver that passes over replays must not pass over it.
    kind = "event" if replay.kind == Kind.MISSED else "replay"
    return (
        delivery_id,
        at,
        replay.workspace_id,
        wanted.event_id,
        wanted.webhook_id,
        wanted.event_type,
        kind,
        "waiting",
        0,
        0,
        max_attempts,
        at,
        "replay",
        replay.created_by,
        wanted.source_id,
        replay.reason or None,
        replay.id,
        wanted.trace_id,
    )


def _count_first_sends(session: Session, event_ids: Collection[str]) -> None:
    statement = update(Event).where(col(Event.id).in_(event_ids)).values(deliveries=col(Event.deliveries) + 1)
    session.exec(statement.execution_options(synchronize_session=False))


def lock(session: Session, replay_id: str) -> Replay | None:
    """A replay as it stands, its row locked until the transaction ends (on SQLite the writer is)."""
    query = select(Replay).where(col(Replay.id) == replay_id).with_for_update().execution_options(populate_existing=True)
    return session.exec(query).first()
