"""What becomes of replays when runners meet, fail or are killed, and how what a webhook missed is made up for."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import Session, col, select

from backend.core import db
from backend.core.errors import Conflict, NotFound
from backend.models import Delivery, Event, Lane, Replay, Webhook, Workspace
from backend.replays import making
from backend.webhooks import missed
from backend.webhooks import service as webhooks
from tests.factories import deliveries as make
from tests.integration.replays.replaying import URL, World, item_rows, run, tick
from tests.integration.replays.replaying import runner as runners

pytestmark = pytest.mark.usefixtures("database")


def sources(replay: Replay) -> list[str | None]:
    return [item.source_id for item in item_rows(replay)]


def test_two_runners_at_once_make_each_item_once():
    world = World()
    dead = world.deliveries(world.webhook(), 60)
    replay = world.create(rate=10)
    first, second = runners(), runners()
    while tick(first) | tick(second):
        pass
    assert sources(replay) == dead
    assert [each.replay_of for each in world.made(replay)] == dead


def test_a_runner_that_dies_before_the_commit_leaves_nothing_and_after_it_nothing_out(monkeypatch: pytest.MonkeyPatch):
    world = World()
    dead = world.deliveries(world.webhook(), 30)
    replay = world.create(rate=5)
    make_items, deaths = making.make, iter([False, True, False, False, True, True])

    def dying(session: Session, *args: Any) -> None:
        make_items(session, *args)
        if next(deaths, False):
            session.flush()
            raise KeyboardInterrupt

    monkeypatch.setattr(making, "make", dying)
    runner, died = runners(), 0
    while True:
        try:
            if not tick(runner):
                break
        except KeyboardInterrupt:
            runner, died = runners(), died + 1
    assert died == 3
    assert sources(replay) == dead
    assert [each.replay_of for each in world.made(replay)] == dead
    assert world.get(replay).queued == 30


def test_a_replay_that_cannot_be_advanced_holds_up_no_other():
    world = World()
    one, other = world.webhook(), world.webhook()
    world.deliveries(one, 3)
    world.deliveries(other, 3)
    broken, good = world.create(webhook_id=one.id), world.create(webhook_id=other.id)
    with db.transaction(write=True) as session:
        session.get_one(Replay, broken.id).filter = {"since": "no time"}
    run(ticks=50)
    assert (world.get(broken).status, world.get(good).status) == ("running", "done")
    with db.transaction(write=True) as session:
        session.get_one(Replay, broken.id).filter = {"webhook_id": one.id}
    run()
    assert len(world.made(broken)) == 3


def test_each_replay_has_its_own_rate():
    world = World()
    one, other = world.webhook(), world.webhook()
    world.deliveries(one, 40)
    world.deliveries(other, 40)
    slow, fast = world.create(rate=1, webhook_id=one.id), world.create(rate=20, webhook_id=other.id)
    runner = runners()
    for _ in range(3):
        tick(runner)
    assert (len(world.made(slow)), len(world.made(fast))) == (3, 40)


def test_nothing_to_do_is_seen_at_once():
    assert run() == 0


def test_ten_thousand_items_take_a_few_statements_a_tick():
    world = World()
    world.deliveries(world.webhook(), 300)
    replay, runner = world.create(rate=1000), runners()
    statements: list[str] = []
    source = db.database()
    from sqlalchemy import event

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    event.listen(source.writer, "before_cursor_execute", note)
    try:
        tick(runner)
        tick(runner)
    finally:
        event.remove(source.writer, "before_cursor_execute", note)
    assert len(world.made(replay)) == 300
    assert len(statements) < 30


def test_what_a_replay_makes_is_due_in_its_lane():
    world = World()
    webhook = world.webhook()
    world.deliveries(webhook)
    with db.transaction(write=True) as session:
        session.get_one(Lane, webhook.id).due_at = None
    world.create()
    run()
    with db.transaction() as session:
        assert session.get_one(Lane, webhook.id).due_at is not None


def event_of(world: World, webhook: Webhook) -> str:
    return world.delivery(world.deliveries(webhook)[0]).event_id


def test_an_event_goes_to_every_webhook_that_takes_it_now():
    world = World()
    first, second = create(world), create(world)
    create(world, events=["contact.created"])
    create(world, filter={"field": "data.order_id", "op": "eq", "value": "none"})
    create(world, is_active=False)
    (source,) = world.deliveries(first)
    replay = world.event(world.delivery(source).event_id)
    assert (replay.kind, replay.status, replay.total, replay.queued, replay.rate) == ("event", "done", 2, 2, None)
    assert [(each.webhook_id, each.replay_of, each.kind) for each in world.made(replay)] == [
        (first.id, source, "replay"),
        (second.id, None, "replay"),
    ]


def test_an_event_goes_to_one_webhook_that_is_named_whether_it_takes_it_or_not():
    world = World()
    source, wanted = create(world), create(world, events=["contact.created"])
    replay = world.event(event_of(world, source), wanted.id)
    assert [each.webhook_id for each in world.made(replay)] == [wanted.id]


def test_an_event_that_cannot_be_replayed_says_why():
    world = World()
    filtering = create(world, filter={"field": "data.order_id", "op": "eq", "value": "none"})
    disabled = create(world, is_active=False)
    identifier = event_of(world, filtering)
    with pytest.raises(Conflict, match=r"No webhook takes this event now \(1 disabled, 1 filter it out\)"):
        world.event(identifier)
    with pytest.raises(Conflict, match="created disabled"):
        world.event(identifier, disabled.id)
    with pytest.raises(NotFound, match="no such webhook"):
        world.event(identifier, "whk_none")
    with pytest.raises(NotFound, match="no such event"):
        world.event("evt_none")
    with db.transaction(write=True) as session:
        session.get_one(Event, identifier).kind = "test"
    with pytest.raises(Conflict, match="test send"):
        world.event(identifier)


def create(world: World, **fields: Any) -> Webhook:
    """A webhook as the service makes it, with its history."""
    with db.transaction(write=True) as session:
        wanted = webhooks.WebhookInput(**{"url": URL, "events": ["order.created"], **fields})
        return webhooks.create(session, actor=world.owner, input=wanted)[0]


def steer(world: World, name: str, webhook: Webhook, **more: Any) -> Any:
    with db.transaction(write=True) as session:
        return getattr(webhooks, name)(session, actor=world.owner, webhook_id=webhook.id, **more)


def miss(world: World, webhook: Webhook, count: int, total: int = 10, more: str = "") -> list[str]:
    """Events that name the webhook as disabled; their ids."""
    found = make.publish(webhook, count=count, data=f'{{"total":{total}{more}}}')
    with db.transaction(write=True) as session:
        revision = session.get_one(Workspace, world.workspace_id).webhooks_revision
        made = session.exec(select(Delivery).where(col(Delivery.id).in_(found)).order_by(col(Delivery.id))).all()
        for delivery in made:
            event = session.get_one(Event, delivery.event_id)
            event.skips = [{"webhook_id": webhook.id, "reason": "disabled", "detail": ""}]
            event.webhooks_revision, event.deliveries = revision, 0
            session.delete(delivery)
        return [delivery.event_id for delivery in made]


def missed_replay(world: World, webhook: Webhook) -> Replay:
    with db.transaction() as session:
        query = select(Replay).where(Replay.workspace_id == world.workspace_id, Replay.webhook_id == webhook.id)
        return session.exec(query.order_by(col(Replay.id).desc())).all()[0]


def test_what_was_missed_beyond_the_first_goes_out_as_first_sends(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(missed, "MAX_EVENTS", 3)
    world = World()
    webhook = create(world, filter={"field": "data.total", "op": "gte", "value": 10})
    steer(world, "disable", webhook)
    first = miss(world, webhook, 3)
    later = miss(world, webhook, 2)
    miss(world, webhook, 600, total=9)
    last = miss(world, webhook, 2)
    steer(world, "enable", webhook, missed="send")
    replay = missed_replay(world, webhook)
    assert (replay.status, replay.total) == ("running", 604)
    run()
    made = world.made(replay)
    assert [each.event_id for each in made] == later + last
    assert {(each.kind, each.trigger, each.replay_of, each.status) for each in made} == {("event", "replay", None, "waiting")}
    assert (world.get(replay).status, world.get(replay).total) == ("done", 4)
    with db.transaction() as session:
        sent = session.exec(select(Delivery.event_id).where(Delivery.webhook_id == webhook.id).order_by(col(Delivery.id))).all()
        assert list(sent) == first + later + last
        assert session.get_one(Event, last[0]).deliveries == 1


@pytest.mark.parametrize("value", ['"\\ud83d"', "9" * 4000], ids=["half", "long"])
def test_what_was_missed_goes_out_whatever_its_texts_and_numbers(value: str):
    world = World()
    webhook = create(world, filter={"field": "data.total", "op": "gte", "value": 10})
    steer(world, "disable", webhook)
    wanted = [*miss(world, webhook, 1), *miss(world, webhook, 1, more=f',"note":{value}'), *miss(world, webhook, 1)]
    steer(world, "enable", webhook, missed="send")
    with db.transaction() as session:
        sent = session.exec(select(Delivery.event_id).where(Delivery.webhook_id == webhook.id).order_by(col(Delivery.id))).all()
    assert list(sent) == wanted
    assert world.event(wanted[1]).total == 1


def test_what_was_missed_waits_while_the_webhook_is_disabled_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(missed, "MAX_EVENTS", 1)
    world = World()
    webhook = create(world)
    steer(world, "disable", webhook)
    miss(world, webhook, 3)
    steer(world, "enable", webhook, missed="send")
    steer(world, "disable", webhook)
    replay = missed_replay(world, webhook)
    assert run() == 0
    assert (world.get(replay).status, world.made(replay)) == ("running", [])
    steer(world, "enable", webhook, missed="send")
    run()
    assert world.get(replay).status == "done"
    assert len(world.made(replay)) == 2
    with db.transaction() as session:
        assert len(session.exec(select(Delivery).where(Delivery.webhook_id == webhook.id)).all()) == 3
