"""The routes of the door's settings, for super administrators."""

from __future__ import annotations

from backend.core import permissions, web
from backend.gateway import instance
from backend.gateway.schemas import GatewayOut, GatewayUpdate

router = web.Router(prefix="/instance", tags=["instance"])


@router.get("/gateway", **web.needs(permissions.INSTANCE_READ))
def read_gateway_settings(session: web.ReadSession, actor: web.CurrentActor) -> GatewayOut:
    """How the API is open on this installation: keys in the query, limits of strangers and of endpoints, ends of versions."""
    return GatewayOut.of(instance.look(session, actor=actor))


@router.change("/gateway", **web.needs(permissions.INSTANCE_WRITE))
def update_gateway_settings(body: GatewayUpdate, session: web.WriteSession, actor: web.CurrentActor) -> GatewayOut:
    """Change how the API is open, within a second on every process: what is sent changes, a table as a whole."""
    return GatewayOut.of(instance.change(session, actor=actor, changes=body.changes()))
