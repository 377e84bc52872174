"""Owns one API key's page: its secrets, its requests, and what can be done with it."""

from __future__ import annotations

import json
from typing import Any

import reflex as rx
from sqlmodel import Session

from backend.api_keys import service as api_keys
from backend.api_keys import usage
from backend.core import clock, permissions
from backend.core.actor import Actor
from backend.core.errors import CrossdockError, NotFound
from backend.logs import service as logs
from console import bridge, live, words
from console.auth import needs
from console.components import secret
from console.components.chart import spark_path
from console.pages.api_keys import forms
from console.pages.api_keys.rows import KeyDetail, LimitRow, RequestRow, SecretRow, UseRow, key_detail, limit_row, request_row, secret_rows
from console.urls import last_part, query

_LATEST = 20
_MOST = 5


class KeyState(rx.State):
    """One key."""

    key: KeyDetail = KeyDetail()
    secrets: list[SecretRow] = []  # noqa: RUF012 - the framework copies it
    requests: list[RequestRow] = []  # noqa: RUF012
    limits: list[LimitRow] = []  # noqa: RUF012
    routes: list[UseRow] = []  # noqa: RUF012
    addresses: list[UseRow] = []  # noqa: RUF012
    tab: str = ""
    loading: bool = True
    missing: bool = False
    revealing: str = ""
    ask: str = ""
    ask_error: str = ""
    busy: bool = False
    errors: dict[str, str] = {}  # noqa: RUF012
    day_total: str = ""
    day_refused: str = ""
    day_p95: str = ""
    day_line: str = ""

    @rx.event
    @needs(permissions.API_KEYS_READ)
    async def load(self) -> None:
        """Read the key that the address names."""
        if self.key.id != last_part(self):
            self.key, self.secrets, self.requests, self.revealing = KeyDetail(), [], [], ""
        self.tab, self.ask, self.errors, self.missing = query(self, "tab")["tab"], "", {}, False
        self.loading = self.key.id == ""
        await self._fetch()

    @rx.event(background=True)
    @needs(permissions.API_KEYS_READ)
    async def follow(self) -> None:
        """Keep it up to date while it is open."""
        async for _ in live.changes(self):
            async with self:
                await self._fetch()

    @rx.event
    @needs(permissions.API_KEYS_READ)
    def open_dialog(self, ask: str) -> None:
        """Ask before rotating, regenerating or revoking."""
        self.ask, self.ask_error = ask if ask in ("rotate", "regenerate", "revoke") else "", ""

    @rx.event
    @needs(permissions.API_KEYS_READ)
    def close_dialog(self) -> None:
        """Leave things as they are."""
        self.ask = ""

    @rx.event
    @needs(permissions.API_KEYS_WRITE)
    async def rotate(self, form: dict[str, Any]) -> Any:
        """A further secret; the old one works for the chosen hours."""
        self.busy = True
        yield
        try:
            hours = float(form.get("overlap", 24))
            _, token = await bridge.call(self, api_keys.rotate, write=True, key_id=self.key.id, overlap_hours=hours)
        except CrossdockError as error:
            self.ask_error = error.detail
            return
        finally:
            self.busy = False
        self.ask, self.revealing = "", "The new secret of " + self.key.name
        await self._fetch()
        yield secret.reveal(token)

    @rx.event
    @needs(permissions.API_KEYS_WRITE)
    async def regenerate(self, form: dict[str, Any]) -> Any:
        """A new secret at once."""
        if not self._named(form):
            return
        try:
            _, token = await bridge.call(self, api_keys.regenerate, write=True, key_id=self.key.id)
        except CrossdockError as error:
            self.ask_error = error.detail
            return
        self.ask, self.revealing = "", "The new secret of " + self.key.name
        await self._fetch()
        yield secret.reveal(token)

    @rx.event
    @needs(permissions.API_KEYS_DELETE)
    async def revoke(self, form: dict[str, Any]) -> Any:
        """End the key for good."""
        if not self._named(form):
            return
        await bridge.call(self, api_keys.revoke, write=True, key_id=self.key.id)
        self.ask = ""
        await self._fetch()
        yield rx.toast.info("Revoked. Requests with this key are refused from now on.")

    @rx.event
    @needs(permissions.API_KEYS_WRITE)
    async def switch(self) -> Any:
        """Disable the key, or enable it again."""
        is_on = self.key.status != "disabled"
        await bridge.call(self, api_keys.disable if is_on else api_keys.enable, write=True, key_id=self.key.id)
        await self._fetch()
        yield rx.toast.info("Disabled. Requests with this key are refused." if is_on else "Enabled.")

    @rx.event
    @needs(permissions.API_KEYS_WRITE)
    async def save(self, form: dict[str, Any]) -> Any:
        """Save what was changed."""
        self.busy, self.errors = True, {}
        yield
        try:
            await bridge.call(self, api_keys.update, write=True, key_id=self.key.id, changes=forms.changes(form))
        except CrossdockError as error:
            self.errors = bridge.field_errors(error)
            return
        finally:
            self.busy = False
        await self._fetch()
        yield rx.toast.info(f"Saved {self.key.name}.")

    @rx.event
    @needs(permissions.API_KEYS_READ)
    def stored(self) -> None:
        """The secret is stored."""
        self.revealing = ""

    def _named(self, form: dict[str, Any]) -> bool:
        right = str(form.get("typed_name", "")).strip() == self.key.name
        self.ask_error = "" if right else "That is not its name."
        return right

    async def _fetch(self) -> None:
        key_id = last_part(self)

        def work(session: Session, actor: Actor) -> tuple[Any, ...]:
            key = api_keys.get(session, actor=actor, key_id=key_id)
            secrets = api_keys.secrets(session, actor=actor, key_id=key_id)
            latest = logs.list_requests(session, actor=actor, caller_id=key_id, limit=_LATEST)
            return key, secrets, latest, usage.read(session, actor=actor, key_id=key_id)

        try:
            key, secrets, latest, day = await bridge.read(self, work)
        except NotFound:
            self.missing = True
            return
        finally:
            self.loading = False
        metadata = json.dumps(key.meta, indent=2, ensure_ascii=False) if key.meta else ""
        self.key = key_detail(key, metadata, clock.now())
        self.secrets = secret_rows(secrets)
        self.requests = [request_row(request) for request in latest.data]
        self.limits = [limit_row(standing) for standing in day.limits]
        self.routes = [UseRow(item.route, words.number(item.total), f"{item.failed:,} failed") for item in day.routes[:_MOST]]
        self.addresses = [UseRow(item.ip, words.number(item.total), words.moment(item.last_at)) for item in day.addresses[:_MOST]]
        self.day_total, self.day_p95 = words.number(day.total), words.duration(day.p95_ms)
        self.day_refused = words.number(day.client_error + day.limited + day.server_error)
        self.day_line = spark_path([point.total for point in day.points])
