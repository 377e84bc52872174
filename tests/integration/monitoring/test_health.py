"""Health as everybody may ask for it, through the door on both databases."""

from __future__ import annotations

import pytest

from backend.core import db, queue
from backend.monitoring import health
from backend.runs import service as runs
from backend.settings import settings
from tests.factories import accounts
from tests.integration.gateway.conftest import Door, _door  # noqa: F401 - the fixture
from tests.waiting import eventually

PATHS = ("/monitoring/health", "/monitoring/health/live", "/monitoring/health/ready")


@pytest.fixture(autouse=True)
def look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_STALE_SECONDS", -1.0)


def test_everything_is_ok_while_a_delivery_worker_lives(door: Door):
    with runs.running("deliver"):
        answer = door.call("GET", "/monitoring/health")
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "ok"
    assert {name: check["status"] for name, check in body["checks"].items()} == {"database": "ok", "redis": "ok", "deliver": "ok"}
    assert all(check["ms"] >= 0 for check in body["checks"].values())
    assert answer.headers["x-request-id"].startswith("req_")


def test_without_a_delivery_worker_or_redis_it_is_degraded_and_ready(door: Door, monkeypatch: pytest.MonkeyPatch):
    with runs.running("jobs"):
        body = door.call("GET", "/monitoring/health").json()
    assert (body["status"], body["checks"]["deliver"]["status"]) == ("degraded", "down")
    monkeypatch.setenv("REDIS_URL", "unix:///nonexistent/valkey.sock")
    settings.cache_clear()
    queue.forget_connections()
    door.run(queue.close_async())
    answer = door.call("GET", "/monitoring/health")
    assert (answer.status_code, answer.json()["checks"]["redis"]["status"]) == (200, "down")
    assert door.call("GET", "/monitoring/health/ready").status_code == 200


def test_without_its_database_it_is_down_alive_and_says_nothing_of_the_inside(door: Door):
    db.configure("postgresql+psycopg://nobody:hunter2@127.0.0.1:9/none")
    statuses = {}
    for path in PATHS:
        answer = door.call("GET", path)
        statuses[path] = answer.status_code
        assert "hunter2" not in answer.text
        assert "127.0.0.1" not in answer.text
    assert statuses == {PATHS[0]: 503, PATHS[1]: 200, PATHS[2]: 503}


def test_a_crowd_that_asks_costs_one_look_a_second(door: Door, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(health, "_STALE_SECONDS", 60.0)
    looks: list[int] = []
    real = health._look

    async def counted() -> health.Health:
        looks.append(1)
        return await real()

    monkeypatch.setattr(health, "_look", counted)
    eventually(lambda: door.call("GET", "/monitoring/health").status_code == 200)
    for _ in range(20):
        door.call("GET", "/monitoring/health")
    assert len(looks) == 1


def test_metrics_need_their_scope(door: Door):
    from backend.api_keys import service
    from backend.api_keys.inputs import KeyInput

    owner = accounts.workspace()
    with db.transaction(write=True) as session:
        _, reader = service.create(session, actor=owner, input=KeyInput("Reader", ["metrics:read"]))
        _, other = service.create(session, actor=owner, input=KeyInput("Other", ["logs:read"]))
    assert door.call("GET", "/monitoring/metrics").status_code == 401
    body = door.call("GET", "/monitoring/metrics", key=reader).json()  # before any other request of the workspace is logged
    assert door.call("GET", "/monitoring/metrics", key=other).status_code == 403
    assert (body["hours"], body["requests"]["total"], body["deliveries"]["delivered"]) == (24, 0, 0)
    assert body["deliveries"]["unfinished"] == {"waiting": 0, "sending": 0, "retrying": 0}
