"""Event types of a webhook against names of events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.webhooks import matching

NAMES = frozenset({"order.created", "order.updated", "contact.created", "POST_PUBLISHED", "webhook.disabled"})


@pytest.mark.parametrize(
    ("event_types", "name", "taken_by"),
    [
        (["order.created"], "order.created", "order.created"),
        (["order.created"], "order.updated", None),
        (["order.*"], "order.created", "order.*"),
        (["order.*"], "order.item.added", "order.*"),
        (["order.*"], "order", None),
        (["order.*"], "orders.created", None),
        (["order"], "order.created", None),
        (["*"], "POST_PUBLISHED", "*"),
        (["order.created"], "ORDER.CREATED", None),
        ([], "order.created", None),
        (["contact.*", "order.*"], "order.created", "order.*"),
    ],
)
def test_exact_names_groups_and_everything(event_types: list[str], name: str, taken_by: str | None):
    assert matching.pattern_for(event_types, name) == taken_by
    assert matching.matches(event_types, name) == (taken_by is not None)


@pytest.mark.parametrize("name", sorted(matching.OPERATIONAL))
def test_operational_events_go_only_to_webhooks_that_name_them(name: str):
    assert not matching.matches(["*"], name)
    assert matching.matches([name], name)
    assert matching.matches([f"{name.partition('.')[0]}.*"], name)


def test_everything_can_leave_out_the_less_specific_of_two_events():
    assert not matching.matches(["*"], "record.created", by_star=False)
    assert matching.matches(["record.*"], "record.created", by_star=False)


@given(st.text(max_size=30))
def test_everything_takes_every_other_name(name: str):
    assert matching.matches(["*"], name) == (name not in matching.OPERATIONAL)
    assert matching.matches([name], name)


def test_an_explanation_says_by_what_or_why_not():
    assert matching.explain(["order.*"], "order.created") == "Subscribed to order.created by order.*."
    assert matching.explain(["order.created"], "order.created") == "Subscribed to order.created."
    assert matching.explain(["a.b"], "order.created") == "Not subscribed to order.created: the webhook takes a.b."
    assert matching.explain([], "a.b") == "Not subscribed to a.b: the webhook takes nothing."
    assert "has to be named" in matching.explain(["*"], "webhook.failing")
    assert "more specific" in matching.explain(["*"], "record.created", by_star=False)


def test_an_entry_is_known_if_something_can_match_it():
    assert all(matching.is_known(entry, NAMES) for entry in ("*", "order.*", "order.created", "POST_PUBLISHED"))
    assert not any(matching.is_known(entry, NAMES) for entry in ("orders.*", "order.create", ".*", "", "order*", "**"))


def test_groups_are_what_stands_before_the_last_dot():
    assert matching.groups({"order.created", "order.item.added", "POST_PUBLISHED"}) == {"order.*", "order.item.*"}
