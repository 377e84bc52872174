"""Routes of a workspace: made, read, changed, tried; their runs listed and made to run again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import update as sql_update
from sqlmodel import Session, col, select

from backend.audit import service as audit
from backend.core import actor as actors
from backend.core import clock, db, filters, ids, jsjson, pagination, permissions, queue, texts
from backend.core.actor import Actor
from backend.core.errors import Conflict, CrossdockError, FieldError, Invalid, NotFound
from backend.event_types import service as event_types
from backend.events import body, routings
from backend.incoming import mapping
from backend.integrations import catalogue
from backend.models import Integration, Route, RouteRun
from backend.routing import actions, inputs, queries, schedule
from backend.routing.values import Capable, Held, Listed, ListedRun, Occasion, Tried
from backend.webhooks import matching

TOPIC: Final = "routes"
MAX_ROUTES: Final = 500
MOST_AGAIN: Final = 1000
_OPEN: Final = ("pending", "sending", "retrying")


def create(session: Session, *, actor: Actor, values: Mapping[str, Any], template: str = "") -> Listed:
    """A new route by the names of `inputs.NAMES`. Raises `Invalid` with every mistake."""
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    there = queries.count(session, actor.workspace_id)
    if there >= MAX_ROUTES:
        told = f"would be number {there + 1} of this workspace."
        raise Invalid(FieldError("name", told, f"A workspace has at most {MAX_ROUTES} routes; delete one."))
    columns = inputs.clean(values, _known(session, actor))
    row = Route(
        id=ids.new("rte"),
        workspace_id=actor.workspace_id,
        template=template,
        revision=0,
        version="",
        created_by=actor.id,
        updated_at=clock.now(),
        **columns,
    )
    _changed(session, actor, row, "created", after=describe(row))
    return _listed(session, [row])[0]


def get(session: Session, *, actor: Actor, route_id: str) -> Listed:
    """One route. Raises `NotFound`."""
    permissions.require(actor, permissions.INTEGRATIONS_READ)
    return _listed(session, [queries.one(session, actor.workspace_id, route_id)])[0]


def list_routes(
    session: Session,
    *,
    actor: Actor,
    integration_id: str | None = None,
    is_active: bool | None = None,
    q: str | None = None,
    limit: int = pagination.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> pagination.Page[Listed]:
    """A page of routes, newest first; `q` is part of a name, an id or an action."""
    permissions.require(actor, permissions.INTEGRATIONS_READ)
    query = queries.listed(actor.workspace_id, integration_id=integration_id, is_active=is_active, q=q)
    page = pagination.fetch(session, query, col(Route.id), limit=limit, cursor=cursor)
    return pagination.Page(_listed(session, page.data), page.next_cursor)


def update(session: Session, *, actor: Actor, route_id: str, changes: Mapping[str, Any]) -> Listed:
    """Change what is given, under the names of `inputs.NAMES`; the rest stays. Raises `NotFound`, `Invalid` with every mistake."""
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    row = queries.one(session, actor.workspace_id, route_id, lock=True)
    before = describe(row)
    known = _known(session, actor)
    if "integration_id" not in changes:  # one that was deleted keeps nobody from switching the route off
        known = inputs.Known(known.event_names, {**queries.kept(session, row), **known.integrations})
    columns = inputs.clean({**before, **changes}, known)
    is_elsewhere = columns["integration_id"] != row.integration_id
    for name, value in columns.items():
        if getattr(row, name) != value:
            setattr(row, name, value)
    then, now = audit.changes(before, describe(row))
    if now:
        _changed(session, actor, row, "updated", then, now)
    if is_elsewhere:
        queries.rehome(session, row)
    return _listed(session, [row])[0]


def delete(session: Session, *, actor: Actor, route_id: str) -> None:
    """Delete a route: what waits is not sent any more. Its runs stay in the database for as long as they are kept. Raises `NotFound`."""
    permissions.require(actor, permissions.INTEGRATIONS_DELETE)
    row = queries.one(session, actor.workspace_id, route_id, lock=True)
    row.deleted_at, row.is_active = clock.now(), False
    _changed(session, actor, row, "deleted", before=describe(row))


def capable(session: Session, *, actor: Actor) -> list[Capable]:
    """The integrations that can be made to do something, by name, and what."""
    permissions.require(actor, permissions.INTEGRATIONS_READ)
    rows = sorted(queries.integrations(session, actor.workspace_id).values(), key=lambda row: (row.name.lower(), row.id))
    found = [Capable(row, actions.of(catalogue.get(row.provider))) for row in rows]
    return [each for each in found if each.actions]


def list_runs(
    session: Session,
    *,
    actor: Actor,
    route_id: str | None = None,
    event_id: str | None = None,
    status: str | None = None,
    limit: int = pagination.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> pagination.Page[ListedRun]:
    """Runs of a route, or of all, newest first. Raises `NotFound`, `Invalid`."""
    permissions.require(actor, permissions.INTEGRATIONS_READ)
    if route_id is not None:
        queries.one(session, actor.workspace_id, route_id)
    query = queries.runs(actor.workspace_id, route_id, status=status, event_id=event_id)
    page = pagination.fetch(session, query, col(RouteRun.id), limit=limit, cursor=cursor)
    return pagination.Page(_runs(session, actor, page.data), page.next_cursor)


def names(session: Session, *, actor: Actor, route_ids: Collection[str]) -> dict[str, str]:
    """The names of these routes of the workspace by id, deleted ones too."""
    permissions.require(actor, permissions.INTEGRATIONS_READ)
    query = select(Route.id, Route.name).where(Route.workspace_id == actor.workspace_id, col(Route.id).in_(route_ids))
    return dict(session.exec(query).all())


def get_run(session: Session, *, actor: Actor, route_id: str, run_id: str) -> ListedRun:
    """One run. Raises `NotFound`."""
    permissions.require(actor, permissions.INTEGRATIONS_READ)
    route = queries.one(session, actor.workspace_id, route_id)
    return _runs(session, actor, [queries.run(session, route, run_id)])[0]


def run_again(session: Session, *, actor: Actor, route_id: str, run_id: str) -> ListedRun:
    """Carry out a run now, whatever became of it: its schedule begins anew. Raises `NotFound`, `Conflict`."""
    permissions.require(actor, permissions.INTEGRATIONS_OPERATE)
    route = _switched_on(session, actor, route_id)
    row = queries.run(session, route, run_id, lock=True)
    if row.status == "sending":
        raise Conflict("This run is being carried out at this moment. Look again in a few seconds.")
    row.status, row.due_at, row.finished_at, row.failure_count = "pending", clock.now(), None, 0
    row.integration_id, row.error, row.next_step, row.error_class = route.integration_id, "", "", ""
    queries.look_now(session, route)
    audit.record(session, actor=actor, action="route.run_again", target_kind="route", target_id=route.id, target_name=route.name)
    _wake(session, actor)
    return _runs(session, actor, [row])[0]


def run_failed_again(session: Session, *, actor: Actor, route_id: str) -> int:
    """Carry out now what failed, the oldest thousand at once; how many. Raises `NotFound`, `Conflict`."""
    permissions.require(actor, permissions.INTEGRATIONS_OPERATE)
    route = _switched_on(session, actor, route_id)
    query = queries.runs(actor.workspace_id, route.id, status="failed", event_id=None).order_by(col(RouteRun.id)).limit(MOST_AGAIN)
    failed = [row.id for row in session.exec(query).all()]
    values = {"status": "pending", "due_at": clock.now(), "finished_at": None, "failure_count": 0, "integration_id": route.integration_id}
    told = {"error": "", "next_step": "", "error_class": ""}
    mine = (col(RouteRun.id).in_(failed), col(RouteRun.status) == "failed")
    done = session.connection().execute(sql_update(RouteRun).where(*mine).values(**values, **told)).rowcount
    if done:
        queries.look_now(session, route)
        audit.record(
            session,
            actor=actor,
            action="route.failed_run_again",
            target_kind="route",
            target_id=route.id,
            target_name=route.name,
            after={"runs": done},
        )
        _wake(session, actor)
    return done


def preview(session: Session, *, actor: Actor, values: Mapping[str, Any], occasion: Occasion | None = None) -> Tried:
    """What a route with these values would make of an event, whether it is stored or not. Raises `Invalid` with every mistake."""
    permissions.require(actor, permissions.INTEGRATIONS_READ)
    known = _known(session, actor)
    columns = inputs.clean(values, known)
    return _try(session, actor, Route(id="", workspace_id=actor.workspace_id, revision=0, version="", created_by="", **columns), occasion)


def occasion_of(session: Session, *, actor: Actor, events: Sequence[str], occasion: Occasion | None = None) -> Mapping[str, Any]:
    """The event that a route of these types would be tried with. Raises `NotFound`, `Invalid`, `Forbidden`."""
    permissions.require(actor, permissions.INTEGRATIONS_READ)
    return _occasion(session, actor, events, occasion or Occasion())[1]


def rehearse(session: Session, *, actor: Actor, route_id: str, occasion: Occasion | None = None) -> Tried:
    """What a route would make of an event. Nothing is sent. Raises `NotFound`, `Invalid`."""
    permissions.require(actor, permissions.INTEGRATIONS_OPERATE)
    return _try(session, actor, queries.one(session, actor.workspace_id, route_id), occasion)


def describe(row: Route) -> dict[str, Any]:
    """The settings, by the names of `inputs.NAMES`."""
    return {
        "name": row.name,
        "events": list(row.event_types),
        "filter": row.filter,
        "integration_id": row.integration_id,
        "action": row.action,
        "mapping": list(row.mapping),
        "is_active": row.is_active,
    }


def acting(route: Route, *, tried_by: Actor | None = None) -> Actor:
    """Who acts for a route: the product, by the route's name, so that timelines tell which one it was and who tried it."""
    person = f", tried by {tried_by.name}" if tried_by is not None else ""
    return actors.system(route.workspace_id, f"Route {route.name}{person}"[:200])


