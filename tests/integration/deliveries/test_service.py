from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from backend.core import clock, db, pagination, permissions
from backend.core.actor import Actor, Role
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.deliveries import service
from backend.models import Delivery, Webhook
from backend.webhooks import service as webhooks
from tests.factories import accounts
from tests.factories import deliveries as make
from tests.fakes import raw_receiver
from tests.fakes.raw_receiver import answering
from tests.integration.deliveries import shifts
from tests.integration.events import steps

pytestmark = pytest.mark.usefixtures("database")
NOWHERE = "https://example.com/hook"


@pytest.fixture
def actor() -> Actor:
    return accounts.workspace()


def change(identifier: str, **columns: Any) -> None:
    with db.transaction(write=True) as session:
        row = session.get_one(Delivery, identifier)
        for name, value in columns.items():
            setattr(row, name, value)


def found(actor: Actor, **wanted: Any) -> set[str]:
    with db.transaction() as session:
        return {row.id for row in service.list_deliveries(session, actor=actor, **wanted).data}


def test_a_list_is_filtered_by_everything_that_it_shows(actor: Actor):
    one, other = make.webhook(actor.workspace_id, NOWHERE), make.webhook(actor.workspace_id, NOWHERE)
    a, b = make.publish(one, count=2)
    (c,) = make.publish(other)
    change(a, status="delivered", last_status_code=200, due_at=None)
    change(b, status="dead", last_status_code=500, error_class="status", due_at=None)
    assert found(actor) == {a, b, c}
    assert found(actor, webhook_id=one.id) == {a, b}
    assert found(actor, status="delivered") == found(actor, status="SUCCESS") == {a}
    assert found(actor, status="FAILED") == {b}
    assert found(actor, status="pending") == {c}
    assert found(actor, status="dead,waiting") == {b, c}
    assert found(actor, status_code=500) == found(actor, error_class="status") == {b}
    assert found(actor, event_type="other.type") == set()
    assert found(actor, event_id=shifts.delivery(a).event_id) == {a}
    now = clock.now()
    assert found(actor, since=now - timedelta(minutes=1), until=now + timedelta(minutes=1)) == {a, b, c}
    assert found(actor, until=now - timedelta(minutes=1)) == set()
    with pytest.raises(Invalid, match="not a status"):
        found(actor, status="lost")


def test_a_delivery_is_found_by_the_beginning_of_any_id_and_by_a_value(actor: Actor):
    target = make.webhook(actor.workspace_id, NOWHERE)
    (a,) = make.publish(target, data='{"order_id":"4711","note":"say \\"hi\\" 100%"}')
    (b,) = make.publish(target, data='{"order_id":"4712"}')
    change(a, status="dead", due_at=None)
    assert found(actor, q=a) == {a}
    assert found(actor, q=shifts.delivery(b).event_id) == {b}
    assert found(actor, q=a[:8]) == {a, b}
    assert found(actor, q="4711") == {a}
    assert found(actor, q='say "hi" 100%') == {a}
    assert found(actor, q="4%1") == set()
    assert found(actor, q=target.id) == {a, b}


def test_counts_are_by_status(actor: Actor):
    target = make.webhook(actor.workspace_id, NOWHERE)
    a, *_ = make.publish(target, count=3)
    change(a, status="dead", due_at=None)
    with db.transaction() as session:
        counts = service.counts(session, actor=actor, webhook_id=target.id)
    assert {name: count.value for name, count in counts.items() if count.value} == {"all": 3, "waiting": 2, "dead": 1}
    assert not counts["all"].capped


def test_nothing_crosses_workspaces(actor: Actor):
    (identifier,) = make.publish(make.webhook(make.workspace(), NOWHERE))
    assert found(actor) == set()
    with db.transaction(write=True) as session:
        for call in (service.get, service.attempts, service.retry, service.cancel):
            with pytest.raises(NotFound):
                call(session, actor=actor, delivery_id=identifier)
        with pytest.raises(NotFound):
            service.require_event(session, actor=actor, event_id=shifts.delivery(identifier).event_id)


@pytest.mark.parametrize("state", ["dead", "delivered", "retrying", "cancelled"])
def test_a_retry_makes_it_due_now_at_the_start_of_its_policy(actor: Actor, state: str):
    with raw_receiver.running() as receiver:
        target = make.webhook(actor.workspace_id, receiver.url)
        later = clock.now() + timedelta(hours=5)
        (identifier,) = make.publish(target, due_at=later)
        change(identifier, status=state, attempt_count=3, failure_count=3, due_at=later if state == "retrying" else None)
        with db.transaction(write=True) as session:
            service.retry(session, actor=actor, delivery_id=identifier)
        shifts.shift(lambda: shifts.delivery(identifier).status == "delivered")
    (attempt,) = shifts.attempts(identifier)
    assert (attempt.number, attempt.trigger) == (4, "manual")
    row = shifts.delivery(identifier)
    assert (row.failure_count, row.triggered_by) == (0, actor.id)


