"""Routes: each event that a route takes is sent once, none is lost to a kill, a 429 or an integration that is away, and failures say why."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlmodel import func, select

from backend.core import clock, db
from backend.core.actor import Actor
from backend.core.errors import Conflict, Invalid, NotFound
from backend.events import service as events
from backend.incoming.mapping import Rule
from backend.integrations import catalogue
from backend.integrations import service as integrations
from backend.integrations.timeline import Status
from backend.models import ErrorEntry, Event, Integration, RouteLane, RouteRun
from backend.records import modules
from backend.records import service as records
from backend.routing import actions, flows, running, schedule, service
from backend.routing.schemas import RouteTestedOut, RunOut
from backend.routing.values import Occasion
from tests.factories import accounts, consents
from tests.factories.fakes_of_providers import made, sign_in
from tests.fakes.provider import Provider
from tests.integration.integrations.routes import CHANNEL, TEXT, changed, later, publish, routed, runs, work

Serving = tuple[str, list[Provider]]


class Killed(BaseException):
    """What no handler catches: the process is gone."""


@pytest.fixture(name="slack")
def _slack(caller: Actor, serving: Serving, monkeypatch: pytest.MonkeyPatch) -> tuple[Integration, Provider]:
    row, fake = made(caller, serving, monkeypatch, "slack", "oauth2")
    hurried = catalogue.get("slack").model_copy(update={"per_second": 1000.0})  # else each message takes a second
    monkeypatch.setattr(catalogue, "entries", lambda: {"slack": hurried})
    sign_in(caller, row, fake)
    fake.acts = True
    return row, fake


@pytest.fixture(name="calendar")
def _calendar(caller: Actor, serving: Serving, monkeypatch: pytest.MonkeyPatch) -> tuple[Integration, Provider]:
    row, fake = made(caller, serving, monkeypatch, "google_calendar", "oauth2")
    sign_in(caller, row, fake)
    fake.acts = True
    return row, fake


def sent(fake: Provider) -> list[dict[str, object]]:
    """The bodies of everything done."""
    return [json.loads(asked.body) for asked in fake.acted]


def test_an_event_goes_through_filter_and_mapping_to_a_message(caller: Actor, slack: tuple[Integration, Provider]) -> None:
    row, fake = slack
    route = routed(caller, row, filter={"field": "data.total", "op": "gte", "value": 10})
    event = publish(caller, id="<!channel>")
    publish(caller, total=4)
    publish(caller, "lead.created")
    work(row)
    first, second = runs(caller, route)
    # What the event says can mention nobody.
    assert sent(fake) == [{"channel": "#orders", "text": "Order &lt;!channel&gt;: 42.5"}]
    assert (first.run.status, first.run.event_id, first.run.provider_id, first.run.attempt_count) == ("done", event, "1.1", 1)
    assert first.run.sent == {"text": "Order &lt;!channel&gt;: 42.5", "channel": "#orders"}
    assert (second.run.status, second.error) == ("skipped", "Filtered out: data.total gte 10 (was 4).")
    with db.transaction() as session:
        assert service.get(session, actor=caller, route_id=route.id).route.done_count == 1


def test_runs_are_there_with_the_event_or_not_at_all(caller: Actor, slack: tuple[Integration, Provider]) -> None:
    row, _ = slack
    route = routed(caller, row)
    with contextlib.suppress(Killed), db.transaction(write=True) as session:
        events.publish(session, actor=caller, type="order.created", data={"id": "1"})
        raise Killed
    assert not runs(caller, route)
    publish(caller)
    assert [each.run.status for each in runs(caller, route)] == ["pending"]
    changed(caller, route, is_active=False)
    publish(caller)
    assert len(runs(caller, route)) == 1
    work(row)
    assert [(each.run.status, each.error) for each in runs(caller, route)] == [
        ("skipped", "The route was switched off before this was sent.")
    ]


def test_a_worker_killed_between_sending_and_storing_is_followed_by_another(
    caller: Actor, slack: tuple[Integration, Provider], monkeypatch: pytest.MonkeyPatch
) -> None:
    row, fake = slack
    route = routed(caller, row)
    publish(caller)
    with monkeypatch.context() as patch:
        patch.setattr(running, "_settle", _die)
        with pytest.raises(Killed):
            work(row)
    (left,) = runs(caller, route)
    assert (left.run.status, left.run.attempt_count) == ("sending", 1)
    with db.transaction(write=True) as session, pytest.raises(Conflict, match="at this moment"):
        service.run_again(session, actor=caller, route_id=route.id, run_id=left.run.id)
    assert work(row) == 0  # its lease has not ended: nobody takes the lane over
    assert running.free_left_behind() == 0
    with db.transaction(write=True) as session:  # as if it had been a worker whose heart no longer beats
        session.exec(select(RouteLane).where(RouteLane.integration_id == row.id)).one().owner = "run_gone/own_1"
    assert running.free_left_behind() == 1
    assert running.is_any_ready()
    assert running.work() == 1
    (done,) = runs(caller, route)
    assert (done.run.status, done.run.attempt_count, len(fake.acted)) == ("done", 2, 2)  # at least once


def test_a_calendar_event_is_made_once_though_its_worker_was_killed(
    caller: Actor, calendar: tuple[Integration, Provider], monkeypatch: pytest.MonkeyPatch
) -> None:
    row, fake = calendar
    with db.transaction(write=True) as session:
        modules.install(session, actor=caller, name="crm")
    mapping = {"data.subject": "summary", "data.dueAt": "start"}
    route = routed(caller, row, events=["task.created"], action="calendar_event", mapping=mapping)
    with db.transaction(write=True) as session:
        records.create(session, actor=caller, module="tasks", values={"subject": "Call Grace", "due_at": "2026-12-01T10:00:00Z"})
    with monkeypatch.context() as patch:
        patch.setattr(running, "_settle", _die)
        with pytest.raises(Killed):
            work(row)
    fake.answers = [(409, {"error": {"message": "duplicate"}})]
    later(row)
    work(row)
    first, second = sent(fake)
    assert first == second
    assert (first["summary"], first["start"]) == ("Call Grace", {"dateTime": "2026-12-01T10:00:00+00:00"})
    (done,) = runs(caller, route)
    assert (done.run.status, done.run.message) == ("done", "The event is there already.")


def test_a_429_holds_the_whole_lane_and_a_500_only_its_run(caller: Actor, slack: tuple[Integration, Provider]) -> None:
    row, fake = slack
    route = routed(caller, row)
    fake.answers = [(500, {}), (429, {"ok": False, "error": "ratelimited"})]
    for _ in range(3):
        publish(caller)
    work(row)
    first, second, third = (each.run for each in runs(caller, route))
    assert [run.status for run in (first, second, third)] == ["retrying", "retrying", "pending"]
    assert first.error == "Slack failed with 500."
    assert first.due_at is not None
    assert first.due_at > clock.now()
    assert "by themselves" in second.next_step
    later(row)
    work(row)
    assert [each.run.status for each in runs(caller, route)] == ["done", "done", "done"]
    assert len(fake.acted) == 5


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_route_is_led_elsewhere_without_waiting_for_a_worker(caller: Actor, slack: tuple[Integration, Provider]) -> None:
    row, _ = slack
    hook = {each.name: each.example for each in catalogue.get("slack").auth_of("webhook").fields if each.secret}
    route, other = routed(caller, row), consents.integration(caller, "slack", credentials=hook)
    publish(caller)
    publish(caller)
    held, free = (each.run.id for each in runs(caller, route))
    with ThreadPoolExecutor(1) as another, db.transaction(write=True) as session:
        session.exec(select(RouteRun).where(RouteRun.id == held).with_for_update()).one()  # as a worker that settles it
        another.submit(changed, caller, route, integration_id=other.id).result(20)
    where = {each.run.id: each.run.integration_id for each in runs(caller, route)}
    assert where == {held: row.id, free: other.id}
    work(row)
    assert {each.run.integration_id for each in runs(caller, route)} == {other.id}


def test_runs_wait_for_an_integration_that_is_away_and_go_when_it_is_back(caller: Actor, slack: tuple[Integration, Provider]) -> None:
    row, fake = slack
    route = routed(caller, row)
    with db.transaction(write=True) as session:
        integrations.disable(session, actor=caller, integration_id=row.id)
    publish(caller)
    assert work(row) == 0
    (waiting,) = runs(caller, route)
    assert (waiting.run.status, waiting.run.attempt_count) == ("pending", 0)
    assert (waiting.error, waiting.next_step) == (f"{row.name} is disabled.", "Enable the integration; what waits is sent then.")
    with db.transaction(write=True) as session:
        integrations.enable(session, actor=caller, integration_id=row.id)
        assert service.get(session, actor=caller, route_id=route.id).held is None
    later(row)
    fake.answers, fake.token_error = [(200, {"ok": False, "error": "token_expired"})], "invalid_refresh_token"
    work(row)
    (ended,) = runs(caller, route)  # the provider no longer takes the token: the run loses no try
    assert (ended.run.status, ended.run.failure_count) == ("retrying", 0)
    later(row)
    assert work(row) == 0
    (held,) = runs(caller, route)
    assert "Slack" in held.error
    assert held.next_step
    with db.transaction(write=True) as session:
        session.get_one(RouteRun, held.run.id).due_at = clock.now() - schedule.LONGEST_WAIT
    work(row)
    later(row)
    work(row)
    (over,) = runs(caller, route)
    assert (over.run.status, over.next_step) == ("failed", "Repair the integration, then run this again.")
    with db.transaction(write=True) as session:
        connection = session.get_one(Integration, row.id)
        connection.status = Status.ACTIVE
        assert service.run_failed_again(session, actor=caller, route_id=route.id) == 1
    work(row)
    assert [each.run.status for each in runs(caller, route)] == ["done"]


def test_what_cannot_be_sent_fails_at_once_with_cause_and_step_and_runs_again(caller: Actor, slack: tuple[Integration, Provider]) -> None:
    row, fake = slack
    route = routed(caller, row, mapping=[{"source": "data.note", "target": "text"}, CHANNEL])
    publish(caller)
    fake.answers = [(200, {"ok": False, "error": "channel_not_found"})]
    publish(caller, note="x")
    work(row)
    unfit, refused = runs(caller, route)
    assert (unfit.run.status, unfit.run.error_class, unfit.error) == ("failed", "mapping", "Text is empty for this event.")
    assert "default" in unfit.next_step
    assert refused.run.status == "failed"
    assert "channel_not_found" in refused.error
    assert refused.next_step
    with db.transaction() as session:  # the log of errors is told of the first in a row
        query = select(func.count()).select_from(ErrorEntry).where(ErrorEntry.kind == "route_failed")
        assert session.exec(query).one() == 1
    changed(caller, route, mapping=[TEXT, CHANNEL])
    for run in (unfit.run, refused.run):
        with db.transaction(write=True) as session:
            service.run_again(session, actor=caller, route_id=route.id, run_id=run.id)
    work(row)
    assert [each.run.status for each in runs(caller, route)] == ["done", "done"]


def test_wildcards_leave_out_what_is_told_twice_and_what_is_about_the_integration_itself(
    caller: Actor, slack: tuple[Integration, Provider]
) -> None:
    row, _ = slack
    with db.transaction(write=True) as session:
        modules.install(session, actor=caller, name="crm")
    routed(caller, row, events=["*"])
    routed(caller, row, events=["integration.*"])
    with db.transaction(write=True) as session:
        records.create(session, actor=caller, module="contacts", values={"email": "ada@example.com"})
    system = service.acting(routed(caller, row, is_active=False))
    about = {"provider": "slack", "name": "x", "error": "x"}
    publish(system, "integration.error", integration_id=row.id, **about)
    publish(system, "integration.error", integration_id="int_other", **about)
    assert [(each.run.event_type) for each in runs(caller)] == ["contact.created", "integration.error"]


def test_a_route_is_tried_with_the_newest_event_or_the_sample_and_for_real(caller: Actor, slack: tuple[Integration, Provider]) -> None:
    row, fake = slack
    route = routed(caller, row, filter={"field": "data.total", "op": "gte", "value": 100})
    tried = flows.try_out(actor=caller, route_id=route.id)
    assert (tried.source, tried.event["type"]) == ("sample", "order.cancelled")
    publish(caller)
    tried = flows.try_out(actor=caller, route_id=route.id)
    assert (tried.source, tried.words) == ("event", "To #orders:\nOrder 4711: 42.5")
    assert tried.refused == "Filtered out: data.total gte 100 (was 42.5)."
    assert not fake.acted
    done = flows.try_out(actor=caller, route_id=route.id, occasion=Occasion(type="order.created", data={"id": "1"}), send=True)
    assert done.sent is not None
    assert sent(fake) == [{"channel": "#orders", "text": "Order 1: "}]
    fake.answers = [(200, {"ok": False, "error": "channel_not_found"})]
    refused = flows.try_out(actor=caller, route_id=route.id, send=True)
    assert refused.failure is not None
    assert "channel_not_found" in refused.failure.cause
    assert [each.run.status for each in runs(caller, route)] == ["skipped"]


@pytest.mark.parametrize("value", ["\ud83d\0", int("9" * 4000)], ids=["half", "long"])
def test_an_event_goes_on_whatever_its_texts_and_numbers(caller: Actor, slack: tuple[Integration, Provider], value: object) -> None:
    row, fake = slack
    route = routed(caller, row, action="new_lead", mapping=[])
    publish(caller, note=value)
    tried = flows.try_out(actor=caller, route_id=route.id)
    assert RouteTestedOut.of(tried).model_dump_json()
    assert flows.try_out(actor=caller, route_id=route.id, send=True).sent is not None
    publish(caller, note="plain")
    assert work(row) == 2
    assert [(each.run.status, RunOut.of(each).model_dump_json() != "") for each in runs(caller, route)] == [("done", True)] * 2
    shown = "\ufffd\ufffd" if isinstance(value, str) else str(value)[:400]
    assert [f"Note: {told}" in str(body["text"]) for told, body in zip([shown, shown, "plain"], sent(fake), strict=True)] == [True] * 3


def test_a_run_that_cannot_be_begun_fails_and_holds_up_nothing(
    caller: Actor, slack: tuple[Integration, Provider], monkeypatch: pytest.MonkeyPatch
) -> None:
    row, _ = slack
    route, compose = routed(caller, row), actions.compose
    broken = [publish(caller) for _ in range(2)]
    publish(caller)
    with db.transaction(write=True) as session:
        session.get_one(Event, broken[0]).body = '{"type":'

    def break_off(action: actions.Action, rules: Sequence[Rule], event: Mapping[str, Any], provider: str) -> actions.Composed:
        if event["id"] == broken[1]:
            raise OverflowError
        return compose(action, rules, event, provider)

    monkeypatch.setattr(actions, "compose", break_off)
    work(row)
    first, second, third = runs(caller, route)
    assert (first.run.status, first.error, first.next_step) == ("failed", "The stored event cannot be read.", "Publish it again.")
    assert (second.run.status, second.run.error_class) == ("failed", "mapping")
    assert second.error.startswith("The mapping breaks off at this event")
    assert third.run.status == "done"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_mistake_in_a_route_is_named(caller: Actor, slack: tuple[Integration, Provider]) -> None:
    row, _ = slack
    wrong = {"name": "\n", "events": ["order.creatd", 4], "filter": {"field": "data.x", "op": "is"}, "integration_id": row.id}
    with pytest.raises(Invalid) as caught:
        routed(caller, row, **wrong, action="email", mapping=[{"source": "a[", "target": "text"}], is_active="yes")
    told = {error.path for error in caught.value.errors}
    assert told >= {"name", "events[0]", "events[1]", "filter.op", "action", "mapping[0].source", "is_active"}
    with pytest.raises(Invalid, match="text"):
        routed(caller, row, mapping=[CHANNEL])
    with pytest.raises(Invalid, match="txt"):
        routed(caller, row, mapping=[{"source": "data.id", "target": "txt"}])
    stranger = accounts.workspace("Strangers")
    with pytest.raises(Invalid, match="integration_id"):
        routed(stranger, row)
    route = routed(caller, row)
    with db.transaction(write=True) as session, pytest.raises(NotFound):
        service.delete(session, actor=stranger, route_id=route.id)


def _die(*_: object) -> None:
    raise Killed
