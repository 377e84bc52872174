"""What the roll-ups say about requests: over time, by outcome, by route. Charts read only these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sql
from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from backend.core import clock, ids
from backend.logs import latency
from backend.logs.batches import ROLLUPS, starts_at
from backend.logs.latency import Times
from backend.models import RequestLog

MINUTE: Final = 60
HOUR: Final = 3600
_OUTCOMES: Final = ("ok", "client_error", "limited", "server_error")
_RECENT_FOR_ADDRESSES: Final = 1000
_SHOWN_ADDRESSES: Final = 20


@dataclass(frozen=True, slots=True)
class UsagePoint:
    """Requests in one minute or hour by outcome."""

    starts_at: datetime
    ok: int = 0
    client_error: int = 0
    limited: int = 0
    server_error: int = 0

    @property
    def total(self) -> int:
        """All requests of the point."""
        return self.ok + self.client_error + self.limited + self.server_error


@dataclass(frozen=True, slots=True)
class RouteUsage:
    """Requests to one route: `GET /api/v1/webhooks/{webhook_id}`."""

    route: str
    total: int
    failed: int


@dataclass(frozen=True, slots=True)
class AddressUsage:
    """Requests from one address among the latest thousand."""

    ip: str
    total: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class CallerHour:
    """The requests of a caller in one hour, and how many of them a limit refused."""

    caller_id: str
    starts_at: datetime
    total: int
    limited: int


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as the log has it: from where, when, why it was refused, and the window that was nearest to its end."""

    ip: str
    at: datetime
    refusal: str | None
    limit_name: str | None


@dataclass(frozen=True, slots=True)
class Usage:
    """Requests of a caller, or of a whole workspace, since a time."""

    since: datetime
    width: int
    points: list[UsagePoint]
    ok: int
    client_error: int
    limited: int
    server_error: int
    p50_ms: float | None
    p95_ms: float | None

    @property
    def total(self) -> int:
        """All requests since then."""
        return self.ok + self.client_error + self.limited + self.server_error


def read(session: Session, *, workspace_id: str, caller_id: str | None = None, hours: int = 24) -> Usage:
    """Requests in the last `hours`, in points of a minute up to 2 hours and of an hour beyond, empty points included."""
    width = MINUTE if hours <= 2 else HOUR
    now = clock.now()
    since = starts_at(now - timedelta(hours=hours), width) + timedelta(seconds=width)
    where = _conditions(workspace_id, caller_id, width, since)
    sums = [func.sum(ROLLUPS.c[name]) for name in _OUTCOMES]
    query = sql.select(ROLLUPS.c.starts_at, *sums, *latency.columns(ROLLUPS.c)).where(*where).group_by(ROLLUPS.c.starts_at)
    by_start: dict[datetime, list[int]] = {}
    times: list[Times] = []
    for start, *values in session.connection().execute(query):
        by_start[start] = [int(value) for value in values[: len(_OUTCOMES)]]
        times.append(Times.read(values[len(_OUTCOMES) :]))
    totals = [sum(column) for column in zip(*by_start.values(), strict=True)] or _NOTHING
    count = int((starts_at(now, width) - since).total_seconds()) // width + 1
    points = [
        UsagePoint(start, *by_start.get(start, _NOTHING))
        for start in (since + timedelta(seconds=width * number) for number in range(count))
    ]
    taken = Times.together(times)
    return Usage(
        since,
        width,
        points,
        *totals,
        p50_ms=taken.percentile(0.5),
        p95_ms=taken.percentile(0.95),
    )


def by_route(session: Session, *, workspace_id: str, caller_id: str | None = None, hours: int = 24) -> list[RouteUsage]:
    """The twenty busiest routes of the last `hours`."""
    where = _conditions(workspace_id, caller_id, HOUR, starts_at(clock.now() - timedelta(hours=hours - 1), HOUR))
    failed = func.sum(ROLLUPS.c.client_error + ROLLUPS.c.limited + ROLLUPS.c.server_error)
    total = failed + func.sum(ROLLUPS.c.ok)
    query = sql.select(ROLLUPS.c.route, total, failed).where(*where).group_by(ROLLUPS.c.route).order_by(total.desc()).limit(20)
    return [RouteUsage(route, int(count), int(bad)) for route, count, bad in session.connection().execute(query)]


