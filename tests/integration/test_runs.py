"""Heartbeats of worker processes, and locks across them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col

from backend.core import clock, db, locks
from backend.models import WorkerRun
from backend.runs import service as runs
from tests.waiting import eventually


def row(run_id: str) -> WorkerRun:
    with db.transaction() as session:
        found = session.get(WorkerRun, run_id)
        assert found is not None
        return found


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beats that a test can wait for."""
    monkeypatch.setattr(runs, "BEAT", timedelta(seconds=0.05))


@pytest.mark.usefixtures("database", "fast")
def test_a_run_beats_counts_and_ends():
    with runs.running("deliver") as run_id:
        assert runs.current() == run_id
        first = row(run_id).heartbeat_at
        runs.count(claimed=3, delivered=2)
        runs.count(failed=1)

        eventually(lambda: row(run_id).heartbeat_at > first)
        eventually(lambda: row(run_id).claimed == 3)

    ended = row(run_id)
    assert ended.ended_at is not None
    assert (ended.claimed, ended.delivered, ended.failed) == (3, 2, 1)
    with pytest.raises(RuntimeError):
        runs.current()


@pytest.mark.usefixtures("database", "fast")
def test_what_was_counted_last_is_written_at_the_end():
    with runs.running("jobs") as run_id:
        runs.count(delivered=5)

    assert row(run_id).delivered == 5


@pytest.mark.usefixtures("database", "fast")
def test_a_run_that_was_given_up_begins_anew():
    with runs.running("deliver") as run_id:
        with db.transaction(write=True) as session:
            session.connection().execute(update(WorkerRun).where(col(WorkerRun.id) == run_id).values(ended_at=clock.now()))

        eventually(lambda: runs.current() != run_id)
        assert row(runs.current()).ended_at is None


@pytest.mark.usefixtures("database")
def test_silence_is_noticed_after_fifteen_seconds():
    with runs.running("deliver") as run_id:
        now = clock.now()
        with db.transaction() as session:
            assert [run.id for run in runs.alive(session, now=now)] == [run_id]
            assert not runs.silent(session, now=now + timedelta(seconds=14))
            assert [run.id for run in runs.silent(session, now=now + timedelta(seconds=16))] == [run_id]

    with db.transaction() as session:
        assert not runs.silent(session, now=clock.now() + timedelta(hours=1))


@pytest.mark.usefixtures("database")
def test_a_lock_has_one_holder_and_is_free_afterwards():
    with locks.try_lock("sweep") as first:
        assert first
        with locks.try_lock("sweep") as second, locks.try_lock("other") as other:
            assert not second
            assert other
    with locks.try_lock("sweep") as again:
        assert again


@pytest.mark.usefixtures("database")
def test_a_lock_is_free_after_its_holder_failed():
    with pytest.raises(ValueError, match="broken"), locks.try_lock("sweep"):
        raise ValueError("broken")

    with locks.try_lock("sweep") as again:
        assert again
