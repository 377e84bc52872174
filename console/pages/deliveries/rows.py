"""What the browser is told of deliveries and attempts."""

from __future__ import annotations

from dataclasses import dataclass, field

from backend.deliveries.advice import answer
from backend.deliveries.service import AttemptDetail
from backend.models import Attempt, Delivery
from console import words
from console.words import Told, told

ERROR_WORDS = {
    "dns": "Name not found",
    "refused": "Connection refused",
    "unreachable": "No route",
    "connect_timeout": "Connect timeout",
    "read_timeout": "Answer timeout",
    "tls": "TLS",
    "reset": "Connection closed",
    "protocol": "No HTTP answer",
    "redirect": "Redirect",
    "status": "Refused by status",
    "blocked": "Blocked by policy",
    "too_large": "Answer too large",
    "settings": "Settings",
}
_TRIGGERS = {
    "event": "",
    "schedule": "by the retry policy",
    "manual": "by hand",
    "replay": "by a replay",
    "recovered": "after a worker was lost",
}


@dataclass
class DeliveryRow:
    """A delivery in a list."""

    id: str
    status: str
    tries: str
    event: str
    webhook: str
    result: str
    duration: str
    next_at: str
    hold: str
    at: str
    mark: str


@dataclass
class AttemptRow:
    """One attempt with both exchanges, ready to show."""

    id: str = ""
    number: str = ""
    outcome: str = ""
    summary: str = ""
    trigger: str = ""
    advice: str = ""
    url: str = ""
    address: str = ""
    at: str = ""
    retry_at: str = ""
    times: list[list[str]] = field(default_factory=list)
    request_headers: list[list[str]] = field(default_factory=list)
    request_body: str = ""
    response_line: str = ""
    response_headers: list[list[str]] = field(default_factory=list)
    response_body: str = ""
    response_note: str = ""
    is_kept: bool = True


@dataclass
class DeliveryDetail:
    """A delivery on its own page."""

    id: str = ""
    status: str = ""
    sentence: Told = field(default_factory=Told)
    hold: Told = field(default_factory=Told)
    event: str = ""
    event_id: str = ""
    webhook: str = ""
    webhook_id: str = ""
    accepted: str = ""
    next_at: str = ""
    finished: str = ""
    attempts: str = ""
    is_test: bool = False
    can_retry: bool = False
    can_cancel: bool = False
    is_replay: bool = False
    can_replay: bool = False
    replay_of: str = ""
    replay_reason: str = ""
    replay_id: str = ""
    replay_by: str = ""
    trace: str = ""


def delivery_row(delivery: Delivery, webhook_name: str, hold: str = "") -> DeliveryRow:
    """A row of a list; `hold` says why nothing goes there at the moment."""
    waits = delivery.status in ("waiting", "retrying")
    return DeliveryRow(
        id=delivery.id,
        status=delivery.status,
        tries=f"{delivery.failure_count} of {delivery.max_attempts}" if delivery.status == "retrying" else "",
        event=delivery.event_type,
        webhook=webhook_name or delivery.webhook_id,
        result=_result(delivery.last_status_code, delivery.error_class),
        duration=words.duration(delivery.duration_ms) if delivery.duration_ms is not None else "",
        next_at=words.moment(delivery.due_at) if waits else "",
        hold=hold,
        at=words.moment(delivery.created_at),
        mark=delivery.kind if delivery.kind in ("test", "replay") else "",
    )


def delivery_detail(delivery: Delivery, webhook_name: str, sentence: str, hold: str | None, replay_by: str = "") -> DeliveryDetail:
    """All of a delivery but its attempts; `hold` is why nothing goes there now, `replay_by` who asked for the replay it is part of."""
    return DeliveryDetail(
        id=delivery.id,
        status=delivery.status,
        sentence=told(f"{sentence}."),
        hold=told(hold or ""),
        event=delivery.event_type,
        event_id=delivery.event_id,
        webhook=webhook_name or "Deleted webhook",
        webhook_id=delivery.webhook_id,
        accepted=words.moment(delivery.created_at),
        next_at=words.moment(delivery.due_at) if delivery.status in ("waiting", "retrying") and not hold else "",
        finished=words.moment(delivery.finished_at),
        attempts=_attempts(delivery),
        is_test=delivery.kind == "test",
        can_retry=delivery.kind != "test" and delivery.status != "sending" and not hold,
        can_cancel=delivery.status in ("waiting", "retrying"),
        is_replay=delivery.kind == "replay",
        can_replay=delivery.kind != "test" and delivery.status not in ("waiting", "sending"),
        replay_of=delivery.replay_of or "",
        replay_reason=delivery.replay_reason or "",
        replay_id=delivery.replay_id or "",
        replay_by=replay_by,
        trace=delivery.trace_id,
    )


def _attempts(delivery: Delivery) -> str:
    """How many were made of those planned; retries by hand come on top, and then a plan says nothing."""
    made, planned = delivery.attempt_count, delivery.max_attempts
    return f"{made} of {planned}" if made <= planned else str(made)


def attempt_row(detail: AttemptDetail) -> AttemptRow:
    """An attempt, its bodies bounded and JSON indented for reading."""
    attempt = detail.attempt
    body, cut = words.readable(detail.response_body or "")
    notes = ["truncated by us"] if detail.response_truncated or cut else []
    if detail.response_encoding == "base64":
        notes.append("not text, shown in base64")
    return AttemptRow(
        id=attempt.id,
        number=str(attempt.number),
        outcome=attempt.outcome,
        summary=_summary(attempt),
        trigger=_TRIGGERS.get(attempt.trigger, ""),
        advice=detail.advice or "",
        url=attempt.url,
        address=attempt.address or "",
        at=words.moment(attempt.started_at),
        retry_at=words.moment(attempt.retry_at),
        times=times(attempt),
        request_headers=[list(pair) for pair in detail.request_headers],
        request_body=words.readable(detail.request_body)[0],
        response_line=answer(attempt.status_code) if attempt.status_code else "No answer",
        response_headers=[list(pair) for pair in detail.response_headers],
        response_body=body,
        response_note=", ".join(notes),
        is_kept=detail.kept,
    )


def times(attempt: Attempt) -> list[list[str]]:
    """(phase, width, words) for each phase that took time: DNS, connect, TLS, waiting, body."""
    known = [("dns", attempt.dns_ms or 0.0), ("connect", attempt.connect_ms or 0.0), ("tls", attempt.tls_ms or 0.0)]
    before = sum(ms for _, ms in known)
    first = attempt.first_byte_ms
    known.append(("wait", max(0.0, (first if first is not None else attempt.total_ms) - before)))
    known.append(("body", max(0.0, attempt.total_ms - first) if first is not None else 0.0))
    whole = sum(ms for _, ms in known) or 1.0
    return [[phase, f"{100 * ms / whole:.2f}%", words.duration(ms)] for phase, ms in known if ms > 0]


def _result(status_code: int | None, error_class: str | None) -> str:
    if status_code is not None:
        return answer(status_code, error_class)
    return ERROR_WORDS.get(error_class or "", "")


def _summary(attempt: Attempt) -> str:
    took = words.duration(attempt.total_ms)
    if attempt.outcome == "interrupted":
        return "Interrupted by a restart; it counts as no failure"
    if attempt.status_code is not None:
        return f"{answer(attempt.status_code, attempt.error_class)} after {took}"
    return f"{ERROR_WORDS.get(attempt.error_class or '', 'Failed')} after {took}"
