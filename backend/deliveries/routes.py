"""`/api/v1/deliveries`, and what of `/api/v1/webhooks` and `/api/v1/events` is about deliveries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import Depends, Query
from fastapi.responses import StreamingResponse
from sqlmodel import Session

from backend.core import actor as actors
from backend.core import pagination, permissions, web
from backend.core.actor import Actor
from backend.core.errors import Unavailable
from backend.core.parameters import Limit, StatusCode
from backend.deliveries import log, service
from backend.deliveries.queries import Filter
from backend.deliveries.schemas import AttemptList, AttemptOut, DeliveryList, DeliveryOut, DeliveryTail, ProbeOut, ProbeSend, TestSend
from backend.logs import export
from backend.logs.export import Form, Format, Source
from backend.logs.parameters import After, Cursor, Since, Until
from backend.models import Delivery
from backend.webhooks import service as webhooks

router = web.Router(tags=["deliveries"])

_TEST_MARGIN_SECONDS = 5.0
_TEST_POLL_SECONDS = (0.02, 0.2)

Status = Annotated[
    str | None, Query(description="waiting, sending, retrying, delivered, dead, cancelled; PENDING, RETRYING, SUCCESS, FAILED too.")
]
Search = Annotated[str | None, Query(max_length=200, description="The beginning of an id, or a value in the payload.")]


@router.get("/deliveries", **web.needs(permissions.WEBHOOKS_READ))
def list_deliveries(
    session: web.ReadSession,
    actor: web.CurrentActor,
    webhook_id: str | None = None,
    event_id: str | None = None,
    event: Annotated[str | None, Query(description="Only this event type.")] = None,
    kind: Annotated[str | None, Query(description="event, test or replay.")] = None,
    status: Status = None,
    status_code: StatusCode = None,
    error_class: str | None = None,
    since: Annotated[web.Moment | None, Query(description="At or after this time.")] = None,
    until: Annotated[web.Moment | None, Query(description="Before this time.")] = None,
    q: Search = None,
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> DeliveryList:
    """Deliveries, newest first."""
    return _listed(
        session,
        actor,
        webhook_id=webhook_id,
        event_id=event_id,
        event_type=event,
        kind=kind,
        status=status,
        status_code=status_code,
        error_class=error_class,
        since=since,
        until=until,
        q=q,
        limit=limit,
        cursor=cursor,
    )


@router.get("/deliveries/{delivery_id}", **web.needs(permissions.WEBHOOKS_READ))
def read_delivery(delivery_id: str, session: web.ReadSession, actor: web.CurrentActor) -> DeliveryOut:
    """One delivery, with the whole of the last answer."""
    return _shown(session, actor, service.get(session, actor=actor, delivery_id=delivery_id))


@router.get("/deliveries/{delivery_id}/attempts", **web.needs(permissions.WEBHOOKS_READ))
def list_attempts(delivery_id: str, session: web.ReadSession, actor: web.CurrentActor) -> AttemptList:
    """Every attempt with both exchanges, newest first."""
    found = service.attempts(session, actor=actor, delivery_id=delivery_id)
    return AttemptList(data=[AttemptOut.of(detail) for detail in found])


@router.post("/deliveries/{delivery_id}/retry", status_code=202, **web.needs(permissions.WEBHOOKS_OPERATE))
def retry_delivery(delivery_id: str, session: web.WriteSession, actor: web.CurrentActor) -> DeliveryOut:
    """Send it again now, with all its retries."""
    return _shown(session, actor, service.retry(session, actor=actor, delivery_id=delivery_id))


@router.post("/deliveries/{delivery_id}/cancel", **web.needs(permissions.WEBHOOKS_OPERATE))
def cancel_delivery(delivery_id: str, session: web.WriteSession, actor: web.CurrentActor) -> DeliveryOut:
    """Stop trying it."""
    return _shown(session, actor, service.cancel(session, actor=actor, delivery_id=delivery_id))


@router.post("/webhooks/{webhook_id}/test", **web.needs(permissions.WEBHOOKS_OPERATE))
async def send_test(webhook_id: str, actor: web.CurrentActor, body: TestSend | None = None) -> AttemptOut:
    """Send one event to this webhook now and wait for the outcome: the whole exchange, whether it succeeded or not."""
    wish = body or TestSend()
    return await _await_outcome(service.send_test, actor=actor, webhook_id=webhook_id, event=wish.event, data=wish.data)


@router.post("/webhooks/{webhook_id}/probe", **web.needs(permissions.WEBHOOKS_OPERATE))
async def probe_webhook(webhook_id: str, actor: web.CurrentActor, body: ProbeSend | None = None) -> ProbeOut:
    """Send a test to a webhook that is disabled, paused or failing; on success start it again if `resume` asks for that."""
    wish = body or ProbeSend()
    attempt = await _await_outcome(service.probe, actor=actor, webhook_id=webhook_id, event=wish.event, resume=wish.resume)
    resume = wish.resume and attempt.success
    probed = await web.in_transaction(
        service.probed,
        write=resume,
        actor=actor,
        webhook_id=webhook_id,
        resume=resume,
        send=wish.missed == "send",
        begun=attempt.started_at,
    )
    return ProbeOut.of(attempt, probed)


@router.get("/webhooks/{webhook_id}/deliveries", **web.needs(permissions.WEBHOOKS_READ))
@router.get("/webhooks/{webhook_id}/events", name="list_webhook_events", **web.needs(permissions.WEBHOOKS_READ))
def list_webhook_deliveries(
    webhook_id: str,
    session: web.ReadSession,
    actor: web.CurrentActor,
    event: str | None = None,
    status: Status = None,
    since: Annotated[web.Moment | None, Query(description="At or after this time.")] = None,
    until: Annotated[web.Moment | None, Query(description="Before this time.")] = None,
    q: Search = None,
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> DeliveryList:
    """The deliveries of one webhook, newest first."""
    webhooks.get(session, actor=actor, webhook_id=webhook_id)
    return _listed(
        session,
        actor,
        webhook_id=webhook_id,
        event_type=event,
        status=status,
        since=since,
        until=until,
        q=q,
        limit=limit,
        cursor=cursor,
    )


@router.get("/webhooks/{webhook_id}/deliveries/{delivery_id}", **web.needs(permissions.WEBHOOKS_READ))
def read_webhook_delivery(webhook_id: str, delivery_id: str, session: web.ReadSession, actor: web.CurrentActor) -> DeliveryOut:
    """One delivery of a webhook."""
    return _shown(session, actor, service.get(session, actor=actor, delivery_id=delivery_id, webhook_id=webhook_id))


@router.post("/webhooks/{webhook_id}/deliveries/{delivery_id}/retry", status_code=202, **web.needs(permissions.WEBHOOKS_OPERATE))
def retry_webhook_delivery(webhook_id: str, delivery_id: str, session: web.WriteSession, actor: web.CurrentActor) -> DeliveryOut:
    """Send one delivery of a webhook again now."""
    service.get(session, actor=actors.system(actor.workspace_id), delivery_id=delivery_id, webhook_id=webhook_id)
    return _shown(session, actor, service.retry(session, actor=actor, delivery_id=delivery_id))


@router.post("/webhooks/deliveries/{delivery_id}/retry", status_code=202, **web.needs(permissions.WEBHOOKS_OPERATE))
def retry_any_delivery(delivery_id: str, session: web.WriteSession, actor: web.CurrentActor) -> DeliveryOut:
    """The same by the delivery's id alone."""
    return _shown(session, actor, service.retry(session, actor=actor, delivery_id=delivery_id))


