"""Replays that are paused, resumed and cancelled."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.core import clock, db
from backend.core.errors import Conflict
from backend.deliveries import service as deliveries
from backend.models import Replay
from tests.factories import deliveries as make
from tests.integration.replays.replaying import World, run, tick
from tests.integration.replays.replaying import runner as runners

pytestmark = pytest.mark.usefixtures("database")


def test_a_pause_makes_nothing_more_until_it_is_resumed():
    world = World()
    world.deliveries(world.webhook(), 10)
    replay, runner = world.create(rate=2), runners()
    tick(runner)
    tick(runner)
    world.call("pause", replay)
    assert world.call("pause", replay).status == "paused"
    made = len(world.made(replay))
    assert not tick(runner)
    assert len(world.made(replay)) == made == 3
    world.call("resume", replay)
    assert world.call("resume", replay).status == "running"
    run(runner)
    assert len(world.made(replay)) == 10
    assert [entry.action for entry in world.audit()] == ["replay.created", "replay.paused", "replay.resumed"]
    for name in ("pause", "resume"):
        with pytest.raises(Conflict, match="The replay is done"):
            world.call(name, replay)


def test_a_cancel_makes_nothing_more_and_cancels_what_waits():
    world = World()
    world.deliveries(world.webhook(), 10)
    replay, runner = world.create(rate=2), runners()
    for _ in range(3):
        tick(runner)
    made = [each.id for each in world.made(replay)]
    world.set(made[:1], status="delivered", due_at=None)
    world.set(made[1:2], status="sending", due_at=None, run_id="run_1")
    assert world.call("cancel", replay).status == "cancelled"
    assert world.call("cancel", replay).status == "cancelled"
    assert not tick(runner)
    found = world.progress(replay)
    assert (found.queued, found.delivered, found.waiting, found.cancelled, found.remaining) == (5, 1, 1, 3, 0)
    assert world.delivery(made[-1]).error == "The replay was cancelled."
    with pytest.raises(Conflict, match="cancelled and cannot be resumed"):
        world.call("resume", replay)
    assert (world.audit()[-1].action, world.audit()[-1].after) == (
        "replay.cancelled", {"status": "cancelled", "queued": 5, "skipped": 0, "deliveries_cancelled": 3},
    )  # fmt: skip


def test_what_was_being_sent_when_its_replay_was_cancelled_is_not_tried_again():
    world = World()
    webhook = world.webhook()
    world.deliveries(webhook)
    (foreign,) = make.publish(webhook)
    replay = world.create(status="dead")
    run()
    (made,) = [each.id for each in world.made(replay)]
    world.set([made], status="sending", due_at=None)
    with pytest.raises(Conflict, match="nothing of it waits"):
        world.call("cancel", replay)
    with db.transaction(write=True) as session:
        session.get_one(Replay, replay.id).status = "running"
    world.call("cancel", replay)
    assert world.delivery(made).status == "sending"
    world.set([made], status="retrying", due_at=clock.now() + timedelta(seconds=5))
    run()
    assert (world.delivery(made).status, world.delivery(made).due_at) == ("cancelled", None)
    assert world.delivery(foreign).status == "waiting"


def test_a_replay_that_has_made_everything_can_be_cancelled_while_something_waits():
    world = World()
    world.deliveries(world.webhook(), 3)
    replay = world.create()
    run()
    assert world.get(replay).status == "done"
    assert world.call("cancel", replay).status == "cancelled"
    assert world.progress(replay).cancelled == 3


def test_a_cron_that_was_away_still_stops_what_a_cancelled_replay_left_behind():
    world = World()
    world.deliveries(world.webhook())
    replay = world.create()
    run()
    world.call("cancel", replay)
    with db.transaction(write=True) as session:
        session.get_one(Replay, replay.id).finished_at = clock.now() - timedelta(minutes=10)
    (made,) = [each.id for each in world.made(replay)]
    world.set([made], status="retrying", due_at=clock.now())
    run()
    assert world.delivery(made).status == "cancelled"


def test_what_a_person_retries_after_its_replay_was_cancelled_goes_out():
    world = World()
    world.deliveries(world.webhook(), 2)
    replay = world.create()
    run()
    world.call("cancel", replay)
    first, second = [each.id for each in world.made(replay)]
    with db.transaction(write=True) as session:
        deliveries.retry(session, actor=world.owner, delivery_id=first)
    world.set([second], status="retrying", due_at=clock.now())
    run()
    assert (world.delivery(first).status, world.delivery(second).status) == ("waiting", "cancelled")
