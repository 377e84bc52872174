"""What asks a provider something for a route at once: trying it for real. Called with no transaction open."""

from __future__ import annotations

import dataclasses

from backend.core import db, ids, permissions
from backend.core.actor import Actor
from backend.core.errors import Conflict, CrossdockError
from backend.integrations import actions as providers
from backend.integrations.failures import Failure, Kind
from backend.routing import queries, running, service
from backend.routing.values import Occasion, Tried


def try_out(*, actor: Actor, route_id: str, occasion: Occasion | None = None, send: bool = False) -> Tried:
    """What a route makes of an event; with `send` it is done at once, whatever the filter says, and no run is kept.

    Raises `NotFound`, `Invalid`; what the provider refuses is told in the answer.
    """
    permissions.require(actor, permissions.INTEGRATIONS_OPERATE)
    with db.transaction() as session:
        tried = service.rehearse(session, actor=actor, route_id=route_id, occasion=occasion)
        route = queries.one(session, actor.workspace_id, route_id)
    if not send or tried.errors:
        return tried
    try:
        sent = running.send(route, tried.inputs, actor=service.acting(route, tried_by=actor), key=ids.new("try"))
    except CrossdockError as error:
        failure = providers.failure_of(error)
        if failure is None and not isinstance(error, Conflict):
            raise
        return dataclasses.replace(tried, failure=failure or Failure(Kind.REJECTED, error.detail, ""))
    return dataclasses.replace(tried, sent=sent)
