"""The overview of a workspace on both databases: figures from roll-ups, what needs attention, first steps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from backend.api_keys import service as api_keys
from backend.api_keys.inputs import KeyInput
from backend.core import clock, db
from backend.core.actor import Actor, Role
from backend.core.errors import Forbidden
from backend.logs import batches
from backend.logs.batches import starts_at
from backend.models import ApiKey, DeliveryRollup, Integration, Webhook
from backend.monitoring import service
from backend.monitoring.values import Need, Overview
from tests.factories import accounts, consents, deliveries
from tests.factories.requests import entry

pytestmark = pytest.mark.usefixtures("database", "redis")


def overview(actor: Actor) -> Overview:
    with db.transaction() as session:
        return service.overview(session, actor=actor)


def needs(actor: Actor) -> list[tuple[Need, str]]:
    return [(item.need, item.target_name) for item in overview(actor).attention]


def make_key(actor: Actor, **values: Any) -> ApiKey:
    with db.transaction(write=True) as session:
        return api_keys.create(session, actor=actor, input=KeyInput(**{"name": "Partner", "scopes": ["events:write"], **values}))[0]


def test_a_new_workspace_has_nothing_but_steps_to_take():
    owner = accounts.workspace()
    found = overview(owner)
    assert (found.delivered_share, found.p95_ms, found.oldest_waiting_seconds) == (None, None, None)
    assert (found.requests_per_minute, found.attention, found.latest_failures) == (0, [], [])
    assert (len(found.delivery_points), len(found.request_points)) == (24, 24)
    assert not found.first_steps.are_done


def test_steps_tick_themselves():
    owner = accounts.workspace()
    make_key(owner)
    webhook = deliveries.webhook(owner.workspace_id, "http://127.0.0.1:9/")
    deliveries.publish(webhook)
    steps = overview(owner).first_steps
    assert (steps.has_key, steps.has_webhook, steps.has_event, steps.has_delivered) == (True, True, True, False)


def test_figures_come_from_the_roll_ups_of_this_workspace():
    owner, other = accounts.workspace(), accounts.workspace("Other")
    hour = starts_at(clock.now(), 3600)
    with db.transaction(write=True) as session:
        for actor, delivered in ((owner, 9), (other, 1000)):
            row = {"workspace_id": actor.workspace_id, "width": 3600, "starts_at": hour, "webhook_id": f"whk_{actor.id}"}
            session.add(DeliveryRollup(**row, delivered=delivered, failed=1, b3=10))
        minute_ago = clock.now() - timedelta(minutes=1)
        batches.write(session, [entry(owner, started_at=minute_ago) for _ in range(10)] + [entry(other)])
    found = overview(owner)
    assert (found.delivered, found.failed, found.delivered_share) == (9, 1, 0.9)
    assert found.p95_ms is not None
    assert 25 < found.p95_ms <= 50
    assert found.delivery_points[-1].delivered == 9
    assert found.requests_per_minute == 2.0
    assert sum(point.total for point in found.request_points) == 10


def test_a_failing_webhook_is_told_with_the_date_on_which_it_will_be_disabled():
    owner = accounts.workspace()
    since = clock.now() - timedelta(days=3)
    deliveries.webhook(owner.workspace_id, "http://127.0.0.1:9/", consecutive_failures=7, failing_since=since)
    (item,) = overview(owner).attention
    assert (item.need, item.at) == (Need.WEBHOOK_FAILING, since + timedelta(days=5))
    assert "7 attempts failed" in item.sentence


def test_a_webhook_disabled_by_a_rule_needs_attention_and_one_disabled_by_a_user_does_not():
    owner = accounts.workspace()
    for rule in ("user", "gone"):
        deliveries.webhook(owner.workspace_id, "http://127.0.0.1:9/", state="disabled", disabled_rule=rule, disabled_at=clock.now())
    assert [need for need, _ in needs(owner)] == [Need.WEBHOOK_DISABLED]


def test_an_integration_that_needs_a_person_is_told_with_the_reason_and_one_that_is_switched_off_is_not():
    owner = accounts.workspace()
    for name, status in (("Shop", "needs_reconnect"), ("Off", "needs_reconnect"), ("Mail", "error"), ("Well", "active")):
        made = consents.integration(owner, name=name)
        with db.transaction(write=True) as session:
            row = session.get_one(Integration, made.id)
            row.status, row.disabled_at = status, clock.now() if name == "Off" else None
            row.status_reason, row.next_step = "The person withdrew it.", "Press Reconnect."
    assert needs(owner) == [(Need.INTEGRATION_RECONNECT, "Shop"), (Need.INTEGRATION_FAILING, "Mail")]
    assert overview(owner).attention[0].sentence == "The person withdrew it. Press Reconnect."


def test_keys_that_end_within_two_weeks_or_are_due_for_rotation_are_told():
    owner = accounts.workspace()
    make_key(owner, name="Soon", expires_at=clock.now() + timedelta(days=13))
    make_key(owner, name="Later", expires_at=clock.now() + timedelta(days=15))
    make_key(owner, name="Fresh", rotate_every_days=30)
    old = make_key(owner, name="Old", rotate_every_days=1)
    with db.transaction(write=True) as session:
        (secret,) = api_keys.secrets(session, actor=owner, key_id=old.id)
        secret.created_at = clock.now() - timedelta(days=2)
        session.add(secret)
    assert needs(owner) == [(Need.KEY_EXPIRING, "Soon"), (Need.KEY_ROTATION_DUE, "Old")]


def test_a_key_near_its_limit_is_told():
    owner = accounts.workspace()
    near, far = make_key(owner, name="Near", limit_per_hour=10), make_key(owner, name="Far", limit_per_hour=100)
    with db.transaction(write=True) as session:
        batches.write(session, [entry(owner, caller=key.id) for key in (near, far) for _ in range(8)])
    assert needs(owner) == [(Need.LIMIT_NEAR, "Near")]


def test_the_latest_failures_are_those_of_this_workspace():
    owner = accounts.workspace()
    webhook: Webhook = deliveries.webhook(owner.workspace_id, "http://127.0.0.1:9/")
    (identifier,) = deliveries.publish(webhook)
    with db.transaction(write=True) as session:
        from backend.models import Delivery

        delivery = session.get(Delivery, identifier)
        assert delivery is not None
        delivery.status, delivery.last_attempt_at = "retrying", clock.now()
    assert [failure.id for failure in overview(owner).latest_failures] == [identifier]
    assert overview(accounts.workspace("Other")).latest_failures == []


def test_the_oldest_waiting_delivery_gives_its_age():
    owner = accounts.workspace()
    deliveries.publish(deliveries.webhook(owner.workspace_id, "http://127.0.0.1:9/"))
    age = overview(owner).oldest_waiting_seconds
    assert age is not None
    assert 0 <= age < 60


def test_a_key_without_the_scope_reads_no_figures():
    owner = accounts.workspace()
    with db.transaction() as session:
        assert service.metrics(session, actor=accounts.key_actor(owner.workspace_id, "metrics:read")).delivered == 0
        with pytest.raises(Forbidden):
            service.overview(session, actor=accounts.key_actor(owner.workspace_id, "logs:read"))
        viewer = Actor(owner.kind, owner.id, owner.workspace_id, role=Role.VIEWER)
        assert service.first_steps(session, actor=viewer).has_key is False
