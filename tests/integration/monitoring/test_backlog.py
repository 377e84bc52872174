"""What monitoring says of the queue and of attempts over time, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from backend.core import clock, db
from backend.core.actor import Actor
from backend.core.errors import Forbidden, Invalid
from backend.logs.batches import starts_at
from backend.models import DeliveryRollup, Lane
from backend.monitoring import service
from backend.monitoring.backlog import Backlog
from backend.monitoring.values import Need
from tests.factories import accounts, deliveries

pytestmark = pytest.mark.usefixtures("database", "redis")


def backlog(actor: Actor) -> Backlog:
    with db.transaction() as session:
        return service.backlog(session, actor=actor)


def test_an_empty_workspace_has_no_backlog() -> None:
    deliveries.publish(deliveries.webhook(accounts.workspace("Other").workspace_id, "http://127.0.0.1:9/"))
    assert backlog(accounts.workspace()) == Backlog({"waiting": 0, "sending": 0, "retrying": 0}, 0, None, None, 0)


def test_due_is_what_could_go_now_and_held_webhooks_are_counted_apart() -> None:
    owner, now = accounts.workspace(), clock.now()
    due, later, paused, throttled = (deliveries.webhook(owner.workspace_id, "http://127.0.0.1:9/") for _ in range(4))
    deliveries.publish(due, count=2, due_at=now - timedelta(minutes=5))
    deliveries.publish(due, due_at=now - timedelta(minutes=1))
    deliveries.publish(later, due_at=now + timedelta(hours=1))
    deliveries.publish(paused, throttled, due_at=now - timedelta(hours=1))
    with db.transaction(write=True) as session:
        lanes = {lane.webhook_id: lane for lane in session.exec(select(Lane))}
        lanes[paused.id].paused = True
        lanes[throttled.id].blocked_until = now + timedelta(minutes=10)
    found = backlog(owner)
    assert (found.unfinished["waiting"], found.due, found.lanes_held) == (6, 3, 2)
    assert found.oldest_due_seconds == pytest.approx(300, abs=60)


def test_attempts_are_read_by_minute_for_an_hour_and_by_hour_beyond() -> None:
    owner, now = accounts.workspace(), clock.now()
    with db.transaction(write=True) as session:
        for width, delivered, back in ((60, 5, timedelta(minutes=30)), (3600, 7, timedelta(hours=30))):
            start = starts_at(now - back, width)
            session.add(
                DeliveryRollup(
                    workspace_id=owner.workspace_id, width=width, starts_at=start, webhook_id="whk_1", delivered=delivered, failed=1
                )
            )
    with db.transaction() as session:
        hour, day, week = (service.throughput(session, actor=owner, hours=hours) for hours in (1, 24, 168))
        with pytest.raises(Invalid):
            service.throughput(session, actor=owner, hours=0)
        shown = service.overview(session, actor=owner, hours=168)
    assert (len(hour.points), hour.delivered, hour.failed) == (60, 5, 1)
    assert (len(day.points), day.delivered) == (24, 0)
    assert (len(week.points), week.delivered) == (168, 7)
    assert (shown.delivered, len(shown.delivery_points), len(shown.request_points)) == (7, 168, 168)
    assert hour.points[-31].delivered == 5


def test_only_webhooks_are_told_as_ailing() -> None:
    owner = accounts.workspace()
    deliveries.webhook(owner.workspace_id, "http://127.0.0.1:9/", consecutive_failures=7, failing_since=clock.now())
    with db.transaction() as session:
        assert [item.need for item in service.ailing(session, actor=owner)] == [Need.WEBHOOK_FAILING]


@pytest.mark.parametrize("read", [service.backlog, service.ailing])
def test_figures_are_for_whoever_may_read_them(read: object) -> None:
    stranger = accounts.key_actor(accounts.workspace().workspace_id, "events:read")
    with db.transaction() as session, pytest.raises(Forbidden):
        read(session, actor=stranger)  # type: ignore[operator] - one of the two above
