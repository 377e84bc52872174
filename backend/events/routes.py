"""`/api/v1/events`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Header, Query, Response
from sqlmodel import Session

from backend.core import judging, pagination, permissions, web
from backend.core.actor import Actor
from backend.core.errors import FieldError, Invalid, every
from backend.core.parameters import Cursor, Limit
from backend.event_types import service as event_types
from backend.events import outcomes, service
from backend.events.committer import committer
from backend.events.schemas import (
    EventAccepted,
    EventBatch,
    EventBatchAccepted,
    EventCreate,
    EventList,
    EventOut,
    EventSamples,
    WebhookOutcomeList,
    WebhookOutcomeOut,
)
from backend.idempotency import answers

router = web.Router(prefix="/events", tags=["events"])
KeyHeader = Annotated[str | None, Header(alias="Idempotency-Key", description="Instead of `idempotency_key` in the body.")]


@router.post("", status_code=202, **web.needs(permissions.EVENTS_WRITE))
@judging.cooperating
async def publish_event(body: EventCreate, actor: web.CurrentActor, response: Response, idempotency_key: KeyHeader = None) -> EventAccepted:
    """Publish an event. The answer comes once the event and its deliveries are durably stored."""
    published = await committer.submit(await _judged(actor, body, idempotency_key))
    if published.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return EventAccepted.of(published)


@router.post("/batch", status_code=202, **web.needs(permissions.EVENTS_WRITE))
def publish_events(
    body: EventBatch,
    session: web.WriteSession,
    actor: web.CurrentActor,
    response: Response,
    idempotency_key: answers.KeyHeader = None,
) -> EventBatchAccepted:
    """Publish up to 1,000 events, all or none."""
    return answers.once(
        session,
        actor=actor,
        route="POST /api/v1/events/batch",
        key=idempotency_key,
        body=body,
        response=response,
        make=lambda: _publish_all(session, actor, body),
        answer=EventBatchAccepted,
        status_code=202,
    )


@router.get("", **web.needs(permissions.EVENTS_READ))
def list_events(
    session: web.ReadSession,
    actor: web.CurrentActor,
    type: Annotated[str | None, Query(description="Only this event type.")] = None,  # noqa: A002 - the field's name
    since: Annotated[web.Moment | None, Query(description="At or after this time.")] = None,
    until: Annotated[web.Moment | None, Query(description="Before this time.")] = None,
    q: Annotated[str | None, Query(max_length=400, description="An id, a value in the payload, an idempotency key or a trace id.")] = None,
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> EventList:
    """Events, newest first."""
    page = service.list_events(session, actor=actor, type=type, since=since, until=until, q=q, limit=limit, cursor=cursor)
    return EventList.of(page, EventOut.of)


@router.get("/samples", **web.needs(permissions.EVENTS_READ))
def read_samples(session: web.ReadSession, actor: web.CurrentActor, event: str | None = None) -> EventSamples:
    """Sample data by event type, of one type or of all."""
    if event is not None:
        return EventSamples(data={event: event_types.sample(session, actor=actor, name=event)})
    return EventSamples(data={info.name: info.sample for info in event_types.all_types(session, actor=actor)})


@router.get("/{event_id}", **web.needs(permissions.EVENTS_READ))
def read_event(event_id: str, session: web.ReadSession, actor: web.CurrentActor) -> EventOut:
    """One event with its data, and the webhooks that it was not sent to and why."""
    return EventOut.of(service.get(session, actor=actor, event_id=event_id))


@router.get("/{event_id}/webhooks", **web.needs(permissions.WEBHOOKS_READ))
def list_event_webhooks(event_id: str, session: web.ReadSession, actor: web.CurrentActor) -> WebhookOutcomeList:
    """For each webhook, whether this event was sent to it, and if not, why; sent ones first."""
    found = outcomes.outcomes(session, actor=actor, event_id=event_id)
    return WebhookOutcomeList(data=[WebhookOutcomeOut.of(each) for each in found])


@router.get("/{event_id}/webhooks/{webhook_id}", **web.needs(permissions.WEBHOOKS_READ))
def read_event_webhook(event_id: str, webhook_id: str, session: web.ReadSession, actor: web.CurrentActor) -> WebhookOutcomeOut:
    """Whether this event was sent to one webhook, and if not, why."""
    return WebhookOutcomeOut.of(outcomes.outcome(session, actor=actor, event_id=event_id, webhook_id=webhook_id))


async def _judged(actor: Actor, event: EventCreate, header: str | None) -> service.Command:
    """The command, whose type the committer judges. Raises `Invalid` with every mistake, that of the type among them."""
    try:
        command, wrong = _command(actor, event, header=header), ()
    except Invalid as refusal:
        command, wrong = None, refusal.errors
    if command is not None and not judging.is_judged():
        return command
    unknown = await web.in_transaction(service.unknown_types, actor=actor, types={"type": event.type})
    if unknown or wrong:
        raise Invalid(*unknown, *wrong)
    raise judging.Judged


def _command(actor: Actor, event: EventCreate, *, path: str = "", header: str | None = None) -> service.Command:
    if header is not None and event.idempotency_key not in (None, header):
        raise Invalid(FieldError("idempotency_key", "differs from the Idempotency-Key header.", "Send one of them."))
    return service.command(
        actor=actor,
        type=event.type,
        data=event.data,
        idempotency_key=event.idempotency_key or header,
        occurred_at=event.occurred_at,
        path=path,
    )


def _publish_all(session: Session, actor: Actor, body: EventBatch) -> EventBatchAccepted:
    try:
        commands = every(*(partial(_command, actor, event, path=f"events[{index}].") for index, event in enumerate(body.events)))
    except Invalid as refusal:
        types = {f"events[{index}].type": event.type for index, event in enumerate(body.events)}
        raise Invalid(*service.unknown_types(session, actor=actor, types=types), *refusal.errors) from None
    return EventBatchAccepted(data=[EventAccepted.of(published) for published in service.publish_all(session, commands)])
