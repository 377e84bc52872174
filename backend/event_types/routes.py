"""`/api/v1/event-types`."""

from __future__ import annotations

from fastapi import Response

from backend.core import pagination, permissions, web
from backend.core.parameters import Cursor, Limit
from backend.event_types import service
from backend.event_types.schemas import EventTypeCreate, EventTypeList, EventTypeOut, EventTypeUpdate
from backend.idempotency import answers
from backend.idempotency.answers import KeyHeader

router = web.Router(prefix="/event-types", tags=["event types"])


@router.get("", **web.needs(permissions.EVENTS_READ))
def list_event_types(
    session: web.ReadSession,
    actor: web.CurrentActor,
    archived: bool = False,  # noqa: FBT001, FBT002 - a query parameter
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> EventTypeList:
    """The event types that can be published and subscribed to, with their samples; the built-in ones first."""
    page = pagination.cut(service.all_types(session, actor=actor, archived=archived), service.place, limit=limit, cursor=cursor)
    return EventTypeList.of(page, EventTypeOut.model_validate)


@router.post("", status_code=201, **web.needs(permissions.EVENTS_WRITE))
def create_event_type(
    body: EventTypeCreate, session: web.WriteSession, actor: web.CurrentActor, response: Response, idempotency_key: KeyHeader = None
) -> EventTypeOut:
    """Add an event type of your own."""
    return answers.once(
        session,
        actor=actor,
        route="POST /api/v1/event-types",
        key=idempotency_key,
        body=body,
        response=response,
        make=lambda: EventTypeOut.model_validate(service.create(session, actor=actor, **body.model_dump())),
        answer=EventTypeOut,
    )


@router.get("/{name}", **web.needs(permissions.EVENTS_READ))
def read_event_type(name: str, session: web.ReadSession, actor: web.CurrentActor) -> EventTypeOut:
    """One event type with its sample and schema."""
    return EventTypeOut.model_validate(service.get(session, actor=actor, name=name))


@router.change("/{name}", **web.needs(permissions.EVENTS_WRITE))
def update_event_type(name: str, body: EventTypeUpdate, session: web.WriteSession, actor: web.CurrentActor) -> EventTypeOut:
    """Change an event type of your own; what is sent changes."""
    changes = body.model_dump(exclude_unset=True)
    return EventTypeOut.model_validate(service.update(session, actor=actor, name=name, changes=changes))


@router.delete("/{name}", status_code=204, **web.needs(permissions.EVENTS_DELETE))
def archive_event_type(name: str, session: web.WriteSession, actor: web.CurrentActor) -> None:
    """Archive an event type of your own: it can be published no more, its events stay."""
    service.archive(session, actor=actor, name=name)
