"""Which scopes exist, what they cover, and who may hand them on."""

from __future__ import annotations

import pytest

from backend.api_keys import scopes
from backend.core import ids
from backend.core.actor import Actor, ActorKind, Role
from backend.core.errors import Invalid


def key(*held: str) -> Actor:
    return Actor(ActorKind.KEY, ids.new("key"), "wsp_1", scopes=frozenset(held))


def user(role: Role) -> Actor:
    return Actor(ActorKind.USER, ids.new("usr"), "wsp_1", role=role)


def test_short_and_older_forms_become_canonical():
    assert scopes.parse(["read", "write", "read_contacts", "webhooks:manage", "orders:read"]) == {
        "records:read", "records:write", "contacts:read", "webhooks:manage", "orders:read",
    }  # fmt: skip


def test_names_of_modules_and_of_older_records_are_resources():
    assert scopes.parse(["branches:read"], modules=["branches"]) == {"branches:read"}
    assert scopes.parse(["invoices:delete"]) == {"invoices:delete"}


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("webhook:read", "webhooks:read"),
        ("evnts:write", "events:write"),
        ("api-keys:manage", "api_keys:manage"),
        ("reed", "read"),
        ("branch:read", "branches:read"),
    ],
)
def test_an_unknown_scope_names_the_nearest(text: str, nearest: str):
    with pytest.raises(Invalid) as refused:
        scopes.parse([text], modules=["branches"])
    assert f"Did you mean {nearest}?" in refused.value.errors[0].fix


def test_an_unknown_action_names_those_that_exist():
    with pytest.raises(Invalid) as refused:
        scopes.parse(["orders:publish"])
    assert refused.value.errors[0].fix == "Use orders with one of read, write, delete, manage."


def test_every_wrong_scope_is_told_at_once_with_its_place():
    with pytest.raises(Invalid) as refused:
        scopes.parse(["x:read", "orders:read", "", "orders:"])
    assert [error.path for error in refused.value.errors] == ["scopes[0]", "scopes[2]", "scopes[3]"]


@pytest.mark.parametrize(
    ("held", "scope", "covered"),
    [
        ("orders:read", "orders:read", True),
        ("orders:manage", "orders:delete", True),
        ("orders:read", "orders:write", False),
        ("orders:write", "orders:read", False),
        ("orders:write", "orders:manage", False),
        ("records:read", "contacts:read", True),
        ("records:manage", "contacts:manage", True),
        ("records:read", "contacts:write", False),
        ("records:read", "orders:read", False),
        ("records:manage", "api_keys:read", False),
        ("contacts:read", "records:read", False),
    ],
)
def test_what_a_scope_covers(held: str, scope: str, covered: bool):  # noqa: FBT001 - a column of the table
    assert scopes.covers({held}, scope) is covered


def test_a_key_hands_on_only_what_it_holds():
    wanted = {"events:write", "webhooks:read", "webhooks:manage"}
    assert scopes.grantable(key("webhooks:manage"), wanted) == {"webhooks:read", "webhooks:manage"}
    assert scopes.grantable(key("webhooks:read", "webhooks:write", "webhooks:delete"), {"webhooks:manage"}) == frozenset()


@pytest.mark.parametrize("role", Role)
def test_users_hand_on_any_scope_from_admin_on(role: Role):
    granted = scopes.grantable(user(role), {"events:manage"})
    assert granted == ({"events:manage"} if role.rank >= Role.ADMIN.rank else frozenset())


def test_every_scope_has_words():
    words = {scopes.label(f"{resource}:{action}") for resource in scopes.RESOURCES for action in scopes.ACTIONS}
    assert len(words) == len(scopes.RESOURCES) * len(scopes.ACTIONS)
    assert "see webhooks" in words
