"""Owns the list of webhooks and the making of one."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.core.errors import CrossdockError
from backend.event_types import service as event_types
from backend.receiver import service as receiver
from backend.webhooks import service as webhooks
from backend.webhooks.values import WebhookInput
from console import bridge, threads
from console.auth import needs
from console.components import secret
from console.pages.webhooks import forms
from console.pages.webhooks.rows import AddressRow, TypeGroup, WebhookRow, type_groups, webhook_row
from console.states import Listing, Making
from console.urls import query

PATH: Final = "/settings/webhooks"


class WebhooksState(Listing, rx.State):
    """The list."""

    READS: ClassVar = permissions.WEBHOOKS_READ
    PATH: ClassVar = PATH
    STATUSES: ClassVar = ("active", "failing", "paused", "disabled")
    rows: list[WebhookRow] = []  # noqa: RUF012 - the framework copies it

    @staticmethod
    def _read(session: Session, actor: Actor, given: dict[str, str]) -> tuple[Any, Any, Any]:
        page = webhooks.list_webhooks(session, actor=actor, status=given["status"] or None, q=given["q"], cursor=given["cursor"] or None)
        return page, webhooks.stats_of(session, actor=actor, webhooks=page.data), webhooks.counts(session, actor=actor)

    def _show(self, found: tuple[Any, Any, Any]) -> None:
        page, stats, counts = found
        self.rows = [webhook_row(webhook, stats[webhook.id]) for webhook in page.data]
        self._paged(page, counts)


class Addressed(rx.State, mixin=True):
    """A form with a URL, checked while it is filled in."""

    addresses: list[AddressRow] = []  # noqa: RUF012
    url_problem: str = ""
    checking: bool = False

    @rx.event(background=True)
    @needs(permissions.WEBHOOKS_WRITE)
    async def check_url(self, url: str) -> None:
        """Show every address that the URL leads to, and whether it may be sent to."""
        if not url.strip():
            return
        async with self:
            self.checking = True
        rows, problem = await _look_up(url.strip())
        async with self:
            self.addresses, self.url_problem, self.checking = rows, problem, False

    def _unchecked(self) -> None:
        self.addresses, self.url_problem, self.checking = [], "", False


class NewWebhookState(Addressed, Making, rx.State):
    """The making of a webhook."""

    groups: list[TypeGroup] = []  # noqa: RUF012
    url: str = ""

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    async def load(self) -> None:
        """Begin anew; `?url=` fills the address in."""
        self._anew()
        self._unchecked()
        self.url = query(self, "url")["url"]
        self.groups = type_groups(await bridge.call(self, event_types.all_types))

    @rx.event
    @needs(permissions.WEBHOOKS_WRITE)
    async def use_receiver(self) -> None:
        """Fill in the address of the built-in receiver."""
        inbox = await bridge.call(self, receiver.ensure_inbox, write=True)
        self.url = receiver.url(inbox)
        self._unchecked()
        self.errors = {**self.errors, "url": ""}

    @rx.event
    @needs(permissions.WEBHOOKS_WRITE)
    async def create(self, form: dict[str, Any]) -> Any:
        """Make the webhook; its secret goes to the browser once."""
        if self.created_id:
            return
        self._begin()
        yield
        with self._saving():
            webhook, plaintext = await bridge.call(self, webhooks.create, write=True, input=WebhookInput(**forms.values(form)))
            self.created_id, self.created_name = webhook.id, webhook.name
            yield secret.reveal(plaintext)

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    def done(self) -> rx.event.EventSpec:
        """The secret is stored: on to the webhook."""
        return rx.redirect(f"{PATH}/{self.created_id}?tab=verify")


async def _look_up(url: str) -> tuple[list[AddressRow], str]:
    """The addresses of a URL with their verdicts, or what is wrong with it. Waits for the name service outside any transaction."""
    try:
        found = await threads.waiting(webhooks.check_url, url)
    except CrossdockError as error:
        return [], " ".join(bridge.field_errors(error).values())
    return [AddressRow(item.address, item.allowed, item.rule) for item in found], ""