def _known(session: Session, actor: Actor) -> inputs.Known:
    return inputs.Known(event_types.known_names(session, actor.workspace_id), queries.integrations(session, actor.workspace_id))


def _switched_on(session: Session, actor: Actor, route_id: str) -> Route:
    route = queries.one(session, actor.workspace_id, route_id)
    if not route.is_active:
        raise Conflict(f"The route {route.name} is switched off. Switch it on first.")
    return route


def _try(session: Session, actor: Actor, route: Route, occasion: Occasion | None) -> Tried:
    source, told = _occasion(session, actor, route.event_types, occasion or Occasion())
    event = texts.storable(told)
    refused = "" if matching.matches(route.event_types, event["type"]) else matching.explain(route.event_types, event["type"])
    refused = refused or routings.refused(filters.parse(route.filter) if route.filter else None, event)
    integration = queries.integrations(session, route.workspace_id, [route.integration_id]).get(route.integration_id)
    if integration is None:
        return Tried(source, event, refused, errors=(FieldError("integration_id", "was deleted.", "Choose another one in the route."),))
    action = actions.ACTIONS[route.action]
    composed = actions.compose(action, mapping.stored(route.mapping), event, integration.provider)
    shown = actions.words(action, composed.inputs) if not composed.errors else ""
    return Tried(source, event, refused, composed.inputs, shown, tuple(composed.errors))


