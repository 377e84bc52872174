"""The door's settings over the API, the versions, and what their answers tell of their end."""

from __future__ import annotations

from typing import Any

import httpx
from sqlmodel import col, select

from backend.core import db
from backend.core.actor import Actor, Role
from backend.models import AuditEntry
from tests.factories import accounts
from tests.integration.gateway.callers import access_token, make, refused, set_up
from tests.integration.gateway.conftest import Door

PATH = "/instance/gateway"


def administrator(owner: Actor) -> tuple[Actor, str]:
    """A super administrator and an access token of theirs."""
    with db.transaction(write=True) as session:
        admin = accounts.member(session, owner.workspace_id, Role.SUPER_ADMIN)
    return admin, access_token(admin)[0]


def audited(actor: Actor) -> list[AuditEntry]:
    with db.transaction() as session:
        query = select(AuditEntry).where(AuditEntry.actor_id == actor.id, AuditEntry.action == "gateway.updated")
        return list(session.exec(query.order_by(col(AuditEntry.id))).all())


def wrong(answer: httpx.Response) -> dict[str, str]:
    errors: list[dict[str, Any]] = refused(answer, 422, "")["errors"]
    return {each["path"]: f"{each['message']} {each['fix']}" for each in errors}


def test_a_super_administrator_reads_and_changes_the_settings_and_the_change_is_audited(door: Door):
    owner = accounts.workspace()
    admin, token = administrator(owner)
    _, key = make(owner, limit_per_minute=None)
    told = door.call("GET", PATH, key=token).json()
    assert (told["query_keys"], told["anonymous_per_minute"], told["endpoint_limits"]) == (True, 100, {})
    for method in ("PATCH", "PUT"):
        answer = door.call(method, PATH, key=token, json={"endpointLimits": {"GET /api/v1/things": 2}})
        assert answer.status_code == 200, answer.text
        assert answer.json()["endpoint_limits"] == {"GET /api/v1/things": 2}
        assert answer.json()["query_keys"] is True
    assert [door.call("GET", "/things", key=key).status_code for _ in range(3)] == [200, 200, 429]
    (entry,) = audited(admin)  # the second change changed nothing
    assert (entry.before, entry.after) == ({"endpoint_limits": {}}, {"endpoint_limits": {"GET /api/v1/things": 2}})
    assert (entry.ip, entry.target_kind) == ("203.0.113.7", "instance")


def test_nobody_else_sees_or_changes_them(door: Door):
    owner = accounts.workspace()
    token, _ = access_token(owner)
    _, key = make(owner, "webhooks:manage", "api_keys:manage")
    for method, body in (("GET", None), ("PATCH", {"query_keys": False})):
        refused(door.call(method, PATH, key=token, json=body), 403, "needs the role super_admin")
        refused(door.call(method, PATH, key=key, json=body), 403, "sign in as a user")
    refused(door.call("GET", PATH), 401, "needs a credential")


def test_everything_that_is_wrong_is_told_at_once_and_nothing_is_changed(door: Door):
    admin, token = administrator(accounts.workspace())
    told = wrong(door.call("PATCH", PATH, key=token, json={"anonymous_per_minute": 0, "endpoint_limits": {"things": 5}, "query_keys": 7}))
    assert told.keys() >= {"anonymous_per_minute", "query_keys"}
    body = {"endpoint_limits": {"GET /api/v1/thing": 5}, "sunsets": {"v7": "2030-01-01T00:00:00Z", "older": "2020-01-01T00:00:00Z"}}
    told = wrong(door.call("PATCH", PATH, key=token, json=body))
    assert "GET /api/v1/things" in told["endpoint_limits.GET /api/v1/thing"]
    assert "Use one of v1, older" in told["sunsets.v7"]
    assert "before it was deprecated" in told["sunsets.older"]
    assert "anonymos" in wrong(door.call("PATCH", PATH, key=token, json={"anonymos": 1}))
    assert audited(admin) == []


def test_answers_under_older_paths_are_deprecated_and_name_what_follows_even_when_they_refuse(door: Door):
    set_up(accounts.workspace(), sunsets={"older": "2027-06-30T12:00:00+02:00"})
    answer = door.call("GET", "/api/integrations/webhooks")
    refused(answer, 404, "There is nothing at")
    assert answer.headers["deprecation"] == "@1793491200"
    assert answer.headers["link"] == '</api/v1>; rel="successor-version"'
    assert answer.headers["sunset"] == "Wed, 30 Jun 2027 10:00:00 GMT"


def test_the_current_version_tells_nothing_of_an_end_unless_the_operator_sets_one(door: Door):
    owner = accounts.workspace()
    _, key = make(owner)
    told = {"deprecation", "link", "sunset"}
    assert not told & set(door.call("GET", "/things", key=key).headers)
    assert not told & set(door.call("GET", "/api/openapi.json").headers)
    set_up(owner, sunsets={"v1": "2031-01-01T00:00:00Z"})
    headers = door.call("GET", "/things", key=key).headers
    assert headers["sunset"] == "Wed, 01 Jan 2031 00:00:00 GMT"
    assert "deprecation" not in headers


def test_a_version_that_does_not_exist_is_said_to_be_none(door: Door):
    refused(door.call("GET", "/api/v9/things"), 404, "no version v9 of this API. Use /api/v1")


def test_the_settings_name_the_versions(door: Door):
    _, token = administrator(accounts.workspace())
    versions = door.call("GET", PATH, key=token).json()["versions"]
    assert [(each["name"], each["state"], each["successor"]) for each in versions] == [
        ("v1", "current", None),
        ("older", "deprecated", "/api/v1"),
    ]


def test_outside_the_api_another_method_is_405_with_those_that_it_has(door: Door):
    answer = door.call("GET", "/oauth/token")
    refused(answer, 405, "/oauth/token has no GET. Use POST.")
    assert answer.headers["allow"] == "POST"
    refused(door.call("POST", "/oauth/tokens"), 404, "")
