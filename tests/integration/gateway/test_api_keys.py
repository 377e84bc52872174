"""The API key routes through the door, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlmodel import select

from backend.api_keys import service
from backend.api_keys.inputs import KeyInput
from backend.core import clock, db, tokens
from backend.core.actor import Actor
from backend.logs import recorder
from backend.models import AuditEntry, IdempotencyRecord
from tests.factories import accounts
from tests.integration.gateway.callers import make
from tests.integration.gateway.conftest import Door

SECRETS = {"key", "secret"}


@pytest.fixture
def owner() -> Actor:
    return accounts.workspace()


@pytest.fixture
def call(door: Door, owner: Actor) -> Any:
    """Requests with a key of the workspace that may do everything with keys."""
    with db.transaction(write=True) as session:
        manager = KeyInput("Manager", ["api_keys:manage", "webhooks:manage", "records:manage", "logs:read"], limit_per_minute=None)
        _, token = service.create(session, actor=owner, input=manager)

    def send(method: str, path: str, body: Any = None, **kwargs: Any) -> httpx.Response:
        return door.call(method, f"/api-keys{path}", key=token, json=body, **kwargs)

    return send


def made(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_new_key_is_shown_once_with_the_resource_beside_it(call: Any, door: Door):
    answer = made(call("POST", "", {"name": "Partner", "scopes": ["webhooks:read"]}))
    assert answer["key"] == answer["secret"]
    assert tokens.is_well_formed(answer["key"])
    assert answer["key_prefix"] == answer["key"][:8]
    assert {**answer["api_key"]} == {name: value for name, value in answer.items() if name not in {*SECRETS, "api_key"}}
    assert answer["id"].startswith("key_")
    assert (answer["status"], answer["is_active"]) == ("active", True)
    assert answer["rate_limit"] == {"per_minute": 100, "per_hour": None, "per_day": None}
    assert door.call("GET", "/things", key=answer["key"]).status_code == 200
    for path in (f"/{answer['id']}", "?status=all"):
        assert answer["key"][8:] not in call("GET", path).text


@pytest.mark.parametrize(
    ("body", "limits"),
    [
        ({"rate_limit": 500}, {"per_minute": None, "per_hour": 500, "per_day": None}),
        ({"rateLimit": 500}, {"per_minute": None, "per_hour": 500, "per_day": None}),
        ({"rate_limit": None}, {"per_minute": None, "per_hour": None, "per_day": None}),
        ({"rate_limit": {"per_minute": 5, "perDay": 9}}, {"per_minute": 5, "per_hour": None, "per_day": 9}),
        ({"rate_limit": {"per_minute": None}}, {"per_minute": None, "per_hour": None, "per_day": None}),
        ({"rate_limit": {}}, {"per_minute": 100, "per_hour": None, "per_day": None}),
        ({"rateLimitPerHour": 7, "rateLimitPerDay": 8}, {"per_minute": None, "per_hour": 7, "per_day": 8}),
    ],
)
def test_limits_are_taken_in_every_older_form(call: Any, body: dict[str, Any], limits: dict[str, int | None]):
    assert made(call("POST", "", {"name": "Partner", "scopes": ["read"], **body}))["rate_limit"] == limits


def test_older_names_of_fields_are_taken(call: Any):
    later = (clock.now() + timedelta(days=3)).isoformat().replace("+00:00", "Z")
    body = {"name": "Older", "permissions": ["read"], "expiresAt": later, "isActive": False, "allowedIps": ["203.0.113.7"], "id": "K-17"}
    answer = made(call("POST", "", body))
    assert (answer["scopes"], answer["external_ref"], answer["status"]) == (["records:read"], "K-17", "disabled")
    assert (answer["expires_at"], answer["allowed_ips"]) == (later, ["203.0.113.7"])
    for name in ("active", "enabled"):
        assert call("PATCH", f"/{answer['id']}", {name: True}).json()["is_active"]
        assert not call("PUT", f"/{answer['id']}", {name: False}).json()["is_active"]


def test_everything_wrong_is_told_at_once(call: Any):
    body = {
        "name": "",
        "scopes": ["webhook:read"],
        "rate_limit": {"per_minute": 0},
        "allowed_ips": ["x"],
        "expires_at": "2020-01-01T00:00:00Z",
    }
    answer = call("POST", "", body)
    assert answer.status_code == 422
    errors = answer.json()["errors"]
    assert [error["path"] for error in errors] == ["name", "scopes[0]", "rate_limit.per_minute", "allowed_ips[0]", "expires_at"]
    assert all(error["message"] and error["fix"] for error in errors)


def test_what_is_no_field_or_no_json_is_told(call: Any):
    answer = call("POST", "", {"name": "x", "scopes": ["read"], "skopes": 1})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "skopes")
    assert call("POST", "", content=b"{", headers={"content-type": "application/json"}).status_code == 400
    assert call("POST", "", {"scopes": ["read"]}).json()["errors"][0]["path"] == "name"


def test_a_key_cannot_give_what_it_does_not_hold(call: Any):
    answer = call("POST", "", {"name": "More", "scopes": ["events:write", "webhooks:read", "contacts:read"]})
    assert answer.status_code == 403
    assert answer.json()["requiredScopes"] == ["events:write"]
    key = made(call("POST", "", {"name": "Less", "scopes": ["webhooks:read"]}))
    assert call("PATCH", f"/{key['id']}", {"scopes": ["events:write"]}).status_code == 403


def test_a_repeated_creation_gives_the_first_answer_without_its_secret(call: Any):
    body, headers = {"name": "Once", "scopes": ["read"]}, {"idempotency-key": '"order-1"'}
    first, again = (call("POST", "", body, headers=headers) for _ in range(2))
    assert made(again) == {**made(first), "key": None, "secret": None}
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert call("POST", "", {**body, "name": "Other"}, headers=headers).status_code == 409
    assert len([key for key in call("GET", "").json()["data"] if key["name"] == "Once"]) == 1
    with db.transaction() as session:
        assert first.json()["key"][8:] not in repr(session.exec(select(IdempotencyRecord)).one().model_dump())


def test_a_change_leaves_what_was_not_sent(call: Any):
    key = made(
        call("POST", "", {"name": "Partner", "scopes": ["read"], "description": "D", "rate_limit": {"per_minute": 5, "per_day": 50}})
    )
    changed = call("PATCH", f"/{key['id']}", {"rate_limit": {"per_day": 60}, "metadata": {"a": 1}}).json()
    assert changed["rate_limit"] == {"per_minute": 5, "per_hour": None, "per_day": 60}
    assert (changed["description"], changed["metadata"], changed["scopes"]) == ("D", {"a": 1}, ["records:read"])
    assert call("PUT", f"/{key['id']}", {"rate_limit": 70}).json()["rate_limit"] == {"per_minute": None, "per_hour": 70, "per_day": None}
    assert call("PUT", f"/{key['id']}", {"name": None, "expires_at": None}).json()["name"] == "Partner"


def test_deleting_revokes_and_the_same_again_is_204_too(call: Any):
    key = made(call("POST", "", {"name": "Gone", "scopes": ["webhooks:read"]}))
    for _ in range(2):
        answer = call("DELETE", f"/{key['id']}")
        assert (answer.status_code, answer.content) == (204, b"")
    assert call("POST", f"/{key['id']}/revoke").json()["status"] == "revoked"
    assert call("POST", f"/{key['id']}/enable").status_code == 409
    assert [row["id"] for row in call("GET", "?status=revoked").json()["data"]] == [key["id"]]
    assert key["id"] not in call("GET", "").text


def test_rotation_and_regeneration_answer_like_creation(call: Any, door: Door):
    key = made(call("POST", "", {"name": "Turns", "scopes": ["webhooks:read"]}))
    rotated = call("POST", f"/{key['id']}/rotate", {"overlap_hours": 1}).json()
    assert (rotated["id"], rotated["api_key"]["id"]) == (key["id"], key["id"])
    assert len(rotated["active_secrets"]) == 2
    assert door.call("GET", "/things", key=key["key"]).status_code == 200
    assert door.call("GET", "/things", key=rotated["key"]).status_code == 200
    assert call("POST", f"/{key['id']}/rotate", {"overlap_hours": 169}).status_code == 422
    assert call("POST", f"/{key['id']}/rotate").status_code == 200
    again = call("POST", f"/{key['id']}/regenerate").json()
    assert [secret["last4"] for secret in again["active_secrets"]] == [again["secret"][-4:]]
    assert door.call("GET", "/things", key=again["key"]).status_code == 200


def test_logs_stats_and_usage_follow_the_requests_of_a_key(call: Any, door: Door):
    key = made(call("POST", "", {"name": "Used", "scopes": ["webhooks:read"], "rate_limit": {"per_minute": 3, "per_day": 100}}))
    for path in ("/things", "/things", "/things", "/things"):
        door.call("GET", path, key=key["key"], headers={"user-agent": "partner/1"})
    door.call("POST", "/things", key=key["key"], json={"name": "x"})
    assert recorder.flush()
    shown = call("GET", f"/{key['id']}").json()
    assert (shown["request_count"], shown["last_used_ip"], shown["last_used_user_agent"]) == (3, "203.0.113.7", "partner/1")
    assert (shown["stats"]["requests_total"], shown["stats"]["requests_24h"]) == (3, 5)
    assert (shown["stats"]["errors_24h"], shown["stats"]["limited_24h"]) == (1, 1)
    assert [secret["request_count"] for secret in shown["active_secrets"]] == [3]
    logs = call("GET", f"/{key['id']}/logs").json()["data"]
    assert [row["status_code"] for row in logs] == [403, 429, 200, 200, 200]
    assert [row["refusal"] for row in call("GET", f"/{key['id']}/logs?status=denied").json()["data"]] == ["scope", "rate_limit"]
    usage = call("GET", f"/{key['id']}/usage?hours=1").json()
    assert (usage["total"], usage["ok"], usage["limited"], usage["client_error"]) == (5, 3, 1, 1)
    assert usage["routes"][0] == {"route": "GET /api/v1/things", "total": 4, "failed": 1}
    assert (usage["addresses"][0]["ip"], usage["addresses"][0]["total"]) == ("203.0.113.7", 5)
    assert [(limit["window"], limit["limit"], limit["remaining"]) for limit in usage["limits"]] == [
        ("per_minute", 3, 0),
        ("per_day", 100, 97),
    ]


def test_the_access_check_names_the_rule_that_decides_and_spends_nothing(call: Any, door: Door):
    created = made(
        call("POST", "", {"name": "Judged", "scopes": ["webhooks:read"], "rate_limit": {"per_minute": 2}, "allowed_ips": ["203.0.113.7"]})
    )
    identifier = created["id"]

    def check(method: str = "GET", path: str = "/api/v1/things", **more: str) -> tuple[bool, str]:
        answer = call("POST", f"/{identifier}/check", {"method": method, "path": path, **more}).json()
        assert answer["reason"].endswith(".")
        return answer["allowed"], answer["rule"]

    for _ in range(5):
        assert check() == (True, "allowed")
    assert check(path="/api/v1/things/x?a=b", ip="203.0.113.7") == (True, "allowed")
    assert check(ip="198.51.100.1") == (False, "ip")
    assert check("POST") == (False, "scope")
    assert check("get", "/api/v1/nowhere") == (False, "route")
    assert check(path="/api/v1/open") == (True, "allowed")
    for _ in range(2):
        assert door.call("GET", "/things", key=created["key"]).status_code == 200
    assert check() == (False, "rate_limit")
    call("POST", f"/{identifier}/disable")
    assert check() == (False, "disabled")


def test_ids_of_another_workspace_are_404(call: Any):
    with db.transaction(write=True) as session:
        other, _ = service.create(
            session, actor=accounts.key_actor("wsp_other", "api_keys:manage", "read"), input=KeyInput("Foreign", ["api_keys:read"])
        )
    calls = [("GET", ""), ("PATCH", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/logs"), ("GET", "/usage"), ("POST", "/check")]
    calls += [("POST", f"/{action}") for action in ("revoke", "enable", "disable", "rotate", "regenerate")]
    for method, action in calls:
        body = (
            {"method": "GET", "path": "/api/v1/things"} if action == "/check" else {"name": "Mine"} if method in {"PATCH", "PUT"} else None
        )
        answer = call(method, f"/{other.id}{action}", body)
        assert answer.status_code == 404, (method, action, answer.text)


def test_every_change_is_in_the_audit_trail_without_a_secret(call: Any):
    key = made(call("POST", "", {"name": "Audited", "scopes": ["read"]}))
    call("PATCH", f"/{key['id']}", {"name": "Renamed"})
    for action in ("disable", "enable", "rotate", "regenerate", "revoke", "revoke"):
        call("POST", f"/{key['id']}/{action}")
    with db.transaction() as session:
        entries = session.exec(select(AuditEntry).where(AuditEntry.target_id == key["id"]).order_by(AuditEntry.id)).all()  # type: ignore[arg-type] - a column
    assert [entry.action.partition(".")[2] for entry in entries] == [
        "created", "updated", "disabled", "enabled", "rotated", "regenerated", "revoked",
    ]  # fmt: skip
    assert all(entry.ip == "203.0.113.7" and entry.request_id.startswith("req_") for entry in entries)
    assert key["key"][8:] not in repr([entry.model_dump() for entry in entries])


@pytest.mark.parametrize("path", ["", "/disable", "/enable", "/rotate", "/regenerate"])
def test_a_key_that_may_only_write_makes_and_changes_keys(door: Door, owner: Actor, path: str) -> None:
    _, writer = make(owner, "api_keys:write")
    other, _ = make(owner, "api_keys:write")
    created = door.call("POST", "/api-keys", key=writer, json={"name": "Partner", "scopes": ["api_keys:write"]})
    assert created.status_code == 201, created.text
    changed = door.call("POST" if path else "PATCH", f"/api-keys/{other.id}{path}", key=writer, json={})
    assert changed.status_code == 200, changed.text
    assert changed.json()["key_prefix"].startswith("xdk_")


def test_a_key_that_may_only_delete_revokes_keys(door: Door, owner: Actor) -> None:
    _, ender = make(owner, "api_keys:delete")
    other, _ = make(owner)
    revoked = door.call("POST", f"/api-keys/{other.id}/revoke", key=ender)
    assert (revoked.status_code, revoked.json()["status"]) == (200, "revoked")
