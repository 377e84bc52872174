"""The worker processes by their heartbeats: who lives, who went silent, and what was recovered from those that were lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.core import clock, permissions
from backend.core.actor import Actor
from backend.models import WorkerRun
from backend.runs import service as runs

SHOWN_FOR: Final = timedelta(hours=24)
MOST_SHOWN: Final = 100


class WorkerState(StrEnum):
    """How a run of a worker process is, or how it ended."""

    ALIVE = "alive"
    SILENT = "silent"  # not heard of for 15 s; what it holds is about to be freed
    LOST = "lost"  # it died or hung, and what it held was freed
    ENDED = "ended"  # in order


@dataclass(frozen=True, slots=True)
class Worker:
    """One run of a worker process. `recovered` deliveries were freed from it after it was lost.

    `host` and `pid` are for those who may see the instance, None for everybody else.
    """

    id: str
    kind: str
    state: WorkerState
    host: str | None
    pid: int | None
    started_at: datetime
    heartbeat_at: datetime
    ended_at: datetime | None
    claimed: int
    delivered: int
    failed: int
    recovered: int


@dataclass(frozen=True, slots=True)
class Workers:
    """The worker processes of the installation: how many live and are silent, what was ever recovered, the last 24 hours' runs."""

    alive: int
    silent: int
    recovered: int
    runs: list[Worker]


def read(session: Session, *, actor: Actor) -> Workers:
    """The workers, latest heartbeat first, at most 100. They serve every workspace, so the figures are those of the installation."""
    permissions.require(actor, permissions.METRICS_READ)
    now, sees_inside = clock.now(), permissions.allows(actor, permissions.INSTANCE_READ)
    query = (
        select(WorkerRun)
        .where(col(WorkerRun.heartbeat_at) >= now - SHOWN_FOR)
        .order_by(col(WorkerRun.heartbeat_at).desc(), col(WorkerRun.id).desc())
        .limit(MOST_SHOWN)
    )
    shown = [_worker(run, now, sees_inside=sees_inside) for run in session.exec(query).all()]
    return Workers(
        alive=len(runs.alive(session, now=now)),
        silent=len(runs.silent(session, now=now)),
        recovered=session.exec(select(func.coalesce(func.sum(WorkerRun.recovered), 0))).one(),
        runs=shown,
    )


def _worker(run: WorkerRun, now: datetime, *, sees_inside: bool) -> Worker:
    return Worker(
        id=run.id,
        kind=run.kind,
        state=_state(run, now),
        host=run.host if sees_inside else None,
        pid=run.pid if sees_inside else None,
        started_at=run.created_at,
        heartbeat_at=run.heartbeat_at,
        ended_at=run.ended_at,
        claimed=run.claimed,
        delivered=run.delivered,
        failed=run.failed,
        recovered=run.recovered,
    )


def _state(run: WorkerRun, now: datetime) -> WorkerState:
    if run.ended_at is None:
        return WorkerState.SILENT if run.heartbeat_at < now - runs.SILENCE else WorkerState.ALIVE
    # Who ends in order says so with its last beat; who was lost is ended by another, after it.
    return WorkerState.ENDED if run.ended_at == run.heartbeat_at else WorkerState.LOST
