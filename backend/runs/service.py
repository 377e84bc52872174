"""Owns the heartbeat: a row of `worker_run` for each worker process, touched every 5 s from a thread of its own.

RQ's registries are no heartbeat (a killed worker stays listed, a live one vanishes when Redis is emptied); this table is.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import update
from sqlmodel import Session, col, select

from backend.core import clock, db, ids
from backend.core.errors import CrossdockError
from backend.core.logging import logger
from backend.models import WorkerRun
from backend.runs import identity

BEAT: Final = timedelta(seconds=5)
SILENCE: Final = timedelta(seconds=15)

_log = logger(__name__)


@dataclass
class _Run:
    kind: str
    id: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    counts: dict[str, int] = field(default_factory=dict[str, int])


_current: _Run | None = None


def current() -> str:
    """Id of this process's run. It changes if the run was given up as silent. Raises `RuntimeError` outside `running()`."""
    if _current is None:
        raise RuntimeError("This process has no run: runs.running() was not entered.")
    return _current.id


def current_or_none() -> str | None:
    """Id of this process's run; None where it has none."""
    return _current.id if _current is not None else None


def count(*, claimed: int = 0, delivered: int = 0, failed: int = 0) -> None:
    """Add to this run's counters; they are written with its next beat."""
    if _current is None:
        return
    with _current.lock:
        for name, more in (("claimed", claimed), ("delivered", delivered), ("failed", failed)):
            _current.counts[name] = _current.counts.get(name, 0) + more


@contextlib.contextmanager
def running(kind: str) -> Generator[str]:
    """Register a run of this process (`deliver`, `jobs`, `cron`, `web`) and keep its heart beating; ends it with the block."""
    global _current
    run = _Run(kind, _begin(kind))
    _current = run
    over = threading.Event()
    thread = threading.Thread(target=_beat_until, args=(run, over), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield run.id
    finally:
        over.set()
        thread.join()
        with contextlib.suppress(CrossdockError):  # its silence will say the same
            _touch(run, ended=True)
        _current = None


def silent(session: Session, *, now: datetime) -> Sequence[WorkerRun]:
    """Runs that have not ended and were not heard of for 15 s."""
    query = select(WorkerRun).where(col(WorkerRun.ended_at).is_(None), col(WorkerRun.heartbeat_at) < now - SILENCE)
    return session.exec(query).all()


def alive(session: Session, *, now: datetime) -> Sequence[WorkerRun]:
    """Runs that were heard of within the last 15 s, oldest first."""
    query = (
        select(WorkerRun).where(col(WorkerRun.ended_at).is_(None), col(WorkerRun.heartbeat_at) >= now - SILENCE).order_by(col(WorkerRun.id))
    )
    return session.exec(query).all()


def dead_neighbours(session: Session) -> Sequence[WorkerRun]:
    """Runs of this machine that have not ended although their process is gone."""
    query = select(WorkerRun).where(WorkerRun.host == _host(), col(WorkerRun.ended_at).is_(None))
    return [run for run in session.exec(query).all() if _is_dead(run)]


def _beat_until(run: _Run, over: threading.Event) -> None:
    while not over.wait(BEAT.total_seconds()):
        try:
            if not _touch(run):
                run.id = _begin(run.kind)
                _log.warning("run.given_up", kind=run.kind, new_run=run.id)
        except CrossdockError as error:  # the database is away; the next beat tries again
            _log.warning("run.beat_failed", run=run.id, error=error.detail)


def _begin(kind: str) -> str:
    identifier, pid = ids.new("run"), os.getpid()
    run = WorkerRun(id=identifier, kind=kind, host=_host(), pid=pid, identity=identity.of(pid), heartbeat_at=clock.now())
    with db.transaction(write=True) as session:
        session.add(run)
    return identifier


def _host() -> str:
    return socket.gethostname()[:120]


def _is_dead(run: WorkerRun) -> bool:
    """Whether its process is gone for certain; not known of a process of another machine or container, whatever its name."""
    if run.identity is None or (here := identity.place()) is None:
        return not _lives(run.pid)
    return run.identity.rpartition("/")[0] == here and identity.of(run.pid) != run.identity


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _touch(run: _Run, *, ended: bool = False) -> bool:
    """Write the beat and the counters; whether the run still counts as alive."""
    with run.lock:
        counts, run.counts = run.counts, {}
    now = clock.now()
    values = {name: getattr(WorkerRun, name) + more for name, more in counts.items() if more}
    statement = (
        update(WorkerRun)
        .where(col(WorkerRun.id) == run.id, col(WorkerRun.ended_at).is_(None))
        .values(heartbeat_at=now, ended_at=now if ended else None, **values)
    )
    try:
        with db.transaction(write=True) as session:
            return session.connection().execute(statement).rowcount == 1
    except BaseException:
        with run.lock:
            for name, more in counts.items():
                run.counts[name] = run.counts.get(name, 0) + more
        raise
