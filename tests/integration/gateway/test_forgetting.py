"""How long the door remembers whose a credential is: less than a second, and not at all once it is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from sqlmodel import Session

from backend.api_keys import auth, rules, service
from backend.core import clock, db, queue
from backend.core import tokens as shapes
from backend.core.actor import Role
from backend.gateway import identity
from backend.models import Membership, UserSession
from tests.factories import accounts
from tests.integration.gateway.callers import access_token, away, change, make, refused
from tests.integration.gateway.conftest import Door
from tests.waiting import eventually


def remembered(redis: Redis, token: str, *doors: Door) -> None:
    """Have every door follow what changes, and remember the key."""
    for each in doors:
        assert each.call("GET", "/things", key=token).status_code == 200
    client: Any = redis
    eventually(lambda: client.pubsub_numsub(queue.INVALIDATIONS)[0][1] == len(doors))
    # What was remembered before a door followed is forgotten once it does.
    eventually(lambda: all(each.gateway._identities._generation > 0 for each in doors))
    for each in doors:
        assert each.call("GET", "/things", key=token).status_code == 200


def refused_within_a_second(token: str, *doors: Door) -> None:
    """By the time at which a request was sent, so that a slow answer proves nothing."""
    deadline = clock.now() + timedelta(seconds=1)
    for each in doors:
        sent = clock.now()
        while (answer := each.call("GET", "/things", key=token)).status_code == 200:
            assert sent < deadline, "a revoked key still passes after a second"
            sent = clock.now()
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
