"""Which routes an event goes through: the part of publishing that decides on their runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from backend.core import filters
from backend.models import Route
from backend.webhooks import matching


@dataclass(frozen=True, slots=True)
class Routing:
    """What decides whether a route takes an event."""

    route_id: str
    integration_id: str
    event_types: tuple[str, ...]
    filter: filters.Filter | None


@dataclass(frozen=True, slots=True)
class Turn:
    """A route that takes an event's type; `skipped` says which condition refuses the event, and is empty if none does."""

    routing: Routing
    skipped: str = ""


def load(session: Session, workspace_id: str) -> tuple[Routing, ...]:
    """The routes of a workspace that are switched on."""
    query = select(Route).where(Route.workspace_id == workspace_id, col(Route.deleted_at).is_(None), col(Route.is_active))
    return tuple(
        Routing(row.id, row.integration_id, tuple(row.event_types), filters.parse(row.filter) if row.filter else None)
        for row in session.exec(query.order_by(col(Route.id))).all()
    )


def match(routes: Iterable[Routing], event: Mapping[str, Any], *, by_star: bool = True) -> tuple[Turn, ...]:
    """The routes that take `event`, the whole envelope.

    What is told about an integration never goes through that integration. Without `by_star` a route that has it by `*` alone is left
    out, since a more specific event is published beside it.
    """
    name = event["type"]
    about = event["data"].get("integration_id") if name in matching.OPERATIONAL else None
    return tuple(
        Turn(routing, refused(routing.filter, event))
        for routing in routes
        if matching.matches(routing.event_types, name, by_star=by_star) and (about is None or about != routing.integration_id)
    )


def refused(condition: filters.Filter | None, event: Mapping[str, Any]) -> str:
    """Why a filter refuses an event, as a sentence; empty if it does not."""
    verdict = filters.evaluate(condition, event) if condition is not None else None
    return "" if verdict is None or verdict.matched else f"Filtered out: {verdict.failed_condition}."
