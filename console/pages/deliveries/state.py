"""Owns the list of deliveries: filters in the address, counts, live."""

from __future__ import annotations

from typing import Any

import reflex as rx
from sqlmodel import Session

from backend.core import clock, permissions
from backend.core.actor import Actor
from backend.deliveries import service as deliveries
from backend.webhooks import service as webhooks
from console import bridge, live, words
from console.auth import needs
from console.pages.deliveries.parts import PATH
from console.pages.deliveries.rows import DeliveryRow, delivery_row, since
from console.urls import query, with_query

FILTERS = ("status", "webhook", "event", "code", "error", "since", "q")
_CHOICES = 200


class DeliveriesState(rx.State):
    """The list."""

    rows: list[DeliveryRow] = []  # noqa: RUF012 - the framework copies it
    counts: dict[str, str] = {}  # noqa: RUF012
    tabs: dict[str, str] = {}  # noqa: RUF012
    webhooks: list[dict[str, str]] = []  # noqa: RUF012
    events: list[str] = []  # noqa: RUF012
    loading: bool = True
    status: str = ""
    webhook: str = ""
    webhook_name: str = ""
    event: str = ""
    code: str = ""
    error: str = ""
    since: str = ""
    q: str = ""
    is_filtered: bool = False
    older: str = ""
    newest: str = PATH
    is_first: bool = True
    total: str = ""

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    async def load(self) -> None:
        """Read the address, then the page of deliveries that it names."""
        given = query(self, *FILTERS, "cursor")
        for name in FILTERS:
            setattr(self, name, given[name])
        self.is_first = not given["cursor"]
        self.is_filtered = any(given[name] for name in FILTERS)
        kept = {name: given[name] for name in FILTERS}
        self.newest = with_query(PATH, **kept)
        self.tabs = {
            status or "all": with_query(PATH, **{**kept, "status": status})
            for status in ("", "delivered", "retrying", "waiting", "sending", "dead", "cancelled")
        }
        self.loading = True
        await self._fetch()

    @rx.event(background=True)
    @needs(permissions.WEBHOOKS_READ)
    async def follow(self) -> None:
        """Keep the list up to date while it is open."""
        async for _ in live.changes(self):
            async with self:
                await self._fetch()

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    def search(self, form: dict[str, Any]) -> rx.event.EventSpec:
        """Search by an id or a value in the payload."""
        return self._go(q=str(form.get("q", "")).strip())

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    def pick(self, name: str, value: str) -> Any:
        """Set one filter."""
        return self._go(**{name: value}) if name in FILTERS else None

    def _go(self, **changes: str) -> rx.event.EventSpec:
        kept = {name: str(getattr(self, name)) for name in FILTERS} | changes
        return rx.redirect(with_query(PATH, **kept))

    async def _fetch(self) -> None:
        given = query(self, *FILTERS, "cursor")
        wanted = {
            "webhook_id": given["webhook"] or None,
            "event_type": given["event"] or None,
            "status_code": int(given["code"]) if given["code"].isdigit() else None,
            "error_class": given["error"] or None,
            "since": since(given["since"], clock.now()),
            "q": given["q"] or None,
        }

        def work(session: Session, actor: Actor) -> tuple[Any, ...]:
            page = deliveries.list_deliveries(
                session, actor=actor, status=given["status"] or None, cursor=given["cursor"] or None, **wanted
            )
            counts = deliveries.counts(session, actor=actor, **wanted)
            held = deliveries.holds(session, actor=actor, deliveries=page.data)
            return page, counts, held, webhooks.list_webhooks(session, actor=actor, limit=_CHOICES).data

        try:
            page, counts, held, known = await bridge.read(self, work)
        finally:
            self.loading = False
        names = {webhook.id: webhook.name for webhook in known}
        self.rows = [delivery_row(delivery, names.get(delivery.webhook_id, ""), held.get(delivery.id, "")) for delivery in page.data]
        self.counts = {name: words.count(count) for name, count in counts.items()}
        self.total = self.counts.get(given["status"] or "all", "")
        self.webhooks = [{"id": webhook.id, "name": webhook.name} for webhook in known]
        self.webhook_name = names.get(given["webhook"], given["webhook"])
        self.events = sorted(
            {delivery.event_type for delivery in page.data} | set(self.events) | ({given["event"]} if given["event"] else set())
        )
        kept = {name: given[name] for name in FILTERS}
        self.older = with_query(PATH, **kept, cursor=page.next_cursor) if page.next_cursor else ""
