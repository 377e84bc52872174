"""Owns one delivery's page: its story, and what can be done about it."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.core.errors import Conflict, NotFound
from backend.deliveries import service as deliveries
from backend.replays import service as replays
from backend.webhooks import service as webhooks
from console import bridge, words
from console.auth import needs
from console.pages.deliveries.rows import AttemptRow, DeliveryDetail, attempt_row, delivery_detail
from console.states import Detail


class DeliveryState(Detail, rx.State):
    """One delivery."""

    READS: ClassVar = permissions.WEBHOOKS_READ
    delivery: DeliveryDetail = DeliveryDetail()
    attempts: list[AttemptRow] = []  # noqa: RUF012 - the framework copies it
    latest: str = ""
    busy: str = ""

    @rx.event
    @needs(permissions.WEBHOOKS_OPERATE)
    async def retry(self) -> Any:
        """Send it again now; one that is on its way already is only shown as it is."""
        self.busy = "retry"
        yield
        try:
            await bridge.call(self, deliveries.retry, write=True, delivery_id=self.delivery.id)
            yield rx.toast.info("On its way again.")
        except Conflict:
            await self._fetch()
            if self.delivery.status != "sending":
                raise
            return
        finally:
            self.busy = ""
        await self._fetch()

    @rx.event
    @needs(permissions.WEBHOOKS_OPERATE)
    async def cancel(self) -> Any:
        """Stop trying."""
        await bridge.call(self, deliveries.cancel, write=True, delivery_id=self.delivery.id)
        await self._fetch()
        yield rx.toast.info("Cancelled. It can still be retried by hand.")

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        self.busy = ""
        if anew:
            self.delivery, self.attempts = DeliveryDetail(), []

    @staticmethod
    def _read(session: Session, actor: Actor, wanted: str) -> tuple[Any, ...]:
        found = deliveries.get(session, actor=actor, delivery_id=wanted)
        explained = deliveries.explain_one(session, actor=actor, delivery=found, told=words.moment)
        try:
            name = webhooks.get(session, actor=actor, webhook_id=found.webhook_id).name
        except NotFound:
            name = ""
        return found, explained, name, _who(session, actor, found.replay_id), deliveries.attempts(session, actor=actor, delivery_id=wanted)

    def _show(self, found: tuple[Any, ...]) -> None:
        delivery, (sentence, hold), name, replay_by, attempts = found
        self.delivery = delivery_detail(delivery, name, sentence, hold, replay_by)
        self.attempts = [attempt_row(detail) for detail in reversed(attempts)]
        self.latest = self.attempts[-1].id if self.attempts else ""


def _who(session: Session, actor: Actor, replay_id: str | None) -> str:
    """Who asked for a replay; empty for none, and for one that is not kept any more."""
    if replay_id is None:
        return ""
    try:
        return replays.get(session, actor=actor, replay_id=replay_id).created_by_name
    except NotFound:
        return ""
