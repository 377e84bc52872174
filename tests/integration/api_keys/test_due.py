"""What is due for keys, and who still uses which secret: over the API, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from backend.api_keys import service, usage
from backend.api_keys.due import Kind
from backend.api_keys.inputs import KeyInput
from backend.core import clock, db
from backend.core.actor import Actor
from backend.logs import batches
from backend.models import ApiKey
from tests.factories import accounts, talks
from tests.factories.requests import entry
from tests.factories.talks import Http

pytestmark = pytest.mark.usefixtures("database", "redis")
DAY = timedelta(days=1)


def make(actor: Actor, name: str, **values: Any) -> ApiKey:
    with db.transaction(write=True) as session:
        return service.create(session, actor=actor, input=KeyInput(name, ["events:write"], **values))[0]


def due(actor: Actor) -> dict[str, list[str]]:
    with db.transaction() as session:
        return {found.key.name: [reason.kind for reason in found.reasons] for found in service.list_due(session, actor=actor)}


def use(actor: Actor, key: ApiKey, secret_id: str, ip: str, times: int = 1) -> None:
    with db.transaction(write=True) as session:
        batches.write(session, [entry(actor, caller=key.id, secret_id=secret_id, ip=ip) for _ in range(times)])


def test_keys_are_due_for_each_reason_and_the_most_pressing_comes_first(monkeypatch: pytest.MonkeyPatch):
    owner, start = accounts.workspace(), clock.now()
    make(owner, "calm")
    make(owner, "ending", expires_at=start + 101 * DAY)
    make(owner, "rotating", rotate_every_days=95)
    make(owner, "revoked", rotate_every_days=1)
    with db.transaction(write=True) as session:
        (revoked,) = service.list_keys(session, actor=owner, q="revoked").data
        service.revoke(session, actor=owner, key_id=revoked.id)
    assert due(owner) == {}
    monkeypatch.setattr(clock, "now", lambda: start + 96 * DAY)
    make(owner, "young")
    assert list(due(owner).items()) == [
        ("ending", [Kind.EXPIRING, Kind.UNUSED]),
        ("rotating", [Kind.ROTATION, Kind.UNUSED]),
        ("calm", [Kind.UNUSED]),
    ]
    assert due(accounts.workspace()) == {}


def test_a_rotation_shows_which_secret_is_still_used_and_from_where():
    owner = accounts.workspace()
    key = make(owner, "rotated")
    with db.transaction(write=True) as session:
        old = service.secrets(session, actor=owner, key_id=key.id)[0].id
        service.rotate(session, actor=owner, key_id=key.id, overlap_hours=24)
    assert due(owner) == {}  # nobody has used the old one since
    with db.transaction() as session:
        new = service.secrets(session, actor=owner, key_id=key.id)[0].id
    use(owner, key, old, "198.51.100.1", 3)
    use(owner, key, old, "198.51.100.2")
    use(owner, key, new, "203.0.113.9")
    assert due(owner) == {"rotated": [Kind.OLD_SECRET]}
    with db.transaction() as session:
        (found,) = service.list_due(session, actor=owner)
        shown = usage.read(session, actor=owner, key_id=key.id).secrets
    assert "from 198.51.100.2" in found.reasons[0].sentence
    assert [(each.id, each.request_count) for each in shown] == [(new, 1), (old, 4)]
    assert [(each.ip, each.total) for each in shown[1].addresses] == [("198.51.100.1", 3), ("198.51.100.2", 1)]
    assert [each.ip for each in shown[0].addresses] == ["203.0.113.9"]


def test_the_api_lists_what_is_due_and_usage_by_secret():
    async def talk(http: Http) -> None:
        made = (await http.post("/api-keys", json={"name": "Old", "scopes": ["api_keys:read"], "rotate_every": 1})).json()
        answer = await http.get("/api-keys/due")
        assert (answer.status_code, answer.json()) == (200, {"data": [], "next_cursor": None, "has_more": False})
        (secret,) = (await http.get(f"/api-keys/{made['id']}/usage")).json()["secrets"]
        assert (secret["last4"], secret["addresses"], secret["last_used_ip"]) == (made["last4"], [], None)

    talks.run(talk, "api_keys:manage")
