"""What the door lets in and what it refuses: the answer, its headers, its sentence, and the order of the checks."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from redis import Redis
from sqlmodel import Session, select

from backend.accounts import sessions, tokens
from backend.api_keys import auth, rules, service
from backend.api_keys.inputs import KeyInput
from backend.core import clock, db, queue, web
from backend.core import tokens as shapes
from backend.core.actor import Actor, Role
from backend.core.errors import Forbidden, Invalid
from backend.gateway import identity, instance
from backend.gateway.door import Gateway
from backend.gateway.table import UnmarkedRoute
from backend.logs import recorder
from backend.models import ApiKey, Membership, RequestLog, UnknownRequest, User, UserSession
from backend.settings import settings
from tests.factories import accounts
from tests.integration.gateway.conftest import PREFIX, Door
from tests.waiting import eventually

JSON = {"content-type": "application/json"}


def make(actor: Actor, *scopes: str, **values: Any) -> tuple[ApiKey, str]:
    given = {"name": "Partner", "scopes": list(scopes) or ["webhooks:read"], **values}
    with db.transaction(write=True) as session:
        return service.create(session, actor=actor, input=KeyInput(**given))


def change(operation: Any, actor: Actor, key: ApiKey, **values: Any) -> Any:
    with db.transaction(write=True) as session:
        return operation(session, actor=actor, key_id=key.id, **values)


def set_up(actor: Actor, **changes: Any) -> None:
    """Change the installation's settings of the door."""
    with db.transaction(write=True) as session:
        admin = accounts.member(session, actor.workspace_id, Role.SUPER_ADMIN)
        instance.change(session, actor=admin, changes=changes)
    instance.forget()


def access_token(actor: Actor) -> tuple[str, str]:
    """A user's access token and the id of its session."""
    with db.transaction(write=True) as session:
        user = session.get(User, actor.id)
        assert user is not None
        _, row = sessions.open_session(session, user, workspace_id=actor.workspace_id, ip="", user_agent="", kind="api")
        info = sessions.info_of(session, row)
    assert info is not None
    return tokens.access_token(info), row.id


