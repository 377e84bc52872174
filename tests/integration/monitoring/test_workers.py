"""The workers as monitoring tells of them, on both databases: alive, silent, ended, lost, and what was recovered."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from backend.core import clock, db, ids
from backend.core.actor import Actor, Role
from backend.deliveries import store, sweep
from backend.models import Delivery, WorkerRun
from backend.monitoring import service
from backend.monitoring.workers import Workers
from backend.runs import service as runs
from tests.factories import accounts, deliveries
from tests.integration.gateway.conftest import Door, _door  # noqa: F401 - the fixture


@pytest.fixture(autouse=True)
def _database(database: db.Database, redis: object) -> None:
    del database, redis


def add(heartbeat_at: datetime, **columns: Any) -> str:
    run = WorkerRun(id=ids.new("run"), kind="deliver", host="elsewhere", pid=1, heartbeat_at=heartbeat_at, **columns)
    with db.transaction(write=True) as session:
        session.add(run)
    return run.id


def workers(actor: Actor) -> Workers:
    with db.transaction() as session:
        return service.workers(session, actor=actor)


def test_every_state_is_told():
    now = clock.now()
    silent, ended = add(now - timedelta(seconds=20)), add(now - timedelta(hours=1), ended_at=now - timedelta(hours=1))
    lost = add(now - timedelta(minutes=2), ended_at=now - timedelta(minutes=1), recovered=3)
    add(now - timedelta(days=2), ended_at=now - timedelta(days=2), recovered=4)  # too old to be shown, but it counts
    with runs.running("deliver") as alive:
        found = workers(accounts.workspace())
    assert [(run.id, run.state) for run in found.runs] == [(alive, "alive"), (silent, "silent"), (lost, "lost"), (ended, "ended")]
    assert (found.alive, found.silent, found.recovered) == (1, 1, 7)


def test_a_run_that_ends_in_order_is_not_called_lost():
    with runs.running("deliver"):
        pass
    (run,) = workers(accounts.workspace()).runs
    assert run.state == "ended"


def test_what_the_sweep_frees_is_counted_with_the_run_that_held_it():
    owner = accounts.workspace()
    run_id = add(clock.now() - timedelta(seconds=20))
    held = deliveries.publish(deliveries.webhook(owner.workspace_id, "http://127.0.0.1:9/"), count=3)[:2]
    with db.transaction(write=True) as session:
        for identifier in held:
            delivery = session.get(Delivery, identifier)
            assert delivery is not None
            delivery.status, delivery.due_at, delivery.run_id = "sending", None, run_id
    assert sweep.sweep() == 2
    found = workers(owner)
    assert (found.alive, found.silent, found.recovered) == (0, 0, 2)
    assert [(run.id, run.state, run.recovered) for run in found.runs] == [(run_id, "lost", 2)]
    with db.transaction(write=True) as session:
        assert store.free(session, run_id) == 0


def test_hosts_and_process_ids_are_for_super_administrators():
    add(clock.now())
    (seen,) = workers(accounts.workspace(role=Role.SUPER_ADMIN)).runs
    (hidden,) = workers(accounts.workspace()).runs
    assert (seen.host, seen.pid) == ("elsewhere", 1)
    assert (hidden.host, hidden.pid) == (None, None)


def test_the_api_tells_the_workers(door: Door):
    from backend.api_keys import service as api_keys
    from backend.api_keys.inputs import KeyInput

    lost = add(clock.now() - timedelta(minutes=2), ended_at=clock.now() - timedelta(minutes=1), recovered=5)
    owner = accounts.workspace()
    with db.transaction(write=True) as session:
        _, key = api_keys.create(session, actor=owner, input=KeyInput("Reader", ["metrics:read"]))
    told = door.call("GET", "/monitoring/metrics", key=key).json()["workers"]
    assert {name: told[name] for name in ("alive", "silent", "recovered")} == {"alive": 0, "silent": 0, "recovered": 5}
    assert [(run["id"], run["state"], run["recovered"], run["host"]) for run in told["runs"]] == [(lost, "lost", 5, None)]
