"""What the routes of replays take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from backend.core.web import Body, ListOut, Out
from backend.deliveries.schemas import DeliveryOut
from backend.models import Delivery, Replay
from backend.replays.service import MAX_IDS, MAX_REASON, ItemDetail, Preview, Progress, ReplayFilter

_RATE = "Items a second, 0.1 to 1,000; 50 if left out. Never more than 105 % of it in any second."
_REASON = "Why; shown beside every delivery that it makes."
_DRY_RUN = "Only count: answers 200 with `count` and `sample`, and replays nothing."


class WebhookFilterIn(Body):
    """Which of a webhook's deliveries are meant; what is left out does not restrict. Test sends never are."""

    event: str | None = Field(default=None, max_length=100, description="Only this event type.", examples=["order.created"])
    status: str | None = Field(
        default=None,
        max_length=200,
        description="delivered, dead, cancelled, retrying, several by commas; PENDING, RETRYING, SUCCESS, FAILED too.",
        examples=["dead"],
    )
    status_code: int | None = Field(
        default=None, ge=100, le=599, description="Only those whose last answer had this status.", examples=[503]
    )
    error_class: str | None = Field(
        default=None, max_length=24, description="Only those whose last attempt failed like this.", examples=["tls"]
    )
    since: datetime | None = Field(default=None, description="Accepted at this moment or later.")
    until: datetime | None = Field(default=None, description="Accepted before this moment.")
    ids: list[str] | None = Field(default=None, description=f"These deliveries, at most {MAX_IDS:,}.")
    q: str | None = Field(
        default=None, max_length=200, description="The beginning of an id, or a value in the payload of one of the newest 10,000 events."
    )

    def wanted(self, webhook_id: str | None) -> ReplayFilter:
        """As the service takes it."""
        return ReplayFilter(
            webhook_id=webhook_id,
            event=self.event,
            status=self.status,
            status_code=self.status_code,
            error_class=self.error_class,
            since=self.since,
            until=self.until,
            ids=tuple(self.ids) if self.ids is not None else None,
            q=self.q,
        )


class FilterIn(WebhookFilterIn):
    """Which deliveries are meant, as in their list; what is left out does not restrict. Test sends never are.

    Each event goes to each webhook once: a delivery that a replay sent again is left out where that replay is meant itself, or has
    mended the failure. Deliveries named by `ids` go in any case.
    """

    webhook_id: str | None = Field(default=None, max_length=64, description="Only deliveries of this webhook.")


class _Wish(Body):
    rate: float | None = Field(default=None, description=_RATE, examples=[50])
    reason: str = Field(default="", max_length=MAX_REASON, description=_REASON, examples=["The receiver lost them on Monday."])
    dry_run: bool = Field(default=False, description=_DRY_RUN)


class ReplayCreate(_Wish):
    """Send deliveries again: those that the filter means at this moment."""

    filter: FilterIn


class WebhookReplayCreate(_Wish):
    """Send deliveries of this webhook again; all of them without a filter."""

    filter: WebhookFilterIn = Field(default_factory=WebhookFilterIn)


class EventReplayCreate(Body):
    """Send an event again, to every webhook that takes it now or to one."""

    webhook_id: str | None = Field(default=None, max_length=64, description="Only to this webhook, whether it takes the event or not.")
    reason: str = Field(default="", max_length=MAX_REASON, description=_REASON)


class PreviewOut(Out):
    """What a replay would send."""

    count: int = Field(description="How many deliveries match now, exactly.")
    sample: list[DeliveryOut] = Field(description="The newest ten of them.")

    @classmethod
    def of(cls, preview: Preview, explanations: dict[str, str]) -> PreviewOut:
        """From what the service says, and the sentences about the sample."""
        return cls(count=preview.count, sample=[DeliveryOut.of(each, explanations[each.id]) for each in preview.sample])


class ReplayOut(Out):
    """A replay, and how far it is."""

    id: str
    kind: str = Field(description="filter, selection (chosen ids), event, or missed (what a webhook missed while it was disabled)")
    status: str = Field(description="running, paused, cancelled or done (everything is made; see `waiting` for what is not yet sent)")
    webhook_id: str | None
    filter: dict[str, Any]
    rate: float | None = Field(description="Items a second; null for all at once.")
    reason: str
    total: int = Field(description="Items that it has, as counted when it began; when it is done, those that it had.")
    queued: int = Field(description="Items that became a new delivery.")
    waiting: int = Field(description="Of these, the ones that are not finished: waiting, sending or retrying.")
    delivered: int
    failed: int
    cancelled: int
    skipped: int = Field(description="Items that could not go; each says why.")
    remaining: int = Field(description="Items that have not had their turn.")
    eta_seconds: float | None = Field(description="In how many seconds the last item has its turn, while it runs.")
    created_by: str
    created_by_name: str
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, replay: Replay, progress: Progress) -> ReplayOut:
        """From its row and its progress."""
        return cls(
            id=replay.id,
            kind=replay.kind,
            status=replay.status,
            webhook_id=replay.webhook_id,
            filter=replay.filter,
            rate=replay.rate,
            reason=replay.reason,
            total=progress.total,
            queued=progress.queued,
            waiting=progress.waiting,
            delivered=progress.delivered,
            failed=progress.failed,
            cancelled=progress.cancelled,
            skipped=progress.skipped,
            remaining=progress.remaining,
            eta_seconds=progress.eta_seconds,
            created_by=replay.created_by,
            created_by_name=replay.created_by_name,
            created_at=replay.created_at,
            finished_at=replay.finished_at,
        )


class ReplayList(ListOut[ReplayOut]):
    """One page, newest first."""


class ReplayItemOut(Out):
    """One event for one webhook in a replay, and what came of it."""

    id: str
    event_id: str
    event: str | None = Field(description="The event's type; null for an item that was skipped.")
    webhook_id: str
    source_id: str | None = Field(description="The delivery that is replayed.")
    delivery_id: str | None = Field(description="The new delivery; null for an item that was skipped.")
    outcome: str = Field(description="skipped, or the status of the new delivery")
    explanation: str = Field(description="Why it was skipped, or where the delivery stands, in one sentence.")
    created_at: datetime

    @classmethod
    def of(cls, detail: ItemDetail) -> ReplayItemOut:
        """From what the service says."""
        item, delivery = detail.item, detail.delivery
        return cls(
            id=item.id,
            event_id=item.event_id,
            event=_event_type(delivery),
            webhook_id=item.webhook_id,
            source_id=item.source_id,
            delivery_id=item.delivery_id,
            outcome=detail.status,
            explanation=detail.sentence,
            created_at=item.created_at,
        )


class ReplayItemList(ListOut[ReplayItemOut]):
    """One page, newest first."""


def _event_type(delivery: Delivery | None) -> str | None:
    return delivery.event_type if delivery is not None else None
