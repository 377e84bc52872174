"""Claiming due deliveries through lanes: which receivers are next, how much each may have, and what remains due.

A lane that is not due, blocked or paused costs nothing, whatever its backlog. Publishers set `lane.due_at` under the lane's
row lock; a claim takes that lock before it looks for due deliveries, so it misses none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from backend.core import bulk
from backend.deliveries.values import Claim, Target

LANES_PER_CLAIM: Final = 64
TESTS_PER_CLAIM: Final = 50
_LEAST_SHARE: Final = 4
_BURST_SECONDS: Final = 0.25

_RETURNED: Final = "id, workspace_id, event_id, webhook_id, event_type, kind, attempt_count, failure_count, trigger, trace_id"
_EARLIEST_OF_LANE: Final = (
    "SELECT * FROM (SELECT id FROM delivery WHERE webhook_id = ? AND due_at IS NOT NULL AND due_at <= ? ORDER BY due_at, id LIMIT ?)"
)
_OPEN_LANES: Final = (
    "FROM lane l JOIN webhook w ON w.id = l.webhook_id "
    "WHERE l.due_at IS NOT NULL AND NOT l.paused AND w.state = 'active' AND w.deleted_at IS NULL"
)

_LANE_MOVE = bulk.update(
    "lane",
    {
        "due_at": "timestamptz",
        "served_at": "timestamptz",
        "blocked_until": "timestamptz",
        "blocked_reason": "text",
        "tokens": "float8",
        "tokens_at": "timestamptz",
        "drain_rate": "float8",
    },
    {"webhook_id": "text"},
)


@dataclass(frozen=True, slots=True)
class Request:
    """What a shift wants: at most `limit` deliveries, of each webhook at most `quota(webhook_id)`."""

    run_id: str
    limit: int
    quota: Callable[[str], int]
    full: Collection[str] = ()  # webhooks whose quota is used up


@dataclass(slots=True)
class Claimed:
    """What a claim brought, and when the next one is worthwhile: `more` means at once, given room."""

    rows: list[Any] = field(default_factory=list[Any])
    more: bool = False
    next_due: datetime | None = None


@dataclass(slots=True)
class _Lane:
    webhook_id: str
    tokens: float
    tokens_at: datetime
    rate: float | None
    drain_rate: float | None
    limit: int = 0
    taken: int = 0
    due_at: datetime | None = None
    blocked_until: datetime | None = None


def take(connection: Connection, request: Request, now: datetime) -> Claimed:
    """Claim due deliveries for a run, test sends first. To be called in a write transaction."""
    claimed = Claimed(_take_tests(connection, request, now))
    room = request.limit - len(claimed.rows)
    lanes = _lock_lanes(connection, request, now) if room > 0 else []
    if lanes:
        share = max(room // len(lanes), _LEAST_SHARE)
        for lane in lanes:
            lane.limit = min(share, request.quota(lane.webhook_id), _allowance(lane, now))
        rows = _take_of(connection, request.run_id, lanes, now)
        claimed.rows += rows
        _settle(connection, lanes, rows, now)
    claimed.more = room <= 0 or len(lanes) == LANES_PER_CLAIM or any(_has_more(lane, now) for lane in lanes)
    if not claimed.more:
        claimed.next_due = next_due(connection, request.full)
    return claimed


def bodies(connection: Connection, event_ids: Collection[str]) -> dict[str, bytes]:
    """The bodies of events, by id."""
    found = bulk.read(connection, "SELECT id, body FROM event WHERE id IN ({values})", event_ids)
    return {row[0]: row[1].encode() for row in found}


def claims(rows: Sequence[Any], run_id: str, events: dict[str, bytes], targets: dict[str, Target]) -> tuple[list[Claim], list[str]]:
    """The claimed rows with what they send; and the ids of those whose event or webhook is gone."""
    complete: list[Claim] = []
    orphans: list[str] = []
    for identifier, workspace_id, event_id, webhook_id, event_type, kind, attempts, failures, trigger, trace_id in rows:
        body, target = events.get(event_id), targets.get(webhook_id)
        if body is None or target is None:
            orphans.append(identifier)
            continue
        complete.append(
            Claim(
                identifier,
                run_id,
                workspace_id,
                event_id,
                webhook_id,
                event_type,
                kind,
                attempts,
                failures,
                trigger,
                body,
                target,
                trace_id,
            )
        )
    return complete, orphans


def _take_tests(connection: Connection, request: Request, now: datetime) -> list[Any]:
    """Test sends, past every lane: whoever pressed the button waits for the answer."""
    mark, lock = ("?", "") if bulk.is_sqlite(connection) else ("%s", "FOR UPDATE SKIP LOCKED")
    found = connection.exec_driver_sql(
        f"UPDATE delivery SET status = 'sending', due_at = NULL, run_id = {mark} WHERE id IN ("  # noqa: S608 - constants
        f"SELECT id FROM delivery WHERE due_at IS NOT NULL AND kind = 'test' AND due_at <= {mark} "
        f"ORDER BY due_at LIMIT {TESTS_PER_CLAIM} {lock}) RETURNING {_RETURNED}",
        (request.run_id, bulk.moment(connection, now)),
    )
    return list(found.fetchall())


def _lock_lanes(connection: Connection, request: Request, now: datetime) -> list[_Lane]:
    """The lanes that are due, the one served longest ago first; on PostgreSQL their rows are locked from here on."""
    moment = bulk.moment(connection, now)
    query = (
        f"SELECT l.webhook_id, l.tokens, l.tokens_at, l.drain_rate, w.rate_limit {_OPEN_LANES} "
        "AND l.due_at <= {m} AND (l.blocked_until IS NULL OR l.blocked_until <= {m}) AND {free} "
        f"ORDER BY l.served_at, l.webhook_id LIMIT {LANES_PER_CLAIM}"
    )
    full = list(request.full)
    if bulk.is_sqlite(connection):
        free = "l.webhook_id NOT IN (SELECT value FROM json_each(?))" if full else "1"
        parameters = (moment, moment, *((orjson.dumps(full).decode(),) if full else ()))
        found = connection.exec_driver_sql(query.format(m="?", free=free), parameters)
    else:
        statement = query.format(m="%s", free="l.webhook_id <> ALL(%s::text[])") + " FOR UPDATE OF l SKIP LOCKED"
        found = connection.exec_driver_sql(statement, (moment, moment, full))
    return [_Lane(row[0], row[1], bulk.aware(row[2]), row[4], row[3]) for row in found]


def _allowance(lane: _Lane, now: datetime) -> int:
    """How many the webhook's rate limit, and its capped rate while it catches up, allow at this moment."""
    rate = _rate(lane)
    if rate is None:
        return 1_000_000
    burst = max(1.0, rate * _BURST_SECONDS)
    lane.tokens = min(burst, lane.tokens + max((now - lane.tokens_at).total_seconds(), 0.0) * rate)
    lane.tokens_at = now
    return int(lane.tokens + 1e-9)


