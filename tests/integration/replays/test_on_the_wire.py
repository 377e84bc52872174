"""A replay as the receiver sees it: the same event, marked, signed anew, and no faster than was chosen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import standardwebhooks

from backend.core import db
from backend.models import Webhook
from backend.replays.runner import Runner
from backend.webhooks import secrets
from tests.factories import deliveries as make
from tests.fakes import raw_receiver
from tests.fakes.raw_receiver import Received
from tests.integration.deliveries import shifts
from tests.integration.replays.replaying import World, run

pytestmark = pytest.mark.usefixtures("database")

RATE, COUNT = 200, 1000


def test_a_replay_sends_the_same_event_marked_and_signed_anew():
    with raw_receiver.running() as receiver:
        world = World()
        webhook = make.webhook(world.workspace_id, receiver.url)
        make.publish(webhook)
        shifts.deliver_all()
        replay = world.create(webhook_id=webhook.id)
        run()
        shifts.deliver_all()
        first, again = receiver.received
        with db.transaction() as session:
            secret = secrets.current(session.get_one(Webhook, webhook.id))
    assert again.body == first.body
    assert again.headers["webhook-id"] == first.headers["webhook-id"]
    assert again.headers["x-webhook-delivery"] == world.made(replay)[0].id != first.headers["x-webhook-delivery"]
    assert again.headers["x-webhook-replay"] == "true"
    assert "x-webhook-replay" not in first.headers
    assert again.headers["x-webhook-attempt"] == "1"
    standardwebhooks.Webhook(secret).verify(again.body, again.headers)
    assert world.progress(replay).delivered == 1


def test_no_second_gets_more_than_a_tenth_above_the_rate(redis: object):
    del redis
    arrivals: list[float] = []

    async def note(_received: Received, writer: Any) -> None:
        arrivals.append(time.monotonic())
        writer.write(raw_receiver.OK)

    with raw_receiver.running(note) as receiver:
        world = World()
        webhook = make.webhook(world.workspace_id, receiver.url)
        world.deliveries(webhook, COUNT)
        begun = time.monotonic()
        replay = world.create(webhook_id=webhook.id, rate=RATE)
        running = threading.Thread(target=Runner().run)
        running.start()
        shifts.shift(seldom(lambda: world.progress(replay).delivered == COUNT), hints=True)
        running.join()
    assert world.get(replay).status == "done"
    assert len(arrivals) == COUNT
    made = [each.created_at.timestamp() for each in world.made(replay)]
    assert busiest_second(made) <= RATE * 1.1
    assert COUNT / (arrivals[-1] - begun) <= RATE * 1.1
    # Said, not judged: a machine that stalls hands over at once what was made in time.
    arrived = f"{COUNT / (arrivals[-1] - begun):.0f}/s, {busiest_second(arrivals)} in the busiest second"
    print(f"chosen {RATE}/s; made at most {busiest_second(made)} in a second; received {arrived}")  # noqa: T201 - shown by -s


def busiest_second(moments: list[float]) -> int:
    """The most of these that fall into any one second."""
    return max(sum(end - 1.0 < at <= end for at in moments) for end in moments)


def seldom(condition: Callable[[], bool]) -> Callable[[], bool]:
    """The same, asked four times a second: what is measured runs in this process too."""

    def ask() -> bool:
        time.sleep(0.25)
        return condition()

    return ask
