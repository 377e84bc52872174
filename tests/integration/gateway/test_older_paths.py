"""Calls by the older systems' paths at the door: judged as the call that answers them, told and logged as they were made."""

from __future__ import annotations

from typing import Any

from backend.gateway import instance
from tests.factories import accounts
from tests.integration.gateway.callers import access_token, make, requests_of, set_up, strangers
from tests.integration.gateway.conftest import Door

BASE = "/api/integration/v1"
JSON = {"content-type": "application/json"}


def told(answer: Any, status: int) -> dict[str, Any]:
    """The problem of a refusal, after what each has by an older path was checked."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["content-length"]) == len(answer.content)
    problem: dict[str, Any] = answer.json()
    assert (problem["statusCode"], problem["status"]) == (status, status)
    assert problem["instance"] == answer.request.url.path
    return problem


def test_unknown_fields_are_dropped_and_mistakes_are_sentences_under_400(door: Door) -> None:
    owner = accounts.workspace()
    _, token = make(owner, "webhooks:write")
    answer = door.call("POST", f"{BASE}/things", key=token, json={"name": "x", "userId": "user123"})
    assert (answer.status_code, answer.json()) == (201, {"name": "x"})
    both = {"name": "Old", "permissions": ["webhooks:read"], "scopes": ["webhooks:write"]}
    made = door.call("POST", "/api/keys", key=make(accounts.workspace(), "api_keys:write", "webhooks:write")[1], json=both)
    assert (made.status_code, made.json()["scopes"]) == (201, ["webhooks:write"])
    problem = told(door.call("POST", f"{BASE}/things", key=token, json={"naem": "x"}), 400)
    assert problem["errors"] == ["name is missing. Send it."]
    refused = door.call("POST", "/things", key=token, json={"name": "x", "userId": "user123"})
    assert refused.status_code == 422
    assert [(row.path, row.status_code) for row in requests_of(owner)] == [
        (f"{BASE}/things", 201),
        (f"{BASE}/things", 400),
        ("/api/v1/things", 422),
    ]
    assert {row.route for row in requests_of(owner)} == {"POST /api/v1/things"}


def test_every_refusal_is_told_by_the_path_that_was_called(door: Door) -> None:
    owner = accounts.workspace()
    _, token = make(owner, "webhooks:read", limit_per_minute=6)
    assert told(door.call("GET", f"{BASE}/things"), 401)["message"].startswith("This call needs a credential")
    assert told(door.call("POST", f"{BASE}/things", key=token, json={"name": "x"}), 403)["requiredScopes"] == [
        "webhooks:write",
        "webhooks:manage",
    ]
    assert f"There is nothing at {BASE}/nothing." in told(door.call("GET", f"{BASE}/nothing", key=token), 404)["message"]
    wrong = door.call("DELETE", f"{BASE}/things", key=token)
    assert wrong.headers["allow"] == "GET, POST"
    assert f"{BASE}/things has no DELETE" in told(wrong, 405)["message"]
    told(door.call("POST", f"{BASE}/things", key=token, content=b"{}", headers={"content-type": "text/plain"}), 415)
    told(door.call("POST", f"{BASE}/things", key=token, content=b" " * (1024 * 1024 + 1), headers=JSON), 413)
    for _ in range(6):
        answer = door.call("GET", f"{BASE}/things", key=token)
    assert told(answer, 429)["retryAfter"] == int(answer.headers["retry-after"])


def test_a_body_that_grows_too_large_or_is_no_json_is_refused(door: Door) -> None:
    _, token = make(accounts.workspace(), "webhooks:write")

    async def pieces() -> Any:
        for _ in range(20):
            yield b" " * 65_536

    told(door.call("POST", f"{BASE}/things", key=token, content=pieces(), headers=JSON), 413)
    told(door.call("POST", f"{BASE}/things", key=token, content=b"{", headers=JSON), 400)


def test_a_body_comes_in_pieces(door: Door) -> None:
    _, token = make(accounts.workspace(), "webhooks:write")

    async def pieces() -> Any:
        yield b'{"na'
        yield b'me": "x"'
        yield b"}"

    assert door.call("POST", f"{BASE}/things", key=token, content=pieces(), headers=JSON).json() == {"name": "x"}


def test_the_limit_of_an_endpoint_holds_by_every_path_that_leads_to_it(door: Door) -> None:
    owner = accounts.workspace()
    _, token = make(owner, "webhooks:read", limit_per_minute=None)
    set_up(owner, endpoint_limits={"GET /api/v1/things": 2})
    try:
        assert [door.call("GET", path, key=token).status_code for path in (f"{BASE}/things", "/things", f"{BASE}/things")] == [
            200,
            200,
            429,
        ]
    finally:
        instance.forget()


def test_a_key_of_the_query_is_taken_and_goes_no_further(door: Door) -> None:
    _, token = make(accounts.workspace(), "webhooks:read")
    answer = door.call("GET", f"{BASE}/things?api_key={token}&branchId=b-1")
    assert answer.status_code == 200
    assert answer.json()["query"] == "branch_id=b-1"
    assert "requestId" in answer.json()


def test_keys_by_their_older_path_are_the_callers_own(door: Door) -> None:
    owner = accounts.workspace()
    token, _ = access_token(owner)
    key, _ = make(owner, "api_keys:manage", name="Not by a key")
    mine = door.call("POST", "/api/keys", key=token, json={"name": "Mine", "permissions": ["forms:read"], "rateLimit": 50})
    assert (mine.status_code, mine.json()["rateLimit"], mine.json()["status"]) == (201, 50, "ACTIVE")
    assert {row["name"] for row in door.call("GET", "/api/keys", key=token).json()["data"]} == {"Mine", "Not by a key"}
    _, other = make(owner, "api_keys:manage", name="Another")
    made = door.call("POST", "/api/keys", key=other, json={"name": "By a key", "permissions": ["api_keys:read"]})
    assert made.status_code == 201, made.text
    assert [row["name"] for row in door.call("GET", "/api/keys", key=other).json()["data"]] == ["By a key"]
    assert door.call("POST", f"/api/keys/{key.id}/revoke", key=token).json()["status"] == "REVOKED"


def test_the_test_of_authentication_tells_whose_the_key_is(door: Door) -> None:
    owner = accounts.workspace()
    key, token = make(owner, "webhooks:read")
    answer = door.call("POST", "/api/zapier/auth/test", headers={"x-api-key": token})
    assert (answer.status_code, answer.json()["id"], answer.json()["workspaceId"]) == (200, key.id, owner.workspace_id)
    told(door.call("POST", "/api/zapier/auth/test"), 401)


def test_an_access_check_knows_the_older_paths(door: Door) -> None:
    owner = accounts.workspace()
    key, token = make(owner, "webhooks:read", "api_keys:read")
    for path, allowed in ((f"{BASE}/things", True), (f"{BASE}/api-keys", True), (f"{BASE}/logs/requests", False)):
        answer = door.call("POST", f"/api-keys/{key.id}/check", key=token, json={"method": "GET", "path": path})
        assert answer.json()["allowed"] is allowed, answer.text


def test_health_by_its_older_path_is_open_and_spends_nothing(door: Door) -> None:
    answer = door.call("GET", f"{BASE}/monitoring/health")
    assert answer.json()["status"] in {"OK", "DEGRADED"}
    assert "x-ratelimit-limit" not in answer.headers


def test_no_secret_in_a_path_is_logged_whichever_path_it_stands_in(door: Door) -> None:
    owner = accounts.workspace()
    _, token = make(owner)
    secret = "xdi_" + "7" * 33
    for path in ("/api/webhooks/incoming", "/api/integrations/webhooks/incoming", f"{BASE}/webhooks/incoming", "/api/v1/nothing"):
        assert secret not in door.call("GET", f"{path}/{secret}/further").text
        assert secret not in door.call("GET", f"{path}/{secret}").text
    door.call("GET", f"/api-keys/{token}", key=token)
    door.call("DELETE", f"/things/{token}", key=token)
    logged = [row.path for row in strangers()] + [f"{row.path} {row.error}" for row in requests_of(owner)]
    assert len(logged) == 10
    assert not [each for each in logged if secret in each or token in each]
    assert "/api/v1/things/xdk_… /api/v1/things/xdk_… has no DELETE. Use GET." in logged
