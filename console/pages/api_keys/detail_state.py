"""Owns one API key's page: its secrets, its requests, and what can be done with it."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.api_keys import service as api_keys
from backend.api_keys import usage
from backend.core import clock, permissions
from backend.core.actor import Actor
from backend.logs import service as logs
from console import bridge, words
from console.auth import needs
from console.components import secret
from console.components.chart import Line, lines
from console.pages.api_keys import forms
from console.pages.api_keys.rows import KeyDetail, LimitRow, SecretRow, UseRow, key_detail, limit_row, secret_rows
from console.pages.logs.rows import RequestRow, request_row
from console.states import Managed
from console.urls import query

_LATEST = 20
_MOST = 5


class KeyState(Managed, rx.State):
    """One key."""

    READS: ClassVar = permissions.API_KEYS_READ
    ASKS: ClassVar = ("rotate", "regenerate", "revoke")
    key: KeyDetail = KeyDetail()
    secrets: list[SecretRow] = []  # noqa: RUF012 - the framework copies it
    requests: list[RequestRow] = []  # noqa: RUF012
    limits: list[LimitRow] = []  # noqa: RUF012
    routes: list[UseRow] = []  # noqa: RUF012
    addresses: list[UseRow] = []  # noqa: RUF012
    tab: str = ""
    day_total: str = ""
    day_refused: str = ""
    day_p95: str = ""
    day_line: str = ""

    @rx.event
    @needs(permissions.API_KEYS_WRITE)
    async def rotate(self, form: dict[str, Any]) -> Any:
        """A further secret; the old one works for the chosen hours."""
        self.busy = True
        yield
        with self._answering():
            yield await self._renewed(api_keys.rotate, overlap_hours=float(form.get("overlap", 24)))

    @rx.event
    @needs(permissions.API_KEYS_WRITE)
    async def regenerate(self, form: dict[str, Any]) -> Any:
        """A new secret at once."""
        if not self._is_named(form, self.key.name):
            return
        with self._answering():
            yield await self._renewed(api_keys.regenerate)

    @rx.event
    @needs(permissions.API_KEYS_DELETE)
    async def revoke(self, form: dict[str, Any]) -> Any:
        """End the key for good."""
        if not self._is_named(form, self.key.name):
            return
        with self._answering():
            await bridge.call(self, api_keys.revoke, write=True, key_id=self.key.id)
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
        self._begin()
        yield
        with self._saving():
            await bridge.call(self, api_keys.update, write=True, key_id=self.key.id, changes=forms.changes(form))
            await self._fetch()
            yield rx.toast.info(f"Saved {self.key.name}.")

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        self.tab = query(self, "tab")["tab"]
        if anew:
            self.key, self.secrets, self.requests = KeyDetail(), [], []

    async def _renewed(self, renew: Any, **how: Any) -> rx.event.EventSpec:
        _, token = await bridge.call(self, renew, write=True, key_id=self.key.id, **how)
        self.revealing = "The new secret of " + self.key.name
        await self._fetch()
        return secret.reveal(token)

    @staticmethod
    def _read(session: Session, actor: Actor, wanted: str) -> tuple[Any, ...]:
        key = api_keys.get(session, actor=actor, key_id=wanted)
        secrets = api_keys.secrets(session, actor=actor, key_id=wanted)
        latest = logs.list_requests(session, actor=actor, wanted=logs.RequestFilter(caller_id=wanted), limit=_LATEST)
        return key, secrets, latest, usage.read(session, actor=actor, key_id=wanted)

    def _show(self, found: tuple[Any, ...]) -> None:
        key, secrets, latest, day = found
        metadata = json.dumps(key.meta, indent=2, ensure_ascii=False) if key.meta else ""
        self.key = key_detail(key, metadata, clock.now())
        self.secrets = secret_rows(secrets)
        self.requests = [request_row(request) for request in latest.data]
        self.limits = [limit_row(standing) for standing in day.limits]
        self.routes = [UseRow(item.route, words.number(item.total), f"{item.failed:,} failed") for item in day.routes[:_MOST]]
        self.addresses = [UseRow(item.ip, words.number(item.total), words.moment(item.last_at)) for item in day.addresses[:_MOST]]
        self.day_total, self.day_p95 = words.number(day.total), words.duration(day.p95_ms)
        self.day_refused = words.number(day.client_error + day.limited + day.server_error)
        self.day_line = lines(
            [point.starts_at for point in day.points],
            Line("accent", [point.total for point in day.points], lambda number: f"{number:,} requests"),
            Line("red", [point.total - point.ok for point in day.points], lambda number: f"{number:,} refused or failed"),
        )
