"""What the routes of events take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from backend.core import jsjson, texts
from backend.core.web import Body, ListOut, Out
from backend.events.outcomes import Outcome, WebhookOutcome
from backend.events.service import Published
from backend.models import Event

MAX_BATCH = 1000


class EventCreate(Body):
    """One thing that happened."""

    type: str = Field(max_length=100, examples=["order.created"])
    data: dict[str, Any] = Field(description="Any JSON object, up to 256 KiB.", examples=[{"order_id": "4711", "total": 17}])
    idempotency_key: str | None = Field(default=None, description="The same key and body within 24 hours publish once.")
    occurred_at: datetime | None = Field(default=None, description="When it happened; now if left out.")


class EventBatch(Body):
    """Up to 1,000 events, published all or none."""

    events: list[EventCreate] = Field(min_length=1, max_length=MAX_BATCH)


class EventAccepted(Out):
    """The event is stored, with one delivery for each webhook that it goes to."""

    id: str
    type: str
    timestamp: datetime
    deliveries: int

    @classmethod
    def of(cls, published: Published) -> EventAccepted:
        """From what the service says."""
        return cls(id=published.id, type=published.type, timestamp=published.occurred_at, deliveries=published.deliveries)


class EventBatchAccepted(Out):
    """The events in the order in which they were sent."""

    data: list[EventAccepted]


class Skip(Out):
    """A webhook that wanted the type and was not sent to."""

    webhook_id: str
    reason: str
    detail: str


class EventOut(Out):
    """An event as it was accepted."""

    id: str
    type: str
    timestamp: datetime
    created_at: datetime
    data: dict[str, Any]
    deliveries: int
    skips: list[Skip]
    idempotency_key: str | None
    trace_id: str

    @classmethod
    def of(cls, event: Event) -> EventOut:
        """From its row."""
        return cls(
            id=event.id,
            type=event.type,
            timestamp=event.occurred_at,
            created_at=event.created_at,
            data=texts.readable(jsjson.parse(event.body)["data"]),
            deliveries=event.deliveries,
            skips=[Skip.model_validate(skip) for skip in event.skips],
            idempotency_key=event.idempotency_key,
            trace_id=event.trace_id,
        )


class EventList(ListOut[EventOut]):
    """One page, newest first."""


class EventSamples(Out):
    """The sample data of one event type, or of every type by its name."""

    data: dict[str, dict[str, Any]]


class WebhookOutcomeOut(Out):
    """What became of an event for one webhook, and why."""

    webhook_id: str
    name: str
    url: str
    outcome: Outcome
    sentence: str = Field(description="Why, in plain words.")
    delivery_id: str | None
    since: datetime | None = Field(description="When it came to that: delivered, paused, disabled, deleted, created.")
    until: datetime | None = Field(description="When that ended, or when the next try is.")
    condition: dict[str, Any] | None = Field(description="The part of the filter that did not hold.")
    rule: str | None = Field(description="What disabled the webhook: user, gone or all_attempts_failed.")

    @classmethod
    def of(cls, outcome: WebhookOutcome) -> WebhookOutcomeOut:
        """From what the service says."""
        return cls.model_validate(outcome)


class WebhookOutcomeList(Out):
    """What became of an event for each webhook, sent ones first."""

    data: list[WebhookOutcomeOut]
    next_cursor: None = None
    has_more: bool = False
