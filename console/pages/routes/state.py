"""Owns the list of routes."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.routing import service as routes
from console.pages.routes.paths import PATH
from console.pages.routes.rows import RouteRow, route_row
from console.states import Listing


class RoutesState(Listing, rx.State):
    """The list."""

    READS: ClassVar = permissions.INTEGRATIONS_READ
    PATH: ClassVar = PATH
    FILTERS: ClassVar = ("q",)
    rows: list[RouteRow] = []  # noqa: RUF012 - the framework copies it

    @staticmethod
    def _read(session: Session, actor: Actor, given: dict[str, str]) -> Any:
        return routes.list_routes(session, actor=actor, q=given["q"] or None, cursor=given["cursor"] or None)

    def _show(self, found: Any) -> None:
        self.rows = [route_row(each) for each in found.data]
        self._paged(found, {})