def _rate(lane: _Lane) -> float | None:
    rates = [rate for rate in (lane.rate, lane.drain_rate) if rate]
    return min(rates) if rates else None


def _take_of(connection: Connection, run_id: str, lanes: Sequence[_Lane], now: datetime) -> list[Any]:
    moment = bulk.moment(connection, now)
    if bulk.is_sqlite(connection):
        wanted = [lane for lane in lanes if lane.limit > 0]
        if not wanted:
            return []
        statement = (
            "UPDATE delivery SET status = 'sending', due_at = NULL, run_id = ? WHERE id IN ("  # noqa: S608 - constants
            f"{' UNION ALL '.join([_EARLIEST_OF_LANE] * len(wanted))}) RETURNING {_RETURNED}"
        )
        picked = [value for lane in wanted for value in (lane.webhook_id, moment, lane.limit)]
        return list(connection.exec_driver_sql(statement, (run_id, *picked)).fetchall())
    returned = ", ".join(f"delivery.{name}" for name in _RETURNED.split(", "))
    found = connection.exec_driver_sql(
        "WITH picked AS (SELECT d.id FROM unnest(%s::text[], %s::int[]) AS l(webhook_id, n) CROSS JOIN LATERAL ("  # noqa: S608 - constants
        "SELECT id FROM delivery WHERE webhook_id = l.webhook_id AND due_at IS NOT NULL AND due_at <= %s "
        "ORDER BY due_at, id LIMIT l.n FOR UPDATE SKIP LOCKED) d) "
        "UPDATE delivery SET status = 'sending', due_at = NULL, run_id = %s FROM picked WHERE delivery.id = picked.id "
        f"RETURNING {returned}",
        ([lane.webhook_id for lane in lanes], [lane.limit for lane in lanes], moment, run_id),
    )
    return list(found.fetchall())


