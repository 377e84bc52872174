"""Owns the overview: first steps, four figures, what needs attention, the latest failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.deliveries import service as deliveries
from backend.monitoring import service as monitoring
from backend.monitoring.values import Attention, Need, Overview
from backend.webhooks import service as webhooks
from console import bridge, words
from console.auth import needs
from console.components.chart import RANGES, Line, chosen, lines
from console.pages.deliveries.rows import DeliveryRow, delivery_row
from console.states import Page
from console.urls import query

_PLACES: Final = {
    "webhook": "webhooks",
    "integration": "integrations",
    "key": "api-keys",
    "limit": "api-keys",
}  # by what a need begins with


@dataclass
class NeedRow:
    """One thing that needs attention."""

    id: str
    tone: str
    name: str
    sentence: str
    path: str
    at: str


class OverviewState(Page, rx.State):
    """The overview."""

    READS: ClassVar = permissions.METRICS_READ
    steps: dict[str, bool] = {}  # noqa: RUF012 - the framework copies it
    are_steps_done: bool = False
    has_traffic: bool = False
    range: str = "24h"
    step: str = "hour"
    delivered: str = "–"
    delivered_hint: str = ""
    delivered_line: str = ""
    p95: str = "–"
    p95_line: str = ""
    waiting: str = "–"
    failed_line: str = ""
    rate: str = "–"
    rate_line: str = ""
    attention: list[NeedRow] = []  # noqa: RUF012
    failures: list[DeliveryRow] = []  # noqa: RUF012
    advice: dict[str, str] = {}  # noqa: RUF012

    @rx.event
    @needs(permissions.METRICS_READ)
    async def load(self) -> None:
        """Read it."""
        await self._fetch()

    async def _fetch(self) -> None:
        self.range = chosen(query(self, "range")["range"], "24h")
        hours = RANGES[self.range][1]

        def work(session: Session, actor: Actor) -> tuple[Overview, dict[str, str]]:
            seen = monitoring.overview(session, actor=actor, hours=hours)
            wanted = {delivery.webhook_id for delivery in seen.latest_failures}
            return seen, webhooks.names(session, actor=actor, webhook_ids=wanted)

        try:
            seen, names = await bridge.read(self, work)
        finally:
            self.loading = False
        first = seen.first_steps
        self.steps = {"key": first.has_key, "webhook": first.has_webhook, "event": first.has_event, "delivered": first.has_delivered}
        self.are_steps_done = first.are_done
        self.has_traffic = first.has_event or bool(seen.delivered or seen.failed)
        self._draw(seen)
        self.attention = [_need(item) for item in seen.attention]
        self.failures = [delivery_row(delivery, names.get(delivery.webhook_id, "")) for delivery in seen.latest_failures]
        self.advice = {delivery.id: deliveries.advise(delivery) or "" for delivery in seen.latest_failures}

    def _draw(self, seen: Overview) -> None:
        total, back = seen.delivered + seen.failed, RANGES[self.range][0]
        self.step = "minute" if self.range == "1h" else "hour"
        self.delivered = words.percent(seen.delivered, total)
        self.delivered_hint = f"of {words.attempts(total)} in {back}" if total else f"no attempts in {back}"
        points = seen.delivery_points
        at = [point.starts_at for point in points]
        self.delivered_line = lines(at, Line("green", [point.delivered for point in points], lambda number: f"{number:,} succeeded"))
        self.failed_line = lines(at, Line("red", [point.failed for point in points], lambda number: f"{number:,} failed"))
        self.p95 = words.duration(seen.p95_ms)
        self.p95_line = lines(at, Line("accent", [point.p95_ms for point in points], words.duration))
        self.waiting = words.span(seen.oldest_waiting_seconds) if seen.oldest_waiting_seconds is not None else "None"
        self.rate = words.number(seen.requests_per_minute)
        requests = seen.request_points
        self.rate_line = lines(
            [point.starts_at for point in requests],
            Line("accent", [point.total for point in requests], lambda number: f"{number:,} requests"),
        )


def _need(item: Attention) -> NeedRow:
    return NeedRow(
        id=f"{item.need}/{item.target_id}",
        tone="bad" if item.need in (Need.WEBHOOK_DISABLED, Need.INTEGRATION_RECONNECT) else "wait",
        name=item.target_name,
        sentence=item.sentence,
        path=f"/settings/{_PLACES[item.need.partition('_')[0]]}/{item.target_id}",
        at=words.moment(item.at),
    )
