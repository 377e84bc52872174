"""Owns the list of API keys and the making of one."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import reflex as rx
from sqlmodel import Session

from backend.api_keys import service as api_keys
from backend.api_keys.inputs import KeyInput
from backend.core import clock, permissions
from backend.core.actor import Actor
from console import bridge
from console.auth import needs
from console.components import secret
from console.pages.api_keys import forms
from console.pages.api_keys.rows import DueRow, KeyRow, due_row, key_row
from console.states import Listing, Making

PATH: Final = "/settings/api-keys"
_MOST_DUE: Final = 10


class KeysState(Listing, rx.State):
    """The list."""

    READS: ClassVar = permissions.API_KEYS_READ
    PATH: ClassVar = PATH
    STATUSES: ClassVar = ("active", "disabled", "expired", "revoked")
    rows: list[KeyRow] = []  # noqa: RUF012 - the framework copies it
    due: list[DueRow] = []  # noqa: RUF012

    @staticmethod
    def _read(session: Session, actor: Actor, given: dict[str, str]) -> tuple[Any, ...]:
        page = api_keys.list_keys(session, actor=actor, status=given["status"], q=given["q"], cursor=given["cursor"] or None)
        secrets = api_keys.secrets_by_key(session, actor=actor, keys=page.data)
        return page, secrets, api_keys.counts(session, actor=actor), api_keys.list_due(session, actor=actor, limit=_MOST_DUE)

    def _show(self, found: tuple[Any, ...]) -> None:
        page, secrets, counts, due = found
        now = clock.now()
        self.rows = [key_row(key, secrets[key.id], now) for key in page.data]
        self.due = [due_row(each) for each in due]
        self._paged(page, counts)


class NewKeyState(Making, rx.State):
    """The making of a key."""

    may_publish: bool = False

    @rx.event
    @needs(permissions.API_KEYS_READ)
    def load(self) -> None:
        """Begin anew."""
        self._anew()

    @rx.event
    @needs(permissions.API_KEYS_WRITE)
    async def create(self, form: dict[str, Any]) -> Any:
        """Make the key; its secret goes to the browser once."""
        if self.created_id:
            return
        self._begin()
        yield
        with self._saving():
            key, token = await bridge.call(self, api_keys.create, write=True, input=KeyInput(**forms.changes(form)))
            self.created_id, self.created_name = key.id, key.name
            self.may_publish = permissions.holds(frozenset(key.scopes), "events:write")
            yield secret.reveal(token)

    @rx.event
    @needs(permissions.API_KEYS_READ)
    def done(self) -> rx.event.EventSpec:
        """The secret is stored: on to the key."""
        return rx.redirect(f"{PATH}/{self.created_id}")