def test_a_retry_is_refused_with_the_reason(actor: Actor):
    target = make.webhook(actor.workspace_id, NOWHERE, state="disabled", disabled_reason="Every attempt failed.")
    (identifier,) = make.publish(target)
    change(identifier, status="sending", due_at=None, run_id="run_1")
    with db.transaction(write=True) as session, pytest.raises(Conflict, match="being sent"):
        service.retry(session, actor=actor, delivery_id=identifier)
    change(identifier, status="dead", run_id=None)
    with db.transaction(write=True) as session, pytest.raises(Conflict, match="disabled: Every attempt failed"):
        service.retry(session, actor=actor, delivery_id=identifier)
    with db.transaction(write=True) as session:
        session.get_one(Webhook, target.id).deleted_at = clock.now()
    with db.transaction(write=True) as session, pytest.raises(Conflict, match="deleted"):
        service.retry(session, actor=actor, delivery_id=identifier)


def test_what_is_cancelled_is_not_sent(actor: Actor):
    with raw_receiver.running() as receiver:
        (identifier,) = make.publish(make.webhook(actor.workspace_id, receiver.url))
        with db.transaction(write=True) as session:
            service.cancel(session, actor=actor, delivery_id=identifier)
            service.cancel(session, actor=actor, delivery_id=identifier)
        shifts.shift(lambda: False, seconds=0.3)
        assert receiver.received == []
    change(identifier, status="delivered")
    with db.transaction(write=True) as session, pytest.raises(Conflict, match="delivered already"):
        service.cancel(session, actor=actor, delivery_id=identifier)


def test_roles_decide_who_may_retry_and_test(actor: Actor):
    target = make.webhook(actor.workspace_id, NOWHERE)
    (identifier,) = make.publish(target)
    with db.transaction(write=True) as session:
        viewer = accounts.member(session, actor.workspace_id, Role.VIEWER)
        support = accounts.member(session, actor.workspace_id, Role.SUPPORT)
        key = accounts.key_actor(actor.workspace_id, "webhooks:read")
        service.get(session, actor=viewer, delivery_id=identifier)
        for who in (viewer, key):
            for attempt in (
                lambda who=who: service.retry(session, actor=who, delivery_id=identifier),
                lambda who=who: service.cancel(session, actor=who, delivery_id=identifier),
                lambda who=who: service.send_test(session, actor=who, webhook_id=target.id),
            ):
                with pytest.raises(Forbidden):
                    attempt()
        service.retry(session, actor=support, delivery_id=identifier)
        assert permissions.allows(support, permissions.WEBHOOKS_OPERATE)


@pytest.mark.parametrize("state", ["active", "paused", "disabled"])
def test_a_test_is_sent_first_whatever_the_webhook_s_state_and_counts_for_nothing(actor: Actor, state: str):
    with raw_receiver.running(answering("500 Oops", body=b"no")) as receiver:
        target = make.webhook(actor.workspace_id, receiver.url, state=state)
        with db.transaction(write=True) as session:
            sent = service.send_test(session, actor=actor, webhook_id=target.id, event="ticket.created", data={"subject": "Hé", "n": 1.0})
        shifts.shift(lambda: shifts.delivery(sent.id).status == "dead")
        (received,) = receiver.received
    assert received.headers["x-webhook-event"] == "ticket.created"
    assert received.body.endswith('"data":{"subject":"Hé","n":1}}'.encode())
    with db.transaction() as session:
        result = service.test_result(session, actor=actor, delivery_id=sent.id)
        row = session.get_one(Webhook, target.id)
    assert result is not None
    assert (result.attempt.status_code, result.response_body, result.request_body) == (500, "no", received.body.decode())
    assert dict(result.request_headers)["Content-Length"] == str(len(received.body))
    assert result.advice
    assert (row.failure_count, row.consecutive_failures, row.state) == (0, 0, state)


def test_a_test_of_an_unknown_type_names_the_nearest(actor: Actor):
    target = make.webhook(actor.workspace_id, NOWHERE)
    with db.transaction(write=True) as session, pytest.raises(Invalid, match="not an event type"):
        service.send_test(session, actor=actor, webhook_id=target.id, event="order.creatd")


def test_a_sentence_says_why_a_delivery_waits(actor: Actor):
    target = make.webhook(actor.workspace_id, NOWHERE, state="paused")
    (identifier,) = make.publish(target)
    with db.transaction() as session:
        row = service.get(session, actor=actor, delivery_id=identifier)
        assert service.explain_all(session, actor=actor, deliveries=[row]) == {identifier: "Waiting: the webhook is paused"}