@router.get("/events/{event_id}/deliveries", **web.needs(permissions.WEBHOOKS_READ))
def list_event_deliveries(
    event_id: str,
    session: web.ReadSession,
    actor: web.CurrentActor,
    status: Status = None,
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> DeliveryList:
    """The deliveries of one event, newest first."""
    service.require_event(session, actor=actor, event_id=event_id)
    return _listed(session, actor, event_id=event_id, status=status, limit=limit, cursor=cursor)


# Async though it waits for nothing: else FastAPI runs it in a thread of its pool.
async def _log_filter(
    webhook_id: str | None = None,
    event_id: str | None = None,
    event: Annotated[str | None, Query(description="Only this event type.")] = None,
    kind: Annotated[str | None, Query(description="event, test or replay.")] = None,
    status: Status = None,
    status_code: StatusCode = None,
    error_class: str | None = None,
    since: Since = None,
    until: Until = None,
    q: Search = None,
) -> Filter:
    return Filter(
        webhook_id=webhook_id,
        event_id=event_id,
        event_type=event,
        kind=kind,
        status=status,
        status_code=status_code,
        error_class=error_class,
        since=since,
        until=until,
        q=q,
    )


LogFilter = Annotated[Filter, Depends(_log_filter)]


@router.get("/logs/webhooks", tags=["logs"], **web.needs(permissions.LOGS_READ))
def list_webhook_log(
    session: web.ReadSession, actor: web.CurrentActor, wanted: LogFilter, limit: Limit = pagination.DEFAULT_LIMIT, cursor: Cursor = None
) -> DeliveryList:
    """What was sent to webhooks, newest first: each delivery with where it stands and its last answer."""
    page = log.list_log(session, actor=actor, wanted=wanted, limit=limit, cursor=cursor)
    explained = _explained(session, actor, page.data)
    return DeliveryList.of(page, lambda delivery: DeliveryOut.of(delivery, explained[delivery.id]))


@router.get("/logs/webhooks/tail", tags=["logs"], **web.needs(permissions.LOGS_READ))
def tail_webhook_log(
    session: web.ReadSession,
    actor: web.CurrentActor,
    wanted: LogFilter,
    limit: Limit = pagination.DEFAULT_LIMIT,
    after: After = pagination.NOW,
) -> DeliveryTail:
    """Deliveries as they are made, oldest first: ask again with `next_cursor`, at once while `has_more`, else in a moment."""
    tail = log.tail_log(session, actor=actor, wanted=wanted, cursor=after, limit=limit)
    return DeliveryTail.of(tail, _explained(session, actor, tail.data))


@router.get("/logs/webhooks/export", tags=["logs"], responses=export.RESPONSES, **web.needs(permissions.LOGS_READ))
async def export_webhook_log(actor: web.CurrentActor, wanted: LogFilter, form: Format = Form.CSV) -> StreamingResponse:
    """Deliveries as a file, as many as the filters mean."""
    return await export.answer(Source("webhooks", log.sought(actor, wanted), DeliveryOut, DeliveryOut.of), form)


@router.get("/logs/webhooks/{delivery_id}", tags=["logs"], **web.needs(permissions.LOGS_READ))
def get_webhook_log_entry(delivery_id: str, session: web.ReadSession, actor: web.CurrentActor) -> DeliveryOut:
    """One delivery, with the whole of the last answer."""
    return _shown(session, actor, service.get(session, actor=actors.system(actor.workspace_id), delivery_id=delivery_id))


async def _await_outcome(send: Callable[..., Delivery], *, actor: Actor, webhook_id: str, **wish: Any) -> AttemptOut:
    """The outcome of the test delivery that `send` makes, once there is one. Raises `Unavailable` if no worker takes it."""
    delivery_id, timeout = await web.in_transaction(_send, write=True, send=send, actor=actor, webhook_id=webhook_id, wish=wish)
    deadline, reader = time.monotonic() + timeout + _TEST_MARGIN_SECONDS, actors.system(actor.workspace_id)
    pause, longest = _TEST_POLL_SECONDS
    while time.monotonic() < deadline:
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, longest)
        found = await web.in_transaction(service.test_result, actor=reader, delivery_id=delivery_id)
        if found is not None:
            return AttemptOut.of(found)
    raise Unavailable(f"No worker has sent the test {delivery_id} yet. Check under Monitoring that a deliver worker runs.", retry_after=5)


