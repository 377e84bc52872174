"""Limits at the door: what answers tell, what a refusal spends, and what happens without Redis."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest

from backend.api_keys import service
from backend.core import clock, db
from backend.core.actor import Role
from backend.core.errors import Forbidden, Invalid
from backend.gateway import instance
from tests.factories import accounts
from tests.integration.gateway.callers import access_token, away, change, make, refused, requests_of, set_up, strangers
from tests.integration.gateway.conftest import Door


def test_answers_carry_the_standing_and_the_last_one_is_429(door: Door):
    owner = accounts.workspace()
    _, token = make(owner, limit_per_minute=2, limit_per_day=1000)
    first, second, third = (door.call("GET", "/things", key=token) for _ in range(3))
    assert [first.status_code, second.status_code] == [200, 200]
    assert (first.headers["x-ratelimit-limit"], first.headers["x-ratelimit-remaining"]) == ("2", "1")
    assert second.headers["x-ratelimit-remaining"] == "0"
    assert first.headers["ratelimit-policy"] == '"per_minute";q=2;w=60, "per_day";q=1000;w=86400'
    assert re.fullmatch(r'"per_minute";r=1;t=\d+, "per_day";r=999;t=\d+', first.headers["ratelimit"])
    reset = datetime.fromisoformat(first.headers["x-ratelimit-reset"])
    assert timedelta(0) < reset - clock.now() <= timedelta(seconds=61)
    problem = refused(third, 429, "per minute")
    assert problem["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert problem["violated-policies"] == ["per_minute"]
    assert problem["retryAfter"] == int(third.headers["retry-after"])
    assert 1 <= problem["retryAfter"] <= 60
    rows = requests_of(owner)
    assert [(row.status_code, row.refusal, row.limit_name, row.limit_remaining) for row in rows] == [
        (200, None, "per_minute", 1),
        (200, None, "per_minute", 0),
        (429, "rate_limit", "per_minute", 0),
    ]


def test_a_refusal_by_one_window_spends_nothing_of_the_other(door: Door):
    _, token = make(accounts.workspace(), limit_per_minute=1, limit_per_hour=10)
    answers = [door.call("GET", "/things", key=token) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 429, 429, 429]
    assert '"per_hour";r=9' in answers[-1].headers["ratelimit"]


def test_a_key_without_limits_has_no_standing(door: Door):
    _, token = make(accounts.workspace(), limit_per_minute=None)
    answer = door.call("GET", "/things", key=token)
    assert "x-ratelimit-limit" not in answer.headers


def test_strangers_have_a_hundred_per_minute_and_address(door: Door):
    answers = [door.call("GET", "/open", ip="192.0.2.1") for _ in range(60)] + [
        door.call("GET", "/things", ip="192.0.2.1") for _ in range(41)
    ]
    assert [answer.status_code for answer in answers] == [200] * 60 + [401] * 40 + [429]
    assert answers[0].headers["x-ratelimit-limit"] == "100"
    refused(answers[-1], 429, "without a credential")
    assert door.call("GET", "/open", ip="192.0.2.2").status_code == 200


def test_health_is_neither_limited_nor_logged(door: Door):
    statuses = {door.call("GET", "/monitoring/health/live").status_code for _ in range(110)}
    assert statuses == {200}
    assert strangers() == []


def test_without_redis_keys_are_limited_locally_and_strangers_refused(door: Door, monkeypatch: pytest.MonkeyPatch):
    _, token = make(accounts.workspace(), limit_per_minute=3)
    away(monkeypatch)
    statuses = [door.call("GET", "/things", key=token).status_code for _ in range(5)]
    assert statuses[0] == 200
    assert statuses[-1] == 429
    answer = door.call("GET", "/open")
    refused(answer, 503, "")
    assert int(answer.headers["retry-after"]) >= 1
    refused(door.call("GET", "/things"), 401, "Send an API key")


def test_an_endpoint_has_a_limit_of_its_own_for_each_caller(door: Door):
    owner = accounts.workspace()
    (_, first), (_, second) = make(owner, limit_per_minute=None), make(owner)
    set_up(owner, endpoint_limits={"GET /api/v1/things": 2})
    answers = [door.call("GET", "/things", key=first) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"GET /api/v1/things";q=2;w=60'
    assert door.call("GET", "/things/x", key=first).status_code == 200
    assert door.call("GET", "/things", key=second).headers["x-ratelimit-limit"] == "2"
    token, _ = access_token(owner)
    assert [door.call("GET", "/things", key=token).status_code for _ in range(3)] == [200, 200, 429]


def test_the_access_check_knows_the_limit_of_an_endpoint(door: Door):
    owner = accounts.workspace()
    key, token = make(owner, "webhooks:read", "api_keys:read", limit_per_minute=None)
    set_up(owner, endpoint_limits={"GET /api/v1/things": 1})
    ask = {"method": "GET", "path": "/api/v1/things"}
    assert door.call("POST", f"/api-keys/{key.id}/check", key=token, json=ask).json()["allowed"] is True
    assert door.call("GET", "/things", key=token).status_code == 200
    told = door.call("POST", f"/api-keys/{key.id}/check", key=token, json=ask).json()
    assert (told["allowed"], told["rule"]) == (False, "rate_limit")
    assert "The limit of 1 per minute of GET /api/v1/things is used up" in told["reason"]


def test_a_limit_that_was_raised_lets_a_refused_caller_in_again(door: Door):
    owner = accounts.workspace()
    key, token = make(owner, limit_per_minute=1)
    assert [door.call("GET", "/things", key=token).status_code for _ in range(3)] == [200, 429, 429]
    change(service.update, owner, key, changes={"limit_per_minute": 5})
    door.gateway._identities.forget([key.id])
    assert door.call("GET", "/things", key=token).headers["x-ratelimit-remaining"] == "3"


def test_settings_of_the_door_are_checked_and_for_super_administrators(door: Door):  # noqa: ARG001 - brings the database
    owner = accounts.workspace()
    with db.transaction(write=True) as session:
        with pytest.raises(Forbidden):
            instance.change(session, actor=owner, changes={"query_keys": False})
        admin = accounts.member(session, owner.workspace_id, Role.SUPER_ADMIN)
        for wrong in ({"anonymous_per_minute": 0}, {"endpoint_limits": {"things": 5}}, {"anonymos": 1}):
            with pytest.raises(Invalid):
                instance.change(session, actor=admin, changes=wrong)
        assert instance.read(session) == instance.GatewaySettings()


def test_without_redis_people_can_still_sign_in(door: Door, monkeypatch: pytest.MonkeyPatch):
    away(monkeypatch)
    wrong = {"email": "nobody@example.com", "password": "not-the-password"}
    refused(door.call("POST", "/auth/token", json=wrong), 401, "e-mail address or the password is wrong")
    assert door.call("GET", "/open").status_code == 503