def refused(answer: httpx.Response, status: int, words: str) -> dict[str, Any]:
    """The problem of a refusal, after what every refusal has was checked."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert (problem["status"], problem["statusCode"], problem["message"]) == (status, status, problem["detail"])
    assert problem["instance"] == answer.request.url.path
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert words in problem["detail"], problem["detail"]
    assert problem["detail"].rstrip().endswith((".", "`."))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    return problem


def requests_of(actor: Actor) -> list[RequestLog]:
    assert recorder.flush()
    with db.transaction() as session:
        return list(session.exec(select(RequestLog).where(RequestLog.workspace_id == actor.workspace_id).order_by(RequestLog.id)).all())  # type: ignore[arg-type] - a column


def strangers() -> list[UnknownRequest]:
    assert recorder.flush()
    with db.transaction() as session:
        return list(session.exec(select(UnknownRequest).order_by(UnknownRequest.id)).all())  # type: ignore[arg-type] - a column


# --- who calls ------------------------------------------------------------------------------------


def test_a_key_is_taken_as_bearer_header_and_query(door: Door):
    owner = accounts.workspace()
    key, token = make(owner)
    for how in (
        {"headers": {"authorization": f"Bearer {token}"}},
        {"headers": {"authorization": f"bearer  {token}"}},
        {"headers": {"x-api-key": token}},
        {"params": {"api_key": token}},
    ):
        answer = door.call("GET", "/things", **how)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["actor"], answer.json()["ip"]) == (key.id, "203.0.113.7")
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert answer.headers["x-request-id"].startswith("req_")


def test_a_key_in_the_query_is_redacted_in_the_log_and_goes_no_further(door: Door):
    owner = accounts.workspace()
    _, token = make(owner)
    answer = door.call("GET", f"/things?a=1&api_key={token}&b=2")
    assert answer.json()["query"] == "a=1&b=2"
    (row,) = requests_of(owner)
    assert token not in row.query
    assert "a=1" in row.query
    assert token[8:] not in repr(row.model_dump())


def test_keys_in_the_query_can_be_switched_off(door: Door):
    owner = accounts.workspace()
    _, token = make(owner)
    set_up(owner, query_keys=False)
    problem = refused(door.call("GET", "/things", params={"api_key": token}), 401, "takes no API keys in the address")
    assert token not in problem["instance"]
    assert door.call("GET", "/things", key=token).status_code == 200


def test_a_users_access_token_is_taken_until_its_session_ends(door: Door):
    owner = accounts.workspace()
    token, session_id = access_token(owner)
    answer = door.call("GET", "/things", key=token)
    assert answer.json()["actor"] == owner.id
    with db.transaction(write=True) as session:
        sessions.revoke(session, session_id)
    door.gateway._identities.forget([session_id])
    problem = refused(door.call("GET", "/things", key=token), 401, "is not valid or has expired")
    assert problem["code"] == "unauthenticated"


def test_a_users_role_is_enough_or_not(door: Door):
    owner = accounts.workspace()
    with db.transaction(write=True) as session:
        viewer = accounts.member(session, owner.workspace_id, Role.VIEWER)
    token, _ = access_token(viewer)
    assert door.call("GET", "/things", key=token).status_code == 200
    problem = refused(door.call("POST", "/things", key=token, json={"name": "x"}), 403, "needs the role admin; yours is viewer")
    assert problem["requiredScopes"] == []


# --- refusals -------------------------------------------------------------------------------------


def test_without_a_credential_the_answer_says_how_to_send_one(door: Door):
    answer = door.call("GET", "/things")
    refused(answer, 401, "Send an API key as `Authorization: Bearer xdk_…`")
    assert answer.headers["www-authenticate"] == 'Bearer realm="crossdock"'
    assert [row.refusal for row in strangers()] == ["missing"]


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"authorization": "Basic dXNlcjpwYXNz"}, "not of the form `Bearer …`"),
        ({"authorization": "Bearer"}, "not of the form `Bearer …`"),
        ({"authorization": "Bearer nonsense"}, "neither an API key nor an access token"),
        ({"x-api-key": "xdk_short"}, "its checksum does not fit"),
        ({"x-api-key": "xdk_" + "a" * 52}, "its checksum does not fit"),
        ({"authorization": "Bearer \xe9\xff"}, "neither an API key nor an access token"),
    ],
)
def test_what_nobody_was_ever_given_is_refused_by_its_shape(door: Door, headers: dict[str, str], words: str):
    answer = door.call("GET", "/things", headers={name: value.encode("latin-1") for name, value in headers.items()})
    refused(answer, 401, words)
    assert answer.headers["www-authenticate"] == 'Bearer realm="crossdock", error="invalid_token"'
    assert [row.refusal for row in strangers()] == ["malformed"]


def test_a_well_formed_key_that_nobody_has_is_unknown(door: Door):
    refused(door.call("GET", "/things", key=shapes.new_api_key()), 401, "is not known here")
    assert [row.refusal for row in strangers()] == ["unknown"]


def test_a_forged_or_foreign_access_token_is_refused(door: Door):
    token, _ = access_token(accounts.workspace())
    head, body, signature = token.split(".")
    for forged in (f"{head}.{body}.{signature[:-2]}AA", f"{head}.{body}.", "a.b.c"):
        refused(door.call("GET", "/things", key=forged), 401, "is not valid or has expired")


def test_each_state_of_a_key_names_its_reason_in_the_answer_and_the_log(door: Door):
    owner = accounts.workspace()
    disabled, revoked, ended, rotated = (make(owner, name=name) for name in ("disabled", "revoked", "ended", "rotated"))
    change(service.disable, owner, disabled[0])
    change(service.revoke, owner, revoked[0])
    change(service.regenerate, owner, rotated[0])
    with db.transaction(write=True) as session:
        row = session.get(ApiKey, ended[0].id)
        assert row is not None
        row.expires_at = clock.now() - timedelta(seconds=1)
    for (_, token), words in ((disabled, "is disabled"), (revoked, "was revoked"), (ended, "expired at"), (rotated, "was replaced")):
        answer = door.call("GET", "/things", key=token)
        refused(answer, 401, words)
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    rows = requests_of(owner)
    assert [row.refusal for row in rows] == ["disabled", "revoked", "expired", "replaced"]
    assert [row.caller_id for row in rows] == [disabled[0].id, revoked[0].id, ended[0].id, rotated[0].id]
    assert all(row.secret_id and row.error for row in rows)


def test_a_key_is_refused_from_an_address_that_is_not_on_its_list(door: Door):
    owner = accounts.workspace()
    _, token = make(owner, allowed_ips=["203.0.113.0/28", "2001:db8::/32"])
    for ip in ("203.0.113.7", "2001:db8::1", "::ffff:203.0.113.7"):
        assert door.call("GET", "/things", key=token, ip=ip).status_code == 200
    refused(door.call("GET", "/things", key=token, ip="203.0.113.77"), 403, "may not be used from 203.0.113.77")
    assert requests_of(owner)[-1].refusal == "ip"


def test_a_forwarded_address_is_not_believed_from_anybody(door: Door):
    owner = accounts.workspace()
    _, token = make(owner, allowed_ips=["203.0.113.7"])
    answer = door.call("GET", "/things", key=token, ip="198.51.100.9", headers={"x-forwarded-for": "203.0.113.7"})
    refused(answer, 403, "may not be used from 198.51.100.9")


def test_a_missing_scope_is_named_with_what_would_do(door: Door):
    owner = accounts.workspace()
    _, token = make(owner, "webhooks:read")
    answer = door.call("POST", "/things", key=token, json={"name": "x"})
    problem = refused(answer, 403, "needs the scope webhooks:write")
    assert problem["requiredScopes"] == ["webhooks:write", "webhooks:manage"]
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    _, manager = make(owner, "webhooks:manage")
    assert door.call("POST", "/things", key=manager, json={"name": "x"}).status_code == 201


def test_status_is_judged_before_expiry_address_scope_and_limits(door: Door):
    owner = accounts.workspace()
    key, token = make(owner, "events:read", allowed_ips=["192.0.2.1"], limit_per_minute=1)
    steps = (
        ("Disabled key", lambda: change(service.disable, owner, key), 401, "is disabled"),
        ("address", lambda: change(service.enable, owner, key), 403, "may not be used from"),
        ("scope", lambda: change(service.update, owner, key, changes={"allowed_ips": []}), 403, "needs the scope"),
    )
    for _, prepare, status, words in steps:
        prepare()
        door.gateway._identities.forget([key.id])
        refused(door.call("GET", "/things", key=token), status, words)
    change(service.update, owner, key, changes={"scopes": ["webhooks:read"]})
    door.gateway._identities.forget([key.id])
    # What was refused before the limits has spent nothing of them.
    assert door.call("GET", "/things", key=token).status_code == 200
    refused(door.call("GET", "/things", key=token), 429, "per minute")


# --- bodies and paths -----------------------------------------------------------------------------


def test_a_body_that_is_not_json_is_refused(door: Door):
    _, token = make(accounts.workspace(), "webhooks:write")
    for sent, media in ((b"a=1", "application/x-www-form-urlencoded"), (b"{}", "text/plain"), (b"{}", "")):
        answer = door.call("POST", "/things", key=token, content=sent, headers={"content-type": media})
        refused(answer, 415, "Send JSON with `Content-Type: application/json`")
    for media in ("application/json; charset=utf-8", "application/vnd.api+json", "APPLICATION/JSON"):
        answer = door.call("POST", "/things", key=token, content=b'{"name":"x"}', headers={"content-type": media})
        assert answer.status_code == 201, answer.text


def test_a_body_that_is_too_large_is_refused_whether_its_length_is_told_or_not(door: Door):
    _, token = make(accounts.workspace(), "webhooks:write")
    refused(door.call("POST", "/things", key=token, content=b" " * (1024 * 1024 + 1), headers=JSON), 413, "larger than 1,048,576 bytes")

    async def pieces() -> Any:
        for _ in range(20):
            yield b" " * 65_536

    refused(door.call("POST", "/things", key=token, content=pieces(), headers=JSON), 413, "larger than 1,048,576 bytes")


def test_unknown_paths_are_404_and_wrong_methods_405_with_what_is_allowed(door: Door):
    owner = accounts.workspace()
    _, token = make(owner)
    for path in ("/nothing", "/things/1/2", "/api", "/api/v2/things", "/api/v1"):
        refused(door.call("GET", path, key=token), 404, "There is nothing at")
    answer = door.call("DELETE", "/things", key=token)
    refused(answer, 405, "Use GET or POST")
    assert answer.headers["allow"] == "GET, POST"
    refused(door.call("GET", "/nothing"), 404, "There is nothing at")
    assert {row.status_code for row in requests_of(owner)} == {404, 405}


def test_an_invalid_key_is_told_before_a_path_that_does_not_exist(door: Door):
    refused(door.call("GET", "/nothing", key=shapes.new_api_key()), 401, "is not known here")


def test_a_route_without_a_permission_keeps_the_application_from_starting():
    router = web.Router()

    @router.get("/forgotten")
    async def forgotten() -> None: ...

    app = FastAPI()
    app.include_router(router, prefix=PREFIX)
    with pytest.raises(UnmarkedRoute, match="GET /api/v1/forgotten has no permission"):
        Gateway(app, web.table([router], PREFIX))


def test_what_nobody_expected_is_a_500_without_the_inside_and_is_logged(door: Door):
    owner = accounts.workspace()
    _, token = make(owner)
    answer = door.call("GET", "/boom", key=token)
    refused(answer, 500, answer.headers["x-request-id"])
    assert "secret of the inside" not in answer.text
    assert requests_of(owner)[-1].status_code == 500


def test_public_calls_need_no_credential_and_are_not_hindered_by_a_wrong_one(door: Door):
    assert door.call("GET", "/open").json() == {"open": "yes"}
    assert door.call("GET", "/open", key="wrong").status_code == 200
    assert door.call("GET", "/api/openapi.json").status_code == 200


def test_an_error_of_the_application_is_in_the_request_log_with_its_sentence(door: Door):
    owner = accounts.workspace()
    _, token = make(owner, "api_keys:read")
    answer = door.call("GET", "/api-keys/key_none", key=token)
    refused(answer, 404, "There is no API key key_none")
    row = requests_of(owner)[-1]
    assert (row.status_code, row.refusal, row.route) == (404, None, "GET /api/v1/api-keys/{key_id}")
    assert "There is no API key" in (row.error or "")


# --- limits ---------------------------------------------------------------------------------------


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


def away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process's Redis be one that nobody serves."""
    monkeypatch.setenv("REDIS_URL", "unix:///nonexistent/valkey.sock")
    settings.cache_clear()
    queue.forget_connections()


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


