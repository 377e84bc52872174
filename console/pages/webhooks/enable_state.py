"""Owns the starting of a disabled webhook: what it missed is counted, then sent or skipped."""

from __future__ import annotations

from typing import Any

import reflex as rx
from sqlmodel import Session

from backend.core import pagination, permissions
from backend.core.actor import Actor
from backend.core.errors import CrossdockError
from backend.deliveries import service as deliveries
from backend.replays import service as replays
from backend.replays.service import Kind
from backend.webhooks import missed as catching_up
from backend.webhooks import service as webhooks
from console import bridge, words
from console.auth import needs
from console.pages.replays.new_state import PATH as REPLAYS
from console.pages.replays.rows import how_long
from console.pages.webhooks.detail_state import WebhookState
from console.urls import last_part

_LATEST = 20


class EnableState(rx.State):
    """The dialog, with what was held for the webhook and what it was skipped for."""

    is_open: bool = False
    missed: str = ""
    sends: str = ""
    is_much: bool = False
    problem: str = ""
    busy: bool = False

    @rx.event
    @needs(permissions.WEBHOOKS_WRITE)
    async def ask(self) -> None:
        """Count what the webhook missed, and ask what becomes of it."""
        found = await bridge.call(self, deliveries.probe_state, webhook_id=last_part(self))
        held, skipped = found.held, found.skipped
        self.is_open, self.problem, self.busy = True, "", False
        self.is_much = skipped >= pagination.COUNT_CAP
        self.missed = f"{_some(held, 'delivery', 'deliveries')} held, {_some(skipped, 'event', 'events')} skipped" if held + skipped else ""
        self.sends = f"Oldest first. {how_long(held + skipped, catching_up.DRAIN_RATE)}{' and more' if self.is_much else ''}."

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    def close(self) -> None:
        """Leave things as they are."""
        self.is_open = False

    @rx.event
    @needs(permissions.WEBHOOKS_WRITE)
    async def enable(self, form: dict[str, Any]) -> Any:
        """Start the webhook; where it missed more than is sent at once, go to the replay that makes the rest."""
        missed = "skip" if form.get("missed") == "skip" else "send"
        self.busy, self.problem = True, ""
        yield
        try:
            replay_id = await bridge.call(self, _enable, write=True, webhook_id=last_part(self), missed=missed)
        except CrossdockError as error:
            self.problem = error.detail
            return
        finally:
            self.busy = False
        self.is_open = False
        if replay_id:
            yield rx.redirect(f"{REPLAYS}/{replay_id}")
        else:
            page = await self.get_state(WebhookState)
            await page._fetch()  # noqa: SLF001 - the page shows its new status at once
        yield rx.toast.info("Enabled. What it missed goes out now." if missed == "send" else "Enabled. What it missed stays skipped.")


def _enable(session: Session, *, actor: Actor, webhook_id: str, missed: str) -> str:
    """Enable a webhook; the id of the replay that sends the rest of what it missed, empty if there is none."""
    before = {replay.id for replay in _missed(session, actor, webhook_id)}
    webhooks.enable(session, actor=actor, webhook_id=webhook_id, missed=missed)
    return next((replay.id for replay in _missed(session, actor, webhook_id) if replay.id not in before), "")


def _missed(session: Session, actor: Actor, webhook_id: str) -> list[Any]:
    page = replays.list_replays(session, actor=actor, status="running", limit=_LATEST)
    return [replay for replay in page.data if replay.kind == Kind.MISSED and replay.webhook_id == webhook_id]


def _some(number: int, one: str, many: str) -> str:
    shown = f"{words.number(number)}+" if number >= pagination.COUNT_CAP else words.number(number)
    return f"{shown} {one if number == 1 else many}"
