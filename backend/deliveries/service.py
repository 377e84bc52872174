"""Deliveries for people and programs: found, explained, retried, cancelled; and test sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session, col, select

from backend.audit import service as audit
from backend.core import actor as actors
from backend.core import clock, db, ids, jsjson, pagination, permissions, queue
from backend.core.actor import Actor
from backend.core.errors import Conflict, FieldError, Invalid, NotFound, TooLarge
from backend.deliveries import advice, lanes, queries, wire
from backend.deliveries.queries import Filter
from backend.deliveries.values import Status
from backend.event_types import service as event_types
from backend.models import Attempt, AttemptBody, Delivery, Event, Lane, Webhook
from backend.webhooks import backlog
from backend.webhooks import service as webhooks

TEST: Final = "test"
DEFAULT_TEST_TYPE: Final = "order.created"
MAX_DATA_BYTES: Final = 256 * 1024
_FINISHED: Final = (Status.DELIVERED, Status.DEAD, Status.CANCELLED)


@dataclass(frozen=True, slots=True)
class AttemptDetail:
    """One attempt with both exchanges. Times in milliseconds; headers are pairs of name and value as they went and came.

    Values of the webhook's own headers are dots. `kept` is False once the exchange was pruned; the attempt itself stays longer.
    """

    attempt: Attempt
    request_headers: list[tuple[str, str]]
    request_body: str
    response_headers: list[tuple[str, str]]
    response_body: str | None
    response_encoding: str
    response_truncated: bool
    kept: bool
    advice: str | None
    trace_id: str


@dataclass(frozen=True, slots=True)
class Missed:
    """What a webhook did not get: deliveries that are held for it, and events skipped while it is disabled. Each stops at 10,000."""

    held: int
    skipped: int


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe led to: the webhook's status now, what it had missed until then, and whether it was let go again."""

    status: str
    missed: Missed
    resumed: bool


