"""Pausing, disabling and enabling: what waits, what is skipped, and what becomes of it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, update

from backend.core import clock, db
from backend.core.errors import Conflict, Invalid
from backend.models import Delivery, Event, Webhook
from backend.webhooks import missed
from tests.integration.webhooks.conftest import World


def _skip(webhook: Webhook, reason: str = "disabled") -> dict[str, Any]:
    return {"webhook_id": webhook.id, "reason": reason, "detail": ""}


def _lane(world: World, webhook: Webhook) -> tuple[bool, float | None, bool]:
    lane = world.lane(webhook)
    assert lane is not None
    return lane.paused, lane.drain_rate, lane.due_at is not None


def test_a_pause_holds_the_lane_and_a_resume_drains_at_a_capped_rate(world: World):
    webhook = world.create()
    world.call("pause", webhook)
    assert _lane(world, webhook) == (True, None, False)
    world.waiting(webhook)
    world.call("resume", webhook)
    assert _lane(world, webhook) == (False, 20.0, True)
    assert [delivery.status for delivery in world.deliveries(webhook)] == ["waiting"]


def test_a_resume_with_nothing_waiting_needs_no_cap(world: World):
    webhook = world.create()
    world.call("pause", webhook)
    world.call("resume", webhook)
    assert _lane(world, webhook) == (False, None, False)


def test_a_resumed_lane_is_due_at_the_earliest_delivery(world: World):
    webhook, later = world.create(), clock.now() + timedelta(hours=1)
    world.call("pause", webhook)
    world.waiting(webhook, due_at=later + timedelta(hours=1))
    world.waiting(webhook, due_at=later)
    world.call("resume", webhook)
    lane = world.lane(webhook)
    assert lane is not None
    assert lane.due_at == later


def test_a_disabled_webhook_is_neither_paused_nor_resumed(world: World):
    webhook = world.create()
    world.call("disable", webhook)
    for name in ("pause", "resume"):
        with pytest.raises(Conflict, match="disabled"):
            world.call(name, webhook)


def test_disabling_says_by_whom_holds_what_waits_and_is_announced(world: World):
    webhook = world.create()
    delivery = world.waiting(webhook)
    found = world.call("disable", webhook)
    assert (found.state, found.disabled_rule, found.disabled_reason) == ("disabled", "user", "Disabled by Ada.")
    assert _lane(world, webhook)[0]
    assert [(row.id, row.status) for row in world.deliveries(webhook)] == [(delivery, "waiting")]
    ((kind, data),) = world.emitted
    assert kind == "webhook.disabled"
    assert (data["webhook_id"], data["rule"], data["reason"]) == (webhook.id, "user", "Disabled by Ada.")
    world.call("disable", webhook, reason="Again.")
    assert len(world.emitted) == 1
    assert world.webhook(webhook).disabled_reason == "Disabled by Ada."


def test_enabling_without_what_was_missed_cancels_what_waited(world: World):
    webhook = world.create()
    world.waiting(webhook)
    world.call("disable", webhook)
    world.event(_skip(webhook))
    world.call("enable", webhook)
    (delivery,) = world.deliveries(webhook)
    assert (delivery.status, delivery.due_at) == ("cancelled", None)
    assert delivery.error == "The webhook was enabled without sending what it had missed."
    assert delivery.finished_at is not None
    assert _lane(world, webhook) == (False, None, False)


def test_enabling_with_what_was_missed_sends_what_waited_and_what_was_skipped(world: World):
    webhook, other = world.create(), world.create()
    tired = world.waiting(webhook, status="retrying", failure_count=7, due_at=clock.now() + timedelta(days=1))
    world.call("disable", webhook)
    first, second = world.event(_skip(other), _skip(webhook)), world.event(_skip(webhook))
    world.event(_skip(webhook, "filtered"))
    world.event(_skip(other))
    world.event()
    world.call("enable", webhook, missed="send")
    deliveries = world.deliveries(webhook)
    assert [delivery.event_id for delivery in deliveries[1:]] == [first, second]
    assert deliveries[0].id == tired
    now = clock.now()
    assert all(delivery.due_at is not None and delivery.due_at <= now for delivery in deliveries)
    assert deliveries[0].failure_count == 0
    assert [(delivery.status, delivery.max_attempts) for delivery in deliveries[1:]] == [("waiting", 10)] * 2
    assert _lane(world, webhook) == (False, 20.0, True)
    with db.transaction() as session:
        assert session.get_one(Event, first).deliveries == 1
    assert world.audit()[-1].after == {"missed": "send", "sent": 2}


def test_enabling_resets_the_count_of_failures_and_the_reason(world: World):
    webhook = world.create()
    with db.transaction(write=True) as session:
        row = session.get_one(Webhook, webhook.id)
        row.consecutive_failures, row.failing_since = 30, clock.now()
    world.call("disable", webhook, rule="all_attempts_failed", reason="Every attempt failed for 5 days (30 in a row).")
    found = world.call("enable", webhook)
    assert (found.consecutive_failures, found.failing_since) == (0, None)
    assert (found.disabled_at, found.disabled_reason, found.disabled_rule) == (None, None, None)


def test_only_what_was_missed_since_it_was_last_disabled_is_sent(world: World):
    webhook = world.create()
    world.call("disable", webhook)
    world.event(_skip(webhook))
    world.call("enable", webhook, missed="skip")
    world.call("disable", webhook)
    wanted = world.event(_skip(webhook))
    world.call("update", webhook, changes={"timeout": 3})
    also = world.event(_skip(webhook))
    world.call("enable", webhook, missed="send")
    assert [delivery.event_id for delivery in world.deliveries(webhook)] == [wanted, also]


def test_what_was_missed_passes_the_filter(world: World):
    webhook = world.create(filter={"field": "data.total", "op": "gte", "value": 10})
    world.call("disable", webhook)
    world.event(_skip(webhook), body=json.dumps({"data": {"total": 9}}))
    wanted = world.event(_skip(webhook), body=json.dumps({"data": {"total": 10}}))
    world.call("enable", webhook, missed="send")
    assert [delivery.event_id for delivery in world.deliveries(webhook)] == [wanted]


def test_a_webhook_that_was_created_disabled_sends_what_it_missed(world: World):
    webhook = world.create(is_active=False)
    wanted = world.event(_skip(webhook))
    world.call("enable", webhook, missed="send")
    assert [delivery.event_id for delivery in world.deliveries(webhook)] == [wanted]


def test_more_than_one_batch_is_sent_in_order(world: World):
    webhook = world.create()
    world.call("disable", webhook)
    with db.transaction(write=True) as session:
        wanted = [world.add_event(session, _skip(webhook)).id for _ in range(250)]
    world.call("enable", webhook, missed="send")
    assert [delivery.event_id for delivery in world.deliveries(webhook)] == wanted


def test_what_is_too_much_to_send_at_once_becomes_a_replay(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(missed, "MAX_EVENTS", 3)
    webhook = world.create()
    world.call("disable", webhook)
    wanted = [world.event(_skip(webhook)) for _ in range(5)]
    world.call("enable", webhook, missed="send")
    assert world.webhook(webhook).state == "active"
    assert [delivery.event_id for delivery in world.deliveries(webhook)] == wanted[:3]
    [replay] = world.replays(webhook)
    assert (replay.kind, replay.status, replay.total, replay.rate) == ("missed", "running", 2, 20.0)
    assert replay.cursor == wanted[2]
    assert replay.upto > wanted[4]


def test_exactly_as_much_as_goes_at_once_needs_no_replay(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(missed, "MAX_EVENTS", 3)
    webhook = world.create()
    world.call("disable", webhook)
    for _ in range(3):
        world.event(_skip(webhook))
    world.call("enable", webhook, missed="send")
    assert len(world.deliveries(webhook)) == 3
    assert world.replays(webhook) == []


@pytest.mark.parametrize("end", [("enable", {"missed": "skip"}), ("delete", {})])
def test_skipping_what_was_missed_and_deleting_end_its_replay(world: World, monkeypatch: pytest.MonkeyPatch, end: tuple[str, Any]):
    monkeypatch.setattr(missed, "MAX_EVENTS", 1)
    webhook = world.create()
    world.call("disable", webhook)
    for _ in range(2):
        world.event(_skip(webhook))
    world.call("enable", webhook, missed="send")
    world.call("disable", webhook)
    assert [replay.status for replay in world.replays(webhook)] == ["running"]
    world.call(end[0], webhook, **end[1])
    assert [replay.status for replay in world.replays(webhook)] == ["cancelled"]


def test_enabling_a_paused_webhook_resumes_it(world: World):
    webhook = world.create()
    world.call("pause", webhook)
    assert world.call("enable", webhook).state == "active"
    assert _lane(world, webhook)[0] is False


def test_missed_is_send_or_skip(world: World):
    with pytest.raises(Invalid, match="missed"):
        world.call("enable", world.create(), missed="all")


def test_deleting_cancels_what_waits_and_leaves_what_is_being_sent(world: World):
    webhook = world.create()
    waiting = world.waiting(webhook)
    sending = world.waiting(webhook, status="sending", due_at=None, run_id="run_1")
    world.call("delete", webhook)
    found = {delivery.id: (delivery.status, delivery.error) for delivery in world.deliveries(webhook)}
    assert found == {waiting: ("cancelled", "The webhook was deleted."), sending: ("sending", None)}


def test_what_came_back_after_a_deletion_is_cancelled_by_the_sweep(world: World):
    webhook, kept = world.create(), world.create()
    sending = world.waiting(webhook, status="sending", due_at=None, run_id="run_1")
    world.waiting(kept)
    world.call("delete", webhook)
    with db.transaction(write=True) as session:
        session.exec(update(Delivery).where(col(Delivery.id) == sending).values(status="retrying", due_at=clock.now()))
    with db.transaction(write=True) as session:
        assert missed.cancel_left_behind(session, since=clock.now() - timedelta(minutes=1)) == 1
    assert [delivery.status for delivery in world.deliveries(webhook)] == ["cancelled"]
    assert [delivery.status for delivery in world.deliveries(kept)] == ["waiting"]
