"""Owns one webhook's page: its health, its deliveries, its settings, and what can be done with it."""

from __future__ import annotations

from typing import Any

import reflex as rx
from sqlmodel import Session

from backend.core import clock, permissions
from backend.core.actor import Actor
from backend.core.errors import CrossdockError, NotFound
from backend.deliveries import service as deliveries
from backend.event_types import service as event_types
from backend.webhooks import service as webhooks
from console import bridge, live
from console.auth import needs
from console.components import secret
from console.components.chart import spark_path
from console.pages.deliveries.rows import DeliveryRow, delivery_row
from console.pages.webhooks import forms
from console.pages.webhooks.rows import AddressRow, TypeGroup, WebhookDetail, type_groups, webhook_detail
from console.pages.webhooks.state import PATH, look_up
from console.urls import last_part, query, with_query

TABS = ("deliveries", "configuration", "filter", "verify")
_LATEST = 20


class WebhookState(rx.State):
    """One webhook."""

    webhook: WebhookDetail = WebhookDetail()
    rows: list[DeliveryRow] = []  # noqa: RUF012 - the framework copies it
    groups: list[TypeGroup] = []  # noqa: RUF012
    addresses: list[AddressRow] = []  # noqa: RUF012
    url_problem: str = ""
    checking: bool = False
    tab: str = "deliveries"
    loading: bool = True
    missing: bool = False
    all_deliveries: str = ""
    revealing: str = ""
    ask: str = ""
    ask_error: str = ""
    busy: bool = False
    errors: dict[str, str] = {}  # noqa: RUF012

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    async def load(self) -> None:
        """Read the webhook that the address names."""
        if self.webhook.id != last_part(self):
            self.webhook, self.rows, self.revealing = WebhookDetail(), [], ""
        wanted = query(self, "tab")["tab"]
        self.tab = wanted if wanted in TABS else TABS[0]
        self.ask, self.errors, self.missing, self.addresses, self.url_problem = "", {}, False, [], ""
        self.loading = self.webhook.id == ""
        await self._fetch()
        if self.tab == "configuration":
            self.groups = type_groups(await bridge.call(self, event_types.all_types))

    @rx.event(background=True)
    @needs(permissions.WEBHOOKS_READ)
    async def follow(self) -> None:
        """Keep it up to date while it is open."""
        async for _ in live.changes(self):
            async with self:
                await self._fetch()

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    def open_dialog(self, ask: str) -> None:
        """Ask before what needs an answer."""
        self.ask, self.ask_error = ask if ask in ("rotate", "enable", "disable", "delete") else "", ""

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    def close_dialog(self) -> None:
        """Leave things as they are."""
        self.ask = ""

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
        await self._do(webhooks.disable, reason=str(form.get("reason", "")))
        yield rx.toast.info("Disabled. New events are recorded as skipped.")

    @rx.event
    @needs(permissions.WEBHOOKS_WRITE)
    async def enable(self, form: dict[str, Any]) -> Any:
        """Start it, with or without what it missed."""
        missed = "send" if form.get("missed") == "send" else "skip"
        try:
            await self._do(webhooks.enable, missed=missed)
        except CrossdockError as error:
            self.ask_error = error.detail
            return
        yield rx.toast.info("Enabled. What it missed goes out now." if missed == "send" else "Enabled. What it missed stays skipped.")

    @rx.event
    @needs(permissions.WEBHOOKS_WRITE)
    async def rotate(self, form: dict[str, Any]) -> Any:
        """A new signing secret; deliveries carry both signatures for the chosen hours."""
        self.busy = True
        yield
        try:
            hours = float(form.get("overlap", 24))
            _, plaintext = await bridge.call(self, webhooks.rotate_secret, write=True, webhook_id=self.webhook.id, overlap_hours=hours)
        except CrossdockError as error:
            self.ask_error = error.detail
            return
        finally:
            self.busy = False
        self.ask, self.revealing = "", "The new signing secret of " + self.webhook.name
        await self._fetch()
        yield secret.reveal(plaintext)

    @rx.event
    @needs(permissions.WEBHOOKS_DELETE)
    async def delete(self, form: dict[str, Any]) -> Any:
        """Delete it, if its name was typed."""
        if str(form.get("typed_name", "")).strip() != self.webhook.name:
            self.ask_error = "That is not its name."
            return
        await bridge.call(self, webhooks.delete, write=True, webhook_id=self.webhook.id)
        self.ask = ""
        yield rx.redirect(PATH)
        yield rx.toast.info("Deleted. Its past deliveries stay listed.")

    @rx.event
    @needs(permissions.WEBHOOKS_WRITE)
    async def save(self, form: dict[str, Any]) -> Any:
        """Save what was changed."""
        self.busy, self.errors = True, {}
        yield
        try:
            changes = forms.values(form, settings=True)
            await bridge.call(self, webhooks.update, write=True, webhook_id=self.webhook.id, changes=changes)
        except CrossdockError as error:
            self.errors = bridge.field_errors(error)
            return
        finally:
            self.busy = False
        await self._fetch()
        yield rx.toast.info(f"Saved {self.webhook.name}.")

    @rx.event(background=True)
    @needs(permissions.WEBHOOKS_WRITE)
    async def check_url(self, url: str) -> None:
        """Show every address that the URL leads to, and whether it may be sent to."""
        if not url.strip():
            return
        async with self:
            self.checking = True
        rows, problem = await look_up(url.strip())
        async with self:
            self.addresses, self.url_problem, self.checking = rows, problem, False

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    def stored(self) -> None:
        """The secret is stored."""
        self.revealing = ""

    async def _do(self, action: Any, **kwargs: Any) -> None:
        await bridge.call(self, action, write=True, webhook_id=self.webhook.id, **kwargs)
        self.ask = ""
        await self._fetch()

    async def _fetch(self) -> None:
        webhook_id = last_part(self)

        def work(session: Session, actor: Actor) -> tuple[Any, ...]:
            webhook = webhooks.get(session, actor=actor, webhook_id=webhook_id)
            stats = webhooks.stats(session, actor=actor, webhook_id=webhook_id)
            latest = deliveries.list_deliveries(session, actor=actor, webhook_id=webhook_id, limit=_LATEST)
            held = deliveries.holds(session, actor=actor, deliveries=latest.data)
            return webhook, stats, latest, held, event_types.known_names(session, actor.workspace_id)

        try:
            webhook, stats, latest, held, known = await bridge.read(self, work)
        except NotFound:
            self.missing = True
            return
        finally:
            self.loading = False
        line = spark_path([point.delivered + point.failed for point in stats.series])
        self.webhook = webhook_detail(webhook, stats, line, known | {"*"}, clock.now())
        self.rows = [delivery_row(delivery, webhook.name, held.get(delivery.id, "")) for delivery in latest.data]
        self.all_deliveries = with_query("/settings/deliveries", webhook=webhook_id)
