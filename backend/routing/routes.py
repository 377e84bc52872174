"""`/api/v1/routes`: events that lead to an action of an integration, their runs, and trying them out."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response

from backend.core import pagination, permissions, web
from backend.core.parameters import Cursor, Limit
from backend.idempotency import answers
from backend.idempotency.answers import KeyHeader
from backend.routing import flows, service
from backend.routing.schemas import (
    CapableList,
    CapableOut,
    RouteCreate,
    RouteList,
    RouteOut,
    RouteTest,
    RouteTestedOut,
    RouteUpdate,
    RunAgainOut,
    RunList,
    RunOut,
)

router = web.Router(prefix="/routes", tags=["routes"])


@router.get("", **web.needs(permissions.INTEGRATIONS_READ))
def list_routes(
    session: web.ReadSession,
    actor: web.CurrentActor,
    integration_id: Annotated[str | None, Query(description="Only those to this integration.")] = None,
    is_active: Annotated[bool | None, Query(description="Only those that are switched on, or off.", examples=[True])] = None,
    q: Annotated[str | None, Query(description="Part of a name, an id or an action.", examples=["orders"])] = None,
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> RouteList:
    """Routes, newest first, each with what it did and what holds it up."""
    page = service.list_routes(session, actor=actor, integration_id=integration_id, is_active=is_active, q=q, limit=limit, cursor=cursor)
    return RouteList.of(page, RouteOut.of)


@router.post("", status_code=201, **web.needs(permissions.INTEGRATIONS_WRITE))
def create_route(
    body: RouteCreate, session: web.WriteSession, actor: web.CurrentActor, response: Response, idempotency_key: KeyHeader = None
) -> RouteOut:
    """Lead events to an action of an integration. Each event makes a run in the same transaction; none is lost."""

    def make() -> RouteOut:
        return RouteOut.of(service.create(session, actor=actor, values=body.changes()))

    return answers.once(
        session, actor=actor, route="POST /api/v1/routes", key=idempotency_key, body=body, response=response, make=make, answer=RouteOut
    )


@router.get("/actions", **web.needs(permissions.INTEGRATIONS_READ))
def list_route_actions(session: web.ReadSession, actor: web.CurrentActor) -> CapableList:
    """The integrations that can be made to do something: each action with its inputs and a mapping to begin with."""
    return CapableList.whole(service.capable(session, actor=actor), CapableOut.of)


@router.get("/runs", **web.needs(permissions.INTEGRATIONS_READ))
def list_all_runs(
    session: web.ReadSession,
    actor: web.CurrentActor,
    event_id: Annotated[str | None, Query(description="Only those of this event.")] = None,
    status: Annotated[str | None, Query(description="pending, sending, retrying, done, failed or skipped.", examples=["failed"])] = None,
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> RunList:
    """Runs of all routes, newest first: by `event_id`, where an event went."""
    page = service.list_runs(session, actor=actor, event_id=event_id, status=status, limit=limit, cursor=cursor)
    return RunList.of(page, RunOut.of)


@router.get("/{route_id}", **web.needs(permissions.INTEGRATIONS_READ))
def read_route(route_id: str, session: web.ReadSession, actor: web.CurrentActor) -> RouteOut:
    """One route: its settings, what it did, and what holds it up."""
    return RouteOut.of(service.get(session, actor=actor, route_id=route_id))


@router.change("/{route_id}", **web.needs(permissions.INTEGRATIONS_WRITE))
def update_route(route_id: str, body: RouteUpdate, session: web.WriteSession, actor: web.CurrentActor) -> RouteOut:
    """Change a route; what is sent changes. Runs that wait follow the new settings."""
    return RouteOut.of(service.update(session, actor=actor, route_id=route_id, changes=body.changes()))


@router.delete("/{route_id}", status_code=204, **web.needs(permissions.INTEGRATIONS_DELETE))
def delete_route(route_id: str, session: web.WriteSession, actor: web.CurrentActor) -> None:
    """Delete a route. What waits is not sent any more."""
    service.delete(session, actor=actor, route_id=route_id)


@router.post("/{route_id}/test", **web.needs(permissions.INTEGRATIONS_OPERATE))
async def try_route(route_id: str, actor: web.CurrentActor, body: RouteTest | None = None) -> RouteTestedOut:
    """Tell what a route would make of an event, or do it with `send`. No run is kept of it."""
    given = body or RouteTest()
    return RouteTestedOut.of(await web.outside(flows.try_out, actor=actor, route_id=route_id, occasion=given.occasion(), send=given.send))


@router.get("/{route_id}/runs", **web.needs(permissions.INTEGRATIONS_READ))
def list_route_runs(
    route_id: str,
    session: web.ReadSession,
    actor: web.CurrentActor,
    status: Annotated[str | None, Query(description="pending, sending, retrying, done, failed or skipped.", examples=["failed"])] = None,
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> RunList:
    """Runs of a route, newest first: what was sent, or why not and what to do."""
    page = service.list_runs(session, actor=actor, route_id=route_id, status=status, limit=limit, cursor=cursor)
    return RunList.of(page, RunOut.of)


@router.post("/{route_id}/runs/retry", status_code=202, **web.needs(permissions.INTEGRATIONS_OPERATE))
def retry_failed_runs(route_id: str, session: web.WriteSession, actor: web.CurrentActor) -> RunAgainOut:
    """Carry out again what failed, the oldest thousand at once."""
    return RunAgainOut(runs=service.run_failed_again(session, actor=actor, route_id=route_id))


@router.get("/{route_id}/runs/{run_id}", **web.needs(permissions.INTEGRATIONS_READ))
def read_route_run(route_id: str, run_id: str, session: web.ReadSession, actor: web.CurrentActor) -> RunOut:
    """One run of a route."""
    return RunOut.of(service.get_run(session, actor=actor, route_id=route_id, run_id=run_id))


@router.post("/{route_id}/runs/{run_id}/retry", status_code=202, **web.needs(permissions.INTEGRATIONS_OPERATE))
def retry_route_run(route_id: str, run_id: str, session: web.WriteSession, actor: web.CurrentActor) -> RunOut:
    """Carry out a run again, whatever became of it. What was done is done twice, but for calendar events."""
    return RunOut.of(service.run_again(session, actor=actor, route_id=route_id, run_id=run_id))
