"""Owns the receiver's page: its inboxes, what arrives as it arrives, and how it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.models import ReceiverRequest
from backend.receiver import service as receiver
from console import bridge, words
from console.auth import needs
from console.states import Page
from console.urls import query, with_query

PATH = "/settings/receiver"
_SHOWN = 50


@dataclass
class ArrivalRow:
    """One request that arrived."""

    id: str
    method: str
    event: str
    answered: str
    verdict: str
    is_signed: bool
    remote: str
    at: str
    headers: list[list[str]] = field(default_factory=list)
    body: str = ""


class ReceiverState(Page, rx.State):
    """One inbox."""

    READS: ClassVar = permissions.WEBHOOKS_READ
    inboxes: list[dict[str, str]] = []  # noqa: RUF012 - the framework copies it
    rows: list[ArrivalRow] = []  # noqa: RUF012
    inbox_id: str = ""
    url: str = ""
    hook_url: str = ""
    mode: str = ""
    latest: str = ""

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    async def load(self) -> None:
        """Read the inbox that the address names, else the first; make it where there is none."""
        self.loading = True
        inboxes = await bridge.call(self, receiver.list_inboxes)
        if not inboxes and permissions.allows(await bridge.actor(self), permissions.WEBHOOKS_OPERATE):
            await bridge.call(self, receiver.ensure_inbox, write=True)
        await self._fetch()

    @rx.event
    @needs(permissions.WEBHOOKS_OPERATE)
    async def set_mode(self, mode: str) -> None:
        """Tell it how to answer."""
        self.mode = (await bridge.call(self, receiver.set_mode, write=True, inbox_id=self.inbox_id, mode=mode)).mode

    @rx.event
    @needs(permissions.WEBHOOKS_OPERATE)
    async def add(self) -> rx.event.EventSpec:
        """Another inbox."""
        made = await bridge.call(self, receiver.create_inbox, write=True, name=f"Receiver {len(self.inboxes) + 1}")
        return rx.redirect(with_query(PATH, inbox=made.id))

    @rx.event
    @needs(permissions.WEBHOOKS_OPERATE)
    async def clear(self) -> None:
        """Forget what arrived."""
        await bridge.call(self, receiver.clear, write=True, inbox_id=self.inbox_id)
        await self._fetch()

    async def _fetch(self) -> None:
        wanted = query(self, "inbox")["inbox"]

        def work(session: Session, actor: Actor) -> tuple[Any, Any, Any]:
            inboxes = receiver.list_inboxes(session, actor=actor)
            chosen = next((inbox for inbox in inboxes if inbox.id == wanted), inboxes[0] if inboxes else None)
            if chosen is None:
                return inboxes, None, []
            return inboxes, chosen, receiver.requests(session, actor=actor, inbox_id=chosen.id, limit=_SHOWN).data

        try:
            inboxes, chosen, arrived = await bridge.read(self, work)
        finally:
            self.loading = False
        self.inboxes = [{"id": inbox.id, "name": inbox.name, "to": with_query(PATH, inbox=inbox.id)} for inbox in inboxes]
        if chosen is None:
            self.inbox_id, self.rows = "", []
            return
        self.inbox_id, self.mode, self.url = chosen.id, chosen.mode, receiver.url(chosen)
        self.hook_url = with_query("/settings/webhooks/new", url=self.url)
        self.rows = [_row(request) for request in arrived]
        self.latest = self.rows[0].id if self.rows else ""


def _row(request: ReceiverRequest) -> ArrivalRow:
    headers = [[str(name), str(value)] for name, value in request.headers]
    by_name = {name.lower(): value for name, value in headers}
    verdict = request.verdict or "Not checked."
    return ArrivalRow(
        id=request.id,
        method=request.method,
        event=by_name.get("x-webhook-event", ""),
        answered=request.answered,
        verdict=verdict,
        is_signed=verdict.startswith("Verified"),
        remote=request.remote,
        at=words.moment(request.created_at),
        headers=headers,
        body=words.readable(request.body)[0],
    )
