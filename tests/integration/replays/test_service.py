"""Replays through their service: counted, refused, made and followed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
import pytest
from sqlalchemy import text
from sqlmodel import Session

from backend.core import clock, db
from backend.core.actor import Role
from backend.core.errors import Conflict, CrossdockError, Forbidden, Invalid, NotFound
from backend.replays import policy, queries, service
from backend.replays.service import ReplayFilter
from tests.factories import accounts
from tests.factories import deliveries as make
from tests.integration.replays.replaying import World, item_rows, run, tick
from tests.integration.replays.replaying import runner as runners

pytestmark = pytest.mark.usefixtures("database")


def test_a_dry_run_counts_exactly_shows_the_newest_and_makes_nothing():
    world = World()
    webhook = world.webhook()
    dead = world.deliveries(webhook, 12)
    world.deliveries(webhook, 3, status="delivered")
    world.deliveries(webhook, 2, kind="test")
    found = world.preview(webhook_id=webhook.id, status="dead")
    assert found.count == 12
    assert [each.id for each in found.sample] == dead[:1:-1]
    assert world.preview(q="nothing has this").count == 0
    with db.transaction() as session:
        assert service.list_replays(session, actor=world.owner).data == []


def test_each_part_of_a_filter_means_what_it_means_in_the_list():
    world = World()
    first, second = world.webhook(), world.webhook()
    old = world.deliveries(first, 2)
    time.sleep(0.003)  # ids tell milliseconds apart
    middle = clock.now()
    time.sleep(0.003)
    new = world.deliveries(first, 3, status="delivered", event_type="contact.created")
    other = make.publish(second, data='{"order_id":"9000-1"}')
    counted: list[tuple[dict[str, Any], int]] = [
        ({}, 6),
        ({"webhook_id": first.id}, 5),
        ({"status": "FAILED"}, 2),
        ({"status": "delivered,dead"}, 5),
        ({"event": "contact.created"}, 3),
        ({"since": middle}, 4),
        ({"until": middle}, 2),
        ({"ids": (old[0], new[0], other[0])}, 3),
        ({"ids": (old[0], new[0]), "status": "dead"}, 1),
        ({"q": "9000-1"}, 1),
        ({"q": old[1]}, 1),
    ]
    assert [(wanted, world.preview(**wanted).count) for wanted, _ in counted] == counted


def test_no_event_goes_out_twice_and_what_a_replay_has_mended_is_left_out():
    world = World()
    webhook = world.webhook()
    failed = world.deliveries(webhook, 4, last_status_code=500)
    first = world.create(status="dead")
    assert world.preview(status="dead").count == 4
    run()
    assert world.preview(status="dead").count == 0  # on their way again
    one, two, three, four = (each.id for each in world.made(first))
    world.set([one, two], status="dead", due_at=None, last_status_code=503)
    world.set([three, four], status="delivered", due_at=None)

    assert {each.id for each in world.preview(status="dead").sample} == {one, two}  # not what they were replays of as well
    assert {each.id for each in world.preview().sample} == {one, two, three, four}
    assert {each.id for each in world.preview(status="dead", status_code=500).sample} == set(failed[:2])
    assert world.preview(q=failed[0]).count == 1
    assert world.preview(ids=tuple(failed)).count == 4
    second = world.create(status="dead")
    run()
    assert [each.replay_of for each in world.made(second)] == [one, two]


def test_what_runs_is_what_was_counted_whichever_part_of_a_filter_restricts_it():
    world = World()
    webhook = world.webhook()
    busy = world.deliveries(webhook, 2, last_status_code=503)
    insecure = world.deliveries(webhook, 3, error_class="tls")
    counted: list[tuple[dict[str, Any], list[str]]] = [({"status_code": 503}, busy), ({"error_class": "tls"}, insecure)]
    for wanted, meant in counted:
        replay = world.create(webhook_id=webhook.id, status="dead", **wanted)
        assert replay.total == len(meant)
        run()
        assert [item.source_id for item in item_rows(replay)] == meant


def test_a_stored_filter_is_read_as_it_was_written():
    given = {"webhook_id": "whk_1", "event": "a.b", "status": "dead", "status_code": 503, "error_class": "tls", "q": "x"}
    wanted = ReplayFilter(**given, since=clock.now(), until=clock.now(), ids=("dlv_1",))
    assert all(value is not None for value in asdict(wanted).values())
    stored = orjson.loads(orjson.dumps(wanted.document()))
    again = ReplayFilter.of(stored)
    assert (again.document(), again.ids) == (wanted.document(), wanted.ids)


def test_another_workspace_has_no_part_in_it():
    world, other = World(), World(accounts.workspace("Other"))
    (theirs,) = other.deliveries(other.webhook())
    replay = other.create()
    assert world.preview().count == 0
    with pytest.raises(Invalid, match="not found"):
        world.preview(ids=(theirs,))
    for name in ("pause", "resume", "cancel"):
        with pytest.raises(NotFound, match="no such replay"):
            world.call(name, replay)
    for read in (world.get, world.items):
        with pytest.raises(NotFound, match="no such replay"):
            read(replay)
    with db.transaction() as session:
        assert service.progress(session, actor=world.owner, replays=[replay]) == {}


@pytest.mark.parametrize(
    ("wanted", "error", "words"),
    [
        ({"webhook_id": "whk_none"}, NotFound, "no such webhook"),
        ({"status": "dead", "q": "nothing has this"}, Invalid, "nothing to replay"),
        ({"status": "broken"}, Invalid, "not a status"),
        ({"ids": ()}, Invalid, "0 entries"),
        ({"ids": ("dlv_x",) * 1001}, Invalid, "1,001 entries"),
        ({"ids": ("dlv_x",)}, Invalid, "dlv_x: not found"),
        ({"since": datetime(2026, 1, 1)}, Invalid, "no time zone"),  # noqa: DTZ001 - that is what is wrong
        ({"rate": 0.05}, Invalid, "out of range"),
        ({"rate": 1001}, Invalid, "out of range"),
        ({"rate": float("nan")}, Invalid, "out of range"),
        ({"reason": "x" * 401}, Invalid, "401 characters"),
    ],
)
def test_what_cannot_be_replayed_is_refused_with_a_sentence(wanted: dict[str, Any], error: type[CrossdockError], words: str):
    world = World()
    world.deliveries(world.webhook())
    with pytest.raises(error, match=words):
        world.create(**wanted)


def test_test_sends_cannot_be_chosen():
    world = World()
    (sent,) = world.deliveries(world.webhook(), kind="test")
    with pytest.raises(Invalid, match="not found"):
        world.create(ids=(sent,))


def test_a_disabled_webhook_is_to_be_enabled_first():
    world = World()
    webhook = world.webhook()
    world.deliveries(webhook)
    world.set_webhook(webhook, state="disabled", disabled_reason="It answered 410.")
    with pytest.raises(Conflict, match=r"It answered 410\. Enable it"):
        world.create(webhook_id=webhook.id)


def test_everything_that_matches_goes_out_again_once_oldest_first_with_who_and_why():
    world = World()
    webhook = world.webhook(retry_policy={"schedule": [1, 2]})
    dead = world.deliveries(webhook, 45)
    world.deliveries(webhook, 3, status="delivered")
    before = [world.delivery(each) for each in dead]
    replay = world.create(webhook_id=webhook.id, status="dead", reason="  Lost on Monday ")
    assert (replay.kind, replay.status, replay.total, replay.webhook_id) == ("filter", "running", 45, webhook.id)
    run()
    made = world.made(replay)
    assert [each.replay_of for each in made] == dead
    assert [each.event_id for each in made] == [each.event_id for each in before]
    first = made[0]
    assert (first.kind, first.status, first.trigger, first.triggered_by) == ("replay", "waiting", "replay", world.owner.id)
    assert (first.replay_reason, first.max_attempts, first.trace_id) == ("Lost on Monday", 3, "trc_test")
    assert first.due_at is not None
    assert [world.delivery(each) for each in dead] == before
    done = world.get(replay)
    assert (done.status, done.total, done.queued, done.skipped) == ("done", 45, 45, 0)
    assert done.finished_at is not None
    assert [item.item.source_id for item in world.items(replay)] == dead
    assert [(entry.action, entry.reason, (entry.after or {})["total"]) for entry in world.audit()] == [
        ("replay.created", "Lost on Monday", 45)
    ]


def test_chosen_deliveries_are_a_selection():
    world = World()
    found = world.deliveries(world.webhook(), 4)
    replay = world.create(ids=(found[2], found[0]))
    assert (replay.kind, replay.total, replay.rate) == ("selection", 2, 1000)
    run()
    assert [each.replay_of for each in world.made(replay)] == [found[0], found[2]]


def test_the_usual_rate_is_fifty():
    world = World()
    world.deliveries(world.webhook())
    assert world.create(rate=None).rate == policy.DEFAULT_RATE == 50


def test_what_comes_later_is_not_replayed_and_a_replay_never_feeds_on_itself():
    world = World()
    webhook = world.webhook()
    world.deliveries(webhook, 3)
    replay = world.create()
    world.deliveries(webhook, 3)
    with db.transaction(write=True) as session:  # as if the clock of another machine made its ids later than ours
        session.merge(replay).upto = "dlv_zzzzzzzzzzzzzzzzzzzzzzzzzz"
    run()
    assert len(world.made(replay)) == 6
    world.set([each.id for each in world.made(replay)], status="dead", due_at=None)
    again = world.create(status="dead")
    world.deliveries(webhook, 2)
    run()
    assert len(world.made(again)) == again.total == 6


def test_what_cannot_go_is_skipped_with_a_sentence_and_the_rest_goes():
    world = World()
    gone, off, paused, good = (world.webhook() for _ in range(4))
    world.deliveries(gone)
    world.deliveries(off)
    (held,) = world.deliveries(paused)
    world.deliveries(good, status="sending", run_id="run_1")
    make.publish(good)
    (fine,) = world.deliveries(good)
    replay = world.create()
    world.set_webhook(gone, deleted_at=clock.now())
    world.set_webhook(off, state="disabled", disabled_reason="It failed for 5 days.")
    world.set_webhook(paused, state="paused")
    run()
    assert [each.replay_of for each in world.made(replay)] == [held, fine]
    assert [(each.status, each.sentence) for each in world.items(replay, "skipped")] == [
        ("skipped", "Its webhook was deleted. Replay the event to another webhook."),
        ("skipped", "Its webhook is disabled. It failed for 5 days. Enable the webhook, then replay again."),
        ("skipped", "It was being sent at that moment. Replay it if that failed."),
        ("skipped", "It has not been sent yet and is in line already."),
    ]
    assert {each.event_type for each in world.items(replay)} == {"order.created"}
    assert (world.progress(replay).queued, world.progress(replay).skipped, world.progress(replay).remaining) == (2, 4, 0)


def test_what_no_longer_matches_when_its_turn_comes_is_left_out_and_not_counted():
    world = World()
    dead = world.deliveries(world.webhook(), 5)
    replay = world.create(status="dead")
    world.set(dead[:2], status="delivered")
    run()
    assert [each.replay_of for each in world.made(replay)] == dead[2:]
    assert (world.get(replay).total, world.progress(replay).remaining) == (3, 0)


def test_a_search_in_payloads_means_the_same_events_until_the_end(monkeypatch: pytest.MonkeyPatch):
    from backend.deliveries import payloads

    monkeypatch.setattr(payloads, "SEARCHED_EVENTS", 4)
    world = World()
    webhook = world.webhook()
    wanted = make.publish(webhook, count=3, data='{"order_id":"4711-x"}')
    world.set(wanted, status="dead", due_at=None)
    replay = world.create(q="4711-x")
    world.deliveries(webhook, 4)
    run()
    assert [each.replay_of for each in world.made(replay)] == wanted


def test_progress_tells_made_from_delivered_and_when_it_ends():
    world = World()
    world.deliveries(world.webhook(), 10)
    replay = world.create(rate=2)
    assert world.progress(replay).eta_seconds == 5
    runner = runners()
    for _ in range(4):
        tick(runner)
    made = [each.id for each in world.made(replay)]
    assert len(made) == 7
    world.set(made[:2], status="delivered", due_at=None)
    world.set(made[2:3], status="dead", due_at=None)
    world.set(made[3:4], status="retrying")
    found = world.progress(replay)
    assert (found.total, found.queued, found.delivered, found.failed, found.waiting, found.remaining) == (10, 7, 2, 1, 4, 3)
    assert found.eta_seconds == 1.5
    world.call("pause", replay)
    assert world.progress(replay).eta_seconds is None
    assert [each.delivery and each.delivery.id for each in world.items(replay, "SUCCESS")] == made[:2]
    assert {each.status for each in world.items(replay, "waiting,retrying")} == {"waiting", "retrying"}
    with pytest.raises(Invalid, match="not a status"):
        world.items(replay, "fine")


def test_replays_are_listed_newest_first_and_by_status():
    world = World()
    world.deliveries(world.webhook(), 3)
    first, second = world.create(), world.create()
    world.call("pause", second)
    with db.transaction() as session:
        assert [each.id for each in service.list_replays(session, actor=world.owner).data] == [second.id, first.id]
        assert [each.id for each in service.list_replays(session, actor=world.owner, status="paused").data] == [second.id]
        with pytest.raises(Invalid, match="not a status of replays"):
            service.list_replays(session, actor=world.owner, status="waiting")


CALLS: list[tuple[str, Callable[[Session, Any, str, str], object]]] = [
    ("write", lambda s, a, _r, _e: service.preview(s, actor=a, filter=ReplayFilter())),
    ("write", lambda s, a, _r, _e: service.create(s, actor=a, filter=ReplayFilter())),
    ("write", lambda s, a, _r, e: service.replay_event(s, actor=a, event_id=e)),
    ("write", lambda s, a, r, _e: service.pause(s, actor=a, replay_id=r)),
    ("write", lambda s, a, r, _e: service.resume(s, actor=a, replay_id=r)),
    ("write", lambda s, a, r, _e: service.cancel(s, actor=a, replay_id=r)),
    ("read", lambda s, a, r, _e: service.get(s, actor=a, replay_id=r)),
    ("read", lambda s, a, _r, _e: service.list_replays(s, actor=a)),
    ("read", lambda s, a, r, _e: service.items(s, actor=a, replay_id=r)),
    ("read", lambda s, a, _r, _e: service.progress(s, actor=a, replays=[])),
]


def test_support_makes_and_steers_viewers_follow_and_keys_need_the_scope():
    world = World()
    (delivery_id,) = world.deliveries(world.webhook())
    replay, event_id = world.create(), world.delivery(delivery_id).event_id
    with db.transaction(write=True) as session:
        viewer, support = (accounts.member(session, world.workspace_id, role) for role in (Role.VIEWER, Role.SUPPORT))
    reader = accounts.key_actor(world.workspace_id, "webhooks:read", "events:write")
    writer = accounts.key_actor(world.workspace_id, "webhooks:write")
    for actor, may in ((viewer, {"read"}), (support, {"read", "write"}), (reader, {"read"}), (writer, {"write"})):
        for kind, call in CALLS:
            with db.transaction(write=True) as session:
                refused = False
                try:
                    call(session, actor, replay.id, event_id)
                except Forbidden:
                    refused = True
                except CrossdockError:  # refused for what it is, not for who asks
                    pass
                session.rollback()
            assert refused is (kind not in may), (actor.role or actor.scopes, kind)


def test_progress_is_one_look_at_an_index(database: db.Database):
    plan = "SELECT replay_id, status, count(*) FROM delivery WHERE replay_id IN ('rpl_1', 'rpl_2') GROUP BY replay_id, status"
    with db.transaction() as session:
        connection = session.connection()
        if database.is_sqlite:
            found = " ".join(str(row) for row in connection.execute(text(f"EXPLAIN QUERY PLAN {plan}")))
            assert "USING COVERING INDEX ix_delivery_replay" in found
            assert "TEMP B-TREE" not in found
        else:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            assert "ix_delivery_replay" in " ".join(str(row) for row in connection.execute(text(f"EXPLAIN {plan}")))


def test_what_a_replay_has_sent_again_is_found_by_an_index_for_each(database: db.Database):
    query = queries.selected("wsp_1", ReplayFilter(status="dead"), upto="dlv_z")
    with db.transaction() as session:
        connection = session.connection()
        if not database.is_sqlite:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = str(query.compile(connection, compile_kwargs={"literal_binds": True})).replace("%%", "%")
        explained = connection.execute(text(f"EXPLAIN {'QUERY PLAN ' if database.is_sqlite else ''}{plan}"))
        assert "ix_delivery_replayed" in " ".join(str(row) for row in explained)


def test_items_of_a_replay_that_was_made_at_once_come_in_pages():
    world = World()
    world.deliveries(world.webhook(), 30)
    replay = world.create()
    run()
    with db.transaction() as session:
        first = service.items(session, actor=world.owner, replay_id=replay.id, limit=20)
        rest = service.items(session, actor=world.owner, replay_id=replay.id, limit=20, cursor=first.next_cursor)
    assert [each.item.id for each in [*first.data, *rest.data]] == [row.id for row in item_rows(replay)][::-1]
    assert first.has_more
    assert not rest.has_more
