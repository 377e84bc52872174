"""Writing what came of attempts: one transaction for a batch of them, guarded by the run that made them.

A delivery that was taken from the run meanwhile (cancelled, or freed because the run was thought dead) keeps its state; its
attempt is logged all the same, since the receiver saw it.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection
from sqlmodel import Session

from backend.core import bulk, db, ids, queue
from backend.deliveries import health, lanes, rollups
from backend.deliveries.values import Claim, Exchange, Finished, Outcome, Status
from backend.webhooks import policy

_ATTEMPT = bulk.Insert(
    "attempt",
    (
        "id",
        "created_at",
        "workspace_id",
        "delivery_id",
        "event_id",
        "webhook_id",
        "number",
        "trigger",
        "outcome",
        "url",
        "status_code",
        "error_class",
        "error",
        "address",
        "started_at",
        "dns_ms",
        "connect_ms",
        "tls_ms",
        "first_byte_ms",
        "total_ms",
        "retry_at",
        "run_id",
    ),
)
_BODY = bulk.Insert(
    "attempt_body",
    (
        "attempt_id",
        "workspace_id",
        "request_headers",
        "response_headers",
        "response_body",
        "response_encoding",
        "response_truncated",
    ),
)
_HELD: Final = {"id": "text", "run_id": "text"}
_DELIVERY = bulk.update(
    "delivery",
    {
        "status": "text",
        "due_at": "timestamptz",
        "run_id": "text",
        "trigger": "text",
        "attempt_count": "int",
        "failure_count": "int",
        "last_status_code": "int",
        "error_class": "text",
        "error": "text",
        "duration_ms": "float8",
        "last_attempt_at": "timestamptz",
        "finished_at": "timestamptz",
        "delivered_at": "timestamptz",
    },
    _HELD,
)
_RELEASE = bulk.update("delivery", {"status": "text", "due_at": "timestamptz", "run_id": "text"}, _HELD)
_CANCEL = bulk.update("delivery", {"status": "text", "run_id": "text", "finished_at": "timestamptz", "error": "text"}, _HELD)
_Moment = Callable[[datetime | None], Any]
_rng = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Result:
    """An attempt with what follows from it: `decision` is None for a success and for an interruption."""

    claim: Claim
    exchange: Exchange
    outcome: Outcome
    decision: policy.Decision | None

    @property
    def retry_at(self) -> datetime | None:
        """When the next attempt is due, if there is one."""
        return self.decision.at if isinstance(self.decision, policy.Retry) else None

    @property
    def is_dead(self) -> bool:
        """Whether this was the last attempt, and failed."""
        return self.outcome is Outcome.FAILED and not isinstance(self.decision, policy.Retry)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An attempt that is judged, with its rows in the order of the columns above: all that needs no database."""

    result: Result
    attempt: tuple[Any, ...]
    body: tuple[Any, ...]
    delivery: tuple[Any, ...]

    @property
    def claim(self) -> Claim:
        """What was sent."""
        return self.result.claim

    @property
    def exchange(self) -> Exchange:
        """What came of it."""
        return self.result.exchange


def prepare(finished: Sequence[Finished], now: datetime, *, is_sqlite: bool) -> list[Prepared]:
    """Judge a batch of attempts, and make their rows as the database's driver takes them."""
    moment: _Moment = bulk.text if is_sqlite else _as_it_is
    return [_prepare(judge(each, now), now, moment) for each in finished]


def judge(finished: Finished, now: datetime) -> Result:
    """What follows from an attempt. A test send is never retried."""
    claim, exchange = finished.claim, finished.exchange
    if exchange.interrupted:
        return Result(claim, exchange, Outcome.INTERRUPTED, None)
    if exchange.error_class is None:
        return Result(claim, exchange, Outcome.DELIVERED, None)
    if claim.is_test:
        return Result(claim, exchange, Outcome.FAILED, policy.GiveUp("A test is sent once."))
    decision = policy.decide(
        claim.target.policy,
        failure_count=claim.failure_count + 1,
        status_code=exchange.status_code,
        retry_after=exchange.retry_after,
        error_class=exchange.error_class,
        now=now,
        rng=_rng,
    )
    return Result(claim, exchange, Outcome.FAILED, decision)


