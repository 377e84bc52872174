"""Which routes take an event, what follows a failure, and what a mapping makes of an event."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.core import filters
from backend.events import routings
from backend.events.routings import Routing
from backend.incoming import mapping
from backend.integrations.failures import Kind, failed
from backend.routing import actions, schedule
from backend.routing.schedule import Again, End, Wait
from backend.webhooks import policy

NOW = datetime(2026, 1, 31, tzinfo=UTC)
EVENT = {
    "id": "evt_1",
    "type": "order.created",
    "timestamp": "2026-01-31T09:30:00Z",
    "data": {"id": "4711", "total": 4, "tags": ["a", "b"]},
}


def routing(*events: str, condition: dict[str, Any] | None = None, to: str = "int_1") -> Routing:
    """A route to an integration."""
    return Routing("rte_1", to, events, filters.parse(condition) if condition else None)


def rules(*documents: dict[str, Any]) -> tuple[mapping.Rule, ...]:
    """A mapping as it is stored."""
    return mapping.stored(documents)


def text(words: str, target: str = "text") -> dict[str, Any]:
    """An entry that is a text with values in it."""
    return {"source": "", "target": target, "transform": {"name": "template", "text": words}}


def test_a_route_takes_exact_names_groups_and_everything() -> None:
    for taken in ("order.created", "order.*", "*"):
        assert [turn.skipped for turn in routings.match([routing(taken)], EVENT)] == [""]
    assert not routings.match([routing("lead.*")], EVENT)
    assert not routings.match([routing("*")], EVENT, by_star=False)  # a more specific event is published beside it
    assert routings.match([routing("*", "order.*")], EVENT, by_star=False)


def test_a_filter_that_refuses_says_which_condition() -> None:
    (turn,) = routings.match([routing("*", condition={"field": "data.total", "op": "gte", "value": 10})], EVENT)
    assert turn.skipped == "Filtered out: data.total gte 10 (was 4)."


def test_what_is_told_of_an_integration_does_not_go_through_it() -> None:
    event = {**EVENT, "type": "integration.error", "data": {"integration_id": "int_1"}}
    assert not routings.match([routing("integration.*")], event)
    assert routings.match([routing("integration.*", to="int_2")], event)
    assert not routings.match([routing("*", to="int_2")], event)  # nor through everything
    assert routings.match([routing("order.*")], {**EVENT, "data": {"integration_id": "int_1"}})


def test_what_passes_is_tried_again_by_the_delays_of_webhooks_then_ends() -> None:
    rng = random.Random(7)
    failure = failed(Kind.SERVER_ERROR, "It failed.").failure
    for count, delay in enumerate(policy.DEFAULT_SCHEDULE, 1):
        follows = schedule.after(failure, count, NOW, rng)
        assert isinstance(follows, Again)
        assert abs((follows.at - NOW).total_seconds() - delay) <= delay / 10
        assert follows.lane_until is None
    assert schedule.after(failure, len(policy.DEFAULT_SCHEDULE) + 1, NOW, rng) == End()
    assert schedule.after(failed(Kind.REJECTED, "No.").failure, 1, NOW, rng) == End()
    assert schedule.after(failed(Kind.INVALID_GRANT, "Gone.").failure, 1, NOW, rng) == Wait()


def test_a_429_holds_the_lane_for_as_long_as_it_asks() -> None:
    rng = random.Random(7)
    follows = schedule.after(failed(Kind.RATE_LIMITED, "Too many.", 900).failure, 1, NOW, rng)
    assert follows == Again(NOW + timedelta(seconds=900), NOW + timedelta(seconds=900))
    soon = schedule.after(failed(Kind.RATE_LIMITED, "Too many.").failure, 1, NOW, rng)
    assert isinstance(soon, Again)
    assert soon.lane_until == NOW + timedelta(seconds=1)


def test_inputs_are_made_of_an_event() -> None:
    mail = actions.ACTIONS["email"]
    composed = actions.compose(
        mail, rules({"source": "data.to", "target": "to"}, text("Order {data.id}", "subject"), text("{data.tags}, {{x}}")),
        {**EVENT, "data": {**EVENT["data"], "to": "a@example.com; b@example.com"}}, "gmail",
    )  # fmt: skip
    assert composed.inputs == {"to": ["a@example.com", "b@example.com"], "subject": "Order 4711", "text": "a, b, {x}"}
    assert actions.words(mail, composed.inputs).startswith("To: a@example.com, b@example.com\nSubject: Order 4711")
    lacking = actions.compose(mail, rules(text("x", "subject"), text("y")), EVENT, "gmail")
    assert [error.path for error in lacking.errors] == ["to"]


def test_what_an_event_says_mentions_nobody_in_slack() -> None:
    message, event = actions.ACTIONS["message"], {**EVENT, "data": {"note": "<!channel> & co"}}
    found = actions.compose(message, rules(text("<!here> {data.note}")), event, "slack")
    assert found.inputs["text"] == "<!here> &lt;!channel&gt; &amp; co"
    assert actions.compose(message, rules(text("{data.note}")), event, "sandbox").inputs["text"] == "<!channel> & co"


def test_a_message_about_data_shows_that_of_the_event_or_what_is_mapped() -> None:
    lead, event = actions.ACTIONS["new_lead"], {**EVENT, "data": {"id": "rec_1", "fullName": "Ada Byron", "module": "leads"}}
    constant = {"source": "", "target": "channel", "transform": {"name": "constant", "value": "#sales"}}
    found = actions.compose(lead, rules(constant), event, "slack")
    assert actions.words(lead, found.inputs) == "To #sales:\nNew lead\nFull name: Ada Byron"
    mapped = actions.compose(lead, rules({"source": "data.id", "target": "number"}), event, "slack")
    assert actions.words(lead, mapped.inputs) == "New lead\nNumber: rec_1"


@pytest.mark.parametrize("words", ["{", "a } b", "{}", "{ }", "{a[}", "{x}" * 51])
def test_a_template_that_cannot_be_read_is_told(words: str) -> None:
    errors: list[Any] = []
    mapping.parse([text(words)], targets=None, errors=errors)
    assert [error.path for error in errors] == ["field_mapping[0].transform"]
