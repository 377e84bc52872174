"""How people find events, and the numbers beside them, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from backend.api_keys import service as api_keys
from backend.api_keys.inputs import KeyInput
from backend.core import actor as actors
from backend.core import clock, db
from backend.core.actor import Actor, Role
from backend.events import search, service
from backend.events.search import Filter, Publisher, Tally
from backend.models import Delivery, Event
from tests.factories import accounts
from tests.integration.events.steps import publish, webhook

pytestmark = pytest.mark.usefixtures("database", "redis")


def found(actor: Actor, **wanted: Any) -> list[str]:
    """The ids that the list shows, which the count confirms."""
    with db.transaction() as session:
        ids = [event.id for event in service.list_events(session, actor=actor, **wanted).data]
        counted = search.count(session, actor=actor, wanted=Filter(**wanted))
    assert (counted.value, counted.capped) == (len(ids), False)
    return ids


def test_an_event_is_found_by_its_id_a_delivery_a_value_its_key_and_its_trace() -> None:
    actor, other = accounts.workspace(), accounts.workspace("Other")
    webhook(actor, "*")
    first = publish(actor, data={"customer": 'Ada "the first"', "total": 17}, idempotency_key="order-4711").id
    publish(actor, data={"customer": "Grace"})
    publish(other, data={"customer": 'Ada "the first"'}, idempotency_key="order-4711")
    with db.transaction() as session:
        delivery = session.exec(select(Delivery.id).where(Delivery.event_id == first)).one()
        trace = session.get_one(Event, first).trace_id
    assert trace == actor.request_id
    for text in (first, first.upper().replace("EVT_", "evt_"), delivery, 'Ada "the', "order-4711"):
        assert found(actor, q=text) == [first], text
    assert len(found(actor, q=trace)) == 2
    assert found(actor, q="nobody") == []
    assert found(actor, q="%") == []
    assert found(other, q=first) == []


def test_type_and_time_narrow_the_list() -> None:
    actor = accounts.workspace()
    order, lead = publish(actor).id, publish(actor, "lead.created").id
    now = clock.now()
    assert found(actor) == [lead, order]
    assert found(actor, type="lead.created") == [lead]
    assert found(actor, since=now - timedelta(hours=1)) == [lead, order]
    assert found(actor, until=now - timedelta(hours=1)) == []


def test_each_event_has_the_numbers_of_its_own_deliveries() -> None:
    actor = accounts.workspace()
    for _ in range(3):
        webhook(actor, "order.created")
    sent, unsent = publish(actor).id, publish(actor, "lead.created").id
    with db.transaction(write=True) as session:
        for delivery, status in zip(session.exec(select(Delivery)).all(), ("delivered", "dead", "sending"), strict=True):
            delivery.status = status
    with db.transaction() as session:
        events = service.list_events(session, actor=actor).data
        numbers = search.tallies(session, actor=actor, events=events)
        nothing = search.tallies(session, actor=accounts.key_actor(accounts.workspace().workspace_id, "events:read"), events=events)
    assert numbers == {sent: Tally(delivered=1, dead=1, waiting=1), unsent: Tally()}
    assert set(nothing.values()) == {Tally()}


def test_who_published_is_told_by_name_while_it_is_of_this_workspace() -> None:
    owner = accounts.workspace()
    with db.transaction(write=True) as session:
        key, _ = api_keys.create(session, actor=owner, input=KeyInput(name="Shop", scopes=["events:write"]))
        member = accounts.member(session, owner.workspace_id, Role.ADMIN)
    stranger = replace(owner, id=accounts.workspace("Other").id)

    def told(publishes: Actor) -> Publisher:
        event_id = publish(publishes).id
        with db.transaction() as session:
            return search.publisher(session, actor=owner, event=service.get(session, actor=owner, event_id=event_id))

    assert told(replace(accounts.key_actor(owner.workspace_id, "events:write"), id=key.id)) == Publisher("key", key.id, "Shop")
    assert told(member).name == "A admin"
    assert told(stranger).name == ""
    assert told(actors.system(owner.workspace_id)) == Publisher("system", "system", "")
