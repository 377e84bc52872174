"""What attempts do to their webhook: its counters, its state, its lane, and what is said about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from backend.core import clock, db
from backend.models import DeliveryRollup, ErrorEntry, Webhook
from tests.factories import deliveries as make
from tests.fakes import raw_receiver
from tests.fakes.raw_receiver import answering
from tests.integration.deliveries import shifts

pytestmark = pytest.mark.usefixtures("database")
SOON = {"schedule": [0]}
LATER = {"schedule": [3600, 3600]}


def test_what_fails_every_attempt_is_dead_and_says_so(emitted: list[tuple[str, dict[str, Any]]]):
    with raw_receiver.running(answering("500 Oops")) as receiver:
        target = make.webhook(make.workspace(), receiver.url, retry_policy=SOON)
        (identifier,) = make.publish(target)
        shifts.shift(lambda: shifts.delivery(identifier).status == "dead")
    found = shifts.delivery(identifier)
    assert (found.attempt_count, found.due_at, found.run_id) == (2, None, None)
    assert found.finished_at is not None
    ((kind, data),) = emitted
    assert kind == "delivery.exhausted"
    assert data["delivery_id"] == identifier
    assert data["webhook_id"] == target.id


def test_410_disables_the_webhook_and_holds_what_waits(emitted: list[tuple[str, dict[str, Any]]]):
    with raw_receiver.running(answering("410 Gone")) as receiver:
        target = make.webhook(make.workspace(), receiver.url)
        (identifier,) = make.publish(target)
        shifts.deliver_all()
        assert shifts.delivery(identifier).status == "dead"
        row = shifts.webhook(target.id)
        assert (row.state, row.disabled_rule) == ("disabled", "gone")
        assert shifts.lane(target.id).paused
        (later,) = make.publish(target)
        shifts.shift(lambda: False, seconds=0.5)
        assert shifts.delivery(later).status == "waiting"
        assert len(receiver.received) == 1
    assert [kind for kind, _ in emitted] == ["webhook.disabled", "delivery.exhausted"]


def errors_of(target: Webhook) -> list[tuple[str, str, str]]:
    """Severity, kind and target of what the log of errors has of a webhook's workspace, in alphabetical order."""
    with db.transaction() as session:
        rows = session.exec(select(ErrorEntry).where(ErrorEntry.workspace_id == target.workspace_id)).all()
    return sorted((row.severity, row.kind, row.target_id) for row in rows)


def test_what_is_given_up_and_what_is_disabled_is_in_the_log_of_errors():
    with raw_receiver.running(answering("410 Gone")) as receiver:
        target = make.webhook(make.workspace(), receiver.url)
        (identifier,) = make.publish(target)
        shifts.deliver_all()
    assert errors_of(target) == [("critical", "webhook_disabled", target.id), ("error", "delivery_exhausted", identifier)]
    with db.transaction() as session:
        query = select(ErrorEntry.trace_id).where(ErrorEntry.target_id == identifier)
        assert session.exec(query).all() == ["trc_test"] == [shifts.delivery(identifier).trace_id]


def test_a_webhook_that_becomes_failing_is_a_warning_in_the_log_of_errors():
    with raw_receiver.running(answering("500 Oops")) as receiver:
        target = make.webhook(make.workspace(), receiver.url, retry_policy=LATER)
        make.publish(target, count=6)
        shifts.deliver_all()
    assert errors_of(target) == [("warning", "webhook_failing", target.id)]


def test_retry_after_blocks_the_lane_not_only_the_delivery():
    with raw_receiver.running(answering("429 Too Many Requests", "Retry-After: 600")) as receiver:
        target = make.webhook(make.workspace(), receiver.url, retry_policy=SOON)
        make.publish(target)
        shifts.deliver_all()
        found = shifts.lane(target.id)
        assert found.blocked_reason == "retry_after"
        assert found.blocked_until is not None
        assert found.blocked_until > clock.now() + timedelta(minutes=9)
        (later,) = make.publish(target)
        shifts.shift(lambda: False, seconds=0.5)
        assert shifts.delivery(later).status == "waiting"
        assert len(receiver.received) == 1


def test_a_webhook_is_failing_after_five_failures_and_recovers(emitted: list[tuple[str, dict[str, Any]]]):
    with raw_receiver.running(answering("500 Oops")) as receiver:
        target = make.webhook(make.workspace(), receiver.url, retry_policy=LATER)
        make.publish(target, count=6)
        shifts.deliver_all()
        row = shifts.webhook(target.id)
        assert row.consecutive_failures == 6
        assert row.failing_since is not None
        receiver.answer = raw_receiver.OK
        make.publish(target)
        shifts.deliver_all()
    row = shifts.webhook(target.id)
    assert (row.consecutive_failures, row.failing_since) == (0, None)
    assert [kind for kind, _ in emitted] == ["webhook.failing", "webhook.recovered"]


def test_the_date_of_disabling_is_published_once_half_way_and_no_date_before(emitted: list[tuple[str, dict[str, Any]]]):
    with raw_receiver.running(answering("500 Oops")) as receiver:
        target = make.webhook(make.workspace(), receiver.url, retry_policy=LATER)
        make.publish(target, count=5)
        shifts.deliver_all()
        since = clock.now() - timedelta(days=2, hours=13)
        with db.transaction(write=True) as session:
            row = session.get_one(Webhook, target.id)
            row.failing_since, row.last_failure_at = since, since + timedelta(days=1)
        for _ in range(2):
            make.publish(target)
            shifts.deliver_all()
    dates = [data["disables_at"] for kind, data in emitted if kind == "webhook.failing"]
    assert dates == [None, clock.rfc3339(since + timedelta(days=5))]


def test_a_webhook_that_failed_for_days_is_disabled_by_the_rule(emitted: list[tuple[str, dict[str, Any]]]):
    with raw_receiver.running(answering("500 Oops")) as receiver:
        since = clock.now() - timedelta(days=5, minutes=1)
        target = make.webhook(
            make.workspace(),
            receiver.url,
            retry_policy=LATER,
            consecutive_failures=30,
            failing_since=since,
            last_failure_at=clock.now(),
        )
        make.publish(target)
        shifts.deliver_all()
    row = shifts.webhook(target.id)
    assert (row.state, row.disabled_rule) == ("disabled", "all_attempts_failed")
    assert [kind for kind, _ in emitted] == ["webhook.disabled"]


def test_roll_ups_count_attempts_by_minute_and_hour():
    with raw_receiver.running() as good, raw_receiver.running(answering("500 Oops")) as bad:
        workspace_id = make.workspace()
        one, other = make.webhook(workspace_id, good.url), make.webhook(workspace_id, bad.url, retry_policy={"schedule": []})
        make.publish(one, count=7)
        make.publish(other, count=3)
        shifts.deliver_all()
    with db.transaction() as session:
        for width in (60, 3600):
            rows = session.exec(select(DeliveryRollup).where(DeliveryRollup.width == width)).all()
            by_webhook = {one.id: [0, 0, 0, 0], other.id: [0, 0, 0, 0]}
            for row in rows:
                assert row.min_ms is not None
                assert row.max_ms is not None
                assert 0 < row.min_ms <= row.max_ms
                sums = by_webhook[row.webhook_id]
                for index, value in enumerate((row.delivered, row.failed, row.dead, sum(getattr(row, f"b{n}") for n in range(13)))):
                    sums[index] += value
            assert by_webhook == {one.id: [7, 0, 0, 7], other.id: [0, 3, 3, 3]}
