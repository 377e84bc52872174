"""One worker's turn at a sync: the row is its own while its lease lasts, and everything it stores is guarded by that."""

from __future__ import annotations

import functools
import time
from datetime import timedelta
from typing import Final

from sqlalchemy import and_, or_, update
from sqlmodel import Session, col, select

from backend.core import clock, db, ids, lifecycle, queue
from backend.integrations import timeline
from backend.integrations.service import offer
from backend.models import IntegrationSync
from backend.runs import service as runs

LEASE: Final = timedelta(seconds=90)  # longer than a page may take: a refresh, an answer, a batch
SLICE_SECONDS: Final = 20.0
_OFFER: Final = timedelta(seconds=10)
_OFFERED: Final = 50


class Lost(Exception):
    """Somebody else runs the sync by now, or it was cancelled."""


class Turn:
    """A sync that this worker runs; `sync` is its row as it was read last."""

    def __init__(self, sync: IntegrationSync, owner: str) -> None:
        self.sync, self.owner = sync, owner
        self._until = time.monotonic() + SLICE_SECONDS

    @property
    def is_over(self) -> bool:
        """Whether others must have their turn now."""
        return time.monotonic() > self._until or lifecycle.stop_requested()

    def mine(self, session: Session) -> IntegrationSync:
        """The row, still ours, its lease renewed. Raises `Lost`."""
        renewed = (
            update(IntegrationSync)
            .where(
                col(IntegrationSync.id) == self.sync.id,
                col(IntegrationSync.owner) == self.owner,
                col(IntegrationSync.finished_at).is_(None),
            )
            .values(lease_until=clock.now() + LEASE)
        )
        if session.connection().execute(renewed).rowcount != 1:
            raise Lost
        self.sync = session.get_one(IntegrationSync, self.sync.id)
        return self.sync

    def hand_over(self) -> None:
        """Let others have their turn: this worker has other work too."""
        with db.transaction(write=True) as session:
            sync = self.mine(session)
            sync.status, sync.owner, sync.lease_until = "queued", None, clock.now() + _OFFER
            db.after_commit(session, functools.partial(offer, sync.id))

    def tell(self, session: Session) -> None:
        """Have open consoles show how far it is, after the commit."""
        workspace_id = self.sync.workspace_id
        db.after_commit(session, lambda: queue.publish(workspace_id, timeline.TOPIC), key=(timeline.TOPIC, workspace_id))


def take(sync_id: str) -> Turn | None:
    """Begin a turn; None if somebody else runs the sync, or it must wait."""
    now, owner = clock.now(), new_owner()
    is_new = and_(col(IntegrationSync.owner).is_(None), col(IntegrationSync.status) == "queued")
    statement = (
        update(IntegrationSync)
        .where(
            col(IntegrationSync.id) == sync_id,
            col(IntegrationSync.finished_at).is_(None),
            or_(is_new, col(IntegrationSync.lease_until) <= now),
        )
        .values(owner=owner, lease_until=now + LEASE, status="running")
    )
    with db.transaction(write=True) as session:
        if session.connection().execute(statement).rowcount != 1:
            return None
        sync = session.get_one(IntegrationSync, sync_id)
        sync.started_at = sync.started_at or now
        counted: dict[str, int] = (sync.page or {}).get("counted") or {}
        for name, value in counted.items():  # a page that was begun is begun again
            setattr(sync, name, value)
        return Turn(sync, owner)


def offer_waiting() -> int:
    """Hand syncs that nobody runs to the workers; how many. Those of a worker that is dead or silent wait no longer for its lease."""
    now = clock.now()
    is_open = col(IntegrationSync.finished_at).is_(None)
    with db.transaction() as session:
        due = select(IntegrationSync.id).where(is_open, col(IntegrationSync.lease_until) <= now)
        found = list(session.exec(due.limit(_OFFERED)).all())
        held = select(IntegrationSync.id, IntegrationSync.owner).where(
            is_open, col(IntegrationSync.owner).is_not(None), col(IntegrationSync.lease_until) > now
        )
        left = left_behind(session, dict(session.exec(held.limit(_OFFERED)).all()))
    if left:
        _free(left)
    for identifier in dict.fromkeys([*found, *left]):
        offer(identifier)
    return len({*found, *left})


def left_behind(session: Session, owners: dict[str, str | None]) -> dict[str, str]:
    """Of what is held, by its id with its owner, what is held by a worker that does not run any more."""
    if not owners:
        return {}
    dead = {run.id for run in runs.dead_neighbours(session)}
    alive = {run.id for run in runs.alive(session, now=clock.now())} - dead
    found = {identifier: owner for identifier, owner in owners.items() if owner}
    return {identifier: owner for identifier, owner in found.items() if _run_of(owner) and _run_of(owner) not in alive}


def _free(left: dict[str, str]) -> None:
    with db.transaction(write=True) as session:
        for identifier, owner in left.items():
            still = (col(IntegrationSync.id) == identifier, col(IntegrationSync.owner) == owner, col(IntegrationSync.finished_at).is_(None))
            session.exec(update(IntegrationSync).where(*still).values(lease_until=clock.now()))


def new_owner() -> str:
    """A token of this turn, with the worker's run where this is one: by its heartbeat others know whether it lives."""
    run = runs.current_or_none()
    return f"{run}/{ids.new('own')}"[:64] if run is not None else ids.new("own")


def _run_of(owner: str) -> str:
    run, slash, _ = owner.partition("/")
    return run if slash else ""