# --- forgetting -----------------------------------------------------------------------------------


def remembered(redis: Redis, token: str, *doors: Door) -> None:
    """Have every door follow what changes, and remember the key."""
    for each in doors:
        assert each.call("GET", "/things", key=token).status_code == 200
    eventually(lambda: redis.pubsub_numsub(queue.INVALIDATIONS)[0][1] == len(doors))
    # What was remembered before a door followed is forgotten once it does.
    eventually(lambda: all(each.gateway._identities._generation > 0 for each in doors))
    for each in doors:
        assert each.call("GET", "/things", key=token).status_code == 200


def refused_within_a_second(token: str, *doors: Door) -> None:
    deadline = clock.now() + timedelta(seconds=1)
    for each in doors:
        while (answer := each.call("GET", "/things", key=token)).status_code == 200:
            assert clock.now() < deadline, "a revoked key still passes after a second"
        refused(answer, 401, "was revoked")


def test_a_revoked_key_is_forgotten_by_every_process_because_they_are_told(
    door: Door, other_door: Door, redis: Redis, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(identity, "STALE_SECONDS", 60.0)
    owner = accounts.workspace()
    key, token = make(owner, limit_per_minute=None)
    remembered(redis, token, door, other_door)
    change(service.revoke, owner, key)
    refused_within_a_second(token, door, other_door)


def test_a_revoked_key_is_refused_within_a_second_even_if_nobody_is_told(door: Door, redis: Redis, monkeypatch: pytest.MonkeyPatch):
    owner = accounts.workspace()
    key, token = make(owner, limit_per_minute=None)
    remembered(redis, token, door)
    away(monkeypatch)
    change(service.revoke, owner, key)
    refused_within_a_second(token, door)


def test_what_changes_while_it_is_read_is_not_remembered(door: Door, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(identity, "STALE_SECONDS", 60.0)
    owner = accounts.workspace()
    key, token = make(owner)
    real, identities = auth.authenticate, door.gateway._identities

    def slow(session: Session, token: str) -> rules.KeyRecord | None:
        found = real(session, token)
        change(service.revoke, owner, key)  # after the row was read, before anything is remembered
        door.loop.call_soon_threadsafe(identities.forget, [key.id])
        return found

    monkeypatch.setattr(auth, "authenticate", slow)
    door.call("GET", "/things", key=token)
    monkeypatch.setattr(auth, "authenticate", real)
    assert door.call("GET", "/things", key=token).status_code == 401


def test_an_access_token_is_for_the_workspace_it_was_made_for(door: Door):
    owner = accounts.workspace()
    token, session_id = access_token(owner)
    elsewhere = accounts.workspace("Other")
    with db.transaction(write=True) as session:
        row = session.get(UserSession, session_id)
        assert row is not None
        row.workspace_id = elsewhere.workspace_id
        session.add(Membership(id="mem_1", workspace_id=elsewhere.workspace_id, user_id=owner.id, role=Role.OWNER))
    refused(door.call("GET", "/things", key=token), 401, "is not valid or has expired")


def test_a_key_is_remembered_so_that_the_database_is_not_asked_each_time(door: Door, monkeypatch: pytest.MonkeyPatch):
    real, asked = auth.authenticate, []
    monkeypatch.setattr(auth, "authenticate", lambda session, token: asked.append(token) or real(session, token))
    _, token = make(accounts.workspace())
    unknown = shapes.new_api_key()
    for _ in range(5):
        door.call("GET", "/things", key=token)
        door.call("GET", "/things", key=unknown)
    assert 2 <= len(asked) <= 4
