"""Owns the gallery: the catalogue by category, what is connected, and connecting by one press."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core import pagination, permissions
from backend.core.actor import Actor
from backend.integrations import service as integrations
from backend.integrations.service import IntegrationInput, Status
from backend.models import Integration
from console import bridge, urls
from console.auth import needs
from console.pages.integrations.offers import TileGroup, groups
from console.pages.integrations.paths import CATALOGUE
from console.pages.integrations.rows import IntegrationRow, integration_row
from console.states import Listing


class GalleryState(Listing, rx.State):
    """The gallery."""

    READS: ClassVar = permissions.INTEGRATIONS_READ
    PATH: ClassVar = CATALOGUE
    FILTERS: ClassVar = ("type", "q")
    type: str = ""
    groups: list[TileGroup] = []  # noqa: RUF012 - the framework copies it
    rows: list[IntegrationRow] = []  # noqa: RUF012
    connecting: str = ""

    @rx.event
    @needs(permissions.INTEGRATIONS_READ)
    def rest(self) -> None:
        """Nothing is being connected: whoever left for a provider came back."""
        self.connecting = ""

    @rx.event
    @needs(permissions.INTEGRATIONS_WRITE)
    async def connect(self, provider: str) -> Any:
        """Add the provider and go to it to sign in, in this tab."""
        self.connecting = provider
        yield
        try:
            url = await bridge.call(self, _begin, write=True, provider=provider)
        except BaseException:
            self.connecting = ""
            raise
        yield urls.leave_for(url)

    @staticmethod
    def _read(session: Session, actor: Actor, given: dict[str, str]) -> tuple[Any, ...]:
        offered = integrations.providers(session, actor=actor, type=given["type"] or None, q=given["q"])
        return offered, integrations.list_integrations(session, actor=actor, limit=pagination.MAX_LIMIT)

    def _show(self, found: tuple[Any, ...]) -> None:
        offered, page = found
        self.connecting = ""
        self.groups = groups(offered, self.type, {row.provider for row in page.data if row.connected_at is not None})
        shown = {each.entry.id for each in offered}
        self.rows = [integration_row(row) for row in page.data if row.provider in shown]


def _begin(session: Session, *, actor: Actor, provider: str) -> str:
    """The address at which the person signs in to a provider; an integration that was begun and left is taken up again."""
    row = _left(session, actor, provider) or integrations.create(session, actor=actor, input=IntegrationInput(provider=provider))
    return integrations.begin_consent(session, actor=actor, integration_id=row.id, in_browser=True).authorization_url


def _left(session: Session, actor: Actor, provider: str) -> Integration | None:
    page = integrations.list_integrations(session, actor=actor, provider=provider, status=Status.PENDING)
    return next((row for row in page.data if row.connected_at is None and not row.hints), None)