def test_the_latest_failures_are_those_that_failed_last(actor: Actor):
    target = make.webhook(actor.workspace_id, NOWHERE)
    a, b, c = make.publish(target, count=3)
    now = clock.now()
    change(a, status="dead", error_class="status", last_attempt_at=now, due_at=None)
    change(b, status="retrying", error_class="dns", last_attempt_at=now - timedelta(hours=1))
    change(c, status="delivered", due_at=None)
    with db.transaction() as session:
        assert [row.id for row in service.latest_failures(session, actor=actor)] == [a, b]


def test_a_retry_while_a_shift_is_at_work_is_sent_once(actor: Actor):
    with raw_receiver.running() as receiver:
        target = make.webhook(actor.workspace_id, receiver.url)
        (identifier,) = make.publish(target)

        def again() -> None:
            with db.transaction(write=True) as session:
                service.retry(session, actor=actor, delivery_id=identifier)

        started = threading.Event()

        def then() -> bool:
            if shifts.delivery(identifier).status == "delivered" and not started.is_set():
                started.set()
                again()
            return len(receiver.received) == 2 and shifts.delivery(identifier).status == "delivered"

        shifts.shift(then)
        assert len(shifts.attempts(identifier)) == 2


def missed_by(actor: Actor, webhook: Webhook) -> tuple[int, int]:
    with db.transaction() as session:
        state = service.probe_state(session, actor=actor, webhook_id=webhook.id)
        return state.held, state.skipped


def test_what_a_webhook_missed_is_what_is_held_and_what_was_skipped_while_it_is_disabled(actor: Actor, monkeypatch: pytest.MonkeyPatch):
    with db.transaction(write=True) as session:
        wanted = webhooks.WebhookInput(url=NOWHERE, events=["order.*"], filter={"field": "data.total", "op": "gt", "value": 1})
        target, _ = webhooks.create(session, actor=actor, input=wanted)
    publish = partial(steps.publish, actor)
    publish(data={"total": 2})
    publish(data={"total": 1})
    assert missed_by(actor, target) == (1, 0)
    steps.change("disable", actor, target.id)
    for total in (1, 2, 3):
        publish(data={"total": total})
    with db.transaction(write=True) as session:
        service.send_test(session, actor=actor, webhook_id=target.id)
    assert missed_by(actor, target) == (1, 2)
    monkeypatch.setattr(pagination, "COUNT_CAP", 1)
    assert missed_by(actor, target) == (1, 1)
    with db.transaction() as session, pytest.raises(NotFound):
        service.probe_state(session, actor=accounts.workspace("Other"), webhook_id=target.id)


def test_who_may_not_change_a_webhook_may_probe_but_not_resume_it(actor: Actor):
    support = Actor(actor.kind, actor.id, actor.workspace_id, name="Sue", role=Role.SUPPORT)
    target = make.webhook(actor.workspace_id, NOWHERE, state="disabled")
    with db.transaction(write=True) as session:
        assert service.probe(session, actor=support, webhook_id=target.id).kind == "test"
        with pytest.raises(Forbidden):
            service.probe(session, actor=support, webhook_id=target.id, resume=True)
        assert service.probed(session, actor=support, webhook_id=target.id, resume=False).status == "disabled"


def test_a_probe_does_not_start_a_webhook_that_was_disabled_after_it_had_begun(actor: Actor):
    begun = clock.now()
    target = make.webhook(actor.workspace_id, NOWHERE, state="disabled", disabled_at=begun + timedelta(seconds=1))
    with db.transaction(write=True) as session:
        found = service.probed(session, actor=actor, webhook_id=target.id, resume=True, begun=begun)
        assert (found.status, found.resumed) == ("disabled", False)
        found = service.probed(session, actor=actor, webhook_id=target.id, resume=True, begun=begun + timedelta(seconds=2))
        assert (found.status, found.resumed) == ("active", True)


def test_a_probe_does_not_start_a_webhook_that_was_paused_after_it_had_begun(actor: Actor):
    begun = clock.now()
    target = make.webhook(actor.workspace_id, NOWHERE)
    with db.transaction(write=True) as session:
        webhooks.pause(session, actor=actor, webhook_id=target.id)
        found = service.probed(session, actor=actor, webhook_id=target.id, resume=True, begun=begun)
        assert (found.status, found.resumed) == ("paused", False)
        found = service.probed(session, actor=actor, webhook_id=target.id, resume=True, begun=clock.now())
        assert (found.status, found.resumed) == ("active", True)