def write(session: Session, prepared: Sequence[Prepared], now: datetime) -> list[Result]:
    """Write a batch: attempts, deliveries, roll-ups, the webhooks' counters and states, and their lanes. Services' events come last."""
    if not prepared:
        return []
    results = [each.result for each in prepared]
    connection = session.connection()
    _ATTEMPT.run(connection, [each.attempt for each in prepared])
    _BODY.run(connection, [each.body for each in prepared])
    _DELIVERY.run(connection, [each.delivery for each in prepared])
    counted = [result for result in results if not result.claim.is_test and result.outcome is not Outcome.INTERRUPTED]
    rollups.add(connection, counted)
    states = health.update(session, counted, now)
    lanes.move(connection, results, now)
    health.announce(session, states, counted, now)
    for workspace_id in {result.claim.workspace_id for result in results}:
        db.after_commit(
            session,
            lambda workspace_id=workspace_id: queue.publish(workspace_id, "deliveries"),
            key=("deliveries", workspace_id),
        )
    return results


def release(session: Session, claims: Sequence[Claim], now: datetime) -> None:
    """Hand back deliveries that were claimed and not sent; they are due at once."""
    if not claims:
        return
    connection = session.connection()
    due = bulk.moment(connection, now)
    _RELEASE.run(connection, [(_resting(claim), due, None, claim.id, claim.run_id) for claim in claims])
    lanes.due(connection, {claim.webhook_id for claim in claims}, now)


def cancel(connection: Connection, delivery_ids: Sequence[str], run_id: str, now: datetime) -> None:
    """Cancel deliveries that cannot be sent any more: their webhook was deleted, or their event is gone."""
    at, error = bulk.moment(connection, now), "The webhook was deleted."
    _CANCEL.run(connection, [(Status.CANCELLED.value, None, at, error, each, run_id) for each in delivery_ids])


def _resting(claim: Claim) -> str:
    return (Status.RETRYING if claim.attempt_count else Status.WAITING).value


def _as_it_is(value: datetime | None) -> datetime | None:
    return value


def _prepare(result: Result, now: datetime, moment: _Moment) -> Prepared:
    identifier, at, sent = ids.new("att"), moment(now), moment(result.exchange.started_at)
    retry_at = moment(result.retry_at)
    return Prepared(
        result,
        _attempt(identifier, result, at, sent, retry_at),
        _body(identifier, result),
        _delivery(result, at, sent, retry_at),
    )


def _attempt(identifier: str, result: Result, at: Any, sent: Any, retry_at: Any) -> tuple[Any, ...]:
    claim, exchange = result.claim, result.exchange
    return (
        identifier,
        at,
        claim.workspace_id,
        claim.id,
        claim.event_id,
        claim.webhook_id,
        claim.attempt_count + 1,
        claim.trigger,
        result.outcome.value,
        claim.target.url,
        exchange.status_code,
        exchange.error_class and exchange.error_class.value,
        exchange.error,
        exchange.address,
        sent,
        exchange.dns_ms,
        exchange.connect_ms,
        exchange.tls_ms,
        exchange.first_byte_ms,
        exchange.total_ms,
        retry_at,
        claim.run_id,
    )


def _body(identifier: str, result: Result) -> tuple[Any, ...]:
    exchange = result.exchange
    text, encoding = _text(exchange.body, truncated=exchange.truncated)
    return (
        identifier,
        result.claim.workspace_id,
        orjson.dumps(exchange.request_headers).decode(),
        orjson.dumps(exchange.response_headers).decode(),
        text,
        encoding,
        exchange.truncated,
    )


def _text(body: bytes, *, truncated: bool) -> tuple[str, str]:
    """A body as it is stored: text if it is UTF-8 that a database takes, else base64."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        if not truncated or len(body) - error.start > 3:  # a cut may go through one character
            return base64.b64encode(body).decode(), "base64"
        text = body[: error.start].decode()
    return (base64.b64encode(body).decode(), "base64") if "\0" in text else (text, "text")


def _delivery(result: Result, at: Any, sent: Any, retry_at: Any) -> tuple[Any, ...]:
    claim, exchange = result.claim, result.exchange
    held = (claim.id, claim.run_id)
    last = (exchange.status_code, exchange.error_class and exchange.error_class.value, exchange.error, exchange.total_ms, sent)
    if result.outcome is Outcome.DELIVERED:
        return (Status.DELIVERED.value, None, None, claim.trigger, claim.attempt_count + 1, claim.failure_count, *last, at, at, *held)
    if result.outcome is Outcome.INTERRUPTED:
        # No outcome, no failure: the attempt is made again at once, under the next number.
        return (Status.RETRYING.value, at, None, "recovered", claim.attempt_count + 1, claim.failure_count, *last, None, None, *held)
    counts = (claim.attempt_count + 1, claim.failure_count + 1)
    if result.retry_at is not None:
        return (Status.RETRYING.value, retry_at, None, "schedule", *counts, *last, None, None, *held)
    return (Status.DEAD.value, None, None, claim.trigger, *counts, *last, at, None, *held)
