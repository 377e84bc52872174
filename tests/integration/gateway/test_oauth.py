"""Client credentials: what the token endpoint answers (RFC 6749, section 5), and what an access token of a key may do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col

from backend.api_keys import service
from backend.core import clock, db
from backend.core.actor import Actor
from backend.models import ApiKey, ApiKeySecret
from tests.factories import accounts
from tests.integration.gateway.callers import change, make, refused, requests_of, strangers
from tests.integration.gateway.conftest import Door

GRANT = {"grant_type": "client_credentials"}


def ask(door: Door, key: ApiKey | str, token: str, *, ip: str = "203.0.113.7", **fields: str) -> httpx.Response:
    client_id = key if isinstance(key, str) else key.id
    return door.call("POST", "/oauth/token", ip=ip, data={**GRANT, "client_id": client_id, "client_secret": token, **fields})


def secrets_of(owner: Actor, key: ApiKey) -> list[ApiKeySecret]:
    with db.transaction() as session:
        return service.secrets(session, actor=owner, key_id=key.id)


def granted(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def denied(answer: httpx.Response, status: int, error: str, words: str) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert words in answer.json()["error_description"], answer.text
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"].startswith("req_")
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Basic ")


def test_a_key_is_traded_for_an_access_token_by_basic_and_in_the_body(door: Door):
    key, token = make(accounts.workspace(), "webhooks:read", "orders:read")
    by_basic = door.call("POST", "/oauth/token", data=GRANT, auth=(key.id, token))
    for answer in (ask(door, key, token), by_basic):
        told = answer.json()
        assert answer.status_code == 200, answer.text
        assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 900, "orders:read webhooks:read")
        assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
        assert door.call("GET", "/things", key=told["access_token"]).json()["actor"] == key.id


def test_the_token_has_the_scopes_that_were_asked_for_and_never_more_than_the_key(door: Door):
    owner = accounts.workspace()
    key, token = make(owner, "webhooks:manage", "orders:read")
    answer = ask(door, key, token, scope="webhooks:read")
    access = granted(answer)
    assert answer.json()["scope"] == "webhooks:read"
    assert door.call("GET", "/things", key=access).status_code == 200
    refused(door.call("POST", "/things", key=access, json={"name": "x"}), 403, "needs the scope webhooks:write")
    denied(ask(door, key, token, scope="orders:read logs:read"), 400, "invalid_scope", "does not hold logs:read")
    change(service.update, owner, key, changes={"scopes": ["orders:read"]})
    door.gateway._identities.forget([key.id])
    refused(door.call("GET", "/things", key=access), 403, "needs the scope webhooks:read")


def test_the_token_has_the_limits_of_the_key_and_is_logged_as_the_key(door: Door):
    owner = accounts.workspace()
    key, token = make(owner, limit_per_minute=2)
    access = granted(ask(door, key, token))
    statuses = [door.call("GET", "/things", key=which).status_code for which in (access, token, access)]
    assert statuses == [200, 200, 429]
    assert {row.caller_id for row in requests_of(owner)} == {key.id}


def test_a_request_for_a_token_is_logged_as_that_of_the_key_once_it_has_proved_to_be_it(door: Door):
    owner = accounts.workspace()
    key, token = make(owner)
    granted(ask(door, key, token))
    denied(ask(door, key, token, scope="orders:write"), 400, "invalid_scope", "does not hold")
    denied(ask(door, key, "wrong"), 401, "invalid_client", "client id")
    rows = requests_of(owner)
    assert [(row.path, row.status_code, row.caller_id) for row in rows] == [("/oauth/token", 200, key.id), ("/oauth/token", 400, key.id)]
    assert {row.secret_id for row in rows} == {secret.id for secret in secrets_of(owner, key)}
    assert [row.status_code for row in strangers()] == [401]


@pytest.mark.parametrize("operation", [service.revoke, service.disable, service.regenerate])
def test_the_token_ends_with_the_key_or_its_secret(door: Door, operation: Any):
    owner = accounts.workspace()
    key, token = make(owner)
    access = granted(ask(door, key, token))
    assert door.call("GET", "/things", key=access).status_code == 200
    change(operation, owner, key)
    door.gateway._identities.forget([key.id])
    refused(door.call("GET", "/things", key=access), 401, "This API key")
    answer = ask(door, key, token)
    denied(answer, 401, "invalid_client", "This API key")


def test_an_access_token_that_has_expired_or_was_changed_is_refused(door: Door, monkeypatch: pytest.MonkeyPatch):
    key, token = make(accounts.workspace())
    access = granted(ask(door, key, token))
    refused(door.call("GET", "/things", key=access[:-4] + "AAAA"), 401, "access token is not valid")
    began = clock.now() - timedelta(minutes=16)
    with monkeypatch.context() as past:
        past.setattr(clock, "now", lambda: began)
        stale = granted(ask(door, key, token))
    refused(door.call("GET", "/things", key=stale), 401, "has expired")


def test_a_key_is_refused_from_an_address_that_it_does_not_list(door: Door):
    key, token = make(accounts.workspace(), allowed_ips=["198.51.100.0/24"])
    denied(ask(door, key, token), 401, "invalid_client", "may not be used from 203.0.113.7")
    access = granted(ask(door, key, token, ip="198.51.100.9"))
    refused(door.call("GET", "/things", key=access), 403, "may not be used from 203.0.113.7")


def test_whoever_is_not_a_client_learns_nothing_but_how_to_be_one(door: Door):
    (key, token), (_, other) = make(accounts.workspace()), make(accounts.workspace())
    answers = [
        ask(door, key, other),
        ask(door, key, "wrong\0"),
        ask(door, "key_unknown", token),
        door.call("POST", "/oauth/token", data=GRANT),
        door.call("POST", "/oauth/token", data=GRANT, auth=(key.id, other)),
        door.call("POST", "/oauth/token", data=GRANT, headers={"authorization": "Basic %%%"}),
        door.call("POST", "/oauth/token", data=GRANT, headers={"authorization": "Basic //79"}),
        door.call("POST", "/oauth/token", data=GRANT, headers={"authorization": b"Basic \xff"}),
        ask(door, "key_\0", token, ip="203.0.113.9"),
        door.call("POST", "/oauth/token", data=GRANT, headers={"authorization": f"Bearer {token}"}),
    ]
    for answer in answers:
        denied(answer, 401, "invalid_client", "client id is the id of an API key")
    assert len({answer.text for answer in answers}) == 1


def test_what_is_malformed_is_an_invalid_request(door: Door):
    key, token = make(accounts.workspace())
    both = {**GRANT, "client_id": key.id, "client_secret": token}
    denied(door.call("POST", "/oauth/token", json=both), 400, "invalid_request", "grant_type is missing")
    denied(door.call("POST", "/oauth/token"), 400, "invalid_request", "grant_type is missing")
    denied(door.call("POST", "/oauth/token", data=both, auth=(key.id, token)), 400, "invalid_request", "authenticated twice")
    twice = f"grant_type=client_credentials&client_id={key.id}&client_secret={token}&scope=a&scope=b"
    form = {"content-type": "application/x-www-form-urlencoded"}
    denied(door.call("POST", "/oauth/token", content=twice, headers=form), 400, "invalid_request", "more than once: scope")
    denied(door.call("POST", "/oauth/token", content=b"grant_type=\xff", headers=form), 400, "invalid_request", "grant_type")
    denied(ask(door, key, token, grant_type='password"\\\r\n\u2028'), 400, "unsupported_grant_type", "Send grant_type=client_credentials")
    denied(ask(door, key, token, scope='x" \u2028'), 400, "invalid_scope", "does not hold")


def test_after_five_failures_an_address_waits_even_with_the_right_secret(door: Door):
    key, token = make(accounts.workspace())
    for _ in range(5):
        denied(ask(door, key, "wrong"), 401, "invalid_client", "client id")
    answer = ask(door, key, token)
    denied(answer, 429, "temporarily_unavailable", "Wait 15 minutes")
    assert answer.headers["retry-after"] == "900"
    assert ask(door, key, token, ip="203.0.113.8").status_code == 200


def test_a_secret_whose_overlap_has_ended_ends_its_tokens_too(door: Door):
    owner = accounts.workspace()
    key, token = make(owner)
    access = granted(ask(door, key, token))
    change(service.rotate, owner, key, overlap_hours=1)
    door.gateway._identities.forget([key.id])
    assert door.call("GET", "/things", key=access).status_code == 200
    with db.transaction(write=True) as session:
        session.exec(update(ApiKeySecret).where(col(ApiKeySecret.expires_at).is_not(None)).values(expires_at=clock.now()))
    door.gateway._identities.forget([key.id])
    refused(door.call("GET", "/things", key=access), 401, "was replaced")
