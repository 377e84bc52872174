"""A database that goes away and comes back: what was sent is written once, what was claimed is not forgotten, nobody is given up."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import text
from sqlmodel import func, select

from backend.core import bulk, clock, db, ids
from backend.core.errors import Unavailable
from backend.deliveries import engine, jobs, store
from backend.models import Attempt, Delivery, WorkerRun
from tests.factories import deliveries as make
from tests.fakes import raw_receiver
from tests.integration.deliveries import shifts

pytestmark = pytest.mark.usefixtures("database")
AWAY = "The database cannot be reached for now."


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_DATABASE_RETRY_SECONDS", 0.01)


def attempts() -> int:
    with db.transaction() as session:
        return session.exec(select(func.count()).select_from(Attempt)).one()


def failing_writes(monkeypatch: pytest.MonkeyPatch, is_away: Callable[[], bool]) -> None:
    """Outcomes cannot be written while `is_away`."""
    write = store.outcomes.write

    def maybe(session: Any, finished: Any, now: Any) -> Any:
        if finished and is_away():
            raise Unavailable(AWAY)
        return write(session, finished, now)

    monkeypatch.setattr(store.outcomes, "write", maybe)


def test_a_commit_without_an_answer_is_neither_repeated_nor_forgotten(monkeypatch: pytest.MonkeyPatch):
    turn, unheard = store.Store.turn, iter([True, False, False, True, False, True])

    def unanswered(self: store.Store, wanted: store.Turn) -> store.Taken:
        taken = turn(self, wanted)
        if next(unheard, False):
            raise Unavailable(AWAY)
        return taken

    monkeypatch.setattr(store.Store, "turn", unanswered)
    with raw_receiver.running() as receiver:
        target = make.webhook(make.workspace(), receiver.url)
        make.publish(target, count=300)
        shifts.deliver_all()
        assert len(receiver.received) == len(set(receiver.ids())) == 300
    assert attempts() == 300
    assert shifts.webhook(target.id).success_count == 300


def test_outcomes_that_wait_for_the_database_outlast_the_time_of_the_shift(monkeypatch: pytest.MonkeyPatch):
    until = time.monotonic() + 1.5
    failing_writes(monkeypatch, lambda: time.monotonic() < until)
    with raw_receiver.running() as receiver:
        target = make.webhook(make.workspace(), receiver.url)
        published = make.publish(target, count=5)
        shifts.shift(lambda: False, seconds=0.2)
        assert len(receiver.received) == 5
    assert {shifts.delivery(each).status for each in published} == {"delivered"}


def test_outcomes_that_were_refused_together_wait_for_the_database_when_it_goes_away_meanwhile(monkeypatch: pytest.MonkeyPatch):
    errors = iter([ValueError("what one of them says"), Unavailable(AWAY), None, Unavailable(AWAY)])
    write = store.outcomes.write

    def choosy(session: Any, finished: Any, now: Any) -> Any:
        if finished and (error := next(errors, None)):
            raise error
        return write(session, finished, now)

    monkeypatch.setattr(store.outcomes, "write", choosy)
    with raw_receiver.running() as receiver:
        target = make.webhook(make.workspace(), receiver.url)
        published = make.publish(target, count=8)
        shifts.deliver_all()
        assert len(receiver.received) == 8
    assert {shifts.delivery(each).status for each in published} == {"delivered"}
    assert attempts() == 8


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_session_that_is_ended_in_the_midst_of_copying_is_an_outage():
    end = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")

    def copy() -> None:
        with db.transaction(write=True) as session:
            session.connection().execute(text("SELECT 1"))
            with db.transaction(write=True) as other:
                other.connection().execute(end)
            bulk.Insert("worker_run", ("id", "kind")).run(session.connection(), [("run_1", "deliver")])

    with pytest.raises(Unavailable):
        copy()


def test_runs_that_were_silent_in_an_outage_are_given_time_to_be_heard(redis: Redis, monkeypatch: pytest.MonkeyPatch):
    del redis
    monkeypatch.setattr(jobs, "_reached_since", None)
    now = clock.now()
    run = WorkerRun(id=ids.new("run"), kind="deliver", host="elsewhere", pid=1, heartbeat_at=now - timedelta(seconds=20))
    run_id = run.id
    (identifier,) = make.publish(make.webhook(make.workspace(), "https://example.com/hook"))
    with db.transaction(write=True) as session:
        session.add(run)
        row = session.get_one(Delivery, identifier)
        row.status, row.due_at, row.run_id = "sending", None, run_id
    jobs.sweep()
    assert shifts.delivery(identifier).run_id == run_id
    monkeypatch.setattr(jobs, "_reached_since", time.monotonic() - 16)
    with monkeypatch.context() as outage:
        outage.setattr(jobs.sweeping.claims, "next_due", lambda *_args: (_ for _ in ()).throw(Unavailable(AWAY)))
        with pytest.raises(Unavailable):
            jobs.sweep()
    jobs.sweep()
    assert shifts.delivery(identifier).run_id == run_id
    monkeypatch.setattr(jobs, "_reached_since", time.monotonic() - 16)
    jobs.sweep()
    assert shifts.delivery(identifier).run_id is None
