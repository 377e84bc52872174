"""What tests of routes do again and again: make one, publish, have a worker carry out what is due, look at the runs."""

from __future__ import annotations

import time
from typing import Any

from sqlmodel import col, select

from backend.core import clock, db
from backend.core.actor import Actor
from backend.events import service as events
from backend.models import Integration, Route, RouteLane, RouteRun
from backend.routing import running, service

TEXT = {"source": "", "target": "text", "transform": {"name": "template", "text": "Order {data.id}: {data.total}"}}
CHANNEL = {"source": "", "target": "channel", "transform": {"name": "constant", "value": "#orders"}}


def routed(owner: Actor, integration: Integration, **values: Any) -> Route:
    """A route of orders to a message, or as `values` say."""
    given = {"events": ["order.*"], "integration_id": integration.id, "action": "message", "mapping": [TEXT, CHANNEL], **values}
    with db.transaction(write=True) as session:
        return service.create(session, actor=owner, values=given).route


def changed(owner: Actor, route: Route, **changes: Any) -> Route:
    """The route with changes."""
    with db.transaction(write=True) as session:
        return service.update(session, actor=owner, route_id=route.id, changes=changes).route


def publish(owner: Actor, type_name: str = "order.created", **data: Any) -> str:
    """Publish an event; its id."""
    with db.transaction(write=True) as session:
        return events.publish(session, actor=owner, type=type_name, data={"id": "4711", "total": 42.5, **data}).id


def work(integration: Integration) -> int:
    """Go along the lane of an integration as a worker does; how many runs were begun."""
    return running.go_along(integration.id, time.monotonic() + 20)


def runs(owner: Actor, route: Route | None = None) -> list[service.ListedRun]:
    """Runs as they are listed, oldest first."""
    with db.transaction() as session:
        page = service.list_runs(session, actor=owner, route_id=route.id if route is not None else None)
    return page.data[::-1]


def later(integration: Integration) -> None:
    """As if so much time had passed that every lease, pause and wait of the lane is over."""
    with db.transaction(write=True) as session:
        now = clock.now()
        lane = session.exec(select(RouteLane).where(RouteLane.integration_id == integration.id)).one()
        lane.lease_until, lane.ready_at = now if lane.owner else None, None
        for run in session.exec(select(RouteRun).where(RouteRun.integration_id == integration.id, col(RouteRun.due_at).is_not(None))):
            run.due_at = min(run.due_at or now, now)
        session.get_one(Integration, integration.id).blocked_until = None
