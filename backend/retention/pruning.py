"""The removal of what was kept for long enough: in small batches, each a transaction of its own, oldest first.

Rows of workspaces are found along the primary key, which sorts by time, so no index is there for this alone. Where workspaces
keep a kind for different times, the walk passes over the older rows of those that keep it longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sql
from sqlalchemy import ColumnElement, Table
from sqlmodel import Session, SQLModel, col, select

from backend.core import clock, db, ids, lifecycle
from backend.logs import errors
from backend.models import (
    Delivery,
    Event,
    IntegrationSync,
    Replay,
    RouteRun,
    SignInFailure,
    UnknownRequest,
    UserSession,
    WorkerRun,
    Workspace,
)
from backend.retention import service
from backend.retention.policy import InstanceRetention, Retention

BATCH: Final = 500
_PAUSE_SECONDS: Final = 0.02  # in which whoever waits for the database has it
_MINUTE, _HOUR = 60, 3600
_TABLES: Final = SQLModel.metadata.tables
_ROLLUPS: Final = ("delivery_rollup", "request_rollup", "provider_rollup", "incoming_rollup")


@dataclass(frozen=True, slots=True)
class Kind:
    """A table whose rows belong to workspaces: its id column with the prefix of the ids, and for how long they are kept.

    Only rows that meet `condition` go.
    """

    table: str
    prefix: str
    days: Callable[[Retention], int]
    key: str = "id"
    condition: ColumnElement[bool] | None = None


# A delivery before its event, what belongs to a row before the row.
KINDS: Final = (
    Kind("request_log", "req", lambda kept: kept.requests),
    Kind("incoming_request", "irq", lambda kept: kept.incoming),
    Kind("incoming_seen", "irq", lambda kept: kept.incoming, key="request_id"),
    Kind("integration_sync_error", "ser", lambda kept: kept.integrations),
    Kind("integration_sync", "syn", lambda kept: kept.integrations, condition=col(IntegrationSync.finished_at).is_not(None)),
    Kind("integration_event", "ivt", lambda kept: kept.integrations),
    Kind("error_entry", errors.ID_PREFIX, lambda kept: kept.errors),
    Kind("attempt_body", "att", lambda kept: kept.attempt_bodies, key="attempt_id"),
    Kind("attempt", "att", lambda kept: kept.attempts),
    Kind("delivery", "dlv", lambda kept: kept.deliveries, condition=col(Delivery.finished_at).is_not(None)),
    Kind("route_run", "rrn", lambda kept: kept.deliveries, condition=col(RouteRun.finished_at).is_not(None)),
    Kind("replay_item", "rpi", lambda kept: kept.deliveries),
    Kind("replay", "rpl", lambda kept: kept.deliveries, condition=col(Replay.finished_at).is_not(None)),
    Kind(
        "event",
        "evt",
        lambda kept: kept.deliveries,
        condition=~select(Delivery.id).where(col(Delivery.event_id) == col(Event.id)).correlate(Event).exists(),
    ),
)


def prune() -> dict[str, int]:
    """Remove everything that was kept for long enough; how many rows of each table. Ends early when the process is to stop."""
    now = clock.now()
    with db.transaction() as session:
        kept = {row.id: service.of_workspace(row) for row in session.exec(select(Workspace)).all()}
        instance = service.of_instance(session)
    kept[errors.INSTANCE] = Retention(errors=instance.errors)
    removed = {kind.table: _walk(kind, {name: _floor(kind, days, now) for name, days in kept.items()}) for kind in KINDS}
    removed |= {table.name: _remove(table, *where) for table, where in _instance_kinds(instance, now)}
    for name in _ROLLUPS:
        removed[name] = sum(_remove_figures(_TABLES[name], workspace_id, instance, now) for workspace_id in kept)
    return {name: count for name, count in removed.items() if count}


def _floor(kind: Kind, kept: Retention, now: datetime) -> str:
    """The smallest id that is kept."""
    return ids.floor(kind.prefix, int((now - timedelta(days=kind.days(kept))).timestamp() * 1000))


def _walk(kind: Kind, floors: Mapping[str, str]) -> int:
    """Remove the rows of a kind that are older than their workspace keeps it; how many."""
    table = _TABLES[kind.table]
    key, condition = table.c[kind.key], () if kind.condition is None else (kind.condition,)
    latest, longest, after, removed = max(floors.values()), min(floors.values()), "", 0
    while not lifecycle.stop_requested():
        query = sql.select(key, table.c.workspace_id).where(key > after, key < latest, *condition).order_by(key).limit(BATCH)
        with db.transaction() as session:
            found = session.connection().execute(query).all()
        # What belongs to no workspace any more goes with the last of all others.
        old = [identifier for identifier, workspace_id in found if identifier < floors.get(workspace_id, longest)]
        if old:
            with db.transaction(write=True) as session:
                removed += _execute(session, sql.delete(table).where(key.in_(old), *condition))
        if len(found) < BATCH:
            break
        after = found[-1][0]
        lifecycle.wait(_PAUSE_SECONDS)
    return removed


def _instance_kinds(kept: InstanceRetention, now: datetime) -> Iterator[tuple[Table, tuple[ColumnElement[bool], ...]]]:
    """The instance's tables, and which of their rows go."""

    def before(days: int) -> datetime:
        return now - timedelta(days=days)

    def below(prefix: str, days: int) -> str:
        return ids.floor(prefix, int(before(days).timestamp() * 1000))

    yield _TABLES["unknown_request"], (col(UnknownRequest.id) < below("req", kept.unknown_requests),)
    yield _TABLES["sign_in_failure"], (col(SignInFailure.id) < below("sif", kept.sign_in_failures),)
    ended = before(kept.sessions)
    yield _TABLES["user_session"], (sql.or_(col(UserSession.expires_at) < ended, col(UserSession.revoked_at) < ended),)
    # Those that lost deliveries stay: monitoring tells how many were ever recovered.
    run = (col(WorkerRun.heartbeat_at) < before(kept.worker_runs), col(WorkerRun.ended_at).is_not(None), col(WorkerRun.recovered) == 0)
    yield _TABLES["worker_run"], run


def _remove_figures(table: Table, workspace_id: str, kept: InstanceRetention, now: datetime) -> int:
    widths = ((_MINUTE, kept.minute_figures), (_HOUR, kept.hour_figures))
    columns = table.c
    return sum(
        _remove(table, columns.workspace_id == workspace_id, columns.width == width, columns.starts_at < now - timedelta(days=days))
        for width, days in widths
    )


def _remove(table: Table, *where: ColumnElement[bool]) -> int:
    """Remove the rows of a table that meet conditions, batch by batch; how many."""
    keys = list(table.primary_key.columns)
    key = keys[0] if len(keys) == 1 else sql.tuple_(*keys)
    statement = sql.delete(table).where(key.in_(sql.select(*keys).where(*where).limit(BATCH)))
    removed = 0
    while not lifecycle.stop_requested():
        with db.transaction(write=True) as session:
            count = _execute(session, statement)
        removed += count
        if count < BATCH:
            break
        lifecycle.wait(_PAUSE_SECONDS)
    return removed


def _execute(session: Session, statement: Any) -> int:
    return session.connection().execute(statement).rowcount
