from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import timedelta

import pytest
from redis import Redis

from backend.core import clock, db, ids, queue
from backend.deliveries import sweep
from backend.models import Delivery, Lane, Webhook, WorkerRun
from backend.runs import identity
from tests.factories import deliveries as make
from tests.integration.deliveries import shifts

pytestmark = pytest.mark.usefixtures("database", "redis")
NOWHERE = "https://example.com/hook"


def run(*, heard: timedelta = timedelta(), ended: bool = False, pid: int = 1, host: str = "elsewhere", process: str | None = None) -> str:
    made, now = ids.new("run"), clock.now()
    row = WorkerRun(
        id=made, kind="deliver", host=host, pid=pid, identity=process, heartbeat_at=now - heard, ended_at=now if ended else None
    )
    with db.transaction(write=True) as session:
        session.add(row)
    return made


def held_by(run_id: str, *, attempts: int = 0) -> str:
    """A delivery that a run has."""
    target = make.webhook(make.workspace(), NOWHERE)
    (identifier,) = make.publish(target)
    with db.transaction(write=True) as session:
        row = session.get_one(Delivery, identifier)
        row.status, row.due_at, row.run_id, row.attempt_count = "sending", None, run_id, attempts
        lane = session.get_one(Lane, target.id)
        lane.due_at = None
    return identifier


def lane_of(delivery_id: str) -> Lane:
    with db.transaction() as session:
        return session.get_one(Lane, session.get_one(Delivery, delivery_id).webhook_id)


def test_what_a_silent_run_holds_is_freed_and_counted():
    silent = run(heard=timedelta(seconds=20))
    first, second = held_by(silent), held_by(silent, attempts=2)
    assert sweep.sweep() == 2
    rows = [shifts.delivery(first), shifts.delivery(second)]
    assert [row.status for row in rows] == ["waiting", "retrying"]
    assert all(row.due_at is not None and row.run_id is None and row.trigger == "recovered" for row in rows)
    assert lane_of(first).due_at is not None
    with db.transaction() as session:
        row = session.get_one(WorkerRun, silent)
    assert row.recovered == 2
    assert row.ended_at is not None
    assert sweep.sweep() == 0


def test_what_a_live_run_holds_is_left_alone():
    held = held_by(run(heard=timedelta(seconds=10)))
    assert sweep.sweep() == 0
    assert shifts.delivery(held).status == "sending"


@pytest.mark.parametrize("which", ["ended", "unknown"])
def test_what_an_ended_or_unknown_run_holds_is_freed(which: str):
    held = held_by(run(ended=True) if which == "ended" else "run_unknown")
    assert sweep.sweep() == 1
    assert shifts.delivery(held).status == "waiting"


def test_a_lane_that_forgot_what_is_due_is_reminded():
    target = make.webhook(make.workspace(), NOWHERE)
    (identifier,) = make.publish(target)
    with db.transaction(write=True) as session:
        session.get_one(Lane, target.id).due_at = None
    sweep.sweep()
    due_at = lane_of(identifier).due_at
    assert due_at is not None
    assert due_at <= clock.now()


def test_a_shift_waits_in_the_queue_and_a_wake_is_sent_for_what_is_due(redis: Redis):
    make.publish(make.webhook(make.workspace(), NOWHERE))
    sweep.sweep()
    sweep.sweep()
    assert queue.open_queue(queue.DELIVER).count == 1
    assert redis.llen(queue.WAKE_DELIVER) == 1


def test_a_worker_that_starts_frees_what_a_dead_process_of_its_host_holds_at_once():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    here = socket.gethostname()[:120]
    dead = held_by(run(pid=process.pid, host=here))
    alive = held_by(run(pid=os.getpid(), host=here))
    other = held_by(run(pid=process.pid))
    assert sweep.free_dead_neighbours() == 1
    assert [shifts.delivery(each).status for each in (dead, alive, other)] == ["waiting", "sending", "sending"]


@pytest.mark.skipif(identity.place() is None, reason="Only Linux tells which process an id means")
def test_an_id_that_is_used_again_is_no_sign_of_life_and_one_of_another_container_none_of_death():
    here, mine = socket.gethostname()[:120], identity.of(os.getpid())
    assert mine is not None
    place, _, begun = mine.rpartition("/")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    alive = held_by(run(pid=os.getpid(), host=here, process=mine))
    successor = held_by(run(pid=os.getpid(), host=here, process=f"{place}/{int(begun) - 1}"))
    dead = held_by(run(pid=gone.pid, host=here, process=f"{place}/{begun}"))
    container = held_by(run(pid=gone.pid, host=here, process=f"{place}0/{begun}"))
    assert sweep.free_dead_neighbours() == 2
    found = [shifts.delivery(each).status for each in (alive, successor, dead, container)]
    assert found == ["sending", "waiting", "waiting", "sending"]


def test_what_waits_for_a_deleted_webhook_is_cancelled():
    target = make.webhook(make.workspace(), NOWHERE)
    (identifier,) = make.publish(target)
    with db.transaction(write=True) as session:
        session.get_one(Webhook, target.id).deleted_at = clock.now()
        session.delete(session.get_one(Lane, target.id))
    sweep.sweep()
    assert shifts.delivery(identifier).status == "cancelled"
