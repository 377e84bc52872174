"""Metrics as JSON and for Prometheus, and where keys stand against their limits; on both databases."""

from __future__ import annotations

import re

import pytest

from backend.core.actor import Actor
from tests.factories import accounts, deliveries
from tests.integration.gateway.callers import access_token, away, make, refused, requests_of
from tests.integration.gateway.conftest import Door, _door  # noqa: F401 - the fixture

_LINE = re.compile(r"(# (HELP|TYPE) [a-z_0-9]+ .+|[a-z_0-9]+(\{[a-z]+=\"[^\"]*\"(,[a-z]+=\"[^\"]*\")*\})? [0-9.e+-]+)")


def furnished() -> tuple[Actor, str]:
    owner = accounts.workspace()
    deliveries.publish(deliveries.webhook(owner.workspace_id, "http://127.0.0.1:9/", success_count=7, failure_count=2), count=3)
    _, key = make(owner, "metrics:read")
    return owner, key


def test_prometheus_reads_the_figures_of_the_workspace(door: Door):
    _, key = furnished()
    answer = door.call("GET", "/metrics", key=key)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.text.splitlines()
    assert [line for line in lines if not _LINE.fullmatch(line)] == []
    assert {
        'crossdock_attempts_total{outcome="delivered"} 7',
        'crossdock_attempts_total{outcome="failed"} 2',
        'crossdock_deliveries_unfinished{status="waiting"} 3',
        "crossdock_deliveries_due 3",
        'crossdock_queue_jobs{queue="jobs"} 0',
        'crossdock_workers{state="alive"} 0',
    } <= set(lines)
    assert any(line.startswith("crossdock_oldest_undelivered_seconds ") for line in lines)
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names))


def test_figures_of_one_workspace_are_not_told_in_another(door: Door):
    furnished()
    _, key = make(accounts.workspace("Other"), "metrics:read")
    text = door.call("GET", "/metrics", key=key).text
    assert 'crossdock_attempts_total{outcome="delivered"} 0' in text
    assert "crossdock_deliveries_due 0" in text


def test_metrics_need_a_credential_with_the_scope_and_are_in_the_log(door: Door):
    owner, _ = furnished()
    refused(door.call("GET", "/metrics"), 401, "needs a credential")
    _, other = make(owner, "webhooks:read")
    refused(door.call("GET", "/metrics", key=other), 403, "metrics:read")
    token, _ = access_token(owner)
    assert door.call("GET", "/metrics", key=token).status_code == 200
    assert [(row.route, row.status_code) for row in requests_of(owner)] == [("GET /metrics", 403), ("GET /metrics", 200)]


def test_the_same_figures_are_there_as_json(door: Door):
    _, key = furnished()
    told = door.call("GET", "/monitoring/metrics", key=key).json()
    assert (told["deliveries"]["due"], told["deliveries"]["webhooks_held"], told["deliveries"]["unfinished"]["waiting"]) == (3, 0, 3)
    assert told["queues"] == {"deliver": 0, "jobs": 0}


def test_metrics_do_without_redis(door: Door, monkeypatch: pytest.MonkeyPatch):
    _, key = furnished()
    away(monkeypatch)
    told = door.call("GET", "/monitoring/metrics", key=key)
    assert (told.status_code, told.json()["queues"]) == (200, None)
    assert "queue_jobs" not in door.call("GET", "/metrics", key=key).text
    (standing,) = door.call("GET", "/monitoring/rate-limits", key=key).json()["data"]
    assert standing["limits"] is None


def test_where_each_key_stands_is_told_and_looking_spends_nothing(door: Door):
    owner = accounts.workspace()
    first, _ = make(owner, "webhooks:read", name="First", limit_per_minute=5, limit_per_hour=50)
    _, unlimited = make(owner, "metrics:read", limit_per_minute=None)
    second, key = make(owner, "webhooks:read", name="Second", limit_per_minute=3)
    make(accounts.workspace("Other"), "webhooks:read", limit_per_minute=3)
    for _ in range(2):
        assert door.call("GET", "/things", key=key).status_code == 200

    def told() -> list[tuple[str, str, list[tuple[str, int, int, bool]]]]:
        page = door.call("GET", "/monitoring/rate-limits", key=unlimited).json()
        assert (page["next_cursor"], page["has_more"]) == (None, False)
        return [
            (each["key_id"], each["name"], [(s["window"], s["limit"], s["remaining"], s["resets_at"] is None) for s in each["limits"]])
            for each in page["data"]
        ]

    expected = [
        (second.id, "Second", [("per_minute", 3, 1, False)]),
        (first.id, "First", [("per_minute", 5, 5, True), ("per_hour", 50, 50, True)]),
    ]
    assert told() == expected
    assert told() == expected
    page = door.call("GET", "/monitoring/rate-limits?limit=1", key=unlimited).json()
    assert ([each["key_id"] for each in page["data"]], page["has_more"]) == ([second.id], True)
    rest = door.call("GET", f"/monitoring/rate-limits?limit=1&cursor={page['next_cursor']}", key=unlimited).json()
    assert ([each["key_id"] for each in rest["data"]], rest["has_more"]) == ([first.id], False)
