"""Running replays: ticks of a tenth of a second in which each makes as many items as its rate allows.

Items, their deliveries and the cursor behind them share one transaction, so whoever is killed in the middle leaves nothing out and
makes nothing twice. What is kept in memory here is a look ahead and the pace; both are found again from the rows.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sqlalchemy import and_, or_
from sqlmodel import Session, col, select

from backend.core import clock, db, lifecycle
from backend.core.errors import Unavailable
from backend.core.logging import logger
from backend.models import Delivery, Replay, Webhook
from backend.replays import making, policy, queries
from backend.replays.values import Kind, Status

TICK_SECONDS: Final = 0.1
_AHEAD_SECONDS: Final = 2.0  # of items looked up at once: what is dear to find is found seldom
_LEAST_AHEAD: Final = 20
_TELL_SECONDS: Final = 0.5
_TIDY_SECONDS: Final = 1.0
_AFTER_FAILURE_SECONDS: Final = 10.0
# An attempt that had begun before its replay was cancelled fails within a minute, or is freed after its worker's end; and then
# cron may be away for a while.
_LEFT_BEHIND: Final = timedelta(hours=1)

_log = logger(__name__)


@dataclass
class _Active:
    """A replay that runs: its pace, the ids that are next, where they were looked up to, and the cursor that its row must have."""

    pace: policy.Pace
    cursor: str | None
    after: str | None
    ids: deque[str] = field(default_factory=deque[str])
    is_end: bool = False
    told_at: float = 0.0


class Runner:
    """Advances every replay that runs until none does. `clock` tells monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._active: dict[str, _Active] = {}
        self._resting: dict[str, float] = {}  # what failed, until when
        self._tidied_at = -_TIDY_SECONDS

    def run(self) -> None:
        """Work until nothing runs, or this process is asked to stop. Raises `Unavailable` when the database is away."""
        while not lifecycle.stop_requested():
            begun = self._clock()
            if not self.tick():
                return
            lifecycle.wait(TICK_SECONDS - (self._clock() - begun))

    def tick(self) -> bool:
        """Give each replay that runs its turn; whether any does."""
        now = self._clock()
        if now - self._tidied_at >= _TIDY_SECONDS:
            self._tidied_at = now
            _cancel_left_behind()
        running = [replay for replay in _running() if self._resting.get(replay.id, now) <= now]
        self._active = {replay.id: self._known(replay, now) for replay in running}
        for replay in running:
            try:
                self._turn(replay, self._active[replay.id])
            except Unavailable:
                raise
            except Exception:  # noqa: BLE001 - whatever it was, the other replays go on, and this one later
                self._resting[replay.id] = now + _AFTER_FAILURE_SECONDS
                _log.exception("replay.failed", replay=replay.id)
        return bool(running)

    def _known(self, replay: Replay, now: float) -> _Active:
        active = self._active.get(replay.id)
        if active is None or active.cursor != replay.cursor:  # new here, or advanced by another process
            rate = replay.rate or policy.DEFAULT_RATE
            return _Active(policy.Pace(rate, now), replay.cursor, replay.cursor)
        return active

    def _turn(self, replay: Replay, active: _Active) -> None:
        now = self._clock()
        allowed = active.pace.allowance(now)
        if not allowed:
            return
        if len(active.ids) < allowed and not active.is_end:
            _look_ahead(replay, active)
        chunk = [active.ids.popleft() for _ in range(min(allowed, len(active.ids)))]
        is_last = active.is_end and not active.ids
        if not chunk and not is_last:
            return
        tells = is_last or now - active.told_at >= _TELL_SECONDS
        with db.transaction(write=True) as session:
            advanced = _advance(session, replay.id, active.cursor, chunk, is_last=is_last)
            if advanced and tells:
                making.announce(session, replay.workspace_id)
        if not advanced:
            del self._active[replay.id]
            return
        # Counted for the moment at which they are there: what a slow commit held up must not meet what follows in one second.
        active.pace.spend(len(chunk), self._clock())
        active.cursor = chunk[-1] if chunk else active.cursor
        if tells:
            active.told_at = now


def _running() -> Sequence[Replay]:
    """What runs, oldest first. What a webhook missed waits while that is disabled again."""
    held = and_(col(Replay.kind) == Kind.MISSED, col(Webhook.state) == "disabled", col(Webhook.deleted_at).is_(None))
    query = (
        select(Replay)
        .join(Webhook, col(Webhook.id) == col(Replay.webhook_id), isouter=True)
        .where(col(Replay.status) == Status.RUNNING, or_(col(Webhook.id).is_(None), ~held))
        .order_by(col(Replay.id))
    )
    with db.transaction() as session:
        return session.exec(query).all()


def _look_ahead(replay: Replay, active: _Active) -> None:
    limit = max(int(active.pace.rate * _AHEAD_SECONDS), _LEAST_AHEAD)
    with db.transaction() as session:
        found = queries.ahead(session, replay, active.after, limit)
    active.ids.extend(found.ids)
    active.after, active.is_end = found.after, found.is_end


def _advance(session: Session, replay_id: str, cursor: str | None, chunk: Sequence[str], *, is_last: bool) -> bool:
    """Make the items of `chunk` and move the cursor behind them, unless somebody stopped the replay or moved it; whether it was done."""
    replay = making.lock(session, replay_id)
    if replay is None or replay.status != Status.RUNNING or replay.cursor != cursor:
        return False
    now = clock.now()
    if chunk:
        making.make(session, replay, queries.candidates(session, replay, chunk), now)
        replay.cursor = chunk[-1]
    replay.advanced_at = now
    if is_last:
        # What no longer matched when its turn came is not counted any more.
        replay.status, replay.finished_at, replay.total = Status.DONE, now, replay.queued + replay.skipped
    return True


def _cancel_left_behind() -> None:
    """Cancel what was being sent when its replay was cancelled, failed, and waits again."""
    with db.transaction() as session:
        since = clock.now() - _LEFT_BEHIND
        cancelled = session.exec(select(Replay.id).where(Replay.status == Status.CANCELLED, col(Replay.finished_at) > since)).all()
        query = select(Delivery.id).where(*queries.waiting(cancelled), queries.RETURNED).limit(1)
        waits = bool(cancelled) and session.exec(query).first() is not None
    if waits:
        with db.transaction(write=True) as session:
            making.cancel_waiting(session, cancelled, clock.now(), left_behind=True)
