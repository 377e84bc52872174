"""What the routes of deliveries take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from backend.core.pagination import Tail
from backend.core.web import Body, ListOut, Out, TailOut
from backend.deliveries import service
from backend.deliveries.service import AttemptDetail, Probed
from backend.models import Delivery


class TestSend(Body):
    """What to send: the webhook's first event type and its sample, unless given."""

    event: str | None = Field(default=None, max_length=100, examples=["order.created"])
    data: dict[str, Any] | None = Field(default=None, description="Instead of the type's sample.")


class ProbeSend(Body):
    """A test send to a webhook that is disabled, paused or failing, and what is to follow if it succeeds."""

    event: str | None = Field(default=None, max_length=100, examples=["order.created"])
    resume: bool = Field(default=False, description="Start a disabled or paused webhook again if the probe succeeds.")
    missed: Literal["send", "skip"] = Field(default="send", description="What becomes of what a disabled webhook missed.")


class ResponseOut(Out):
    """What the receiver answered last."""

    status_code: int | None
    duration_ms: float | None
    headers: list[tuple[str, str]] | None = None
    body: str | None = None
    truncated: bool | None = None


class DeliveryOut(Out):
    """One event for one webhook, and where it stands."""

    id: str
    event_id: str
    webhook_id: str
    event: str
    kind: str = Field(description="event, test or replay")
    status: str = Field(description="waiting, sending, retrying, delivered, dead or cancelled")
    attempt: int = Field(description="Attempts with an outcome so far.")
    max_attempts: int
    explanation: str = Field(description="Where it stands, in one sentence.")
    error: str | None
    error_class: str | None
    advice: str | None = Field(description="What the last failure means and what to do next.")
    response: ResponseOut | None
    created_at: datetime
    last_attempt_at: datetime | None
    delivered_at: datetime | None
    next_retry_at: datetime | None
    replay_of: str | None = Field(description="The delivery that it repeats.")
    replay_id: str | None = Field(description="The replay that made it.")
    replay_reason: str | None
    trace_id: str

    @classmethod
    def of(cls, delivery: Delivery, explanation: str = "", last: AttemptDetail | None = None) -> DeliveryOut:
        """From its row, the sentence about it, and its last attempt where the whole answer is wanted."""
        return cls(
            id=delivery.id,
            event_id=delivery.event_id,
            webhook_id=delivery.webhook_id,
            event=delivery.event_type,
            kind=delivery.kind,
            status=delivery.status,
            attempt=delivery.attempt_count,
            max_attempts=delivery.max_attempts,
            explanation=explanation or service.explain(delivery),
            error=delivery.error,
            error_class=delivery.error_class,
            advice=service.advise(delivery),
            response=_response(delivery, last),
            created_at=delivery.created_at,
            last_attempt_at=delivery.last_attempt_at,
            delivered_at=delivery.delivered_at,
            next_retry_at=delivery.due_at if delivery.attempt_count else None,
            replay_of=delivery.replay_of,
            replay_id=delivery.replay_id,
            replay_reason=delivery.replay_reason,
            trace_id=delivery.trace_id,
        )


class DeliveryList(ListOut[DeliveryOut]):
    """One page, newest first."""


class DeliveryTail(TailOut[DeliveryOut]):
    """Deliveries that were made, oldest first."""

    @classmethod
    def of(cls, tail: Tail[Delivery], explanations: dict[str, str]) -> DeliveryTail:
        """From a tail and the sentences about its deliveries."""
        data = [DeliveryOut.of(delivery, explanations[delivery.id]) for delivery in tail.data]
        return cls(data=data, next_cursor=tail.next_cursor, has_more=tail.has_more)


class RequestPart(Out):
    """What went out. Values of the webhook's own headers are dots."""

    method: str = "POST"
    url: str
    headers: list[tuple[str, str]]
    body: str


class AnswerPart(Out):
    """What came back; the first 64 KiB of the body."""

    status_code: int | None
    headers: list[tuple[str, str]]
    body: str | None
    encoding: str = Field(description="text, or base64 for what is no text")
    truncated: bool


class TimesPart(Out):
    """Times in milliseconds; null for a step that did not happen, as on a connection that was open already."""

    dns_ms: float | None
    connect_ms: float | None
    tls_ms: float | None
    first_byte_ms: float | None
    total_ms: float


class AttemptOut(Out):
    """One HTTP request made for a delivery, with the whole exchange."""

    id: str
    delivery_id: str
    event_id: str
    webhook_id: str
    number: int
    trigger: str
    outcome: str = Field(description="delivered, failed or interrupted")
    success: bool
    status_code: int | None
    error: str | None
    error_class: str | None
    advice: str | None
    address: str | None = Field(description="The address that was connected to.")
    started_at: datetime
    retry_at: datetime | None
    request: RequestPart
    response: AnswerPart | None
    times: TimesPart
    trace_id: str = Field(description="That of its delivery and event: the call that led to them.")

    @classmethod
    def of(cls, detail: AttemptDetail) -> AttemptOut:
        """From what the service says."""
        row = detail.attempt
        answer = AnswerPart(
            status_code=row.status_code,
            headers=detail.response_headers,
            body=detail.response_body,
            encoding=detail.response_encoding,
            truncated=detail.response_truncated,
        )
        return cls(
            id=row.id,
            delivery_id=row.delivery_id,
            event_id=row.event_id,
            webhook_id=row.webhook_id,
            number=row.number,
            trigger=row.trigger,
            outcome=row.outcome,
            success=row.outcome == "delivered",
            status_code=row.status_code,
            error=row.error,
            error_class=row.error_class,
            advice=detail.advice,
            address=row.address,
            started_at=row.started_at,
            retry_at=row.retry_at,
            request=RequestPart(url=row.url, headers=detail.request_headers, body=detail.request_body),
            response=answer if row.status_code is not None else None,
            times=TimesPart.model_validate(row),
            trace_id=detail.trace_id,
        )


class ProbeOut(Out):
    """How a probe went, and how the webhook stands after it."""

    success: bool
    attempt: AttemptOut
    status: str = Field(description="The webhook's status now: active, failing, paused or disabled.")
    missed: int = Field(description="Events that waited or were skipped until now; stops at 10,000 of each.")
    resumed: bool = Field(description="Whether the webhook was started again.")

    @classmethod
    def of(cls, attempt: AttemptOut, probed: Probed) -> ProbeOut:
        """From the attempt and what the service says."""
        number = probed.missed.held + probed.missed.skipped
        return cls(success=attempt.success, attempt=attempt, status=probed.status, missed=number, resumed=probed.resumed)


class AttemptList(Out):
    """The attempts of a delivery, newest first; there are at most a few dozen."""

    data: list[AttemptOut]
    next_cursor: None = None
    has_more: bool = False


def _response(delivery: Delivery, last: AttemptDetail | None) -> ResponseOut | None:
    if delivery.last_status_code is None:
        return None
    if last is None:
        return ResponseOut(status_code=delivery.last_status_code, duration_ms=delivery.duration_ms)
    return ResponseOut(
        status_code=last.attempt.status_code,
        duration_ms=last.attempt.total_ms,
        headers=last.response_headers,
        body=last.response_body,
        truncated=last.response_truncated,
    )
