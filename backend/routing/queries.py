"""The database's side of routes: finding and locking rows, lanes, conditions of lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import update
from sqlmodel import Session, col, func, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from backend.core import clock, ids
from backend.core.errors import FieldError, Invalid, NotFound
from backend.models import Event, Integration, Route, RouteLane, RouteRun, Workspace
from backend.webhooks import matching

STATUSES: Final = ("pending", "sending", "retrying", "done", "failed", "skipped")
_LOOKED_AT: Final = 25  # types of events, of which the newest is looked for


def one(session: Session, workspace_id: str, route_id: str, *, lock: bool = False) -> Route:
    """One route of a workspace. Raises `NotFound`."""
    query = select(Route).where(Route.id == route_id, *_own(workspace_id))
    found = session.exec(query.with_for_update().execution_options(populate_existing=True) if lock else query).first()
    if found is None:
        raise NotFound("There is no such route in this workspace. GET /api/v1/routes lists them.")
    return found


def run(session: Session, route: Route, run_id: str, *, lock: bool = False) -> RouteRun:
    """One run of a route. Raises `NotFound`."""
    query = select(RouteRun).where(RouteRun.id == run_id, RouteRun.workspace_id == route.workspace_id, RouteRun.route_id == route.id)
    found = session.exec(query.with_for_update().execution_options(populate_existing=True) if lock else query).first()
    if found is None:
        raise NotFound(f"There is no such run of this route. GET /api/v1/routes/{route.id}/runs lists them.")
    return found


def listed(workspace_id: str, *, integration_id: str | None, is_active: bool | None, q: str | None) -> SelectOfScalar[Route]:
    """Those of a workspace that are asked for."""
    query = select(Route).where(*_own(workspace_id))
    if integration_id:
        query = query.where(Route.integration_id == integration_id)
    if is_active is not None:
        query = query.where(col(Route.is_active).is_(is_active))
    if q and (wanted := q.strip()):
        query = query.where(or_(col(Route.name).icontains(wanted, autoescape=True), col(Route.id) == wanted, col(Route.action) == wanted))
    return query


def count(session: Session, workspace_id: str) -> int:
    """How many routes a workspace has."""
    return session.exec(select(func.count()).select_from(Route).where(*_own(workspace_id))).one()


def runs(workspace_id: str, route_id: str | None, *, status: str | None, event_id: str | None) -> SelectOfScalar[RouteRun]:
    """Runs of a route, or of all of a workspace. Raises `Invalid`."""
    query = select(RouteRun).where(RouteRun.workspace_id == workspace_id)
    if route_id:
        query = query.where(RouteRun.route_id == route_id)
    if event_id:
        query = query.where(RouteRun.event_id == event_id)
    if status:
        if status not in STATUSES:
            raise Invalid(FieldError("status", f"{status[:40]!r} is no status of runs.", f"Use one of {', '.join(STATUSES)}."))
        query = query.where(RouteRun.status == status)
    return query


def integrations(session: Session, workspace_id: str, identifiers: Iterable[str] | None = None) -> dict[str, Integration]:
    """The integrations of a workspace by id, or these of them."""
    query = select(Integration).where(Integration.workspace_id == workspace_id, col(Integration.deleted_at).is_(None))
    if identifiers is not None:
        query = query.where(col(Integration.id).in_(set(identifiers)))
    return {row.id: row for row in session.exec(query).all()}


def kept(session: Session, route: Route) -> dict[str, Integration]:
    """The integration that a route leads to, by id, also if it was deleted."""
    query = select(Integration).where(Integration.workspace_id == route.workspace_id, Integration.id == route.integration_id)
    return {row.id: row for row in session.exec(query).all()}


def lanes(session: Session, workspace_id: str, integration_ids: Iterable[str]) -> dict[str, RouteLane]:
    """The lanes to these integrations, by integration."""
    query = select(RouteLane).where(RouteLane.workspace_id == workspace_id, col(RouteLane.integration_id).in_(set(integration_ids)))
    return {row.integration_id: row for row in session.exec(query).all()}


def ensure_lane(session: Session, workspace_id: str, integration_id: str) -> None:
    """Have a lane to an integration."""
    if integration_id not in lanes(session, workspace_id, [integration_id]):
        session.add(RouteLane(id=ids.new("lan"), workspace_id=workspace_id, integration_id=integration_id))


def look_now(session: Session, route: Route) -> None:
    """Have whoever comes next look whether the integration of a route can be used, though it was to wait."""
    mine = (col(RouteLane.workspace_id) == route.workspace_id, col(RouteLane.integration_id) == route.integration_id)
    session.connection().execute(update(RouteLane).where(*mine).values(ready_at=None))


def advance(session: Session, route: Route) -> None:
    """Count a change of a route. The workspace's row is locked from here to the commit, so the newest change is the last one."""
    session.exec(select(Workspace.id).where(Workspace.id == route.workspace_id).with_for_update()).one()
    highest = session.exec(select(func.max(Route.revision)).where(Route.workspace_id == route.workspace_id)).one()
    route.revision, route.version, route.updated_at = (highest or 0) + 1, ids.new("rtv"), clock.now()
    session.add(route)
    session.flush()


def rehome(session: Session, route: Route) -> None:
    """Lead the runs of a route that are not over to the integration that it has now.

    One that a worker has at this moment is not waited for, since the worker may be waiting for the route: it is led there when it is
    next due.
    """
    waiting = (col(RouteRun.workspace_id) == route.workspace_id, col(RouteRun.route_id) == route.id, col(RouteRun.due_at).is_not(None))
    free = select(RouteRun.id).where(*waiting).with_for_update(skip_locked=True)
    session.connection().execute(update(RouteRun).where(col(RouteRun.id).in_(free)).values(integration_id=route.integration_id))


def event(session: Session, workspace_id: str, event_id: str) -> Event | None:
    """One event of a workspace."""
    return session.exec(select(Event).where(Event.id == event_id, Event.workspace_id == workspace_id)).first()


def newest_event(session: Session, workspace_id: str, patterns: Sequence[str], names: Iterable[str]) -> Event | None:
    """The newest event that these patterns take; of many types only the first by name are looked at."""
    wanted = [name for name in sorted(names) if matching.matches(patterns, name)]
    exact = [name for name in wanted if name in patterns]
    found: list[Event] = []
    for name in [*exact, *(name for name in wanted if name not in exact)][:_LOOKED_AT]:
        query = select(Event).where(Event.workspace_id == workspace_id, Event.type == name).order_by(col(Event.id).desc()).limit(1)
        found += session.exec(query).all()
    return max(found, key=lambda each: each.id, default=None)


def _own(workspace_id: str) -> list[Any]:
    return [col(Route.workspace_id) == workspace_id, col(Route.deleted_at).is_(None)]
