"""Owns the list of API keys and the making of one."""

from __future__ import annotations

from typing import Any

import reflex as rx
from sqlmodel import Session

from backend.api_keys import service as api_keys
from backend.api_keys.inputs import KeyInput
from backend.core import clock, permissions
from backend.core.actor import Actor
from backend.core.errors import CrossdockError
from console import bridge, live
from console.auth import needs
from console.components import secret
from console.pages.api_keys import forms
from console.pages.api_keys.rows import KeyRow, key_row
from console.urls import query, with_query

PATH = "/settings/api-keys"


class KeysState(rx.State):
    """The list."""

    rows: list[KeyRow] = []  # noqa: RUF012 - the framework copies it
    counts: dict[str, str] = {}  # noqa: RUF012
    loading: bool = True
    status: str = ""
    q: str = ""
    older: str = ""
    is_first: bool = True
    total: str = ""

    @rx.event
    @needs(permissions.API_KEYS_READ)
    async def load(self) -> None:
        """Read the address, then the page of keys that it names."""
        given = query(self, "status", "q", "cursor")
        self.status, self.q = given["status"], given["q"]
        self.is_first = not given["cursor"]
        self.loading = True
        await self._fetch()

    @rx.event(background=True)
    @needs(permissions.API_KEYS_READ)
    async def follow(self) -> None:
        """Keep the list up to date while it is open."""
        async for _ in live.changes(self):
            async with self:
                await self._fetch()

    @rx.event
    @needs(permissions.API_KEYS_READ)
    def search(self, form: dict[str, Any]) -> rx.event.EventSpec:
        """Search the list."""
        return rx.redirect(with_query(PATH, status=self.status, q=str(form.get("q", "")).strip()))

    async def _fetch(self) -> None:
        given = query(self, "status", "q", "cursor")

        def work(session: Session, actor: Actor) -> tuple[Any, Any, Any]:
            page = api_keys.list_keys(session, actor=actor, status=given["status"], q=given["q"], cursor=given["cursor"] or None)
            return page, api_keys.secrets_by_key(session, actor=actor, keys=page.data), api_keys.counts(session, actor=actor)

        try:
            page, secrets, counts = await bridge.read(self, work)
        finally:
            self.loading = False
        now = clock.now()
        self.rows = [key_row(key, secrets[key.id], now) for key in page.data]
        self.counts = {name: f"{number:,}" for name, number in counts.items()}
        self.total = self.counts.get(self.status or "all", "0")
        self.older = with_query(PATH, status=self.status, q=self.q, cursor=page.next_cursor or "") if page.next_cursor else ""


class NewKeyState(rx.State):
    """The making of a key."""

    errors: dict[str, str] = {}  # noqa: RUF012
    busy: bool = False
    created_id: str = ""
    created_name: str = ""

    @rx.event
    @needs(permissions.API_KEYS_READ)
    def load(self) -> None:
        """Begin anew."""
        self.errors, self.busy, self.created_id, self.created_name = {}, False, "", ""

    @rx.event
    @needs(permissions.API_KEYS_WRITE)
    async def create(self, form: dict[str, Any]) -> Any:
        """Make the key; its secret goes to the browser once."""
        if self.created_id:
            return
        self.busy, self.errors = True, {}
        yield
        try:
            key, token = await bridge.call(self, api_keys.create, write=True, input=KeyInput(**forms.changes(form)))
        except CrossdockError as error:
            self.errors = bridge.field_errors(error)
            return
        finally:
            self.busy = False
        self.created_id, self.created_name = key.id, key.name
        yield secret.reveal(token)

    @rx.event
    @needs(permissions.API_KEYS_READ)
    def done(self) -> rx.event.EventSpec:
        """The secret is stored: on to the key."""
        return rx.redirect(f"{PATH}/{self.created_id}")
