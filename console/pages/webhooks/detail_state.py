"""Owns one webhook's page: its health, its deliveries, its settings, and what can be done with it."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core import clock, permissions
from backend.core.actor import Actor
from backend.deliveries import service as deliveries
from backend.event_types import service as event_types
from backend.webhooks import service as webhooks
from console import bridge
from console.auth import needs
from console.components import secret
from console.components.chart import Line, lines
from console.pages.deliveries.rows import DeliveryRow, delivery_row
from console.pages.webhooks import forms
from console.pages.webhooks.rows import TypeGroup, WebhookDetail, type_groups, webhook_detail
from console.pages.webhooks.state import PATH, Addressed
from console.states import Managed
from console.urls import query, with_query

TABS = ("deliveries", "configuration", "filter", "verify")
_LATEST = 20


class WebhookState(Addressed, Managed, rx.State):
    """One webhook."""

    READS: ClassVar = permissions.WEBHOOKS_READ
    ASKS: ClassVar = ("rotate", "disable", "delete")
    webhook: WebhookDetail = WebhookDetail()
    rows: list[DeliveryRow] = []  # noqa: RUF012 - the framework copies it
    groups: list[TypeGroup] = []  # noqa: RUF012
    tab: str = "deliveries"
    all_deliveries: str = ""

    @rx.event
    @needs(permissions.WEBHOOKS_WRITE)
    async def pause(self) -> Any:
        """Let events gather, or send them again."""
        is_paused = self.webhook.status == "paused"
        await self._do(webhooks.resume if is_paused else webhooks.pause)
        yield rx.toast.info(
            "Resumed. What has gathered goes out at a capped rate." if is_paused else "Paused. Events gather until you resume."
        )

    @rx.event
    @needs(permissions.WEBHOOKS_WRITE)
    async def disable(self, form: dict[str, Any]) -> Any:
        """Stop it."""
        with self._answering():
            await self._do(webhooks.disable, reason=str(form.get("reason", "")))
            yield rx.toast.info("Disabled. New events are recorded as skipped.")

    @rx.event
    @needs(permissions.WEBHOOKS_WRITE)
    async def rotate(self, form: dict[str, Any]) -> Any:
        """A new signing secret; deliveries carry both signatures for the chosen hours."""
        self.busy = True
        yield
        with self._answering():
            hours = float(form.get("overlap", 24))
            _, plaintext = await bridge.call(self, webhooks.rotate_secret, write=True, webhook_id=self.webhook.id, overlap_hours=hours)
            self.revealing = "The new signing secret of " + self.webhook.name
            await self._fetch()
            yield secret.reveal(plaintext)

    @rx.event
    @needs(permissions.WEBHOOKS_DELETE)
    async def delete(self, form: dict[str, Any]) -> Any:
        """Delete it, if its name was typed."""
        if not self._is_named(form, self.webhook.name):
            return
        with self._answering():
            await bridge.call(self, webhooks.delete, write=True, webhook_id=self.webhook.id)
            yield rx.redirect(PATH)
            yield rx.toast.info("Deleted. Its past deliveries stay listed.")

    @rx.event
    @needs(permissions.WEBHOOKS_WRITE)
    async def save(self, form: dict[str, Any]) -> Any:
        """Save what was changed."""
        self._begin()
        yield
        with self._saving():
            await self._do(webhooks.update, changes=forms.values(form, settings=True))
            yield rx.toast.info(f"Saved {self.webhook.name}.")

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        self._unchecked()
        wanted = query(self, "tab")["tab"]
        self.tab = wanted if wanted in TABS else TABS[0]
        if anew:
            self.webhook, self.rows = WebhookDetail(), []

    async def _do(self, action: Any, **kwargs: Any) -> None:
        await bridge.call(self, action, write=True, webhook_id=self.webhook.id, **kwargs)
        await self._fetch()

    @staticmethod
    def _read(session: Session, actor: Actor, wanted: str) -> tuple[Any, ...]:
        webhook = webhooks.get(session, actor=actor, webhook_id=wanted)
        stats = webhooks.stats(session, actor=actor, webhook_id=wanted)
        latest = deliveries.list_deliveries(session, actor=actor, webhook_id=wanted, limit=_LATEST)
        held = deliveries.holds(session, actor=actor, deliveries=latest.data)
        return webhook, stats, latest, held, event_types.all_types(session, actor=actor)

    def _show(self, found: tuple[Any, ...]) -> None:
        webhook, stats, latest, held, types = found
        line = lines(
            [point.starts_at for point in stats.series],
            Line("green", [point.delivered for point in stats.series], lambda number: f"{number:,} delivered"),
            Line("red", [point.failed for point in stats.series], lambda number: f"{number:,} failed"),
        )
        self.webhook = webhook_detail(webhook, stats, line, frozenset({"*", *(each.name for each in types)}), clock.now())
        self.rows = [delivery_row(delivery, webhook.name, held.get(delivery.id, "")) for delivery in latest.data]
        self.all_deliveries = with_query("/settings/deliveries", webhook=webhook.id)
        if self.tab == "configuration":
            self.groups = type_groups(types)
