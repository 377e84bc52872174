"""The cron process is killed in the middle of a replay: no item is lost, none is doubled."""

from __future__ import annotations

from collections import Counter

import pytest
from redis import Redis

from tests.chaos import workers
from tests.factories import deliveries as make
from tests.fakes import raw_receiver
from tests.integration.replays.replaying import World, item_rows
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("database")
TOTAL = 600


def test_a_killed_cron_neither_loses_nor_doubles_an_item(redis: Redis):
    del redis
    with raw_receiver.running() as receiver:
        world = World()
        webhook = make.webhook(world.workspace_id, receiver.url)
        dead = world.deliveries(webhook, TOTAL)
        replay = world.create(webhook_id=webhook.id, status="dead", rate=500)
        with workers.running("deliver", "cron") as processes:
            eventually(lambda: len(item_rows(replay)) >= TOTAL // 3, seconds=40)
            processes[-1].kill()
            processes[-1].wait(10)
            assert len(item_rows(replay)) < TOTAL
            processes.append(workers.start("cron"))
            eventually(lambda: world.progress(replay).delivered == TOTAL, seconds=60)
        sent = Counter(receiver.ids())
    assert [item.source_id for item in item_rows(replay)] == dead
    assert [each.replay_of for each in world.made(replay)] == dead
    assert (len(sent), set(sent.values())) == (TOTAL, {1})
    found = world.get(replay)
    assert (found.status, found.queued, found.skipped) == ("done", TOTAL, 0)