def _settle(connection: Connection, lanes: Sequence[_Lane], rows: Sequence[Any], now: datetime) -> None:
    """Move each lane to what remains of it: due at its earliest delivery, blocked until its rate allows the next one."""
    taken: dict[str, int] = {}
    for row in rows:
        taken[row[3]] = taken.get(row[3], 0) + 1
    earliest = _earliest(connection, [lane.webhook_id for lane in lanes])
    moves: list[tuple[Any, ...]] = []
    for lane in sorted(lanes, key=lambda lane: lane.webhook_id):
        lane.taken = taken.get(lane.webhook_id, 0)
        lane.due_at = earliest.get(lane.webhook_id)
        rate = _rate(lane)
        if lane.due_at is None or lane.due_at > now:
            lane.drain_rate = None  # it has caught up
        if rate is not None:
            lane.tokens -= lane.taken
            if lane.due_at is not None and lane.tokens < 1:
                lane.blocked_until = now + timedelta(seconds=(1 - lane.tokens) / rate)
        moves.append(
            (
                bulk.moment(connection, lane.due_at),
                bulk.moment(connection, now),
                bulk.moment(connection, lane.blocked_until),
                "throttle" if lane.blocked_until else ("draining" if lane.drain_rate else None),
                lane.tokens,
                bulk.moment(connection, lane.tokens_at),
                lane.drain_rate,
                lane.webhook_id,
            )
        )
    _LANE_MOVE.run(connection, moves)


def _earliest(connection: Connection, webhook_ids: Sequence[str]) -> dict[str, datetime]:
    """When the earliest waiting delivery of each webhook is due."""
    inner = "(SELECT due_at FROM delivery WHERE webhook_id = {id} AND due_at IS NOT NULL ORDER BY due_at LIMIT 1)"
    if bulk.is_sqlite(connection):
        found = connection.exec_driver_sql(
            f"SELECT value, {inner.format(id='value')} FROM json_each(?)",  # noqa: S608 - constants
            (orjson.dumps(list(webhook_ids)).decode(),),
        )
    else:
        found = connection.exec_driver_sql(
            f"SELECT l.id, {inner.format(id='l.id')} FROM unnest(%s::text[]) AS l(id)",  # noqa: S608 - constants
            (list(webhook_ids),),
        )
    return {row[0]: bulk.aware(row[1]) for row in found if row[1] is not None}


def _has_more(lane: _Lane, now: datetime) -> bool:
    return lane.due_at is not None and lane.due_at <= now and lane.blocked_until is None and lane.taken == lane.limit > 0


def next_due(connection: Connection, full: Collection[str]) -> datetime | None:
    """When the next delivery is due, of the webhooks whose quota is not used up; a look at lanes, not at deliveries."""
    lanes = (
        "SELECT min(CASE WHEN l.blocked_until IS NOT NULL AND l.blocked_until > l.due_at THEN l.blocked_until ELSE l.due_at END) "
        f"{_OPEN_LANES}"
    )
    tests = "SELECT min(due_at) FROM delivery WHERE due_at IS NOT NULL AND kind = 'test'"
    if bulk.is_sqlite(connection):
        lanes += " AND l.webhook_id NOT IN (SELECT value FROM json_each(?))"
        found = [connection.exec_driver_sql(lanes, (orjson.dumps(list(full)).decode(),)).scalar()]
    else:
        found = [connection.exec_driver_sql(f"{lanes} AND l.webhook_id <> ALL(%s::text[])", (list(full),)).scalar()]
    found.append(connection.exec_driver_sql(tests).scalar())
    return min((bulk.aware(value) for value in found if value is not None), default=None)
