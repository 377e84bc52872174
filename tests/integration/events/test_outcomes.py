"""Why an event was not sent to a webhook: from what was stored when it was accepted, whatever changed since."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, delete, select

from backend.core import actor as actors
from backend.core import clock, db
from backend.core.actor import Actor
from backend.core.errors import Forbidden, NotFound
from backend.deliveries import service as deliveries
from backend.events import outcomes
from backend.events.outcomes import Outcome, WebhookOutcome
from backend.models import Delivery, Lane, WebhookChange
from backend.webhooks import policy
from tests.factories import accounts
from tests.integration.events.steps import change, publish, webhook

pytestmark = pytest.mark.usefixtures("database", "redis")

DAY = "%-d %b %Y %H:%M UTC"


def of(actor: Actor, event_id: str, webhook_id: str) -> WebhookOutcome:
    with db.transaction() as session:
        one = outcomes.outcome(session, actor=actor, event_id=event_id, webhook_id=webhook_id)
        among = [each for each in outcomes.outcomes(session, actor=actor, event_id=event_id) if each.webhook_id == webhook_id]
    assert among in ([one], [])
    return one


def listed(actor: Actor, event_id: str) -> dict[str, str]:
    with db.transaction() as session:
        return {each.webhook_id: each.outcome for each in outcomes.outcomes(session, actor=actor, event_id=event_id)}


def settle(event_id: str, **values: Any) -> str:
    """Give the one delivery of an event these values."""
    with db.transaction(write=True) as session:
        delivery = session.exec(select(Delivery).where(Delivery.event_id == event_id)).one()
        for name, value in values.items():
            setattr(delivery, name, value)
        session.add(delivery)
        return delivery.id


def disabled_by_rule(actor: Actor, webhook_id: str, *, rule: str, reason: str) -> None:
    system = actors.system(actor.workspace_id, "delivery")
    change("disable", system, webhook_id, rule=rule, reason=reason)


def changed_at(webhook_id: str, number: int) -> str:
    """When the webhook changed for the `number`-th time, as sentences say it."""
    with db.transaction() as session:
        query = select(WebhookChange).where(WebhookChange.webhook_id == webhook_id).order_by(col(WebhookChange.revision))
        return session.exec(query).all()[number - 1].created_at.strftime(DAY)


def test_what_arrived_by_a_replay_says_so() -> None:
    actor = accounts.workspace()
    target, event = webhook(actor, "order.*"), publish(actor)
    settle(event.id, kind="replay", status="delivered", due_at=None, attempt_count=1, last_status_code=200)
    found = of(actor, event.id, target)
    assert (found.outcome, found.sentence.endswith(" This is a replay.")) == ("delivered", True)


def test_a_delivery_that_arrived_says_when_and_how() -> None:
    actor = accounts.workspace()
    target, event, now = webhook(actor, "order.*"), publish(actor), clock.now()
    delivery = settle(
        event.id,
        status="delivered",
        due_at=None,
        delivered_at=now,
        finished_at=now,
        attempt_count=1,
        last_status_code=200,
        duration_ms=84.2,
    )
    found = of(actor, event.id, target)
    assert (found.outcome, found.sentence) == ("delivered", "Delivered: 200 after 84 ms.")
    assert (found.delivery_id, found.since, found.url, found.name) == (delivery, now, "https://example.com/h", "example.com")


def test_one_that_waits_says_when_the_next_try_is() -> None:
    actor, later = accounts.workspace(), clock.now() + timedelta(hours=2)
    target, event = webhook(actor, "order.*"), publish(actor)
    found = of(actor, event.id, target)
    assert (found.outcome, found.sentence, found.until) == ("waiting", "Waiting: due now.", None)
    settle(event.id, due_at=later)
    found = of(actor, event.id, target)
    assert (found.outcome, found.until) == ("waiting", later)
    assert found.sentence == f"Waiting; the next try is at {later.strftime(DAY)}."


def test_one_that_failed_says_how_and_when_it_is_tried_again() -> None:
    actor, later = accounts.workspace(), clock.now() + timedelta(days=3)
    target, event = webhook(actor, "order.*"), publish(actor)
    failed = {"attempt_count": 2, "failure_count": 2, "last_status_code": 503, "duration_ms": 84.0, "error": "…", "error_class": "status"}
    settle(event.id, status="retrying", due_at=later, **failed)
    found = of(actor, event.id, target)
    assert (found.outcome, found.until) == ("retrying", later)
    assert found.sentence.startswith("Retrying: 503 Service Unavailable after 84 ms; next try at ")
    settle(event.id, status="dead", due_at=None, finished_at=later)
    found = of(actor, event.id, target)
    assert (found.outcome, found.since) == ("dead", later)
    assert found.sentence == "Failed for good after 2 attempts: 503 Service Unavailable after 84 ms."


def test_one_whose_receiver_asked_for_a_pause_waits_until_its_end() -> None:
    actor, later = accounts.workspace(), clock.now() + timedelta(minutes=9)
    target, event = webhook(actor, "order.*"), publish(actor)
    with db.transaction(write=True) as session:
        lane = session.get_one(Lane, target)
        lane.blocked_until, lane.blocked_reason = later, "retry_after"
    found = of(actor, event.id, target)
    assert (found.outcome, found.until) == ("waiting", later)
    assert "the receiver asked for a pause until" in found.sentence


def test_one_that_is_being_sent_or_was_cancelled_says_so() -> None:
    actor = accounts.workspace()
    target, event = webhook(actor, "order.*"), publish(actor)
    delivery = settle(event.id, status="sending", due_at=None, run_id="run_1")
    assert of(actor, event.id, target).outcome == "sending"
    settle(event.id, status="waiting", due_at=clock.now(), run_id=None)
    with db.transaction(write=True) as session:
        deliveries.cancel(session, actor=actor, delivery_id=delivery)
    found = of(actor, event.id, target)
    assert (found.outcome, found.sentence) == ("cancelled", f"Cancelled by {actor.name}.")


def test_one_that_a_pause_holds_says_since_when_and_what_lets_it_go() -> None:
    actor = accounts.workspace()
    target = webhook(actor, "order.*")
    change("pause", actor, target)
    event = publish(actor)
    found = of(actor, event.id, target)
    assert (found.outcome, found.delivery_id is None) == ("paused", False)
    assert found.sentence == f"Paused since {changed_at(target, 2)}; it goes out when the webhook is resumed."
    change("resume", actor, target)
    assert of(actor, event.id, target).outcome == "waiting"


def test_what_a_filter_refused_names_the_condition_and_the_value_although_the_filter_changed_since() -> None:
    actor = accounts.workspace()
    condition = {"field": "data.total", "op": "gte", "value": 100}
    target = webhook(actor, "order.*", filter={"all": [{"field": "type", "op": "exists", "value": True}, condition]})
    event = publish(actor, data={"total": 42.5})
    change("update", actor, target, changes={"filter": None, "events": ["lead.created"]})
    found = of(actor, event.id, target)
    assert (found.outcome, found.delivery_id, found.condition) == ("filtered", None, condition)
    assert found.sentence == "Filtered out: data.total gte 100 did not hold (it was 42.5)."


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"field": "data.city", "op": "eq", "value": "Oslo"}, 'data.city eq "Oslo" did not hold (it was absent).'),
        ({"field": "data.city", "op": "exists", "value": True}, "data.city exists did not hold."),
        ({"not": {"field": "data.total", "op": "lt", "value": 50}}, "not (data.total lt 50) did not hold."),
        (
            {"any": [{"field": "data.total", "op": "gt", "value": 50}, {"field": "data.total", "op": "eq", "value": 1}]},
            "none of these held: data.total gt 50 (was 42.5) and data.total eq 1 (was 42.5).",
        ),
    ],
)
def test_every_kind_of_condition_is_told_in_words(wanted: dict[str, Any], sentence: str) -> None:
    actor = accounts.workspace()
    target = webhook(actor, "order.*", filter=wanted)
    found = of(actor, publish(actor, data={"total": 42.5}).id, target)
    assert (found.outcome, found.condition, found.sentence) == ("filtered", wanted, f"Filtered out: {sentence}")


@pytest.mark.parametrize("value", ["\ud83d", int("9" * 4000)], ids=["half", "long"])
def test_an_event_is_explained_whatever_its_texts_and_numbers(value: Any) -> None:
    actor = accounts.workspace()
    target = webhook(actor, "order.*", "webhook.failing", filter={"field": "data.total", "op": "lt", "value": 10})
    found = of(actor, publish(actor, data={"total": 10, "note": value}).id, target)
    assert (found.outcome, found.sentence) == ("filtered", "Filtered out: data.total lt 10 did not hold (it was 10).")
    about = publish(actor, type="webhook.failing", data={"webhook_id": target, "note": value})
    assert of(actor, about.id, target).sentence == "Not sent: this event reports on this webhook itself."


def test_what_was_not_subscribed_then_is_told_by_the_types_of_then() -> None:
    actor = accounts.workspace()
    target, everything = webhook(actor, "order.*", "lead.created"), webhook(actor, "*")
    event = publish(actor, type="contact.created")
    change("update", actor, target, changes={"events": ["contact.created"]})
    found = of(actor, event.id, target)
    assert (found.outcome, found.sentence) == ("not_subscribed", "Not subscribed: at that time it took order.*, lead.created only.")
    assert of(actor, publish(actor, type="contact.created").id, target).outcome == "waiting"
    operational = publish(actor, type="webhook.failing", data={"webhook_id": "whk_x"})
    assert of(actor, operational.id, everything).sentence.startswith("Not subscribed: * does not include webhook.failing")


def test_a_report_on_a_webhook_never_goes_to_that_webhook() -> None:
    actor = accounts.workspace()
    target = webhook(actor, "webhook.failing")
    found = of(actor, publish(actor, type="webhook.failing", data={"webhook_id": target}).id, target)
    assert (found.outcome, found.sentence) == ("not_subscribed", "Not sent: this event reports on this webhook itself.")


def test_what_a_disabled_webhook_missed_says_since_when_and_by_whom() -> None:
    actor = accounts.workspace()
    target = webhook(actor, "order.*")
    change("disable", actor, target)
    event = publish(actor)
    since = changed_at(target, 2)
    found = of(actor, event.id, target)
    assert (found.outcome, found.rule, found.until) == ("disabled", "user", None)
    assert found.sentence == f"Disabled since {since} by {actor.name}."
    change("update", actor, target, changes={"timeout": 3})
    change("enable", actor, target)
    change("disable", actor, target, reason="Moving house")
    later = of(actor, event.id, target)
    assert (later.since, later.until is None) == (found.since, False)
    assert later.sentence == f"Disabled from {since} to {changed_at(target, 4)} by {actor.name}."
    assert of(actor, publish(actor).id, target).sentence == f"Disabled since {changed_at(target, 5)}: Moving house."


@pytest.mark.parametrize(
    ("rule", "reason", "words"),
    [
        (policy.RULE_FAILING, policy.disabled_reason(5, 31), "failing for 5 days"),
        (policy.RULE_FAILING, policy.disabled_reason(1, 20), "failing for 1 day"),
        (policy.RULE_GONE, policy.GONE, "410 Gone"),
    ],
)
def test_what_was_disabled_by_a_rule_names_it(rule: str, reason: str, words: str) -> None:
    actor = accounts.workspace()
    target = webhook(actor, "order.*")
    held = publish(actor)
    disabled_by_rule(actor, target, rule=rule, reason=reason)
    skipped = publish(actor)
    since = changed_at(target, 2)
    found = of(actor, skipped.id, target)
    assert (found.outcome, found.rule, found.delivery_id) == ("disabled", rule, None)
    assert found.sentence == f'Disabled since {since} by the rule "{words}".'
    waiting = of(actor, held.id, target)
    assert (waiting.outcome, waiting.rule, waiting.delivery_id is None) == ("disabled", rule, False)
    assert waiting.sentence.startswith(f'Disabled since {since} by the rule "{words}". It is held')
    change("enable", actor, target, missed="send")
    assert {of(actor, event.id, target).outcome for event in (held, skipped)} == {"waiting"}


def test_one_that_was_created_disabled_says_no_more_than_that() -> None:
    actor = accounts.workspace()
    target = webhook(actor, "order.*", is_active=False)
    found = of(actor, publish(actor).id, target)
    assert (found.outcome, found.sentence) == ("disabled", f"Disabled since {changed_at(target, 1)}: It was created disabled.")


def test_webhooks_that_came_later_or_went_before_are_told_apart() -> None:
    actor = accounts.workspace()
    gone, going = webhook(actor, "order.*"), webhook(actor, "order.*")
    never = webhook(actor, "lead.created")
    change("delete", actor, gone)
    event = publish(actor)
    change("delete", actor, going)
    change("delete", actor, never)
    later = webhook(actor, "order.*")
    assert listed(actor, event.id) == {going: "deleted", never: "not_subscribed", later: "created_later"}
    assert of(actor, event.id, later).sentence.startswith("Created after this event, on ")
    assert of(actor, event.id, going).sentence.endswith(", before this was sent.")
    found = of(actor, event.id, gone)
    assert (found.outcome, found.delivery_id) == ("deleted", None)
    assert found.sentence.startswith("Deleted before this event, on ")


def test_what_arrived_counts_for_more_than_what_came_later() -> None:
    actor = accounts.workspace()
    target, event, now = webhook(actor, "order.*"), publish(actor), clock.now()
    first = settle(event.id, status="delivered", due_at=None, delivered_at=now, finished_at=now, attempt_count=1, last_status_code=200)
    with db.transaction(write=True) as session:
        session.add(_copy(session, first, status="dead", error="x", attempt_count=1))
    found = of(actor, event.id, target)
    assert (found.outcome, found.delivery_id) == ("delivered", first)


def test_a_delivery_that_is_not_kept_any_more_is_not_called_unsent() -> None:
    actor = accounts.workspace()
    target, event = webhook(actor, "order.*"), publish(actor)
    with db.transaction(write=True) as session:
        session.exec(delete(Delivery).where(col(Delivery.event_id) == event.id))
    found = of(actor, event.id, target)
    assert (found.outcome, found.sentence) == ("deleted", "It was taken for this webhook; its delivery is not kept any more.")


def test_a_test_send_concerns_its_own_webhook_only() -> None:
    actor = accounts.workspace()
    target, other = webhook(actor, "order.*"), webhook(actor, "order.*")
    change("pause", actor, target)
    with db.transaction(write=True) as session:
        sent = deliveries.send_test(session, actor=actor, webhook_id=target)
    assert listed(actor, sent.event_id) == {target: "waiting"}
    found = of(actor, sent.event_id, other)
    assert (found.outcome, found.delivery_id) == ("not_subscribed", None)
    assert "test" in found.sentence


def test_those_that_were_sent_come_first_then_by_name() -> None:
    actor = accounts.workspace()
    webhook(actor, "lead.created", name="A")
    webhook(actor, "order.*", name="D")
    webhook(actor, "order.*", name="c")
    webhook(actor, "order.*", name="B", is_active=False)
    event = publish(actor)
    with db.transaction() as session:
        found = outcomes.outcomes(session, actor=actor, event_id=event.id)
    assert [each.name for each in found] == ["c", "D", "B", "A"]
    order = list(Outcome)
    assert [order.index(Outcome(each.outcome)) for each in found] == sorted(order.index(Outcome(each.outcome)) for each in found)


def test_another_workspace_learns_nothing() -> None:
    actor, other = accounts.workspace("Mine"), accounts.workspace("Other")
    target, theirs = webhook(actor, "order.*"), webhook(other, "order.*")
    event = publish(actor)
    assert theirs not in listed(actor, event.id)
    with db.transaction() as session:
        for stranger, webhook_id in ((other, target), (other, theirs)):
            with pytest.raises(NotFound, match="event"):
                outcomes.outcome(session, actor=stranger, event_id=event.id, webhook_id=webhook_id)
        with pytest.raises(NotFound, match="event"):
            outcomes.outcomes(session, actor=other, event_id=event.id)
        with pytest.raises(NotFound, match="webhook"):
            outcomes.outcome(session, actor=actor, event_id=event.id, webhook_id=theirs)
        with pytest.raises(Forbidden):
            outcomes.outcomes(session, actor=accounts.key_actor(actor.workspace_id, "events:read"), event_id=event.id)


def _copy(session: Session, delivery_id: str, **values: Any) -> Delivery:
    kept = session.get_one(Delivery, delivery_id).model_dump()
    return Delivery(**kept | {"id": f"{delivery_id}z", "delivered_at": None} | values)
