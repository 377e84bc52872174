"""Owns one incoming webhook's page: its log, its health, its settings."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core import clock, permissions
from backend.core.actor import Actor
from backend.core.errors import FieldError, Invalid
from backend.core.pagination import COUNT_CAP, Count
from backend.incoming import health, replaying, requests
from backend.incoming import service as incoming
from backend.incoming.requests import RequestFilter
from console import bridge, words
from console.auth import needs
from console.components import secret
from console.components.chart import Line, lines
from console.inputs import json_object, text, whole
from console.pages.incoming.rows import ArrivalRow, IncomingDetail, arrival_row, incoming_detail
from console.pages.incoming.state import PATH
from console.states import Managed, Within
from console.urls import query, since

TABS = ("requests", "mapping", "configuration", "health")
DAY = "24h"
EPOCH = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


class IncomingWebhookState(Managed, rx.State):
    """One incoming webhook."""

    READS: ClassVar = permissions.INCOMING_READ
    ASKS: ClassVar = ("regenerate", "replay", "delete")
    webhook: IncomingDetail = IncomingDetail()
    tab: str = "requests"
    failed: str = ""

    @rx.event
    @needs(permissions.INCOMING_WRITE)
    async def toggle(self) -> Any:
        """Disable it, or enable it again."""
        is_active = self.webhook.status == "active"
        await self._do(incoming.update, changes={"is_active": not is_active})
        yield rx.toast.info("Disabled. Requests are refused, and kept." if is_active else "Enabled.")

    @rx.event
    @needs(permissions.INCOMING_WRITE)
    async def regenerate(self, form: dict[str, Any]) -> Any:
        """A new address; the old one works for the chosen hours."""
        self.busy = True
        yield
        with self._answering():
            hours = float(form.get("overlap") or 24)
            _, token = await bridge.call(self, incoming.regenerate_token, write=True, incoming_id=self.webhook.id, overlap_hours=hours)
            self.revealing = "The new address of " + self.webhook.name
            await self._fetch()
            yield secret.reveal(incoming.url(token))

    @rx.event
    @needs(permissions.INCOMING_OPERATE)
    async def ask_replay(self) -> None:
        """Ask for a replay, and tell how many it is of."""
        self.ask, self.ask_error = "replay", ""
        await self._count(DAY)

    @rx.event
    @needs(permissions.INCOMING_OPERATE)
    async def count_failed(self, span: str) -> None:
        """Another span of time was chosen."""
        await self._count(span)

    @rx.event
    @needs(permissions.INCOMING_OPERATE)
    async def replay(self, form: dict[str, Any]) -> Any:
        """Process again what failed since the chosen time."""
        self.busy = True
        yield
        with self._answering():
            total = await self._replay(text(form, "since"))
            await self._fetch()
            yield rx.toast.info(f"{total:,} requests are processed again." if total else "Nothing has failed in that time.")

    @rx.event
    @needs(permissions.INCOMING_DELETE)
    async def delete(self, form: dict[str, Any]) -> Any:
        """Delete it, if its name was typed."""
        if not self._is_named(form, self.webhook.name):
            return
        with self._answering():
            await bridge.call(self, incoming.delete, write=True, incoming_id=self.webhook.id)
            yield rx.redirect(PATH)
            yield rx.toast.info("Deleted. Its address has ended.")

    @rx.event
    @needs(permissions.INCOMING_WRITE)
    async def save(self, form: dict[str, Any]) -> Any:
        """Save what was changed."""
        self._begin()
        yield
        with self._saving():
            await self._do(incoming.update, changes=_settings(form))
            yield rx.toast.info(f"Saved {self.webhook.name}.")

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        wanted = query(self, "tab")["tab"]
        self.tab = wanted if wanted in TABS else TABS[0]
        if anew:
            self.webhook = IncomingDetail()

    async def _count(self, span: str) -> None:
        self.failed = ""
        total = await self._replay(span, dry_run=True)
        many = f"{min(total, COUNT_CAP):,} request{'s' if total != 1 else ''} will be processed again"
        rest = "; replay what is left after it" if total > COUNT_CAP else ""
        self.failed = f"{many}{rest}." if total else "Nothing has failed in that time."

    async def _replay(self, span: str, *, dry_run: bool = False) -> int:
        """Replay what failed since a span ago, or ever, or only count it; how many."""
        begin = since(span, clock.now()) or EPOCH
        values = {"incoming_id": self.webhook.id, "since": begin, "dry_run": dry_run}
        return await bridge.call(self, replaying.replay_failed, write=not dry_run, **values)

    async def _do(self, action: Any, **kwargs: Any) -> None:
        await bridge.call(self, action, write=True, incoming_id=self.webhook.id, **kwargs)
        await self._fetch()

    @staticmethod
    def _read(session: Session, actor: Actor, wanted: str) -> tuple[Any, ...]:
        row = incoming.get(session, actor=actor, incoming_id=wanted)
        tokens = incoming.list_tokens(session, actor=actor, incoming_id=wanted)
        return row, tokens, health.health(session, actor=actor, incoming_id=wanted)

    def _show(self, found: tuple[Any, ...]) -> None:
        row, tokens, figures = found
        line = lines(
            [point.starts_at for point in figures.series],
            Line("green", [point.accepted for point in figures.series], lambda number: f"{number:,.0f} accepted"),
            Line("red", [point.rejected for point in figures.series], lambda number: f"{number:,.0f} rejected"),
        )
        ends = next((token.expires_at for token in tokens if token.expires_at is not None and token.expires_at > clock.now()), None)
        self.webhook = incoming_detail(row, figures, line, words.moment(ends))


class ArrivalsState(Within, rx.State):
    """What arrived at one incoming webhook."""

    READS: ClassVar = permissions.INCOMING_READ
    PATH: ClassVar = PATH
    FILTERS: ClassVar = ("status", "since", "reason", "q")
    STATUSES: ClassVar = ("accepted", "rejected", "captured", "duplicate", "received")
    rows: list[ArrivalRow] = []  # noqa: RUF012 - the framework copies it
    since: str = ""
    reason: str = ""

    @staticmethod
    def _read_of(session: Session, actor: Actor, wanted: str, given: dict[str, str]) -> tuple[Any, ...]:
        return _arrivals(session, actor, wanted, given)

    def _show(self, found: tuple[Any, ...]) -> None:
        target, page, counts = found
        self.rows = [arrival_row(row, target) for row in page.data]
        self._paged(page, counts)


def _arrivals(session: Session, actor: Actor, wanted: str, given: dict[str, str]) -> tuple[Any, ...]:
    row = incoming.get(session, actor=actor, incoming_id=wanted)
    asked = RequestFilter(
        incoming_id=wanted,
        status=given["status"] or None,
        reason=given["reason"] or None,
        since=since(given["since"], clock.now()),
        q=given["q"] or None,
    )
    page = requests.list_requests(session, actor=actor, wanted=asked, cursor=given["cursor"] or None)
    counted = requests.counts(session, actor=actor, incoming_id=wanted)
    every = sum(count.value for count in counted.values())
    together = Count(min(every, COUNT_CAP), capped=every > COUNT_CAP or any(count.capped for count in counted.values()))
    return row.module or "orders", page, {"all": together, **counted}


def _settings(form: dict[str, Any]) -> dict[str, Any]:
    """The configuration's fields under the names of the service. Raises `Invalid` for what is no number or JSON."""
    errors: list[FieldError] = []
    verification = {"scheme": text(form, "scheme"), **json_object(form, "settings", errors)}
    if typed := text(form, "secret"):
        verification["secret"] = typed
    found: dict[str, Any] = {
        "name": text(form, "name"),
        "action": text(form, "action"),
        "upsert_field": text(form, "upsert_field") or None,
        "items": text(form, "items"),
        "rate_limit": whole(form, "rate_limit", errors),
        "verification": verification,
    }
    if errors:
        raise Invalid(*errors)
    return found
