"""Owns the list of deliveries: filters in the address, counts, live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import reflex as rx
from sqlmodel import Session

from backend.core import clock, permissions
from backend.core.actor import Actor
from backend.deliveries import service as deliveries
from backend.replays.service import MAX_IDS
from backend.webhooks import service as webhooks
from console.auth import needs
from console.pages.deliveries.parts import PATH, STATUSES
from console.pages.deliveries.rows import DeliveryRow, delivery_row
from console.pages.logs.states import Log
from console.urls import since

_CHOICES: Final = 200


def meant(given: Mapping[str, str]) -> dict[str, Any]:
    """What the filters in the list's address mean, but for the status."""
    return {
        "webhook_id": given["webhook"] or None,
        "event_type": given["event"] or None,
        "status_code": int(given["code"]) if given["code"].isdigit() else None,
        "error_class": given["error"] or None,
        "since": since(given["since"], clock.now()),
        "q": given["q"] or None,
    }


class DeliveriesState(Log, rx.State):
    """The list."""

    READS: ClassVar = permissions.WEBHOOKS_READ
    PATH: ClassVar = PATH
    FILE: ClassVar = "deliveries"
    FILTERS: ClassVar = ("status", "webhook", "event", "code", "error", "since", "q")
    STATUSES: ClassVar = STATUSES
    rows: list[DeliveryRow] = []  # noqa: RUF012 - the framework copies it
    webhooks: list[dict[str, str]] = []  # noqa: RUF012
    events: list[str] = []  # noqa: RUF012
    webhook: str = ""
    webhook_name: str = ""
    event: str = ""
    code: str = ""
    error: str = ""
    since: str = ""
    selected: list[str] = []  # noqa: RUF012
    is_page_selected: bool = False
    _selected_in: str = ""

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    def select(self, delivery_id: str) -> None:
        """Select a delivery, or let it go."""
        chosen = [each for each in self.selected if each != delivery_id]
        self._choose(chosen if len(chosen) < len(self.selected) else [*chosen, delivery_id])

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    def select_page(self) -> None:
        """Select every delivery of the page, or let them go."""
        here = self._selectable()
        others = [each for each in self.selected if each not in here]
        self._choose(others if self.is_page_selected else [*others, *here])

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    def select_none(self) -> None:
        """Let all go."""
        self._choose([])

    def _choose(self, chosen: list[str]) -> None:
        self.selected = chosen[:MAX_IDS]
        self.is_page_selected = set() < set(self._selectable()) <= set(self.selected)

    def _selectable(self) -> list[str]:
        return [row.id for row in self.rows if row.mark != "test"]  # a test send is never replayed

    @staticmethod
    def _read(session: Session, actor: Actor, given: dict[str, str]) -> tuple[Any, ...]:
        wanted = meant(given)
        page = deliveries.list_deliveries(session, actor=actor, status=given["status"] or None, cursor=given["cursor"] or None, **wanted)
        counts = deliveries.counts(session, actor=actor, **wanted)
        held = deliveries.holds(session, actor=actor, deliveries=page.data)
        choices = webhooks.list_webhooks(session, actor=actor, limit=_CHOICES).data
        shown = {delivery.webhook_id for delivery in page.data} | ({given["webhook"]} if given["webhook"] else set())
        names = webhooks.names(session, actor=actor, webhook_ids=shown)
        return page, counts, held, choices, names

    def _show(self, found: tuple[Any, ...]) -> None:
        page, counts, held, choices, names = found
        self.rows = [delivery_row(delivery, names.get(delivery.webhook_id, ""), held.get(delivery.id, "")) for delivery in page.data]
        self.webhooks = [{"id": webhook.id, "name": webhook.name} for webhook in choices]
        self.webhook_name = names.get(self.webhook, self.webhook)
        self.events = sorted({delivery.event_type for delivery in page.data} | set(self.events) | ({self.event} if self.event else set()))
        self._paged(page, counts)
        shown_in = f"{self.router.session.session_id} {self.newest}"  # a selection holds for all pages of one filter, until a reload
        self._choose(self.selected if self._selected_in == shown_in else [])
        self._selected_in = shown_in
