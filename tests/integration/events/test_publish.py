"""Publishing: an event and its deliveries in one transaction, idempotent, with the reasons for whom it skips."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from sqlmodel import Session, select

from backend.core import clock, db, queue
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge, Unavailable
from backend.events import service
from backend.events.committer import Committer
from backend.events.schemas import EventOut
from backend.models import Delivery, Event, IdempotencyRecord, Lane, WebhookChange
from backend.webhooks import service as webhooks
from tests.factories import accounts
from tests.integration.events.steps import publish, webhook

pytestmark = pytest.mark.usefixtures("database", "redis")


def deliveries(session: Session) -> list[Delivery]:
    return list(session.exec(select(Delivery).order_by(Delivery.id)).all())


def test_an_event_goes_to_each_webhook_that_takes_its_type() -> None:
    actor = accounts.workspace()
    exact, group, star = webhook(actor, "order.created"), webhook(actor, "order.*"), webhook(actor, "*")
    webhook(actor, "lead.created")
    published = publish(actor)
    assert published.deliveries == 3
    with db.transaction() as session:
        rows = deliveries(session)
        assert {row.webhook_id for row in rows} == {exact, group, star}
        assert {(row.status, row.event_id, row.max_attempts) for row in rows} == {("waiting", published.id, 10)}
        lanes = {lane.webhook_id: lane.due_at for lane in session.exec(select(Lane))}
        assert all(lanes[each] is not None for each in (exact, group, star))
        assert sum(due is None for due in lanes.values()) == 1


def test_the_body_is_fixed_and_written_as_javascript_writes_it() -> None:
    actor = accounts.workspace()
    occurred_at = clock.now() - timedelta(days=1)
    published = publish(actor, data={"b": 1.0, "a": "é\u2028", "10": None}, occurred_at=occurred_at)
    with db.transaction() as session:
        body = session.exec(select(Event.body)).one()
    assert body == (
        f'{{"id":"{published.id}","event":"order.created","type":"order.created","timestamp":"{clock.rfc3339(occurred_at)}",'
        f'"workspaceId":"{actor.workspace_id}","tenantId":"{actor.workspace_id}","data":{{"b":1,"a":"é\u2028","10":null}}}}'
    )


def test_whom_an_event_skips_is_kept_with_the_reason() -> None:
    actor = accounts.workspace()
    filtered = webhook(actor, "order.created", filter={"field": "data.total", "op": "gte", "value": 100})
    disabled = webhook(actor, "order.created")
    paused = webhook(actor, "order.created")
    with db.transaction(write=True) as session:
        webhooks.disable(session, actor=actor, webhook_id=disabled, reason="Moving house")
        webhooks.pause(session, actor=actor, webhook_id=paused)
    published = publish(actor)
    with db.transaction() as session:
        event = session.get_one(Event, published.id)
        skips = {skip["webhook_id"]: (skip["reason"], skip["detail"]) for skip in event.skips}
        assert skips[disabled] == ("disabled", "Moving house")
        assert skips[filtered][0] == "filtered"
        assert "data.total gte 100" in skips[filtered][1]
        assert [row.webhook_id for row in deliveries(session)] == [paused]
        assert event.webhooks_revision == max(session.exec(select(WebhookChange.revision)).all())


def test_no_event_reaches_another_workspace() -> None:
    mine, other = accounts.workspace("Mine"), accounts.workspace("Other")
    webhook(other, "*")
    published = publish(mine)
    assert published.deliveries == 0
    with db.transaction() as session, pytest.raises(NotFound):
        service.get(session, actor=other, event_id=published.id)


def test_a_rolled_back_change_of_a_webhook_leaves_no_trace_in_the_cached_subscriptions() -> None:
    actor = accounts.workspace()
    kept = webhook(actor, "order.created")
    publish(actor)

    def disable_and_fail() -> None:
        with db.transaction(write=True) as session:
            webhooks.disable(session, actor=actor, webhook_id=kept, reason="")
            assert service.publish_all(session, [service.command(actor=actor, type="order.created", data={})])[0].deliveries == 0
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        disable_and_fail()
    webhook(actor, "lead.created")
    assert publish(actor).deliveries == 1


def test_an_operational_event_goes_to_webhooks_that_name_it_and_never_to_the_one_it_is_about() -> None:
    actor = accounts.workspace()
    webhook(actor, "*")
    watching, about = webhook(actor, "webhook.disabled"), webhook(actor, "webhook.disabled", "order.created")
    with db.transaction(write=True) as session:
        webhooks.disable(session, actor=actor, webhook_id=about, reason="Moving house")
    with db.transaction() as session:
        assert [row.webhook_id for row in deliveries(session)] == [watching]
        assert session.exec(select(Event.skips)).one() == []


def test_nobody_else_reports_what_the_product_reports_of_itself() -> None:
    actor = accounts.workspace()
    with pytest.raises(Invalid, match="what Crossdock itself reports"):
        service.command(actor=actor, type="webhook.disabled", data={})


def test_the_same_key_and_body_publishes_once() -> None:
    actor = accounts.workspace()
    webhook(actor, "*")
    first = publish(actor, idempotency_key="4711")
    again = publish(actor, idempotency_key='"4711"')
    assert (again.id, again.deliveries, again.replayed) == (first.id, first.deliveries, True)
    assert publish(actor, idempotency_key="4712").id != first.id
    with db.transaction() as session:
        assert len(deliveries(session)) == 2


def test_the_same_key_with_another_body_is_refused() -> None:
    actor = accounts.workspace()
    publish(actor, idempotency_key="4711")
    for changed in ({"data": {"total": 18}}, {"type": "order.ready"}, {"occurred_at": clock.now()}):
        with pytest.raises(Conflict, match="another body"):
            publish(actor, **{"idempotency_key": "4711", **changed})


def test_a_key_belongs_to_its_caller_and_ends_after_a_day() -> None:
    actor = accounts.workspace()
    first = publish(actor, idempotency_key="4711")
    other = accounts.key_actor(actor.workspace_id, "events:write")
    assert publish(other, idempotency_key="4711").id != first.id
    with db.transaction(write=True) as session:
        for record in session.exec(select(IdempotencyRecord)):
            record.expires_at = clock.now() - timedelta(seconds=1)
    assert publish(actor, idempotency_key="4711", data={"total": 99}).id != first.id


def test_the_same_key_twice_in_one_group_publishes_once() -> None:
    actor = accounts.workspace()
    wish = service.command(actor=actor, type="order.created", data={}, idempotency_key="4711")
    with db.transaction(write=True) as session:
        first, second = service.publish_many(session, [wish, wish])
    assert isinstance(first, service.Published)
    assert isinstance(second, service.Published)
    assert (second.id, second.replayed) == (first.id, True)


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\nb"])
def test_an_unusable_key_is_refused(key: str) -> None:
    with pytest.raises(Invalid, match="idempotency_key"):
        publish(accounts.workspace(), idempotency_key=key)


def test_an_unknown_type_is_refused_with_the_nearest() -> None:
    with pytest.raises(Invalid) as refused:
        publish(accounts.workspace(), type="order.craeted")
    assert "order.created" in refused.value.errors[0].fix


def test_a_batch_is_all_or_none_and_names_each_mistake() -> None:
    actor = accounts.workspace()
    wishes = [service.command(actor=actor, type=name, data={}) for name in ("order.created", "nope.one", "nope.two")]
    with pytest.raises(Invalid) as refused, db.transaction(write=True) as session:
        service.publish_all(session, wishes)
    assert [error.path for error in refused.value.errors] == ["events[1].type", "events[2].type"]
    with db.transaction() as session:
        assert session.exec(select(Event)).all() == []


def test_too_much_data_is_refused_and_just_enough_is_not() -> None:
    actor = accounts.workspace()
    fits = "x" * (256 * 1024 - len('{"a":""}'))
    publish(actor, data={"a": fits})
    with pytest.raises(TooLarge, match="262,144"):
        publish(actor, data={"a": fits + "x"})
    with pytest.raises(TooLarge):
        publish(actor, data={"a": "é" * (128 * 1024)})


@pytest.mark.parametrize("data", [{"a": float("nan")}, {"a": float("inf")}, {"a": [float("-inf")]}])
def test_what_json_cannot_carry_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="data"):
        publish(accounts.workspace(), data=data)


def test_a_time_without_a_zone_or_in_the_future_is_refused() -> None:
    actor = accounts.workspace()
    for occurred_at in (clock.now().replace(tzinfo=None), clock.now() + timedelta(hours=1)):
        with pytest.raises(Invalid, match="occurred_at"):
            publish(actor, occurred_at=occurred_at)


def test_publishing_needs_its_scope() -> None:
    actor = accounts.workspace()
    assert publish(accounts.key_actor(actor.workspace_id, "events:manage")).id
    with pytest.raises(Forbidden) as refused:
        publish(accounts.key_actor(actor.workspace_id, "events:read"))
    assert refused.value.required_scopes == ("events:write", "events:manage")


def test_a_worker_is_woken_after_the_commit_and_not_after_a_rollback(redis: Redis) -> None:
    actor = accounts.workspace()
    webhook(actor, "*")
    redis.flushall()

    def publish_and_fail() -> None:
        with db.transaction(write=True) as session:
            service.publish_all(session, [service.command(actor=actor, type="order.created", data={})])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        publish_and_fail()
    assert redis.llen(queue.WAKE_DELIVER) == 0
    publish(actor)
    assert redis.llen(queue.WAKE_DELIVER) == 1


async def _together(committer: Committer, wishes: list[service.Command]) -> list[service.Published | BaseException]:
    return await asyncio.gather(*(committer.submit(wish) for wish in wishes), return_exceptions=True)


def test_the_group_committer_answers_each_command_for_itself() -> None:
    actor = accounts.workspace()
    webhook(actor, "*")
    wishes = [service.command(actor=actor, type="nope" if n % 10 == 3 else "order.created", data={"n": n}) for n in range(100)]
    committer = Committer()
    results = asyncio.run(_together(committer, wishes))
    committer.stop()
    assert [n for n, result in enumerate(results) if isinstance(result, Invalid)] == list(range(3, 100, 10))
    with db.transaction() as session:
        stored = {row.id: json.loads(row.body)["data"]["n"] for row in session.exec(select(Event))}
    assert stored == {result.id: n for n, result in enumerate(results) if isinstance(result, service.Published)}


def test_one_command_that_breaks_its_group_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    actor = accounts.workspace()
    real = service.publish_many

    def breaking(session: Session, commands: list[service.Command]) -> list[Any]:
        results = real(session, commands)
        if any(one.data == {"n": 7} for one in commands):
            raise ZeroDivisionError
        return results

    monkeypatch.setattr(service, "publish_many", breaking)
    committer = Committer()
    results = asyncio.run(_together(committer, [service.command(actor=actor, type="order.created", data={"n": n}) for n in range(20)]))
    committer.stop()
    assert [n for n, result in enumerate(results) if isinstance(result, BaseException)] == [7]
    with db.transaction() as session:
        assert len(session.exec(select(Event)).all()) == 19


def test_a_commit_that_fails_is_told_to_everyone_in_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    actor = accounts.workspace()

    def full(*_args: object) -> None:
        raise Unavailable("The disk of the database is full.")

    monkeypatch.setattr(service, "publish_many", full)
    committer = Committer()
    results = asyncio.run(_together(committer, [service.command(actor=actor, type="order.created", data={}) for _ in range(5)]))
    committer.stop()
    assert all(isinstance(result, Unavailable) for result in results)


def test_an_event_with_half_a_character_is_kept_as_sent_and_can_be_read() -> None:
    actor = accounts.workspace()
    published = publish(actor, data={"a\ud800": "\udfff"})
    with db.transaction() as session:
        event = service.get(session, actor=actor, event_id=published.id)
        assert '{"a\\ud800":"\\udfff"}' in event.body
        assert '{"a\ufffd":"\ufffd"}' in EventOut.of(event).model_dump_json()
