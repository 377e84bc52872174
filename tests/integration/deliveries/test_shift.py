from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
from sqlmodel import Session, col, select

from backend.core import clock, db, queue, signing
from backend.deliveries import engine, store
from backend.models import AttemptBody, Delivery, Webhook
from backend.settings import settings
from backend.webhooks import secrets
from tests.factories import deliveries as make
from tests.fakes import raw_receiver
from tests.fakes.raw_receiver import Received, answering
from tests.integration.deliveries import shifts

pytestmark = pytest.mark.usefixtures("database")
SOON = {"schedule": [0]}
LATER = {"schedule": [3600, 3600]}


def test_every_due_delivery_arrives_once_and_verifies():
    with raw_receiver.running() as receiver:
        target = make.webhook(make.workspace(), receiver.url, headers={"X-Custom": "my-value"})
        published = make.publish(target, count=120)
        shifts.deliver_all()
        assert len(receiver.received) == len(set(receiver.ids())) == 120
        with db.transaction() as session:
            secret = secrets.current(session.get_one(Webhook, target.id))
        for received in receiver.received:
            standardwebhooks.Webhook(secret).verify(received.body, received.headers)
            assert received.headers["x-webhook-signature"] == signing.older_signature(secret, received.body)
            assert received.headers["x-custom"] == "my-value"
            assert received.headers["user-agent"].startswith("Crossdock/")
            assert received.headers["x-webhook-attempt"] == "1"
        assert {shifts.delivery(each).status for each in published} == {"delivered"}
        row = shifts.webhook(target.id)
        assert (row.success_count, row.failure_count, row.consecutive_failures) == (120, 0, 0)
        assert shifts.lane(target.id).due_at is None


def test_an_attempt_is_logged_with_the_whole_exchange_and_no_secret():
    with raw_receiver.running(answering("201 Created", "X-Trace: abc", body="Grüße".encode())) as receiver:
        target = make.webhook(make.workspace(), receiver.url, headers={"X-Token": "s3cr3t-value"})
        (identifier,) = make.publish(target)
        shifts.deliver_all()
    (attempt,) = shifts.attempts(identifier)
    assert (attempt.outcome, attempt.status_code, attempt.number, attempt.address) == ("delivered", 201, 1, "127.0.0.1")
    assert attempt.total_ms >= (attempt.first_byte_ms or 0) > 0
    assert attempt.connect_ms is not None
    with db.transaction() as session:
        kept = session.get_one(AttemptBody, attempt.id)
    assert kept.response_body == "Grüße"
    assert ["X-Trace", "abc"] in [list(pair) for pair in kept.response_headers]
    assert kept.request_headers["X-Token"] == "••••••"
    assert kept.request_headers["webhook-id"] == shifts.delivery(identifier).event_id
    assert "s3cr3t-value" not in str(kept)


def test_a_failure_is_tried_again_as_the_policy_says():
    with raw_receiver.running(answering("500 Internal Server Error")) as receiver:
        target = make.webhook(make.workspace(), receiver.url, retry_policy=LATER)
        (identifier,) = make.publish(target)
        shifts.deliver_all()
        found = shifts.delivery(identifier)
        assert (found.status, found.attempt_count, found.failure_count, found.last_status_code) == ("retrying", 1, 1, 500)
        assert found.due_at is not None
        assert found.due_at > clock.now() + timedelta(minutes=50)
        assert shifts.lane(target.id).due_at == found.due_at
        assert shifts.webhook(target.id).consecutive_failures == 1
        (attempt,) = shifts.attempts(identifier)
        assert attempt.retry_at == found.due_at


def test_a_retry_succeeds_under_the_same_message_id_with_the_next_attempt_number():
    answers = iter([answering("503 Service Unavailable"), raw_receiver.OK])

    async def answer(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers))

    with raw_receiver.running(answer) as receiver:
        target = make.webhook(make.workspace(), receiver.url, retry_policy=SOON)
        (identifier,) = make.publish(target)
        shifts.shift(lambda: shifts.delivery(identifier).status == "delivered")
        first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert [first.headers["x-webhook-attempt"], second.headers["x-webhook-attempt"]] == ["1", "2"]
    assert [each.outcome for each in shifts.attempts(identifier)] == ["failed", "delivered"]
    assert [each.trigger for each in shifts.attempts(identifier)] == ["event", "schedule"]


@pytest.mark.parametrize("state", ["paused", "disabled"])
def test_a_webhook_that_is_held_gets_nothing(state: str):
    with raw_receiver.running() as receiver:
        target = make.webhook(make.workspace(), receiver.url, state=state)
        (identifier,) = make.publish(target)
        shifts.shift(lambda: False, seconds=0.5)
        assert receiver.received == []
        assert shifts.delivery(identifier).status == "waiting"


