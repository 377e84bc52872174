"""What the browser is told of events and of what became of them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from backend.core.actor import ActorKind
from backend.events.outcomes import WebhookOutcome
from backend.events.search import Publisher, Tally
from backend.models import Event
from backend.routing.values import ListedRun
from console import words

TOLD = {
    "delivered": "delivered",
    "retrying": "retrying",
    "waiting": "waiting",
    "dead": "failed",
    "cancelled": "cancelled",
    "skipped": "skipped",
}
_GONE = ("deleted",)


@dataclass
class EventRow:
    """An event in the list; `is_own` ones Crossdock itself published.

    `outcomes` are pairs of a status and words such as `3 delivered` or `2 skipped`.
    """

    id: str
    type: str
    at: str
    skipped_why: str
    is_own: bool
    outcomes: list[list[str]] = field(default_factory=list)


@dataclass
class EventDetail:
    """An event on its own page."""

    id: str = ""
    type: str = ""
    sentence: str = ""
    payload: str = ""
    payload_note: str = ""
    occurred: str = ""
    accepted: str = ""
    idempotency_key: str = ""
    publisher: str = ""
    publisher_path: str = ""
    trace: str = ""
    is_test: bool = False


@dataclass
class OutcomeRow:
    """What became of an event for one webhook; `condition` is the group of its filter that did not hold, as JSON."""

    webhook_id: str
    name: str
    outcome: str
    sentence: str
    delivery_id: str
    condition: str
    is_deleted: bool


@dataclass
class RouteOutcomeRow:
    """What became of an event on one route."""

    id: str
    name: str
    path: str
    state: str
    told: str


def route_outcome_row(listed: ListedRun, name: str) -> RouteOutcomeRow:
    """A run of a route, from the event's side."""
    run = listed.run
    told = run.message if run.status == "done" else f"{listed.error} {listed.next_step}".strip()
    return RouteOutcomeRow(run.id, name, f"/settings/routes/{run.route_id}", run.status, told)


def event_row(event: Event, tally: Tally) -> EventRow:
    """A row of the list."""
    numbers = asdict(tally)
    numbers["skipped"] = len(event.skips)
    reasons = sorted({str(skip["reason"]).replace("_", " ") for skip in event.skips})
    return EventRow(
        id=event.id,
        type=event.type,
        at=words.moment(event.created_at),
        is_own=event.actor_kind == ActorKind.SYSTEM,
        skipped_why=f"Skipped: {', '.join(reasons)}" if reasons else "",
        outcomes=[[status, f"{words.number(numbers[status])} {told}"] for status, told in TOLD.items() if numbers[status]],
    )


def event_detail(event: Event, publisher: Publisher, found: list[WebhookOutcome]) -> EventDetail:
    """All of an event but its outcomes, which the sentence sums up."""
    payload, is_cut = words.readable(event.body)
    return EventDetail(
        id=event.id,
        type=event.type,
        sentence=_sentence(found),
        payload=payload,
        payload_note=f"The first 16 KB of {words.size(len(event.body.encode()))}. The API gives all of it." if is_cut else "",
        occurred=words.moment(event.occurred_at),
        accepted=words.moment(event.created_at),
        idempotency_key=event.idempotency_key or "",
        publisher=_name(publisher),
        publisher_path=f"/settings/api-keys/{publisher.id}" if publisher.kind == "key" and publisher.name else "",
        trace=event.trace_id,
        is_test=event.kind == "test",
    )


def outcome_row(found: WebhookOutcome) -> OutcomeRow:
    """One line of what became of an event."""
    return OutcomeRow(
        webhook_id=found.webhook_id,
        name=found.name,
        outcome=found.outcome,
        sentence=found.sentence,
        delivery_id=found.delivery_id or "",
        condition=json.dumps(found.condition, ensure_ascii=False) if found.condition and "field" not in found.condition else "",
        is_deleted=found.outcome in _GONE,
    )


def _sentence(found: list[WebhookOutcome]) -> str:
    """How many webhooks got it, are still to get it, and did not."""
    if not found:
        return "There was no webhook that it could have gone to."
    arrived = sum(each.outcome == "delivered" for each in found)
    under_way = sum(each.outcome in ("waiting", "sending", "retrying", "paused") for each in found)
    failed = sum(each.outcome == "dead" for each in found)
    rest = len(found) - arrived - under_way - failed
    parts = [
        f"{number} {what}"
        for number, what in ((arrived, "delivered"), (under_way, "under way"), (failed, "failed"), (rest, "not sent"))
        if number
    ]
    return f"Of {len(found)} webhook{'s' if len(found) != 1 else ''}: {', '.join(parts)}."


def _name(publisher: Publisher) -> str:
    if publisher.kind == "system":
        return "Crossdock itself"
    return publisher.name or ("A key that is gone" if publisher.kind == "key" else "A former member")
