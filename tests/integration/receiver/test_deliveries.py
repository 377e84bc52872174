"""From publishing an event to the receiver: what each of its modes does to a delivery, by the real engine under the real egress rules."""

from __future__ import annotations

import asyncio

import pytest
from sqlmodel import select

from backend.core import db
from backend.core.actor import Actor
from backend.core.egress import EgressPolicy
from backend.events import service as events
from backend.models import Attempt, Delivery, Webhook
from backend.receiver import service
from backend.settings import settings
from backend.webhooks import service as webhooks
from tests.factories import accounts
from tests.integration.deliveries import shifts
from tests.integration.receiver.steps import arrived, make_inbox, tell

pytestmark = pytest.mark.usefixtures("origin")


def subscribe(owner: Actor, url: str, **more: object) -> Webhook:
    with db.transaction(write=True) as session:
        wanted = webhooks.WebhookInput(url=url, events=["order.*"], **more)  # type: ignore[arg-type] - fields by name
        return webhooks.create(session, actor=owner, input=wanted)[0]


def publish(owner: Actor) -> Delivery:
    """An event of which one delivery is made; how that stands after a shift."""
    with db.transaction(write=True) as session:
        event = events.publish(session, actor=owner, type="order.created", data={"total": 12.5, "name": "Zoë"})
    asyncio.run(shifts.run(until=shifts.settled, policy=EgressPolicy.from_settings(settings())))
    with db.transaction() as session:
        return session.exec(select(Delivery).where(Delivery.event_id == event.id)).one()


def last_attempt(delivery: Delivery) -> Attempt:
    with db.transaction() as session:
        return session.exec(select(Attempt).where(Attempt.delivery_id == delivery.id)).one()


def test_each_mode_has_its_outcome():
    owner = accounts.workspace()
    inbox = make_inbox(owner)
    webhook = subscribe(owner, service.url(inbox), timeout=1)
    for mode, outcome, error_class in (
        ("ok", "delivered", None),
        ("fail", "retrying", "status"),
        ("redirect", "retrying", "redirect"),
        ("reset", "retrying", None),
        ("hang", "retrying", "read_timeout"),
        ("gone", "dead", "status"),
    ):
        tell(owner, inbox, mode)
        delivery = publish(owner)
        assert delivery.status == outcome, mode
        if error_class:
            assert delivery.error_class == error_class, mode
        assert last_attempt(delivery).status_code == {"fail": 500, "redirect": 302, "gone": 410, "ok": 200}.get(mode)
    assert {request.verdict for request in arrived(owner, inbox)} == {f"Verified with the secret of {webhook.name}."}
    assert len(arrived(owner, inbox)) == 6
    with db.transaction() as session:
        gone = webhooks.get(session, actor=owner, webhook_id=webhook.id)
    assert (gone.state, gone.disabled_rule) == ("disabled", "gone")


def test_what_a_disabled_webhook_missed_arrives_when_it_is_enabled():
    owner = accounts.workspace()
    inbox = make_inbox(owner)
    condition = {"field": "data.total", "op": "gt", "value": 10}
    webhook = subscribe(owner, service.url(inbox), filter=condition)
    with db.transaction(write=True) as session:
        webhooks.disable(session, actor=owner, webhook_id=webhook.id)
    with db.transaction(write=True) as session:
        for total in (5, 11, 12):
            events.publish(session, actor=owner, type="order.created", data={"total": total})
    asyncio.run(shifts.run(until=shifts.settled, policy=EgressPolicy.from_settings(settings())))
    assert arrived(owner, inbox) == []
    with db.transaction(write=True) as session:
        webhooks.enable(session, actor=owner, webhook_id=webhook.id, missed="send")
    asyncio.run(shifts.run(until=shifts.settled, policy=EgressPolicy.from_settings(settings())))
    assert ['"total":12' in request.body for request in arrived(owner, inbox)] == [True, False]
    assert len(arrived(owner, inbox)) == 2


def test_everything_that_waited_through_a_pause_arrives():
    owner = accounts.workspace()
    inbox = make_inbox(owner)
    webhook = subscribe(owner, service.url(inbox))
    with db.transaction(write=True) as session:
        webhooks.pause(session, actor=owner, webhook_id=webhook.id)
    with db.transaction(write=True) as session:
        for number in range(8):
            events.publish(session, actor=owner, type="order.created", data={"number": number})
    with db.transaction(write=True) as session:
        webhooks.resume(session, actor=owner, webhook_id=webhook.id)
    asyncio.run(shifts.run(until=shifts.settled, policy=EgressPolicy.from_settings(settings())))
    assert len(arrived(owner, inbox)) == 8
