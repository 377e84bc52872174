"""Repairing what was left behind: deliveries of runs that went silent, lanes that forgot what is due, shifts that nobody began."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlmodel import Session, col, select, update

from backend.core import clock, db, queue
from backend.core.logging import logger
from backend.deliveries import claims, lanes, store
from backend.models import Delivery, Webhook, WorkerRun
from backend.runs import service as runs
from backend.webhooks import missed

DELETED_WITHIN: Final = timedelta(hours=1)

_log = logger(__name__)


def sweep(*, gives_up: bool = True) -> int:
    """One sweep, idempotent; how many deliveries were freed. To be run under a lock, though two at a time do no harm.

    `gives_up`: whether silent runs count as lost; not while the silence may have been that of the database.
    """
    now = clock.now()
    with db.transaction() as session:
        is_broken = bool((gives_up and _lost_runs(session, now)) or _forgetful_lanes(session) or _is_left_behind(session, now))
        due = claims.next_due(session.connection(), ())
    freed = _repair(now, gives_up=gives_up) if is_broken else 0
    if freed or (due is not None and due <= now):
        queue.wake_deliver()
    queue.enqueue_shift()  # so that a worker finds one although Redis was emptied
    return freed


def free_dead_neighbours() -> int:
    """Free what runs of this machine hold whose process is gone, without waiting for their silence; how many deliveries."""
    now, freed = clock.now(), 0
    with db.transaction() as session:
        dead = [run.id for run in runs.dead_neighbours(session)]
    if dead:
        with db.transaction(write=True) as session:
            freed = sum(_free(session, run_id, now) for run_id in dead)
        _log.warning("sweep.recovered", deliveries=freed, runs=dead)
    return freed


def _lost_runs(session: Session, now: datetime) -> list[str]:
    """Runs that went silent, and runs that ended or are unknown but still hold deliveries."""
    silent = [run.id for run in runs.silent(session, now=now)]
    holding = session.connection().execute(text("SELECT DISTINCT run_id FROM delivery WHERE run_id IS NOT NULL")).scalars().all()
    alive = {run.id for run in runs.alive(session, now=now)}
    return sorted({*silent, *(run_id for run_id in holding if run_id not in alive)})


def _free(session: Session, run_id: str, now: datetime) -> int:
    """End a lost run and free what it holds. Its own process notices at its next beat and goes on under a new run."""
    freed = store.free(session, run_id)
    statement = update(WorkerRun).where(col(WorkerRun.id) == run_id)
    session.exec(statement.where(col(WorkerRun.ended_at).is_(None)).values(ended_at=now))
    session.exec(statement.values(recovered=col(WorkerRun.recovered) + freed))
    return freed


def _forgetful_lanes(session: Session) -> Sequence[str]:
    """Webhooks whose lane does not know of their earliest due delivery."""
    query = (
        "SELECT l.webhook_id FROM lane l WHERE EXISTS (SELECT 1 FROM delivery d WHERE d.webhook_id = l.webhook_id "
        "AND d.due_at IS NOT NULL AND (l.due_at IS NULL OR d.due_at < l.due_at))"
    )
    return session.connection().execute(text(query)).scalars().all()


def _is_left_behind(session: Session, now: datetime) -> bool:
    """Whether something waits for a webhook that was deleted of late: accepted or sent while it went."""
    gone = select(Webhook.id).where(col(Webhook.deleted_at) > now - DELETED_WITHIN)
    query = select(Delivery.id).where(col(Delivery.webhook_id).in_(gone), col(Delivery.due_at).is_not(None)).limit(1)
    return session.exec(query).first() is not None


def _repair(now: datetime, *, gives_up: bool) -> int:
    with db.transaction(write=True) as session:
        lost = _lost_runs(session, now) if gives_up else []
        freed = sum(_free(session, run_id, now) for run_id in lost)
        lanes.due(session.connection(), _forgetful_lanes(session), now)
        missed.cancel_left_behind(session, since=now - DELETED_WITHIN)
    if freed:
        _log.warning("sweep.recovered", deliveries=freed, runs=lost)
    return freed
