"""Owns the list of webhooks and the making of one."""

from __future__ import annotations

from typing import Any

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.core.errors import CrossdockError
from backend.event_types import service as event_types
from backend.receiver import service as receiver
from backend.webhooks import service as webhooks
from backend.webhooks.values import WebhookInput
from console import bridge, live, threads
from console.auth import needs
from console.components import secret
from console.pages.webhooks import forms
from console.pages.webhooks.rows import AddressRow, TypeGroup, WebhookRow, type_groups, webhook_row
from console.urls import query, with_query

PATH = "/settings/webhooks"


class WebhooksState(rx.State):
    """The list."""

    rows: list[WebhookRow] = []  # noqa: RUF012 - the framework copies it
    counts: dict[str, str] = {}  # noqa: RUF012
    loading: bool = True
    status: str = ""
    q: str = ""
    older: str = ""
    is_first: bool = True
    total: str = ""

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    async def load(self) -> None:
        """Read the address, then the page of webhooks that it names."""
        given = query(self, "status", "q", "cursor")
        self.status, self.q, self.is_first = given["status"], given["q"], not given["cursor"]
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
        """Search the list."""
        return rx.redirect(with_query(PATH, status=self.status, q=str(form.get("q", "")).strip()))

    async def _fetch(self) -> None:
        given = query(self, "status", "q", "cursor")

        def work(session: Session, actor: Actor) -> tuple[Any, Any, Any]:
            page = webhooks.list_webhooks(
                session, actor=actor, status=given["status"] or None, q=given["q"], cursor=given["cursor"] or None
            )
            return page, webhooks.stats_of(session, actor=actor, webhooks=page.data), webhooks.counts(session, actor=actor)

        try:
            page, stats, counts = await bridge.read(self, work)
        finally:
            self.loading = False
        self.rows = [webhook_row(webhook, stats[webhook.id]) for webhook in page.data]
        self.counts = {name: f"{number:,}" for name, number in counts.items()}
        self.total = self.counts.get(self.status or "all", "0")
        self.older = with_query(PATH, status=self.status, q=self.q, cursor=page.next_cursor or "") if page.next_cursor else ""


class NewWebhookState(rx.State):
    """The making of a webhook."""

    groups: list[TypeGroup] = []  # noqa: RUF012
    errors: dict[str, str] = {}  # noqa: RUF012
    addresses: list[AddressRow] = []  # noqa: RUF012
    url: str = ""
    url_problem: str = ""
    checking: bool = False
    busy: bool = False
    created_id: str = ""
    created_name: str = ""

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    async def load(self) -> None:
        """Begin anew; `?url=` fills the address in."""
        self.errors, self.busy, self.created_id, self.created_name = {}, False, "", ""
        self.addresses, self.url_problem, self.url = [], "", query(self, "url")["url"]
        self.groups = type_groups(await bridge.call(self, event_types.all_types))

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
    @needs(permissions.WEBHOOKS_WRITE)
    async def use_receiver(self) -> None:
        """Fill in the address of the built-in receiver."""
        inbox = await bridge.call(self, receiver.ensure_inbox, write=True)
        self.url = receiver.url(inbox)
        self.addresses, self.url_problem, self.errors = [], "", {**self.errors, "url": ""}

    @rx.event
    @needs(permissions.WEBHOOKS_WRITE)
    async def create(self, form: dict[str, Any]) -> Any:
        """Make the webhook; its secret goes to the browser once."""
        if self.created_id:
            return
        self.busy, self.errors = True, {}
        yield
        try:
            webhook, plaintext = await bridge.call(self, webhooks.create, write=True, input=WebhookInput(**forms.values(form)))
        except CrossdockError as error:
            self.errors = bridge.field_errors(error)
            return
        finally:
            self.busy = False
        self.created_id, self.created_name = webhook.id, webhook.name
        yield secret.reveal(plaintext)

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    def done(self) -> rx.event.EventSpec:
        """The secret is stored: on to the webhook."""
        return rx.redirect(f"{PATH}/{self.created_id}?tab=verify")


async def look_up(url: str) -> tuple[list[AddressRow], str]:
    """The addresses of a URL with their verdicts, or what is wrong with it. Waits for the name service outside any transaction."""
    try:
        found = await threads.waiting(webhooks.check_url, url)
    except CrossdockError as error:
        return [], " ".join(bridge.field_errors(error).values())
    return [AddressRow(item.address, item.allowed, item.rule) for item in found], ""