def test_a_rate_limit_blocks_the_lane_between_deliveries():
    with raw_receiver.running() as receiver:
        target = make.webhook(make.workspace(), receiver.url, rate_limit=10.0)
        make.publish(target, count=30)
        begun = time.monotonic()
        shifts.shift(lambda: len(receiver.received) >= 12)
        # A bucket of a quarter of a second's worth may be full at the beginning.
        assert time.monotonic() - begun > (len(receiver.received) - 1 - 2.5) / 10
        assert shifts.lane(target.id).blocked_reason == "throttle"


def test_a_receiver_that_hangs_delays_nobody_else():
    async def hang(_received: Received, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    with raw_receiver.running(hang) as slow, raw_receiver.running() as quick:
        workspace_id = make.workspace()
        hanging = [make.webhook(workspace_id, slow.url, timeout_seconds=30.0) for _ in range(30)]
        make.publish(*hanging, count=40)
        good = make.webhook(workspace_id, quick.url)
        published = make.publish(good, count=300)
        engine_grace = engine.GRACE_SECONDS
        engine.GRACE_SECONDS = 0.1  # type: ignore[misc] - the test need not wait for those that hang
        try:
            shifts.shift(lambda: len(quick.received) >= 300, seconds=20)
        finally:
            engine.GRACE_SECONDS = engine_grace  # type: ignore[misc]
        assert sorted(quick.ids()) == sorted(shifts.delivery(each).event_id for each in published)
        assert slow.most_open <= 30 * 8


def test_what_is_in_flight_when_the_worker_stops_is_interrupted_without_a_failure(monkeypatch: pytest.MonkeyPatch):
    async def hang(_received: Received, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(engine, "GRACE_SECONDS", 0.2)
    with raw_receiver.running(hang) as receiver:
        target = make.webhook(make.workspace(), receiver.url)
        published = make.publish(target, count=20)
        shifts.shift(lambda: len(receiver.received) >= 8)
    rows = [shifts.delivery(each) for each in published]
    assert {row.run_id for row in rows} == {None}
    assert all(row.due_at is not None and row.failure_count == 0 for row in rows)
    sent = [row for row in rows if row.attempt_count == 1]
    assert len(sent) == 8
    assert {shifts.attempts(row.id)[0].outcome for row in sent} == {"interrupted"}
    assert shifts.webhook(target.id).failure_count == 0
    assert shifts.lane(target.id).due_at is not None


def test_a_delivery_that_was_taken_from_the_run_keeps_its_state_and_its_attempt_is_logged():
    with raw_receiver.running() as receiver:
        target = make.webhook(make.workspace(), receiver.url)
        (identifier,) = make.publish(target)

        async def answer(_received: Received, writer: asyncio.StreamWriter) -> None:
            await asyncio.to_thread(take_away)
            writer.write(raw_receiver.OK)

        def take_away() -> None:
            with db.transaction(write=True) as session:
                row = session.get_one(Delivery, identifier)
                row.status, row.run_id = "cancelled", None
                session.add(row)

        receiver.answer = answer
        shifts.shift(lambda: bool(shifts.attempts(identifier)))
        assert shifts.delivery(identifier).status == "cancelled"
        assert [each.outcome for each in shifts.attempts(identifier)] == ["delivered"]


def test_what_waits_for_a_deleted_webhook_is_cancelled():
    with raw_receiver.running() as receiver:
        target = make.webhook(make.workspace(), receiver.url)
        (identifier,) = make.publish(target)
        with db.transaction(write=True) as session:
            row = session.get_one(Delivery, identifier)
            row.kind, row.max_attempts = "test", 1  # a test send passes its lane
            session.get_one(Webhook, target.id).deleted_at = clock.now()
        shifts.shift(lambda: shifts.delivery(identifier).status == "cancelled")
        assert receiver.received == []


def test_a_shift_frees_what_an_earlier_one_of_its_run_left_behind():
    with raw_receiver.running() as receiver:
        target = make.webhook(make.workspace(), receiver.url)
        (identifier,) = make.publish(target)
        with db.transaction(write=True) as session:
            row = session.get_one(Delivery, identifier)
            row.status, row.due_at, row.run_id = "sending", None, "run_mine"
        shifts.deliver_all(run_id="run_mine")
        assert len(receiver.received) == 1
        assert shifts.attempts(identifier)[0].trigger == "recovered"


def test_an_outcome_that_could_not_be_written_is_written_later(monkeypatch: pytest.MonkeyPatch):
    from backend.core.errors import Unavailable

    failures = iter([True, True])
    write = store.outcomes.write

    def failing(*args: Any) -> Any:
        if args[1] and next(failures, False):
            raise Unavailable("The database cannot be reached for now.")
        return write(*args)

    monkeypatch.setattr(store.outcomes, "write", failing)
    monkeypatch.setattr(engine, "_DATABASE_RETRY_SECONDS", 0.01)
    with raw_receiver.running() as receiver:
        target = make.webhook(make.workspace(), receiver.url)
        published = make.publish(target, count=5)
        shifts.deliver_all()
        assert len(receiver.received) == 5
    assert {shifts.delivery(each).status for each in published} == {"delivered"}


def test_settings_that_change_hold_for_what_is_claimed_next():
    with raw_receiver.running() as before, raw_receiver.running() as after:
        target = make.webhook(make.workspace(), before.url)
        make.publish(target)

        def then() -> bool:
            if len(before.received) == 1 and not after.received and shifts.webhook(target.id).url == before.url:
                with db.transaction(write=True) as session:
                    row = session.get_one(Webhook, target.id)
                    row.url, row.updated_at = after.url, clock.now()
                make.publish(target)
            return bool(after.received)

        shifts.shift(then)
    assert (len(before.received), len(after.received)) == (1, 1)


def test_two_shifts_at_a_time_send_each_delivery_once():
    async def answer(_received: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.005)
        writer.write(raw_receiver.OK)

    async def both() -> list[engine.Report]:
        return list(await asyncio.gather(shifts.run(until=shifts.settled), shifts.run(until=shifts.settled)))

    with raw_receiver.running(answer) as receiver:
        workspace_id = make.workspace()
        targets = [make.webhook(workspace_id, receiver.url) for _ in range(6)]
        make.publish(*targets, count=100)
        asyncio.run(both())
        assert len(receiver.received) == 600
    with db.transaction() as session:
        assert set(session.exec(select(Delivery.status).where(col(Delivery.attempt_count) == 1)).all()) == {"delivered"}


def test_an_answer_that_the_database_does_not_take_costs_only_itself(monkeypatch: pytest.MonkeyPatch):
    write = store.outcomes.write

    def choosy(session: Session, finished: Any, now: Any) -> Any:
        if any(b"poison" in each.exchange.body for each in finished):
            raise ValueError("a lone surrogate, say")
        return write(session, finished, now)

    monkeypatch.setattr(store.outcomes, "write", choosy)

    async def answer(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answering("200 OK", body=b"poison" if len(receiver.received) == 3 else b"fine"))

    with raw_receiver.running(answer) as receiver:
        target = make.webhook(make.workspace(), receiver.url)
        published = make.publish(target, count=10)
        shifts.deliver_all()
        assert len(receiver.received) == 10
    assert {shifts.delivery(each).status for each in published} == {"delivered"}
    assert all(len(shifts.attempts(each)) == 1 for each in published)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_shift_without_redis_still_delivers_what_is_published_meanwhile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("REDIS_URL", f"unix://{tmp_path}/nobody.sock")
    settings.cache_clear()
    queue.forget_connections()
    with raw_receiver.running() as receiver:
        target = make.webhook(make.workspace(), receiver.url)
        published: list[str] = []

        def then() -> bool:
            if len(receiver.received) == len(published) < 3:
                published.extend(make.publish(target))
            return len(receiver.received) == 3

        shifts.shift(then, hints=True)
        assert len(receiver.received) == 3
    queue.forget_connections()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("redis")
def test_a_wake_is_heard_long_before_the_next_poll():
    with raw_receiver.running() as receiver:
        target = make.webhook(make.workspace(), receiver.url)
        published: list[str] = []

        def then() -> bool:
            if len(receiver.received) == len(published) < 10:
                published.extend(make.publish(target))
                queue.wake_deliver()
            return len(receiver.received) == 10

        report = shifts.shift(then, hints=True, seconds=20)
        assert len(receiver.received) == 10
        assert report.turns < 60


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_shift_whose_time_is_over_waits_for_slow_attempts_and_still_claims_for_others(monkeypatch: pytest.MonkeyPatch):
    async def slow(_received: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3)
        writer.write(raw_receiver.OK)

    monkeypatch.setattr(engine, "GRACE_SECONDS", 0.1)
    with raw_receiver.running(slow) as one, raw_receiver.running() as other:
        workspace_id = make.workspace()
        target, quick = make.webhook(workspace_id, one.url), make.webhook(workspace_id, other.url)
        published = make.publish(target, count=30)

        def then() -> bool:
            if one.received and time.monotonic() - begun > 2 and not other.received:
                published.extend(make.publish(quick))
            return False

        begun = time.monotonic()
        shifts.shift(then, seconds=0.3)
        assert time.monotonic() - begun < 20
        assert len(other.received) >= 1
        outcomes = [attempt.outcome for each in published for attempt in shifts.attempts(each)]
    assert outcomes.count("interrupted") == 0
    assert outcomes.count("delivered") >= 8
    assert {shifts.delivery(each).status for each in published} == {"delivered", "waiting"}