def by_address(session: Session, *, workspace_id: str, caller_id: str) -> list[AddressUsage]:
    """From where the caller's latest thousand requests came, busiest first."""
    latest = (
        select(RequestLog.ip, RequestLog.created_at)
        .where(RequestLog.workspace_id == workspace_id, RequestLog.caller_id == caller_id)
        .order_by(col(RequestLog.id).desc())
        .limit(_RECENT_FOR_ADDRESSES)
        .subquery()
    )
    count = func.count()
    query = select(latest.c.ip, count, func.max(latest.c.created_at)).group_by(latest.c.ip).order_by(count.desc()).limit(20)
    return [AddressUsage(ip, number, last) for ip, number, last in session.exec(query).all()]


def by_secret(session: Session, *, workspace_id: str, caller_id: str) -> dict[str, list[AddressUsage]]:
    """The same for each secret of a key by its id: who still uses which, and from where."""
    latest = (
        select(RequestLog.secret_id, RequestLog.ip, RequestLog.created_at)
        .where(RequestLog.workspace_id == workspace_id, RequestLog.caller_id == caller_id)
        .order_by(col(RequestLog.id).desc())
        .limit(_RECENT_FOR_ADDRESSES)
        .subquery()
    )
    count = func.count()
    query = select(latest.c.secret_id, latest.c.ip, count, func.max(latest.c.created_at)).group_by(latest.c.secret_id, latest.c.ip)
    found: dict[str, list[AddressUsage]] = {}
    for secret_id, ip, number, last in session.exec(query.order_by(count.desc(), latest.c.ip)).all():
        if secret_id is not None and len(uses := found.setdefault(secret_id, [])) < _SHOWN_ADDRESSES:
            uses.append(AddressUsage(ip, number, last))
    return found


def busy(session: Session, *, workspace_id: str, since: datetime) -> list[CallerHour]:
    """The hours of every caller of a workspace that begin at `since` or later."""
    where = _conditions(workspace_id, None, HOUR, since)
    limited, total = func.sum(ROLLUPS.c.limited), func.sum(_TOTAL)
    query = sql.select(ROLLUPS.c.caller_id, ROLLUPS.c.starts_at, total, limited).where(*where)
    rows = session.connection().execute(query.group_by(ROLLUPS.c.caller_id, ROLLUPS.c.starts_at))
    return [CallerHour(caller, start, int(number), int(refused)) for caller, start, number, refused in rows]


def hours_of(session: Session, *, workspace_id: str, caller_id: str, since: datetime, until: datetime) -> list[int]:
    """How many requests a caller made in each hour from `since` to before `until` in which it made any."""
    where = [*_conditions(workspace_id, caller_id, HOUR, since), ROLLUPS.c.starts_at < until]
    total = func.sum(_TOTAL)
    query = sql.select(total).where(*where).group_by(ROLLUPS.c.starts_at)
    return [int(number) for (number,) in session.connection().execute(query)]


def latest(
    session: Session, *, workspace_id: str, caller_id: str, since: datetime | None = None, until: datetime | None = None
) -> list[Seen]:
    """A caller's latest thousand requests from `since` to before `until`, newest first."""
    query = select(RequestLog.ip, RequestLog.created_at, RequestLog.refusal, RequestLog.limit_name).where(
        RequestLog.workspace_id == workspace_id, RequestLog.caller_id == caller_id
    )
    if since is not None:
        query = query.where(col(RequestLog.id) >= ids.floor("req", int(since.timestamp() * 1000)))
    if until is not None:
        query = query.where(col(RequestLog.id) < ids.floor("req", int(until.timestamp() * 1000)))
    rows = session.exec(query.order_by(col(RequestLog.id).desc()).limit(_RECENT_FOR_ADDRESSES)).all()
    return [Seen(ip, at, refusal, limit) for ip, at, refusal, limit in rows]


def _conditions(workspace_id: str, caller_id: str | None, width: int, since: datetime) -> list[ColumnElement[bool]]:
    where = [ROLLUPS.c.workspace_id == workspace_id, ROLLUPS.c.width == width, ROLLUPS.c.starts_at >= since]
    return [*where, ROLLUPS.c.caller_id == caller_id] if caller_id else where


_TOTAL: Final = ROLLUPS.c.ok + ROLLUPS.c.client_error + ROLLUPS.c.limited + ROLLUPS.c.server_error
_NOTHING: Final = [0] * len(_OUTCOMES)
