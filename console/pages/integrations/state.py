"""Owns the list of integrations."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.integrations import service as integrations
from console.pages.integrations.paths import PATH
from console.pages.integrations.rows import STATUSES, IntegrationRow, integration_row
from console.states import Listing
from console.urls import query

_STRANGE: Final = (
    "An answer of a provider came back that belongs to no sign-in under way: it was used before, is older than ten minutes, or was begun "
    "in another workspace. Nothing was connected by it. Press Connect again, and finish in the same browser within ten minutes."
)


class IntegrationsState(Listing, rx.State):
    """The list."""

    READS: ClassVar = permissions.INTEGRATIONS_READ
    PATH: ClassVar = PATH
    FILTERS: ClassVar = ("status", "type", "provider", "q")
    STATUSES: ClassVar = STATUSES
    rows: list[IntegrationRow] = []  # noqa: RUF012 - the framework copies it
    type: str = ""
    provider: str = ""
    told: str = ""

    @staticmethod
    def _read(session: Session, actor: Actor, given: dict[str, str]) -> tuple[Any, ...]:
        wanted: dict[str, Any] = {name: given[name] or None for name in ("status", "type", "provider", "q", "cursor")}
        return integrations.list_integrations(session, actor=actor, **wanted), integrations.counts(session, actor=actor)

    def _show(self, found: tuple[Any, ...]) -> None:
        page, counts = found
        self.told = _STRANGE if query(self, "failed")["failed"] else ""
        self.rows = [integration_row(row) for row in page.data]
        self._paged(page, counts)
