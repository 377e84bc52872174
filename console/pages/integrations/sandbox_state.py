"""Owns the sandbox's switches: how it fails, and what happens to what it granted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.core.errors import FieldError, Invalid
from backend.integrations import connection
from backend.integrations import service as integrations
from backend.sandbox import service as sandbox
from backend.sandbox.service import Standing
from console import bridge, inputs, words
from console.auth import needs
from console.pages.integrations.rows import IntegrationRow, integration_row
from console.states import Form, Page


class SandboxState(Form, Page, rx.State):
    """The workspace's account at the sandbox."""

    READS: ClassVar = permissions.INTEGRATIONS_READ
    rows: list[IntegrationRow] = []  # noqa: RUF012 - the framework copies it
    denies: bool = False
    drops: str = ""
    token_error: str = ""
    api_error: str = ""
    access_ttl: str = ""
    contacts: str = ""
    grants: str = ""
    revision: int = 0

    @rx.event
    @needs(permissions.INTEGRATIONS_READ)
    async def load(self) -> None:
        """Read them."""
        self.errors = {}
        await self._fetch()
        self.revision += 1

    @rx.event
    @needs(permissions.INTEGRATIONS_WRITE)
    async def save(self, form: dict[str, Any]) -> Any:
        """Set the switches."""
        self._begin()
        yield
        with self._saving():
            await bridge.call(self, sandbox.set_switches, write=True, changes=_changes(form))
            await self._fetch()
            self.revision += 1
            yield rx.toast.info("Set. The next call meets it.")

    @rx.event
    @needs(permissions.INTEGRATIONS_WRITE)
    async def expire(self) -> Any:
        """End every access token."""
        await bridge.call(self, sandbox.expire_tokens, write=True)
        yield rx.toast.info("Every access token has ended. The next call is refused, refreshes, and succeeds.")

    @rx.event
    @needs(permissions.INTEGRATIONS_WRITE)
    async def revoke(self) -> Any:
        """Withdraw every grant."""
        await bridge.call(self, sandbox.revoke_grants, write=True)
        await self._fetch()
        yield rx.toast.info("Every grant was withdrawn at the provider. The next test or sync says so.")

    @rx.event
    @needs(permissions.INTEGRATIONS_WRITE)
    async def change(self, form: dict[str, Any]) -> Any:
        """Change some contacts."""
        self._begin()
        yield
        with self._saving():
            number = _number(form, "number")
            await bridge.call(self, sandbox.change_contacts, write=True, number=number)
            yield rx.toast.info(f"Changed {number:,}. The next sync brings them.")

    @rx.event
    @needs(permissions.INTEGRATIONS_WRITE)
    async def remove(self, form: dict[str, Any]) -> Any:
        """Delete some contacts."""
        self._begin()
        yield
        with self._saving():
            number = _number(form, "removed")
            await bridge.call(self, sandbox.delete_contacts, write=True, number=number)
            yield rx.toast.info(f"Deleted {number:,}. The next sync learns of it, and does what the integration's settings say.")

    async def _fetch(self) -> None:
        found = await self._found(_read)
        if found is None:
            return
        standing, rows = found
        self.rows = [integration_row(row) for row in rows]
        self.grants, self.contacts, self.access_ttl = words.number(standing.grants), str(standing.contacts), str(standing.access_ttl)
        self.denies, self.drops = bool(standing.switches["deny_consent"]), str(standing.switches["drop_scope"])
        self.token_error, self.api_error = str(standing.switches["token_error"]), str(standing.switches["api_error"])


def _read(session: Session, actor: Actor) -> tuple[Standing, list[Any]]:
    page = integrations.list_integrations(session, actor=actor, provider=connection.SANDBOX)
    return sandbox.account(session, actor=actor), page.data


def _changes(form: Mapping[str, Any]) -> dict[str, Any]:
    """The form as the service takes it. Raises `Invalid` for what is no number."""
    errors: list[FieldError] = []
    numbers = {name: inputs.whole(form, name, errors) for name in ("access_ttl", "contacts")}
    if errors:
        raise Invalid(*errors)
    chosen = {name: inputs.text(form, name) for name in ("drop_scope", "token_error", "api_error")}
    return {**chosen, **numbers, "deny_consent": "deny_consent" in form}


def _number(form: Mapping[str, Any], name: str) -> int:
    """How many. Raises `Invalid` for what is no number."""
    errors: list[FieldError] = []
    number = inputs.whole(form, name, errors)
    if errors:
        raise Invalid(*errors)
    return number or 0
