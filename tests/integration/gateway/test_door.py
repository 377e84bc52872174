"""Whom the door lets in and whom it refuses: the answer, its headers, its sentence, the log, and the order of the checks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from backend.accounts import sessions
from backend.api_keys import service
from backend.core import clock, db
from backend.core import tokens as shapes
from backend.core.actor import Role
from backend.models import ApiKey
from tests.factories import accounts
from tests.integration.gateway.callers import access_token, change, make, refused, requests_of, set_up, strangers
from tests.integration.gateway.conftest import Door


def test_a_key_is_taken_as_bearer_header_and_query(door: Door):
    owner = accounts.workspace()
    key, token = make(owner)
    ways: tuple[dict[str, Any], ...] = (
        {"headers": {"authorization": f"Bearer {token}"}},
        {"headers": {"authorization": f"bearer  {token}"}},
        {"headers": {"x-api-key": token}},
        {"params": {"api_key": token}},
    )
    for how in ways:
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
