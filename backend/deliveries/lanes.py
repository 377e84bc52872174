"""Moving lanes for what came of attempts: due for a retry, blocked because the receiver asked for a pause."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from backend.core import bulk
from backend.deliveries.values import Outcome
from backend.webhooks import policy

if TYPE_CHECKING:
    from backend.deliveries.outcomes import Result

_DUE = bulk.Statement(
    "UPDATE lane SET due_at = min(coalesce(due_at, ?1), ?1) WHERE webhook_id = ?2",
    "UPDATE lane l SET due_at = least(l.due_at, v.c0) FROM {rows} WHERE l.webhook_id = v.c1",
    ("timestamptz", "text"),
)
_BLOCK = bulk.Statement(
    "UPDATE lane SET blocked_reason = CASE WHEN blocked_until IS NULL OR blocked_until < ?1 THEN ?2 ELSE blocked_reason END, "
    "blocked_until = max(coalesce(blocked_until, ?1), ?1) WHERE webhook_id = ?3 AND NOT paused",
    "UPDATE lane l SET blocked_reason = CASE WHEN l.blocked_until IS NULL OR l.blocked_until < v.c0 THEN v.c1 ELSE l.blocked_reason END, "
    "blocked_until = greatest(l.blocked_until, v.c0) FROM {rows} WHERE l.webhook_id = v.c2 AND NOT l.paused",
    ("timestamptz", "text", "text"),
)


def move(connection: Connection, results: Iterable[Result], now: datetime) -> None:
    """Set each lane due at the earliest retry, and blocked for as long as the receiver asked for."""
    due: dict[str, datetime] = {}
    blocked: dict[str, tuple[datetime, str]] = {}
    for result in results:
        webhook_id, decision = result.claim.webhook_id, result.decision
        at = now if result.outcome is Outcome.INTERRUPTED else result.retry_at
        if at is not None:
            due[webhook_id] = min(due.get(webhook_id, at), at)
        if isinstance(decision, policy.Retry | policy.GiveUp) and decision.block_lane_until is not None:
            until = (decision.block_lane_until, decision.block_reason or "backoff")
            blocked[webhook_id] = max(blocked.get(webhook_id, until), until)
    lock(connection, due.keys() | blocked.keys())
    _DUE.run(connection, [(bulk.moment(connection, at), each) for each, at in due.items()])
    _BLOCK.run(connection, [(bulk.moment(connection, at), why, each) for each, (at, why) in blocked.items()])


def due(connection: Connection, webhook_ids: Collection[str], at: datetime) -> None:
    """Set these lanes due at `at`, or where they are due earlier already leave them so."""
    lock(connection, webhook_ids)
    _DUE.run(connection, [(bulk.moment(connection, at), each) for each in webhook_ids])


def lock(connection: Connection, webhook_ids: Collection[str]) -> None:
    """Lock lanes in order of id, as everyone does who takes several, so that nobody waits in a circle. Nothing on SQLite."""
    if webhook_ids and not bulk.is_sqlite(connection):
        connection.exec_driver_sql("SELECT 1 FROM lane WHERE webhook_id = ANY(%s) ORDER BY webhook_id FOR UPDATE", (list(webhook_ids),))
