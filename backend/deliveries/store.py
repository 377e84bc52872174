"""The shift's way to the database: one transaction at a time, in one thread, that writes outcomes and claims what is due."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import case, update
from sqlmodel import Session, col, select

from backend.core import clock, db
from backend.core.errors import Unavailable
from backend.core.logging import logger
from backend.deliveries import claims, lanes, outcomes
from backend.deliveries.outcomes import Prepared
from backend.deliveries.targets import Targets
from backend.deliveries.values import Claim, Exchange, Finished, Outcome
from backend.models import Attempt, Delivery
from backend.runs import service as runs

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one transaction is to do: write these outcomes, hand these claims back, claim up to `limit` more."""

    finished: Sequence[Finished] = ()
    returned: Sequence[Claim] = ()
    limit: int = 0
    quota: Callable[[str], int] = lambda _webhook_id: 0
    full: Sequence[str] = ()
    # After a commit of which no answer came: what the shift knows that it holds. That transaction may have happened all the same.
    held: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What one transaction brought."""

    claims: list[Claim] = field(default_factory=list[Claim])
    more: bool = False
    next_due: datetime | None = None


class Store:
    """Database work of one shift; not for several threads at once. `run_id` names the run that holds what is claimed."""

    def __init__(self, run_id: Callable[[], str]) -> None:
        self._run_id = run_id
        self._targets = Targets()

    def begin(self) -> None:
        """Free what an earlier shift of this run still held: it ended by an error."""
        with db.transaction(write=True) as session:
            free(session, self._run_id())

    def turn(self, turn: Turn) -> Taken:
        """One transaction. Raises `Unavailable` when the database is away; then nothing of it has happened."""
        now = clock.now()
        # Before the transaction, since nobody else can write to SQLite while it lasts.
        prepared: Sequence[Prepared] = outcomes.prepare(turn.finished, now, is_sqlite=db.database().is_sqlite)
        with db.transaction(write=True) as session:
            if turn.held is not None:
                prepared = self._reconcile(session, prepared, turn.held)
            results = outcomes.write(session, prepared, now)
            outcomes.release(session, turn.returned, now)
            taken = self._claim(session, turn, now) if turn.limit > 0 else Taken()
        delivered = sum(result.outcome is Outcome.DELIVERED for result in results)
        failed = sum(result.outcome is Outcome.FAILED for result in results)
        runs.count(claimed=len(taken.claims), delivered=delivered, failed=failed)
        return taken

    def write_one_by_one(self, finished: Sequence[Finished]) -> Sequence[Finished]:
        """Write outcomes that together were refused, each for itself; what is refused again without what the receiver sent.

        Returns those that are still to be written because the database went away meanwhile.
        """
        for index, each in enumerate(finished):
            try:
                self._write_one(each)
            except Unavailable:
                return finished[index:]
        return ()

    def _write_one(self, each: Finished) -> None:
        try:
            self.turn(Turn([each]))
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - the cause is in what came from outside
            _log.error("shift.outcome_refused", delivery=each.claim.id, error=type(error).__name__)
            sent = each.exchange
            bare = Exchange(sent.started_at, sent.total_ms, {}, sent.status_code, sent.error_class)
            self.turn(Turn([Finished(each.claim, bare)]))

    def _reconcile(self, session: Session, prepared: Sequence[Prepared], held: Collection[str]) -> Sequence[Prepared]:
        """The outcomes that are not written yet; frees what this run has claimed without the shift's having heard of it."""
        free(session, self._run_id(), keep=held)
        query = select(Attempt.delivery_id, Attempt.number, Attempt.run_id).where(
            col(Attempt.delivery_id).in_({each.claim.id for each in prepared})
        )
        written = set(session.exec(query).all())
        return [each for each in prepared if (each.claim.id, each.claim.attempt_count + 1, each.claim.run_id) not in written]

    def _claim(self, session: Session, turn: Turn, now: datetime) -> Taken:
        run_id, connection = self._run_id(), session.connection()
        claimed = claims.take(connection, claims.Request(run_id, turn.limit, turn.quota, turn.full), now)
        if not claimed.rows:
            return Taken(more=claimed.more, next_due=claimed.next_due)
        bodies = claims.bodies(connection, {row[2] for row in claimed.rows})
        targets = self._targets.load(session, {row[3] for row in claimed.rows}, now)
        complete, orphans = claims.claims(claimed.rows, run_id, bodies, targets)
        outcomes.cancel(connection, orphans, run_id, now)
        return Taken(complete, claimed.more, claimed.next_due)


def free(session: Session, run_id: str, *, keep: Collection[str] = ()) -> int:
    """Make what a run holds due again at once, but for `keep`, for whoever claims it next; how many. It counts as no failure."""
    now = clock.now()
    status = case((col(Delivery.attempt_count) > 0, "retrying"), else_="waiting")
    statement = (
        update(Delivery)
        .where(col(Delivery.run_id) == run_id, col(Delivery.id).not_in(sorted(keep)))
        .values(status=status, due_at=now, run_id=None, trigger="recovered")
        .returning(col(Delivery.webhook_id))
    )
    freed = session.connection().execute(statement).all()
    if freed:
        lanes.due(session.connection(), {row[0] for row in freed}, now)
    return len(freed)
