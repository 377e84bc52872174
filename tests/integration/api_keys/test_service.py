"""API keys on both databases: made, listed, changed, replaced, ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from backend.api_keys import auth, service
from backend.api_keys.inputs import KeyInput
from backend.api_keys.rules import KeyState
from backend.core import clock, crypto, db, pagination
from backend.core.actor import Actor, Role
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.models import ApiKey, ApiKeySecret, AuditEntry
from tests.conftest import ENCRYPTION_KEY
from tests.factories import accounts

pytestmark = pytest.mark.usefixtures("database", "redis")


def make(actor: Actor, **values: Any) -> tuple[ApiKey, str]:
    given = {"name": "Partner", "scopes": ["webhooks:read"], **values}
    with db.transaction(write=True) as session:
        return service.create(session, actor=actor, input=KeyInput(**given))


def change(operation: Any, actor: Actor, key: ApiKey, **values: Any) -> Any:
    with db.transaction(write=True) as session:
        return operation(session, actor=actor, key_id=key.id, **values)


def recognised(token: str) -> auth.KeyRecord | None:
    with db.transaction() as session:
        return auth.authenticate(session, token)


def listed(actor: Actor, **filters: Any) -> list[str]:
    with db.transaction() as session:
        return [key.name for key in service.list_keys(session, actor=actor, **filters).data]


def test_a_new_key_is_recognised_by_its_secret_which_is_stored_nowhere():
    owner = accounts.workspace()
    key, token = make(owner, scopes=["read", "events:write"], limit_per_hour=10, allowed_ips=["203.0.113.0/24"])
    record = recognised(token)
    assert record is not None
    assert (record.key_id, record.workspace_id, record.state) == (key.id, owner.workspace_id, KeyState.ACTIVE)
    assert record.scopes == {"records:read", "events:write"}
    assert [(window.name, window.limit) for window in record.limits] == [("per_hour", 10)]
    with db.transaction() as session:
        rows = [*session.exec(select(ApiKey)).all(), *session.exec(select(ApiKeySecret)).all(), *session.exec(select(AuditEntry)).all()]
    stored = " ".join(repr(row.model_dump()) for row in rows)
    assert token not in stored
    assert token[8:50] not in stored


def test_a_wrong_or_unknown_key_is_nobodys():
    _, token = make(accounts.workspace())
    assert recognised(token[:-1] + ("0" if token[-1] != "0" else "1")) is None
    with db.transaction() as session:
        digest = session.exec(select(ApiKeySecret.mac)).one()
    assert recognised(digest) is None


def test_without_limits_a_hundred_per_minute_and_with_null_none():
    owner = accounts.workspace()
    assert make(owner)[0].limit_per_minute == 100
    unlimited, _ = make(owner, limit_per_minute=None)
    assert (unlimited.limit_per_minute, unlimited.limit_per_hour, unlimited.limit_per_day) == (None, None, None)


def test_a_key_cannot_mint_scopes_beyond_its_own_when_creating_or_changing():
    owner = accounts.workspace()
    caller = accounts.key_actor(owner.workspace_id, "api_keys:write", "api_keys:read", "events:manage")
    weak, _ = make(caller, scopes=["events:write"])
    strong, _ = make(owner, scopes=["webhooks:manage"])
    with pytest.raises(Forbidden) as refused:
        make(caller, scopes=["events:read", "webhooks:read"])
    assert refused.value.required_scopes == ("webhooks:read",)
    with pytest.raises(Forbidden):
        change(service.update, caller, weak, changes={"scopes": ["events:write", "webhooks:read"]})
    # Nor may it be handed a secret that has more than it holds.
    for replace in (service.rotate, service.regenerate):
        with pytest.raises(Forbidden):
            change(replace, caller, strong)
    # What a key has may stay on it, so that others of its fields can be changed.
    changed = change(service.update, caller, strong, changes={"name": "Renamed", "scopes": ["webhooks:manage", "events:read"]})
    assert changed.scopes == ["events:read", "webhooks:manage"]


def test_the_guards_of_a_key_that_can_do_more_are_not_changed():
    owner = accounts.workspace()
    caller = accounts.key_actor(owner.workspace_id, "api_keys:write", "api_keys:delete", "events:manage")
    later = clock.now() + timedelta(days=30)
    strong, _ = make(owner, scopes=["webhooks:manage"], allowed_ips=["203.0.113.7"], expires_at=later)
    guards = {
        "allowed_ips": [],
        "expires_at": None,
        "limit_per_minute": None,
        "limit_per_hour": 9,
        "owner_id": None,
        "rotate_every_days": 9,
    }
    for name, value in guards.items():
        with pytest.raises(Forbidden, match="scopes that you do not hold: webhooks:manage"):
            change(service.update, caller, strong, changes={name: value, "description": "Taken over"})
    same = {"allowed_ips": ["203.0.113.7"], "expires_at": later, "limit_per_minute": 100, "is_active": True}
    assert change(service.update, caller, strong, changes={**same, "name": "Renamed"}).name == "Renamed"
    assert change(service.disable, caller, strong).state == KeyState.DISABLED
    with pytest.raises(Forbidden):
        change(service.enable, caller, strong)
    with pytest.raises(Forbidden):
        change(service.update, caller, strong, changes={"is_active": True})
    assert change(service.enable, owner, strong).state == KeyState.ACTIVE
    assert change(service.revoke, caller, strong).state == KeyState.REVOKED
    weak, _ = make(owner, scopes=["events:write"], allowed_ips=["203.0.113.7"])
    assert change(service.update, caller, weak, changes={"allowed_ips": []}).allowed_ips == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.SUPPORT])
def test_users_below_admin_look_but_change_nothing(role: Role):
    owner = accounts.workspace()
    key, _ = make(owner)
    with db.transaction(write=True) as session:
        weaker = accounts.member(session, owner.workspace_id, role)
    assert listed(weaker) == ["Partner"]
    with pytest.raises(Forbidden):
        make(weaker)
    for operation in (service.revoke, service.disable, service.enable, service.rotate, service.regenerate):
        with pytest.raises(Forbidden):
            change(operation, weaker, key)


def test_keys_of_another_workspace_do_not_exist():
    owner, stranger = accounts.workspace(), accounts.workspace("Other")
    key, _ = make(owner)
    operations = [service.get, service.secrets, service.revoke, service.disable, service.enable, service.rotate, service.regenerate]
    for operation in operations:
        with pytest.raises(NotFound):
            change(operation, stranger, key)
    with pytest.raises(NotFound):
        change(service.update, stranger, key, changes={"name": "Mine"})
    assert listed(stranger, status="all") == []


def test_an_owner_must_be_a_member():
    owner, stranger = accounts.workspace(), accounts.workspace("Other")
    with pytest.raises(Invalid):
        make(owner, owner_id=stranger.id)
    key, _ = make(owner)
    assert key.owner_id == owner.id
    with pytest.raises(Invalid):
        change(service.update, owner, key, changes={"owner_id": stranger.id})
    with db.transaction(write=True) as session:
        assert service.owner(session, actor=owner, key=session.get_one(ApiKey, key.id)) != ""
        session.get_one(ApiKey, key.id).owner_id = stranger.id  # as if they had been a member
    renamed = change(service.update, owner, key, changes={"name": "Theirs", "owner_id": stranger.id})  # who has left may stay
    with db.transaction() as session:
        assert service.owner(session, actor=owner, key=renamed) == ""


def test_rotation_keeps_the_old_secret_for_the_overlap():
    owner = accounts.workspace()
    key, old = make(owner)
    rotated, new = change(service.rotate, owner, key, overlap_hours=2)
    assert rotated.id == key.id
    before, after = recognised(old), recognised(new)
    assert before is not None
    assert after is not None
    assert after.secret_expires_at is None
    assert before.secret_expires_at is not None
    assert timedelta(hours=1.9) < before.secret_expires_at - clock.now() < timedelta(hours=2)
    with db.transaction() as session:
        assert [secret.id for secret in service.secrets(session, actor=owner, key_id=key.id)] == [after.secret_id, before.secret_id]


def test_after_a_second_rotation_two_secrets_work_and_no_more():
    owner = accounts.workspace()
    key, first = make(owner)
    _, second = change(service.rotate, owner, key, overlap_hours=1)
    _, third = change(service.rotate, owner, key, overlap_hours=100)
    ends = {token: record.secret_expires_at for token in (first, second, third) if (record := recognised(token))}
    earliest, earlier = ends[first], ends[second]
    assert earliest is not None
    assert earlier is not None
    assert earliest <= clock.now() < earlier
    assert ends[third] is None


def test_regeneration_ends_every_earlier_secret_at_once_and_keeps_the_id():
    owner = accounts.workspace()
    key, first = make(owner)
    _, second = change(service.rotate, owner, key)
    again, third = change(service.regenerate, owner, key)
    assert again.id == key.id
    ends = [record.secret_expires_at for token in (first, second) if (record := recognised(token))]
    assert len(ends) == 2
    assert all(end is not None and end <= clock.now() for end in ends)
    with db.transaction() as session:
        (only,) = service.secrets(session, actor=owner, key_id=key.id)
    assert only.last4 == third[-4:]


def test_revoking_is_for_good_and_the_same_again_changes_nothing():
    owner = accounts.workspace()
    key, _ = make(owner)
    first = change(service.revoke, owner, key).revoked_at
    assert change(service.revoke, owner, key).revoked_at == first
    for operation in (service.enable, service.disable, service.rotate, service.regenerate):
        with pytest.raises(Conflict):
            change(operation, owner, key)
    assert listed(owner) == []
    assert listed(owner, status="REVOKED") == ["Partner"]
    with db.transaction() as session:
        actions = session.exec(select(AuditEntry.action).order_by(AuditEntry.id)).all()  # type: ignore[arg-type] - a column
    assert list(actions) == ["api_key.created", "api_key.revoked"]


def test_disabling_is_taken_back_by_enabling():
    owner = accounts.workspace()
    key, token = make(owner)
    change(service.disable, owner, key)
    record = recognised(token)
    assert record is not None
    assert record.state is KeyState.DISABLED
    assert change(service.enable, owner, key).disabled_at is None
    assert change(service.update, owner, key, changes={"is_active": False}).state == KeyState.DISABLED


def test_a_change_leaves_the_other_fields_alone_and_is_recorded_with_before_and_after():
    owner = accounts.workspace()
    key, _ = make(owner, description="First", limit_per_day=7, metadata={"a": 1})
    changed = change(service.update, owner, key, changes={"name": "New name", "limit_per_day": None})
    assert (changed.name, changed.description, changed.limit_per_day, changed.meta) == ("New name", "First", None, {"a": 1})
    with db.transaction() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "api_key.updated")).one()
    assert entry.before == {"name": "Partner", "limit_per_day": 7}
    assert entry.after == {"name": "New name", "limit_per_day": None}


def test_lists_filter_by_status_and_text_and_page_by_cursor():
    owner = accounts.workspace()
    names = [f"Key {number}" for number in range(5)]
    keys = [make(owner, name=name) for name in names]
    change(service.disable, owner, keys[1][0])
    with db.transaction(write=True) as session:
        row = session.get(ApiKey, keys[2][0].id)
        assert row is not None
        row.expires_at = clock.now() - timedelta(seconds=1)
    assert listed(owner) == names[::-1]
    assert listed(owner, status="disabled") == ["Key 1"]
    assert listed(owner, status="expired") == ["Key 2"]
    assert listed(owner, status="active") == ["Key 4", "Key 3", "Key 0"]
    assert listed(owner, q="key 3") == ["Key 3"]
    assert listed(owner, q=keys[0][0].id) == ["Key 0"]
    assert "Key 0" in listed(owner, q=keys[0][1][:8])
    assert listed(owner, q="%") == []
    with db.transaction() as session:
        first = service.list_keys(session, actor=owner, limit=3)
        second = service.list_keys(session, actor=owner, limit=3, cursor=first.next_cursor)
        assert [key.name for key in (*first.data, *second.data)] == names[::-1]
        assert second.next_cursor is None
        assert service.counts(session, actor=owner) == {"all": 5, "active": 3, "disabled": 1, "expired": 1, "revoked": 0}
        with pytest.raises(Invalid):
            service.list_keys(session, actor=owner, status="gone")
        with pytest.raises(Invalid):
            service.list_keys(session, actor=owner, limit=pagination.MAX_LIMIT + 1)


def test_a_key_stays_valid_while_the_encryption_key_is_replaced_and_is_stored_anew_on_use():
    _, token = make(accounts.workspace())
    crypto.configure(["another-key-0123456789abcdefghijklmnopq", ENCRYPTION_KEY])
    record = recognised(token)
    assert record is not None
    assert not record.is_mac_current
    with db.transaction(write=True) as session:
        auth.rehash(session, secret_id=record.secret_id, token=token)
    crypto.configure(["another-key-0123456789abcdefghijklmnopq"])
    record = recognised(token)
    assert record is not None
    assert record.is_mac_current