def list_deliveries(
    session: Session,
    *,
    actor: Actor,
    webhook_id: str | None = None,
    event_id: str | None = None,
    event_type: str | None = None,
    kind: str | None = None,
    status: str | None = None,
    status_code: int | None = None,
    error_class: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    q: str | None = None,
    limit: int = pagination.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> pagination.Page[Delivery]:
    """A page of deliveries, newest first. `q` is the beginning of an id, or a value in the payload. Raises `Invalid`.

    `status` is one or more of waiting, sending, retrying, delivered, dead, cancelled, PENDING, RETRYING, SUCCESS, FAILED.
    """
    permissions.require(actor, permissions.WEBHOOKS_READ)
    wanted = Filter(
        webhook_id=webhook_id,
        event_id=event_id,
        event_type=event_type,
        kind=kind,
        status=status,
        status_code=status_code,
        error_class=error_class,
        since=since,
        until=until,
        q=q,
    )
    query = queries.matching(actor.workspace_id, wanted)
    return pagination.fetch(session, query, col(Delivery.id), limit=limit, cursor=cursor)


def counts(session: Session, *, actor: Actor, **wanted: Any) -> dict[str, pagination.Count]:
    """How many there are of each status and under `all`, by the same filters as the list; each stops at 10,000."""
    permissions.require(actor, permissions.WEBHOOKS_READ)
    return queries.counts(session, actor.workspace_id, Filter(**wanted))


def get(session: Session, *, actor: Actor, delivery_id: str, webhook_id: str | None = None) -> Delivery:
    """One delivery, of one webhook if that is given. Raises `NotFound`."""
    permissions.require(actor, permissions.WEBHOOKS_READ)
    found = _find(session, actor, delivery_id)
    if webhook_id is not None and found.webhook_id != webhook_id:
        raise NotFound("This webhook has no such delivery. Check both ids; GET /api/v1/deliveries tells the webhook of each.")
    return found


def attempts(session: Session, *, actor: Actor, delivery_id: str) -> list[AttemptDetail]:
    """The attempts of a delivery with both exchanges, newest first. Raises `NotFound`."""
    permissions.require(actor, permissions.WEBHOOKS_READ)
    delivery = _find(session, actor, delivery_id)
    body: str = session.exec(select(Event.body).where(col(Event.id) == delivery.event_id)).first() or ""
    return [_detail(attempt, exchange, body, delivery.trace_id) for attempt, exchange in queries.attempts(session, delivery_id)]


def retry(session: Session, *, actor: Actor, delivery_id: str) -> Delivery:
    """Make a delivery due now, at the start of its retry policy; the same event goes out again. Raises `NotFound`, `Conflict`."""
    permissions.require(actor, permissions.WEBHOOKS_OPERATE)
    delivery = _find(session, actor, delivery_id, lock=True)
    if delivery.kind == TEST:
        raise Conflict("This is a test send. Send a new test from the webhook instead.")
    if delivery.status == Status.SENDING:
        raise Conflict("It is being sent at this moment. Look again in a few seconds.")
    _require_sendable(session, actor, delivery)
    before, now = delivery.status, clock.now()
    delivery.status = (Status.RETRYING if delivery.attempt_count else Status.WAITING).value
    delivery.due_at, delivery.finished_at, delivery.failure_count = now, None, 0
    delivery.trigger, delivery.triggered_by = "manual", actor.id
    _changed(session, actor, delivery, "delivery.retried", before)
    lanes.due(session.connection(), {delivery.webhook_id}, now)
    db.after_commit(session, queue.wake_deliver)
    return delivery


def cancel(session: Session, *, actor: Actor, delivery_id: str) -> Delivery:
    """Stop trying a delivery that waits. Raises `NotFound`, `Conflict` if it is finished or being sent."""
    permissions.require(actor, permissions.WEBHOOKS_OPERATE)
    delivery = _find(session, actor, delivery_id, lock=True)
    if delivery.status == Status.CANCELLED:
        return delivery
    if delivery.status in _FINISHED:
        raise Conflict(f"It is {delivery.status} already, so there is nothing to cancel.")
    if delivery.status == Status.SENDING:
        raise Conflict("It is being sent at this moment and cannot be called back. Cancel it if it fails.")
    before = delivery.status
    delivery.status, delivery.due_at, delivery.finished_at = Status.CANCELLED.value, None, clock.now()
    delivery.error = f"Cancelled by {actor.name}." if actor.name else "Cancelled."
    _changed(session, actor, delivery, "delivery.cancelled", before)
    return delivery


def send_test(
    session: Session, *, actor: Actor, webhook_id: str, event: str | None = None, data: Mapping[str, Any] | None = None
) -> Delivery:
    """Send one event to one webhook now, first in line, whatever its state; it counts for nothing. Wait with `test_result`.

    `event` is any known type (the first that the webhook names if none is given), `data` its sample unless given. Raises
    `NotFound`, `Invalid`, `TooLarge`.
    """
    permissions.require(actor, permissions.WEBHOOKS_OPERATE)
    webhook = webhooks.get(session, actor=actors.system(actor.workspace_id), webhook_id=webhook_id)
    names = event_types.known_names(session, actor.workspace_id)
    type_name = event or next((name for name in webhook.event_types if name in names), DEFAULT_TEST_TYPE)
    if type_name not in names:
        raise Invalid(event_types.unknown(type_name, names, path="event"))
    sample = event_types.sample(session, actor=actors.system(actor.workspace_id), name=type_name)
    now, trace_id = clock.now(), actor.request_id or ids.new("trc")
    row = _test_event(actor, type_name, _data_text(sample if data is None else data), now, trace_id)
    delivery = Delivery(
        id=ids.new("dlv"),
        created_at=now,
        workspace_id=actor.workspace_id,
        event_id=row.id,
        webhook_id=webhook.id,
        event_type=type_name,
        kind=TEST,
        max_attempts=1,
        due_at=now,
        trigger="manual",
        triggered_by=actor.id,
        trace_id=trace_id,
    )
    session.add(row)
    session.flush()
    session.add(delivery)
    db.after_commit(session, queue.wake_deliver)
    return delivery


def test_result(session: Session, *, actor: Actor, delivery_id: str) -> AttemptDetail | None:
    """The outcome of a test send, None while there is none yet. Raises `NotFound`, also if its webhook was deleted meanwhile."""
    found = attempts(session, actor=actor, delivery_id=delivery_id)
    if not found and _find(session, actor, delivery_id).status == Status.CANCELLED:
        raise NotFound("The webhook was deleted before the test was sent.")
    return next((detail for detail in found if detail.attempt.outcome != "interrupted"), None)


def probe_state(session: Session, *, actor: Actor, webhook_id: str) -> Missed:
    """What a webhook that is paused, disabled or failing has missed so far. Raises `NotFound`."""
    permissions.require(actor, permissions.WEBHOOKS_READ)
    webhook = webhooks.get(session, actor=actors.system(actor.workspace_id), webhook_id=webhook_id)
    limit = pagination.COUNT_CAP
    return Missed(backlog.held(session, webhook, limit=limit), backlog.skipped(session, webhook, limit=limit))


def probe(session: Session, *, actor: Actor, webhook_id: str, event: str | None = None, resume: bool = False) -> Delivery:
    """A test send to find out whether a webhook's receiver works again; then call `probed`. Raises as `send_test` does.

    `resume` asks now for the right to let the webhook go afterwards.
    """
    if resume:
        permissions.require(actor, permissions.WEBHOOKS_WRITE)
    return send_test(session, actor=actor, webhook_id=webhook_id, event=event)


def probed(session: Session, *, actor: Actor, webhook_id: str, resume: bool, send: bool = True, begun: datetime | None = None) -> Probed:
    """What follows a probe. With `resume`, for one that succeeded, a disabled or paused webhook is started again.

    Not one that was disabled, paused or changed after the probe had `begun`: whoever did that knew more. `send` sends a disabled one what it missed,
    else that is skipped; a paused one always gets what waits. Raises `NotFound`, `Forbidden`.
    """
    permissions.require(actor, permissions.WEBHOOKS_OPERATE)
    found = probe_state(session, actor=actors.system(actor.workspace_id), webhook_id=webhook_id)
    webhook = webhooks.get(session, actor=actors.system(actor.workspace_id), webhook_id=webhook_id)
    later = begun is not None and (webhook.updated_at if webhook.disabled_at is None else webhook.disabled_at) > begun
    resumed = resume and webhook.state in {"disabled", "paused"} and not later
    if resumed:
        webhook = webhooks.enable(session, actor=actor, webhook_id=webhook_id, missed="send" if send else "skip")
    return Probed(webhooks.status(webhook).value, found, resumed)


def explain(delivery: Delivery, *, webhook: Webhook | None = None, lane: Lane | None = None, now: datetime | None = None) -> str:
    """Where a delivery stands, in one sentence; with its webhook and lane, also why nothing goes there at the moment."""
    return advice.explain(delivery, now=now or clock.now(), hold=_hold(webhook, lane, now or clock.now()))


def explain_all(session: Session, *, actor: Actor, deliveries: Sequence[Delivery]) -> dict[str, str]:
    """The sentence of each of these deliveries of the workspace, by id."""
    held, now = holds(session, actor=actor, deliveries=deliveries), clock.now()
    return {delivery.id: advice.explain(delivery, now=now, hold=held.get(delivery.id)) for delivery in deliveries}


def explain_one(session: Session, *, actor: Actor, delivery: Delivery, told: Callable[[datetime], str]) -> tuple[str, str | None]:
    """The sentence of a delivery of the workspace, and what holds it; moments are written by `told`."""
    hold = holds(session, actor=actor, deliveries=[delivery], told=told).get(delivery.id)
    return advice.explain(delivery, now=clock.now(), hold=hold, told=told), hold


def holds(
    session: Session, *, actor: Actor, deliveries: Sequence[Delivery], told: Callable[[datetime], str] | None = None
) -> dict[str, str]:
    """Why those of these deliveries that wait get no attempt at the moment (`the webhook is paused`), by id."""
    permissions.require(actor, permissions.WEBHOOKS_READ)
    wanted = {delivery.webhook_id for delivery in deliveries if delivery.due_at is not None}
    held: dict[str, tuple[Webhook, Lane | None]] = {}
    if wanted:
        query = (
            select(Webhook, Lane)
            .join(Lane, col(Lane.webhook_id) == col(Webhook.id), isouter=True)
            .where(col(Webhook.id).in_(wanted), col(Webhook.workspace_id) == actor.workspace_id)
        )
        held = {row[0].id: (row[0], row[1]) for row in session.exec(query).all()}
    now = clock.now()
    return {
        delivery.id: reason
        for delivery in deliveries
        if delivery.due_at is not None and delivery.webhook_id in held
        for reason in (_hold(*held[delivery.webhook_id], now, told),)
        if reason is not None
    }


def advise(delivery: Delivery) -> str | None:
    """What the last failure of a delivery means and what to do next; None if there was none."""
    return advice.advise(delivery.error_class, status_code=delivery.last_status_code, error=delivery.error)


def require_event(session: Session, *, actor: Actor, event_id: str) -> None:
    """Raise `NotFound` unless the workspace has this event."""
    permissions.require(actor, permissions.WEBHOOKS_READ)
    query = select(Event.id).where(col(Event.id) == event_id, col(Event.workspace_id) == actor.workspace_id)
    if session.exec(query).first() is None:
        raise NotFound("There is no such event in this workspace. Check the id; GET /api/v1/events lists them.")


def latest_failures(session: Session, *, actor: Actor, limit: int = 5) -> list[Delivery]:
    """The newest deliveries that are dead or failed their last attempt."""
    permissions.require(actor, permissions.WEBHOOKS_READ)
    return queries.latest_failures(session, actor.workspace_id, limit)


def _find(session: Session, actor: Actor, delivery_id: str, *, lock: bool = False) -> Delivery:
    query = select(Delivery).where(col(Delivery.id) == delivery_id, col(Delivery.workspace_id) == actor.workspace_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.exec(query).first()
    if found is None:
        raise NotFound("There is no such delivery in this workspace. Check the id; GET /api/v1/deliveries lists them.")
    return found


def _require_sendable(session: Session, actor: Actor, delivery: Delivery) -> None:
    query = select(Webhook).where(col(Webhook.id) == delivery.webhook_id, col(Webhook.workspace_id) == actor.workspace_id)
    webhook = session.exec(query).first()
    if webhook is None or webhook.deleted_at is not None:
        raise Conflict("Its webhook was deleted, so it cannot be sent any more. Replay the event to another webhook.")
    if webhook.state == "disabled":
        raise Conflict(f"Its webhook is disabled: {webhook.disabled_reason or ''} Enable the webhook, then retry.".replace("  ", " "))


def _changed(session: Session, actor: Actor, delivery: Delivery, action: str, before: str) -> None:
    session.flush()
    audit.record(
        session,
        actor=actor,
        action=action,
        target_kind="delivery",
        target_id=delivery.id,
        target_name=delivery.event_type,
        before={"status": before},
        after={"status": delivery.status},
    )
    workspace_id = delivery.workspace_id
    db.after_commit(session, lambda: queue.publish(workspace_id, "deliveries"), key=("deliveries", workspace_id))


def _data_text(data: Mapping[str, Any]) -> str:
    try:
        text = jsjson.stringify(dict(data))
    except jsjson.NotJson as error:
        raise Invalid(FieldError("data", str(error), "Send plain JSON: finite numbers, texts, lists and objects.")) from error
    if len(text.encode()) > MAX_DATA_BYTES:
        raise TooLarge(f"data has {len(text.encode()):,} bytes; at most {MAX_DATA_BYTES:,} are taken.")
    return text


def _test_event(actor: Actor, type_name: str, data: str, now: datetime, trace_id: str) -> Event:
    identifier = ids.new("evt")
    return Event(
        id=identifier,
        created_at=now,
        workspace_id=actor.workspace_id,
        type=type_name,
        occurred_at=now,
        body=wire.text(event_id=identifier, type_name=type_name, occurred_at=now, workspace_id=actor.workspace_id, data=data),
        kind=TEST,
        actor_kind=actor.kind.value,
        actor_id=actor.id,
        deliveries=1,
        trace_id=trace_id,
    )


def _detail(attempt: Attempt, exchange: AttemptBody | None, body: str, trace_id: str) -> AttemptDetail:
    sent = list(exchange.request_headers.items()) if exchange else []
    if sent:
        host = attempt.url.split("://", 1)[-1].split("/", 1)[0].split("?", 1)[0]
        sent = [("Host", host), *sent, ("Content-Length", str(len(body.encode())))]
    return AttemptDetail(
        attempt=attempt,
        request_headers=sent,
        request_body=body,
        response_headers=[(str(name), str(value)) for name, value in exchange.response_headers] if exchange else [],
        response_body=exchange.response_body if exchange else None,
        response_encoding=exchange.response_encoding if exchange else "text",
        response_truncated=exchange.response_truncated if exchange else False,
        kept=exchange is not None,
        advice=advice.advise(attempt.error_class, status_code=attempt.status_code, error=attempt.error),
        trace_id=trace_id,
    )


def _hold(webhook: Webhook | None, lane: Lane | None, now: datetime, told: Callable[[datetime], str] | None = None) -> str | None:
    if webhook is not None and webhook.deleted_at is not None:
        return "the webhook was deleted"
    if webhook is not None and webhook.state in {"paused", "disabled"}:
        return f"the webhook is {webhook.state}"
    if lane is not None and lane.blocked_until is not None and lane.blocked_until > now:
        if lane.blocked_reason == "retry_after":
            until = told(lane.blocked_until) if told is not None else f"{lane.blocked_until:%H:%M:%S} UTC"
            return f"the receiver asked for a pause until {until}"
        if lane.blocked_reason == "throttle":
            return "the webhook's rate limit is reached"
    return None
