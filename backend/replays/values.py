"""The values that the services of replays take and give back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from backend.core import clock
from backend.models import Delivery, ReplayItem


class Status(StrEnum):
    """Where a replay stands."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


class Kind(StrEnum):
    """What a replay goes through: all that a filter means, chosen deliveries, one event's webhooks, what a webhook missed."""

    FILTER = "filter"
    SELECTION = "selection"
    EVENT = "event"
    MISSED = "missed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayFilter:
    """Which deliveries are meant, as in their list; None does not restrict, `until` is exclusive. Test sends never are.

    `ids` are deliveries, at most 1,000; `q` is the beginning of an id, or a value in the payload.
    """

    webhook_id: str | None = None
    event: str | None = None
    status: str | None = None
    status_code: int | None = None
    error_class: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: tuple[str, ...] | None = None
    q: str | None = None

    def document(self) -> dict[str, Any]:
        """What restricts, as it is stored and shown."""
        given = {name: value for name, value in asdict(self).items() if value is not None and value not in {"", ()}}
        return {name: clock.rfc3339(value) if isinstance(value, datetime) else value for name, value in given.items()}

    @classmethod
    def of(cls, document: dict[str, Any]) -> ReplayFilter:
        """From what `document` made."""
        since, until, chosen = document.get("since"), document.get("until"), document.get("ids")
        return cls(
            webhook_id=document.get("webhook_id"),
            event=document.get("event"),
            status=document.get("status"),
            status_code=document.get("status_code"),
            error_class=document.get("error_class"),
            since=datetime.fromisoformat(since) if since else None,
            until=datetime.fromisoformat(until) if until else None,
            ids=tuple(chosen) if chosen else None,
            q=document.get("q"),
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """What a replay would send: how many, exactly, the newest few of them, and how many go to each webhook, by its id."""

    count: int
    sample: list[Delivery]
    webhooks: dict[str, int]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay is. `queued` became deliveries: `waiting` (sending and retrying too), `delivered`, `failed` or `cancelled`.

    `skipped` could not go; `remaining` have not had their turn. `eta_seconds` is when the last one is made; None unless it runs.
    """

    total: int
    queued: int
    waiting: int
    delivered: int
    failed: int
    cancelled: int
    skipped: int
    remaining: int
    eta_seconds: float | None


@dataclass(frozen=True, slots=True)
class ItemDetail:
    """One item, its new delivery (None if it was skipped), `status` (that of the delivery, or skipped) and a sentence about it.

    `event_type` is None where the event is no longer kept.
    """

    item: ReplayItem
    delivery: Delivery | None
    status: str
    sentence: str
    event_type: str | None = None