def _occasion(session: Session, actor: Actor, events: Sequence[str], occasion: Occasion) -> tuple[str, dict[str, Any]]:
    """Where the event comes from, and the event. Raises `NotFound`, `Invalid`, `Forbidden`."""
    if occasion.event_id:
        permissions.require(actor, permissions.EVENTS_READ)
        found = queries.event(session, actor.workspace_id, occasion.event_id)
        if found is None:
            raise NotFound("There is no such event in this workspace. GET /api/v1/events lists them.")
        return "event", jsjson.parse(found.body)
    names = event_types.known_names(session, actor.workspace_id)
    wanted = occasion.type or ""
    if wanted and wanted not in names:
        raise Invalid(event_types.unknown(wanted[:100], names, path="event"))
    if occasion.data is None and permissions.allows(actor, permissions.EVENTS_READ):
        newest = queries.newest_event(session, actor.workspace_id, [wanted] if wanted else events, names)
        if newest is not None:
            return "event", jsjson.parse(newest.body)
    name = wanted or min((each for each in names if matching.matches(events, each)), default="order.created")
    data = dict(occasion.data) if occasion.data is not None else event_types.sample(session, actor=_reader(actor), name=name)
    body.data_text(data)
    event = body.envelope(event_id=ids.new("evt"), type_name=name, occurred_at=clock.now(), workspace_id=actor.workspace_id, data=data)
    return "sample" if occasion.data is None else "data", event


def _reader(actor: Actor) -> Actor:
    """A type's sample is in the docs for everybody."""
    return actors.system(actor.workspace_id)


def _listed(session: Session, rows: Sequence[Route]) -> list[Listed]:
    if not rows:
        return []
    found = queries.integrations(session, rows[0].workspace_id, {row.integration_id for row in rows})
    return [Listed(row, found.get(row.integration_id), _held(found.get(row.integration_id))) for row in rows]


def _runs(session: Session, actor: Actor, rows: Sequence[RouteRun]) -> list[ListedRun]:
    waiting = {row.integration_id for row in rows if row.status in _OPEN}
    found = queries.integrations(session, actor.workspace_id, waiting) if waiting else {}
    held = {identifier: _held(found.get(identifier)) for identifier in waiting}
    return [ListedRun(row, held.get(row.integration_id) if row.status in _OPEN else None) for row in rows]


def _held(integration: Integration | None) -> Held | None:
    """What keeps an integration from doing anything now."""
    if integration is None:
        return Held("The integration was deleted.", "Choose another one in the route.")
    found = schedule.hold(integration, clock.now())
    return Held(found[0].cause, found[0].next_step) if found is not None else None


def _wake(session: Session, actor: Actor) -> None:
    workspace_id = actor.workspace_id
    db.after_commit(session, queue.wake_routes)
    db.after_commit(session, lambda: queue.publish(workspace_id, TOPIC), key=(TOPIC, workspace_id))


def _changed(
    session: Session, actor: Actor, row: Route, word: str, before: dict[str, Any] | None = None, after: dict[str, Any] | None = None
) -> None:
    audit.record(
        session,
        actor=actor,
        action=f"route.{word}",
        target_kind="route",
        target_id=row.id,
        target_name=row.name,
        before=before,
        after=after,
    )
    queries.advance(session, row)
    queries.ensure_lane(session, row.workspace_id, row.integration_id)
    _wake(session, actor)


def problem_of(error: CrossdockError) -> tuple[str, str]:
    """An error of ours as a cause and a next step."""
    if isinstance(error, Invalid) and error.errors:
        first = error.errors[0]
        return f"{first.path[:1].upper()}{first.path[1:]} {first.message}"[:400], first.fix[:400]
    return error.detail[:400], ""
