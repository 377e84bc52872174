"""Owns one API key's page: its secrets, its requests, and what can be done with it."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.accounts import members
from backend.api_keys import access, due, usage
from backend.api_keys import service as api_keys
from backend.core import clock, permissions
from backend.core.actor import Actor
from backend.logs import service as logs
from console import bridge, inputs, words
from console.auth import needs
from console.components import secret
from console.components.chart import RANGES, Line, chosen, lines
from console.pages.api_keys import forms
from console.pages.api_keys.rows import KeyDetail, LimitRow, SecretRow, UseRow, key_detail, limit_row, secret_rows
from console.pages.logs.rows import RequestRow, request_row
from console.states import Managed
from console.urls import query

_LATEST = 20
_MOST = 5
_NOWHERE = "Paths that are no endpoint"


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
    members: list[tuple[str, str]] = []  # noqa: RUF012
    tab: str = ""
    reasons: list[str] = []  # noqa: RUF012
    range: str = "24h"
    total: str = ""
    line: str = ""
    wrong: str = ""
    wrong_hint: str = ""
    failed: str = ""
    failed_hint: str = ""
    p95: str = ""
    p95_hint: str = ""
    checking: bool = False
    check_rule: str = ""
    check_reason: str = ""
    check_allowed: bool = False

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

    @rx.event
    @needs(permissions.API_KEYS_READ)
    async def check(self, form: dict[str, Any]) -> Any:
        """Judge a call by the rules of the door."""
        self.checking, self.check_rule = True, ""
        yield
        asked = {"method": inputs.text(form, "method"), "path": inputs.text(form, "path"), "ip": inputs.text(form, "ip") or None}
        try:
            decision = await bridge.call(self, access.check, key_id=self.key.id, **asked)
        finally:
            self.checking = False
        self.check_rule, self.check_reason, self.check_allowed = decision.rule.replace("_", " "), decision.reason, decision.allowed

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        given = query(self, "tab", "range")
        self.tab, self.range = given["tab"], chosen(given["range"], "24h")
        if anew:
            self.key, self.secrets, self.requests, self.check_rule = KeyDetail(), [], [], ""

    async def _renewed(self, renew: Any, **how: Any) -> rx.event.EventSpec:
        _, token = await bridge.call(self, renew, write=True, key_id=self.key.id, **how)
        self.revealing = "The new secret of " + self.key.name
        await self._fetch()
        return secret.reveal(token)

    def _reader(self) -> Any:
        return partial(self._read, hours=RANGES[self.range][1])

    @staticmethod
    def _read(session: Session, actor: Actor, wanted: str, hours: int = 24) -> tuple[Any, ...]:
        key = api_keys.get(session, actor=actor, key_id=wanted)
        secrets = api_keys.secrets(session, actor=actor, key_id=wanted)
        owner = api_keys.owner(session, actor=actor, key=key)
        people = members.list_members(session, actor=actor) if permissions.allows(actor, permissions.MEMBERS_READ) else []
        latest = logs.list_requests(session, actor=actor, wanted=logs.RequestFilter(caller_id=wanted), limit=_LATEST)
        return key, owner, people, secrets, latest, usage.read(session, actor=actor, key_id=wanted, hours=hours)

    def _show(self, found: tuple[Any, ...]) -> None:
        key, owner, people, secrets, latest, used = found
        now = clock.now()
        metadata = json.dumps(key.meta, indent=2, ensure_ascii=False) if key.meta else ""
        self.key = key_detail(key, metadata, owner, now)
        left = [(key.owner_id, "Somebody who has left")] if key.owner_id and not owner else []
        named = [(one.user_id, f"{one.name} ({one.email})" if one.name else one.email) for one in people]
        self.members = [("", "Nobody"), *left, *named]
        is_active = self.key.status == "active"
        # That it expires is in its sentence already.
        reasons = [reason for reason in due.reasons(key, secrets, now) if reason.kind is not due.Kind.EXPIRING] if is_active else []
        self.reasons = [reason.sentence for reason in reasons]
        self.secrets = secret_rows(used.secrets)
        self.requests = [request_row(request) for request in latest.data]
        self.limits = [limit_row(standing) for standing in used.limits]
        self.routes = [UseRow(item.route or _NOWHERE, words.number(item.total), f"{item.failed:,} failed") for item in used.routes[:_MOST]]
        self.addresses = [UseRow(item.ip, words.number(item.total), words.moment(item.last_at)) for item in used.addresses[:_MOST]]
        self._used(used)

    def _used(self, used: usage.KeyUsage) -> None:
        refused = used.client_error + used.limited
        self.total, self.p95 = words.number(used.total), words.duration(used.p95_ms)
        self.wrong, self.wrong_hint = words.number(refused), f"4xx, {words.number(used.limited)} of them over a limit"
        share = f"; {words.percent(used.ok, used.total)} answered well" if used.total else ""
        self.failed, self.failed_hint = words.number(used.server_error), f"5xx{share}"
        self.p95_hint = "no request yet" if used.p50_ms is None else f"half within {words.duration(used.p50_ms)}"
        self.line = lines(
            [point.starts_at for point in used.points],
            Line("accent", [point.total for point in used.points], lambda number: f"{number:,} requests"),
            Line("red", [point.total - point.ok for point in used.points], lambda number: f"{number:,} refused or failed"),
        )
