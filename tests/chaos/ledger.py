"""What a run owes: counted at each kill, and judged at its end against the receiver, the database and monitoring.

A worker that dies may have requests under way whose outcome it had not written. Those go out again, and nothing else may: so
at each kill, with the worker dead and the receiver settled, they are counted as the deliveries that the database says the dead
run holds and of which the receiver saw one request more than the database has attempts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from sqlmodel import col, func, select

from backend.core import db
from backend.models import Attempt, Delivery, Event, WorkerRun
from tests.chaos.inbox import Inbox
from tests.chaos.publisher import Publisher

FAN_OUT = 2


@dataclass
class Ledger:
    """The kills of a run, and what they cost."""

    killed: Counter[str] = field(default_factory=Counter[str])
    held: int = 0  # deliveries that dead workers held: they must be recovered
    bound: int = 0  # of these, requests that had started and whose outcome was not written: they may be seen twice
    _runs: set[str] = field(default_factory=set[str])
    _lost: Counter[str] = field(default_factory=Counter[str])

    def note_death(self, pids: Collection[int], inbox: Inbox) -> None:
        """Count what these dead deliver workers left behind; before anybody else can have freed it."""
        inbox.settle()
        with db.transaction() as session:
            died = select(WorkerRun.id).where(col(WorkerRun.pid).in_(pids), WorkerRun.kind == "deliver")
            runs = [run for run in session.exec(died).all() if run not in self._runs]
            held = session.exec(select(Delivery.id).where(col(Delivery.run_id).in_(runs))).all()
            written = select(Attempt.delivery_id, func.count()).where(col(Attempt.delivery_id).in_(held)).group_by(col(Attempt.delivery_id))
            recorded = dict(session.exec(written).all())
        begun = [each for each in held if inbox.by_delivery[each] > recorded.get(each, 0) + self._lost[each]]
        self._runs.update(runs)
        self._lost.update(begun)
        self.held += len(held)
        self.bound += len(begun)


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table: a run of a scenario, and which laws it broke."""

    scenario: str
    database: str
    killed: Counter[str]
    accepted: int
    delivered: int
    duplicates: int
    bound: int
    recovered: int
    seconds: float
    remark: str
    broken: tuple[str, ...]


def unfinished() -> int:
    """How many deliveries are not delivered."""
    with db.transaction() as session:
        return session.exec(select(func.count()).where(col(Delivery.status) != "delivered")).one()


def delivered_events(inbox: Inbox) -> set[str]:
    """The events of which every delivery is delivered, by the database and by the receiver."""
    with db.transaction() as session:
        rows = session.exec(select(Delivery.event_id, Delivery.id, Delivery.status)).all()
    whole: Counter[str] = Counter(event for event, delivery, status in rows if status == "delivered" and inbox.by_delivery[delivery])
    return {event for event, count in whole.items() if count == FAN_OUT}


def broken_laws(ledger: Ledger, inbox: Inbox, publisher: Publisher, recovered: int, logs: Iterable[str]) -> list[str]:
    """Every law that does not hold, in a sentence."""
    whole = delivered_events(inbox)
    with db.transaction() as session:
        events = set(session.exec(select(Event.id)).all())
        keys = Counter(key for key in session.exec(select(Event.idempotency_key)).all() if key is not None)
        known = set(session.exec(select(Delivery.id)).all())
        attempts = dict(session.exec(select(Attempt.delivery_id, func.count()).group_by(col(Attempt.delivery_id))).all())
        stuck = session.exec(select(func.count()).where(col(Delivery.run_id).is_not(None) | col(Delivery.due_at).is_not(None))).one()
    seen = inbox.by_delivery
    laws = {
        f"{len(publisher.accepted - whole)} accepted events are not delivered": publisher.accepted <= whole,
        f"{len(events - whole)} stored events are not delivered": events <= whole,
        f"{len(set(seen) - known)} requests were for deliveries that are not stored": set(seen) <= known,
        f"{sum(count > 1 for count in keys.values())} idempotency keys made more than one event": max(keys.values(), default=1) == 1,
        f"{len(publisher.keys - set(keys))} accepted idempotency keys are not stored": publisher.keys <= set(keys),
        f"{inbox.duplicates} duplicates, at most {ledger.bound} may be": inbox.duplicates <= ledger.bound,
        f"{stuck} delivered deliveries are held or due": stuck == 0,
        "attempts are logged that the receiver did not see": all(count <= seen[each] for each, count in attempts.items()),
        f"monitoring tells of {recovered} recovered deliveries, {ledger.held} were held by the killed": recovered == ledger.held,
        "a log says that the database is locked": not any("database is locked" in line for line in logs),
    }
    return [sentence for sentence, holds in laws.items() if not holds]
