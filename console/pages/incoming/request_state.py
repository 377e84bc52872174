"""Owns one stored request's page."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.incoming import replaying, requests
from backend.incoming import service as incoming
from console import bridge
from console.auth import needs
from console.pages.incoming.rows import ArrivalDetail, arrival_detail
from console.states import Detail
from console.urls import parts


class ArrivalState(Detail, rx.State):
    """One request: what arrived, and the verdict of each step."""

    READS: ClassVar = permissions.INCOMING_READ
    arrival: ArrivalDetail = ArrivalDetail()
    webhook: str = ""
    webhook_id: str = ""
    busy: bool = False

    @rx.event
    @needs(permissions.INCOMING_OPERATE)
    async def replay(self) -> Any:
        """Process it again by the settings of now."""
        self.busy = True
        yield
        try:
            incoming_id, request_id = parts(self)[-2:]
            row = await bridge.call(self, replaying.replay, write=True, incoming_id=incoming_id, request_id=request_id)
            await self._fetch()
            yield rx.toast.info(f"Replayed: {row.status}.")
        finally:
            self.busy = False

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        if anew:
            self.arrival, self.webhook, self.webhook_id = ArrivalDetail(), "", ""

    def _wanted(self) -> str:
        return "/".join(parts(self)[-2:])

    @staticmethod
    def _read(session: Session, actor: Actor, wanted: str) -> tuple[Any, ...]:
        incoming_id, _, request_id = wanted.partition("/")
        webhook = incoming.get(session, actor=actor, incoming_id=incoming_id)
        return webhook, *requests.get(session, actor=actor, incoming_id=incoming_id, request_id=request_id)

    def _show(self, found: tuple[Any, ...]) -> None:
        webhook, row, shown = found
        self.webhook, self.webhook_id = webhook.name, webhook.id
        self.arrival = arrival_detail(row, shown, webhook.module or "orders", webhook.action)