def _send(session: Session, *, send: Callable[..., Delivery], actor: Actor, webhook_id: str, wish: dict[str, Any]) -> tuple[str, float]:
    delivery = send(session, actor=actor, webhook_id=webhook_id, **wish)
    return delivery.id, webhooks.get(session, actor=actors.system(actor.workspace_id), webhook_id=webhook_id).timeout_seconds


def _listed(session: Session, actor: Actor, **wanted: Any) -> DeliveryList:
    page = service.list_deliveries(session, actor=actor, **wanted)
    explained = service.explain_all(session, actor=actor, deliveries=page.data)
    return DeliveryList.of(page, lambda delivery: DeliveryOut.of(delivery, explained[delivery.id]))


def _explained(session: Session, actor: Actor, deliveries: Sequence[Delivery]) -> dict[str, str]:
    """The sentence about each, for whoever may read logs although it may not read webhooks."""
    return service.explain_all(session, actor=actors.system(actor.workspace_id), deliveries=deliveries)


def _shown(session: Session, actor: Actor, delivery: Delivery) -> DeliveryOut:
    reader = actors.system(actor.workspace_id)  # who may send it again is shown it, whether its key may read or not
    found = service.attempts(session, actor=reader, delivery_id=delivery.id)
    explained = service.explain_all(session, actor=reader, deliveries=[delivery])
    return DeliveryOut.of(delivery, explained[delivery.id], found[0] if found else None)
