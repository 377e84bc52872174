"""Owns one delivery's page: its story, and what can be done about it."""

from __future__ import annotations

from typing import Any

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.core.errors import NotFound
from backend.deliveries import service as deliveries
from backend.webhooks import service as webhooks
from console import bridge, live
from console.auth import needs
from console.pages.deliveries.rows import AttemptRow, DeliveryDetail, attempt_row, delivery_detail
from console.urls import last_part


class DeliveryState(rx.State):
    """One delivery."""

    delivery: DeliveryDetail = DeliveryDetail()
    attempts: list[AttemptRow] = []  # noqa: RUF012 - the framework copies it
    latest: str = ""
    missing: bool = False
    busy: str = ""

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    async def load(self) -> None:
        """Read the delivery that the address names."""
        if self.delivery.id != last_part(self):
            self.delivery, self.attempts = DeliveryDetail(), []
        self.missing, self.busy = False, ""
        await self._fetch()

    @rx.event(background=True)
    @needs(permissions.WEBHOOKS_READ)
    async def follow(self) -> None:
        """Keep it up to date while it is open."""
        async for _ in live.changes(self):
            async with self:
                await self._fetch()

    @rx.event
    @needs(permissions.WEBHOOKS_OPERATE)
    async def retry(self) -> Any:
        """Send it again now."""
        self.busy = "retry"
        yield
        try:
            await bridge.call(self, deliveries.retry, write=True, delivery_id=self.delivery.id)
        finally:
            self.busy = ""
        await self._fetch()
        yield rx.toast.info("On its way again.")

    @rx.event
    @needs(permissions.WEBHOOKS_OPERATE)
    async def cancel(self) -> Any:
        """Stop trying."""
        await bridge.call(self, deliveries.cancel, write=True, delivery_id=self.delivery.id)
        await self._fetch()
        yield rx.toast.info("Cancelled. It can still be retried by hand.")

    async def _fetch(self) -> None:
        delivery_id = last_part(self)

        def work(session: Session, actor: Actor) -> tuple[Any, ...]:
            found = deliveries.get(session, actor=actor, delivery_id=delivery_id)
            sentence = deliveries.explain_all(session, actor=actor, deliveries=[found])[found.id]
            try:
                name = webhooks.get(session, actor=actor, webhook_id=found.webhook_id).name
            except NotFound:
                name = ""
            return found, sentence, name, deliveries.attempts(session, actor=actor, delivery_id=delivery_id)

        try:
            found, sentence, name, attempts = await bridge.read(self, work)
        except NotFound:
            self.missing = True
            return
        self.delivery = delivery_detail(found, name, sentence)
        self.attempts = [attempt_row(detail) for detail in reversed(attempts)]
        self.latest = self.attempts[-1].id if self.attempts else ""
